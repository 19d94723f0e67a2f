#!/usr/bin/python3
"""craft config and craft topic alter, configs: settings and where they come from."""
from cli_lib import FAILED, USAGE, at, craft, json_at, rows, topic_of
from lib import case, main, unique, wait_for


def values(cluster, *words):
    """name: (value, source)"""
    return {row["name"]: (row["value"], row["source"])
            for row in json_at(cluster, "config", "get", *words)}


@case
def calls_that_make_no_sense(cluster):
    server = ["--bootstrap-server", cluster.bootstrap]
    for words, said in [
            (["config", "get"], "RESOURCE"), (["config", "get", "nonsense"], "defaults"),
            (["config", "get", "topic"], "NAME"), (["config", "get", "broker", "one"], "id"),
            (["config", "set", "topic", "t"], "NAME=VALUE"),
            (["config", "set", "topic", "t", "x"], "NAME=VALUE"),
            (["config", "unset", "defaults"], "SETTING"),
            (["topic", "alter", "t"], "--partitions"),
            (["topic", "alter", "t", "--config", "x"], "NAME=VALUE"),
            (["topic", "alter", "t", "--assignment", "1", "--config", "x=1"], "--partitions"),
            (["topic", "alter", "t", "--partitions", "3", "--assignment", "x"], "1:2:3")]:
        out, err = craft(*words, *server, status=USAGE)
        assert said in err and not out, f"{words}: {err}"


@case
def settings_of_topics(cluster):
    topic = topic_of(cluster, "settings", "--config", "retention.ms=1000")
    assert values(cluster, "topic", topic) == {"retention.ms": ("1000", "topic")}
    out = at(cluster, "config", "set", "topic", topic, "flush.ms=7", "cleanup.policy=compact")[0]
    assert out == f"changed topic {topic}\n"
    at(cluster, "config", "unset", "topic", topic, "retention.ms")
    assert values(cluster, "topic", topic) == {
        "cleanup.policy": ("compact", "topic"), "flush.ms": ("7", "topic")}
    assert values(cluster, "topic", topic, "retention.ms") == \
        {"retention.ms": ("604800000", "default")}
    everything = values(cluster, "topic", topic, "--all")
    assert len(everything) > 20 and everything["flush.ms"] == ("7", "topic")
    table = rows(at(cluster, "topic", "configs", topic, "--docs", "--format", "tsv")[0])
    assert [row["name"] for row in table] == ["cleanup.policy", "flush.ms"]
    assert all(row["description"] for row in table), table
    text = at(cluster, "topic", "configs", topic)[0]
    assert "READ ONLY" in text and "compact" in text, text


@case
def settings_are_refused_with_reasons(cluster):
    topic = topic_of(cluster, "refused")
    for change, said in [("retention.ms=soon", "retention.ms"), ("nonsense=1", "nonsense")]:
        err = at(cluster, "config", "set", "topic", topic, change, status=FAILED)[1]
        assert said in err and f"topic {topic}" in err, err
        # All or nothing.
        at(cluster, "config", "set", "topic", topic, "flush.ms=7", change, status=FAILED)
        assert values(cluster, "topic", topic) == {}
    out = at(cluster, "config", "set", "topic", topic, "flush.ms=7", "--validate-only")[0]
    assert "valid" in out and values(cluster, "topic", topic) == {}
    err = at(cluster, "config", "get", "topic", topic, "nonsense", status=FAILED)[1]
    assert "do not exist" in err, err
    gone = unique("gone")
    assert gone in at(cluster, "config", "get", "topic", gone, status=FAILED)[1]
    assert gone in at(cluster, "config", "set", "topic", gone, "flush.ms=1", status=FAILED)[1]
    assert "broker 99" in at(cluster, "config", "get", "broker", "99", status=FAILED)[1]


@case
def settings_of_brokers_and_their_defaults(cluster):
    topic = topic_of(cluster, "defaulted")
    at(cluster, "config", "set", "broker", "1", "log.cleaner.threads=2")
    at(cluster, "config", "set", "defaults", "log.retention.ms=5000000")
    wait_for(lambda: values(cluster, "broker", "1") ==
             {"log.cleaner.threads": ("2", "broker")}, 20, "the setting of broker 1")
    wait_for(lambda: values(cluster, "defaults") ==
             {"log.retention.ms": ("5000000", "defaults")}, 20, "the defaults")
    wait_for(lambda: values(cluster, "topic", topic, "retention.ms") ==
             {"retention.ms": ("5000000", "defaults")}, 20, "the default of a topic")
    assert values(cluster, "broker", "2", "node.id") == {"node.id": ("2", "file")}
    at(cluster, "config", "unset", "broker", "1", "log.cleaner.threads")
    at(cluster, "config", "unset", "defaults", "log.retention.ms")
    wait_for(lambda: values(cluster, "broker", "1") == {} and values(cluster, "defaults") == {},
             20, "no settings")


@case
def settings_by_the_controllers(cluster):
    controllers = ["--bootstrap-controller",
                   ",".join(cluster.address(c) for c in cluster.controllers)]
    group = unique("group")
    craft("config", "set", "group", group, "consumer.session.timeout.ms=50000", *controllers)
    wait_for(lambda: values(cluster, "group", group) ==
             {"consumer.session.timeout.ms": ("50000", "group")}, 20, "the group's setting")
    craft("config", "unset", "group", group, "consumer.session.timeout.ms", *controllers)
    wait_for(lambda: values(cluster, "group", group) == {}, 20, "no setting")


@case
def topics_are_altered(cluster):
    topic = topic_of(cluster, "altered", "--assignment", "1:2")
    at(cluster, "topic", "alter", topic, "--partitions", "3", "--assignment", "2:3,3:1",
       "--config", "flush.ms=7")

    def placed():
        [found] = json_at(cluster, "topic", "describe", topic)
        return [p["replicas"] for p in found["partitions"]] == [[1, 2], [2, 3], [3, 1]] and \
            found["configs"] == {"flush.ms": "7"}
    wait_for(placed, 20, "the new partitions")
    at(cluster, "topic", "alter", topic, "--unset", "flush.ms")
    assert values(cluster, "topic", topic) == {}
    err = at(cluster, "topic", "alter", topic, "--partitions", "2", status=FAILED)[1]
    assert topic in err, err


main()
