#!/usr/bin/python3
"""Every version of every API that a broker and a controller advertise is answered, with bytes that
decode; versions just outside are refused with UNSUPPORTED_VERSION. The program of versions/ does
the talking."""
import os
import subprocess

from confluent_kafka import Consumer, TopicPartition

from lib import BIN, case, main, new_topic, wait_for

PROGRAM = os.path.join(os.path.dirname(BIN), "tests/e2e/versions")
SEED = os.environ.get("SEED", "20261121")
RANDOM_BODIES = 30  # for each version
METADATA_TOPIC = "__cluster_metadata"


GROUPS = 10  # it names one group a version


def try_versions(cluster, node, topic, *options):
    run = subprocess.run([PROGRAM, str(cluster.port("broker-1")), str(cluster.port(node)), topic,
                          "--seed", SEED, *options], capture_output=True, text=True, timeout=200)
    said = (run.stdout + run.stderr).strip()
    assert run.returncode == 0, f"{node}, topic {topic}, seed {SEED}\n{said}"
    print(f"{node}: {said}")


def wait_for_coordinator(cluster, topic):
    """Groups are refused until the coordinator has loaded their part of __consumer_offsets."""
    for number in range(GROUPS):
        consumer = Consumer({"bootstrap.servers": cluster.bootstrap,
                             "group.id": f"{topic}-{number}"})
        wait_for(lambda: consumer.committed([TopicPartition(topic, 0)], timeout=5), 30,
                 "a coordinator")
        consumer.close()


@case
def a_broker_answers_every_version(cluster):
    topic = new_topic(cluster, "versions", replicas=1)
    wait_for_coordinator(cluster, topic)
    try_versions(cluster, "broker-1", topic)


@case
def a_controller_answers_every_version(cluster):
    try_versions(cluster, "controller-1", new_topic(cluster, "versions", replicas=1))
    try_versions(cluster, "controller-1", METADATA_TOPIC)


@case
def random_bodies_are_answered(cluster):
    for node in cluster.nodes:
        topic = new_topic(cluster, "random", replicas=1)
        wait_for_coordinator(cluster, topic)
        try_versions(cluster, node, topic, "--random", str(RANDOM_BODIES))


# One broker leads and coordinates everything, one controller is the active one.
main(controllers=1, brokers=1)
