#!/usr/bin/python3
"""Snapshots of the metadata: written by every node, the log trimmed behind them, loaded by those
who start, who were away for long, and who have lost their disk."""
import glob
import os
import re
import shutil
import time

from lib import admin, case, main, new_topic, produce_all, read_all, wait_for
from wire import Connection

SMALL = (
    "metadata.log.max.record.bytes.between.snapshots=20000",
    "metadata.max.retention.bytes=60000",
)


def log_dir(cluster, node):
    return os.path.join(cluster.dir, node, "__cluster_metadata-0")


def snapshots(cluster, node):
    """Where the snapshots of the node end, oldest first."""
    names = glob.glob(log_dir(cluster, node) + "/*.checkpoint")
    ends = sorted(int(os.path.basename(name).split("-")[0]) for name in names)
    return [end for end in ends if end > 0]


def log_start(cluster, node):
    names = glob.glob(log_dir(cluster, node) + "/*.log")
    return min(int(os.path.basename(name).split(".")[0]) for name in names)


def bytes_of(cluster, node):
    return sum(os.path.getsize(path) for path in glob.glob(log_dir(cluster, node) + "/*.log") +
               glob.glob(log_dir(cluster, node) + "/*.checkpoint"))


def churn(cluster, **options):
    """Records for the metadata log that leave little behind."""
    name = new_topic(cluster, "churn", partitions=20, **options)
    client = admin(cluster)
    client.delete_topics([name])[name].result(20)


def churn_until(cluster, condition, what):
    def step():
        churn(cluster)
        return condition()
    wait_for(step, 90, what)


def loads(cluster, node):
    """The ends of the snapshots that the node has loaded, from its log."""
    found = re.findall(r"loaded a snapshot node=\d+ end=(\d+)", cluster.log_text(node))
    return [int(end) for end in found if int(end) > 0]


def topics(cluster, node):
    """What a broker knows: topics with their ids and leaders."""
    out = cluster.craft_json("topic", "describe", "--bootstrap-server", cluster.address(node))
    return sorted((t["name"], t["topicId"], len(t["partitions"])) for t in out)


@case
def everybody_writes_them(cluster):
    kept = new_topic(cluster, "kept", partitions=3)
    produce_all(cluster, kept, [{"value": b"x"}] * 100)
    churn_until(cluster, lambda: all(snapshots(cluster, node) for node in cluster.nodes),
                "a snapshot on every node")


@case
def the_log_is_trimmed_behind_them(cluster):
    churn_until(cluster, lambda: all(log_start(cluster, node) > 0 for node in cluster.nodes),
                "logs that begin later than at 0")
    for node in cluster.nodes:
        assert log_start(cluster, node) <= snapshots(cluster, node)[-1]
    first = {node: snapshots(cluster, node)[-1] for node in cluster.nodes}
    churn_until(cluster,
                lambda: all(snapshots(cluster, node)[-1] > first[node] for node in cluster.nodes),
                "newer snapshots")
    for node in cluster.nodes:
        assert len(snapshots(cluster, node)) <= 8, f"{node}: {snapshots(cluster, node)}"
        # The limit, what was committed since, and the snapshot that put it over the limit.
        assert bytes_of(cluster, node) < 200000, f"{node}: {bytes_of(cluster, node)} bytes"


INVALID_REQUEST, FENCED, UNKNOWN_EPOCH, NOT_LEADER, UNKNOWN_TOPIC = 42, 74, 75, 6, 3
NOT_FOUND, OUT_OF_RANGE, OTHER_CLUSTER = 98, 99, 104
CLUSTER = "__cluster_metadata"


