"""Upgrades in two steps, and back: nodes of this release beside nodes that support lower levels of
features (the setting craft.features.max makes one of this build), then the level is raised."""
import os
import re

from confluent_kafka.admin import NewTopic

from lib import admin, case, main, produce_all, read_all, unique, wait_for
from quorum_lib import Controller, lonely

OLD = "metadata.version=24,group.version=0"


def set_release(cluster, features_max):
    """What nodes that are started from now on support; "": all that this build does."""
    cluster.options[-1] = f"craft.features.max={features_max}"


def restart_as(cluster, node, features_max):
    cluster.stop(node)
    set_release(cluster, features_max)
    cluster.start(node)
    cluster.wait_until_whole()


def asked(cluster, node):
    kind = "--bootstrap-server" if node.startswith("broker") else "--bootstrap-controller"
    return [kind, cluster.address(node)]


def describe(cluster, node):
    rows = cluster.craft_json("feature", "describe", *asked(cluster, node))
    return {row["feature"]: row for row in rows}


def change(cluster, *words, status=0):
    code, out, err = cluster.craft("feature", *words, "--bootstrap-server", cluster.bootstrap,
                                   timeout=30)
    assert code == status, f"craft feature {' '.join(words)}: exit {code}: {out}{err}"
    return out if status == 0 else err


def use(cluster):
    """Metadata are written and read, records too."""
    name = unique("upgrade")
    client = admin(cluster)
    for future in client.create_topics([NewTopic(name, 1, 2)]).values():
        future.result(20)
    produce_all(cluster, name, [{"value": b"v"}])
    assert len(read_all(cluster, name)) == 1


def expect_stop(cluster, node, wanted):
    """The node is started and ends by itself, with a line that says why."""
    before = len(cluster.log_text(node))
    cluster.script("start", node, *cluster.options)  # fails: it does not stay

    def stopped():
        lines = [line for line in cluster.log_text(node)[before:].splitlines()
                 if " ERROR " in line]
        return lines if any(re.search(wanted, line) for line in lines) else None
    wait_for(stopped, 30, f"{node} says why it stops")
    wait_for(lambda: "stopped code=1" in cluster.log_text(node)[before:], 20, f"{node} has ended")
    return stopped()


@case
def an_old_cluster_begins_at_its_own_level(cluster):
    for node in ("broker-1", "controller-1"):
        version = describe(cluster, node)["metadata.version"]
        assert (version["supportedMax"], version["finalized"]) == (24, 24), version
        assert version["finalizedName"] == "4.0-IV2", version
        assert "group.version" not in describe(cluster, node) or \
            describe(cluster, node)["group.version"]["finalized"] == 0
    err = change(cluster, "upgrade", "metadata.version=25", status=1)
    assert "supports versions 7-24" in err, err
    use(cluster)


@case
def nodes_are_upgraded_one_by_one(cluster):
    order = [*cluster.controllers, *cluster.brokers]
    for done, node in enumerate(order):
        restart_as(cluster, node, "")
        version = describe(cluster, node)["metadata.version"]
        assert (version["supportedMax"], version["finalized"]) == (25, 24), version
        if done in (1, 3):
            use(cluster)
        if done + 1 < len(order):
            err = change(cluster, "upgrade", "metadata.version=25", status=1)
            assert re.search(r"(Broker|Controller) \d+ (does not support version 25|supports)",
                             err), err


@case
def then_the_level_is_raised(cluster):
    change(cluster, "upgrade", "metadata.version=24x", status=2)
    change(cluster, "upgrade", status=2)
    out = change(cluster, "upgrade", "metadata.version=4.0", "--dry-run")
    assert "it could be at level 25" in out, out
    assert describe(cluster, "broker-1")["metadata.version"]["finalized"] == 24
    change(cluster, "upgrade", "--latest")
    for node in cluster.nodes:
        wait_for(lambda: (describe(cluster, node)["metadata.version"]["finalized"],
                          describe(cluster, node)["group.version"]["finalized"]) == (25, 1), 20,
                 f"{node} knows the new levels")
    assert "highest level already" in change(cluster, "upgrade", "--latest")
    use(cluster)


@case
def old_nodes_stop_at_the_new_level(cluster):
    for node in ("broker-3", "controller-2"):
        cluster.stop(node)
        set_release(cluster, OLD)
        lines = expect_stop(cluster, node,
                            r"level \d+ of the feature \w+.version, but this release supports")
        assert len(lines) == 2, lines  # why, and that it stops
        use(cluster)
        set_release(cluster, "")
        cluster.start(node)
        cluster.wait_until_whole()


@case
def and_back(cluster):
    err = change(cluster, "downgrade", "metadata.version=16", status=1)
    assert "needs metadata.version 21" in err, err
    change(cluster, "upgrade", "metadata.version=24", status=1)
    change(cluster, "downgrade", "metadata.version=24", "--unsafe", status=1)
    change(cluster, "downgrade", "metadata.version=24", "group.version=0")
    for node in cluster.nodes:
        log_dir = os.path.join(cluster.dir, node, "__cluster_metadata-0")
        wait_for(lambda: any(re.match(r"0*[1-9]\d*-\d+\.checkpoint$", name)
                             for name in os.listdir(log_dir)), 20,
                 f"{node} has a snapshot that an older release can begin with")
    for node in ("broker-3", "controller-2", "controller-1"):
        restart_as(cluster, node, OLD)
        version = describe(cluster, node)["metadata.version"]
        assert (version["supportedMax"], version["finalized"]) == (24, 24), version
    use(cluster)


@case
def a_cluster_begins_at_the_levels_it_was_formatted_with(cluster):
    alone = Controller(lonely("levels"), 1, "alone")
    for words, said in {
            ("--release-version", "4.1-IV1"): "metadata.version can be 7 (3.3-IV3) to 25 (4.0-IV3)",
            ("--feature", "transaction.version=2"): "does not have the feature transaction.version",
            ("--feature", "kraft.version=0"): "is for static voters",
            ("--release-version", "3.8"): "need metadata.version 21"}.items():
        status, _, err = alone.try_format("--standalone", *words)
        assert status == 1 and said in err, err
    alone.format("--standalone", "--release-version", "3.9", "--feature", "kraft.version=1")
    alone.start()

    def levels():
        rows = cluster.craft_json("feature", "describe", "--bootstrap-controller", alone.address)
        return {row["feature"]: row["finalized"] for row in rows}
    try:
        wait_for(lambda: levels() == {"metadata.version": 21, "group.version": 0,
                                      "kraft.version": 1}, 20, "the levels of 3.9")
        status, _, err = cluster.craft("feature", "upgrade", "--latest",
                                       "--bootstrap-controller", alone.address)
        assert status == 0, err
        assert levels() == {"metadata.version": 25, "group.version": 1, "kraft.version": 1}
    finally:
        alone.stop()


main(needs_nodes=True, overrides=[f"craft.features.max={OLD}"])
