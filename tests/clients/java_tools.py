#!/usr/bin/python3
"""Apache Kafka's own command-line tools, unchanged, of 3.9 and 4.1, against a cluster of ours.

    tests/clients/java_tools.py               both releases, all tools
    tests/clients/java_tools.py 4.1.0 topics  one release; cases whose names hold a word

They come from Maven Central (scripts/kafka-tool.sh); where they cannot be had, this is skipped.
CRAFT_BIN is where the daemons are (build/bin).
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time

from ends import finish, own_cluster

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOOL = os.path.join(ROOT, "scripts/kafka-tool.sh")
RELEASES = ("3.9.1", "4.1.0")
TIMEOUT_S = 90
CASES = []


def case(function):
    CASES.append(function)
    return function


class Tools:
    """One release's tools on one cluster."""

    def __init__(self, cluster, release):
        self.cluster = cluster
        self.release = release
        self.controller = cluster.address(cluster.controllers[0])
        self.topic = f"tools-{release}-{time.time_ns()}"

    def run(self, name, *words, text=None, ok=True):
        """Standard output and error of a tool that must end well (or, with ok=False, must not)."""
        run = subprocess.run([TOOL, name, *words], input=text, capture_output=True, text=True,
                             timeout=TIMEOUT_S, env={**os.environ, "KAFKA_RELEASE": self.release})
        both = run.stdout + run.stderr
        assert (run.returncode == 0) == ok, f"{name} {words}: exit {run.returncode}\n{both}"
        return both

    def at(self, name, *words, **options):
        flag = "--broker-list" if name == "kafka-verifiable-producer" and \
            self.release.startswith("3.") else "--bootstrap-server"
        return self.run(name, flag, self.cluster.bootstrap, *words, **options)

    def expect(self, pattern, text):
        assert re.search(pattern, text, re.M), f"no {pattern!r} in:\n{text}"


def json_file(value):
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as out:
        json.dump(value, out)
    return out.name


@case
def topics(t):
    t.at("kafka-topics", "--create", "--topic", t.topic, "--partitions", "3",
         "--replication-factor", "3", "--config", "retention.ms=86400000")
    t.expect(f"^{re.escape(t.topic)}$", t.at("kafka-topics", "--list"))
    described = t.at("kafka-topics", "--describe", "--topic", t.topic)
    t.expect(r"PartitionCount: 3\s+ReplicationFactor: 3\s+Configs: .*retention.ms=86400000",
             described)
    t.at("kafka-topics", "--alter", "--topic", t.topic, "--partitions", "4")
    t.expect("already exists", t.at("kafka-topics", "--create", "--topic", t.topic, ok=False))
    assert "Topic:" not in t.at("kafka-topics", "--describe", "--under-replicated-partitions")


@case
def configs(t):
    who = ("--entity-type", "topics", "--entity-name", t.topic)
    t.at("kafka-configs", "--alter", *who, "--add-config", "max.message.bytes=2000000")
    t.expect("max.message.bytes=2000000", t.at("kafka-configs", "--describe", *who))
    t.at("kafka-configs", "--alter", *who, "--delete-config", "max.message.bytes")
    t.expect("node.id=1 ", t.at("kafka-configs", "--describe", "--entity-type", "brokers",
                                "--entity-name", "1", "--all"))


@case
def console(t):
    lines = "".join(f"k{i}:v{i}\n" for i in range(100))
    t.at("kafka-console-producer", "--topic", t.topic, "--property", "parse.key=true",
         "--property", "key.separator=:", text=lines)
    read = t.at("kafka-console-consumer", "--topic", t.topic, "--from-beginning", "--max-messages",
                "100", "--property", "print.key=true", "--property", "key.separator=:",
                "--group", "g-" + t.topic)
    assert sorted(line for line in read.splitlines() if line.startswith("k")) == \
        sorted(lines.split()), read


