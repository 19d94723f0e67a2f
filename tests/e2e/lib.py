"""What end-to-end tests share: a cluster of real daemons, waiting, and the run of a file's cases.

A test file is a program:

    from lib import Cluster, case, main

    @case
    def topics_are_listed(cluster):
        ...

    main()          # brings up one cluster for the file, runs the cases in order, prints a summary

CRAFT_BIN is the directory of the programs (build/bin). CRAFT_BOOTSTRAP names a running cluster of
any make instead: cases that only talk to it run, files that kill nodes are skipped.
CRAFT_TEST_DIR is where clusters and logs go (build/test/e2e/FILE).
"""
import atexit
import fcntl
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get("CRAFT_BIN", os.path.join(ROOT, "build/bin")))
SCRIPT = os.path.splitext(os.path.basename(sys.argv[0]))[0]
DIR = os.environ.get("CRAFT_TEST_DIR", os.path.join(ROOT, "build/test/e2e", SCRIPT))
EXTERNAL = os.environ.get("CRAFT_BOOTSTRAP")
SKIPPED = 77

# Lines in a node's log that no run may have.
FATAL_LINES = re.compile(
    r"ERROR: (Address|Leak|Thread)Sanitizer|runtime error:|\bBUG:|AddressSanitizer:DEADLYSIGNAL")


class Skip(Exception):
    """This case cannot run here; the text says why."""


def wait_for(condition, deadline_s, what):
    """The first true value of condition(); fails when there is none in time. Errors count as false
    meanwhile: a cluster that changes may refuse for a moment."""
    deadline = time.monotonic() + deadline_s
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
        except AssertionError:
            raise
        except Exception as error:  # any client library's
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {deadline_s} s: {what}" +
                                 (f" (last: {last!r})" if last else ""))
        time.sleep(0.1)


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_port_base(controllers, brokers):
    """A base such that every port of such a cluster is free. Below the ephemeral ports, so that no
    client's socket takes one meanwhile."""
    rng = random.Random(os.getpid() * 1000003 + time.time_ns())
    while True:
        base = rng.randrange(12000, 30000)
        ports = [base + i for i in range(1, brokers + 1)]
        ports += [base + 1000 + i for i in range(1, controllers + 1)]
        if all(is_free(port) for port in ports):
            return base


CLUSTERS = []  # of the case that runs


