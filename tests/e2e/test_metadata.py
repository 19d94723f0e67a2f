"""craft metadata: the state at any point of the log, what changed, why it is so, and metadata as
text that a cluster can begin with."""
import filecmp
import json
import os
import shutil
import time

from confluent_kafka.admin import NewTopic

from lib import admin, case, create_topic, main, produce_all, read_all, unique, wait_for


def run(cluster, *words, status=0):
    code, out, err = cluster.craft("metadata", *words, timeout=30)
    assert code == status, f"craft metadata {' '.join(words)}: exit {code}: {out}{err}"
    return out if status == 0 else err


def run_json(cluster, *words):
    return json.loads(run(cluster, *words, "--format", "json"))


def online(cluster):
    running = [node for node in cluster.controllers if node in cluster.up]
    return ["--bootstrap-controller", ",".join(cluster.address(node) for node in running)]


def offline(cluster, node):
    return ["--log-dir", os.path.join(cluster.dir, node)]


def led_topic(cluster, leader):
    """A topic whose partition 0 that broker leads."""
    name = unique("why")
    leader_id = int(leader[-1])
    others = [i for i in (1, 2, 3) if i != leader_id]
    client = admin(cluster)
    topic = NewTopic(name, 1, replica_assignment=[[leader_id, *others]])
    for future in client.create_topics([topic]).values():
        future.result(20)
    wait_for(lambda: len(cluster.metadata(name).partitions[0].isrs) == 3, 30, "an ISR of three")
    return name


@case
def words_that_make_no_sense_are_refused(cluster):
    here = offline(cluster, "controller-1")
    for words, said in ((["show"], "--log-dir DIR or --bootstrap-controller"),
                        (["show", *here, *online(cluster)], "exclude each other"),
                        (["show", *here, "--at", "yesterday"], "neither an offset nor a time"),
                        (["show", *here, "--format", "tsv"], "tsv"),
                        (["diff", *here, "1"], "diff"),
                        (["why", *here, "clicks"], "no TOPIC-PARTITION"),
                        (["why", *here], "why"),
                        (["import", *here], "import")):
        err = run(cluster, *words, status=2)
        assert said in err, (words, err)
    err = run(cluster, "show", "--log-dir", "/nonexistent", status=1)
    assert "no such directory" in err, err
    err = run(cluster, "why", "clicks-0", *here, status=1)
    assert "no partition clicks-0" in err, err


@case
def a_partition_tells_why(cluster):
    topic = led_topic(cluster, "broker-2")
    cluster.kill("broker-2")
    wait_for(lambda: cluster.metadata(topic).partitions[0].leader in (1, 3), 30, "another leader")
    for source in (online(cluster), offline(cluster, "controller-1"),
                   offline(cluster, "broker-1")):
        # A directory is written a little later than the quorum answers.
        why = wait_for(lambda: (lambda w: w if w["leader"] != 2 else None)(
            run_json(cluster, "why", f"{topic}-0", *source)), 20, f"{source} knows")
        assert sorted(why["isr"]) == [1, 3], why
        since = why["leaderSince"]
        assert since["leaderBefore"] == 2 and since["leader"] == why["leader"], since
        assert since["cause"]["event"] in ("connection-lost", "broker-gone"), since
        assert since["cause"]["node"] == 2 and since["cause"]["controller"] > 3000, since
        assert abs(since["timestampMs"] / 1000 - time.time()) < 120, since
        left = {item["broker"]: item for item in why["isrSince"]}
        assert not left[2]["inSync"] and left[2]["since"]["offset"] == since["offset"], left
        created = why["changes"][0]
        assert created["cause"]["api"] == "CreateTopics", created
        assert created["cause"]["clientId"] == "rdkafka", created
        assert created["cause"]["host"] == "127.0.0.1", created
        assert created["cause"]["principal"] == "User:ANONYMOUS", created
        assert created["cause"]["through"].startswith("broker-"), created
    text = run(cluster, "why", f"{topic}-0", *online(cluster))
    assert "because: broker 2: " in text, text
    cluster.start("broker-2")
    cluster.wait_until_whole()


@case
def points_of_the_log_are_shown(cluster):
    before = run_json(cluster, "show", *online(cluster))
    topic = unique("points")
    create_topic(cluster, topic, partitions=2, **{"retention.ms": "1234567"})

    def topics(shown):
        return {r["data"]["name"] for r in shown["records"] if r["type"] == "TOPIC_RECORD"}
    after = run_json(cluster, "show", *online(cluster))
    assert topics(after) - topics(before) == {topic}
    assert after["offset"] > before["offset"] and after["timestampMs"] >= before["timestampMs"]
    for at in (str(before["offset"]), str(before["timestampMs"])):
        if at == str(before["timestampMs"]):
            at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(before["timestampMs"] / 1000)) + \
                f".{before['timestampMs'] % 1000:03}Z"
        again = run_json(cluster, "show", *online(cluster), "--at", at)
        assert topics(again) == topics(before), at
    assert f"topic {topic} " in run(cluster, "show", *online(cluster))

    diff = run_json(cluster, "diff", str(before["offset"]), str(after["offset"]),
                    *online(cluster))
    assert diff["from"]["offset"] == before["offset"]
    changes = {(c["change"], c["what"]) for c in diff["changes"]}
    assert changes >= {("added", f"topic {topic}"), ("added", f"partition {topic}-0"),
                       ("added", f"partition {topic}-1"),
                       ("added", f'config of 2 "{topic}" retention.ms')}, changes
    back = run_json(cluster, "diff", str(after["offset"]), str(before["offset"]),
                    *online(cluster))
    assert ("removed", f"topic {topic}") in {(c["change"], c["what"]) for c in back["changes"]}
    lines = run(cluster, "diff", str(before["offset"]), str(after["offset"]), *online(cluster))
    assert f"+ topic {topic} " in lines, lines
    same = run_json(cluster, "diff", "5", "5", *online(cluster))
    assert same["changes"] == []


