#!/usr/bin/python3
"""Under attack and under load: hostile frames, idle and slow and greedy peers, no descriptors left,
no memory left. Whatever they do, a client beside them works, and memory keeps its bounds.

CRAFT_ATTACK_S is how long the frames are thrown (12 s)."""
import os
import random
import resource
import selectors
import socket
import struct
import threading
import time

from confluent_kafka import Consumer, Producer

from lib import (Cluster, case, create_topic, main, new_topic, produce_all, read_all, unique,
                 wait_for)
from wire import APIS, Connection, has, request

SECONDS = float(os.environ.get("CRAFT_ATTACK_S", "12"))
SEED = int(os.environ.get("SEED", "20261121"))
CONNECTIONS = 64
BUDGET = 32 << 20
# A node under ASan keeps freed memory in quarantine (small() bounds it) and shadows it all.
MEMORY_MAX = 900 << 20
IDLE, BUSY = 5000, 500
FRAME_TIMEOUT_S = 30


def small(name, *overrides):
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=32"
    return Cluster(name, controllers=1, brokers=1,
                   overrides=[f"queued.max.request.bytes={BUDGET}", *overrides])


def pid_of(cluster, node):
    with open(os.path.join(cluster.dir, node + ".pid")) as file:
        return int(file.read())


def memory(cluster, node):
    """The resident bytes of a node."""
    with open(f"/proc/{pid_of(cluster, node)}/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


class Bystander:
    """Writes and reads all the while; every record must be acknowledged and read back in order."""

    def __init__(self, cluster):
        self.topic = new_topic(cluster, "bystander", replicas=1)
        self.cluster = cluster
        self.sent, self.errors, self.read = 0, [], []
        self.slowest = 0.0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=target, daemon=True)
                        for target in (self.write, self.consume)]
        for thread in self.threads:
            thread.start()

    def write(self):
        producer = Producer({"bootstrap.servers": self.cluster.bootstrap, "acks": "all",
                             "enable.idempotence": True, "linger.ms": 0})
        while not self.stopping.is_set():
            start = time.monotonic()
            producer.produce(self.topic, b"%d" % self.sent,
                             on_delivery=lambda error, _: error and self.errors.append(error))
            self.sent += 1
            if producer.flush(30):
                self.errors.append("not acknowledged within 30 s")
            self.slowest = max(self.slowest, time.monotonic() - start)
            time.sleep(0.01)

    def consume(self):
        consumer = Consumer({"bootstrap.servers": self.cluster.bootstrap,
                             "group.id": unique("bystander"), "auto.offset.reset": "earliest"})
        consumer.subscribe([self.topic])
        deadline = None
        while deadline is None or (len(self.read) < self.sent and time.monotonic() < deadline):
            message = consumer.poll(0.2)
            if message and not message.error():
                self.read.append(int(message.value()))
            if self.stopping.is_set() and deadline is None:
                self.threads[0].join()
                deadline = time.monotonic() + 30
        consumer.close()

    def end(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors[:3]
        assert self.sent > 10 and self.read == list(range(self.sent)), (self.sent, self.read[-3:])
        print(f"    bystander: {self.sent} records, the slowest took {self.slowest:.2f} s")


# ---- frames ----
# What a client may ask for and would disturb everybody: the bodies keep these from meaning it.
HARMLESS = {"NumPartitions": 1, "ReplicationFactor": 9, "Count": 1, "ValidateOnly": True,
            "BrokerId": 7777, "TimeoutMs": 100, "timeoutMs": 100, "MaxWaitMs": 10, "Acks": 1,
            "SessionTimeoutMs": 6000, "RebalanceTimeoutMs": 100, "Topics": None, "ClusterId": "x"}
# Topics and a group that are there to be attacked, and words that mean something: half of all texts
# are one of these, so that requests get past the first look.
PREY = ["prey-0", "prey-1"]
WORDS = [*PREY, *PREY, "prey-group", "consumer", "range", "uniform", "retention.ms", "1", "p.*"]
# Controllers are not for strangers: their votes and registrations are true by definition.
QUORUM = {"Vote", "BeginQuorumEpoch", "EndQuorumEpoch", "BrokerRegistration", "BrokerHeartbeat",
          "ControllerRegistration", "AddRaftVoter", "RemoveRaftVoter", "UpdateRaftVoter",
          "UnregisterBroker", "Fetch", "FetchSnapshot", "UpdateFeatures"}


def random_value(rng, field):
    kind = field.kind
    if kind == "bool":
        return rng.random() < 0.5
    if kind.startswith(("int", "uint")):
        bits = int(kind.lstrip("uint"))
        low, high = (0, 2**bits - 1) if kind[0] == "u" else (-2**(bits - 1), 2**(bits - 1) - 1)
        return rng.choice((0, 1, low, high, rng.randint(low, high), min(high, 3)))
    if kind == "float64":
        return rng.random()
    if kind == "uuid":
        return rng.randbytes(16)
    if kind == "string" and rng.random() < 0.5:
        return rng.choice(WORDS)
    if kind == "string":
        return "".join(rng.choice("abcxyz-._0") for _ in range(rng.randrange(0, 12)))
    return rng.randbytes(rng.randrange(0, 90))


def random_body(rng, structure, version, depth=0):
    values = {}
    for field in structure.fields:
        if not has(field.versions, version):
            continue
        if HARMLESS.get(field.name) is not None:
            values[field.name] = HARMLESS[field.name]
        elif has(field.nullable, version) and rng.random() < 0.3:
            values[field.name] = None
        elif field.kind == "struct" and field.array:
            values[field.name] = [random_body(rng, field, version, depth + 1)
                                  for _ in range(rng.randrange(0, 3 if depth < 2 else 2))]
        elif field.kind == "struct":
            values[field.name] = random_body(rng, field, version, depth + 1)
        elif field.array:
            values[field.name] = [random_value(rng, field) for _ in range(rng.randrange(0, 4))]
        else:
            values[field.name] = random_value(rng, field)
    return values


def corpus(cluster, node, rng):
    """Real frames of every API and version that the node serves."""
    with Connection("127.0.0.1", cluster.port(node)) as connection:
        served = connection.call("ApiVersions", 3)["ApiKeys"]
    names = {api.key: name for name, api in APIS.items()}
    frames = []
    for api in served:
        name = names[api["ApiKey"]]
        if node.startswith("controller") and name in QUORUM:
            continue
        for version in range(api["MinVersion"], api["MaxVersion"] + 1):
            for _ in range(3):
                body = random_body(rng, APIS[name].request, version)
                frames.append(request(name, version, **body))
    return frames


def mutated(rng, frame):
    """What to send, and whether the frame still ends where it says."""
    way = rng.randrange(6)
    if way == 0:
        return frame
    if way == 1:  # cut short, and the connection with it
        return frame[:rng.randrange(1, len(frame))]
    data = bytearray(frame)
    if way == 2:  # a shorter body in an honest frame
        body = data[4:rng.randrange(4, len(data)) + 1]
        return struct.pack(">i", len(body)) + body
    if way == 3:  # a larger one
        body = data[4:] + rng.randbytes(rng.randrange(1, 3000))
        return struct.pack(">i", len(body)) + body
    if way == 4:  # a wrong size
        return struct.pack(">i", rng.choice((-1, 0, 1, 2**31 - 1, 99 << 20))) + data[4:]
    for _ in range(rng.randrange(1, 8)):
        data[rng.randrange(8, len(data))] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
    return bytes(data)


class Thrower:
    """One hostile connection after the other."""

    def __init__(self, rng, port, frames):
        self.rng, self.port, self.frames = rng, port, frames
        self.socket, self.out, self.thrown = None, b"", 0

    def open(self):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", self.port))
        self.out = b""

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def step(self):
        """A little writing and reading; any end is a new beginning."""
        if self.socket is None:
            self.open()
            return
        try:
            if not self.out:
                self.out = mutated(self.rng, self.rng.choice(self.frames))
                self.thrown += 1
            self.out = self.out[self.socket.send(self.out):]
            while True:
                if not self.socket.recv(1 << 16):
                    self.close()
                    return
        except BlockingIOError:
            pass
        except OSError:
            self.close()
        if self.rng.random() < 0.02:
            self.close()


def throw(cluster, node, seconds, peak):
    rng = random.Random(f"{SEED} {node}")
    frames = corpus(cluster, node, rng)
    throwers = [Thrower(rng, cluster.port(node), frames) for _ in range(CONNECTIONS)]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for thrower in throwers:
            thrower.step()
        peak[node] = max(peak.get(node, 0), memory(cluster, node))
        time.sleep(0.001)
    for thrower in throwers:
        thrower.close()
    print(f"    {node}: {sum(t.thrown for t in throwers)} frames of {len(frames)} thrown, "
          f"at most {peak[node] >> 20} MiB")


@case
def hostile_frames_harm_nobody():
    print(f"    SEED={SEED}", flush=True)
    cluster = small("frames")
    cluster.start()
    for topic in PREY:
        create_topic(cluster, topic, 2, replicas=1)
        produce_all(cluster, topic, [{"value": b"x", "partition": n % 2} for n in range(10)])
    bystander = Bystander(cluster)
    peak = {}
    for node in cluster.nodes:
        throw(cluster, node, SECONDS / 2, peak)
    bystander.end()
    assert max(peak.values()) < MEMORY_MAX, peak
    cluster.check()
    cluster.stop()


# ---- many connections ----
@case
def thousands_of_idle_and_hundreds_of_busy_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
    cluster = small("many")
    cluster.start()
    port = cluster.port("broker-1")
    before = memory(cluster, "broker-1")
    idle = []
    for _ in range(IDLE):
        idle.append(socket.create_connection(("127.0.0.1", port), 30))
    bystander = Bystander(cluster)
    asking = request("ApiVersions", 0)
    busy = selectors.DefaultSelector()
    for _ in range(BUSY):
        connection = socket.create_connection(("127.0.0.1", port), 30)
        connection.sendall(asking)
        busy.register(connection, selectors.EVENT_READ)
    answers = 0
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        for key, _ in busy.select(1):
            if key.fileobj.recv(1 << 16):
                answers += 1
                key.fileobj.sendall(asking)
    bystander.end()
    print(f"    {answers} answers to {BUSY} busy connections beside {IDLE} idle ones, "
          f"{(memory(cluster, 'broker-1') - before) // (IDLE + BUSY)} bytes a connection")
    assert answers > 10 * BUSY
    for connection in idle:
        connection.close()
    for key in list(busy.get_map().values()):
        key.fileobj.close()
    cluster.check()
    cluster.stop()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# ---- slow and greedy peers ----
def is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1 << 16) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@case
def slow_peers_are_bounded_and_closed_after_their_time():
    cluster = small("slow")
    cluster.start()
    topic = new_topic(cluster, "slow", replicas=1)
    produce_all(cluster, topic, [{"value": os.urandom(500000)} for _ in range(40)])
    port = cluster.port("broker-1")
    before = memory(cluster, "broker-1")
    bystander = Bystander(cluster)
    # Readers that ask for 20 MB over and over, and take nothing.
    fetch = request("Fetch", 4, ReplicaId=-1, MaxWaitMs=0, MinBytes=1, MaxBytes=1 << 30, Topics=[
        {"Topic": topic, "Partitions": [{"Partition": 0, "FetchOffset": 0,
                                         "PartitionMaxBytes": 1 << 30}]}])
    greedy = []
    for _ in range(20):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.sendall(fetch * 50)
        greedy.append(connection)
    # Some announce more than anybody may: they are not waited for.
    for size in ((100 << 20) + 1, 1 << 30, 2**31 - 1):
        with socket.create_connection(("127.0.0.1", port), 30) as connection:
            connection.sendall(struct.pack(">i", size) + b"\0" * 100)
            connection.settimeout(10)
            assert connection.recv(1) == b"", f"a frame of {size} bytes is not waited for"
    # Writers that never finish a request.
    unfinished = []
    for size in (100, 1 << 20):
        for _ in range(10):
            connection = socket.create_connection(("127.0.0.1", port), 30)
            connection.sendall(struct.pack(">i", size) + fetch[4:60])
            unfinished.append(connection)
    wait_for(lambda: all(is_closed(connection) for connection in unfinished),
             FRAME_TIMEOUT_S + 20, "unfinished frames to be closed")
    bystander.end()
    # Those that announce the budget many times over have none of it; those that send a good part
    # of what they announced have what they sent, and not all.
    liars = []
    for sent in (100, 100, 100, BUDGET // 3, BUDGET // 3, BUDGET // 3):
        connection = socket.create_connection(("127.0.0.1", port), 30)
        liars.append(connection)
        connection.sendall(struct.pack(">i", 99 << 20))
        connection.setblocking(False)
        left = memoryview(bytes(sent))
        try:
            while left:
                left = left[connection.send(left):]
        except BlockingIOError:  # it is held back, or its socket is full
            pass
    start = time.monotonic()
    produce_all(cluster, topic, [{"value": b"after"}])
    took = time.monotonic() - start
    assert took < FRAME_TIMEOUT_S / 3, f"{took:.1f} s"
    for connection in liars:
        connection.close()
    # Their own buffers may have taken a little; what counts is that nothing piles up.
    grown = memory(cluster, "broker-1") - before
    assert grown < MEMORY_MAX / 2, f"{grown >> 20} MiB more"
    for connection in greedy:
        connection.close()
    cluster.check()
    cluster.stop()


@case
def without_descriptors_accepts_pause_and_come_back():
    cluster = small("descriptors")
    cluster.start()
    pid, port = pid_of(cluster, "broker-1"), cluster.port("broker-1")
    open_now = len(os.listdir(f"/proc/{pid}/fd"))
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    bystander = Bystander(cluster)
    wait_for(lambda: len(bystander.read) > 3, 20, "the bystander to be connected")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + 60, hard))
    crowd = []
    while len(crowd) < 200:  # until not even the backlog has room
        try:
            crowd.append(socket.create_connection(("127.0.0.1", port), 2))
        except TimeoutError:
            break
    wait_for(lambda: "accept paused" in cluster.log_text("broker-1"), 20, "accepts to pause")
    waiting = crowd[-10:]
    for connection in crowd[:-10]:
        connection.close()
    for connection in waiting:
        connection.settimeout(20)
        connection.sendall(request("ApiVersions", 0))
        assert connection.recv(4)
        connection.close()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    bystander.end()
    cluster.check()
    cluster.stop()


@case
def a_spent_budget_pauses_producers_and_aborts_nothing():
    cluster = small("budget", "queued.max.request.bytes=2097152")
    cluster.start()
    topic = new_topic(cluster, "budget", partitions=8, replicas=1)
    producers = [Producer({"bootstrap.servers": cluster.bootstrap, "enable.idempotence": True,
                           "linger.ms": 5, "batch.size": 900000, "message.timeout.ms": 120000})
                 for _ in range(16)]
    errors, value = [], os.urandom(100000)
    for n in range(25):
        for number, producer in enumerate(producers):
            producer.produce(topic, value, partition=number % 8,
                             on_delivery=lambda error, _: error and errors.append(error))
    deadline = time.monotonic() + 90
    for producer in producers:
        assert producer.flush(max(1, deadline - time.monotonic())) == 0
    assert not errors, errors[:3]
    assert sum(len(found) for found in read_all(cluster, topic).values()) == 25 * 16
    cluster.check()
    cluster.stop()


main(own_clusters=True)
