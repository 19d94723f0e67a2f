#!/usr/bin/python3
"""Partitions move between brokers, leaders are elected and brokers leave in order, under a steady
idempotent load: nothing is lost, nothing is left behind, and producers hardly notice."""
import glob
import os
import time

from lib import case, create_topic, main, new_topic, produce_all, read_all, unique, wait_for
from load import Load
from steady import Steady
from raw import BROKER, DELETE, PREFERRED, Raw, TOPIC, UNCLEAN
from wire import Connection

GAP_S = 0.15  # the longest that a producer may wait for a planned move
BURST_GAP_S = 1  # for each of many, one right after the other

INVALID_REPLICA_ASSIGNMENT, INVALID_REPLICATION_FACTOR = 39, 38
UNKNOWN_TOPIC_OR_PARTITION, NO_REASSIGNMENT_IN_PROGRESS = 3, 85
ELECTION_NOT_NEEDED, PREFERRED_LEADER_NOT_AVAILABLE, ELIGIBLE_LEADERS_NOT_AVAILABLE = 84, 80, 83


def raw(cluster):
    return Raw(cluster.address(next(node for node in cluster.brokers if node in cluster.up)))


def replicas(cluster, topic):
    """{partition: (replicas, leader, ISR as a set)}"""
    return {number: (list(p.replicas), p.leader, set(p.isrs))
            for number, p in cluster.metadata(topic).partitions.items()}


def move(cluster, topic, targets, deadline_s=30):
    """Moves partitions and waits for the end: {partition: replicas}."""
    with raw(cluster) as admin:
        codes = admin.alter_reassignments({(topic, p): r for p, r in targets.items()})
        assert set(codes.values()) == {0}, codes
        wait_for(lambda: not admin.list_reassignments(), deadline_s, f"{topic} has moved")

    def settled():
        now = replicas(cluster, topic)
        return all(now[p][0] == r and now[p][2] == set(r) for p, r in targets.items())
    wait_for(settled, deadline_s, f"{topic} is known to be on {targets}")


def directories(cluster, topic):
    """{broker: directories of the topic's partitions that are in use}"""
    found = {}
    for node in cluster.brokers:
        paths = glob.glob(os.path.join(cluster.dir, node, f"{topic}-*"))
        found[node] = {os.path.basename(path)[len(topic) + 1:] for path in paths
                       if os.path.basename(path)[len(topic) + 1:].isdigit()}
    return found


def hosts(targets):
    """What directories() should find."""
    found = {f"broker-{b}": set() for b in range(1, 5)}
    for partition, target in targets.items():
        for broker in target:
            found[f"broker-{broker}"].add(str(partition))
    return found


@case
def refusals(cluster):
    topic = new_topic(cluster, "refused")
    with raw(cluster) as admin:
        def ask(target, partition=0, name=topic, **how):
            return admin.alter_reassignments({(name, partition): target}, **how)[name, partition]
        assert ask(None) == NO_REASSIGNMENT_IN_PROGRESS
        assert ask([1, 2, 3], partition=7) == UNKNOWN_TOPIC_OR_PARTITION
        assert ask([1, 2, 3], name="nothing") == UNKNOWN_TOPIC_OR_PARTITION
        assert ask([]) == INVALID_REPLICA_ASSIGNMENT
        assert ask([1, 1]) == INVALID_REPLICA_ASSIGNMENT
        assert ask([1, 2, 99]) == INVALID_REPLICA_ASSIGNMENT
        assert ask([1, 2], allow_factor_change=False) == INVALID_REPLICATION_FACTOR
        assert admin.list_reassignments() == {}


@case
def a_new_replica_begins_inside_a_batch(cluster):
    """DeleteRecords leaves the log start in the middle of a batch, which comes whole."""
    topic = create_topic(cluster, unique("inside"), replicas=1)
    produce_all(cluster, topic, [{"value": f"v{i}", "partition": 0} for i in range(100)],
                **{"linger.ms": 1000})
    with Connection("127.0.0.1", cluster.port(cluster.leader_of(topic, 0))) as connection:
        answer = connection.call("DeleteRecords", 2, TimeoutMs=10000, Topics=[
            {"Name": topic, "Partitions": [{"PartitionIndex": 0, "Offset": 40}]}])
    assert answer["Topics"][0]["Partitions"][0]["ErrorCode"] == 0, answer
    move(cluster, topic, {0: [1, 2, 3]})
    leader = f"broker-{replicas(cluster, topic)[0][1]}"
    cluster.kill(leader)
    wait_for(lambda: replicas(cluster, topic)[0][1] not in (-1, int(leader[-1])), 30,
             "another leader")
    found = [m.value().decode() for m in read_all(cluster, topic)[0]]
    assert found == [f"v{i}" for i in range(40, 100)], found
    cluster.start(leader)
    cluster.wait_until_whole()


