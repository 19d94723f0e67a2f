#!/usr/bin/python3
"""craft doctor, ready, cluster describe, api-versions, completion: what is there, what fails, what
to do about it."""
import json
import os
import socket
import subprocess
import threading
import time

from cli_lib import FAILED, USAGE, at, craft, json_at, rows, topic_of
from lib import BIN, case, main, unique, wait_for


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Answering:
    """A server that answers everything with the same bytes and closes."""

    def __init__(self, answer):
        self.answer = answer
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            connection.recv(1000)
            connection.sendall(self.answer)
            connection.close()


def findings(*words, status=0):
    out, err = craft("doctor", *words, "--timeout", "3", "--format", "json", status=status)
    return json.loads(out)


def advertise(cluster, node, address):
    """Restarts a broker that tells its clients another address."""
    cluster.stop(node)
    path = os.path.join(cluster.dir, node + ".properties")
    with open(path) as file:
        lines = [line for line in file if not line.startswith("advertised.listeners=")]
    if address:
        lines.append(f"advertised.listeners=PLAINTEXT://{address}\n")
    with open(path, "w") as file:
        file.writelines(lines)
    with open(cluster.log(node), "a") as log:  # cluster.sh would write its own properties again
        broker = subprocess.Popen([BIN + "/craft-broker", "--config", path], stdout=log,
                                  stderr=log)
    with open(os.path.join(cluster.dir, node + ".pid"), "w") as file:
        file.write(f"{broker.pid}\n")
    cluster.up.add(node)


# ---- doctor ----
@case
def a_healthy_cluster(cluster):
    found = findings("--bootstrap-server", cluster.bootstrap)
    assert all(f["result"] == "ok" and f["advice"] is None for f in found), found
    checks = [f["check"] for f in found]
    assert checks.count("connect") == 3 and checks.count("advertised address") == 3, checks
    assert {"controller", "group coordinator", "partitions"} <= set(checks), checks
    text = craft("doctor", "--bootstrap-server", cluster.bootstrap)[0]
    assert "it is the right one" in text, text


@case
def addresses_that_lead_nowhere(cluster):
    nobody = f"127.0.0.1:{closed_port()}"
    tls = Answering(b"\x15\x03\x01\x00\x02\x02\x46")
    silent = Answering(b"")
    web = Answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    servers = [nobody, "no-such-host.invalid:9092", cluster.address("controller-1"), tls.address,
               silent.address, web.address]
    found = findings("--bootstrap-server", ",".join(servers), status=FAILED)
    assert [f["target"] for f in found] == servers, found
    assert all(f["result"] == "FAILED" for f in found), found
    for f, said, advised in zip(
            found, ["refused", "no-such-host", "does not support", *["plain text"] * 3],
            ["nothing listens", "name", "controller", "PLAINTEXT", "PLAINTEXT", "PLAINTEXT"]):
        assert said in f["finding"] and advised in f["advice"], f
    # One that answers is enough to go on.
    found = findings("--bootstrap-server", f"{nobody},{cluster.bootstrap}", status=FAILED)
    assert [f["result"] for f in found].count("FAILED") == 1 and len(found) > 5, found


@case
def an_advertised_address_that_fails(cluster):
    wrong = f"127.0.0.1:{closed_port()}"
    advertise(cluster, "broker-2", wrong)

    def found():
        out = subprocess.run([BIN + "/craft", "doctor", "--bootstrap-server",
                              cluster.address("broker-1"), "--timeout", "2", "--format", "json"],
                             capture_output=True, text=True, check=False).stdout
        return [f for f in json.loads(out) if f["target"] == f"broker 2, {wrong}"]
    [finding] = wait_for(found, 30, "the wrong address of broker 2")
    assert finding["result"] == "FAILED" and "refused" in finding["finding"], finding
    port = wrong.split(":")[1]
    assert f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}" in finding["advice"], finding
    # Now that of another broker.
    wrong = cluster.address("broker-3")
    advertise(cluster, "broker-2", wrong)
    [finding] = wait_for(found, 30, "the address of broker 3")
    assert finding["result"] == "FAILED" and "another broker" in finding["finding"], finding
    advertise(cluster, "broker-2", None)
    cluster.wait_until_whole()
    findings("--bootstrap-server", cluster.bootstrap)


