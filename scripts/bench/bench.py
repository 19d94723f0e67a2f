#!/usr/bin/python3
"""Measures a cluster on this machine: speed, CPU a message, latency, idle cost, failover.

    bench.py [--runs 5] [--only produce100,create,...] [--bin build/opt/bin] [--json FILE]

Starts three controllers and three brokers of its own (data in build/bench), drives them with
build/opt/tests/load (librdkafka) and python3-confluent-kafka, prints medians and ranges, and stops
them.

  produce100   100 B values, acks=all, RF 3, 4 partitions, linger 50 ms, 1 MB batches,
               6,000,000 messages
  produce1k    1 KiB values, 1,000,000 messages
  idempotent   produce100 with enable.idempotence
  keyed        produce100 with 10,000 keys over 100 partitions
  consume100   5,000,000 messages of 100 B read back from one partition
  latency200   200 messages/s of 100 B, linger 0, one partition, 20 s: send to ack
  latency1000  the same at 1,000 messages/s
  idle         CPU per cent of a core and RSS of each kind of process over 20 s
  create       100 topics created one after the other
  controller   kill -9 of the active controller: until the next topic is created
  leader       kill -9 of a partition leader under 200 messages/s: longest time without an ack
  start        format to all brokers unfenced, empty directories

Throughputs are taken after a warm-up; the CPU of a load is user + system of all six processes.
"""
import argparse
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

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from lib import free_port_base  # noqa: E402

HZ = os.sysconf("SC_CLK_TCK")
BATCHING = [
    "linger.ms=50",
    "batch.num.messages=10000",
    "batch.size=1000000",
    "queue.buffering.max.messages=1000000",
    "queue.buffering.max.kbytes=1048576",
]
DEADLINE_S = 60


class Cluster:
    def __init__(self, options):
        self.dir = os.path.join(ROOT, "build", "bench", "cluster")
        self.bin = os.path.join(ROOT, options.bin)
        self.load = os.path.join(ROOT, "build", "opt", "tests", "load")
        self.port_base = free_port_base(3, 3)
        self.bootstrap = ",".join(f"127.0.0.1:{self.port_base + n}" for n in (1, 2, 3))

    def sh(self, *args, check=True):
        done = subprocess.run(
            [
                os.path.join(ROOT, "scripts", "cluster.sh"),
                *args,
                "--dir",
                self.dir,
                "--port-base",
                str(self.port_base),
                "--bin",
                self.bin,
            ],
            capture_output=True,
            text=True,
        )
        if check and done.returncode:
            sys.exit(f"cluster.sh {' '.join(args)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def fresh(self):
        self.sh("stop", check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
        began = time.monotonic()
        self.sh("start")
        return time.monotonic() - began

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

        def led():
            found = admin.list_topics(topic, 10).topics[topic].partitions.values()
            return len(found) == partitions and all(p.leader >= 0 for p in found)

        wait_for(led, "leaders of " + topic)
        return topic

    def delete(self, topic):
        admin = self.admin()
        admin.delete_topics([topic])[topic].result(30)

    def generate(self, mode, topic, count, size, *properties):
        done = subprocess.run(
            [self.load, mode, self.bootstrap, topic, str(count), str(size), *properties],
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
                os.path.join(self.bin, "craft"),
                "quorum",
                "status",
                "--bootstrap-server",
                self.bootstrap,
                "--format",
                "json",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(out.stdout)["leaderId"] - 3000

    def wait_whole(self):
        wait_for(
            lambda: subprocess.run(
                [
                    os.path.join(ROOT, "scripts", "cluster.sh"),
                    "status",
                    "--dir",
                    self.dir,
                    "--port-base",
                    str(self.port_base),
                    "--bin",
                    self.bin,
                ],
                capture_output=True,
            ).returncode
            == 0,
            "all nodes up and unfenced",
        )


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
    return {
        "msg/s": count / result["seconds"],
        "MB/s": count * max(size, 100) / result["seconds"] / 1e6,
        "server_cpu_us/msg": cpu * 1e6 / count,
    }


def produce(size, count, warm, *properties, partitions=4):
    def run(cluster):
        topic = cluster.create(partitions)
        args = ["acks=all", *BATCHING, *properties]
        cluster.generate("produce", topic, warm, size, *args)
        result = timed_load(cluster, "produce", topic, count, size, args)
        cluster.delete(topic)
        return result

    return run


def consume(cluster):
    topic, count = cluster.create(1), 5_000_000
    cluster.generate("produce", topic, count, 100, "acks=all", *BATCHING)
    args = ["queued.min.messages=1000000", "fetch.message.max.bytes=10485760"]
    cluster.generate("consume", topic, count, 0, *args)
    result = timed_load(cluster, "consume", topic, count, 0, args)
    cluster.delete(topic)
    return result


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


def controller(cluster):
    creations(cluster, 5)
    admin, node = cluster.admin(), f"controller-{cluster.active_controller()}"
    cluster.sh("kill", node)
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
    cluster.sh("start", node)
    cluster.wait_whole()
    return {"kill_to_next_create_ms": gap}


def leader(cluster):
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
    cluster.sh("kill", node)
    killed = time.monotonic()
    wait_for(
        lambda: len([1 for t, _ in acked[-50:] if t > killed + 0.5]) == 50, "acks after the kill"
    )
    stop.set()
    thread.join()
    cluster.sh("start", node)
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


def start(cluster):
    return {"format_to_unfenced_ms": cluster.fresh() * 1000}


LOADS = {
    "start": start,
    "idle": idle,
    "create": create,
    "produce100": produce(100, 6_000_000, 1_000_000),
    "produce1k": produce(1024, 1_000_000, 200_000),
    "idempotent": produce(100, 6_000_000, 1_000_000, "enable.idempotence=true"),
    "keyed": produce(100, 3_000_000, 500_000, "keys=10000", partitions=100),
    "consume100": consume,
    "latency200": latency(200),
    "latency1000": latency(1000),
    "controller": controller,
    "leader": leader,
}
ONCE = {"idle"}


def machine():
    model = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo").read())
    memory = re.search(r"MemTotal:\s+(\d+)", open("/proc/meminfo").read())
    return (
        f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), "
        f"{int(memory[1]) // 1048576} GiB, Linux {platform.release()}"
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default=",".join(LOADS))
    parser.add_argument("--bin", default="build/opt/bin")
    parser.add_argument("--json")
    options = parser.parse_args()
    cluster = Cluster(options)
    results = {}
    print(f"# {machine()}")
    try:
        cluster.fresh()
        for name in options.only.split(","):
            samples = [LOADS[name](cluster) for _ in range(1 if name in ONCE else options.runs)]
            results[name] = samples
            for key in samples[0]:
                values = sorted(s[key] for s in samples)
                row = f"{name:12} {key:24} {statistics.median(values):12.4g}"
                print(f"{row}  [{values[0]:.4g} .. {values[-1]:.4g}]", flush=True)
    finally:
        cluster.sh("stop", check=False)
    if options.json:
        with open(options.json, "w") as f:
            json.dump(results, f, indent=1)


main()
