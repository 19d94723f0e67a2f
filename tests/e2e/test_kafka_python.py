#!/usr/bin/python3
"""kafka-python 2.0.2, a client of old protocol versions: the programs of its README and manual."""
import json
import threading
import time

from kafka import (ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer,
                   OffsetAndMetadata, TopicPartition)
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import (MessageSizeTooLargeError, TopicAlreadyExistsError,
                          UnknownTopicOrPartitionError)

from lib import case, main, new_topic, unique, wait_for


def servers(cluster):
    return cluster.bootstrap.split(",")


def producer(cluster, **config):
    return KafkaProducer(bootstrap_servers=servers(cluster), **config)


def consumer(cluster, *topics, **config):
    config = {"auto_offset_reset": "earliest", "consumer_timeout_ms": 20000,
              "session_timeout_ms": 10000, "heartbeat_interval_ms": 1000, **config}
    return KafkaConsumer(*topics, bootstrap_servers=servers(cluster), **config)


def take(reader, count):
    """The next `count` records by iteration, as the manual does it."""
    found = []
    for message in reader:
        found.append(message)
        if len(found) == count:
            return found
    raise AssertionError(f"{len(found)} records in 20 s, not {count}")


# ---- what is refused ----
@case
def errors_have_their_classes(cluster):
    client = KafkaAdminClient(bootstrap_servers=servers(cluster))
    topic = new_topic(cluster, "twice")
    try:
        client.create_topics([NewTopic(topic, 1, 1)])
    except TopicAlreadyExistsError:
        pass
    else:
        raise AssertionError("a topic was created twice")
    try:
        client.delete_topics([unique("nowhere")])
    except UnknownTopicOrPartitionError:
        pass
    else:
        raise AssertionError("an unknown topic was deleted")
    client.close()


@case
def a_record_larger_than_the_topic_allows_fails(cluster):
    topic = new_topic(cluster, "narrow", max_message_bytes=500)
    writer = producer(cluster)
    try:
        writer.send(topic, bytes(1000)).get(timeout=30)
    except MessageSizeTooLargeError:
        pass
    else:
        raise AssertionError("it was accepted")
    writer.send(topic, b"small").get(timeout=30)
    writer.close()


# ---- the README ----
@case
def readme_producer_and_consumer(cluster):
    topic = new_topic(cluster, "foobar")
    writer = producer(cluster)
    for _ in range(100):
        writer.send(topic, b"some_message_bytes")
    future = writer.send(topic, b"another_message")
    result = future.get(timeout=60)
    assert (result.topic, result.partition, result.offset) == (topic, 0, 100)
    writer.flush()
    writer.send(topic, key=b"foo", value=b"bar")
    writer.flush()
    assert writer.metrics()
    writer.close()
    reader = consumer(cluster, topic)
    found = take(reader, 102)
    assert [m.value for m in found] == [b"some_message_bytes"] * 100 + [b"another_message", b"bar"]
    assert found[-1].key == b"foo" and found[-1].offset == 101
    assert reader.metrics()
    reader.close()


@case
def readme_json_values_and_string_keys(cluster):
    topic = new_topic(cluster, "fizzbuzz")
    writer = producer(cluster, key_serializer=str.encode,
                      value_serializer=lambda v: json.dumps(v).encode("utf-8"))
    for i in range(50):
        writer.send(topic, key="ping", value={"foo": "bär", "number": i, "none": None})
    writer.flush()
    writer.close()
    reader = consumer(cluster, topic, key_deserializer=bytes.decode, value_deserializer=json.loads)
    found = take(reader, 50)
    assert [m.value for m in found] == [{"foo": "bär", "number": i, "none": None}
                                        for i in range(50)]
    assert {m.key for m in found} == {"ping"}
    reader.close()


