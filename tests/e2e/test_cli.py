#!/usr/bin/python3
"""The tool craft: every command in text and JSON, its exit codes, what it says when it fails."""
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

from confluent_kafka import Consumer

from cli_lib import FAILED, OK, USAGE, at, craft, json_at, json_lines, rows, topic_of
from lib import BIN, DIR, ROOT, case, main, new_topic, produce_all, read_all, unique, wait_for

CLUSTER_ID = "MTExMTExMTExMTExMTExMQ"
OTHER_ID = "MjIyMjIyMjIyMjIyMjIyMg"
DIRECTORIES = ["pMyjhhPRSNaOYp0PMSGYFw", "wMQZ1zGcRPmvPKwGHlmC2A"]
FIRST_VOTERS = f"3001@127.0.0.1:1:{DIRECTORIES[0]},3002@[::1]:2:{DIRECTORIES[1]}"


def wait_for_exit(attempt):
    """Tries until the tool ends with the exit code that `attempt` expects."""
    def tried():
        try:
            return attempt()
        except AssertionError as error:
            raise RuntimeError(str(error)) from error  # wait_for() goes on
    return wait_for(tried, 30, "the exit code")


# ---- usage ----
def commands():
    text = craft("--help")[0]
    found = [re.split(r" {2,}", line.strip())[0] for line in text.splitlines()
             if line.startswith("  ")]
    assert len(found) >= 12, text
    return [[word for word in command.split() if word.islower()] for command in found]


@case
def every_command_has_help_with_examples(cluster):
    for command in commands():
        text, err = craft(*command, "--help")
        assert text.startswith("usage: craft " + " ".join(command)), text
        assert not err
        examples = text.split("Examples:\n")[1].splitlines()
        assert examples and all("craft " in line for line in examples), text
    assert "topic create" in craft("topic", "--help")[0]
    assert craft("--version")[0].startswith("craft ")


@case
def the_manual_has_every_command(cluster):
    with open(os.path.join(ROOT, "docs/cli.md")) as file:
        table = [line for line in file if line.startswith("| `")]
    missing = []
    for command in commands():
        noun, name = command[0], command[-1].split("|")[0]
        if not any(f"`{noun}" in line and f"{name}`" in line for line in table):
            missing.append(" ".join(command))
    assert not missing, missing


@case
def wrong_usage_exits_with_2(cluster):
    server = ["--bootstrap-server", cluster.bootstrap]
    for words, said in [
            ([], "usage:"), (["nonsense"], "nonsense"), (["topic"], "topic create"),
            (["topic", "nonsense"], "nonsense"), (["format"], "--config"),
            (["broker", "list"], "--bootstrap-server"),
            (["broker", "list", "--bootstrap-server", "nonsense"], "HOST:PORT"),
            (["broker", "list", "--bootstrap-server", ""], "HOST:PORT"),
            (["broker", "list", "--bootstrap-server", "h:1,,"], "HOST:PORT"),
            (["broker", "list", *server, "--format", "xml"], "xml"),
            (["broker", "list", *server, "--timeout", "0"], "--timeout"),
            (["broker", "list", *server, "surplus"], "surplus"),
            (["broker", "list", *server, "--bootstrap-controller", "h:1"],
             "--bootstrap-controller"),
            (["quorum", "status"], "--bootstrap-controller"),
            (["quorum", "status", *server, "--bootstrap-controller", "h:1"], "not both"),
            (["topic", "create", *server], "NAME"),
            (["topic", "create", "t", *server, "--partitions", "x"], "--partitions"),
            (["topic", "create", "t", *server, "--partitions", "0"], "--partitions"),
            (["topic", "create", "t", *server, "--partition", "1"], "did you mean --partitions"),
            (["topic", "create", "t", *server, "--config", "x"], "NAME=VALUE"),
            (["topic", "create", "t", *server, "--assignment", "1:x"], "--assignment"),
            (["topic", "create", "t", *server, "--assignment", "1", "--partitions", "1"],
             "--assignment"),
            (["topic", "delete", *server], "NAME"),
            (["group", "describe", *server], "GROUP"),
            (["produce", *server], "TOPIC"),
            (["produce", "t", *server, "--acks", "0"], "--acks"),
            (["produce", "t", *server, "--compression", "rar"], "--compression"),
            (["produce", "t", *server, "--header", "x"], "NAME=VALUE"),
            (["produce", "t", *server, "--key-separator", ""], "--key-separator"),
            (["consume", "t", *server, "--offset", "1", "--from-beginning"], "not both"),
            (["consume", "t", *server, "--max-messages", "0"], "--max-messages"),
            (["log", "dump"], "PATH"), (["log", "dump", "/", "--format", "tsv"], "tsv")]:
        out, err = craft(*words, status=USAGE)
        assert said in err, f"{words}: {err}"
        assert not out, f"{words}: {out}"


