#!/usr/bin/python3
"""Requests that brokers answer themselves and that the packaged clients cannot make."""
import glob
import os

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from lib import (case, create_topic, main, new_topic, produce_all, read_all, unique, wait_for)
from wire import Connection

OFFSETS_TOPIC = "__consumer_offsets"
NONE = 0
OFFSET_OUT_OF_RANGE = 1
UNKNOWN_TOPIC_OR_PARTITION = 3
NOT_LEADER_OR_FOLLOWER = 6
REQUEST_TIMED_OUT = 7
NOT_COORDINATOR = 16
INVALID_TOPIC_EXCEPTION = 17
UNSUPPORTED_VERSION = 35
INVALID_REQUEST = 42
POLICY_VIOLATION = 44
NON_EMPTY_GROUP = 68
GROUP_ID_NOT_FOUND = 69
GROUP_SUBSCRIBED_TO_TOPIC = 86

LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL, LATEST_TIERED = -1, -2, -3, -4, -5


def connect(cluster, node):
    return Connection("127.0.0.1", cluster.port(node))


def followers(cluster, topic, partition=0):
    leader = cluster.leader_of(topic, partition)
    return [node for node in cluster.brokers if node != leader]


def produce(cluster, topic, count, **config):
    return produce_all(cluster, topic, [{"value": b"%d" % n, "partition": 0, "timestamp": 1000 + n}
                                        for n in range(count)], **config)


# ---- DeleteRecords ----
def delete(cluster, node, topic, offset, version=2, timeout_ms=10000):
    """(error code, low watermark)"""
    with connect(cluster, node) as connection:
        answer = connection.call("DeleteRecords", version, TimeoutMs=timeout_ms, Topics=[
            {"Name": topic, "Partitions": [{"PartitionIndex": 0, "Offset": offset}]}])
    found = answer["Topics"][0]["Partitions"][0]
    return found["ErrorCode"], found["LowWatermark"]


def list_offset(cluster, node, topic, timestamp, version=9, **more):
    with connect(cluster, node) as connection:
        answer = connection.call("ListOffsets", version, Topics=[
            {"Name": topic, "Partitions": [{"PartitionIndex": 0, "Timestamp": timestamp}]}],
            **{"ReplicaId": -1, **more})
    return answer["Topics"][0]["Partitions"][0]


def earliest(cluster, topic):
    return list_offset(cluster, cluster.leader_of(topic, 0), topic, EARLIEST)["Offset"]


@case
def deleted_records_are_gone_on_all_replicas(cluster):
    topic = new_topic(cluster, "delete")
    produce(cluster, topic, 100)
    leader = cluster.leader_of(topic, 0)
    for version, offset in ((0, 10), (1, 20), (2, 40)):
        assert delete(cluster, leader, topic, offset, version) == (NONE, offset)
        assert earliest(cluster, topic) == offset
    assert delete(cluster, leader, topic, 30) == (NONE, 40), "the log start never goes back"
    assert [m.offset() for m in read_all(cluster, topic)[0]] == list(range(40, 100))
    for node in cluster.brokers:
        # A debugging client may ask followers, too.
        found = list_offset(cluster, node, topic, EARLIEST, ReplicaId=-2)
        assert (found["ErrorCode"], found["Offset"]) == (NONE, 40), node
    assert delete(cluster, leader, topic, -1) == (NONE, 100), "-1 is the high watermark"
    assert read_all(cluster, topic)[0] == []
    produce(cluster, topic, 1)
    assert [m.offset() for m in read_all(cluster, topic)[0]] == [100]


@case
def what_cannot_be_deleted(cluster):
    topic = new_topic(cluster, "refused")
    compacted = new_topic(cluster, "compacted", cleanup_policy="compact")
    produce(cluster, topic, 10)
    leader = cluster.leader_of(topic, 0)
    assert delete(cluster, leader, topic, 11) == (OFFSET_OUT_OF_RANGE, -1)
    assert delete(cluster, leader, topic, -2) == (OFFSET_OUT_OF_RANGE, -1)
    assert delete(cluster, leader, unique("nothing"), 0) == (UNKNOWN_TOPIC_OR_PARTITION, -1)
    assert delete(cluster, leader, OFFSETS_TOPIC, 0) == (INVALID_TOPIC_EXCEPTION, -1)
    other = followers(cluster, topic)[0]
    assert delete(cluster, other, topic, 5) == (NOT_LEADER_OR_FOLLOWER, -1)
    leader = cluster.leader_of(compacted, 0)
    assert delete(cluster, leader, compacted, 0) == (POLICY_VIOLATION, -1)
    assert earliest(cluster, topic) == 0


