#!/usr/bin/python3
"""docs/runbook-quorum-lost.md, carried out as it stands there: its code blocks are the commands."""
import os
import re
import shutil
import signal
import subprocess

from lib import BIN, ROOT, Cluster, case, create_topic, main, unique, wait_for

RUNBOOK = ROOT + "/docs/runbook-quorum-lost.md"


def blocks():
    """(what stands behind "sh" in the fence, commands) of every code block."""
    with open(RUNBOOK) as file:
        found = re.findall(r"^```sh *(.*)\n((?:.*\n)*?)^```$", file.read(), re.M)
    assert len(found) >= 10 and found[0][0] == "example", found
    return found


class Runbook:
    """A shell that carries out the blocks, one after the other, and ends what it has started."""

    def __init__(self, cluster, survivor, others, broker_dir):
        self.cluster = cluster
        self.log = os.path.join(cluster.dir, "runbook.log")
        with open(os.path.join(cluster.dir, "cluster.conf")) as conf:
            cluster_id = re.search(r"^cluster-id=(.*)$", conf.read(), re.M).group(1)
        settings = {
            "CONTROLLERS": ",".join(cluster.address(node) for node in cluster.controllers),
            "BROKERS": cluster.bootstrap,
            "SURVIVOR": f"{cluster.dir}/{survivor}.properties",
            "SURVIVOR_ID": str(3000 + int(survivor[-1])),
            "SURVIVOR_ADDRESS": cluster.address(survivor),
            "SURVIVOR_DIR": f"{cluster.dir}/{survivor}",
            "BROKER_DIR": broker_dir,
            "OTHERS": " ".join(f"{cluster.dir}/{node}.properties" for node in others),
            "OTHER_IDS": " ".join(str(3000 + int(node[-1])) for node in others),
            "CLUSTER_ID": cluster_id,
        }
        given = set(re.findall(r"^(?:export )?([A-Z_]+)=", blocks()[0][1], re.M))
        assert given == set(settings), "the example and this test set the same names"
        self.environment = {**os.environ, **settings, "PATH": BIN + ":" + os.environ["PATH"]}

    def run(self, commands, deadline_s=120):
        """One block; what it printed. Daemons that it leaves behind go on."""
        with open(self.log, "a+") as log:
            log.write(f"---- {commands}")
            log.flush()
            start = log.tell()
            shell = subprocess.Popen(["bash", "-euo", "pipefail", "-c", commands], stdout=log,
                                     stderr=log, env=self.environment, start_new_session=True)
            try:
                status = shell.wait(deadline_s)
            except subprocess.TimeoutExpired:
                os.killpg(shell.pid, signal.SIGKILL)
                raise
            log.seek(start)
            said = log.read()
        # The node's files for cluster.sh, so that it finds what was started here.
        for node in self.cluster.controllers:
            self.note_pid(node)
        assert status == 0, f"{commands}exit {status}:\n{said}"
        return said

    def note_pid(self, node):
        settings = f"{self.cluster.dir}/{node}.properties"
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"craft-controller") and settings.encode() in words:
                with open(f"{self.cluster.dir}/{node}.pid", "w") as file:
                    file.write(f"{pid}\n")
                self.cluster.up.add(node)


def lose(cluster, nodes):
    for node in nodes:
        cluster.kill(node)
        shutil.rmtree(os.path.join(cluster.dir, node))


def fall_behind(cluster, node, replicas):
    """Stalls the controller, and lets pass what is on its way to it already."""
    cluster.pause(node)
    create_topic(cluster, unique("on-its-way"), 1, replicas)


def topics(cluster):
    return set(cluster.metadata().topics)


def finish(cluster, kept):
    """The cluster works again, with three voters and its topics."""
    wait_for(lambda: kept <= topics(cluster), 60, "the topics are there")
    cluster.wait_until_whole()
    create_topic(cluster, unique("after"), 1, 2)
    survivor = cluster.active_controller()
    cluster.kill(survivor)  # the others are voters that can do without it
    create_topic(cluster, unique("without"), 1, 2)


def first(cluster, text):
    return next(commands for kind, commands in blocks() if text in commands)


@case
def the_survivor_has_everything():
    cluster = Cluster("whole", controllers=3, brokers=2)
    cluster.start()
    kept = {create_topic(cluster, unique("kept"), 2, 2) for _ in range(3)}
    survivor, lost = cluster.controllers[0], cluster.controllers[1:]
    lose(cluster, lost)
    book = Runbook(cluster, survivor, lost, os.path.join(cluster.dir, "broker-1"))
    said = ""
    for kind, commands in blocks():
        if "recover" in commands and survivor in cluster.up:
            cluster.stop(survivor)  # step 2
        if kind == "":
            said += book.run(commands)
    assert "0 records of it are not in the log" in said, said
    assert "the voters were 3001, 3002, 3003" in said, said
    finish(cluster, kept)