class Asker:
    """FetchSnapshot of a controller: what its newest snapshot is, with anything else in the place
    of a part of the request."""

    def __init__(self, cluster, node):
        status = cluster.craft_json("quorum", "status", "--bootstrap-controller",
                                    cluster.address(node))
        self.epoch, self.dir = status["leaderEpoch"], log_dir(cluster, node)
        self.path = sorted(glob.glob(self.dir + "/*.checkpoint"))[-1]
        name = os.path.basename(self.path).split(".")[0]
        self.end, self.of = (int(part) for part in name.split("-"))
        self.size = os.path.getsize(self.path)
        self.connection = Connection("127.0.0.1", cluster.port(node))

    def raw(self, topics, version=1, **top):
        return self.connection.call("FetchSnapshot", version, Topics=topics, **top)

    def ask(self, topic=CLUSTER, partition=0, version=1, epoch=None, place=None, position=0,
            **top):
        end, of = place or (self.end, self.of)
        answer = self.raw([{"Name": topic, "Partitions": [{
            "Partition": partition, "Position": position,
            "CurrentLeaderEpoch": self.epoch if epoch is None else epoch,
            "SnapshotId": {"EndOffset": end, "Epoch": of}}]}], version, **top)
        if answer["ErrorCode"] != 0:
            return answer["ErrorCode"], None
        only = answer["Topics"][0]["Partitions"][0]
        assert (answer["Topics"][0]["Name"], only["Index"]) == (topic, partition)
        return only["ErrorCode"], only


@case
def fetch_snapshot_says_what_is_wrong(cluster):
    active = cluster.active_controller()
    asker = Asker(cluster, active)
    code, whole = asker.ask()
    assert (code, whole["Size"], whole["Position"]) == (0, asker.size, 0), whole
    with open(asker.path, "rb") as file:
        assert whole["UnalignedRecords"] == file.read()
    for version in 0, 1:
        assert asker.ask(version=version)[0] == 0
        assert asker.ask(version=version, place=(asker.end + 1, asker.of))[0] == NOT_FOUND
        assert asker.ask(version=version, place=(asker.end, asker.of + 1))[0] == NOT_FOUND
        assert asker.ask(version=version, place=(0, 0))[0] == NOT_FOUND  # the voters' is its own
        assert asker.ask(version=version, place=(-1, -1))[0] == NOT_FOUND
        for position in -1, asker.size, asker.size + 1, 1 << 40, (1 << 63) - 1, -(1 << 63):
            assert asker.ask(version=version, position=position)[0] == OUT_OF_RANGE, position
        assert asker.ask(version=version, epoch=asker.epoch - 1)[0] == FENCED
        assert asker.ask(version=version, epoch=asker.epoch + 1)[0] == UNKNOWN_EPOCH
        assert asker.ask(version=version, topic="other")[0] == UNKNOWN_TOPIC
        assert asker.ask(version=version, partition=1)[0] == UNKNOWN_TOPIC
        assert asker.ask(version=version, ClusterId="MTExMTExMTExMTExMTExMQ")[0] == OTHER_CLUSTER
        for size in 0, -1:
            assert asker.ask(version=version, MaxBytes=size)[0] == INVALID_REQUEST
        for topics in [], [{"Name": CLUSTER}], [{"Name": CLUSTER, "Partitions": [{}, {}]}]:
            assert asker.raw(topics, version)["ErrorCode"] == INVALID_REQUEST
    # Who leads stands beside an error of the epoch.
    wrong = asker.ask(epoch=asker.epoch - 1)[1]
    assert wrong["CurrentLeader"] == {"LeaderId": 3000 + int(active[-1]),
                                      "LeaderEpoch": asker.epoch}, wrong
    standby = next(node for node in cluster.controllers if node != active)
    assert Asker(cluster, standby).ask()[0] == NOT_LEADER


@case
def pieces_are_as_large_as_is_asked_for(cluster):
    asker = Asker(cluster, cluster.active_controller())
    with open(asker.path, "rb") as file:
        bytes_ = file.read()
    for position, size in (0, 1), (0, 1000), (77, 123), (asker.size - 1, 1 << 20), (5, 1 << 30):
        code, piece = asker.ask(position=position, MaxBytes=size)
        assert (code, piece["Position"], piece["Size"]) == (0, position, asker.size), piece
        assert piece["UnalignedRecords"] == bytes_[position:position + size]
    # Beyond 4 GiB, in a file that is nearly all holes.
    place, at = (asker.end + 1000000, asker.of), (1 << 32) + 5
    path = f"{asker.dir}/{place[0]:020d}-{place[1]:010d}.checkpoint"
    try:
        with open(path, "wb") as file:
            file.seek(at)
            file.write(b"so far away")
        code, piece = asker.ask(place=place, position=at + 3, MaxBytes=100)
        assert (code, piece["Size"], piece["Position"]) == (0, at + 11, at + 3), piece
        assert piece["UnalignedRecords"] == b"far away"
        code, piece = asker.ask(place=place, position=0)  # not all of it at once
        assert code == 0 and len(piece["UnalignedRecords"]) == 8 << 20, len(
            piece["UnalignedRecords"])
        assert asker.ask(place=place, position=at + 11)[0] == OUT_OF_RANGE
    finally:
        os.remove(path)


