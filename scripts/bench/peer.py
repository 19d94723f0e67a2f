#!/usr/bin/python3
"""Measures craft beside Apache Kafka on this machine: the same loads, in turn, medians and ratios.

    peer.py [--runs 5] [--only produce100,latency200,...] [--bin build/opt/bin] [--fill-gib N]
            [--release 4.1.0] [--json FILE]

Both clusters, three controllers and three brokers each, are up at the same time; each load runs on
one of them at a time, and they take turns at being first. The loads are those of bench.py. The last
column is craft's median in units of Apache Kafka's.

The jars come from Maven Central through scripts/kafka-tool.sh, which keeps them in
$KAFKA_TOOL_CACHE. Where Java, Maven or the jars cannot be had, this says so and ends with status
77.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import time

from bench import Craft
from lib import free_port_base
from measure import LOADS, ONCE, ROOT, Cluster, FullPageCache, machine, options_of, save, show
from measure import show_ratios, wait_for

SKIPPED = 77
CLUSTER_ID = "bWFkZUJ5S2Fma2FDcmFmdA"
HEAP = {"broker": "512m", "controller": "256m"}
COMMON = {
    "controller.listener.names": "CONTROLLER",
    "offsets.topic.replication.factor": 3,
    "transaction.state.log.replication.factor": 3,
    "group.initial.rebalance.delay.ms": 0,
    "file.delete.delay.ms": 1000,
}


class Kafka(Cluster):
    name = "kafka"

    def __init__(self, craft, release):
        super().__init__(free_port_base(3, 3), craft)
        self.tool = os.path.join(ROOT, "scripts", "kafka-tool.sh")
        self.env = {**os.environ, "KAFKA_RELEASE": release}
        self.nodes = [f"{kind}-{n}" for kind in ("controller", "broker") for n in (1, 2, 3)]
        self.running = {}

    def jars(self):
        done = subprocess.run([self.tool, "--where"], env=self.env, capture_output=True, text=True)
        if done.returncode == SKIPPED:
            print(f"SKIPPED bench-peer: {done.stderr.strip()}")
            sys.exit(SKIPPED)
        if done.returncode:
            sys.exit(done.stderr)
        return done.stdout.strip()

    def write_properties(self, node):
        kind, number = node.split("-")
        number = int(number)
        voters = [f"{3000 + n}@127.0.0.1:{self.port_base + 1000 + n}" for n in (1, 2, 3)]
        if kind == "broker":
            own = {
                "node.id": number,
                "listeners": f"PLAINTEXT://127.0.0.1:{self.port_base + number}",
            }
        else:
            port = self.port_base + 1000 + number
            own = {"node.id": 3000 + number, "listeners": f"CONTROLLER://127.0.0.1:{port}"}
        own["process.roles"] = kind
        own["log.dirs"] = os.path.join(self.dir, node)
        own["controller.quorum.voters"] = ",".join(voters)
        with open(self.file(node, "properties"), "w") as f:
            f.writelines(f"{key}={value}\n" for key, value in {**COMMON, **own}.items())

    def file(self, node, kind):
        return os.path.join(self.dir, f"{node}.{kind}")

    def fresh(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        self.jars_dir = self.jars()
        for node in self.nodes:
            self.write_properties(node)
            format_args = ["format", "-t", CLUSTER_ID, "-c", self.file(node, "properties")]
            subprocess.run(
                [self.tool, "--class", "kafka.tools.StorageTool", *format_args],
                env=self.env,
                check=True,
                capture_output=True,
            )
        for node in self.nodes:
            self.start(node)
        wait_for(lambda: len(self.admin().list_topics(timeout=5).brokers) == 3, "Apache Kafka")

    def start(self, node):
        heap = HEAP[node.split("-")[0]]
        settings = os.path.join(os.path.dirname(self.jars_dir), "log4j2.properties")
        command = ["java", f"-Xmx{heap}", f"-Xms{heap}", "-XX:+UseG1GC"]
        command += ["-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35"]
        command += ["-Djava.awt.headless=true", f"-Dlog4j2.configurationFile={settings}"]
        command += ["-cp", f"{self.jars_dir}/*", "kafka.Kafka", self.file(node, "properties")]
        with open(self.file(node, "log"), "a") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # as craft's: Linux shares out busy cores by session
            )
        self.running[node] = process
        with open(self.file(node, "pid"), "w") as f:
            f.write(str(process.pid))

    def kill(self, node):
        self.running[node].send_signal(signal.SIGKILL)
        self.running.pop(node).wait()

    def stop(self):
        for node in [n for n in reversed(self.nodes) if n in self.running]:
            self.kill(node)


def one_load(name, clusters, runs, page_cache):
    samples = {c.name: [] for c in clusters}
    for i in range(runs):
        for cluster in clusters if i % 2 == 0 else clusters[::-1]:
            time.sleep(2)  # Apache Kafka deletes files of the last topic after a second
            page_cache.refill()
            samples[cluster.name].append(LOADS[name](cluster))
    first = samples[clusters[0].name]
    for cluster in clusters:
        own = samples[cluster.name]
        show(name, cluster.name, own, None if own is first else first)
    return samples


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--release", default="4.1.0", help="of Apache Kafka")
    options = options_of(parser, LOADS)
    craft = Craft(options.bin)
    kafka = Kafka(craft.craft, options.release)
    results = {}
    print(f"# {machine()}")
    try:
        kafka.fresh()
        craft.fresh()
        with FullPageCache(options.fill_gib) as page_cache:
            for name in options.only.split(","):
                runs = 1 if name in ONCE else options.runs
                results[name] = one_load(name, [kafka, craft], runs, page_cache)
        for cluster in kafka, craft:
            show_ratios(cluster.name, {load: own[cluster.name] for load, own in results.items()})
    finally:
        craft.stop()
        kafka.stop()
    save(options.json, results)


if __name__ == "__main__":
    main()