@case
def a_broker_has_more():
    cluster = Cluster("more", controllers=3, brokers=2)
    cluster.start()
    kept = {create_topic(cluster, unique("kept"), 1, 2)}
    survivor = next(n for n in cluster.controllers if n != cluster.active_controller())
    lost = [node for node in cluster.controllers if node != survivor]
    fall_behind(cluster, survivor, 2)
    kept |= {create_topic(cluster, unique("late"), 1, 2) for _ in range(3)}
    lose(cluster, lost)
    cluster.resume(survivor)
    cluster.stop(survivor)
    book = Runbook(cluster, survivor, lost, os.path.join(cluster.dir, "broker-2"))
    said = book.run(first(cluster, "--show --compare $BROKER_DIR"))
    assert "it has more" in said and said.count("TOPIC_RECORD") >= 3, said
    status, _, err = cluster.craft("quorum", "recover", "--config",
                                   book.environment["SURVIVOR"], "--compare",
                                   book.environment["BROKER_DIR"], "--yes")
    assert status == 1 and "another log has more" in err, err
    for kind, commands in blocks():
        if kind in ("", "if a broker has more"):
            book.run(commands)
    finish(cluster, kept)


@case
def what_nobody_has_is_given_up():
    cluster = Cluster("loss", controllers=3, brokers=1)
    cluster.start()
    kept = {create_topic(cluster, unique("kept"), 1, 1)}
    survivor = next(n for n in cluster.controllers if n != cluster.active_controller())
    lost = [node for node in cluster.controllers if node != survivor]
    fall_behind(cluster, survivor, 1)
    gone = {create_topic(cluster, unique("gone"), 1, 1) for _ in range(2)}
    lose(cluster, lost)
    cluster.resume(survivor)
    cluster.stop(survivor)
    settings = f"{cluster.dir}/{survivor}.properties"
    recover = ["quorum", "recover", "--config", settings, "--compare",
               os.path.join(cluster.dir, "broker-1"), "--accept-loss"]
    before = cluster.craft("quorum", "recover", "--config", settings, "--show")[1]
    asked = subprocess.run([BIN + "/craft", *recover], input="no\n", capture_output=True,
                           text=True, timeout=20)
    assert asked.returncode == 1 and "nothing was changed" in asked.stderr, asked
    assert cluster.craft("quorum", "recover", "--config", settings, "--show")[1] == before
    with open(os.path.join(cluster.dir, survivor, "meta.properties")) as meta:
        cluster_id = re.search(r"^cluster.id=(.*)$", meta.read(), re.M).group(1)
    asked = subprocess.run([BIN + "/craft", *recover], input=cluster_id + "\n",
                           capture_output=True, text=True, timeout=20)
    assert asked.returncode == 0, asked
    # The broker that has more gives it up, after a restart if it must.
    cluster.up.discard("broker-1")
    cluster.start(survivor)
    cluster.must("stop", "broker-1")
    cluster.start("broker-1")
    wait_for(lambda: topics(cluster) & (kept | gone) == kept, 60, "what is gone is gone")
    create_topic(cluster, unique("after"), 1, 1)


def contents(folder):
    """Every file of a directory with its bytes."""
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(root, name), "rb") as file:
                found[os.path.join(root, name)] = file.read()
    return found


@case
def looking_changes_nothing():
    """Not even where a start would cut: what is behind a flipped bit may be all that is left."""
    cluster = Cluster("looking", controllers=1, brokers=1)
    cluster.start()
    for _ in range(3):
        create_topic(cluster, unique("kept"), 1, 1)
    cluster.stop()
    folder = f"{cluster.dir}/controller-1"
    settings = f"{folder}.properties"
    log = f"{folder}/__cluster_metadata-0/{0:020}.log"
    with open(log, "r+b") as file:
        file.seek(os.path.getsize(log) // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    with open(f"{folder}/__cluster_metadata-0/{9:020}-{1:010}.checkpoint.part", "wb"):
        pass
    before = contents(folder)
    status, out, err = cluster.craft("quorum", "recover", "--config", settings, "--show")
    assert status == 0 and "bytes are torn or damaged" in out and "voters now" in out, out + err
    asked = subprocess.run([BIN + "/craft", "quorum", "recover", "--config", settings],
                           input="no\n", capture_output=True, text=True, timeout=20)
    assert asked.returncode == 1 and "nothing was changed" in asked.stderr, asked
    assert contents(folder) == before


@case
def a_running_controller_is_refused():
    cluster = Cluster("running", controllers=1, brokers=1)
    cluster.start("controller-1")
    settings = f"{cluster.dir}/controller-1.properties"
    status, _, err = cluster.craft("quorum", "recover", "--config", settings, "--yes")
    assert status == 1 and "stop it first" in err, err
    assert cluster.craft("quorum", "recover")[0] == 2
    status, _, err = cluster.craft("quorum", "recover", "--config", settings, "--override",
                                   "node.id=3009")
    assert status == 1 and "3009" in err, err


main(own_clusters=True)
