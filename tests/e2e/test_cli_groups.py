#!/usr/bin/python3
"""craft group: offsets moved in every way, members, groups removed."""
import csv
import os

from confluent_kafka import Consumer, TopicPartition

from cli_lib import FAILED, USAGE, at, craft, json_at, rows
from lib import DIR, case, main, new_topic, produce_all, unique, wait_for

FIRST_MS = 1700000000000  # 2023-11-14T22:13:20Z


def orders(cluster):
    """Two partitions with ten records each, a millisecond apart."""
    topic = new_topic(cluster, "orders", 2)
    produce_all(cluster, topic, [{"value": "x", "partition": p, "timestamp": FIRST_MS + n}
                                 for p in (0, 1) for n in range(10)])
    return topic


def commit(cluster, group, topic, offsets):
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, p, o) for p, o in offsets.items()],
                    asynchronous=False)
    consumer.close()


def planned(cluster, group, *words):
    found = json_at(cluster, "group", "reset-offsets", group, *words, "--dry-run")
    return {row["partition"]: row["newOffset"] for row in found}


def offsets_of(cluster, group):
    return {row["partition"]: row["offset"]
            for row in json_at(cluster, "group", "describe", group)["offsets"]}


@case
def resets_that_make_no_sense(cluster):
    server = ["--bootstrap-server", cluster.bootstrap]
    scope = ["--topic", "t"]
    for words, said in [
            (["--to-earliest", *scope], "--dry-run"),
            (["--to-earliest", *scope, "--dry-run", "--execute"], "--execute"),
            ([*scope, "--dry-run"], "--to-earliest"),
            (["--to-earliest", "--to-latest", *scope, "--dry-run"], "give one of"),
            (["--to-earliest", "--dry-run"], "--all-topics"),
            (["--to-earliest", *scope, "--all-topics", "--dry-run"], "--all-topics"),
            (["--to-datetime", "now", *scope, "--dry-run"], "--to-datetime"),
            (["--by-duration", "1h", *scope, "--dry-run"], "PT2H30M"),
            (["--to-offset", "-1", *scope, "--dry-run"], "--to-offset"),
            (["--to-latest", "--topic", "t:x", "--dry-run"], "Invalid partition 'x'"),
            (["--from-file", "/nowhere", "--dry-run"], "/nowhere"),
            (["--from-file", "/dev/null", *scope, "--dry-run"], "--from-file")]:
        out, err = craft("group", "reset-offsets", "g", *server, *words, status=USAGE)
        assert said in err and not out, f"{words}: {err}"


@case
def offsets_are_reset_in_every_way(cluster):
    topic = orders(cluster)
    group = unique("shop")
    commit(cluster, group, topic, {0: 4, 1: 9})
    here = ["--topic", topic]
    assert planned(cluster, group, "--to-earliest", *here) == {0: 0, 1: 0}
    assert planned(cluster, group, "--to-latest", *here) == {0: 10, 1: 10}
    assert planned(cluster, group, "--to-current", "--all-topics") == {0: 4, 1: 9}
    assert planned(cluster, group, "--to-offset", "7", "--topic", f"{topic}:1") == {1: 7}
    assert planned(cluster, group, "--to-offset", "700", *here) == {0: 10, 1: 10}
    assert planned(cluster, group, "--shift-by", "-5", *here) == {0: 0, 1: 4}
    assert planned(cluster, group, "--shift-by", "3", *here) == {0: 7, 1: 10}
    assert planned(cluster, group, "--to-datetime", "2023-11-14T22:13:20.006Z", *here) == \
        {0: 6, 1: 6}
    assert planned(cluster, group, "--by-duration", "PT1H", *here) == {0: 10, 1: 10}
    table = rows(at(cluster, "group", "reset-offsets", group, "--shift-by", "3", "--dry-run",
                    *here, "--format", "tsv")[0])
    assert [row["committed"] for row in table] == ["4", "9"], table
    assert [row["note"] for row in table] == ["", "the log ends here"], table
    assert offsets_of(cluster, group) == {0: 4, 1: 9}  # nothing has changed so far
    at(cluster, "group", "reset-offsets", group, "--to-offset", "2", *here, "--execute")
    assert offsets_of(cluster, group) == {0: 2, 1: 2}


@case
def offsets_go_through_a_file(cluster):
    topic = orders(cluster)
    first, second = unique("first"), unique("second")
    commit(cluster, first, topic, {0: 3, 1: 5})
    commit(cluster, second, topic, {0: 6})
    path = os.path.join(DIR, unique("offsets") + ".csv")
    text = at(cluster, "group", "reset-offsets", first, second, "--to-current", "--all-topics",
              "--export", "--dry-run")[0]
    assert list(csv.reader(text.splitlines())) == [
        [first, topic, "0", "3"], [first, topic, "1", "5"], [second, topic, "0", "6"]], text
    with open(path, "w") as file:
        file.write(text)
    at(cluster, "group", "reset-offsets", first, second, "--to-earliest", "--all-topics",
       "--execute")
    assert offsets_of(cluster, first) == {0: 0, 1: 0}
    at(cluster, "group", "reset-offsets", first, second, "--from-file", path, "--execute")
    assert offsets_of(cluster, first) == {0: 3, 1: 5}
    assert offsets_of(cluster, second) == {0: 6}
    with open(path, "w") as file:
        file.write(f"{topic},0,1\n{topic},one,1\n")
    err = at(cluster, "group", "reset-offsets", first, "--from-file", path, "--dry-run",
             status=USAGE)[1]
    assert "line 2" in err and path in err, err


@case
def a_group_in_use_is_left_alone(cluster):
    topic = orders(cluster)
    group = unique("busy")
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group,
                         "client.id": "tester"})
    consumer.subscribe([topic])
    wait_for(lambda: consumer.poll(0.2) is None and consumer.assignment(), 30, "an assignment")
    err = at(cluster, "group", "reset-offsets", group, "--to-earliest", "--topic", topic,
             "--execute", status=FAILED)[1]
    assert group in err and "members" in err, err
    [member] = rows(at(cluster, "group", "describe", group, "--members", "--format", "tsv")[0])
    assert member["assignment"] == f"{topic}:0,1" and member["clientId"] == "tester", member
    assert "members" not in json_at(cluster, "group", "describe", group, "--offsets")
    consumer.close()


@case
def resets_of_what_is_not_there(cluster):
    topic = orders(cluster)
    group = unique("nobody")
    err = at(cluster, "group", "reset-offsets", group, "--to-latest", "--topic", unique("gone"),
             "--dry-run", status=FAILED)[1]
    assert "gone" in err, err
    err = at(cluster, "group", "reset-offsets", group, "--shift-by", "1", "--topic", topic,
             "--dry-run", status=FAILED)[1]
    assert "no current committed offset" in err, err
    err = at(cluster, "group", "reset-offsets", group, "--to-latest", "--topic", f"{topic}:7",
             "--dry-run", status=FAILED)[1]
    assert f"{topic}-7" in err, err
    # A group that does not exist begins where it is told.
    at(cluster, "group", "reset-offsets", group, "--to-offset", "5", "--topic", topic, "--execute")
    assert offsets_of(cluster, group) == {0: 5, 1: 5}


main()
