#!/usr/bin/python3
"""confluent-kafka (librdkafka) as programs use it: producers, groups, administration; and records
that one client writes and another reads."""
import os
import subprocess
import time

import kafka
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import ConfigResource, NewPartitions, NewTopic

from lib import (admin, case, create_topic, main, new_topic, produce_all, read_all, unique,
                 wait_for)

CODECS = ("gzip", "snappy", "lz4", "zstd")


def error_name(call):
    """The name of the Kafka error that a call ends with; fails when it succeeds."""
    try:
        call()
    except KafkaException as error:
        return error.args[0].name()
    raise AssertionError("it succeeded")


def numbers(count):
    return [{"value": str(i).encode()} for i in range(count)]


def group_consumer(cluster, group, topics, on_assign=None, **config):
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group,
                         "auto.offset.reset": "earliest", "session.timeout.ms": 10000,
                         "heartbeat.interval.ms": 1000, **config})
    consumer.subscribe(topics, **({"on_assign": on_assign} if on_assign else {}))
    return consumer


def take(consumer, count, deadline_s=60):
    """The next `count` records of a consumer."""
    found = []

    def more():
        message = consumer.poll(0.2)
        if message is not None:
            assert not message.error(), message.error()
            found.append(message)
        return len(found) >= count
    wait_for(more, deadline_s, f"{count} records, not {len(found)}")
    return found


# ---- what is refused ----
@case
def topics_with_wrong_shapes_are_refused(cluster):
    client = admin(cluster)
    name = unique("wrong")

    def create(*args, **kwargs):
        return error_name(lambda: client.create_topics(
            [NewTopic(*args, **kwargs)], operation_timeout=10, request_timeout=15)
            [args[0]].result(20))
    assert create(name, 1, 100) == "INVALID_REPLICATION_FACTOR"
    assert create("bad name!", 1, 1) == "TOPIC_EXCEPTION"
    assert create("x" * 250, 1, 1) == "TOPIC_EXCEPTION"
    assert create(name, 1, 1, config={"retention.ms": "soon"}) == "INVALID_CONFIG"
    assert create(name, 1, 1, config={"no.such.setting": "1"}) == "INVALID_CONFIG"
    create_topic(cluster, name, 1, 1)
    assert create(name, 1, 1) == "TOPIC_ALREADY_EXISTS"


@case
def unknown_topics_are_refused(cluster):
    client = admin(cluster)
    name = unique("unknown")
    assert error_name(lambda: client.delete_topics([name])[name].result(20)) == \
        "UNKNOWN_TOPIC_OR_PART"
    assert error_name(lambda: client.create_partitions([NewPartitions(name, 3)])[name]
                      .result(20)) == "UNKNOWN_TOPIC_OR_PART"


@case
def fewer_partitions_are_refused(cluster):
    topic = new_topic(cluster, "shrink", partitions=3)
    client = admin(cluster)
    assert error_name(lambda: client.create_partitions([NewPartitions(topic, 2)])[topic]
                      .result(20)) == "INVALID_PARTITIONS"


@case
def too_large_a_record_is_refused(cluster):
    topic = new_topic(cluster, "small", max_message_bytes=1000)
    try:
        produce_all(cluster, topic, [{"value": os.urandom(5000)}])
    except AssertionError as error:
        assert "Message size too large" in str(error), error
    else:
        raise AssertionError("it was accepted")
    assert len(produce_all(cluster, topic, [{"value": b"x" * 100}])) == 1


# ---- producing and reading ----
@case
def idempotent_producer_numbers_without_gaps(cluster):
    topic = new_topic(cluster, "idempotent", partitions=3)
    sent = produce_all(cluster, topic, numbers(3000), **{"enable.idempotence": True})
    assert len(sent) == 3000
    found = read_all(cluster, topic)
    assert sorted(int(m.value()) for ms in found.values() for m in ms) == list(range(3000))
    for messages in found.values():
        assert [m.offset() for m in messages] == list(range(len(messages)))
        values = [int(m.value()) for m in messages]
        assert values == sorted(values), "in order within a partition"