@case
def who_cannot_be_reached_is_named(cluster):
    with socket.socket() as free, socket.socket() as silent:
        free.bind(("127.0.0.1", 0))
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        nobody = f"127.0.0.1:{free.getsockname()[1]}"
        mute = f"127.0.0.1:{silent.getsockname()[1]}"
        start = time.monotonic()
        err = craft("broker", "list", "--bootstrap-server", nobody, "--timeout", "1",
                    status=FAILED)[1]
        assert nobody in err and "refused" in err, err
        assert time.monotonic() - start < 5
        err = craft("topic", "list", "--bootstrap-server", mute, "--timeout", "1",
                    status=FAILED)[1]
        assert mute in err and "no answer" in err, err
        err = craft("topic", "list", "--bootstrap-server", f"{nobody},no-such-host.invalid:1",
                    "--timeout", "1", status=FAILED)[1]
        assert nobody in err and "no-such-host.invalid" in err, err
        # One that answers is enough.
        craft("broker", "list", "--bootstrap-server", f"{nobody},{cluster.bootstrap}")


@case
def output_that_nobody_takes_is_a_failure(cluster):
    with open("/dev/full", "w") as full:
        run = subprocess.run([BIN + "/craft", "broker", "list", "--bootstrap-server",
                              cluster.bootstrap], stdout=full, stderr=subprocess.PIPE, text=True)
    assert run.returncode == FAILED and "could not be written" in run.stderr, run