@case
def consumer_groups(t):
    group = "g-" + t.topic
    t.expect(re.escape(group), t.at("kafka-consumer-groups", "--list"))
    described = t.at("kafka-consumer-groups", "--describe", "--group", group)
    t.expect(rf"{re.escape(t.topic)}\s+\d\s+\d+\s+\d+\s+0\b", described)
    t.expect("Empty", t.at("kafka-consumer-groups", "--describe", "--group", group, "--state"))
    t.at("kafka-consumer-groups", "--reset-offsets", "--group", group, "--topic", t.topic,
         "--to-earliest", "--execute")
    t.at("kafka-consumer-groups", "--delete-offsets", "--group", group, "--topic", t.topic)
    t.at("kafka-consumer-groups", "--delete", "--group", group)


@case
def offsets_and_records(t):
    total = sum(int(line.rsplit(":", 1)[1]) for line in
                t.at("kafka-get-offsets", "--topic", t.topic).splitlines()
                if line.startswith(t.topic))
    assert total == 100, total
    path = json_file({"partitions": [{"topic": t.topic, "partition": 0, "offset": 5}],
                      "version": 1})
    t.expect("low_watermark: 5", t.at("kafka-delete-records", "--offset-json-file", path))
    t.expect(r":0:5$", t.at("kafka-get-offsets", "--topic", t.topic, "--time", "-2"))


@case
def log_dirs(t):
    t.expect('"partition":"' + re.escape(t.topic) + "-0",
             t.at("kafka-log-dirs", "--describe", "--topic-list", t.topic))


@case
def reassign_and_elect(t):
    path = json_file({"version": 1, "partitions": [
        {"topic": t.topic, "partition": 0, "replicas": [2, 3]}]})
    t.at("kafka-reassign-partitions", "--execute", "--reassignment-json-file", path)
    deadline = time.monotonic() + 60
    while "is completed" not in t.at("kafka-reassign-partitions", "--verify",
                                     "--reassignment-json-file", path, "--preserve-throttles"):
        assert time.monotonic() < deadline, "the reassignment does not end"
    t.expect("No partition reassignments found", t.at("kafka-reassign-partitions", "--list"))
    t.at("kafka-leader-election", "--election-type", "preferred", "--all-topic-partitions")


@case
def quorum_and_features(t):
    for where in ("--bootstrap-server", t.cluster.bootstrap), \
            ("--bootstrap-controller", t.controller):
        t.expect(r"^LeaderId:\s+300[123]",
                 t.run("kafka-metadata-quorum", *where, "describe", "--status"))
        t.expect("Leader", t.run("kafka-metadata-quorum", *where, "describe", "--replication"))
        t.expect("metadata.version", t.run("kafka-features", *where, "describe"))
    t.expect("Cluster ID: ", t.run("kafka-cluster", "cluster-id", "--bootstrap-server",
                                   t.cluster.bootstrap))
    versions = t.at("kafka-broker-api-versions")
    t.expect(r"Fetch\(1\): \d+ to 1[78] \[usable", versions)
    assert "ERROR" not in versions, versions


@case
def features_are_upgraded(t):
    t.expect("kraft.version was upgraded to 1",
             t.at("kafka-features", "upgrade", "--feature", "kraft.version=1"))
    t.expect("stay records",
             t.at("kafka-features", "downgrade", "--feature", "kraft.version=0", ok=False))
    t.expect("2 for feature transaction.version. Controller 300. does not support this feature",
             t.at("kafka-features", "upgrade", "--feature", "transaction.version=2", ok=False))
    if t.release.startswith("4."):
        said = t.at("kafka-features", "upgrade", "--release-version", "4.1-IV1", ok=False)
        t.expect("27 for feature metadata.version. Controller 300. supports versions 7-25", said)
        t.expect("feature eligible.leader.replicas.version. Controller 300. does not", said)