@case
def timestamps_headers_nulls_and_empties_survive(cluster):
    topic = new_topic(cluster, "fields")
    headers = [("a", b"1"), ("a", b"2"), ("none", None), ("empty", b"")]
    records = [{"key": b"k", "value": b"v", "timestamp": 1234567890123, "headers": headers},
               {"key": None, "value": b"v"}, {"key": b"k", "value": None},
               {"key": b"", "value": b""}, {"key": None, "value": None}]
    produce_all(cluster, topic, records)
    found = read_all(cluster, topic)[0]
    assert [(m.key(), m.value()) for m in found] == [(r["key"], r["value"]) for r in records]
    assert found[0].timestamp() == (1, 1234567890123)
    assert found[0].headers() == headers
    assert abs(found[1].timestamp()[1] / 1000 - time.time()) < 60


@case
def log_append_time_is_the_brokers(cluster):
    topic = new_topic(cluster, "append-time", message_timestamp_type="LogAppendTime")
    produce_all(cluster, topic, [{"value": b"v", "timestamp": 1000}])
    kind, when = read_all(cluster, topic)[0][0].timestamp()
    assert kind == 2 and abs(when / 1000 - time.time()) < 60


@case
def same_key_same_partition(cluster):
    topic = new_topic(cluster, "keyed", partitions=5)
    produce_all(cluster, topic, [{"key": f"k{i % 20}".encode(), "value": b"v"}
                                 for i in range(400)])
    place = {}
    for partition, messages in read_all(cluster, topic).items():
        for m in messages:
            assert place.setdefault(m.key(), partition) == partition
    assert len(place) == 20 and len(set(place.values())) > 1


@case
def empty_topics_have_an_end(cluster):
    topic = new_topic(cluster, "empty", partitions=2)
    assert read_all(cluster, topic) == {0: [], 1: []}
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": unique("g")})
    tp = TopicPartition(topic, 0)
    assert consumer.get_watermark_offsets(tp, timeout=10) == (0, 0)
    tp.offset = 1000
    assert consumer.offsets_for_times([tp], timeout=10)[0].offset == -1
    consumer.close()


@case
def megabyte_records(cluster):
    topic = new_topic(cluster, "large", max_message_bytes=2_000_000)
    values = [os.urandom(1_000_000) for _ in range(10)]
    produce_all(cluster, topic, [{"value": v} for v in values],
                **{"message.max.bytes": 2_000_000, "enable.idempotence": True})
    assert [m.value() for m in read_all(cluster, topic)[0]] == values


@case
def seeks_and_offsets_by_time(cluster):
    topic = new_topic(cluster, "seek")
    produce_all(cluster, topic, [{"value": str(i).encode(), "timestamp": 10_000 + i * 10}
                                 for i in range(100)])
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": unique("g")})
    at = consumer.offsets_for_times([TopicPartition(topic, 0, 10_495)], timeout=10)[0].offset
    assert at == 50
    consumer.assign([TopicPartition(topic, 0, at)])
    assert [m.value() for m in take(consumer, 3)] == [b"50", b"51", b"52"]
    consumer.seek(TopicPartition(topic, 0, 7))
    assert take(consumer, 1)[0].value() == b"7"
    consumer.close()


# ---- groups ----
@case
def a_group_goes_on_where_it_committed(cluster):
    topic = new_topic(cluster, "commit")
    group = unique("committing")
    produce_all(cluster, topic, numbers(100))
    first = group_consumer(cluster, group, [topic], **{"enable.auto.commit": False})
    message = take(first, 40)[-1]
    first.commit(message=message, asynchronous=False)
    first.close()
    second = group_consumer(cluster, group, [topic], **{"enable.auto.commit": False})
    assert second.committed([TopicPartition(topic, 0)], timeout=10)[0].offset == 40
    assert [int(m.value()) for m in take(second, 60)] == list(range(40, 100))
    second.close()


@case
def offsets_of_what_does_not_exist_are_refused(cluster):
    topic = new_topic(cluster, "commit")
    client = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": unique("committing")})
    wait_for(lambda: client.committed([TopicPartition(topic, 0)], timeout=5), 30, "a coordinator")
    client.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
    for absent in (TopicPartition(topic, 1, 4), TopicPartition(unique("absent"), 0, 5)):
        assert error_name(lambda: client.commit(
            offsets=[TopicPartition(topic, 0, 9), absent], asynchronous=False)) == \
            "UNKNOWN_TOPIC_OR_PART"
    assert client.committed([TopicPartition(topic, 0)], timeout=10)[0].offset == 9
    client.close()