@case
def readme_headers_and_compression(cluster):
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        topic = new_topic(cluster, "headers-" + codec)
        writer = producer(cluster, compression_type=codec, linger_ms=20)
        for i in range(100):
            writer.send(topic, value=b"c29tZSB2YWx1ZQ==" * 10,
                        headers=[("content-encoding", b"base64"), ("n", str(i).encode())])
        writer.flush()
        writer.close()
        reader = consumer(cluster, topic)
        for i, message in enumerate(take(reader, 100)):
            assert message.value == b"c29tZSB2YWx1ZQ==" * 10
            assert message.headers == [("content-encoding", b"base64"), ("n", str(i).encode())]
        reader.close()


@case
def readme_manual_assignment(cluster):
    topic = new_topic(cluster, "assigned", partitions=3)
    writer = producer(cluster)
    for partition in range(3):
        writer.send(topic, str(partition).encode(), partition=partition).get(timeout=30)
    writer.close()
    reader = consumer(cluster)
    reader.assign([TopicPartition(topic, 2)])
    message = next(reader)
    assert (message.partition, message.value) == (2, b"2")
    reader.close()


# ---- the manual ----
@case
def usage_callbacks_and_retries(cluster):
    topic = new_topic(cluster, "callbacks", partitions=3)
    writer = producer(cluster, retries=5, acks="all")
    sent, failed = [], []
    for i in range(300):
        writer.send(topic, str(i).encode()).add_callback(sent.append).add_errback(failed.append)
    writer.flush()
    writer.close()
    assert len(sent) == 300 and not failed
    assert sum(1 for r in sent if r.partition == 0) > 0


@case
def usage_consumer_times_out_when_nothing_comes(cluster):
    topic = new_topic(cluster, "silent")
    reader = consumer(cluster, topic, consumer_timeout_ms=1000)
    start = time.monotonic()
    assert list(reader) == []
    assert time.monotonic() - start < 10
    reader.close()


@case
def usage_patterns_find_new_topics(cluster):
    prefix = unique("awesome")
    reader = consumer(cluster, group_id=unique("pattern"), metadata_max_age_ms=1000)
    reader.subscribe(pattern=f"^{prefix}-.*")
    topic = new_topic(cluster, prefix + "-one")
    writer = producer(cluster)
    writer.send(topic, b"found").get(timeout=30)
    writer.close()
    assert take(reader, 1)[0].topic == topic
    reader.close()


@case
def seeks_positions_and_ends(cluster):
    topic = new_topic(cluster, "seek")
    writer = producer(cluster, acks="all")  # otherwise the end may not have moved yet
    for i in range(20):
        writer.send(topic, str(i).encode(), timestamp_ms=5000 + i)
    writer.flush()
    writer.close()
    tp = TopicPartition(topic, 0)
    reader = consumer(cluster)
    reader.assign([tp])
    assert reader.beginning_offsets([tp]) == {tp: 0}
    assert reader.end_offsets([tp]) == {tp: 20}
    assert reader.offsets_for_times({tp: 5015})[tp].offset == 15
    assert reader.partitions_for_topic(topic) == {0}
    assert topic in reader.topics()
    reader.seek(tp, 15)
    assert [m.value for m in take(reader, 5)] == [str(i).encode() for i in range(15, 20)]
    assert reader.position(tp) == 20
    reader.seek_to_beginning(tp)
    assert next(reader).offset == 0
    reader.close()


@case
def a_group_commits_by_hand(cluster):
    topic = new_topic(cluster, "manual")
    group = unique("manual-group")
    writer = producer(cluster)
    for i in range(30):
        writer.send(topic, str(i).encode())
    writer.flush()
    writer.close()
    tp = TopicPartition(topic, 0)
    first = consumer(cluster, topic, group_id=group, enable_auto_commit=False)
    take(first, 12)
    first.commit({tp: OffsetAndMetadata(12, "twelve")})
    assert first.committed(tp) == 12
    first.close()
    second = consumer(cluster, topic, group_id=group, enable_auto_commit=False)
    assert second.committed(tp, metadata=True) == OffsetAndMetadata(12, "twelve")
    assert [int(m.value) for m in take(second, 18)] == list(range(12, 30))
    second.commit()
    assert second.committed(tp) == 30
    second.close()


