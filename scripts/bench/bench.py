#!/usr/bin/python3
"""Measures a cluster on this machine: speed, CPU a message, latency, idle cost, failover.

    bench.py [--runs 5] [--only produce100,create,...] [--bin build/opt/bin] [--fill-gib N]
             [--json FILE]

Starts three controllers and three brokers of its own (data in build/bench), drives them with
build/opt/tests/load (librdkafka) and python3-confluent-kafka, prints medians and ranges, and stops
them.

  produce100   100 B values, acks=all, RF 3, 4 partitions, linger 50 ms, 1 MB batches,
               6,000,000 messages
  produce1k    1 KiB values, 1,000,000 messages
  idempotent   produce100 with enable.idempotence
  keyed        3,000,000 messages of 100 B with 10,000 keys over 100 partitions
  unkeyed      the same without keys: librdkafka fills one partition after the other (KIP-480)
  spread       the same without keys, each message to a partition of its own choice: what a hundred
               small batches cost, so that keyed / spread is what keys cost
  consume100   5,000,000 messages of 100 B read back from one partition; steady: from the first
               message that the client delivers to the last, without its start
  fetch100     the same by plain Fetch requests, one after the other, records not parsed: how fast
               the servers hand them out
  latency200   200 messages/s of 100 B, linger 0, one partition, 20 s: send to ack
  latency1000  the same at 1,000 messages/s
  idle         CPU per cent of a core and RSS of each kind of process over 20 s
  create       100 topics created one after the other
  controller   kill -9 of the active controller: until the next topic is created
  leader       kill -9 of a partition leader under 200 messages/s: longest time without an ack
  start        format to all brokers unfenced, empty directories
  many         one topic of 10,000 partitions, RF 3: from the request until all are led, and what
               they cost: memory for each replica, open files and mappings of all brokers, CPU per
               cent of a core for an idle broker; then what happens beside them: create, latency200

Throughputs are taken after a warm-up; the CPU of a load is user + system of all six processes.
The page cache is filled with a clean file first (see measure.py and docs/benchmarks.md).
"""
import argparse
import os
import shutil
import subprocess
import sys
import time

from confluent_kafka.admin import NewTopic
from measure import LOADS, ONCE, ROOT, Cluster, FullPageCache, machine, options_of, save, show
from measure import show_ratios

sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from lib import free_port_base  # noqa: E402

MANY = 10_000


class Craft(Cluster):
    name = "craft"

    def __init__(self, bin_dir):
        self.bin = os.path.join(ROOT, bin_dir)
        super().__init__(free_port_base(3, 3), os.path.join(self.bin, "craft"))

    def sh(self, *args, check=True):
        script = os.path.join(ROOT, "scripts", "cluster.sh")
        options = ["--dir", self.dir, "--port-base", str(self.port_base), "--bin", self.bin]
        done = subprocess.run([script, *args, *options], capture_output=True, text=True)
        if check and done.returncode:
            sys.exit(f"cluster.sh {' '.join(args)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def fresh(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
        began = time.monotonic()
        self.sh("start")
        return time.monotonic() - began

    def kill(self, node):
        self.sh("kill", node)

    def start(self, node):
        self.sh("start", node)

    def stop(self):
        self.sh("stop", check=False)


def start(cluster):
    return {"format_to_unfenced_ms": cluster.fresh() * 1000}


def data_files(cluster):
    """Open files and mappings of partitions' data, of all brokers."""
    count = {"fd": 0, "maps": 0}
    for pid in cluster.pids("broker"):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                path = os.readlink(f"/proc/{pid}/fd/{fd}")
            except FileNotFoundError:
                continue
            count["fd"] += path.endswith((".log", "index"))
        with open(f"/proc/{pid}/maps") as maps:
            count["maps"] += sum(line.rstrip().endswith((".log", "index")) for line in maps)
    return count


def many(cluster):
    cluster.fresh()
    rss, files = sum(cluster.rss_mib("broker")), data_files(cluster)
    admin, topic = cluster.admin(), f"many-{time.time_ns()}"
    began = time.monotonic()
    admin.create_topics([NewTopic(topic, MANY, 3)], request_timeout=60)[topic].result(60)
    created = time.monotonic() - began
    cluster.wait_led(topic, MANY)
    led = time.monotonic() - began
    time.sleep(15)  # what is opened for a moment is closed again
    cpu = cluster.cpu_s("broker")
    time.sleep(20)
    cpu = cluster.cpu_s("broker") - cpu
    now = data_files(cluster)
    grown = sum(cluster.rss_mib("broker")) - rss
    creations = LOADS["create"](cluster)
    beside = LOADS["latency200"](cluster)
    cluster.fresh()
    return {
        "created_ms": created * 1000,
        "led_ms": led * 1000,
        "KiB/replica": grown * 1024 / (3 * MANY),
        "open_files": now["fd"] - files["fd"],
        "mappings": now["maps"] - files["maps"],
        "broker_cpu_%": cpu / 20 * 100 / 3,
        "create_p50_ms": creations["p50_ms"],
        "latency200_p50_us": beside["p50_us"],
        "latency200_server_cpu_us/msg": beside["server_cpu_us/msg"],
    }


OURS = {"start": start, **LOADS, "many": many}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options = options_of(parser, OURS)
    cluster = Craft(options.bin)
    results = {}
    print(f"# {machine()}")
    try:
        cluster.fresh()
        with FullPageCache(options.fill_gib) as page_cache:
            for name in options.only.split(","):
                runs = 1 if name in ONCE else options.runs
                results[name] = []
                for _ in range(runs):
                    page_cache.refill()
                    results[name].append(OURS[name](cluster))
                show(name, cluster.name, results[name])
        show_ratios(cluster.name, results)
    finally:
        cluster.stop()
    save(options.json, results)


if __name__ == "__main__":
    main()
