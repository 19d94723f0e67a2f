#!/usr/bin/python3
"""craft records, partition, broker: records deleted, leaders elected, directories shown."""
import json
import os

from cli_lib import FAILED, USAGE, at, craft, json_at, rows, topic_of
from lib import DIR, case, main, new_topic, produce_all, unique, wait_for

FIRST_MS = 1700000000000  # 2023-11-14T22:13:20Z


def orders(cluster, partitions=2):
    topic = new_topic(cluster, "orders", partitions)
    produce_all(cluster, topic, [{"value": "x", "partition": p, "timestamp": FIRST_MS + n}
                                 for p in range(partitions) for n in range(10)])
    return topic


def write(content):
    path = os.path.join(DIR, unique("file") + ".json")
    with open(path, "w") as file:
        json.dump(content, file)
    return path


@case
def calls_that_make_no_sense(cluster):
    server = ["--bootstrap-server", cluster.bootstrap]
    for words, said in [
            (["records", "delete", "t"], "--before-offset"),
            (["records", "delete", "--all"], "TOPIC"),
            (["records", "delete", "t", "--all", "--before-offset", "1"], "give one of"),
            (["records", "delete", "t", "--from-file", "x"], "--from-file"),
            (["records", "delete", "t:x", "--all"], "Invalid partition 'x'"),
            (["records", "delete", "t", "--before-datetime", "now"], "--before-datetime"),
            (["records", "delete", "--from-file", "/nowhere"], "/nowhere"),
            (["records", "delete", "--from-file", write({})], "partitions"),
            (["records", "delete", "--from-file", write({"partitions": [{"topic": "t"}]})],
             "item 1"),
            (["partition", "elect"], "--all"), (["partition", "elect", "t", "--all"], "--all"),
            (["partition", "reassign", "plan", "--brokers", "one"], "one"),
            (["partition", "reassign", "plan", "--brokers", "99"], "99"),
            (["partition", "reassign", "apply"], "FILE"),
            (["partition", "reassign", "apply", "/nowhere"], "/nowhere"),
            (["partition", "reassign", "cancel"], "--all"),
            (["broker", "log-dirs", "one"], "id"), (["broker", "unregister"], "ID"),
            (["broker", "unregister", "-1"], "-1")]:
        out, err = craft(*words, *server, status=USAGE)
        assert said in err and not out, f"{words}: {err}"


@case
def records_are_deleted(cluster):
    topic = orders(cluster)

    def begins():
        out = at(cluster, "consume", topic, "--from-beginning", "--until-end", "--format",
                 "json")[0]
        first = {}
        for line in out.splitlines():
            record = json.loads(line)
            first.setdefault(record["partition"], record["offset"])
        return first

    def delete(*words):
        return {row["partition"]: row["lowWatermark"]
                for row in json_at(cluster, "records", "delete", *words)}
    assert delete(f"{topic}:1", "--before-offset", "3") == {1: 3}
    assert begins() == {0: 0, 1: 3}
    assert delete(topic, "--before-datetime", "2023-11-14T22:13:20.005Z") == {0: 5, 1: 5}
    path = write({"version": 1, "partitions": [{"topic": topic, "partition": 0, "offset": 7}]})
    assert delete("--from-file", path) == {0: 7}
    assert delete(topic, "--all") == {0: 10, 1: 10}
    assert begins() == {}
    out, err = at(cluster, "records", "delete", topic, "--before-offset", "99", "--format", "tsv",
                  status=FAILED)
    assert out.count("OFFSET_OUT_OF_RANGE") == 2 and "2 of 2" in err, out + err
    gone = unique("gone")
    assert gone in at(cluster, "records", "delete", gone, "--all", status=FAILED)[1]


@case
def leaders_are_elected(cluster):
    topic = topic_of(cluster, "elected", "--assignment", "1:2:3,2:3:1")
    rows = json_at(cluster, "partition", "elect", topic)
    assert [row["status"] for row in rows] == ["not needed"] * 2, rows
    assert all(row["status"] == "not needed"
               for row in json_at(cluster, "partition", "elect", "--all"))
    [row] = json_at(cluster, "partition", "elect", f"{topic}:1", "--unclean")
    assert row["partition"] == 1 and row["status"] == "not needed", row
    path = write({"partitions": [{"topic": topic, "partition": 0}]})
    [row] = json_at(cluster, "partition", "elect", "--from-file", path)
    assert row["partition"] == 0, row
    out, err = at(cluster, "partition", "elect", f"{topic}:9", status=FAILED)
    assert "failed" in out and "1 of 1" in err, out + err
    # The leader is another one while the preferred one is away, and comes back when it is told.
    cluster.stop("broker-1")
    wait_for(lambda: cluster.metadata(topic).partitions[0].leader != 1, 30, "another leader")
    cluster.start("broker-1")
    cluster.wait_until_whole()
    controllers = ",".join(cluster.address(c) for c in cluster.controllers)

    def elected():
        out = craft("partition", "elect", f"{topic}:0", "--bootstrap-controller", controllers)[0]
        return "elected" in out or "not needed" in out
    wait_for(elected, 30, "the election")
    wait_for(lambda: cluster.metadata(topic).partitions[0].leader == 1, 30, "the first leader")


