#!/usr/bin/python3
"""The whole cluster goes down, cleanly and not, and comes back with everything it had promised."""
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import ConfigResource

from lib import admin, case, create_topic, main, new_topic, produce_all, read_all, unique
from load import Load

COUNT = 2000


def numbers(first, last):
    return [{"value": str(i).encode()} for i in range(first, last)]


def values(cluster, topic):
    return sorted(int(m.value()) for ms in read_all(cluster, topic).values() for m in ms)


def read_and_commit(cluster, topic, group, count):
    """Reads so many records as a member of the group and commits what it has read."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group,
                         "auto.offset.reset": "earliest", "enable.auto.commit": False,
                         "session.timeout.ms": 10000})
    consumer.subscribe([topic])
    found = []
    while len(found) < count:
        batch = consumer.consume(count - len(found), 30)
        assert batch, f"{len(found)} of {count} records"
        found += [int(m.value()) for m in batch if not m.error()]
    consumer.commit(asynchronous=False)
    consumer.close()
    return found


def committed(cluster, topic, group, partitions):
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group})
    found = consumer.committed([TopicPartition(topic, p) for p in range(partitions)], timeout=30)
    consumer.close()
    return [tp.offset for tp in found]


def everything_survives(cluster, go_down):
    topic = new_topic(cluster, "survivor", partitions=3, retention_ms=345600000)
    group = unique("survivors")
    produce_all(cluster, topic, numbers(0, COUNT), **{"enable.idempotence": True})
    first = read_and_commit(cluster, topic, group, COUNT // 2)
    offsets = committed(cluster, topic, group, 3)
    go_down()
    cluster.start()
    cluster.wait_until_whole()
    assert values(cluster, topic) == list(range(COUNT))
    assert committed(cluster, topic, group, 3) == offsets
    resource = ConfigResource("topic", topic)
    client = admin(cluster)
    settings = client.describe_configs([resource])[resource].result(20)
    assert settings["retention.ms"].value == "345600000"
    produce_all(cluster, topic, numbers(COUNT, COUNT + 100), **{"enable.idempotence": True})
    second = read_and_commit(cluster, topic, group, COUNT + 100 - COUNT // 2)
    assert sorted(first + second) == list(range(COUNT + 100)), "the group read each of them once"


@case
def a_clean_restart_keeps_everything(cluster):
    everything_survives(cluster, cluster.stop)


@case
def kill_9_of_all_keeps_everything(cluster):
    everything_survives(cluster, cluster.kill)


@case
def kill_9_of_all_under_load(cluster):
    def crash():
        cluster.kill()
        cluster.start()
    with Load(cluster) as load:
        load.fault("kill -9 of all six and start", crash, deadline_s=60)
        cluster.wait_until_whole()


@case
def an_acknowledged_topic_survives_kill_9(cluster):
    names = [unique("durable") for _ in range(5)]
    for name in names:
        create_topic(cluster, name, 2)
    cluster.kill()
    cluster.start()
    assert set(names) <= set(cluster.metadata().topics)


main(needs_nodes=True)