class Cluster:
    """A cluster under build/test, driven through scripts/cluster.sh. It is stopped when the test
    ends, however it ends, and its directory stays for the one who looks for the reason."""

    def __init__(self, name="cluster", controllers=3, brokers=3, overrides=(),
                 log_dirs=1):
        self.dir = os.path.join(DIR, name)
        self.controllers = [f"controller-{i}" for i in range(1, controllers + 1)]
        self.brokers = [f"broker-{i}" for i in range(1, brokers + 1)]
        self.nodes = self.controllers + self.brokers
        self.port_base = free_port_base(controllers, brokers)
        self.up = set()  # nodes that must be alive
        self.options = ["--controllers", str(controllers), "--brokers", str(brokers),
                        "--port-base", str(self.port_base), "--bin", BIN,
                        "--log-dirs", str(log_dirs)]
        for override in overrides:
            self.options += ["--override", override]
        subprocess.run([ROOT + "/scripts/cluster.sh", "kill", "--dir", self.dir],
                       capture_output=True)  # left by a test that could not clean up
        shutil.rmtree(self.dir, ignore_errors=True)
        atexit.register(self.end)
        CLUSTERS.append(self)

    @property
    def bootstrap(self):
        return ",".join(self.address(node) for node in self.brokers)

    def address(self, node):
        return f"127.0.0.1:{self.port(node)}"

    def port(self, node):
        kind, number = node.rsplit("-", 1)
        return self.port_base + int(number) + (1000 if kind == "controller" else 0)

    def log(self, node):
        return os.path.join(self.dir, node + ".log")

    def log_text(self, node):
        with open(self.log(node), errors="replace") as log:
            return log.read()

    def script(self, *words):
        """Runs cluster.sh: (exit status, output)."""
        run = subprocess.run([ROOT + "/scripts/cluster.sh", *words, "--dir", self.dir],
                             capture_output=True, text=True, timeout=150)
        return run.returncode, run.stdout + run.stderr

    def must(self, *words):
        status, output = self.script(*words)
        assert status == 0, f"cluster.sh {' '.join(words)}: exit {status}\n{output}"
        return output

    def targets(self, node):
        return {node} if node else set(self.nodes)

    def start(self, node=None):
        output = self.must("start", *([node] if node else []), *self.options)
        self.up |= self.targets(node)
        return output

    def stop(self, node=None):
        self.up -= self.targets(node)
        self.must("stop", *([node] if node else []))

    def kill(self, node=None):
        self.up -= self.targets(node)
        self.must("kill", *([node] if node else []))

    def pause(self, node):
        self.must("pause", node)

    def resume(self, node):
        self.must("resume", node)

    def craft(self, *words, timeout=10):
        """Runs the command-line tool: (exit status, standard output, standard error)."""
        run = subprocess.run([BIN + "/craft", *words], capture_output=True, text=True,
                             timeout=timeout)
        return run.returncode, run.stdout, run.stderr

    def craft_json(self, *words):
        status, out, err = self.craft(*words, "--format", "json")
        assert status == 0, f"craft {' '.join(words)}: exit {status}: {err}"
        return json.loads(out)

    def quorum(self, address):
        """What a controller says of the quorum, well or not; None: it does not know a leader."""
        try:
            _, out, _ = self.craft("quorum", "status", "--bootstrap-controller", address,
                                   "--timeout", "5", "--format", "json")
        except subprocess.TimeoutExpired:
            return None
        return json.loads(out) if out else None

    def active_controller(self):
        """The node that leads the quorum, from the first running controller that knows."""
        def ask():
            for node in self.controllers:
                quorum = self.quorum(self.address(node)) if node in self.up else None
                if quorum:
                    leader = f"controller-{quorum['leaderId'] - 3000}"
                    if leader in self.up:
                        return leader
            return None
        return wait_for(ask, 30, "a controller that leads")

    def leader_of(self, topic, partition):
        """The node that leads a partition."""
        def ask():
            found = self.metadata(topic).partitions[partition].leader
            node = f"broker-{found}"
            return node if node in self.up else None
        return wait_for(ask, 30, f"a leader of {topic}-{partition}")

    def metadata(self, topic=None):
        running = ",".join(self.address(node) for node in self.brokers if node in self.up)
        client = AdminClient({"bootstrap.servers": running, "log_level": 0})
        cluster = client.list_topics(topic, timeout=5)
        return cluster.topics[topic] if topic else cluster

    def unfenced(self):
        """The ids of the brokers that serve."""
        for node in self.brokers:
            if node not in self.up:
                continue
            try:
                # Exit status 1 if one of them is not well; then the list is there as well.
                out = self.craft("broker", "list", "--bootstrap-server", self.address(node),
                                 "--format", "json")[1]
                return {broker["id"] for broker in json.loads(out) if not broker["fenced"]}
            except (ValueError, subprocess.TimeoutExpired):
                continue
        return set()

    def wait_until_whole(self, deadline_s=60):
        """Every broker serves, and every replica is in sync."""
        everybody = set(range(1, len(self.brokers) + 1))

        def whole():
            topics = self.metadata().topics.values()
            return self.unfenced() == everybody and all(
                len(p.isrs) == len(p.replicas) and p.leader > 0
                for t in topics for p in t.partitions.values())
        wait_for(whole, deadline_s, "all brokers unfenced, all replicas in sync")

    def check(self):
        """Nobody died by itself, no log tells of a bug."""
        status = {line.split()[0]: line.split()[3] for line in
                  self.script("status")[1].splitlines() if re.match(r"(controller|broker)-", line)}
        dead = sorted(node for node in self.up if status.get(node, "down") == "down")
        assert not dead, f"ended by itself: {', '.join(dead)}; see {self.dir}"
        self.check_logs()

    def check_logs(self):
        for node in self.nodes:
            if os.path.exists(self.log(node)):
                bad = [line for line in self.log_text(node).splitlines()
                       if FATAL_LINES.search(line)]
                assert not bad, f"{self.log(node)}: {bad[0]}"

    def end(self):
        if os.path.isdir(self.dir):
            self.script("resume")
            self.script("stop")
        self.up = set()


class External(Cluster):
    """A running cluster of any make, only to be talked to."""

    def __init__(self):
        self.nodes = self.brokers = self.controllers = []
        self.up = set()

    bootstrap = EXTERNAL

    def metadata(self, topic=None):
        client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        cluster = client.list_topics(topic, timeout=5)
        return cluster.topics[topic] if topic else cluster

    def start(self, node=None):
        pass

    def stop(self, node=None):
        pass

    def check(self):
        pass

    def check_logs(self):
        pass

    def end(self):
        pass


# ---- clients ----
SERIAL = itertools.count(1)


def unique(name):
    """A name that no earlier run used."""
    return f"{name}-{time.time_ns() // 1000 % 10**10}-{next(SERIAL)}"


def admin(cluster):
    return AdminClient({"bootstrap.servers": cluster.bootstrap})


def create_topic(cluster, name, partitions=1, replicas=3, **config):
    """Creates a topic and waits until every partition has a leader; dots are '_' in config."""
    config = {key.replace("_", "."): str(value) for key, value in config.items()}
    topic = NewTopic(name, partitions, replicas, config=config)
    client = admin(cluster)  # it must outlive its futures
    client.create_topics([topic], operation_timeout=20)[name].result(30)
    wait_for(lambda: len(cluster.metadata(name).partitions) == partitions and all(
        p.leader > 0 for p in cluster.metadata(name).partitions.values()),
        20, f"leaders of {name}")
    return name


