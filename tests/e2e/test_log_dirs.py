#!/usr/bin/python3
"""Brokers with several log directories: placement, moves between them, and one that fails."""
import collections
import json
import os
import subprocess
import threading
import time

from confluent_kafka import Producer

from lib import BIN, case, main, new_topic, produce_all, read_all, unique, wait_for
from wire import Connection

DIRS = 3
NONE = 0
KAFKA_STORAGE_ERROR = 56
LOG_DIR_NOT_FOUND = 57
REPLICA_NOT_AVAILABLE = 9
INVALID_TOPIC_EXCEPTION = 17


def connect(cluster, node):
    return Connection("127.0.0.1", cluster.port(node))


def paths(cluster, node):
    return [os.path.join(cluster.dir, node)] + [os.path.join(cluster.dir, f"{node}.{i}")
                                                for i in range(2, DIRS + 1)]


def describe(cluster, node, topics=None, version=4):
    """{path: (error, {(topic, partition): entries})}"""
    with connect(cluster, node) as connection:
        answer = connection.call("DescribeLogDirs", version, Topics=topics)
    found = {}
    for result in answer["Results"]:
        logs = collections.defaultdict(list)
        for topic in result["Topics"]:
            for partition in topic["Partitions"]:
                logs[topic["Name"], partition["PartitionIndex"]].append(partition)
        found[result["LogDir"]] = result["ErrorCode"], logs
    return found


def where(cluster, node, topic, partition=0):
    """The directory of a replica; None while there are two, or none."""
    at = [(path, entry) for path, (_, logs) in describe(cluster, node).items()
          for entry in logs.get((topic, partition), [])]
    return at[0][0] if len(at) == 1 and not at[0][1]["IsFutureKey"] else None


def move(cluster, node, path, topic, partition=0, version=2):
    with connect(cluster, node) as connection:
        answer = connection.call("AlterReplicaLogDirs", version, Dirs=[
            {"Path": path, "Topics": [{"Name": topic, "Partitions": [partition]}]}])
    return answer["Results"][0]["Partitions"][0]["ErrorCode"]


def moved(cluster, node, path, topic, partition=0):
    wait_for(lambda: where(cluster, node, topic, partition) == path, 30,
             f"{topic}-{partition} of {node} in {path}")


def other_dir(cluster, node, topic):
    here = where(cluster, node, topic)
    return next(path for path in paths(cluster, node) if path != here)


def offline(cluster, topic, partition):
    """Replicas that the metadata calls offline."""
    with connect(cluster, "broker-2") as connection:
        answer = connection.call("Metadata", 12, Topics=[{"Name": topic}])
    return next(p["OfflineReplicas"] for p in answer["Topics"][0]["Partitions"]
                if p["PartitionIndex"] == partition)


@case
def replicas_are_spread_over_the_directories(cluster):
    topic = new_topic(cluster, "spread", partitions=12)
    for node in cluster.brokers:
        found = describe(cluster, node)
        assert list(found) == paths(cluster, node), found
        here = {path: sorted(index for name, index in logs if name == topic)
                for path, (_, logs) in found.items()}
        assert sorted(sum(here.values(), [])) == list(range(12)), here
        totals = [len(logs) for _, logs in found.values()]
        assert max(totals) - min(totals) <= 1, totals
    assert not offline(cluster, topic, 0)


@case
def directories_are_described(cluster):
    topic = new_topic(cluster, "described", partitions=2)
    produce_all(cluster, topic, [{"value": bytes(1000), "partition": 1} for _ in range(10)])
    wanted = [{"Topic": topic, "Partitions": [1]}]

    def followed():
        return all(sum(len(logs) for _, logs in describe(cluster, node, wanted).values()) == 1
                   for node in cluster.brokers)
    wait_for(followed, 10, "one log of the partition on every broker")
    for version in range(1, 5):
        for node in cluster.brokers:
            found = describe(cluster, node, wanted, version)
            entries = [entry for _, logs in found.values() for each in logs.values()
                       for entry in each]
            assert all(error == NONE for error, _ in found.values()), found
            assert len(entries) == 1 and entries[0]["PartitionSize"] > 10000, found
            assert not entries[0]["IsFutureKey"] and entries[0]["OffsetLag"] == 0, entries
    assert not any(logs for _, logs in describe(cluster, "broker-1", []).values())
    with connect(cluster, "broker-1") as connection:
        for result in connection.call("DescribeLogDirs", 4, Topics=[])["Results"]:
            assert 0 < result["UsableBytes"] <= result["TotalBytes"], result


@case
def what_cannot_be_moved(cluster):
    topic = new_topic(cluster, "refused")
    first = paths(cluster, "broker-1")[0]
    assert move(cluster, "broker-1", "/nowhere", topic) == LOG_DIR_NOT_FOUND
    assert move(cluster, "broker-1", first, unique("nothing")) == REPLICA_NOT_AVAILABLE
    assert move(cluster, "broker-1", first, topic, partition=7) == REPLICA_NOT_AVAILABLE
    assert move(cluster, "broker-1", first, "x" * 249) == INVALID_TOPIC_EXCEPTION
    for version in range(3):
        assert move(cluster, "broker-1", where(cluster, "broker-1", topic), topic,
                    version=version) == NONE


