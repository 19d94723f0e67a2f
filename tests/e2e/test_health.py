"""What `craft broker list` says of brokers that are not well: who, since when, why."""
import json
import re
import time

from lib import case, main, wait_for

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$")


def broker_list(cluster, *words):
    """(exit status, rows by id, complaints)"""
    words = words or ("--bootstrap-server", cluster.bootstrap)
    status, out, err = cluster.craft("broker", "list", *words, "--format", "json", timeout=20)
    return status, {row["id"]: row for row in json.loads(out)}, err


def wait_until(cluster, condition, what):
    def look():
        status, rows, err = broker_list(cluster)
        return (rows, err) if condition(status, rows) else None
    return wait_for(look, 30, what)


def is_whole(status, rows):
    return status == 0 and all(row["state"] == "serving" for row in rows.values())


@case
def a_whole_cluster_is_well(cluster):
    rows, err = wait_until(cluster, is_whole, "all brokers serve")
    assert err == ""
    assert len(rows) == 3
    for row in rows.values():
        assert TIME.match(row["since"]), row
        assert row["heartbeatAgeMs"] < 9000, row
        assert row["behindMs"] < 10000, row


@case
def a_killed_broker_is_told_with_the_reason(cluster):
    before = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    cluster.kill("broker-2")
    rows, err = wait_until(cluster, lambda _, rows: rows[2]["fenced"], "broker 2 is fenced")
    assert rows[2]["state"] == "fenced"
    assert rows[2]["why"].startswith("broker 2: its heartbeat connection closed"), rows[2]
    assert rows[2]["since"] >= before, (rows[2], before)
    assert "broker 2 is fenced: broker 2: its heartbeat connection closed" in err, err
    assert rows[1]["state"] == rows[3]["state"] == "serving"

    # It is in the log, not in a controller's memory.
    cluster.kill(cluster.active_controller())
    again, _ = wait_until(cluster, lambda status, rows: status == 1 and rows[2]["since"],
                          "the next controller tells")
    assert (again[2]["since"], again[2]["why"]) == (rows[2]["since"], rows[2]["why"])
    cluster.start()
    wait_until(cluster, is_whole, "all brokers serve again")


@case
def a_broker_that_was_stopped_in_order_is_told_as_such(cluster):
    cluster.stop("broker-3")
    rows, _ = wait_until(cluster, lambda _, rows: rows[3]["fenced"], "broker 3 is fenced")
    assert rows[3]["why"].startswith("BrokerHeartbeat of node 3 from 127.0.0.1"), rows[3]
    assert rows[3]["why"].endswith(": the broker shuts down"), rows[3]
    controllers = ",".join(cluster.address(node) for node in cluster.controllers)
    status, asked, _ = broker_list(cluster, "--bootstrap-controller", controllers)
    assert status == 1
    assert asked[3]["why"] == rows[3]["why"]
    assert asked[3]["port"] == cluster.port("broker-3")
    cluster.start()
    wait_until(cluster, is_whole, "all brokers serve again")


@case
def without_controllers_nobody_is_well(cluster):
    for node in cluster.controllers:
        cluster.pause(node)
    try:
        status, rows, err = broker_list(cluster, "--bootstrap-server", cluster.bootstrap,
                                        "--timeout", "3")
        assert status == 1 and err, "what nobody can tell is not well"
        assert all(row["since"] is None for row in rows.values())
    finally:
        for node in cluster.controllers:
            cluster.resume(node)
    wait_until(cluster, is_whole, "all brokers serve again")


main(needs_nodes=True)
