#!/usr/bin/python3
"""Every core is busy with other things: the cluster gets slower and nothing else. No controller is
elected, no broker is fenced, no leader changes, no replica leaves an ISR.

CRAFT_BURN_S is for how long (20 s), CRAFT_BURN_NICE with which niceness (0).
`make bench-burn` does it for ten minutes with the optimised build."""
import json
import os
import statistics
import subprocess
import sys
import time

from confluent_kafka import Producer

from lib import case, main, new_topic, wait_for

SECONDS = float(os.environ.get("CRAFT_BURN_S", "20"))
NICENESS = int(os.environ.get("CRAFT_BURN_NICE", "0"))
PARTITIONS = 12
INTERVAL_S = 0.01
TELL_EVERY_S = 60


class Burners:
    """A process for each core that never waits."""

    def __enter__(self):
        program = f"import os\nos.nice({NICENESS})\nwhile True: pass"
        self.all = [subprocess.Popen([sys.executable, "-c", program])
                    for _ in range(os.cpu_count())]
        return self

    def __exit__(self, *_):
        for burner in self.all:
            burner.kill()
            burner.wait()


class Light:
    """A light load that waits for every replica, and how long that takes."""

    def __init__(self, cluster, topic):
        self.topic = topic
        self.took = []
        self.errors = []
        self.producer = Producer({"bootstrap.servers": cluster.bootstrap, "acks": "all",
                                  "linger.ms": 0, "message.timeout.ms": 60000})

    def send(self, number):
        sent = time.monotonic()

        def done(error, _):
            if error:
                self.errors.append(error)
            else:
                self.took.append(time.monotonic() - sent)
        self.producer.produce(self.topic, b"x", partition=number % PARTITIONS, on_delivery=done)
        self.producer.poll(0)

    def figures(self):
        ordered = sorted(self.took)
        return (f"{len(ordered)} records acknowledged, median {statistics.median(ordered):.4f} s, "
                f"99 % within {ordered[len(ordered) * 99 // 100]:.3f} s, "
                f"slowest {ordered[-1]:.3f} s")


def leadership(cluster):
    """All that an election, a fenced broker or a changed ISR leaves a trace in."""
    active = cluster.active_controller()
    address = cluster.address(active)
    quorum = cluster.quorum(address)
    status, out, err = cluster.craft("metadata", "show", "--bootstrap-controller", address,
                                     "--format", "json", timeout=60)
    assert status == 0, err
    state = {"quorum": {"leader": quorum["leaderId"], "epoch": quorum["leaderEpoch"]}}
    for record in json.loads(out)["records"]:
        data = record["data"]
        if record["type"] == "PARTITION_RECORD":
            state[data["topicId"], data["partitionId"]] = {
                name: data[name] for name in ("leader", "leaderEpoch", "partitionEpoch", "isr")}
        if record["type"] == "REGISTER_BROKER_RECORD":
            state["broker", data["brokerId"]] = {
                name: data[name] for name in ("brokerEpoch", "fenced", "sinceMs")}
    return state


@case
def a_busy_machine_elects_nobody(cluster):
    topic = new_topic(cluster, "light", PARTITIONS)
    light = Light(cluster, topic)
    for number in range(PARTITIONS):
        light.send(number)
    wait_for(lambda: light.producer.flush(1) == 0, 30, "every partition takes records")
    light.took.clear()
    before = leadership(cluster)
    with Burners():
        begin = time.monotonic()
        tell = begin + TELL_EVERY_S
        number = 0
        while time.monotonic() < begin + SECONDS:
            light.send(number)
            number += 1
            time.sleep(INTERVAL_S)
            if time.monotonic() > tell:
                tell += TELL_EVERY_S
                print(f"    after {time.monotonic() - begin:.0f} s: {light.figures()}", flush=True)
        assert light.producer.flush(60) == 0
        after = leadership(cluster)
    print(f"    {SECONDS:.0f} s with {os.cpu_count()} cores busy: {light.figures()}")
    assert not light.errors, light.errors[:3]
    changed = [f"{name}: {before.get(name)} -> {state}" for name, state in after.items()
               if before.get(name) != state]
    assert not changed, "\n".join(changed)
    assert len(after) == 1 + len(cluster.brokers) + PARTITIONS, after


main()
