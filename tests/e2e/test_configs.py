#!/usr/bin/python3
"""Settings of topics, brokers and groups: what may be altered, how it is described, and that it
takes effect while everything runs."""
import glob
import os
import socket

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME

from lib import case, main, new_topic, produce_all, read_all, wait_for
from raw import (APPEND, BROKER, BROKER_LOGGER, CLIENT_METRICS, DELETE, GROUP, Raw, SET, SUBTRACT,
                 TOPIC)

UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG, INVALID_REQUEST = 3, 40, 42
BROKER_ID_NOT_REGISTERED = 102
SOURCE_TOPIC, SOURCE_BROKER, SOURCE_CLUSTER, SOURCE_STATIC, SOURCE_DEFAULT = 1, 2, 3, 4, 5
TYPE_PASSWORD, TYPE_LIST = 9, 7


def raw(cluster, node="broker-1"):
    return Raw(cluster.address(node))


def refused(cluster, topic, size, **config):
    """The error name of a record that the broker does not take, or None."""
    try:
        produce_all(cluster, topic, [{"value": os.urandom(size)}], acks="all",
                    **{"message.max.bytes": 10000000, "message.timeout.ms": 3000, **config})
    except AssertionError as error:
        return str(error)
    return None


# ---- what is refused ----

@case
def refusals(cluster):
    topic = new_topic(cluster, "refused")
    with raw(cluster) as admin:
        def alter(kind, name, key="retention.ms", value="1", operation=SET):
            return admin.alter_configs(kind, name, [(key, operation, value)])
        assert alter(TOPIC, "nothing")[0] == UNKNOWN_TOPIC_OR_PARTITION
        error, why = alter(TOPIC, topic, "retention.sm")
        assert error == INVALID_CONFIG and "retention.ms" in why, why
        error, why = alter(TOPIC, topic, "min.insync.replicas", "0")
        assert error == INVALID_CONFIG and "at least 1" in why, why
        assert alter(TOPIC, topic, value=None)[0] == INVALID_REQUEST
        assert alter(TOPIC, topic, "retention.ms", "1", APPEND)[0] == INVALID_CONFIG
        assert alter(TOPIC, topic, "retention.ms", "1", 9)[0] == INVALID_REQUEST
        assert admin.alter_configs(TOPIC, topic, [("retention.ms", SET, "1"),
                                                  ("retention.ms", SET, "2")])[0] == INVALID_REQUEST
        assert alter(BROKER, "99", "max.connections")[0] == BROKER_ID_NOT_REGISTERED
        assert alter(BROKER, "one", "max.connections")[0] == INVALID_REQUEST
        error, why = alter(BROKER, "1", "node.id", "7")
        assert error == INVALID_REQUEST and "Cannot update these configs dynamically" in why, why
        error, why = alter(BROKER, "", "advertised.listeners", "PLAINTEXT://h:1")
        assert error == INVALID_REQUEST, why
        for text in "h:1", "PLAINTEXT://0.0.0.0:9092", "A://h:1,A://h:2":
            error, why = alter(BROKER, "1", "advertised.listeners", text)
            assert error == INVALID_CONFIG, (text, error, why)
        assert alter(GROUP, "", "consumer.session.timeout.ms", "45000")[0] == INVALID_REQUEST
        for kind in CLIENT_METRICS, BROKER_LOGGER, 1, 77:
            assert alter(kind, "x", "interval.ms")[0] == INVALID_REQUEST, kind
            assert admin.describe_configs(kind, "x") == ({}, INVALID_REQUEST), kind
        assert admin.describe_configs(TOPIC, "nothing") == ({}, UNKNOWN_TOPIC_OR_PARTITION)
        assert admin.describe_configs(BROKER, "2") == ({}, INVALID_REQUEST)
        assert admin.describe_configs(GROUP, "") == ({}, INVALID_REQUEST)
        assert not [e for e in admin.describe_configs(TOPIC, topic)[0].values()
                    if e["config_source"] == SOURCE_TOPIC], "a refusal changes nothing"


# ---- what is stored and described ----