def new_topic(cluster, name, partitions=1, replicas=3, **config):
    return create_topic(cluster, unique(name), partitions, replicas, **config)


def produce_all(cluster, topic, records, **config):
    """Produces dictionaries of produce()'s arguments; the delivered messages, in that order."""
    delivered = []
    errors = []

    def done(error, message):
        if error:
            errors.append(error)
        else:
            delivered.append(message)
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 5,
                         "message.timeout.ms": 60000, **config})
    for record in records:
        producer.produce(topic, on_delivery=done, **record)
        producer.poll(0)
    left = producer.flush(90)
    assert not errors, f"{len(errors)} were not delivered: {errors[0]}"
    assert left == 0, f"{left} are still in the queue"
    return delivered


def read_all(cluster, topic, **config):
    """Every record of a topic up to its present end: a list of messages per partition."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": unique("reader"),
                         "enable.auto.commit": False, "auto.offset.reset": "error", **config})
    try:
        found = {}
        left = {}
        for number in cluster.metadata(topic).partitions:
            tp = TopicPartition(topic, number)
            low, high = wait_for(lambda tp=tp: consumer.get_watermark_offsets(tp, timeout=10), 30,
                                 f"the ends of {topic}-{number}")
            found[number] = []
            if high > low:
                left[number] = (low, high)
        consumer.assign([TopicPartition(topic, p, low) for p, (low, _) in left.items()])
        deadline = time.monotonic() + 90
        while left:
            assert time.monotonic() < deadline, f"{topic}: not read to the end: {left}"
            message = consumer.poll(1)
            if message is None or message.error():
                continue
            p = message.partition()
            found[p].append(message)
            if p in left and message.offset() >= left[p][1] - 1:
                del left[p]
        return found
    finally:
        consumer.close()


# ---- the run of a file ----
CASES = []


def case(function):
    """Marks a function as a test; it gets the cluster, if the file has one."""
    CASES.append(function)
    return function


def run_with_own_clusters(function):
    CLUSTERS.clear()
    try:
        function()
        for cluster in CLUSTERS:
            cluster.check()
    finally:
        for cluster in CLUSTERS:
            cluster.end()
    for cluster in CLUSTERS:
        cluster.check_logs()  # leaks are reported at the end of a process


def run_case(function, cluster, heal=False):
    """"ok", "FAIL" or "skip", printed with its time. heal: first brings up what is down."""
    start = time.monotonic()
    word, note = "ok", ""
    try:
        if heal:
            cluster.start()
            cluster.wait_until_whole()
        if cluster is None:
            run_with_own_clusters(function)
        else:
            function(cluster)
            cluster.check()
    except Skip as reason:
        word, note = "skip", f": {reason}"
    except Exception:
        word, note = "FAIL", "\n" + traceback.format_exc()
    print(f"{word:4} {time.monotonic() - start:6.1f}s  {function.__name__}{note}", flush=True)
    return word


def main(needs_nodes=False, own_clusters=False, **options):
    """Runs the cases; words on the command line choose those whose names hold one of them.
    needs_nodes: they take nodes down. own_clusters: they bring up theirs. options go to Cluster().
    Never returns."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that clusters are stopped
    if not EXTERNAL and not os.access(BIN + "/craft-broker", os.X_OK):
        sys.exit(f"no programs in {BIN}: run make, or set CRAFT_BIN")
    if EXTERNAL and (needs_nodes or own_clusters):
        print(f"CRAFT_BOOTSTRAP is set, and {SCRIPT} needs nodes of its own")
        sys.exit(SKIPPED)
    chosen = [c for c in CASES
              if len(sys.argv) < 2 or any(word in c.__name__ for word in sys.argv[1:])]
    os.makedirs(DIR, exist_ok=True)
    lock = open(os.path.join(DIR, "lock"), "w")  # held until the process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"another run of this test uses {DIR}: wait for it, or set CRAFT_TEST_DIR")
    cluster = None
    if not own_clusters:
        cluster = External() if EXTERNAL else Cluster(**options)
        start = time.monotonic()
        cluster.start()
        print(f"cluster up after {time.monotonic() - start:.1f} s", flush=True)
    words = [run_case(function, cluster, needs_nodes) for function in chosen]
    if cluster:
        cluster.stop()
        try:
            cluster.check_logs()
        except AssertionError as error:
            print(f"FAIL after the stop: {error}")
            words.append("FAIL")
    print(f"{words.count('ok')} passed, {words.count('FAIL')} failed, "
          f"{words.count('skip')} skipped")
    sys.exit(1 if "FAIL" in words or "ok" not in words else 0)
