#!/usr/bin/python3
"""The voters of the quorum change while topics are created: controllers are added, removed,
replaced after the loss of their disk, moved to another address. Nothing acknowledged is lost."""
import itertools
import os
import shutil
import signal
import subprocess
import threading
import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from lib import BIN, Cluster, case, create_topic, is_free, main, unique, wait_for


def ids(quorum, kind="voters"):
    return [replica["id"] for replica in quorum[kind]]


PORTS = itertools.count(31000 + os.getpid() % 700)


def free_port():
    """One that nobody has and that was not given before."""
    return next(port for port in PORTS if is_free(port))


class Controller:
    """A controller beside those of cluster.sh, or in the place of one of them."""

    def __init__(self, cluster, node_id, name, port=None, **settings):
        self.cluster, self.node_id, self.name = cluster, node_id, name
        self.port = port or free_port()
        self.settings = settings
        self.path = os.path.join(cluster.dir, name)
        self.process = None
        self.write()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def write(self):
        servers = ",".join(self.cluster.address(node) for node in self.cluster.controllers)
        lines = {"process.roles": "controller", "node.id": self.node_id,
                 "listeners": f"CONTROLLER://{self.address}",
                 "controller.listener.names": "CONTROLLER",
                 "controller.quorum.bootstrap.servers": servers, "log.dirs": self.path}
        lines.update({key.replace("_", "."): value for key, value in self.settings.items()})
        with open(self.path + ".properties", "w") as file:
            file.writelines(f"{key}={value}\n" for key, value in lines.items())

    def format(self, *how):
        with open(os.path.join(self.cluster.dir, "cluster.conf")) as conf:
            cluster_id = next(line.split("=", 1)[1].strip() for line in conf
                              if line.startswith("cluster-id="))
        status, _, err = self.cluster.craft("format", "--config", self.path + ".properties",
                                            "--cluster-id", cluster_id, *how)
        assert status == 0, err

    def start(self):
        log = open(self.path + ".log", "a")
        self.process = subprocess.Popen([BIN + "/craft-controller", "--config",
                                         self.path + ".properties"], stdout=log, stderr=log)
        return self

    def stop(self, number=signal.SIGTERM):
        if self.process:
            self.process.send_signal(number)
            self.process.send_signal(signal.SIGCONT)
            self.process.wait(30)
            self.process = None

    def wipe(self):
        shutil.rmtree(self.path)


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


class Quorum:
    """craft quorum …, asked of a cluster's controllers or brokers."""

    def __init__(self, cluster):
        self.cluster = cluster

    def ask(self, *words, by="controller", timeout=20):
        nodes = self.cluster.controllers if by == "controller" else self.cluster.brokers
        up = ",".join(self.cluster.address(node) for node in nodes if node in self.cluster.up)
        option = "--bootstrap-controller" if by == "controller" else "--bootstrap-server"
        return self.cluster.craft("quorum", *words, option, up, "--timeout", str(timeout),
                                  timeout=timeout + 20)

    def must(self, *words, **options):
        status, out, err = self.ask(*words, **options)
        assert status == 0, f"craft quorum {' '.join(words)}: exit {status}: {err}"
        return out

    def refused(self, said, *words, **options):
        status, _, err = self.ask(*words, **options)
        assert status == 1 and said in err, f"craft quorum {' '.join(words)}: {status} {err}"

    def state(self):
        for node in self.cluster.controllers:
            found = self.cluster.quorum(self.cluster.address(node)) \
                if node in self.cluster.up else None
            if found:
                return found
        return None

    def wait(self, voters, what):
        """Waits until these are the voters, and all is well."""
        def so():
            found = self.state()
            return found and ids(found) == sorted(voters) and found["healthy"] and found
        return wait_for(so, 30, f"voters {voters}, all well, after {what}")


# ---- under load ----
def followers(cluster):
    leader = cluster.active_controller()
    return [node for node in cluster.controllers if node != leader and node in cluster.up]


def id_of(node):
    return 3000 + int(node[-1])


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


@case
def static_voters_stay():
    cluster = Cluster("static", controllers=1, brokers=0)
    os.makedirs(cluster.dir)
    with open(os.path.join(cluster.dir, "cluster.conf"), "w") as conf:
        conf.write("cluster-id=MTExMTExMTExMTExMTExMQ\n")
    port = free_port()
    alone = Controller(cluster, 1, "alone", port, controller_quorum_bootstrap_servers="",
                       controller_quorum_voters=f"1@127.0.0.1:{port}")
    alone.format()
    alone.start()
    try:
        wait_for(lambda: cluster.quorum(alone.address), 20, "it leads")
        second = Controller(cluster, 2, "second",
                            controller_quorum_bootstrap_servers=alone.address)
        second.format("--no-initial-controllers")
        second.start()
        wait_for(lambda: ids(cluster.quorum(alone.address), "observers") == [2], 20, "it follows")
        status, _, err = cluster.craft("quorum", "add", "2", "--bootstrap-controller",
                                       alone.address, "--timeout", "2")
        assert status == 1 and "controller.quorum.voters" in err, err
        second.stop()
    finally:
        alone.stop()


# ---- by themselves ----
@case
def one_controller_becomes_three():
    cluster = Cluster("grows", controllers=1, brokers=0)
    os.makedirs(cluster.dir)
    with open(os.path.join(cluster.dir, "cluster.conf"), "w") as conf:
        conf.write("cluster-id=MTExMTExMTExMTExMTExMQ\n")
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
    status, _, err = quorum.ask("status", timeout=4)
    assert status == 1 and "no leader" in err or "cannot reach" in err, err


main(own_clusters=True)