@case
def lists_grow_and_shrink(cluster):
    topic = new_topic(cluster, "lists")
    with raw(cluster) as admin:
        def policy():
            return admin.describe_configs(TOPIC, topic, ["cleanup.policy"])[0]["cleanup.policy"]
        steps = [(APPEND, "compact", "delete,compact"), (APPEND, "compact", "delete,compact"),
                 (SUBTRACT, "delete", "compact"), (SUBTRACT, "delete", "compact"),
                 (SET, "delete", "delete")]
        for operation, value, expected in steps:
            assert admin.alter_configs(
                TOPIC, topic, [("cleanup.policy", operation, value)]) == (0, None)
            entry = policy()
            assert (entry["value"], entry["config_source"]) == (expected, SOURCE_TOPIC)
            assert entry["config_type"] == TYPE_LIST
        admin.set_config(TOPIC, topic, "cleanup.policy", None)
        assert policy()["config_source"] == SOURCE_DEFAULT
        assert admin.alter_configs(TOPIC, topic, [("cleanup.policy", APPEND, "compact")],
                                   validate_only=True) == (0, None)
        assert policy()["value"] == "delete"


@case
def the_old_request_replaces_everything(cluster):
    topic = new_topic(cluster, "old", segment_bytes=1000000, max_message_bytes=2000)
    with raw(cluster) as admin:
        answer = admin.ask("AlterConfigs", validate_only=False, resources=[
            {"resource_type": TOPIC, "resource_name": topic,
             "configs": [{"name": "max.message.bytes", "value": "3000"},
                         {"name": "segment.ms", "value": "100000"}]}])
        assert answer["responses"][0]["error_code"] == 0, answer
        own = {name: e["value"] for name, e in admin.describe_configs(TOPIC, topic)[0].items()
               if e["config_source"] == SOURCE_TOPIC}
        assert own == {"max.message.bytes": "3000", "segment.ms": "100000"}, own


@case
def the_strongest_value_counts_and_all_are_told(cluster):
    topic = new_topic(cluster, "chain")
    with raw(cluster) as admin:
        def entry():
            return admin.describe_configs(TOPIC, topic, ["max.message.bytes"])[0][
                "max.message.bytes"]
        assert (entry()["value"], entry()["config_source"]) == ("1048588", SOURCE_DEFAULT)
        admin.set_config(BROKER, "", "message.max.bytes", "5000")
        assert (entry()["value"], entry()["config_source"]) == ("5000", SOURCE_CLUSTER)
        defaults = admin.describe_configs(BROKER, "")[0]
        assert list(defaults) == ["message.max.bytes"], defaults
        assert [s["source"] for s in defaults["message.max.bytes"]["synonyms"]] == [SOURCE_CLUSTER]
        admin.set_config(BROKER, "1", "message.max.bytes", "6000")
        assert (entry()["value"], entry()["config_source"]) == ("6000", SOURCE_BROKER)
        admin.set_config(TOPIC, topic, "max.message.bytes", "7000")
        assert [(s["name"], s["value"], s["source"]) for s in entry()["synonyms"]] == [
            ("max.message.bytes", "7000", SOURCE_TOPIC),
            ("message.max.bytes", "6000", SOURCE_BROKER),
            ("message.max.bytes", "5000", SOURCE_CLUSTER),
            ("message.max.bytes", "1048588", SOURCE_DEFAULT)]
        assert entry()["documentation"] == "Largest record batch that is accepted."
        with raw(cluster, "broker-2") as other:
            assert other.describe_configs(TOPIC, topic)[0]["max.message.bytes"]["value"] == "7000"
        admin.set_config(BROKER, "", "message.max.bytes", None)
        admin.set_config(BROKER, "1", "message.max.bytes", None)