@case
def replicas_move(cluster):
    topic = topic_of(cluster, "moved", "--assignment", "1:2,2:3,1:3,2:1")

    def replicas():
        [found] = json_at(cluster, "topic", "describe", topic)
        return [p["replicas"] for p in found["partitions"]]
    plan = json_at(cluster, "partition", "reassign", "plan", topic, "--drain", "3")
    assert {p["partition"] for p in plan["partitions"]} >= {1, 2}, plan
    assert all(3 not in p["replicas"] for p in plan["partitions"]), plan
    table = rows(at(cluster, "partition", "reassign", "plan", topic, "--drain", "3", "--format",
                    "tsv")[0])
    assert sum(int(row["copies"]) for row in table) == 2, table
    path = write(plan)
    err = at(cluster, "partition", "reassign", "status", path, status=FAILED)[1]
    assert "not where" in err, err
    begun = json_at(cluster, "partition", "reassign", "apply", path)
    assert all(row["status"] == "begun" for row in begun), begun
    at(cluster, "partition", "reassign", "status", path, "--wait", "--timeout", "60", timeout=70)
    wait_for(lambda: all(3 not in r for r in replicas()), 20, "nothing on broker 3")
    assert json_at(cluster, "partition", "reassign", "plan", topic, "--drain", "3") == \
        {"version": 1, "partitions": []}
    # More replicas, and one that nobody has.
    plan = json_at(cluster, "partition", "reassign", "plan", topic, "--replication-factor", "3")
    assert all(len(p["replicas"]) == 3 for p in plan["partitions"]), plan
    plan["partitions"].append({"topic": topic, "partition": 99, "replicas": [1]})
    out, err = at(cluster, "partition", "reassign", "apply", write(plan), status=FAILED)
    assert "UNKNOWN_TOPIC_OR_PARTITION" in out and "1 of 5" in err, out + err
    wait_for(lambda: all(len(r) == 3 for r in replicas()), 30, "three replicas")
    at(cluster, "partition", "reassign", "status", "--wait")
    assert json_at(cluster, "partition", "reassign", "status") == []


@case
def moves_are_given_up(cluster):
    topic = topic_of(cluster, "given-up", "--assignment", "1:2")
    cluster.stop("broker-3")
    wait_for(lambda: 3 not in cluster.unfenced(), 30, "broker 3 fenced")
    path = write({"partitions": [{"topic": topic, "partition": 0, "replicas": [1, 3]}]})
    at(cluster, "partition", "reassign", "apply", path)
    [move] = json_at(cluster, "partition", "reassign", "status")
    assert (move["topic"], move["status"]) == (topic, "moving"), move
    assert (move["adding"], move["removing"]) == ([3], [2]), move
    err = at(cluster, "partition", "reassign", "status", path, "--wait", "--timeout", "1",
             status=FAILED)[1]
    assert "1 partitions" in err, err
    [row] = json_at(cluster, "partition", "reassign", "cancel", path)
    assert row["status"] == "cancelled", row
    assert json_at(cluster, "partition", "reassign", "status") == []
    [found] = json_at(cluster, "topic", "describe", topic)
    assert found["partitions"][0]["replicas"] == [1, 2], found
    out = at(cluster, "partition", "reassign", "cancel", path, status=FAILED)[0]
    assert "NO_REASSIGNMENT_IN_PROGRESS" in out, out
    at(cluster, "partition", "reassign", "cancel", "--all")
    cluster.start("broker-3")
    cluster.wait_until_whole()


@case
def directories_are_shown(cluster):
    topic = orders(cluster, 3)
    dirs = json_at(cluster, "broker", "log-dirs")
    assert [d["broker"] for d in dirs] == [1, 2, 3] and all(d["status"] == "online" for d in dirs)
    [one] = json_at(cluster, "broker", "log-dirs", "1")
    assert one["partitions"] >= 3 and one["bytes"] > 0, one
    rows = json_at(cluster, "broker", "log-dirs", "2", "--topic", topic)
    assert [(r["topic"], r["partition"], r["future"]) for r in rows] == \
        [(topic, p, False) for p in range(3)], rows
    assert all(r["bytes"] > 0 for r in rows), rows
    assert topic in at(cluster, "broker", "log-dirs", "--partitions", "--format", "tsv")[0]
    assert "broker 99" in at(cluster, "broker", "log-dirs", "99", status=FAILED)[1]


main()