@case
def a_broker_that_was_paused_gets_one_in_the_middle_of_its_life(cluster):
    gone = new_topic(cluster, "gone", partitions=3)
    stays = new_topic(cluster, "stays", partitions=3)
    produce_all(cluster, stays, [{"value": b"y"}] * 30)
    sleeper = cluster.brokers[0]
    status = cluster.craft_json("quorum", "status", "--bootstrap-controller",
                                cluster.address(cluster.controllers[0]))
    before = status["highWatermark"]
    cluster.pause(sleeper)
    cluster.up.discard(sleeper)
    others = ",".join(cluster.address(node) for node in cluster.brokers[1:])

    class Rest:
        bootstrap = others
        metadata = cluster.metadata
    client = admin(Rest)
    client.delete_topics([gone])[gone].result(30)
    new = new_topic(Rest, "new", partitions=3, replicas=2)
    active = cluster.active_controller()
    deadline = time.monotonic() + 120
    while log_start(cluster, active) <= before:
        assert time.monotonic() < deadline, f"the log of {active} is not trimmed behind {before}"
        churn(Rest, replicas=2)
    cluster.resume(sleeper)
    cluster.up.add(sleeper)
    wait_for(lambda: "goes on from a snapshot" in cluster.log_text(sleeper), 30,
             "the broker to load a snapshot")
    cluster.wait_until_whole()
    wait_for(lambda: topics(cluster, sleeper) == topics(cluster, cluster.brokers[1]), 30,
             "both brokers to know the same")
    names = [name for name, _, _ in topics(cluster, sleeper)]
    assert new in names and stays in names and gone not in names
    assert len([m for ms in read_all(cluster, stays).values() for m in ms]) == 30
    left = glob.glob(os.path.join(cluster.dir, sleeper, gone + "-*"))
    assert all(name.endswith("-delete") for name in left), left


@case
def a_controller_without_its_log_gets_one(cluster):
    victim = next(node for node in cluster.controllers if node != cluster.active_controller())
    cluster.kill(victim)
    churn(cluster)
    shutil.rmtree(log_dir(cluster, victim))
    cluster.start(victim)
    wait_for(lambda: loads(cluster, victim), 30, "the empty controller to load a snapshot")
    assert snapshots(cluster, victim)
    active = cluster.active_controller()
    cluster.kill(active)  # so that the one that has just come counts
    new_topic(cluster, "after", partitions=2)
    cluster.start(active)
    cluster.wait_until_whole()


@case
def everybody_starts_from_them(cluster):
    name = new_topic(cluster, "configured", partitions=5, retention_ms=345600000)
    churn_until(cluster, lambda: log_start(cluster, cluster.active_controller()) > 0,
                "a trimmed log")
    known = topics(cluster, cluster.brokers[0])
    cluster.kill()
    cluster.start()
    cluster.wait_until_whole()
    for node in cluster.nodes:
        assert loads(cluster, node), f"{node} has not loaded a snapshot"
    assert topics(cluster, cluster.brokers[0]) == known
    produce_all(cluster, name, [{"value": b"z"}] * 10)


@case
def a_damaged_one_is_set_aside(cluster):
    victim = cluster.brokers[2]
    cluster.stop(victim)
    newest = sorted(glob.glob(log_dir(cluster, victim) + "/*.checkpoint"))[-1]
    with open(newest, "r+b") as file:
        file.seek(-20, os.SEEK_END)
        file.write(b"damage")
    cluster.start(victim)
    cluster.wait_until_whole()
    assert os.path.exists(newest + ".corrupt")
    assert "damaged and set aside" in cluster.log_text(victim)


@case
def craft_shows_them(cluster):
    newest = sorted(glob.glob(log_dir(cluster, cluster.brokers[0]) + "/*.checkpoint"))[-1]
    status, out, err = cluster.craft("log", "dump", newest)
    assert status == 0, err
    for word in "SNAPSHOT_HEADER", "KRAFT_VOTERS", "PARTITION_RECORD", "SNAPSHOT_FOOTER":
        assert word in out, f"{newest}: no {word}"


main(needs_nodes=True, overrides=SMALL)