@case
def brokers_describe_themselves_and_hide_secrets(cluster):
    with raw(cluster, "broker-2") as admin:
        admin.set_config(BROKER, "2", "ssl.keystore.password", "hunter2")
        entries, error = admin.describe_configs(BROKER, "2")
        assert error == 0
        node = entries["node.id"]
        assert (node["value"], node["read_only"], node["config_source"]) == ("2", True,
                                                                             SOURCE_STATIC)
        password = entries["ssl.keystore.password"]
        assert password["value"] is None and password["is_sensitive"]
        assert password["config_type"] == TYPE_PASSWORD and not password["read_only"]
        assert all(s["value"] is None for s in password["synonyms"])
        assert "no effect here" in password["documentation"]
        assert "hunter2" not in str(entries)

        # It is in the metadata log, where only those see it who ask for it.
        log = os.path.join(cluster.dir, "controller-1")
        for words in (["metadata", "show", "--log-dir", log],
                      ["metadata", "show", "--log-dir", log, "--format", "json"],
                      ["metadata", "diff", "1", "100000000", "--log-dir", log],
                      ["metadata", "diff", "1", "100000000", "--log-dir", log, "--format", "json"],
                      ["log", "dump", log + "/__cluster_metadata-0"]):
            wait_for(lambda words=words: "ssl.keystore.password" in cluster.craft(*words)[1], 10,
                     f"{words} tells of the setting")
            assert "hunter2" not in cluster.craft(*words)[1], words
            assert "hunter2" in cluster.craft(*words, "--show-sensitive")[1], words
        admin.set_config(BROKER, "2", "ssl.keystore.password", None)


# ---- what takes effect at once ----

@case
def the_size_of_messages_follows(cluster):
    topic = new_topic(cluster, "size")
    with raw(cluster) as admin:
        assert refused(cluster, topic, 20000) is None
        admin.set_config(TOPIC, topic, "max.message.bytes", "10000")
        assert "MSG_SIZE_TOO_LARGE" in refused(cluster, topic, 20000)
        admin.set_config(TOPIC, topic, "max.message.bytes", None)
        assert refused(cluster, topic, 20000) is None
        admin.set_config(BROKER, "", "message.max.bytes", "10000")
        assert "MSG_SIZE_TOO_LARGE" in refused(cluster, topic, 20000)
        admin.set_config(TOPIC, topic, "max.message.bytes", "100000")
        assert refused(cluster, topic, 20000) is None
        admin.set_config(BROKER, "", "message.max.bytes", None)


@case
def segments_follow(cluster):
    topic = new_topic(cluster, "segments", replicas=2)

    def segments():
        return {len(glob.glob(os.path.join(cluster.dir, f"broker-{b}", f"{topic}-0", "*.log")))
                for b in cluster.metadata(topic).partitions[0].replicas}
    records = [{"value": os.urandom(1000)} for _ in range(40)]
    produce_all(cluster, topic, records, acks="all", **{"batch.size": 2000})
    assert segments() == {1}
    with raw(cluster) as admin:
        admin.set_config(TOPIC, topic, "segment.bytes", "10000")
    produce_all(cluster, topic, records, acks="all", **{"batch.size": 2000})
    wait_for(lambda: min(segments()) >= 4, 10, "small segments, on the follower too")
    assert len(read_all(cluster, topic)[0]) == 80


@case
def times_follow(cluster):
    topic = new_topic(cluster, "times")
    old = {"value": b"old", "timestamp": 1000}
    with raw(cluster) as admin:
        produce_all(cluster, topic, [old], acks="all")
        admin.set_config(TOPIC, topic, "message.timestamp.before.max.ms", "3600000")
        try:
            produce_all(cluster, topic, [old], acks="all")
            raise RuntimeError("a record from 1970 was taken")
        except AssertionError as error:
            assert "INVALID_TIMESTAMP" in str(error), error
        admin.set_config(TOPIC, topic, "message.timestamp.type", "LogAppendTime")
        produce_all(cluster, topic, [old], acks="all")
    kinds = [m.timestamp()[0] for m in read_all(cluster, topic)[0]]
    assert kinds == [TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME], kinds