@case
def first_byte_comes_fast(cluster):
    def seconds():
        start = time.monotonic()
        subprocess.run([BIN + "/craft", "--version"], check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - start
    fastest = min(seconds() for _ in range(30))
    limit = 1 if "asan" in os.path.realpath(BIN) else 0.010
    assert fastest < limit, f"{fastest * 1000:.1f} ms"


# ---- format ----
def settings(name, roles, node_id, **others):
    """Writes a properties file and returns its path and the log directory."""
    directory = os.path.join(DIR, unique(name))
    os.makedirs(directory)
    path = os.path.join(directory, "node.properties")
    log_dir = os.path.join(directory, "data", "deep")
    lines = {"process.roles": roles, "node.id": node_id, "log.dirs": log_dir,
             "listeners": "CONTROLLER://127.0.0.1:1" if roles == "controller" else
                          "PLAINTEXT://127.0.0.1:1",
             "controller.listener.names": "CONTROLLER",
             "controller.quorum.bootstrap.servers": "127.0.0.1:1,127.0.0.1:2", **others}
    with open(path, "w") as file:
        file.writelines(f"{key}={value}\n" for key, value in lines.items() if value is not None)
    return path, log_dir


def static_settings(name, node_id, **others):
    voters = {"controller.quorum.voters": "3001@127.0.0.1:1,3002@127.0.0.1:2",
              "controller.quorum.bootstrap.servers": None}
    return settings(name, "controller", node_id, **voters, **others)


def files_in(directory):
    found = {}
    for path in glob.glob(directory + "/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[os.path.relpath(path, directory)] = file.read()
    return found


def format_node(path, cluster_id=CLUSTER_ID, *words, status=OK):
    return craft("format", "--config", path, "--cluster-id", cluster_id, *words, status=status)


@case
def new_ids_are_cluster_ids(cluster):
    ids = {craft("format", "--new-id")[0].strip() for _ in range(20)}
    assert len(ids) == 20
    for cluster_id in ids:
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", cluster_id), cluster_id
        path, _ = settings("new-id", "broker", 1)
        format_node(path, cluster_id)


@case
def format_refuses_and_writes_nothing(cluster):
    path, log_dir = static_settings("refused", 3001)
    for bad in ("", "short", "-" + CLUSTER_ID[1:], CLUSTER_ID + "A", "A" * 21 + "!",
                "A" * 22, " " + CLUSTER_ID[1:]):
        assert "cluster id" in format_node(path, bad, status=USAGE)[1]
    assert "cannot read" in format_node(path + ".nowhere", status=FAILED)[1]
    for override, said in [("node.id=x", "node.id"), ("node.id=-1", "node.id"),
                           ("controller.quorum.voters=nonsense", "id@host:port"),
                           ("node.id=3009", "does not name node 3009"),
                           ("nonsense", "nonsense")]:
        err = format_node(path, CLUSTER_ID, "--override", override, status=FAILED)[1]
        assert said in err, err
    err = format_node(path, CLUSTER_ID, "--standalone", status=FAILED)[1]
    assert "controller.quorum.voters" in err, "voters that never change, and voters that do"
    assert not os.path.exists(log_dir)


@case
def format_refuses_a_quorum_without_a_beginning(cluster):
    path, log_dir = settings("quorum", "controller", 3001)
    err = format_node(path, status=FAILED)[1]
    assert "--standalone" in err and "--no-initial-controllers" in err, err
    assert "exclude" in format_node(path, CLUSTER_ID, "--standalone", "--no-initial-controllers",
                                    status=USAGE)[1]
    for bad, said in [("", "id@host:port"), ("3001", "id@host:port"),
                      (f"3001@h:1", "id@host:port"), (f"3001@h:1:{DIRECTORIES[0][:-1]}", "of the"),
                      (f"3001@h:0:{DIRECTORIES[0]}", "of the form"),
                      (f"x@h:1:{DIRECTORIES[0]}", "of the form"),
                      (f"3001@:1:{DIRECTORIES[0]}", "of the form"),
                      (f"3001@h:1:{DIRECTORIES[0]},", "of the form"),
                      (f"3001@h:1:{'A' * 22}", "of the form"),
                      (f"3002@h:1:{DIRECTORIES[0]}", "does not name node 3001"),
                      (f"3001@h:1:{DIRECTORIES[0]},3001@h:2:{DIRECTORIES[1]}", "3001 is given"),
                      (f"3001@h:1:{DIRECTORIES[0]},3002@h:2:{DIRECTORIES[0]}", "same directory")]:
        err = format_node(path, CLUSTER_ID, "--initial-controllers", bad, status=FAILED)[1]
        assert said in err, (bad, err)
    assert not os.path.exists(log_dir)
    path, log_dir = settings("quorum-broker", "broker", 1)
    for words in (["--standalone"], ["--initial-controllers", FIRST_VOTERS]):
        err = format_node(path, CLUSTER_ID, *words, status=FAILED)[1]
        assert "no controller" in err, err
    assert not os.path.exists(log_dir)
    path, log_dir = settings("quorum-port", "controller", 3001,
                             listeners="CONTROLLER://127.0.0.1:0")
    assert "listeners" in format_node(path, CLUSTER_ID, "--standalone", status=FAILED)[1]
    assert not os.path.exists(log_dir)


@case
def format_is_done_once(cluster):
    path, log_dir = settings("once", "controller", 3001)
    assert CLUSTER_ID in format_node(path, CLUSTER_ID, "--standalone")[0]
    before = files_in(log_dir)
    assert set(before) == {
        "meta.properties", "bootstrap.checkpoint",
        "__cluster_metadata-0/00000000000000000000-0000000000.checkpoint"}
    assert "already formatted" in format_node(path, CLUSTER_ID, "--standalone")[0]
    assert "already formatted" in format_node(path)[0]
    err = format_node(path, OTHER_ID, status=FAILED)[1]
    assert CLUSTER_ID in err and OTHER_ID in err and log_dir in err, err
    err = format_node(path, CLUSTER_ID, "--override", "node.id=3002", status=FAILED)[1]
    assert "3001" in err and "3002" in err, err
    err = format_node(path, CLUSTER_ID, "--initial-controllers", FIRST_VOTERS, status=FAILED)[1]
    assert "directory.id" in err and DIRECTORIES[0] in err, err
    assert files_in(log_dir) == before, "nothing was touched"
    # Interrupted before it was complete, or another's: not ours to remove.
    os.unlink(log_dir + "/meta.properties")
    assert "meta.properties" in format_node(path, CLUSTER_ID, "--standalone", status=FAILED)[1]


def voters_of(log_dir):
    """The voters of the bootstrap snapshot: {id: [directory id, endpoints]}; None: it has none."""
    items = json_lines(craft("log", "dump", "--format", "json", log_dir +
                             "/__cluster_metadata-0")[0])
    for item in items:
        if item.get("type") == "KRAFT_VOTERS":
            return {v["voterId"]: [v["voterDirectoryId"],
                                   [(e["host"], e["port"]) for e in v["endpoints"]]]
                    for v in item["data"]["voters"]}
    return None


@case
def first_controllers_agree_on_the_voters(cluster):
    for node_id in (3001, 3002):
        path, log_dir = settings("voters", "controller", node_id)
        format_node(path, CLUSTER_ID, "--initial-controllers", FIRST_VOTERS)
        meta = files_in(log_dir)["meta.properties"].decode()
        assert voters_of(log_dir) == {3001: [DIRECTORIES[0], [("127.0.0.1", 1)]],
                                      3002: [DIRECTORIES[1], [("::1", 2)]]}
        assert f"directory.id={DIRECTORIES[node_id - 3001]}" in meta, meta


@case
def a_standalone_controller_is_the_only_voter(cluster):
    path, log_dir = settings("alone", "controller", 3001)
    format_node(path, CLUSTER_ID, "--standalone")
    meta = files_in(log_dir)["meta.properties"].decode()
    [(node_id, (directory, endpoints))] = voters_of(log_dir).items()
    assert node_id == 3001 and endpoints == [("127.0.0.1", 1)]
    assert f"directory.id={directory}" in meta, meta


@case
def others_bring_no_voters(cluster):
    found = []
    for _ in range(2):
        path, log_dir = settings("joins", "controller", 3001)
        format_node(path, CLUSTER_ID, "--no-initial-controllers")
        files = files_in(log_dir)
        assert set(files) == {"meta.properties", "bootstrap.checkpoint"}
        found.append(files["meta.properties"])
    assert found[0] != found[1], "an empty disk is another disk"
    path, log_dir = static_settings("static", 3001)
    format_node(path)
    assert set(files_in(log_dir)) == {"meta.properties", "bootstrap.checkpoint"}


@case
def brokers_have_no_bootstrap(cluster):
    other = os.path.join(DIR, unique("second"))
    path, log_dir = settings("broker", "broker", 1)
    format_node(path, CLUSTER_ID, "--override", f"log.dirs={log_dir},{other}")
    assert set(files_in(log_dir)) == set(files_in(other)) == {"meta.properties"}
    one, two = (files_in(d)["meta.properties"].decode() for d in (log_dir, other))
    assert "version=1" in one and "node.id=1" in one
    assert one != two, "each directory has an id of its own"
    os.unlink(other + "/meta.properties")
    out = format_node(path, CLUSTER_ID, "--override", f"log.dirs={log_dir},{other}")[0]
    assert "already formatted" in out and files_in(log_dir)["meta.properties"].decode() == one
    assert files_in(other)["meta.properties"].decode() != two, "an empty disk is another disk"


# ---- brokers and controllers ----
@case
def brokers_are_listed(cluster):
    found = json_at(cluster, "broker", "list")
    assert [b["id"] for b in found] == [1, 2, 3]
    for broker in found:
        assert broker.items() >= {"id": broker["id"], "host": "127.0.0.1", "rack": None,
                                  "fenced": False, "state": "serving",
                                  "port": cluster.port(f"broker-{broker['id']}")}.items()
        assert "caught up" in broker["why"], broker
        assert 0 <= broker["behindMs"] < 10000 and broker["metadataLag"] >= 0, broker
    table = at(cluster, "broker", "list")[0].splitlines()
    assert table[0].split()[:6] == ["ID", "HOST", "PORT", "RACK", "FENCED", "STATE"]
    assert len(table) == 4 and "caught up" not in table[1], "for people: why only of the unwell"
    assert [r["id"] for r in rows(at(cluster, "broker", "list", "--format", "tsv")[0])] == \
        ["1", "2", "3"]


def check_quorum(quorum):
    assert re.fullmatch(r"[\w-]{22}", quorum["clusterId"])
    assert quorum["leaderId"] in (3001, 3002, 3003) and quorum["leaderEpoch"] > 0
    assert [v["id"] for v in quorum["voters"]] == [3001, 3002, 3003]
    assert [o["id"] for o in quorum["observers"]] == [1, 2, 3]
    assert quorum["healthy"] and quorum["problems"] == [], quorum
    assert [v["status"] for v in quorum["voters"]].count("leader") == 1
    assert all(re.fullmatch(r"127.0.0.1:\d+", v["address"]) for v in quorum["voters"]), quorum
    for replica in quorum["voters"] + quorum["observers"]:
        assert set(replica) == {"id", "status", "directoryId", "logEndOffset", "lag",
                                "lastFetchTimestamp", "lastCaughtUpTimestamp", "address"}
        assert replica["logEndOffset"] > 0 and replica["lag"] < 100, replica
        assert abs(replica["lastFetchTimestamp"] / 1000 - time.time()) < 60, replica
    return quorum


@case
def quorum_is_shown_by_anyone(cluster):
    seen = [check_quorum(json_at(cluster, "quorum", "status"))]
    for node in cluster.controllers:
        seen.append(check_quorum(json.loads(
            craft("quorum", "status", "--format", "json", "--bootstrap-controller",
                  cluster.address(node))[0])))
    assert len({(q["clusterId"], q["leaderId"], q["leaderEpoch"]) for q in seen}) == 1, seen
    text = at(cluster, "quorum", "status")[0]
    assert f"leader {seen[0]['leaderId']}" in text and text.count("follower") == 2, text
    table = rows(at(cluster, "quorum", "status", "--format", "tsv")[0])
    assert sorted(r["status"] for r in table) == \
        ["follower"] * 2 + ["leader"] + ["observer"] * 3


@case
def states_of_a_cluster_that_lost_nodes(cluster):
    cluster.kill("broker-3")
    leader = cluster.active_controller()
    cluster.kill(leader)
    left = [node for node in cluster.controllers if node in cluster.up]

    def another_leads():
        quorum = cluster.quorum(cluster.address(left[0]))
        return quorum and quorum["leaderId"] != 3000 + int(leader[-1])
    wait_for(another_leads, 30, "another leader, as the remaining controllers tell")
    living = ",".join(cluster.address(f"broker-{i}") for i in (1, 2))
    wait_for(lambda: [b["id"] for b in json.loads(
        cluster.craft("broker", "list", "--format", "json", "--bootstrap-server", living)[1])
        if b["fenced"]] == [3], 30, "broker 3 is shown as fenced")
    cluster.kill(left[0])


    def nobody_leads():
        err = craft("quorum", "status", "--timeout", "1", "--bootstrap-controller",
                    cluster.address(left[1]), status=FAILED)[1]
        assert "no leader" in err or "cannot reach" in err, err
        return err
    wait_for_exit(nobody_leads)


# ---- topics ----
@case
def topics_come_and_go(cluster):
    name = unique("topics")
    created = json_at(cluster, "topic", "create", name, "--partitions", "4",
                      "--replication-factor", "3", "--config", "retention.ms=1000",
                      "--config=cleanup.policy=compact")
    assert created[0]["status"] == "created" and created[0]["partitions"] == 4, created
    err = at(cluster, "topic", "create", name, status=FAILED)[1]
    assert name in err and "exists" in err, err
    again = json_at(cluster, "topic", "create", name, "--if-not-exists")
    assert again[0]["status"] == "exists", again
    topic_id = created[0]["topicId"]
    listed = {t["name"]: t for t in json_at(cluster, "topic", "list")}
    assert listed[name] == {"name": name, "partitions": 4, "replicationFactor": 3,
                            "internal": False, "topicId": topic_id}
    shown = json_at(cluster, "topic", "describe", name)
    assert len(shown) == 1 and shown[0]["topicId"] == topic_id
    assert shown[0]["configs"] == {"retention.ms": "1000", "cleanup.policy": "compact"}, shown
    assert [p["partition"] for p in shown[0]["partitions"]] == [0, 1, 2, 3]
    for partition in shown[0]["partitions"]:
        assert sorted(partition["replicas"]) == [1, 2, 3]
        assert partition["leader"] == partition["replicas"][0] and not partition["offlineReplicas"]
    assert "retention.ms=1000" in at(cluster, "topic", "describe", name)[0]
    table = rows(at(cluster, "topic", "describe", name, "--format", "tsv")[0])
    assert len(table) == 4 and table[0]["topic"] == name
    assert "deleted" in at(cluster, "topic", "delete", name)[0]
    err = at(cluster, "topic", "delete", name, status=FAILED)[1]
    assert name in err, err
    at(cluster, "topic", "delete", name, "--if-exists")
    assert "unknown" in at(cluster, "topic", "describe", name, status=FAILED)[1]
    assert name not in at(cluster, "topic", "list", "--format", "tsv")[0]


@case
def topics_are_refused_with_reasons(cluster):
    for words, said in [(["bad name"], "bad name"), (["x" * 250], "INVALID_TOPIC"),
                        (["t", "--replication-factor", "9"], "INVALID_REPLICATION_FACTOR"),
                        (["t", "--config", "retention.ms=soon"], "retention.ms"),
                        (["t", "--config", "no.such=1"], "no.such"),
                        (["t", "--assignment", "1:1"], "INVALID_REPLICA_ASSIGNMENT"),
                        (["t", "--assignment", "1:77"], "INVALID_REPLICA_ASSIGNMENT")]:
        err = at(cluster, "topic", "create", *words, status=FAILED)[1]
        assert said in err, err
    name = unique("only-checked")
    at(cluster, "topic", "create", name, "--validate-only")
    assert name not in at(cluster, "topic", "list")[0]
    # What exists is told, though another topic does not.
    there = topic_of(cluster, "there")
    out = at(cluster, "topic", "describe", there, "nowhere", "--format", "json", status=FAILED)[0]
    assert [t["name"] for t in json.loads(out)] == [there]
    err = at(cluster, "topic", "delete", "nowhere", there, status=FAILED)[1]
    assert "nowhere" in err and there not in at(cluster, "topic", "list")[0]


@case
def replicas_are_where_they_were_put(cluster):
    name = topic_of(cluster, "assigned", "--assignment", "3:1,2:3")
    found = json_at(cluster, "topic", "describe", name)[0]["partitions"]
    assert [p["replicas"] for p in found] == [[3, 1], [2, 3]]
    cluster.kill("broker-2")

    def lost():
        out = craft("topic", "describe", name, "--under-replicated", "--format", "tsv",
                    "--bootstrap-server", cluster.address("broker-1"))[0]
        return [r["partition"] for r in rows(out)] == ["1"]
    wait_for(lost, 30, "partition 1 is under-replicated")
    out = craft("topic", "describe", name, "--unavailable", "--format", "tsv",
                "--bootstrap-server", cluster.address("broker-1"))[0]
    assert rows(out) == []


# ---- records ----
@case
def lines_arrive(cluster):
    topic = topic_of(cluster, "lines", "--partitions", "3")
    lines = [f"line {i} " + "x" * (i % 300) for i in range(20000)]
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        out = at(cluster, "produce", topic, "--compression", codec, "--format", "json",
                 text="\n".join(lines))[0]
        assert json.loads(out)["records"] == len(lines) and json.loads(out)["failed"] == 0
    out = at(cluster, "consume", topic, "--from-beginning", "--until-end")[0]
    assert sorted(out.splitlines()) == sorted(lines * 5)
    seen = read_all(cluster, topic)
    assert sorted(m.value().decode() for p in seen.values() for m in p) == sorted(lines * 5)
    rank = {line: i for i, line in enumerate(lines)}
    for messages in seen.values():  # in order, five times over
        ranks = [rank[m.value().decode()] for m in messages]
        assert sum(a >= b for a, b in zip(ranks, ranks[1:])) <= 4
    # A single line, without a newline at its end.
    one = topic_of(cluster, "one")
    at(cluster, "produce", one, "--acks", "1", text="only")
    at(cluster, "produce", one, text="")
    assert at(cluster, "consume", one, "--offset", "0", "--until-end")[0] == "only\n"


@case
def keys_headers_and_nulls(cluster):
    topic = topic_of(cluster, "keys", "--partitions", "5")
    at(cluster, "produce", topic, "--key-separator", "=>", "--null-marker", "NULL",
       "--header", "a=1", "--header", "b=",
       text="k1=>v1\nk2=>\nk3=>NULL\nNULL=>v4\n=>v5\nk6=>a=>b\n")
    found = {m.key(): m for p in read_all(cluster, topic).values() for m in p}
    assert {k: m.value() for k, m in found.items()} == \
        {b"k1": b"v1", b"k2": b"", b"k3": None, None: b"v4", b"": b"v5", b"k6": b"a=>b"}
    assert all(m.headers() == [("a", b"1"), ("b", b"")] for m in found.values())
    lines = json_lines(at(cluster, "consume", topic, "--from-beginning", "--until-end",
                          "--format", "json")[0])
    assert {line["key"]: line["value"] for line in lines} == \
        {"k1": "v1", "k2": "", "k3": None, None: "v4", "": "v5", "k6": "a=>b"}
    for line in lines:
        assert set(line) == {"topic", "partition", "offset", "timestamp", "timestampType", "key",
                             "value", "headers"}
        assert line["headers"] == [{"key": "a", "value": "1"}, {"key": "b", "value": ""}]
        assert abs(line["timestamp"] / 1000 - time.time()) < 60
    text = at(cluster, "consume", topic, "--from-beginning", "--until-end", "--key-separator",
              "|")[0]
    assert "k1|v1\n" in text and "|v4\n" in text
    table = rows(at(cluster, "consume", topic, "--from-beginning", "--until-end", "--format",
                    "tsv")[0])
    assert len(table) == 6


@case
def keys_choose_partitions_as_in_java(cluster):
    topic = topic_of(cluster, "java", "--partitions", "7")
    keys = [f"key-{i}-{'y' * (i % 5)}" for i in range(100)]
    at(cluster, "produce", topic, "--key-separator", ":", text="".join(f"{k}:\n" for k in keys))
    ours = {m.key(): p for p, found in read_all(cluster, topic).items() for m in found}
    theirs = {m.key(): m.partition() for m in produce_all(
        cluster, topic, [{"key": k} for k in keys], partitioner="murmur2")}
    assert ours == theirs


@case
def bytes_that_are_no_text(cluster):
    topic = topic_of(cluster, "bytes")
    value = bytes(b for b in range(256) if b != 10)
    at(cluster, "produce", topic, text=value)
    assert at(cluster, "consume", topic, "--offset", "0", "--max-messages", "1",
              text=b"")[0] == value + b"\n"
    line = at(cluster, "consume", topic, "--offset", "0", "--max-messages", "1", "--format",
              "json")[0]
    assert json.loads(line)["value"]["base64"].startswith("AAECAwQF")


@case
def failures_of_producing(cluster):
    err = at(cluster, "produce", "nowhere", text="x\n", status=FAILED)[1]
    assert "no topic nowhere" in err, err
    topic = topic_of(cluster, "refused", "--config", "max.message.bytes=1000")
    err = at(cluster, "produce", topic, "--partition", "7", text="x\n", status=FAILED)[1]
    assert "partition 7" in err, err
    out, err = at(cluster, "produce", topic, "--format", "json", text="x" * 5000 + "\n",
                  status=FAILED)
    assert "MESSAGE_TOO_LARGE" in err and json.loads(out)["failed"] == 1, err
    out, err = at(cluster, "produce", topic, "--key-separator", ":", "--format", "json",
                  text="a:1\nnothing\nb:2\n", status=FAILED)
    assert "line 2" in err and json.loads(out)["records"] == 2, (out, err)
    lonely = topic_of(cluster, "lonely", "--assignment", "3")
    cluster.kill("broker-3")
    err = craft("produce", lonely, "--timeout", "2", "--bootstrap-server",
                cluster.address("broker-1"), text="x\n", status=FAILED)[1]
    assert lonely + "-0" in err and "1 of 1" in err, err
    err = craft("consume", lonely, "--from-beginning", "--timeout", "2", "--bootstrap-server",
                cluster.address("broker-1"), status=FAILED)[1]
    assert lonely in err, err


@case
def consuming_begins_and_ends_where_told(cluster):
    topic = topic_of(cluster, "ends", "--partitions", "2")
    for partition in (0, 1):
        at(cluster, "produce", topic, "--partition", str(partition),
           text="".join(f"{partition}/{i}\n" for i in range(100)))

    def consumed(*words, **options):
        return at(cluster, "consume", topic, *words, **options)[0].splitlines()
    assert consumed("--partition", "1", "--offset", "98", "--until-end") == ["1/98", "1/99"]
    assert consumed("--partition", "0", "--offset", "7", "--max-messages", "2") == ["0/7", "0/8"]
    assert sorted(consumed("--offset", "99", "--until-end")) == ["0/99", "1/99"]
    assert len(consumed("--from-beginning", "--max-messages", "150")) == 150
    assert consumed("--until-end") == []
    assert consumed("--offset", "100", "--until-end") == []
    start = time.monotonic()
    assert len(consumed("--from-beginning", "--timeout-ms", "700")) == 200
    assert time.monotonic() - start > 0.7
    err = at(cluster, "consume", topic, "--partition", "0", "--offset", "101", status=FAILED)[1]
    assert "no offset 101" in err and "100" in err, err
    err = at(cluster, "consume", topic, "--partition", "2", status=FAILED)[1]
    assert "partition 2" in err, err
    assert "no topic" in at(cluster, "consume", "nowhere", status=FAILED)[1]
    # Who stops reading gets no complaint.
    pipe = subprocess.run(f"{BIN}/craft consume {topic} --from-beginning --bootstrap-server "
                          f"{cluster.bootstrap} | head -n 1", shell=True, capture_output=True,
                          text=True, timeout=30)
    assert re.fullmatch(r"[01]/0\n", pipe.stdout) and not pipe.stderr, pipe


class Tail:
    """craft consume in the background: what it has printed so far."""

    def __init__(self, cluster, topic, *words):
        self.process = subprocess.Popen(
            [BIN + "/craft", "consume", topic, "--bootstrap-server", cluster.bootstrap, *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def stop(self):
        self.process.kill()
        self.process.wait()


@case
def consuming_follows_the_leaders(cluster):
    topic = topic_of(cluster, "follow", "--partitions", "3", "--replication-factor", "3",
                     "--config", "min.insync.replicas=2")
    tail = Tail(cluster, topic, "--from-beginning")
    producer = subprocess.Popen(
        [BIN + "/craft", "produce", topic, "--timeout", "60", "--bootstrap-server",
         cluster.bootstrap], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        written = 0

        def write(count):
            nonlocal written
            for _ in range(count):
                producer.stdin.write(f"{written}\n")
                written += 1
            producer.stdin.flush()
        write(1000)
        wait_for(lambda: len(tail.lines) == 1000, 30, "the first records, without an end of input")
        victim = cluster.leader_of(topic, 1)
        cluster.kill(victim)
        write(1000)
        wait_for(lambda: set(map(int, tail.lines)) == set(range(2000)), 60,
                 "records of new leaders")
        cluster.start(victim)
        write(1000)
        producer.stdin.close()
        assert producer.wait(60) == OK, producer.stderr.read()
        wait_for(lambda: set(map(int, tail.lines)) == set(range(3000)), 60, "all records")
    finally:
        producer.kill()
        tail.stop()


# ---- groups ----
@case
def groups_are_shown(cluster):
    topic = topic_of(cluster, "grouped", "--partitions", "2")
    group = unique("group")
    at(cluster, "produce", topic, "--partition", "0", text="x\n" * 10)
    assert "not found" in at(cluster, "group", "describe", group, status=FAILED)[1]
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group,
                         "client.id": "tester", "auto.offset.reset": "earliest",
                         "enable.auto.commit": False})
    consumer.subscribe([topic])
    seen = []

    def four():
        message = consumer.poll(0.5)
        if message is not None and not message.error():
            seen.append(message)
        return len(seen) == 4
    wait_for(four, 30, "four records")
    consumer.commit(seen[-1], asynchronous=False)
    listed = {g["groupId"]: g for g in json_at(cluster, "group", "list")}
    assert listed[group]["state"] == "Stable" and listed[group]["protocolType"] == "consumer"
    assert group in at(cluster, "group", "list")[0]
    shown = json_at(cluster, "group", "describe", group)
    assert shown["groupId"] == group and shown["state"] == "Stable"
    assert shown["coordinator"] == listed[group]["coordinator"]
    assert len(shown["members"]) == 1 and shown["members"][0]["clientId"] == "tester"
    member = shown["members"][0]["memberId"]
    assert shown["offsets"] == [
        {"topic": topic, "partition": 0, "offset": 4, "logEndOffset": 10, "lag": 6,
         "memberId": member, "metadata": None},
        {"topic": topic, "partition": 1, "offset": None, "logEndOffset": 0, "lag": None,
         "memberId": member, "metadata": None}], shown
    text = at(cluster, "group", "describe", group)[0]
    assert "state Stable" in text and "LAG" in text and member in text, text
    consumer.close()
    shown = json_at(cluster, "group", "describe", group)
    assert shown["state"] == "Empty" and not shown["members"] and len(shown["offsets"]) == 1
    table = rows(at(cluster, "group", "describe", group, "--format", "tsv")[0])
    assert table[0]["lag"] == "6" and table[0]["memberId"] == "", table


# ---- files ----
def segment_of(cluster, topic):
    """A copy of the first segment of partition 0, from its leader."""
    wait_for(lambda: cluster.metadata(topic).partitions[0].leader > 0, 20, "a leader")
    source = f"{cluster.dir}/{cluster.leader_of(topic, 0)}/{topic}-0"
    copy = os.path.join(DIR, unique("copy"), f"{topic}-0")
    shutil.copytree(source, copy)
    return f"{copy}/{0:020}.log"


def dumped(*words, status=OK):
    out, err = craft("log", "dump", *words, "--format", "json", status=status)
    return json_lines(out), err


@case
def segments_are_dumped(cluster):
    topic = topic_of(cluster, "dumped")
    at(cluster, "produce", topic, "--key-separator", ":", "--header", "h=1", text="a:1\nb:2\n")
    at(cluster, "produce", topic, "--compression", "zstd", text="plain\n" * 5)
    path = segment_of(cluster, topic)
    items, _ = dumped(path)
    batches = [i for i in items if i["kind"] == "batch"]
    records = [i for i in items if i["kind"] == "record"]
    assert [b["compression"] for b in batches] == ["none", "zstd"]
    assert not any(b["damaged"] for b in batches)
    assert [r["offset"] for r in records] == list(range(7))
    assert records[1]["key"] == "b" and records[1]["value"] == "2"
    assert records[1]["headers"] == [{"key": "h", "value": "1"}]
    assert all(i["file"] == path for i in items)
    assert all(i["kind"] == "batch" for i in dumped("--batches", path)[0])
    text = craft("log", "dump", path)[0]
    assert "record offset=1" in text and "key=b" in text, text
    whole, _ = dumped(os.path.dirname(path))
    assert {"batch", "record", "epoch", "properties"} <= {i["kind"] for i in whole}


@case
def damage_is_found(cluster):
    topic = topic_of(cluster, "damaged")
    for i in range(3):
        at(cluster, "produce", topic, text=f"record {i}\n")
    path = segment_of(cluster, topic)
    positions = [b["position"] for b in dumped("--batches", path)[0]]
    with open(path, "rb") as file:
        good = file.read()

    def damaged(content):
        with open(path, "wb") as file:
            file.write(content)
        items, err = dumped(path, status=FAILED)
        error = next(i for i in items if i["kind"] == "error")
        assert path in err and f"byte {error['position']}" in err, err
        return error, [i["value"] for i in items if i["kind"] == "record"]
    flipped = bytearray(good)
    flipped[positions[2] - 3] ^= 1
    error, values = damaged(bytes(flipped))
    assert error["position"] == positions[1] and "CRC" in error["message"], error
    assert values == ["record 0", "record 2"], "what is behind it is shown"
    error, values = damaged(good[:-4])
    assert error["position"] == positions[2] and "ends inside" in error["message"], error
    assert len(values) == 2
    error, values = damaged(good[:positions[1]] + b"nonsense" * 20)
    assert error["position"] == positions[1], error
    error, values = damaged(good + good)
    assert error["position"] == len(good) and "behind offset" in error["message"], error
    with open(path, "wb") as file:  # room that is not used yet
        file.write(good + bytes(5000))
    assert len([i for i in dumped(path)[0] if i["kind"] == "record"]) == 3
    for name, content in [("x.index", b"1234567"), ("x.snapshot", b"\0\1" + bytes(20)),
                          ("leader-epoch-checkpoint", b"0\n2\n1 0\n"),
                          ("recovery-point-offset-checkpoint", b"0\n1\nnonsense\n"),
                          ("quorum-state", b"{"), ("no-such-kind", b"")]:
        other = os.path.join(os.path.dirname(path), name)
        with open(other, "wb") as file:
            file.write(content)
        assert other in dumped(other, status=FAILED)[1]
    assert "no such file" in dumped("/nowhere", status=FAILED)[1]


@case
def metadata_log_is_dumped(cluster):
    name = topic_of(cluster, "recorded", "--partitions", "2", "--config", "retention.ms=777")
    path = f"{cluster.dir}/{cluster.active_controller()}"

    def records():
        items, _ = dumped(path + "/__cluster_metadata-0")
        return [i for i in items if i["kind"] == "record"]
    wait_for(lambda: any(r.get("data", {}).get("name") == name for r in records()), 10,
             "the topic's record")
    found = records()
    topic = next(r for r in found if r["type"] == "TOPIC_RECORD" and r["data"]["name"] == name)
    partitions = [r for r in found if r["type"] == "PARTITION_RECORD" and
                  r["data"]["topicId"] == topic["data"]["topicId"]]
    assert len(partitions) == 2
    assert any(r["type"] == "CONFIG_RECORD" and r["data"]["value"] == "777" for r in found)
    assert {"LEADER_CHANGE", "KRAFT_VOTERS", "SNAPSHOT_HEADER", "REGISTER_BROKER_RECORD",
            "FEATURE_LEVEL_RECORD"} <= {r["type"] for r in found}
    state = [i for i in dumped(path + "/__cluster_metadata-0/quorum-state")[0]]
    assert state[0]["leaderEpoch"] > 0
    assert name in craft("log", "dump", path + "/__cluster_metadata-0")[0]


@case
def offsets_are_dumped(cluster):
    topic = new_topic(cluster, "committed")
    group = unique("dumped-group")
    produce_all(cluster, topic, [{"value": b"x"}])
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group,
                         "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([topic])
    wait_for(lambda: consumer.poll(0.5), 30, "a record")
    consumer.commit(asynchronous=False)
    consumer.close()
    found = []
    for directory in glob.glob(f"{cluster.dir}/broker-*/__consumer_offsets-*"):
        found += [i for i in dumped(directory)[0] if i.get("key") and
                  i["key"].get("group") == group]
    commits = [r for r in found if r["type"] == "OFFSET_COMMIT"]
    assert commits and commits[0]["key"]["topic"] == topic, found
    assert commits[0]["value"]["offset"] == 1
    assert any(r["type"] == "GROUP_METADATA" for r in found)


main(needs_nodes=True)