@case
def a_silent_follower_is_waited_for_and_a_dead_one_is_not(cluster):
    topic = new_topic(cluster, "silent")
    produce(cluster, topic, 20)
    leader = cluster.leader_of(topic, 0)
    silent = followers(cluster, topic)[0]
    cluster.pause(silent)
    try:
        assert delete(cluster, leader, topic, 7, timeout_ms=300) == (REQUEST_TIMED_OUT, 0)
        assert earliest(cluster, topic) == 7, "the leader's log begins there all the same"
    finally:
        cluster.resume(silent)
    wait_for(lambda: delete(cluster, leader, topic, 7) == (NONE, 7), 20, "the low watermark")
    cluster.kill(silent)
    wait_for(lambda: delete(cluster, leader, topic, 9) == (NONE, 9), 20, "the rest to count")
    cluster.start(silent)
    cluster.wait_until_whole()


def segments(cluster, node, topic):
    return sorted(os.path.basename(path) for path in
                  glob.glob(os.path.join(cluster.dir, node, topic + "-0", "*.log*")))


@case
def segments_below_the_log_start_are_removed(cluster):
    topic = new_topic(cluster, "segments", segment_bytes=1 << 20, file_delete_delay_ms=200)
    produce_all(cluster, topic, [{"value": bytes(100000)} for _ in range(40)])
    leader = cluster.leader_of(topic, 0)
    before = {node: segments(cluster, node, topic) for node in cluster.brokers}
    assert all(len(found) >= 4 for found in before.values()), before
    assert delete(cluster, leader, topic, 39) == (NONE, 39)
    wait_for(lambda: all(segments(cluster, node, topic) == found[-1:]
                         for node, found in before.items()), 20, "old segments to go")
    assert [m.offset() for m in read_all(cluster, topic)[0]] == [39]


@case
def the_log_start_survives_kill_9(cluster):
    topic = new_topic(cluster, "restart")
    produce(cluster, topic, 50)
    assert delete(cluster, cluster.leader_of(topic, 0), topic, 33) == (NONE, 33)

    def written():
        for node in cluster.brokers:
            with open(os.path.join(cluster.dir, node, "log-start-offset-checkpoint")) as file:
                if f"{topic} 0 33\n" not in file.read():
                    return False
        return True
    wait_for(written, 20, "the checkpoints of the log start")
    cluster.kill()
    cluster.start()
    cluster.wait_until_whole()
    assert earliest(cluster, topic) == 33
    assert [m.offset() for m in read_all(cluster, topic)[0]] == list(range(33, 50))


# ---- groups ----
def coordinator(cluster, group):
    with connect(cluster, "broker-1") as connection:
        def ask():
            found = connection.call("FindCoordinator", 3, Key=group, KeyType=0)
            return found if found["ErrorCode"] == NONE else None
        return f"broker-{wait_for(ask, 30, 'a coordinator')['NodeId']}"


def commit(cluster, group, topic, offset):
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group})

    def committed():
        return consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
    wait_for(committed, 30, "a commit")
    consumer.close()


def committed_offset(cluster, group, topic):
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group})
    found = consumer.committed([TopicPartition(topic, 0)], timeout=20)[0].offset
    consumer.close()
    return found


def delete_groups(cluster, node, *groups, version=2):
    with connect(cluster, node) as connection:
        answer = connection.call("DeleteGroups", version, GroupsNames=list(groups))
    return {result["GroupId"]: result["ErrorCode"] for result in answer["Results"]}


@case
def groups_are_deleted_each_by_its_coordinator(cluster):
    topic = new_topic(cluster, "groups")
    groups = [unique("group") for _ in range(12)]
    for group in groups:
        commit(cluster, group, topic, 5)
    at = {group: coordinator(cluster, group) for group in groups}
    node = at[groups[0]]
    nobody = next(name for name in (unique("nobody") for _ in range(1000))
                  if coordinator(cluster, name) == node)
    answers = delete_groups(cluster, node, *groups, nobody, groups[0])
    expected = {group: NONE if at[group] == node else NOT_COORDINATOR for group in groups}
    assert answers == {**expected, nobody: GROUP_ID_NOT_FOUND}, answers
    for group in groups:
        left = 5 if at[group] != node else -1001
        assert committed_offset(cluster, group, topic) == left, group
    assert delete_groups(cluster, node) == {}


@case
def a_group_with_members_stays(cluster):
    topic = new_topic(cluster, "members")
    group = unique("members")
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group,
                         "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    wait_for(lambda: consumer.poll(0.1) or consumer.assignment(), 30, "an assignment")
    node = coordinator(cluster, group)
    assert delete_groups(cluster, node, group) == {group: NON_EMPTY_GROUP}
    consumer.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)
    found = delete_offsets(cluster, node, group, topic, [0])
    assert found == {(topic, 0): GROUP_SUBSCRIBED_TO_TOPIC}, found
    consumer.close()
    assert delete_groups(cluster, node, group) == {group: NONE}