@case
def the_isr_that_is_asked_for_follows(cluster):
    topic = new_topic(cluster, "isr", replicas=2)
    partition = cluster.metadata(topic).partitions[0]
    other = next(r for r in partition.replicas if r != partition.leader)
    with raw(cluster, f"broker-{partition.leader}") as admin:
        cluster.stop(f"broker-{other}")
        wait_for(lambda: len(cluster.metadata(topic).partitions[0].isrs) == 1, 10, "it left")
        assert refused(cluster, topic, 10) is None
        admin.set_config(TOPIC, topic, "min.insync.replicas", "2")
        why = refused(cluster, topic, 10)
        assert why is not None, "written by one replica of two"
        admin.set_config(TOPIC, topic, "min.insync.replicas", "1")
        assert refused(cluster, topic, 10) is None
    cluster.start(f"broker-{other}")
    cluster.wait_until_whole()


@case
def the_limit_of_connections_follows(cluster):
    def connections(count):
        """How many of so many connections to broker 2 are served."""
        served = 0
        opened = []
        for _ in range(count):
            try:
                opened.append(Raw(cluster.address("broker-2"), 2))
                served += opened[-1].describe_configs(BROKER, "2", ["node.id"])[1] == 0
            except (OSError, AssertionError):
                pass
        for each in opened:
            each.socket.close()
        return served
    with raw(cluster) as admin:
        assert connections(12) == 12
        admin.set_config(BROKER, "2", "max.connections.per.ip", "6")
        assert connections(12) < 12
        admin.set_config(BROKER, "2", "max.connections.per.ip", None)
        wait_for(lambda: connections(12) == 12, 10, "all are served again")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except ConnectionRefusedError:
        return False


def advertised(cluster, node):
    """{broker: (host, port)} as a broker tells its clients."""
    running = cluster.up
    cluster.up = {node}
    try:
        return {b.id: (b.host, b.port) for b in cluster.metadata().brokers.values()}
    finally:
        cluster.up = running


@case
def addresses_follow(cluster):
    topic = new_topic(cluster, "addresses", 3)
    port = cluster.port("broker-1")
    with raw(cluster, "broker-2") as admin:
        admin.set_config(BROKER, "1", "advertised.listeners", f"PLAINTEXT://localhost:{port}")
        for node in cluster.brokers:
            wait_for(lambda node=node: advertised(cluster, node)[1] == ("localhost", port), 10,
                     f"{node} tells the new address")
        produce_all(cluster, topic, [{"value": b"x", "partition": p} for p in range(3)],
                    acks="all")
        # It is so after a restart, too.
        cluster.kill("broker-1")
        cluster.start("broker-1")
        cluster.wait_until_whole()
        wait_for(lambda: advertised(cluster, "broker-3")[1] == ("localhost", port), 10,
                 "the address is told again")
        admin.set_config(BROKER, "1", "advertised.listeners", None)
        wait_for(lambda: advertised(cluster, "broker-3")[1] == ("127.0.0.1", port), 10,
                 "the address of the file is told")


@case
def listeners_come_and_go(cluster):
    first, second = cluster.port("broker-3"), free_port()
    one = f"PLAINTEXT://127.0.0.1:{first}"
    with raw(cluster) as admin:
        admin.set_config(BROKER, "3", "listeners", f"{one},EXTRA://127.0.0.1:{second}")
        extra = wait_for(lambda: Raw(f"127.0.0.1:{second}", 5), 10, "the new listener accepts")
        assert extra.describe_configs(BROKER, "3", ["node.id"])[1] == 0
        # Not without the one that brokers use: it stays as it is, and says why.
        admin.set_config(BROKER, "3", "listeners", f"EXTRA://127.0.0.1:{second}")
        wait_for(lambda: "listeners stay as they were" in cluster.log_text("broker-3"), 10,
                 "the log says so")
        assert extra.describe_configs(BROKER, "3", ["node.id"])[1] == 0
        admin.set_config(BROKER, "3", "listeners", None)
        wait_for(lambda: not is_open(second), 10, "nobody listens there")
        try:
            extra.describe_configs(BROKER, "3", ["node.id"])
            raise RuntimeError("its connections live on")
        except (OSError, AssertionError):
            pass
        with raw(cluster, "broker-3") as still:
            assert still.describe_configs(BROKER, "3", ["node.id"])[1] == 0


main(needs_nodes=True)
