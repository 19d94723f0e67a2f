"""aiokafka: see ../README.md."""
import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from steps import BASE_MS, COUNT, MORE, PARTITIONS, Seen, check, record, topic_name

SERVERS = sys.argv[1]
topic = topic_name("aiokafka")
group = "g-" + topic


async def wait_for(condition, what, seconds=60):
    end = asyncio.get_running_loop().time() + seconds
    while not await condition():
        check(asyncio.get_running_loop().time() < end, what)
        await asyncio.sleep(0.02)


async def create(admin):
    await admin.create_topics([NewTopic(topic, PARTITIONS // 2, 3)])
    await admin.create_partitions({topic: NewPartitions(PARTITIONS)})
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic,
                                              configs={"retention.ms": "86400000"})])

    async def altered():
        asked = ConfigResource(ConfigResourceType.TOPIC, topic)
        return "86400000" in str(await admin.describe_configs([asked]))

    async def grown():
        return len((await admin.describe_topics([topic]))[0]["partitions"]) == PARTITIONS

    await wait_for(altered, "retention.ms is not altered", 20)
    await wait_for(grown, "partitions are missing", 20)
    print("created, altered and described", topic)


async def write(start, n):
    producer = AIOKafkaProducer(bootstrap_servers=SERVERS, enable_idempotence=True, linger_ms=5)
    await producer.start()
    futures = []
    for i in range(start, start + n):
        key, value, timestamp, headers = record(i)
        futures.append(await producer.send(topic, value, key, timestamp_ms=timestamp,
                                           headers=headers))
    await asyncio.gather(*futures)
    await producer.stop()
    print("wrote", n)


async def join():
    member = AIOKafkaConsumer(topic, bootstrap_servers=SERVERS, group_id=group,
                              auto_offset_reset="earliest", enable_auto_commit=False,
                              session_timeout_ms=6000, heartbeat_interval_ms=500)
    await member.start()
    return member


async def poll(seen, *members):
    for member in members:
        for messages in (await member.getmany(timeout_ms=100)).values():
            for m in messages:
                seen.note(m.key, m.value, m.timestamp, m.headers)


async def read_two():
    seen = Seen()
    a, b = await asyncio.gather(join(), join())

    async def shared():
        await poll(seen, a, b)
        return len(a.assignment()) == len(b.assignment()) == PARTITIONS // 2

    async def all_read():
        await poll(seen, a, b)
        return len(seen) == COUNT

    async def rest_read():
        """A rebalance takes a reader back to what is committed: the positions count."""
        await poll(seen, a)
        parts = a.assignment()
        return (len(seen) == COUNT + MORE and len(parts) == PARTITIONS
                and sum([await a.position(part) for part in parts]) == COUNT + MORE)

    await wait_for(shared, "two members do not share the partitions")
    await wait_for(all_read, f"not all of {COUNT} were read")
    await a.commit()
    await b.commit()
    await b.stop()
    await write(COUNT, MORE)
    await wait_for(rest_read, "not all were read by one")
    await a.commit()
    await a.stop()
    print("read", len(seen), "in a group")


async def come_back(admin):
    offsets = await admin.list_consumer_group_offsets(group)
    total = sum(found.offset for found in offsets.values())
    check(total == COUNT + MORE, f"{total} committed: {offsets}")
    seen = Seen()
    member = await join()
    await write(COUNT + MORE, 1)

    async def read():
        await poll(seen, member)
        return len(seen) > 0

    await wait_for(read, "nothing was read after coming back")
    check(seen.times == {COUNT + MORE: 1}, f"{len(seen)} were read again")
    await member.commit()
    await member.stop()
    print("came back")


async def by_time():
    member = AIOKafkaConsumer(bootstrap_servers=SERVERS, enable_auto_commit=False)
    await member.start()
    parts = [TopicPartition(topic, p) for p in range(PARTITIONS)]
    member.assign(parts)
    found = await member.offsets_for_times({part: BASE_MS + 1000 * 1000 for part in parts})
    for part in parts:
        member.seek(part, found[part].offset)
    want = COUNT + MORE + 1 - 1000
    seen = Seen()

    async def read():
        await poll(seen, member)
        return len(seen) == want

    await wait_for(read, f"not all of {want} were read by time")
    check(min(seen.times) == 1000, f"{min(seen.times)} is from before the time asked for")
    await member.stop()
    print("read by time")


async def main():
    admin = AIOKafkaAdminClient(bootstrap_servers=SERVERS)
    await admin.start()
    await create(admin)
    await write(0, COUNT)
    await read_two()
    await come_back(admin)
    await by_time()
    await admin.delete_topics([topic])
    await admin.close()
    print("deleted")


asyncio.run(main())