class Rebalances(ConsumerRebalanceListener):
    def __init__(self):
        self.assigned = []

    def on_partitions_revoked(self, revoked):
        pass

    def on_partitions_assigned(self, assigned):
        self.assigned.append(len(assigned))


class Member(threading.Thread):
    """A consumer that polls in a thread of its own until it is told to leave."""

    def __init__(self, cluster, topic, group):
        super().__init__(daemon=True)
        self.reader = consumer(cluster, group_id=group, consumer_timeout_ms=500)
        self.rebalances = Rebalances()
        self.reader.subscribe([topic], listener=self.rebalances)
        self.seen = []
        self.shares = 0
        self.leaving = threading.Event()
        self.start()

    def run(self):
        while not self.leaving.is_set():
            for messages in self.reader.poll(timeout_ms=200).values():
                self.seen += messages
            self.shares = len(self.reader.assignment())
        self.reader.close()

    def leave(self):
        self.leaving.set()
        self.join(30)
        assert not self.is_alive(), "a member does not leave"


@case
def a_member_leaves_and_the_other_takes_over(cluster):
    topic = new_topic(cluster, "takeover", partitions=4)
    group = unique("takeover-group")
    members = [Member(cluster, topic, group) for _ in range(2)]
    wait_for(lambda: [m.shares for m in members] == [2, 2], 60, "two partitions each")
    members[1].leave()
    wait_for(lambda: members[0].shares == 4, 60, "all four for the one who stays")
    writer = producer(cluster)
    for i in range(40):
        writer.send(topic, str(i).encode(), partition=i % 4)
    writer.flush()
    writer.close()
    wait_for(lambda: len(members[0].seen) == 40, 30, "40 records")
    members[0].leave()
    assert members[0].rebalances.assigned[-1] == 4


# ---- administration ----
@case
def administration(cluster):
    client = KafkaAdminClient(bootstrap_servers=servers(cluster))
    topic = unique("managed")
    client.create_topics([NewTopic(topic, num_partitions=2, replication_factor=3,
                                   topic_configs={"retention.ms": "99999"})], timeout_ms=20000)
    wait_for(lambda: topic in client.list_topics(), 20, "it is listed")
    found = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    values = {row[0]: row[1] for row in found[0].resources[0][4]}
    assert values["retention.ms"] == "99999"
    client.create_partitions({topic: NewPartitions(5)}, timeout_ms=20000)
    wait_for(lambda: len(client.describe_topics([topic])[0]["partitions"]) == 5, 20,
             "five partitions")
    described = client.describe_cluster()
    assert len(described["brokers"]) == len(servers(cluster)) and described["cluster_id"]
    client.delete_topics([topic], timeout_ms=20000)
    wait_for(lambda: topic not in client.list_topics(), 20, "it is gone")
    client.close()


@case
def groups_are_described(cluster):
    topic = new_topic(cluster, "described")
    group = unique("described-group")
    member = Member(cluster, topic, group)
    client = KafkaAdminClient(bootstrap_servers=servers(cluster))
    wait_for(lambda: member.shares == 1, 60, "the member has its partition")

    def stable():
        found = client.describe_consumer_groups([group])[0]
        return found.state == "Stable" and len(found.members) == 1
    wait_for(stable, 20, "a stable group of one")
    assert (group, "consumer") in client.list_consumer_groups()
    member.leave()
    wait_for(lambda: client.describe_consumer_groups([group])[0].state == "Empty", 20, "empty")
    offsets = client.list_consumer_group_offsets(group)
    assert all(tp.topic == topic for tp in offsets)
    client.close()


main()