class Load:
    """An idempotent producer that writes until it is asked what was acknowledged."""

    def __init__(self, cluster, topic):
        self.acked, self.errors = [], []
        self.producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 2,
                                  "enable.idempotence": True})
        self.topic = topic
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def done(self, error, message):
        if error:
            self.errors.append(error)
        else:
            self.acked.append((message.offset(), message.value()))

    def run(self):
        number = 0
        while not self.stopping.is_set():
            self.producer.produce(self.topic, b"%d" % number, partition=0, on_delivery=self.done)
            number += 1
            self.producer.poll(0)
            if number % 50 == 0:
                time.sleep(0.005)

    def end(self):
        self.stopping.set()
        self.thread.join()
        assert self.producer.flush(60) == 0 and not self.errors, self.errors[:3]
        return sorted(self.acked)


def same(cluster, topic, acked):
    found = [(m.offset(), m.value()) for m in read_all(cluster, topic)[0]]
    assert found == acked, (len(found), len(acked))


@case
def a_replica_moves_under_load(cluster):
    topic = new_topic(cluster, "moving", segment_bytes=1 << 20)
    acked = [(m.offset(), m.value()) for m in produce_all(
        cluster, topic, [{"value": b"%0512d" % n} for n in range(20000)])]
    load = Load(cluster, topic)
    try:
        for node in cluster.brokers:  # the leader and its followers
            for _ in range(2):
                to = other_dir(cluster, node, topic)
                assert move(cluster, node, to, topic) == NONE
                moved(cluster, node, to, topic)
    finally:
        acked += load.end()
    same(cluster, topic, acked)
    leader = cluster.leader_of(topic, 0)
    cluster.kill(leader)
    wait_for(lambda: cluster.metadata(topic).partitions[0].leader not in (-1, int(leader[-1])),
             30, "another leader")
    same(cluster, topic, acked)
    cluster.start(leader)
    cluster.wait_until_whole()
    same(cluster, topic, acked)


@case
def a_move_survives_a_restart_and_can_be_taken_back(cluster):
    topic = new_topic(cluster, "restarted", replicas=1, segment_bytes=1 << 20)
    acked = [(m.offset(), m.value()) for m in produce_all(
        cluster, topic, [{"value": os.urandom(50000)} for _ in range(800)])]
    node = cluster.leader_of(topic, 0)
    start = where(cluster, node, topic)
    first, second = [path for path in paths(cluster, node) if path != start]
    assert move(cluster, node, first, topic) == NONE
    assert move(cluster, node, second, topic) == NONE, "another destination"
    assert move(cluster, node, start, topic) == NONE, "back again"
    wait_for(lambda: where(cluster, node, topic) == start, 10, "nothing to move")
    assert move(cluster, node, second, topic) == NONE
    cluster.kill(node)
    cluster.start(node)
    cluster.wait_until_whole()
    moved(cluster, node, second, topic)
    same(cluster, topic, acked)
    assert move(cluster, node, first, topic) == NONE
    cluster.stop(node)
    cluster.start(node)
    cluster.wait_until_whole()
    moved(cluster, node, first, topic)
    same(cluster, topic, acked)