@case
def a_partition_grows_shrinks_and_moves_under_load(cluster):
    with Load(cluster) as load:
        steps = [
            ("grow to 4 replicas", {p: [1, 2, 3, 4] for p in range(3)}),
            ("shrink to 2 without the leader", {p: [4, 3] for p in range(3)}),
            ("move to two others", {p: [1, 2] for p in range(3)}),
            ("move one of three", {0: [1, 2, 3], 1: [2, 3, 4], 2: [3, 4, 1]}),
            ("another order", {0: [3, 2, 1], 1: [4, 3, 2], 2: [1, 4, 3]}),
        ]
        for what, targets in steps:
            load.fault(what, lambda targets=targets: move(cluster, load.topic, targets),
                       deadline_s=30)
            # Logs of replicas that left are renamed at once, and removed later.
            wait_for(lambda targets=targets: directories(cluster, load.topic) == hosts(targets),
                     10, f"directories are those of {targets}")


@case
def the_offsets_of_groups_move_with_their_coordinator(cluster):
    with Load(cluster) as load:
        now = replicas(cluster, "__consumer_offsets")
        targets = {p: [leader % 4 + 1, (leader + 1) % 4 + 1, (leader + 2) % 4 + 1]
                   for p, (_, leader, _) in now.items()}
        load.fault("move every coordinator",
                   lambda: move(cluster, "__consumer_offsets", targets, 60), deadline_s=30)


@case
def a_cancelled_move_goes_back(cluster):
    topic = new_topic(cluster, "cancelled", 1, 3)
    produce_all(cluster, topic, [{"value": str(n).encode()} for n in range(1000)], acks="all")
    before, leader, _ = replicas(cluster, topic)[0]
    absent = next(b for b in range(1, 5) if b not in before)
    cluster.stop(f"broker-{absent}")  # so that the move cannot end
    with raw(cluster) as admin:
        target = [absent, before[0], before[1]]
        assert admin.alter_reassignments({(topic, 0): target}) == {(topic, 0): 0}
        moving = admin.list_reassignments()[topic, 0]
        assert moving["replicas"] == target + [before[2]]
        assert moving["adding_replicas"] == [absent]
        assert moving["removing_replicas"] == [before[2]]
        assert admin.list_reassignments([{"name": topic, "partition_indexes": [0]}])
        assert not admin.list_reassignments([{"name": topic, "partition_indexes": [1]}])
        assert admin.alter_reassignments({(topic, 0): None}) == {(topic, 0): 0}
        assert admin.list_reassignments() == {}
    wait_for(lambda: sorted(replicas(cluster, topic)[0][0]) == sorted(before), 10, "as before")
    assert replicas(cluster, topic)[0][1] == leader
    cluster.start(f"broker-{absent}")
    cluster.wait_until_whole()
    assert f"broker-{absent}" not in [b for b, d in directories(cluster, topic).items() if d]
    values = [int(m.value()) for m in read_all(cluster, topic)[0]]
    assert values == list(range(1000))


@case
def a_broker_that_was_away_gives_up_what_moved_meanwhile(cluster):
    topic = new_topic(cluster, "away", 3, 2)
    produce_all(cluster, topic, [{"value": b"x" * 100, "partition": n % 3} for n in range(300)],
                acks="all")
    was = replicas(cluster, topic)
    node = was[0][1]
    cluster.stop(f"broker-{node}")
    others = [b for b in range(1, 5) if b != node]
    targets = {p: [others[p % 3], others[(p + 1) % 3]] for p in range(3)}
    with raw(cluster) as admin:
        assert set(admin.alter_reassignments({(topic, p): r for p, r in targets.items()})
                   .values()) == {0}
        wait_for(lambda: not admin.list_reassignments(), 30, "the others have it")
    cluster.start(f"broker-{node}")
    cluster.wait_until_whole()
    wait_for(lambda: directories(cluster, topic) == hosts(targets), 10, "nothing is left behind")
    assert sum(len(m) for m in read_all(cluster, topic).values()) == 300