@case
def members_share_and_take_over(cluster):
    topic = new_topic(cluster, "members", partitions=4)
    group = unique("sharing")
    members = [group_consumer(cluster, group, [topic]) for _ in range(2)]

    def shares():
        for member in members:
            member.poll(0.1)
        return [len(member.assignment()) for member in members]
    wait_for(lambda: shares() == [2, 2], 40, "two partitions each")
    members.pop().close()
    wait_for(lambda: shares() == [4], 40, "all four for the one who stays")
    produce_all(cluster, topic, numbers(40))
    assert len(take(members[0], 40)) == 40
    members[0].close()


@case
def cooperative_members_share(cluster):
    topic = new_topic(cluster, "cooperative", partitions=4)
    group = unique("cooperative")
    strategy = {"partition.assignment.strategy": "cooperative-sticky"}
    members = [group_consumer(cluster, group, [topic], **strategy)]

    def shares():
        for member in members:
            member.poll(0.1)
        return sorted(len(member.assignment()) for member in members)
    wait_for(lambda: shares() == [4], 40, "all four for the first")
    members.append(group_consumer(cluster, group, [topic], **strategy))
    wait_for(lambda: shares() == [2, 2], 40, "two partitions each")
    for member in members:
        member.close()


@case
def static_members_come_back_without_a_rebalance(cluster):
    topic = new_topic(cluster, "static", partitions=2)
    group = unique("static")
    rebalances = []

    def join(name):
        return group_consumer(cluster, group, [topic], lambda *_: rebalances.append(name),
                              **{"group.instance.id": name})
    members = {name: join(name) for name in ("a", "b")}

    def settled():
        for member in members.values():
            member.poll(0.1)
        return all(len(member.assignment()) == 1 for member in members.values())
    wait_for(settled, 40, "one partition each")
    before = rebalances.count("b")
    members["a"].close()
    members["a"] = join("a")
    wait_for(settled, 40, "one partition each again")
    assert rebalances.count("b") == before, "the other one was left alone"
    for member in members.values():
        member.close()


@case
def groups_are_listed(cluster):
    topic = new_topic(cluster, "listed")
    group = unique("listed-group")
    consumer = group_consumer(cluster, group, [topic])
    client = admin(cluster)

    def stable():
        consumer.poll(0.1)
        found = client.list_groups(group, timeout=10)
        return found and found[0].state == "Stable" and len(found[0].members) == 1
    wait_for(stable, 40, "the group is stable with one member")
    assert group in [g.id for g in client.list_groups(timeout=10)]
    consumer.close()
    wait_for(lambda: client.list_groups(group, timeout=10)[0].state == "Empty", 20, "it is empty")


# ---- administration ----
@case
def topics_come_and_go(cluster):
    client = admin(cluster)
    names = [unique(f"many-{i}") for i in range(10)]
    for future in client.create_topics([NewTopic(n, 3, 3) for n in names],
                                       operation_timeout=20).values():
        future.result(30)
    wait_for(lambda: set(names) <= set(cluster.metadata().topics), 20, "they are listed")
    for future in client.delete_topics(names, operation_timeout=20).values():
        future.result(30)
    wait_for(lambda: not set(names) & set(cluster.metadata().topics), 20, "they are gone")


@case
def a_deleted_topic_comes_back_empty(cluster):
    topic = new_topic(cluster, "again")
    produce_all(cluster, topic, numbers(50))
    client = admin(cluster)
    client.delete_topics([topic], operation_timeout=20)[topic].result(30)
    wait_for(lambda: topic not in cluster.metadata().topics, 20, "it is gone")
    create_topic(cluster, topic)
    assert read_all(cluster, topic)[0] == []
    produce_all(cluster, topic, numbers(5))
    assert len(read_all(cluster, topic)[0]) == 5


@case
def partitions_can_be_added(cluster):
    topic = new_topic(cluster, "grow", partitions=1)
    client = admin(cluster)
    client.create_partitions([NewPartitions(topic, 4)], operation_timeout=20)[topic].result(30)
    wait_for(lambda: len(cluster.metadata(topic).partitions) == 4 and all(
        p.leader > 0 for p in cluster.metadata(topic).partitions.values()), 20, "four leaders")
    produce_all(cluster, topic, [{"partition": p, "value": b"v"} for p in range(4)])
    assert all(len(messages) == 1 for messages in read_all(cluster, topic).values())