def reassign(cluster, action, plan):
    file = os.path.join(cluster.dir, "reassign.json")
    with open(file, "w") as out:
        json.dump(plan, out)
    run = subprocess.run([f"{BIN}/kafka-reassign-partitions", "--bootstrap-server",
                          cluster.bootstrap, action, "--reassignment-json-file", file],
                         capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@case
def a_move_is_cancelled_by_the_name_of_kafkas_tool(cluster):
    topic = new_topic(cluster, "cancelled", replicas=1, segment_bytes=1 << 20)
    acked = [(m.offset(), m.value()) for m in produce_all(
        cluster, topic, [{"value": os.urandom(50000)} for _ in range(800)])]
    node = cluster.leader_of(topic, 0)
    broker = int(node.rsplit("-", 1)[1])

    def plan(path):
        return {"version": 1, "partitions": [{
            "topic": topic, "partition": 0, "replicas": [broker], "log_dirs": [path]}]}

    def cancelled():
        """A move may be quicker than the tool; then another one is begun."""
        start = where(cluster, node, topic)
        target = other_dir(cluster, node, topic)
        assert move(cluster, node, target, topic) == NONE
        out = reassign(cluster, "--cancel", plan(target))
        assert "None of the specified partition reassignments are active." in out, out
        if "None of the specified partition moves are active." in out:
            moved(cluster, node, target, topic)
            return None
        assert f"Successfully started moving log directory to {start} for replica {topic}-0 " \
            f"with broker {broker}" in out, out
        return start

    start = wait_for(cancelled, 30, "a move that is cancelled")
    moved(cluster, node, start, topic)
    same(cluster, topic, acked)
    out = reassign(cluster, "--cancel", plan(start))
    assert "None of the specified partition moves are active." in out, out


def break_dir(path):
    """Every path below it is wrong from now on, as with a disk that was pulled."""
    os.rename(path, path + ".away")
    with open(path, "w"):
        pass


def mend_dir(path):
    os.remove(path)
    os.rename(path + ".away", path)


@case
def a_failed_directory_takes_only_its_replicas_offline(cluster):
    topic = new_topic(cluster, "failing", partitions=9, min_insync_replicas=2)
    for number in range(9):
        produce_all(cluster, topic, [{"value": b"before", "partition": number}])
    leaders = {p: cluster.leader_of(topic, p) for p in range(9)}
    node, victim = "broker-1", paths(cluster, "broker-1")[1]
    lost = {p for p in range(9) if where(cluster, node, topic, p) == victim}
    kept = set(range(9)) - lost
    assert lost and kept
    break_dir(victim)
    # Something has to be written for a failure to be found.
    produce_all(cluster, topic, [{"value": b"during", "partition": p} for p in range(9)],
                acks="all")
    wait_for(lambda: describe(cluster, node)[victim][0] == KAFKA_STORAGE_ERROR, 20, "the failure")
    for p in lost:
        wait_for(lambda p=p: offline(cluster, topic, p) == [1], 20, f"replica of {p} offline")
        wait_for(lambda p=p: cluster.leader_of(topic, p) != node, 20, f"a new leader of {p}")
    for p in kept:
        assert offline(cluster, topic, p) == [] and cluster.leader_of(topic, p) == leaders[p]
    assert move(cluster, node, victim, topic, min(kept)) == KAFKA_STORAGE_ERROR
    # Nobody waits for the replicas that are gone, not even replica.lag.time.max.ms.
    produce_all(cluster, topic, [{"value": b"without", "partition": p} for p in range(9)],
                acks="all", **{"message.timeout.ms": 10000})
    fresh = new_topic(cluster, "fresh", partitions=3)
    produce_all(cluster, fresh, [{"value": b"v", "partition": p} for p in range(3)], acks="all")

    # It starts without the directory, too.
    cluster.stop(node)
    cluster.start(node)
    assert describe(cluster, node)[victim][0] == KAFKA_STORAGE_ERROR
    wait_for(lambda: all(len(cluster.metadata(topic).partitions[p].isrs) == 3 for p in kept), 30,
             "the other replicas in sync")
    assert all(offline(cluster, topic, p) == [1] for p in lost)

    cluster.stop(node)
    mend_dir(victim)
    cluster.start(node)
    cluster.wait_until_whole()
    for p in range(9):
        values = [m.value() for m in read_all(cluster, topic)[p]]
        assert values == [b"before", b"during", b"without"], (p, values)
    assert all(error == NONE for error, _ in describe(cluster, node).values())


@case
def a_damaged_partition_takes_only_its_directory_offline(cluster):
    topic = new_topic(cluster, "damaged", partitions=9, min_insync_replicas=2)
    for number in range(9):
        produce_all(cluster, topic, [{"value": b"v", "partition": number}], acks="all")
    node, victim = "broker-2", paths(cluster, "broker-2")[1]
    lost = {p for p in range(9) if where(cluster, node, topic, p) == victim}
    kept = set(range(9)) - lost
    assert lost and kept
    cluster.stop(node)
    path = os.path.join(victim, f"{topic}-{min(lost)}", "partition.metadata")
    with open(path, "rb") as file:
        good = file.read()
    with open(path, "wb"):
        pass  # after a clean stop no power cut can have done that
    cluster.start(node)
    wait_for(lambda: describe(cluster, node)[victim][0] == KAFKA_STORAGE_ERROR, 20, "the failure")
    wait_for(lambda: all(len(cluster.metadata(topic).partitions[p].isrs) == 3 for p in kept), 30,
             "the other replicas in sync")
    assert all(2 not in cluster.metadata(topic).partitions[p].isrs for p in lost)
    produce_all(cluster, topic, [{"value": b"w", "partition": p} for p in range(9)], acks="all")

    cluster.stop(node)
    with open(path, "wb") as file:
        file.write(good)
    cluster.start(node)
    cluster.wait_until_whole()
    for p in range(9):
        assert [m.value() for m in read_all(cluster, topic)[p]] == [b"v", b"w"], p


@case
def a_new_directory_is_taken_into_use(cluster):
    node, path = "broker-3", paths(cluster, "broker-3")[2]
    topic = new_topic(cluster, "new-disk", partitions=6)
    produce_all(cluster, topic, [{"value": b"v", "partition": p} for p in range(6)], acks="all")
    cluster.stop(node)
    os.rename(path, path + ".lost")
    cluster.start(node)
    cluster.wait_until_whole()
    assert os.path.exists(path + "/meta.properties")
    for p in range(6):
        assert where(cluster, node, topic, p), p
        assert [m.value() for m in read_all(cluster, topic)[p]] == [b"v"]


main(needs_nodes=True, log_dirs=DIRS,
     overrides=["replica.high.watermark.checkpoint.interval.ms=200"])
