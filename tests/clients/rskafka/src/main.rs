// rskafka against a cluster: see ../../README.md. The library knows no groups and no settings, so
// those steps are left out.
use chrono::{DateTime, TimeZone, Utc};
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::ClientBuilder;
use rskafka::record::Record;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PARTITIONS: i32 = 6;
const COUNT: i64 = 3000;

type Failure = Box<dyn std::error::Error>;

fn record(base: i64, i: i64) -> Record {
    Record {
        key: Some(format!("k{i}").into_bytes()),
        value: Some(format!("v{i}").into_bytes()),
        headers: BTreeMap::from([("n".to_owned(), i.to_string().into_bytes())]),
        timestamp: time(base, i),
    }
}

fn time(base: i64, i: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(base + i * 1000).unwrap()
}

/// Reads from `offset` to the end; each record must be the one that was written.
async fn read(
    client: &PartitionClient,
    base: i64,
    mut offset: i64,
    seen: &mut HashSet<i64>,
) -> Result<(), Failure> {
    let end = client.get_offset(OffsetAt::Latest).await?;
    while offset < end {
        let (records, _) = client.fetch_records(offset, 1..1_000_000, 1000).await?;
        for found in records {
            let key = String::from_utf8(found.record.key.clone().unwrap_or_default())?;
            let i: i64 = key[1..].parse()?;
            if found.record != record(base, i) {
                return Err(format!("differs: {:?}", found.record).into());
            }
            if !seen.insert(i) {
                return Err(format!("record {i} was read twice").into());
            }
            offset = found.offset + 1;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let servers = std::env::args().nth(1).ok_or("usage: client BOOTSTRAP")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let base = now.as_millis() as i64 - 3_600_000;
    let topic = format!("rskafka-{}", now.as_nanos());
    let client = ClientBuilder::new(servers.split(',').map(str::to_owned).collect())
        .build()
        .await?;
    let controller = client.controller_client()?;
    controller.create_topic(&topic, PARTITIONS, 3, 5_000).await?;
    let deadline = Instant::now() + Duration::from_secs(20);
    while !client.list_topics().await?.iter().any(|t| t.name == topic) {
        if Instant::now() > deadline {
            return Err("the topic is not listed".into());
        }
    }
    println!("created {topic}");

    let mut parts = Vec::new();
    for p in 0..PARTITIONS {
        parts.push(client.partition_client(&topic, p, UnknownTopicHandling::Retry).await?);
    }
    let codecs = [
        Compression::NoCompression,
        Compression::Gzip,
        Compression::Lz4,
        Compression::Snappy,
        Compression::Zstd,
    ];
    for (p, part) in parts.iter().enumerate() {
        let own = (0..COUNT).filter(|i| *i % i64::from(PARTITIONS) == p as i64);
        let records: Vec<Record> = own.map(|i| record(base, i)).collect();
        for (n, chunk) in records.chunks(100).enumerate() {
            part.produce(chunk.to_vec(), codecs[n % codecs.len()]).await?;
        }
    }
    println!("wrote {COUNT}");

    let mut seen = HashSet::new();
    for part in &parts {
        let start = part.get_offset(OffsetAt::Earliest).await?;
        read(part, base, start, &mut seen).await?;
    }
    if seen.len() as i64 != COUNT {
        return Err(format!("{} of {COUNT} were read", seen.len()).into());
    }
    println!("read {COUNT}");

    let mut late = HashSet::new();
    for part in &parts {
        let at = part.get_offset(OffsetAt::Timestamp(time(base, 1000))).await?;
        read(part, base, at, &mut late).await?;
    }
    if late.len() as i64 != COUNT - 1000 || late.iter().any(|i| *i < 1000) {
        return Err(format!("{} were read by time", late.len()).into());
    }
    println!("read by time");
    controller.delete_topic(&topic, 5_000).await?;
    println!("deleted");
    Ok(())
}