@case
def members_of_the_new_protocol_notice_topics(cluster):
    """KIP-848: topics that come, grow and go change what members are assigned."""
    prefix = unique("noticed")
    group = unique("noticing")
    # FindCoordinator makes its topic, which would be one more change.
    node = coordinator(cluster, group)
    mine = set()

    with connect(cluster, node) as connection:
        def ask(member_epoch, **more):
            owned = None if member_epoch else []
            return connection.call(
                "ConsumerGroupHeartbeat", 1, GroupId=group, MemberId="m", MemberEpoch=member_epoch,
                **{"TopicPartitions": owned, **more})

        def beat(*args, **more):
            answer = ask(*args, **more)
            assert answer["ErrorCode"] == NONE, answer
            return answer

        def join():  # the coordinator may be loading still
            answer = ask(0, RebalanceTimeoutMs=60000, SubscribedTopicRegex=prefix + "-.*")
            return answer if answer["ErrorCode"] == NONE else None

        epoch = wait_for(join, 30, "a member")["MemberEpoch"]

        def assigned(count):
            """Takes what it is given, as a client does, until it is that many partitions."""
            def taken():
                nonlocal epoch, mine
                answer = beat(epoch)
                epoch = answer["MemberEpoch"]
                if answer["Assignment"] is not None:
                    topics = answer["Assignment"]["TopicPartitions"]
                    mine = {(t["TopicId"], p) for t in topics for p in t["Partitions"]}
                    beat(epoch, TopicPartitions=topics)
                return len(mine) == count
            wait_for(taken, 20, f"{count} partitions")

        create_topic(cluster, prefix + "-a", 2)
        assigned(2)
        create_topic(cluster, prefix + "-b", 3)
        assigned(5)
        client = AdminClient({"bootstrap.servers": cluster.bootstrap})
        client.create_partitions([NewPartitions(prefix + "-a", 4)])[prefix + "-a"].result(30)
        assigned(7)
        client.delete_topics([prefix + "-b"])[prefix + "-b"].result(30)
        assigned(4)
        beat(-1)


def delete_offsets(cluster, node, group, topic, partitions):
    """{(topic, partition): error}, or the error of the whole request."""
    with connect(cluster, node) as connection:
        answer = connection.call("OffsetDelete", 0, GroupId=group, Topics=[
            {"Name": topic, "Partitions": [{"PartitionIndex": p} for p in partitions]}])
    if answer["ErrorCode"] != NONE:
        return answer["ErrorCode"]
    return {(t["Name"], p["PartitionIndex"]): p["ErrorCode"]
            for t in answer["Topics"] for p in t["Partitions"]}


@case
def offsets_are_deleted(cluster):
    topic = new_topic(cluster, "offsets")
    group = unique("offsets")
    commit(cluster, group, topic, 3)
    node = coordinator(cluster, group)
    found = delete_offsets(cluster, node, group, topic, [0, 9])
    assert found == {(topic, 0): NONE, (topic, 9): UNKNOWN_TOPIC_OR_PARTITION}, found
    assert committed_offset(cluster, group, topic) == -1001
    nowhere = unique("nowhere")
    found = delete_offsets(cluster, node, group, nowhere, [0])
    assert found in ({(nowhere, 0): UNKNOWN_TOPIC_OR_PARTITION}, GROUP_ID_NOT_FOUND), found
    stranger = next(n for n in cluster.brokers if n != node)
    assert delete_offsets(cluster, stranger, group, topic, [0]) == NOT_COORDINATOR


# ---- what there is ----
@case
def producers_are_described(cluster):
    topic = new_topic(cluster, "producers")
    produce(cluster, topic, 30, **{"enable.idempotence": True, "batch.num.messages": 10})

    def describe(node, name, index=0):
        with connect(cluster, node) as connection:
            answer = connection.call("DescribeProducers", 0, Topics=[
                {"Name": name, "PartitionIndexes": [index]}])
        return answer["Topics"][0]["Partitions"][0]
    leader = cluster.leader_of(topic, 0)
    found = describe(leader, topic)
    assert found["ErrorCode"] == NONE and len(found["ActiveProducers"]) == 1, found
    producer = found["ActiveProducers"][0]
    assert producer["ProducerId"] >= 0 and producer["LastSequence"] == 29, producer
    assert producer["LastTimestamp"] == 1029 and producer["CurrentTxnStartOffset"] == -1, producer
    for node, name, index, error in (
            (followers(cluster, topic)[0], topic, 0, NOT_LEADER_OR_FOLLOWER),
            (leader, topic, 1, UNKNOWN_TOPIC_OR_PARTITION),
            (leader, unique("nothing"), 0, UNKNOWN_TOPIC_OR_PARTITION),
            (leader, "not legal", 0, INVALID_TOPIC_EXCEPTION)):
        found = describe(node, name, index)
        assert found["ErrorCode"] == error and found["ErrorMessage"], found