@case
def static_voters_become_records(t):
    from lib import wait_for  # as main() does
    from quorum_lib import Controller, free_port, lonely
    port = free_port()
    alone = Controller(lonely(f"static-{t.release}"), 3001, "alone", port,
                       controller_quorum_bootstrap_servers="",
                       controller_quorum_voters=f"3001@127.0.0.1:{port}")
    alone.format()
    alone.start()
    where = "--bootstrap-controller", alone.address
    try:
        wait_for(lambda: t.cluster.quorum(alone.address), 20, "it leads")
        t.expect(r"kraft.version\s.*FinalizedVersionLevel: 0\s",
                 t.run("kafka-features", *where, "describe"))
        t.expect("kraft.version can be upgraded to 1",
                 t.run("kafka-features", *where, "upgrade", "--feature", "kraft.version=1",
                       "--dry-run"))
        t.run("kafka-features", *where, "upgrade", "--feature", "kraft.version=1")
        t.expect(r"kraft.version\s.*FinalizedVersionLevel: 1\s",
                 t.run("kafka-features", *where, "describe"))
    finally:
        alone.stop()


@case
def load_generators(t):
    props = ("--producer-props", f"bootstrap.servers={t.cluster.bootstrap}", "acks=all")
    t.expect("2000 records sent", t.run(
        "kafka-producer-perf-test", "--topic", t.topic, "--num-records", "2000", "--record-size",
        "100", "--throughput", "-1", *props))
    t.at("kafka-consumer-perf-test", "--topic", t.topic, "--messages", "2000")
    t.expect('"acked":100', t.at("kafka-verifiable-producer", "--topic", t.topic,
                                 "--max-messages", "100").replace(" ", ""))
    read = t.at("kafka-verifiable-consumer", "--topic", t.topic, "--group-id", "v-" + t.topic,
                "--max-messages", "100", "--reset-policy", "earliest")
    t.expect("records_consumed", read)


def no_complaint(text):
    for complaint in ("Mismatches", "not contiguous", "Non-consecutive", "corrupt",
                      "isvalid: false", "invalid bytes"):
        assert complaint not in text, f"{complaint}: {text}"


@case
def dump_log(t):
    """Segments, their indexes and the metadata log, as they lie there; indexes are written when a
    segment is closed."""
    t.cluster.stop()
    indexes = glob.glob(os.path.join(t.cluster.dir, "broker-*", t.topic + "-*", "*.index"))
    assert indexes, "no segment has an index"
    for path in indexes[:2]:
        base = path[:-len(".index")]
        files = [base + end for end in (".log", ".index", ".timeindex")
                 if os.path.exists(base + end)]
        text = t.run("kafka-dump-log", "--deep-iteration", "--files", ",".join(files))
        no_complaint(text)
        t.expect("isvalid: true", text)
    log = glob.glob(os.path.join(t.cluster.dir, "controller-1", "__cluster_metadata-0", "*.log"))
    text = t.run("kafka-dump-log", "--cluster-metadata-decoder", "--files", ",".join(log))
    no_complaint(text)
    t.expect("KRaftVoters", text)
    t.cluster.start()
    t.cluster.wait_until_whole()


@case
def topics_go(t):
    t.at("kafka-topics", "--delete", "--topic", t.topic)
    deadline = time.monotonic() + 30
    while t.topic in t.at("kafka-topics", "--list").split():
        assert time.monotonic() < deadline, "the topic is still there"


def run_release(cluster, release, words):
    """Words "passed", "failed"."""
    tools = Tools(cluster, release)
    ends = []
    for function in CASES:
        if words and not any(word in function.__name__ for word in words):
            continue
        try:
            function(tools)
            ends.append("passed")
            print(f"ok       {release} {function.__name__}", flush=True)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            ends.append("failed")
            print(f"FAIL     {release} {function.__name__}: {error}", flush=True)
    return ends


def main():
    releases = [word for word in sys.argv[1:] if word in RELEASES] or RELEASES
    words = [word for word in sys.argv[1:] if word not in RELEASES]
    usable = []
    for release in releases:
        fetch = subprocess.run([TOOL, "--fetch"], capture_output=True, text=True,
                               env={**os.environ, "KAFKA_RELEASE": release})
        if fetch.returncode == 0:
            usable.append(release)
        else:
            print(f"SKIPPED  Apache Kafka {release}: {fetch.stderr.strip()}", flush=True)
    ends = ["skipped"] * (len(releases) - len(usable))
    if usable:
        with own_cluster("java-tools") as cluster:
            for release in usable:
                ends += run_release(cluster, release, words)
    finish(ends)


if __name__ == "__main__":
    main()
