#!/usr/bin/python3
"""Voters that come when the log of the others begins behind a snapshot: they load it before they
vote (FetchSnapshot), and are then as good as any."""
import glob
import os
import re
import shutil

from lib import Cluster, admin, case, main, new_topic, unique, wait_for
from quorum_lib import Controller, Quorum, ids

SMALL = ("metadata.log.max.record.bytes.between.snapshots=10000",
         "metadata.max.retention.bytes=20000")


def log_start(directory):
    names = glob.glob(os.path.join(directory, "__cluster_metadata-0", "*.log"))
    return min((int(os.path.basename(name).split(".")[0]) for name in names), default=0)


def loaded(path):
    """The node's log says that it got a snapshot from its leader."""
    with open(path, errors="replace") as log:
        return re.search(r"goes on from a snapshot node=\d+ end=[1-9]", log.read()) is not None


def trim(cluster):
    """Makes the logs of all controllers begin later than at 0."""
    client = admin(cluster)

    def step():
        name = new_topic(cluster, "churn", partitions=20, replicas=1)
        client.delete_topics([name])[name].result(20)
        return all(log_start(os.path.join(cluster.dir, node)) > 0 for node in cluster.controllers)
    wait_for(step, 90, "logs that begin later than at 0")


def topics(cluster):
    return set(admin(cluster).list_topics(timeout=10).topics)


def id_of(node):
    return 3000 + int(node[-1])


@case
def a_new_voter_loads_a_snapshot_and_leads():
    cluster = Cluster("joins", controllers=3, brokers=1, overrides=SMALL)
    cluster.start()
    quorum = Quorum(cluster)
    kept = new_topic(cluster, "kept", partitions=3, replicas=1)
    trim(cluster)
    fourth = Controller(cluster, 3004, "fourth")
    fourth.format("--no-initial-controllers")
    try:
        fourth.start()
        quorum.must("add", "3004")
        assert loaded(fourth.path + ".log") and log_start(fourth.path) > 0
        active = cluster.active_controller()
        behind, gone = (node for node in cluster.controllers if node != active)
        quorum.must("remove", str(id_of(gone)))
        cluster.stop(gone)
        left = sorted([id_of(active), id_of(behind), 3004])
        quorum.wait(left, "one comes, one goes")
        # What is committed now one of the two that stay does not have: the new voter has to lead.
        # Two topics, as the answer to a fetch that waits may still reach the one that is paused.
        cluster.pause(behind)
        missed = {new_topic(cluster, "missed", partitions=1, replicas=1) for _ in range(2)}
        cluster.kill(active)
        cluster.resume(behind)

        def leader():
            found = cluster.quorum(fourth.address)
            return found and found["leaderId"]
        wait_for(lambda: leader() == 3004, 30, "the new voter leads")
        after = new_topic(cluster, "after", partitions=1, replicas=1)
        assert missed | {kept, after} <= topics(cluster)
        cluster.start(active)
        quorum.wait(left, "the return of the one that was killed")
    finally:
        fourth.stop()


@case
def a_lost_disk_is_replaced_from_a_snapshot():
    cluster = Cluster("replaced", controllers=3, brokers=1, overrides=SMALL)
    cluster.start()
    quorum = Quorum(cluster)
    kept = new_topic(cluster, "kept", partitions=3, replicas=1)
    trim(cluster)
    victim = cluster.active_controller()
    cluster.kill(victim)
    shutil.rmtree(os.path.join(cluster.dir, victim))
    cluster.start(victim)  # with an empty disk, which is formatted to join
    wait_for(lambda: loaded(cluster.log(victim)), 30, "the empty controller loads a snapshot")
    wait_for(lambda: f"{id_of(victim)} runs on another disk" in quorum.ask("status")[2], 20,
             "the other disk is seen")
    quorum.must("replace", str(id_of(victim)))
    found = quorum.wait([3001, 3002, 3003], "a replacement")
    with open(os.path.join(cluster.dir, victim, "meta.properties")) as meta:
        directory = re.search(r"directory.id=(\S+)", meta.read()).group(1)
    assert directory in [voter["directoryId"] for voter in found["voters"]], found
    # It counts: two of three, it among them, are enough.
    other = next(node for node in cluster.controllers if node != victim)
    cluster.kill(other)
    after = new_topic(cluster, unique("after"), partitions=1, replicas=1)
    assert {kept, after} <= topics(cluster)
    assert id_of(other) in ids(quorum.state())
    cluster.start(other)
    quorum.wait([3001, 3002, 3003], "the return of the other")


main(own_clusters=True)
