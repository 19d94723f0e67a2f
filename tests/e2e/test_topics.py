#!/usr/bin/python3
"""Topics, partitions and brokers come and go by requests; what was answered is so everywhere."""
import time
import uuid

from lib import case, main, new_topic, produce_all, read_all, unique, wait_for
from raw import Raw, TOPIC

UNKNOWN_TOPIC_OR_PARTITION, TOPIC_ALREADY_EXISTS, INVALID_TOPIC = 3, 36, 17
INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR, INVALID_REPLICA_ASSIGNMENT = 37, 38, 39
INVALID_REQUEST, POLICY_VIOLATION, UNKNOWN_TOPIC_ID = 42, 44, 100
BROKER_ID_NOT_REGISTERED = 102


def raw(cluster, node="broker-1"):
    return Raw(cluster.address(node))


def is_known(admin, topic):
    return admin.describe_configs(TOPIC, topic, ["retention.ms"])[1] == 0


@case
def a_new_topic_is_there_on_every_broker(cluster):
    everybody = [raw(cluster, node) for node in cluster.brokers]
    for number in range(60):
        topic = unique("known")
        assert everybody[number % 3].create_topic(topic, 3, 2) == 0
        assert [is_known(admin, topic) for admin in everybody] == [True] * 3, topic
    for number in range(20):
        name = unique("gone")
        assert everybody[number % 3].create_topic(name) == 0
        answer = everybody[number % 3].ask("DeleteTopics", timeout_ms=20000, topics=[
            {"name": name, "topic_id": None}])
        assert answer["responses"][0]["error_code"] == 0
        assert [is_known(admin, name) for admin in everybody] == [False] * 3, name


@case
def a_broker_that_hangs_holds_creations_up_for_a_bounded_time(cluster):
    with raw(cluster, "broker-1") as admin:
        admin.create_topic(unique("warm"))
        cluster.pause("broker-3")
        try:
            began = time.monotonic()
            answer = admin.ask("CreateTopics", timeout_ms=20000, validate_only=False, topics=[
                {"name": unique("others"), "num_partitions": -1, "replication_factor": -1,
                 "assignments": [{"partition_index": 0, "broker_ids": [1, 2]}], "configs": []}])
            assert answer["topics"][0]["error_code"] == 0, answer
            others = time.monotonic() - began
            began = time.monotonic()
            answer = admin.ask("CreateTopics", timeout_ms=1000, validate_only=False, topics=[
                {"name": unique("leads"), "num_partitions": -1, "replication_factor": -1,
                 "assignments": [{"partition_index": 0, "broker_ids": [3, 2]}], "configs": []}])
            assert answer["topics"][0]["error_code"] == 0, answer
            leads = time.monotonic() - began
        finally:
            cluster.resume("broker-3")
        print(f"    answered after {others:.2f} s; where it leads, after {leads:.2f} s of 1 s")
        assert others < 1 and leads > 0.9
    cluster.wait_until_whole()


@case
def refusals(cluster):
    with raw(cluster) as admin:
        topic = unique("refused")
        assert admin.create_topic(topic) == 0
        assert admin.create_topic(topic) == TOPIC_ALREADY_EXISTS
        assert admin.create_topic("a/b") == INVALID_TOPIC
        assert admin.create_topic(unique("x"), 0) == INVALID_PARTITIONS
        assert admin.create_topic(unique("x"), 1, 4) == INVALID_REPLICATION_FACTOR
        assert admin.create_topic(unique("x"), 10001) == POLICY_VIOLATION

        def grow(name, count, assignments=None):
            answer = admin.ask("CreatePartitions", timeout_ms=20000, validate_only=False, topics=[
                {"name": name, "count": count, "assignments": assignments}])
            return answer["results"][0]["error_code"]
        assert grow("nothing", 3) == UNKNOWN_TOPIC_OR_PARTITION
        assert grow(topic, 1) == INVALID_PARTITIONS
        assert grow(topic, 3, [{"broker_ids": [1, 2, 3]}]) == INVALID_REPLICA_ASSIGNMENT
        assert grow(topic, 2, [{"broker_ids": [1, 2]}]) == INVALID_REPLICA_ASSIGNMENT
        assert grow(topic, 2, [{"broker_ids": [1, 2, 9]}]) == INVALID_REPLICA_ASSIGNMENT
        assert grow(topic, 3, [{"broker_ids": [3, 2, 1]}, {"broker_ids": [1, 2, 3]}]) == 0
        assert cluster.metadata(topic).partitions[1].replicas == [3, 2, 1]

        def drop(name, topic_id):
            answer = admin.ask("DeleteTopics", timeout_ms=20000, topics=[
                {"name": name, "topic_id": topic_id}])
            return answer["responses"][0]["error_code"]
        assert drop("nothing", None) == UNKNOWN_TOPIC_OR_PARTITION
        assert drop(None, uuid.UUID(int=1 << 70)) == UNKNOWN_TOPIC_ID
        assert drop(None, None) == INVALID_REQUEST
        assert drop(topic, uuid.UUID(int=1 << 70)) == INVALID_REQUEST
        assert drop(topic, None) == 0


@case
def a_topic_of_the_same_name_is_another_one(cluster):
    name = unique("again")
    with raw(cluster) as admin:
        answer = admin.ask("CreateTopics", timeout_ms=20000, validate_only=False, topics=[
            {"name": name, "num_partitions": 2, "replication_factor": 3, "assignments": [],
             "configs": []}])
        topic_id = answer["topics"][0]["topic_id"]
        produce_all(cluster, name, [{"value": b"old", "partition": p} for p in (0, 1)], acks="all")
        answer = admin.ask("DeleteTopics", timeout_ms=20000, topics=[
            {"name": None, "topic_id": topic_id}])
        result = answer["responses"][0]
        assert (result["error_code"], result["name"]) == (0, name)
        assert admin.create_topic(name, 2) == 0
    produce_all(cluster, name, [{"value": b"new", "partition": 0}], acks="all")
    assert {p: [m.value() for m in found] for p, found in read_all(cluster, name).items()} == {
        0: [b"new"], 1: []}


@case
def a_broker_is_unregistered_and_comes_back(cluster):
    topic = new_topic(cluster, "unregistered")
    with raw(cluster) as admin:
        assert admin.ask("UnregisterBroker", broker_id=77)["error_code"] == \
            BROKER_ID_NOT_REGISTERED
        cluster.stop("broker-3")
        assert admin.ask("UnregisterBroker", broker_id=3)["error_code"] == 0
        assert admin.ask("UnregisterBroker", broker_id=3)["error_code"] == \
            BROKER_ID_NOT_REGISTERED
        wait_for(lambda: 3 not in {b["id"] for b in cluster.craft_json(
            "broker", "list", "--bootstrap-server", cluster.address("broker-1"))}, 10,
            "it is not listed")
        assert admin.create_topic(unique("two"), 1, 3) == INVALID_REPLICATION_FACTOR
        produce_all(cluster, topic, [{"value": b"x"}], acks="all")
    cluster.start("broker-3")
    cluster.wait_until_whole()
    assert len(read_all(cluster, topic)[0]) == 1


main(needs_nodes=True)