@case
def all_nodes_have_the_same_past(cluster):
    create_topic(cluster, unique("past"))
    at = str(run_json(cluster, "show", *online(cluster))["offset"])
    want = run(cluster, "export", *online(cluster), "--at", at)
    for node in cluster.nodes:
        wait_for(lambda: run(cluster, "export", *offline(cluster, node), "--at", at) == want, 20,
                 f"{node} has it, too")


@case
def text_is_read_back_byte_for_byte(cluster):
    first = os.path.join(cluster.dir, "first.txt")
    with open(first, "w", encoding="utf-8") as out:
        out.write(run(cluster, "export", *online(cluster)))
    dirs = []
    for number in (1, 2):
        target = os.path.join(cluster.dir, f"import-{number}")
        os.makedirs(target)
        shutil.copy(os.path.join(cluster.dir, "controller-1/meta.properties"), target)
        text = first if number == 1 else os.path.join(cluster.dir, "second.txt")
        assert "the log begins at offset" in run(cluster, "import", text, "--log-dir", target)
        again = run(cluster, "export", "--log-dir", target)
        with open(os.path.join(cluster.dir, "second.txt"), "w", encoding="utf-8") as out:
            out.write(again)
        assert filecmp.cmp(first, os.path.join(cluster.dir, "second.txt"), shallow=False)
        dirs.append(os.path.join(target, "__cluster_metadata-0"))
    names = os.listdir(dirs[0])
    assert len(names) == 1 and names == os.listdir(dirs[1])
    assert filecmp.cmp(os.path.join(dirs[0], names[0]), os.path.join(dirs[1], names[0]),
                       shallow=False), "the records' bytes are the same, too"

    err = run(cluster, "import", first, "--log-dir", os.path.dirname(dirs[0]), status=1)
    assert "has snapshots already" in err, err
    # Damaged, and there is no log: that is not an empty cluster.
    with open(os.path.join(dirs[1], names[0]), "r+b") as snapshot:
        snapshot.truncate(os.path.getsize(snapshot.name) - 10)
    err = run(cluster, "show", "--log-dir", os.path.dirname(dirs[1]), status=1)
    assert names[0] in err, err
    err = run(cluster, "import", first, *offline(cluster, "controller-1"), status=1)
    assert "locked" in err or "has a log already" in err, err
    with open(first, encoding="utf-8") as text:
        lines = text.readlines()
    for wrong, said in ((lines[:-1], "without its last line"),
                        (lines[:2] + lines[3:], "not the number of the records"),
                        (lines[:1] + lines[2:3] + lines[1:2] + lines[3:], "another order"),
                        (["hello\n"], "line 1"),
                        (lines[:1] + ["TOPIC_RECORD name=x\n"] + lines[1:], "line 2")):
        bad = os.path.join(cluster.dir, "bad.txt")
        with open(bad, "w", encoding="utf-8") as out:
            out.writelines(wrong)
        target = os.path.join(cluster.dir, "import-bad")
        os.makedirs(target, exist_ok=True)
        shutil.copy(os.path.join(cluster.dir, "controller-1/meta.properties"), target)
        err = run(cluster, "import", bad, "--log-dir", target, status=1)
        assert said in err, err
        assert not os.path.exists(os.path.join(target, "__cluster_metadata-0"))


@case
def a_cluster_begins_with_imported_metadata(cluster):
    topic = unique("kept")
    create_topic(cluster, topic)
    produce_all(cluster, topic, [{"key": b"k", "value": b"v"}])
    cluster.wait_until_whole()
    cluster.stop()
    sources = [offline(cluster, node) for node in cluster.controllers]
    longest = max(sources, key=lambda s: run_json(cluster, "show", *s)["offset"])
    text = os.path.join(cluster.dir, "metadata.txt")
    with open(text, "w", encoding="utf-8") as out:
        out.write(run(cluster, "export", *longest))
    shown = run_json(cluster, "show", *longest)
    with open(os.path.join(cluster.dir, "cluster.conf"), encoding="utf-8") as conf:
        voters = next(line.split("=", 1)[1].strip() for line in conf
                      if line.startswith("initial-controllers="))
    for node in cluster.controllers:
        log_dir = os.path.join(cluster.dir, node)
        shutil.rmtree(log_dir)
        code, _, err = cluster.craft("format", "--config", f"{cluster.dir}/{node}.properties",
                                     "--cluster-id", shown["clusterId"],
                                     "--initial-controllers", voters)
        assert code == 0, err
        run(cluster, "import", text, "--log-dir", log_dir)
    cluster.start()
    cluster.wait_until_whole()
    assert read_all(cluster, topic)
    with open(text, encoding="utf-8") as written:
        want = written.read()
    assert run(cluster, "export", *online(cluster), "--at", str(shown["offset"])) == want
    create_topic(cluster, unique("after"))


main(needs_nodes=True)
