#!/usr/bin/python3
"""Nodes die and stall under a steady idempotent load; nothing that was acknowledged is lost."""
import time

from lib import case, main
from load import Load

PAUSE_S = 15


def recover(cluster, *nodes):
    """Brings the nodes back."""
    for node in nodes:
        cluster.start(node)
    cluster.wait_until_whole()


@case
def a_partition_leader_is_killed(cluster):
    with Load(cluster) as load:
        leader = cluster.leader_of(load.topic, 0)
        load.fault(f"kill -9 {leader}, a leader", lambda: cluster.kill(leader))
        recover(cluster, leader)


@case
def the_active_controller_is_killed(cluster):
    with Load(cluster) as load:
        active = cluster.active_controller()
        load.fault(f"kill -9 {active}, the active controller", lambda: cluster.kill(active))
        assert cluster.active_controller() != active
        recover(cluster, active)


@case
def both_are_killed_at_once(cluster):
    with Load(cluster) as load:
        active = cluster.active_controller()
        leader = cluster.leader_of(load.topic, 0)

        def both():
            cluster.kill(active)
            cluster.kill(leader)
        load.fault(f"kill -9 {active} and {leader}", both)
        recover(cluster, active, leader)


@case
def each_broker_is_killed_in_turn(cluster):
    with Load(cluster) as load:
        for node in cluster.brokers:
            load.fault(f"kill -9 {node}", lambda node=node: cluster.kill(node))
            recover(cluster, node)


@case
def every_node_is_restarted_cleanly_in_turn(cluster):
    with Load(cluster) as load:
        for node in cluster.nodes:
            load.fault(f"SIGTERM {node}", lambda node=node: cluster.stop(node))
            recover(cluster, node)


def pause(cluster, load, node):
    """Stalls a node for longer than any session, then lets it go on with its old opinions."""
    def stall():
        cluster.pause(node)
        since = time.monotonic()
        time.sleep(PAUSE_S)
        cluster.resume(node)
        return since
    load.fault(f"SIGSTOP {node} for {PAUSE_S} s", stall, deadline_s=20)
    cluster.wait_until_whole()


@case
def a_partition_leader_stalls(cluster):
    with Load(cluster) as load:
        pause(cluster, load, cluster.leader_of(load.topic, 0))


@case
def the_active_controller_stalls(cluster):
    with Load(cluster) as load:
        pause(cluster, load, cluster.active_controller())


main(needs_nodes=True)
