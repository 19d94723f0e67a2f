#!/usr/bin/python3
"""scripts/cluster.sh: what it starts, stops, says, and refuses."""
import os
import re
import signal
import socket
import subprocess

from lib import Cluster, case, create_topic, main, produce_all, read_all, wait_for


def small(name, **options):
    return Cluster(name, controllers=1, brokers=2, **options)


def pids(cluster):
    """Node: pid, as status tells it; None when down."""
    found = {}
    for line in cluster.script("status")[1].splitlines():
        fields = line.split()
        if fields[0] in cluster.nodes:
            found[fields[0]] = None if fields[1] == "-" else int(fields[1])
    return found


def states(cluster):
    return {line.split()[0]: line.split()[3] for line in
            cluster.script("status")[1].splitlines()[1:]}


@case
def nonsense_is_refused():
    cluster = small("nonsense")
    for words in (["no-such-command"], []):
        assert cluster.script(*words)[0] == 2, words
    for words in (["start", "broker-9"], ["start", "--brokers", "many"], ["start", "--what", "1"],
                  ["start", "--override", "novalue"], ["kill", "broker-1"], ["logs"],
                  ["start", "--bin", "/nonexistent"], ["start", "--controllers", "0"]):
        status, output = cluster.script(*words)
        assert status == 1 and output.startswith("cluster.sh: "), (words, output)


@case
def start_and_second_start():
    cluster = small("twice")
    output = cluster.start()
    assert f"bootstrap: {cluster.bootstrap}" in output
    assert "kcat -b " + cluster.address("broker-1") in output
    before = pids(cluster)
    assert None not in before.values()
    again = cluster.start()
    assert "already running" in again, again
    assert pids(cluster) == before, "nothing was changed"
    cluster.stop()


@case
def status_tells_what_is_wrong():
    cluster = small("status")
    assert cluster.script("status")[0] == 1, "nothing runs"
    cluster.start()
    assert cluster.script("status")[0] == 0
    assert states(cluster) == {"controller-1": "leader", "broker-1": "unfenced",
                               "broker-2": "unfenced"}
    cluster.pause("broker-2")
    assert cluster.script("status")[0] == 1
    assert states(cluster)["broker-2"] == "paused"
    cluster.resume("broker-2")
    wait_for(lambda: cluster.script("status")[0] == 0, 30, "it is well again")
    cluster.kill("broker-2")
    assert cluster.script("status")[0] == 1
    assert states(cluster)["broker-2"] == "down"
    cluster.start("broker-2")
    wait_for(lambda: cluster.script("status")[0] == 0, 30, "it is well again")
    for line in cluster.script("status")[1].splitlines()[1:]:
        assert re.fullmatch(r"\S+ +\d+ +\d+ +\w+ +\d+\.\d\d +\d+\.\d", line), line
    cluster.stop()


@case
def a_fenced_broker_is_told():
    cluster = small("fenced")
    cluster.start()
    cluster.pause("broker-2")
    wait_for(lambda: cluster.unfenced() == {1}, 30, "the stalled broker is fenced")
    cluster.resume("broker-2")
    wait_for(lambda: cluster.unfenced() == {1, 2}, 30, "it is back")
    cluster.stop()


@case
def stop_and_start_keep_the_data():
    cluster = small("keep")
    cluster.start()
    topic = create_topic(cluster, "kept", 1, 2)
    produce_all(cluster, topic, [{"value": str(i).encode()} for i in range(100)])
    cluster.stop()
    assert set(pids(cluster).values()) == {None}
    assert cluster.script("stop")[0] == 0, "stopping what is stopped is fine"
    cluster.start()
    assert [int(m.value()) for m in read_all(cluster, topic)[0]] == list(range(100))
    cluster.must("restart")
    assert len(read_all(cluster, topic)[0]) == 100
    cluster.stop()


@case
def overrides_reach_the_nodes_and_are_remembered():
    cluster = small("override", overrides=["num.partitions=7"])
    cluster.start()
    with open(os.path.join(cluster.dir, "broker-1.properties")) as properties:
        assert "num.partitions=7\n" in properties.read()
    cluster.must("restart", "broker-1")
    with open(os.path.join(cluster.dir, "broker-1.properties")) as properties:
        assert "num.partitions=7\n" in properties.read()
    cluster.stop()


@case
def another_shape_is_refused():
    cluster = small("shape")
    cluster.start()
    cluster.stop()
    status, output = cluster.script("start", "--controllers", "3")
    assert status == 1 and "--controllers 1" in output, output
    status, output = cluster.script("start", "--port-base", str(cluster.port_base + 20))
    assert status == 1 and f"--port-base {cluster.port_base}" in output, output


@case
def a_foreign_directory_is_refused():
    cluster = small("foreign")
    os.makedirs(cluster.dir)
    mine = os.path.join(cluster.dir, "broker-1.properties")
    with open(mine, "w") as file:
        file.write("precious=1\n")
    status, output = cluster.script("start", *cluster.options)
    assert status == 1 and cluster.dir in output, output
    assert os.listdir(cluster.dir) == ["broker-1.properties"]
    with open(mine) as file:
        assert file.read() == "precious=1\n"


@case
def a_taken_port_is_named():
    cluster = small("port")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", cluster.port("broker-2")))
        taken.listen()
        status, output = cluster.script("start", *cluster.options)
    assert status == 1
    assert f"port {cluster.port('broker-2')} of broker-2" in output, output
    assert not os.path.exists(cluster.log("broker-1")), "nothing was started"


@case
def wipe_spares_what_runs():
    cluster = small("wipe")
    cluster.start()
    status, output = cluster.script("wipe")
    assert status == 1 and "is running" in output, output
    cluster.stop()
    cluster.must("wipe")
    assert not os.path.exists(cluster.dir)
    cluster.must("wipe")  # nothing to do
    os.makedirs(cluster.dir + "/precious")
    assert cluster.script("wipe")[0] == 1, "not a cluster's directory"
    assert os.path.isdir(cluster.dir + "/precious")


@case
def other_processes_are_left_alone():
    cluster = small("stale")
    cluster.start()
    cluster.stop()
    innocent = subprocess.Popen(["sleep", "60"])
    try:
        with open(os.path.join(cluster.dir, "broker-1.pid"), "w") as file:
            file.write(f"{innocent.pid}\n")
        assert states(cluster)["broker-1"] == "down", "a number of another process"
        assert cluster.script("kill", "broker-1")[0] == 1
        cluster.must("stop")
        assert innocent.poll() is None
    finally:
        innocent.send_signal(signal.SIGKILL)
        innocent.wait()


@case
def logs_are_shown():
    cluster = small("logs")
    cluster.start()
    output = cluster.must("logs", "broker-1")
    assert output.strip(), "the broker has said something"
    cluster.stop()


main(own_clusters=True)