@case
def topic_partitions_are_described_page_by_page(cluster):
    prefix = unique("pages")
    names = [create_topic(cluster, f"{prefix}-{letter}", partitions=count)
             for letter, count in (("a", 3), ("b", 1), ("c", 4))]
    whole = [(names[0], p) for p in range(3)] + [(names[1], 0)] + [(names[2], p) for p in range(4)]
    with connect(cluster, "broker-2") as connection:
        def pages(limit, topics):
            cursor, found = None, []
            while True:
                answer = connection.call("DescribeTopicPartitions", 0, Topics=topics,
                                         ResponsePartitionLimit=limit, Cursor=cursor)
                page = [(t["Name"], p["PartitionIndex"])
                        for t in answer["Topics"] for p in t["Partitions"]]
                assert len(page) <= limit, page
                assert all(t["ErrorCode"] == NONE and len(p["ReplicaNodes"]) == 3
                           and p["LeaderId"] > 0 and p["EligibleLeaderReplicas"] == []
                           for t in answer["Topics"] for p in t["Partitions"]), answer
                found += page
                cursor = answer["NextCursor"]
                if cursor is None:
                    return found
        wanted = [{"Name": name} for name in (names[2], names[0], names[1], names[0])]
        for limit in (1, 2, 3, 4, 7, 8, 2000):
            assert pages(limit, wanted) == whole, limit
            everything = [found for found in pages(limit, []) if found[0] in names]
            assert everything == whole, limit
        answer = connection.call("DescribeTopicPartitions", 0, Topics=[
            {"Name": unique("nothing")}, {"Name": "not legal"}])
        assert [t["ErrorCode"] for t in answer["Topics"]] == [
            INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION], answer
        for cursor in ({"TopicName": "elsewhere", "PartitionIndex": 0},
                       {"TopicName": names[0], "PartitionIndex": -1}):
            answer = connection.call("DescribeTopicPartitions", 0, Topics=[{"Name": names[0]}],
                                     Cursor=cursor)
            assert [t["ErrorCode"] for t in answer["Topics"]] == [INVALID_REQUEST], answer


@case
def config_resources_are_listed(cluster):
    topic = new_topic(cluster, "resources")
    with connect(cluster, "broker-3") as connection:
        def listed(version, **fields):
            answer = connection.call("ListConfigResources", version, **fields)
            assert answer["ErrorCode"] == NONE, answer
            return {(r["ResourceType"], r["ResourceName"]) for r in answer["ConfigResources"]}
        assert listed(0) == set(), "version 0 knows client metrics only"
        brokers = {(kind, str(n)) for kind in (4, 8) for n in (1, 2, 3)}
        assert listed(1) >= brokers | {(2, topic)}
        assert listed(1, ResourceTypes=[4, 8]) == brokers
        answer = connection.call("ListConfigResources", 1, ResourceTypes=[2, 77])
        assert answer["ErrorCode"] == UNSUPPORTED_VERSION and not answer["ConfigResources"], answer


@case
def timestamps_with_a_meaning(cluster):
    topic = new_topic(cluster, "timestamps")
    produce_all(cluster, topic, [{"value": b"v", "timestamp": time}
                                 for time in (5000, 9000, 7000)], **{"batch.num.messages": 1})
    leader = cluster.leader_of(topic, 0)
    delete(cluster, leader, topic, 1)

    def ask(timestamp, version=10, **more):
        found = list_offset(cluster, leader, topic, timestamp, version, **more)
        return found["ErrorCode"], found["Offset"], found["Timestamp"]
    assert ask(LATEST) == (NONE, 3, -1)
    assert ask(EARLIEST) == ask(EARLIEST_LOCAL) == (NONE, 1, -1)
    assert ask(MAX_TIMESTAMP) == (NONE, 1, 9000)
    assert ask(LATEST_TIERED) == (NONE, -1, -1), "there is no tiered storage"
    assert ask(6000) == (NONE, 1, 9000)
    assert ask(9001) == (NONE, -1, -1)
    for timestamp, version in ((MAX_TIMESTAMP, 6), (EARLIEST_LOCAL, 7), (LATEST_TIERED, 8),
                               (-6, 10), (-2**63, 10)):
        assert ask(timestamp, version) == (UNSUPPORTED_VERSION, -1, -1), (timestamp, version)
    with connect(cluster, leader) as connection:
        twice = [{"PartitionIndex": 0, "Timestamp": LATEST}] * 2
        answer = connection.call("ListOffsets", 9, ReplicaId=-1,
                                 Topics=[{"Name": topic, "Partitions": twice}])
    errors = [p["ErrorCode"] for p in answer["Topics"][0]["Partitions"]]
    assert errors == [NONE, INVALID_REQUEST], errors


main()
