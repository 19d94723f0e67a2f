#!/usr/bin/python3
"""The voters of the quorum change while topics are created: controllers are added, removed,
replaced after the loss of their disk, moved to another address. Nothing acknowledged is lost."""
import json
import os
import signal
import threading
import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from lib import Cluster, case, create_topic, main, unique, wait_for
from quorum_lib import Controller, Quorum, free_port, ids, lonely


class Topics(threading.Thread):
    """Creates one topic after the other until it is told to stop, and remembers which of them the
    cluster has promised."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.client = AdminClient({"bootstrap.servers": cluster.bootstrap, "log_level": 0})
        self.prefix = unique("made")
        self.made = []
        self.wrong = []
        self.stopping = threading.Event()

    def create(self, name):
        """True if it is there; anything else leaves open whether it is."""
        future = self.client.create_topics([NewTopic(name, 1, 1)], request_timeout=5)[name]
        try:
            future.result(10)
            return True
        except KafkaException as error:
            return error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS

    def run(self):
        number = 0
        while not self.stopping.is_set():
            name = f"{self.prefix}-{number}"
            deadline = time.monotonic() + 30
            while not self.create(name):
                if time.monotonic() > deadline:
                    self.wrong.append(f"{name} cannot be created")
                    return
            self.made.append(name)
            number += 1

    def more(self, what):
        """Waits until a topic is made whose creation began after this call."""
        before = len(self.made)
        wait_for(lambda: self.wrong or len(self.made) > before + 1, 30, f"a topic after {what}")
        assert not self.wrong, self.wrong

    def finish(self, cluster):
        self.stopping.set()
        self.join(40)
        assert not self.is_alive() and not self.wrong, self.wrong
        check_topics(cluster, self.made)
        print(f"    {len(self.made)} topics made, all there", flush=True)


def check_topics(cluster, names):
    for node in cluster.brokers:
        def there(node=node):
            found = AdminClient({"bootstrap.servers": cluster.address(node), "log_level": 0})
            return set(names) <= set(found.list_topics(timeout=5).topics)
        wait_for(there, 30, f"{node} knows every topic that was promised")


# ---- under load ----
def followers(cluster):
    leader = cluster.active_controller()
    return [node for node in cluster.controllers if node != leader and node in cluster.up]


def id_of(node):
    return 3000 + int(node[-1])


def causes(cluster):
    """By the API of the request: why the last record of the metadata log was written for one."""
    folder = f"{cluster.dir}/{cluster.active_controller()}/__cluster_metadata-0"
    out = cluster.craft("log", "dump", folder, "--format", "json")[1]
    records = [json.loads(line) for line in out.splitlines() if '"cause"' in line]
    return {record["cause"]["api"]: record["cause"] for record in records
            if "api" in record["cause"]}


@case
def voters_change_under_load():
    cluster = Cluster("load", controllers=3, brokers=2)
    cluster.start()
    quorum, topics = Quorum(cluster), Topics(cluster)
    topics.start()
    fourth = Controller(cluster, 3004, "fourth")
    fourth.format("--no-initial-controllers")
    try:
        fourth.start()
        assert "3001, 3002, 3003, 3004" in quorum.must("add", "3004")
        quorum.wait([3001, 3002, 3003, 3004], "an addition")
        said = causes(cluster)["AddRaftVoter"]
        assert said["reason"].startswith("adds voter 3004 ("), said
        assert said["principal"] == "User:ANONYMOUS" and said["host"] == "127.0.0.1", said
        topics.more("an addition")

        gone = followers(cluster)[0]
        quorum.must("remove", str(id_of(gone)), by="broker")
        left = sorted({3001, 3002, 3003, 3004} - {id_of(gone)})
        quorum.wait(left, "a removal")
        cluster.stop(gone)
        topics.more("a removal")

        fourth.stop(signal.SIGKILL)
        fourth.wipe()
        fourth.format("--no-initial-controllers")
        fourth.start()
        wait_for(lambda: "3004 runs on another disk" in quorum.ask("status")[2], 20, "it is seen")
        quorum.refused("has another disk", "add", "3004", timeout=8)
        quorum.must("replace", "3004")
        quorum.wait(left, "a replacement")
        topics.more("a replacement")

        fourth.stop()
        fourth.port = free_port()
        fourth.write()
        fourth.start()
        wait_for(lambda: f"127.0.0.1:{fourth.port}" in
                 [v["address"] for v in quorum.state()["voters"]], 30, "the new address is known")
        quorum.wait(left, "a change of address")
        topics.more("a change of address")

        leader = cluster.active_controller()
        quorum.must("remove", str(id_of(leader)), by="broker")
        left.remove(id_of(leader))
        quorum.wait(left, "the removal of the leader")
        cluster.stop(leader)
        topics.more("the removal of the leader")
        topics.finish(cluster)
    finally:
        topics.stopping.set()
        fourth.stop()
    # What is left knows everything, after a restart, too.
    cluster.must("stop")
    for node in (gone, leader):
        cluster.up.discard(node)
    fourth.start()
    try:
        for node in sorted(cluster.up):
            cluster.start(node)
        quorum.wait(left, "a restart")
        check_topics(cluster, topics.made)
    finally:
        fourth.stop()


# ---- refused, with the reason ----
@case
def what_would_do_harm_is_refused():
    cluster = Cluster("refused", controllers=3, brokers=1)
    cluster.start()
    quorum = Quorum(cluster)
    fourth = Controller(cluster, 3004, "fourth")
    fourth.format("--no-initial-controllers")
    try:
        quorum.refused("does not follow the metadata log", "add", "3004", timeout=2)
        fourth.start()
        wait_for(lambda: 3004 in ids(quorum.state(), "observers"), 20, "it follows")
        quorum.refused("Connection refused", "add", "3004", "--address", "127.0.0.1:1", timeout=3)
        quorum.refused("is another node", "add", "3004", "--address",
                       cluster.address("controller-1"), timeout=3)
        quorum.refused("it is a voter already", "add", "3001", timeout=3)
        quorum.refused("it is not a voter", "remove", "3004", timeout=3)
        assert quorum.ask("add", "x")[0] == 2 and quorum.ask("add")[0] == 2
        assert quorum.ask("add", "3004", "--address", "nowhere")[0] == 2

        # While the new voter is called and does not answer, another change has to wait.
        fourth.process.send_signal(signal.SIGSTOP)
        held = threading.Thread(target=quorum.ask, args=("add", "3004"), kwargs={"timeout": 4})
        held.start()
        nobody = ["--directory-id", "pMyjhhPRSNaOYp0PMSGYFw"]
        said = [quorum.ask("remove", "3003", *nobody, timeout=1)[2] for _ in range(4)]
        held.join()
        assert any("another change of the voters is under way" in text for text in said), said
        fourth.process.send_signal(signal.SIGCONT)

        # One voter of three is down: without another there is no majority.
        down, up = followers(cluster)
        now = quorum.state()
        cluster.kill(down)
        wait_for(lambda: not quorum.state()["healthy"], 20, "the silence is noticed")
        quorum.refused("do not have a majority", "remove", str(id_of(up)), timeout=6)
        assert ids(quorum.state()) == ids(now)
        quorum.must("remove", str(id_of(down)))
        cluster.start(down)
        quorum.must("add", str(id_of(down)))
        quorum.wait([3001, 3002, 3003], "the way back")
    finally:
        fourth.stop()


# ---- static voters ----
class Broker(Controller):
    """A broker of a quorum that cluster.sh does not know."""
    program = "craft-broker"

    def __init__(self, cluster, node_id, name, **settings):
        super().__init__(cluster, node_id, name, process_roles="broker",
                         inter_broker_listener_name="PLAINTEXT", **settings)

    def write(self):
        self.settings["listeners"] = f"PLAINTEXT://{self.address}"
        super().write()


def feature(cluster, node, *words):
    option = "--bootstrap-server" if isinstance(node, Broker) else "--bootstrap-controller"
    return cluster.craft("feature", *words, option, node.address, "--timeout", "10")


def kraft_version(cluster, node):
    option = "--bootstrap-server" if isinstance(node, Broker) else "--bootstrap-controller"
    rows = cluster.craft_json("feature", "describe", option, node.address)
    return next(row["finalized"] for row in rows if row["feature"] == "kraft.version")


def must_become_records(cluster, node):
    """As soon as every voter has told the leader of itself."""
    wait_for(lambda: feature(cluster, node, "upgrade", "kraft.version=1", "--dry-run")[0] == 0, 20,
             "all voters have reported")
    assert kraft_version(cluster, node) == 0
    status, out, err = feature(cluster, node, "upgrade", "kraft.version=1")
    assert status == 0 and "kraft.version is at level 1" in out, err


@case
def static_voters_stay_until_they_become_records():
    cluster = lonely("static")
    port = free_port()
    alone = Controller(cluster, 1, "alone", port, controller_quorum_bootstrap_servers="",
                       controller_quorum_voters=f"1@127.0.0.1:{port}")
    second = Controller(cluster, 2, "second", controller_quorum_bootstrap_servers=alone.address)
    alone.format()
    alone.start()
    try:
        wait_for(lambda: cluster.quorum(alone.address), 20, "it leads")
        second.format("--no-initial-controllers")
        second.start()
        wait_for(lambda: ids(cluster.quorum(alone.address), "observers") == [2], 20, "it follows")
        add = ["quorum", "add", "2", "--bootstrap-controller", alone.address, "--timeout"]
        status, _, err = cluster.craft(*add, "2")
        assert status == 1 and "raise kraft.version to 1" in err, err
        must_become_records(cluster, alone)
        status, _, err = cluster.craft(*add, "20")
        assert status == 0, err
    finally:
        second.stop()
        alone.stop()


@case
def three_static_voters_become_records():
    cluster = lonely("upgrade")
    ports = {node_id: free_port() for node_id in (1, 2, 3)}
    voters = ",".join(f"{node_id}@127.0.0.1:{port}" for node_id, port in ports.items())
    static = {"controller_quorum_bootstrap_servers": "", "controller_quorum_voters": voters}
    nodes = {node_id: Controller(cluster, node_id, f"static-{node_id}", port, **static)
             for node_id, port in ports.items()}
    broker = Broker(cluster, 10, "broker", **static)
    nodes[4] = Controller(cluster, 4, "fourth", controller_quorum_bootstrap_servers=",".join(
        nodes[node_id].address for node_id in (1, 2, 3)))

    def healthy(*wanted):
        for node_id in wanted:
            found = cluster.quorum(nodes[node_id].address)
            if found and ids(found) == list(wanted) and found["healthy"]:
                return True
        return False
    try:
        for node in (nodes[1], nodes[2], nodes[3], broker):
            node.format()
        for node in (nodes[1], nodes[2], broker):
            node.start()
        create_on(broker, "before")
        status, _, err = feature(cluster, broker, "upgrade", "kraft.version=1")
        assert status == 1 and "voter 3 has not told this leader" in err, err
        nodes[3].start()
        must_become_records(cluster, broker)
        for node in (nodes[1], nodes[2], nodes[3], broker):
            wait_for(lambda: kraft_version(cluster, node) == 1, 20, f"{node.name} knows")
        status, _, err = feature(cluster, broker, "downgrade", "kraft.version=0")
        assert status == 1 and "stay records" in err, err
        assert feature(cluster, broker, "upgrade", "kraft.version=1")[0] == 0  # nothing to do

        nodes[4].format("--no-initial-controllers")
        nodes[4].start()
        for words in (["add", "4"], ["remove", "1"]):
            status, _, err = cluster.craft("quorum", *words, "--bootstrap-server", broker.address,
                                           "--timeout", "30", timeout=60)
            assert status == 0, err
        wait_for(lambda: healthy(2, 3, 4), 30, "other voters")
        nodes[1].stop()
        nodes[1].wipe()
        # The settings still name the static voters: the log counts.
        for node in (broker, nodes[2], nodes[3], nodes[4]):
            node.stop()
        for node in (nodes[2], nodes[3], nodes[4], broker):
            node.start()
        wait_for(lambda: healthy(2, 3, 4), 30, "the same voters after a restart")
        create_on(broker, "after")
        found = AdminClient({"bootstrap.servers": broker.address}).list_topics(timeout=10).topics
        assert {"before", "after"} <= set(found), found
    finally:
        for node in [broker, *nodes.values()]:
            node.stop()


def create_on(broker, name):
    """Creates a topic as soon as the broker serves."""
    def done():
        client = AdminClient({"bootstrap.servers": broker.address, "log_level": 0})
        client.create_topics([NewTopic(name, 1, 1)], request_timeout=5)[name].result(10)
        return True
    wait_for(done, 40, f"{name} is created")


# ---- by themselves ----
@case
def one_controller_becomes_three():
    cluster = lonely("grows")
    first = Controller(cluster, 1, "first")
    first.format("--standalone")
    others = [Controller(cluster, i, f"other-{i}", controller_quorum_auto_join_enable="true",
                         controller_quorum_bootstrap_servers=first.address +
                         ",no-such-host.invalid:9") for i in (2, 3)]

    def voters():
        found = cluster.quorum(first.address)
        return ids(found) if found and found["healthy"] else None
    try:
        first.start()
        wait_for(lambda: voters() == [1], 20, "it leads alone")
        for other in others:
            other.format("--no-initial-controllers")
            other.start()
        wait_for(lambda: voters() == [1, 2, 3], 40, "the others have joined")
        # One that has lost its disk takes its own place again.
        others[0].stop(signal.SIGKILL)
        others[0].wipe()
        others[0].format("--no-initial-controllers")
        others[0].start()

        def again():
            found = cluster.quorum(first.address)
            with open(others[0].path + "/meta.properties") as meta:
                text = meta.read()
            return voters() == [1, 2, 3] and f"directory.id={found['voters'][1]['directoryId']}" \
                in text
        wait_for(again, 40, "the wiped one is a voter under its new directory id")
    finally:
        for controller in [first, *others]:
            controller.stop()


@case
def names_that_do_not_resolve_stop_nobody():
    cluster = Cluster("names", controllers=3, brokers=1)
    known = cluster.address("controller-2")
    cluster.options += ["--override", "controller.quorum.bootstrap.servers="
                        f"no-such-host.invalid:9,{known},gone.invalid:9"]
    cluster.start()
    create_topic(cluster, unique("names"), 1, 1)
    # The one that can be found is down: the log knows the others.
    cluster.kill("controller-2")
    cluster.stop("broker-1")
    cluster.start("broker-1")
    create_topic(cluster, unique("names"), 1, 1)


# ---- health ----
@case
def status_tells_who_is_not_well():
    cluster = Cluster("health", controllers=3, brokers=1)
    cluster.start()
    quorum = Quorum(cluster)
    assert quorum.ask("status", by="broker")[0] == 0
    out = quorum.must("status")
    for node in cluster.controllers:
        assert cluster.address(node) in out, out
    silent = followers(cluster)[0]
    cluster.pause(silent)

    def told():
        status, _, err = quorum.ask("status", "--max-lag-ms", "1000", by="broker")
        return status == 1 and f"voter {id_of(silent)} is silent" in err
    wait_for(told, 20, "a silent voter is told")
    state = quorum.state()
    wait_for(lambda: quorum.state()["problems"], 20, "the same in JSON")
    assert [v["status"] for v in state["voters"]].count("leader") == 1
    cluster.resume(silent)
    quorum.wait([3001, 3002, 3003], "its return")
    for node in cluster.controllers[1:]:
        cluster.kill(node)
    def leaderless(first):
        order = cluster.controllers[first:] + cluster.controllers[:first]
        status, _, err = cluster.craft("quorum", "status", "--bootstrap-controller",
                                       ",".join(cluster.address(node) for node in order),
                                       "--timeout", "2", timeout=20)
        assert status == 1, err
        return "no leader was found" in err
    wait_for(lambda: leaderless(0), 30, "who lives says that nobody leads")
    # Whoever of those that do not answer is asked last.
    assert all(leaderless(first) for first in (0, 1, 2))


main(own_clusters=True)