@case
def topic_settings_are_described_and_changed(cluster):
    topic = new_topic(cluster, "settings", retention_ms=123456)
    client = admin(cluster)

    def describe():
        resource = ConfigResource("topic", topic)
        return client.describe_configs([resource])[resource].result(20)
    found = describe()
    assert found["retention.ms"].value == "123456"
    assert not found["retention.ms"].is_default
    assert found["cleanup.policy"].value == "delete" and found["cleanup.policy"].is_default
    change = ConfigResource("topic", topic, set_config={"segment.bytes": "1048576"})
    client.alter_configs([change])[change].result(20)
    wait_for(lambda: describe()["segment.bytes"].value == "1048576", 20, "the new value")
    assert describe()["retention.ms"].is_default, "the others went back: it replaces them all"
    wrong = ConfigResource("topic", topic, set_config={"segment.bytes": "-3"})
    assert error_name(lambda: client.alter_configs([wrong])[wrong].result(20)) == "INVALID_CONFIG"


@case
def broker_settings_are_described(cluster):
    broker = sorted(cluster.metadata().brokers)[0]
    resource = ConfigResource("broker", str(broker))
    client = admin(cluster)
    found = client.describe_configs([resource])[resource].result(20)
    assert found["node.id"].value == str(broker)
    assert found["node.id"].is_read_only
    assert "log.retention.hours" in found


# ---- one client writes, another reads ----
def texts(codec):
    return [f"{codec} {i} ".encode() * 20 for i in range(200)]


def kcat_reads(cluster, topic):
    run = subprocess.run(["kcat", "-b", cluster.bootstrap, "-C", "-e", "-q", "-t", topic, "-o",
                          "beginning"], capture_output=True, timeout=60, check=True)
    return run.stdout.splitlines()


def kafka_python_reads(cluster, topic):
    consumer = kafka.KafkaConsumer(topic, bootstrap_servers=cluster.bootstrap.split(","),
                                   auto_offset_reset="earliest", consumer_timeout_ms=5000)
    found = []
    for message in consumer:
        found.append(message.value)
        if len(found) == 200:
            break
    consumer.close()
    return found


def confluent_reads(cluster, topic):
    return [m.value() for m in read_all(cluster, topic)[0]]


READERS = (kcat_reads, kafka_python_reads, confluent_reads)


def everybody_reads(cluster, topic, values):
    for reader in READERS:
        assert reader(cluster, topic) == values, f"{reader.__name__} of {topic}"


@case
def all_read_what_confluent_compresses(cluster):
    for codec in CODECS:
        topic = new_topic(cluster, "confluent-" + codec)
        produce_all(cluster, topic, [{"value": v} for v in texts(codec)],
                    **{"compression.type": codec, "linger.ms": 50})
        everybody_reads(cluster, topic, texts(codec))


@case
def all_read_what_kcat_compresses(cluster):
    for codec in CODECS:
        topic = new_topic(cluster, "kcat-" + codec)
        subprocess.run(["kcat", "-b", cluster.bootstrap, "-P", "-t", topic, "-z", codec],
                       input=b"\n".join(texts(codec)) + b"\n", timeout=60, check=True)
        everybody_reads(cluster, topic, texts(codec))


@case
def all_read_what_kafka_python_compresses(cluster):
    for codec in CODECS:
        topic = new_topic(cluster, "python-" + codec)
        producer = kafka.KafkaProducer(bootstrap_servers=cluster.bootstrap.split(","), acks="all",
                                       compression_type=codec, linger_ms=50)
        for value in texts(codec):
            producer.send(topic, value)
        producer.flush(60)
        producer.close()
        everybody_reads(cluster, topic, texts(codec))


@case
def topics_recompress(cluster):
    topic = new_topic(cluster, "recompress", compression_type="lz4")
    produce_all(cluster, topic, [{"value": v} for v in texts("gzip")],
                **{"compression.type": "gzip", "linger.ms": 50})
    everybody_reads(cluster, topic, texts("gzip"))


# ---- many at once ----
@case
def many_producers_one_partition(cluster):
    topic = new_topic(cluster, "crowd")
    producers = [Producer({"bootstrap.servers": cluster.bootstrap, "enable.idempotence": True,
                           "linger.ms": 1}) for _ in range(8)]
    for i in range(200):
        for number, producer in enumerate(producers):
            producer.produce(topic, f"{number}:{i}".encode())
            producer.poll(0)
    for producer in producers:
        assert producer.flush(60) == 0
    found = [m.value().decode().split(":") for m in read_all(cluster, topic)[0]]
    assert len(found) == 1600
    for number in range(8):
        assert [int(i) for n, i in found if n == str(number)] == list(range(200))


main()