MIB = 1 << 20


def throttled_move(cluster, side, others):
    """Moves 4 MiB with a rate of 1 MiB/s on one side, and takes the rate away on the way."""
    topic = new_topic(cluster, "throttled", 1, 1)
    home = replicas(cluster, topic)[0][1]
    away = next(b for b in range(1, 5) if b != home)
    produce_all(cluster, topic, [{"value": os.urandom(MIB // 8)} for _ in range(32)], acks="all")
    node = str(home if side == "leader" else away)
    key = f"{side}.replication.throttled"
    with raw(cluster) as admin:
        admin.set_config(TOPIC, topic, f"{key}.replicas", others or f"0:{node}")
        admin.set_config(BROKER, node, f"{key}.rate", str(MIB))
        began = time.monotonic()
        assert admin.alter_reassignments({(topic, 0): [away]}) == {(topic, 0): 0}
        while admin.list_reassignments() and time.monotonic() < began + 1.5:
            time.sleep(0.05)
        assert admin.list_reassignments(), f"4 MiB in {time.monotonic() - began:.1f} s"
        admin.set_config(BROKER, node, f"{key}.rate", None)
        wait_for(lambda: not admin.list_reassignments(), 5, "without the rate it ends")
    print(f"    {side}: moved after {time.monotonic() - began:.1f} s")
    wait_for(lambda: replicas(cluster, topic)[0] == ([away], away, {away}), 10, "it has moved")
    assert len(read_all(cluster, topic)[0]) == 32


@case
def moves_are_throttled(cluster):
    throttled_move(cluster, "leader", None)
    throttled_move(cluster, "follower", None)
    throttled_move(cluster, "leader", "*")


@case
def the_leader_dies_while_its_partition_moves(cluster):
    with Load(cluster) as load:
        # Two of three are enough for acks, and only one of them dies.
        targets = {p: [4, 1 + p % 3, 1 + (p + 1) % 3] for p in range(3)}
        leader = cluster.leader_of(load.topic, 0)

        def act():
            with raw(cluster) as admin:
                codes = admin.alter_reassignments({(load.topic, p): r
                                                   for p, r in targets.items()})
                assert set(codes.values()) == {0}, codes
                cluster.kill(leader)
        load.fault(f"kill -9 {leader} during a move", act, deadline_s=30)
        cluster.start(leader)
        cluster.wait_until_whole()
        with raw(cluster) as admin:
            wait_for(lambda: not admin.list_reassignments(), 30, "the move ends")
        assert {p: r[0] for p, r in replicas(cluster, load.topic).items()} == targets


@case
def preferred_leaders_are_elected(cluster):
    topic = create_topic(cluster, unique("elected"), 4, 3)
    was = replicas(cluster, topic)
    with raw(cluster) as admin:
        assert admin.elect_leaders(PREFERRED, [(topic, 0)]) == {(topic, 0): ELECTION_NOT_NEEDED}
        assert admin.elect_leaders(PREFERRED, [(topic, 9), ("nothing", 0)]) == {
            (topic, 9): UNKNOWN_TOPIC_OR_PARTITION, ("nothing", 0): UNKNOWN_TOPIC_OR_PARTITION}
        assert admin.elect_leaders(UNCLEAN, [(topic, 0)]) == {(topic, 0): ELECTION_NOT_NEEDED}
    targets = {p: [r[1], r[2], r[0]] for p, (r, _, _) in was.items()}
    move(cluster, topic, targets)
    assert {p: leader for p, (_, leader, _) in replicas(cluster, topic).items()} == \
        {p: leader for p, (_, leader, _) in was.items()}, "another order moves no leader"
    with raw(cluster) as admin:
        codes = admin.elect_leaders(PREFERRED, None)
        assert all(codes[topic, p] == 0 for p in range(4)), codes
        assert admin.elect_leaders(PREFERRED, None) == {}
    wait_for(lambda: all(leader == targets[p][0] for p, (_, leader, _) in
                         replicas(cluster, topic).items()), 10, "the first replicas lead")


@case
def a_leader_is_elected_uncleanly_when_that_is_asked_for(cluster):
    topic = create_topic(cluster, unique("unclean"), 1, 2)
    (first, second), _, _ = replicas(cluster, topic)[0]
    cluster.stop(f"broker-{second}")
    wait_for(lambda: replicas(cluster, topic)[0][2] == {first}, 10, "the second one has left")
    produce_all(cluster, topic, [{"value": b"only on the first"}], acks="all")
    cluster.stop(f"broker-{first}")
    with raw(cluster) as admin:
        assert admin.elect_leaders(UNCLEAN, [(topic, 0)]) == {
            (topic, 0): ELIGIBLE_LEADERS_NOT_AVAILABLE}
    cluster.start(f"broker-{second}")
    with raw(cluster) as admin:
        assert admin.elect_leaders(PREFERRED, [(topic, 0)]) == {
            (topic, 0): PREFERRED_LEADER_NOT_AVAILABLE}
        assert cluster.metadata(topic).partitions[0].leader == -1
        assert admin.elect_leaders(UNCLEAN, [(topic, 0)]) == {(topic, 0): 0}
    wait_for(lambda: cluster.metadata(topic).partitions[0].leader == second, 10, "it leads")
    cluster.start(f"broker-{first}")
    cluster.wait_until_whole()
    assert read_all(cluster, topic) == {0: []}


@case
def unclean_elections_follow_their_setting_at_once(cluster):
    topic = create_topic(cluster, unique("unclean"), 1, 2)
    (first, second), _, _ = replicas(cluster, topic)[0]
    cluster.stop(f"broker-{second}")
    wait_for(lambda: replicas(cluster, topic)[0][2] == {first}, 10, "the second one has left")
    cluster.stop(f"broker-{first}")
    cluster.start(f"broker-{second}")
    with raw(cluster) as admin:
        assert cluster.metadata(topic).partitions[0].leader == -1
        admin.set_config(TOPIC, topic, "unclean.leader.election.enable", "true")
        wait_for(lambda: cluster.metadata(topic).partitions[0].leader == second, 2, "it leads")
        assert admin.alter_configs(TOPIC, topic, [
            ("unclean.leader.election.enable", DELETE, None)])[0] == 0
    cluster.start(f"broker-{first}")
    cluster.wait_until_whole()


def elect_the_next(cluster, topic, steady, what):
    """The second replica becomes the first and the leader."""
    before, _, _ = replicas(cluster, topic)[0]
    with raw(cluster) as admin:
        admin.alter_reassignments({(topic, 0): before[1:] + before[:1]})
        steady.move(what, lambda: admin.elect_leaders(PREFERRED, [(topic, 0)]))


@case
def producers_hardly_notice_planned_moves(cluster):
    """As librdkafka is by default: it waits retry.backoff.ms = 100 before it tries again."""
    topic = create_topic(cluster, unique("planned"), 1, 3)
    with Steady(cluster, topic) as steady:
        steady.grow_old()
        for _ in range(3):
            elect_the_next(cluster, topic, steady, "preferred election")
        steady.grow_old()
        for _ in range(3):  # never back, where its connection is new
            _, leader, _ = replicas(cluster, topic)[0]
            others = [(leader + i) % 4 + 1 for i in range(3)]
            steady.move("reassignment of the leader",
                        lambda others=others: move(cluster, topic, {0: others}))
        steady.grow_old()
        # Never to a broker that was down a moment ago: the client would wait before it tries to
        # connect there again, up to reconnect.backoff.max.ms.
        for target in [1, 2, 3], [2, 3, 4], [3, 4, 1]:
            move(cluster, topic, {0: target})
            with raw(cluster) as admin:
                admin.elect_leaders(PREFERRED, [(topic, 0)])
            node = f"broker-{target[0]}"
            wait_for(lambda node=node: cluster.leader_of(topic, 0) == node, 10, f"{node} leads")
            steady.move("controlled shutdown", lambda node=node: cluster.stop(node))
            cluster.start(node)
            cluster.wait_until_whole()
    steady.expect(GAP_S)


@case
def many_moves_do_not_keep_producers_away(cluster):
    """librdkafka connects again later and later, up to 10 s, to a broker that closes connections
    which are not old. Then it waits topic.metadata.refresh.fast.interval.ms = 250 instead."""
    topic = create_topic(cluster, unique("many-moves"), 1, 2)
    with Steady(cluster, topic, settle_s=0.2) as steady:
        for _ in range(20):
            elect_the_next(cluster, topic, steady, "one of many elections")
    longest = max(steady.gaps["one of many elections"])
    assert longest < BURST_GAP_S, f"{longest * 1000:.0f} ms"


# One cluster, four brokers: a partition of three replicas has somewhere to go.
main(needs_nodes=True, brokers=4)
