"""What the measurements of this folder share: clusters as seen from outside, loads, the machine.

A load is a function of a cluster that returns figures by name. All of them work on any cluster that
speaks Kafka's protocol; what only one kind of cluster can do is a method of its class.
"""
import contextlib
import glob
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from fetch import Fetcher

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH_DIR = os.path.join(ROOT, "build", "bench")
LOAD = os.path.join(ROOT, "build", "opt", "tests", "load")
HZ = os.sysconf("SC_CLK_TCK")
GIB = 1 << 30
BATCHING = [
    "linger.ms=50",
    "batch.num.messages=10000",
    "batch.size=1000000",
    "queue.buffering.max.messages=1000000",
    "queue.buffering.max.kbytes=1048576",
]
DEADLINE_S = 60
CONSUMED = 5_000_000
FETCH_PASSES = 4  # CPU is counted in steps of 10 ms; a pass takes but a few dozen of them


class Cluster:
    """Three controllers and three brokers; NODE.pid files in `dir`, brokers at port_base + 1 …"""

    name = ""

    def __init__(self, port_base, craft):
        self.dir = os.path.join(BENCH_DIR, self.name)
        self.craft = craft  # the command line, which talks to any cluster
        self.port_base = port_base
        self.bootstrap = ",".join(f"127.0.0.1:{port_base + n}" for n in (1, 2, 3))

    def pids(self, kind):
        return [int(open(f).read()) for f in sorted(glob.glob(f"{self.dir}/{kind}-*.pid"))]

    def cpu_s(self, *kinds):
        total = 0
        for pid in [p for kind in kinds or ("broker", "controller") for p in self.pids(kind)]:
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / HZ

    def rss_mib(self, kind):
        return [
            int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{p}/status").read())[1]) / 1024
            for p in self.pids(kind)
        ]

    def admin(self):
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def create(self, partitions=4):
        topic, admin = f"bench-{time.time_ns()}", self.admin()
        admin.create_topics([NewTopic(topic, partitions, 3)])[topic].result(30)
        self.wait_led(topic, partitions)
        return topic

    def wait_led(self, topic, partitions):
        admin = self.admin()

        def led():
            found = admin.list_topics(topic, 10).topics[topic].partitions.values()
            return len(found) == partitions and all(p.leader >= 0 for p in found)

        wait_for(led, "leaders of " + topic)

    def delete(self, topic):
        admin = self.admin()
        admin.delete_topics([topic])[topic].result(30)

    def generate(self, mode, topic, count, size, *properties):
        done = subprocess.run(
            [LOAD, mode, self.bootstrap, topic, str(count), str(size), *properties],
            capture_output=True,
            text=True,
            timeout=600,
        )
        if done.returncode:
            sys.exit(f"load {mode} failed: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def active_controller(self):
        out = subprocess.run(
            [
                self.craft,
                "quorum",
                "status",
                "--bootstrap-server",
                self.bootstrap,
                "--format",
                "json",
            ],
            capture_output=True,
            text=True,
        )
        return json.loads(out.stdout)["leaderId"] - 3000

    def whole(self):
        """All brokers are there, and every replica is in sync."""
        found = self.admin().list_topics(timeout=10)
        return len(found.brokers) == 3 and all(
            len(p.isrs) == len(p.replicas)
            for t in found.topics.values()
            for p in t.partitions.values()
        )

    def wait_whole(self):
        wait_for(self.whole, "all nodes up, unfenced and in sync")

    def kill(self, node):
        raise NotImplementedError

    def start(self, node):
        raise NotImplementedError


def wait_for(condition, what):
    end = time.monotonic() + DEADLINE_S
    while True:
        try:
            if condition():
                return
        except Exception:  # the cluster is still settling
            pass
        if time.monotonic() > end:
            sys.exit(f"waited {DEADLINE_S} s in vain for {what}")
        time.sleep(0.05)


def timed_load(cluster, mode, topic, count, size, properties):
    before = cluster.cpu_s()
    result = cluster.generate(mode, topic, count, size, *properties)
    cpu = cluster.cpu_s() - before
    figures = {
        "msg/s": count / result["seconds"],
        "MB/s": count * max(size, 100) / result["seconds"] / 1e6,
        "server_cpu_us/msg": cpu * 1e6 / count,
    }
    if "steady_seconds" in result:
        figures["steady_msg/s"] = count / result["steady_seconds"]
    return figures


def produce(size, count, warm, *properties, partitions=4):
    def run(cluster):
        topic = cluster.create(partitions)
        args = ["acks=all", *BATCHING, *properties]
        cluster.generate("produce", topic, warm, size, *args)
        result = timed_load(cluster, "produce", topic, count, size, args)
        cluster.delete(topic)
        return result

    return run


def written(cluster, count):
    """A topic of one partition with so many messages of 100 B."""
    topic = cluster.create(1)
    cluster.generate("produce", topic, count, 100, "acks=all", *BATCHING)
    return topic


def consume(cluster):
    topic = written(cluster, CONSUMED)
    args = ["queued.min.messages=1000000", "fetch.message.max.bytes=10485760"]
    cluster.generate("consume", topic, CONSUMED, 0, *args)
    result = timed_load(cluster, "consume", topic, CONSUMED, 0, args)
    cluster.delete(topic)
    return result


def fetch(cluster):
    topic = written(cluster, CONSUMED)
    with Fetcher(cluster, topic) as fetcher:
        fetcher.read(CONSUMED)
        cpu, began = cluster.cpu_s(), time.monotonic()
        size = sum(fetcher.read(CONSUMED) for _ in range(FETCH_PASSES))
        seconds = time.monotonic() - began
        cpu = cluster.cpu_s() - cpu
    cluster.delete(topic)
    count = CONSUMED * FETCH_PASSES
    return {
        "msg/s": count / seconds,
        "MB/s": size / seconds / 1e6,
        "server_cpu_us/msg": cpu * 1e6 / count,
    }


def latency(rate):
    def run(cluster):
        topic = cluster.create(1)
        args = ["acks=all", "linger.ms=0", "partition=0", f"rate={rate}"]
        cluster.generate("latency", topic, rate * 3, 100, *args)
        before = cluster.cpu_s()
        result = cluster.generate("latency", topic, rate * 20, 100, *args)
        cpu = (cluster.cpu_s() - before) * 1e6 / (rate * 20)
        cluster.delete(topic)
        return {
            "p50_us": result["p50_us"],
            "p99_us": result["p99_us"],
            "p99.9_us": result["p999_us"],
            "server_cpu_us/msg": cpu,
        }

    return run


def idle(cluster):
    before = {kind: cluster.cpu_s(kind) for kind in ("broker", "controller")}
    time.sleep(20)
    out = {}
    for kind in before:
        out[f"{kind}_cpu_%"] = (cluster.cpu_s(kind) - before[kind]) / 20 * 100 / 3
        out[f"{kind}_rss_MiB"] = statistics.median(cluster.rss_mib(kind))
    return out


def creations(cluster, count):
    admin, took = cluster.admin(), []
    for _ in range(count):
        topic = f"bench-{time.time_ns()}"
        began = time.monotonic()
        admin.create_topics([NewTopic(topic, 1, 3)])[topic].result(10)
        took.append((time.monotonic() - began) * 1000)
    return sorted(took)


def create(cluster):
    took = creations(cluster, 100)
    return {"p50_ms": took[50], "p99_ms": took[98]}


# ---- nodes that die ----


def kill_controller(cluster):
    creations(cluster, 5)
    admin, node = cluster.admin(), f"controller-{cluster.active_controller()}"
    cluster.kill(node)
    began = time.monotonic()
    while True:
        topic = f"bench-{time.time_ns()}"
        try:
            admin.create_topics(
                [NewTopic(topic, 1, 3)], request_timeout=0.25, operation_timeout=0.25
            )[topic].result(1.25)
            break
        except Exception:
            if time.monotonic() - began > DEADLINE_S:
                sys.exit("no topic was created after the kill")
            admin = cluster.admin()
    gap = (time.monotonic() - began) * 1000
    cluster.start(node)
    cluster.wait_whole()
    return {"kill_to_next_create_ms": gap}


def kill_leader(cluster):
    topic = cluster.create(1)
    admin = cluster.admin()
    node = f"broker-{admin.list_topics(topic, 10).topics[topic].partitions[0].leader}"
    acked, failed, stop = [], [], threading.Event()
    producer = Producer(
        {
            "bootstrap.servers": cluster.bootstrap,
            "acks": "all",
            "linger.ms": 5,
            "log_level": 0,
            "message.timeout.ms": 60000,
        }
    )

    def done(err, message):
        (failed if err else acked).append((time.monotonic(), message.value()))

    def pump():
        n = 0
        while not stop.is_set():
            producer.produce(topic, str(n).encode(), on_delivery=done)
            n += 1
            producer.poll(0)
            time.sleep(0.005)
        producer.flush(60)

    thread = threading.Thread(target=pump)
    thread.start()
    wait_for(lambda: len(acked) > 400, "a steady load")
    cluster.kill(node)
    killed = time.monotonic()
    wait_for(
        lambda: len([1 for t, _ in acked[-50:] if t > killed + 0.5]) == 50, "acks after the kill"
    )
    stop.set()
    thread.join()
    cluster.start(node)
    cluster.wait_whole()
    times = [t for t, _ in acked]
    gap = max(b - a for a, b in zip(times, times[1:])) * 1000
    lost, twice = read_back(cluster, topic, [v for _, v in acked])
    cluster.delete(topic)
    return {
        "longest_gap_ms": gap,
        "acked": len(acked),
        "failed": len(failed),
        "lost": lost,
        "duplicates": twice,
    }


def read_back(cluster, topic, values):
    consumer = Consumer(
        {"bootstrap.servers": cluster.bootstrap, "group.id": topic, "enable.partition.eof": True}
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    seen = {}
    while True:
        message = consumer.poll(20)
        if message is None or message.error():
            break
        seen[message.value()] = seen.get(message.value(), 0) + 1
    consumer.close()
    return sum(v not in seen for v in values), sum(n - 1 for n in seen.values())


# ---- the loads of every cluster ----

LOADS = {
    "idle": idle,
    "create": create,
    "produce100": produce(100, 6_000_000, 1_000_000),
    "produce1k": produce(1024, 1_000_000, 200_000),
    "idempotent": produce(100, 6_000_000, 1_000_000, "enable.idempotence=true"),
    "keyed": produce(100, 3_000_000, 500_000, "keys=10000", partitions=100),
    "unkeyed": produce(100, 3_000_000, 500_000, partitions=100),
    "spread": produce(
        100, 3_000_000, 500_000, "sticky.partitioning.linger.ms=0", partitions=100
    ),
    "consume100": consume,
    "fetch100": fetch,
    "latency200": latency(200),
    "latency1000": latency(1000),
    "controller": kill_controller,
    "leader": kill_leader,
}
ONCE = {"idle", "many"}
RATIOS = (("keyed", "unkeyed"), ("keyed", "spread"))  # of messages/s


# ---- the machine ----


def machine():
    model = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo").read())
    memory = re.search(r"MemTotal:\s+(\d+)", open("/proc/meminfo").read())
    return (
        f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), "
        f"{int(memory[1]) // 1048576} GiB, Linux {platform.release()}"
    )


def memory_bytes(field):
    return int(re.search(field + r":\s+(\d+)", open("/proc/meminfo").read())[1]) * 1024


class FullPageCache:
    """Keeps the page cache full of a clean file, which is deleted in the end.

    A machine that has been up for a while has no memory that was never used: what is written goes
    into pages taken from an old file. A virtual machine that was just started, or that gave memory
    back to its host, pays some 10 us for the first touch of each page instead, more than all the
    rest of a write. The removal of a topic gives memory back, too, so `refill` before each load.
    `gib` None: all memory but 4 GiB; 0: none.
    """

    FREE = 768 << 20  # as much as the kernel keeps free by itself, and the processes' own room
    BLOCK = 8 << 20

    def __init__(self, gib):
        os.makedirs(BENCH_DIR, exist_ok=True)
        self.path = os.path.join(BENCH_DIR, "filling")
        size = memory_bytes("MemAvailable") - 4 * GIB if gib is None else int(gib * GIB)
        room = shutil.disk_usage(BENCH_DIR).free - 8 * GIB
        if size > room:
            room = max(room, 0)
            print(f"# the disk has room for {room / GIB:.1f} of {size / GIB:.1f} GiB of filling")
        self.size = max(min(size, room), 0)

    def __enter__(self):
        if not self.size:
            print("# page cache not filled: first touches of memory are in the figures")
            return self
        began, block = time.monotonic(), os.urandom(self.BLOCK)
        with open(self.path, "wb") as f:
            for _ in range(self.size // self.BLOCK):
                f.write(block)
            f.flush()
            os.fsync(f.fileno())
        print(f"# page cache filled: {self.size / GIB:.1f} GiB in {time.monotonic() - began:.0f} s")
        return self

    def __exit__(self, *_):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def refill(self):
        """Reads back what was evicted, until no memory is free or all of it is there."""
        if not self.size:
            return
        with open(self.path, "rb", buffering=0) as f:
            while memory_bytes("MemFree") > self.FREE and f.read(self.BLOCK):
                pass


def show(load, name, samples, base=None):
    """Prints medians and ranges; `base`: samples of the cluster to compare with."""
    for key in samples[0]:
        values = sorted(s[key] for s in samples)
        middle, ratio = statistics.median(values), ""
        if base:
            other = statistics.median(s[key] for s in base)
            ratio = f"  x{middle / other:.3f}" if other else ""
        row = f"{load:12} {name:8} {key:24} {middle:12.4g}"
        print(f"{row}  [{values[0]:.4g} .. {values[-1]:.4g}]{ratio}", flush=True)


def show_ratios(name, samples):
    """Compares loads of one cluster; `samples` by the name of the load, those that were run."""
    for load, base in RATIOS:
        if load in samples and base in samples:
            rates = [statistics.median(s["msg/s"] for s in samples[x]) for x in (load, base)]
            print(f"{load:12} {name:8} {'msg/s of ' + base:24} {rates[0] / rates[1]:12.4g}")


def options_of(parser, loads):
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default=",".join(loads))
    parser.add_argument("--bin", default="build/opt/bin")
    parser.add_argument("--fill-gib", type=float, help="of the page cache; default: all but 4 GiB")
    parser.add_argument("--json", help="a file for all samples")
    options = parser.parse_args()
    for name in options.only.split(","):
        if name not in loads:
            parser.error(f"there is no load {name}; there are {', '.join(loads)}")
    return options


def save(path, results):
    if path:
        with open(path, "w") as f:
            json.dump(results, f, indent=1)