# ---- ready ----
@case
def readiness(cluster):
    topic = topic_of(cluster, "ready", "--partitions", "3", "--replication-factor", "3")
    controllers = ",".join(cluster.address(c) for c in cluster.controllers)
    assert at(cluster, "ready")[0] == "ready\n"
    at(cluster, "ready", "--brokers", "3", "--broker", "2", "--topic", topic, "--in-sync")
    craft("ready", "--bootstrap-controller", controllers)
    for words, said in [(["--brokers", "4"], "3 of 4"), (["--broker", "9"], "broker 9"),
                        (["--topic", unique("gone")], "gone")]:
        start = time.monotonic()
        out, err = at(cluster, "ready", *words, "--timeout", "1", status=FAILED)
        assert said in err and not out and 0.5 < time.monotonic() - start < 4, err
    nobody = f"127.0.0.1:{closed_port()}"
    err = craft("ready", "--bootstrap-server", nobody, "--timeout", "1", status=FAILED)[1]
    assert "refused" in err, err
    [row] = rows(at(cluster, "ready", "--format", "tsv")[0])
    assert row == {"ready": "true", "reason": ""}


@case
def readiness_when_nodes_are_down(cluster):
    controllers = ",".join(cluster.address(c) for c in cluster.controllers)
    cluster.kill("broker-3")

    def told():
        out = subprocess.run([BIN + "/craft", "ready", "--bootstrap-server",
                              cluster.address("broker-1"), "--broker", "3", "--timeout", "1",
                              "--format", "json"], capture_output=True, text=True, check=False)
        return json.loads(out.stdout)["reason"] == "broker 3 does not serve"
    wait_for(told, 30, "that broker 3 is away")
    err = craft("ready", "--in-sync", "--bootstrap-server", cluster.address("broker-1"),
                "--timeout", "1", status=FAILED)[1]
    assert "replicas in sync" in err or "has no leader" in err, err
    waiting = subprocess.Popen([BIN + "/craft", "ready", "--brokers", "3", "--in-sync",
                                "--bootstrap-server", cluster.address("broker-1"), "--timeout",
                                "60"], stdout=subprocess.PIPE, text=True)
    cluster.start("broker-3")
    assert waiting.communicate(timeout=60)[0] == "ready\n" and waiting.returncode == 0
    # Without a majority nobody leads.
    for node in cluster.controllers[1:]:
        cluster.kill(node)
    err = craft("ready", "--bootstrap-controller", controllers, "--timeout", "3",
                status=FAILED)[1]
    assert "lead" in err or "reach" in err, err
    cluster.start()
    at(cluster, "ready", "--brokers", "3", "--timeout", "60", timeout=90)


# ---- the others ----
@case
def a_cluster_in_numbers(cluster):
    before = json_at(cluster, "cluster", "describe")
    topic_of(cluster, "counted", "--assignment", "1:2,2:3")
    after = json_at(cluster, "cluster", "describe")
    assert after["topics"] == before["topics"] + 1
    assert after["partitions"] == before["partitions"] + 2
    assert after["replicas"] == before["replicas"] + 4
    assert (after["brokers"], after["fencedBrokers"], after["controllers"]) == (3, 0, 3), after
    assert f"controller-{after['controllerId'] - 3000}" == cluster.active_controller()
    [row] = rows(at(cluster, "cluster", "describe", "--format", "tsv")[0])
    assert row["clusterId"] == after["clusterId"]


@case
def versions_of_nodes(cluster):
    found = json_at(cluster, "api-versions")
    produce = next(row for row in found if row["api"] == "Produce")
    assert produce["key"] == 0 and produce["maxVersion"] >= 9, produce
    found = json_at(cluster, "api-versions", "1", "3")
    assert {row["node"] for row in found} == {1, 3}
    controller = craft("api-versions", "3001", "--format", "tsv", "--bootstrap-controller",
                       cluster.address("controller-1"))[0]
    assert "Vote" in controller and "\tProduce\t" not in controller, controller
    assert "99" in at(cluster, "api-versions", "99", status=FAILED)[1]
    at(cluster, "api-versions", "one", status=USAGE)


@case
def shells_complete(cluster):
    def complete(*words):
        script = ("eval \"$(" + BIN + "/craft completion bash)\"\n"
                  "COMP_WORDS=(craft " + " ".join(f"'{word}'" for word in words) + ")\n"
                  f"COMP_CWORD={len(words)}\n_craft\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n")
        run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
        return set(run.stdout.split())
    assert {"topic", "group", "ready"} <= complete("")
    assert complete("to") == {"topic"}
    assert {"create", "list", "describe"} <= complete("topic", "")
    assert "--partitions" in complete("topic", "create", "orders", "--p")
    assert complete("topic", "create", "orders", "--boot") == {"--bootstrap-server"}
    assert "compdef _craft craft" in craft("completion", "zsh")[0]
    assert "bash or zsh" in craft("completion", "fish", status=USAGE)[1]


main()
