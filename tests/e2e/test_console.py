#!/usr/bin/python3
"""craft produce and craft consume: every way in and out, and members of groups."""
import json
import os
import pty
import select
import signal
import subprocess
import threading
import time

from confluent_kafka import Consumer

from cli_lib import FAILED, OK, USAGE, at, craft, json_at, json_lines
from lib import BIN, DIR, case, main, new_topic, produce_all, read_all, unique, wait_for

FIRST_MS = 1700000000000  # 2023-11-14T22:13:20Z
INTERRUPTED, TERMINATED = 130, 143


def consumed(cluster, topic, *words):
    return at(cluster, "consume", topic, *words)[0].splitlines()


# ---- usage ----
@case
def what_makes_no_sense(cluster):
    server = ["--bootstrap-server", cluster.bootstrap]
    for words, said in [
            (["produce", "t", "--input", "xml"], "lines, json or whole"),
            (["produce", "t", "--input", "json", "-K", ":"], "--key-separator"),
            (["produce", "t", "--input", "json", "-D", ";"], "--delimiter"),
            (["produce", "t", "-K", ":", "-k", "x"], "not both"),
            (["produce", "t", "-D", ""], "--delimiter"),
            (["produce", "t", "-D", "\\q"], "\\q"),
            (["produce", "t", "--timestamp", "soon"], "--timestamp"),
            (["produce", "t", "--rate", "0"], "--rate"),
            (["consume", "t", "-f", "%q"], "%q"),
            (["consume", "t", "-f", "%s", "--format", "json"], "not both"),
            (["consume", "t", "-f", "%s", "-K", ":"], "not both"),
            (["consume", "t", "--since", "soon"], "--since"),
            (["consume", "t", "--until", "1", "--until-end"], "not both"),
            (["consume", "t", "--since", "1", "--offset", "1"], "not both"),
            (["consume", "t", "--group", "g", "--partition", "1"], "not both"),
            (["consume", "t", "--group", "g", "--until-end"], "not both"),
            (["consume", "t", "--group", ""], "--group"),
            (["consume", "t", "--no-commit"], "--group"),
            (["consume", "t", "u", "--partition", "1"], "one topic")]:
        out, err = craft(*words, *server, status=USAGE)
        assert said in err and not out, f"{words}: {err}"


# ---- producing ----
@case
def what_every_record_has(cluster):
    topic = new_topic(cluster, "fixed", 2)
    at(cluster, "produce", topic, "-p", "1", "-k", "key", "-H", "a=1", "-H", "b=2",
       "--timestamp", "2023-11-14T22:13:20.007Z", text="x\ny\n")
    found = read_all(cluster, topic)
    assert [(m.key(), m.value(), m.headers(), m.timestamp()[1]) for m in found[1]] == \
        [(b"key", v, [("a", b"1"), ("b", b"2")], FIRST_MS + 7) for v in (b"x", b"y")]
    assert not found[0]


@case
def lines_end_where_told(cluster):
    topic = new_topic(cluster, "ends", 1)
    at(cluster, "produce", topic, "-D", ";\\n", "-K", "\\t", text="a\t1\n;2;\nb\t2;\nc\t3")
    assert [(m.key(), m.value()) for m in read_all(cluster, topic)[0]] == \
        [(b"a", b"1\n;2"), (b"b", b"2"), (b"c", b"3")]


@case
def files_are_records(cluster):
    topic = new_topic(cluster, "files", 1)
    content = [os.urandom(100000), b"", b"text\nwith lines\n"]
    paths = []
    for i, piece in enumerate(content):
        paths.append(os.path.join(DIR, f"file-{i}"))
        with open(paths[-1], "wb") as file:
            file.write(piece)
    at(cluster, "produce", topic, *paths)
    at(cluster, "produce", topic, "--input", "whole", text="standard\ninput")
    at(cluster, "produce", topic, "--input", "lines", paths[2], "-", text="last\n")
    assert [m.value() for m in read_all(cluster, topic)[0]] == \
        content + [b"standard\ninput", b"text", b"with lines", b"last"]
    err = at(cluster, "produce", topic, paths[0], "/nowhere/at/all", status=FAILED)[1]
    assert "/nowhere/at/all" in err and "No such file" in err, err


@case
def json_goes_in_as_it_came_out(cluster):
    topic = new_topic(cluster, "out", 3)
    copy = new_topic(cluster, "in", 3)
    produce_all(cluster, topic, [
        {"key": key, "value": value, "headers": headers, "timestamp": FIRST_MS + n}
        for n, (key, value, headers) in enumerate([
            (b"k", b"v", []), (None, b"\xff\x00", [("h", b"\xfe"), ("n", None)]),
            (b"", None, [("h", b"")]), ("ключ", "значение", [])] * 5)])
    lines = at(cluster, "consume", topic, "--from-beginning", "--until-end", "--format", "json")[0]
    at(cluster, "produce", copy, "--input", "json", text=lines)

    def content(name):
        return {p: [(m.key(), m.value(), m.headers(), m.timestamp()) for m in found]
                for p, found in read_all(cluster, name).items()}
    assert content(topic) == content(copy)
    # What cannot be read is told, the rest is written.
    small = new_topic(cluster, "small", 1)
    out, err = at(cluster, "produce", small, "--input", "json", "--format", "json", status=FAILED,
                  text="{\"value\": \"1\"}\nnonsense\n{\"partition\": 7}\n{\"value\": 2}\n")
    assert "line 2 is no JSON" in err and "line 3 is for partition 7" in err and \
        "line 4 has a \"value\"" in err, err
    assert json.loads(out)["records"] == 1 and json.loads(out)["failed"] == 3


@case
def batches_shrink_until_the_topic_takes_them(cluster):
    topic = new_topic(cluster, "narrow", 1, max_message_bytes=1000)
    lines = [f"{n} " + "x" * (n % 100) for n in range(500)]
    lines[123] = "y" * 2000  # this one is too large by itself
    out, err = at(cluster, "produce", topic, "-H", "h=1", "--format", "json",
                  text="\n".join(lines), status=FAILED)
    assert json.loads(out)["records"] == 499 and json.loads(out)["failed"] == 1, out
    assert "1 records were not written: MESSAGE_TOO_LARGE" in err, err
    assert [m.value().decode() for m in read_all(cluster, topic)[0]] == lines[:123] + lines[124:]


@case
def an_answer_that_is_lost_doubles_nothing(cluster):
    """The leader dies when one follower has the record and the other one has it not."""
    topic = new_topic(cluster, "doubled", 1)
    leader = cluster.leader_of(topic, 0)
    having, lacking = [node for node in cluster.brokers if node != leader]
    cluster.pause(lacking)
    producer = subprocess.Popen(
        [BIN + "/craft", "produce", topic, "--timeout", "60", "--bootstrap-server",
         ",".join(cluster.address(node) for node in (leader, having))], stdin=subprocess.PIPE)
    try:
        producer.stdin.write(b"once\n")
        producer.stdin.flush()
        segment = os.path.join(cluster.dir, having, topic + "-0", "0" * 20 + ".log")
        wait_for(lambda: os.path.getsize(segment) > 0, 30, "the record on a follower")
        cluster.kill(leader)
        cluster.resume(lacking)
        producer.stdin.write(b"another\n")
        producer.stdin.close()
        assert producer.wait(60) == OK
    finally:
        producer.kill()
        cluster.resume(lacking)
    cluster.start(leader)
    cluster.wait_until_whole()
    assert [m.value() for m in read_all(cluster, topic)[0]] == [b"once", b"another"]


@case
def a_rate_is_kept(cluster):
    topic = new_topic(cluster, "rate", 1)
    start = time.monotonic()
    at(cluster, "produce", topic, "--rate", "100", text="x\n" * 150)
    assert time.monotonic() - start > 1.3, "a burst of a tenth of a second, then 100 a second"
    times = [m.timestamp()[1] for m in read_all(cluster, topic)[0]]
    assert len(times) == 150 and times[-1] - times[0] > 1200, times
    at(cluster, "produce", topic, "--max-messages", "7", text="y\n" * 20)
    assert len(read_all(cluster, topic)[0]) == 157


# ---- consuming ----
def timed(cluster):
    """Two partitions with ten records each, a millisecond apart."""
    topic = new_topic(cluster, "timed", 2)
    produce_all(cluster, topic, [{"key": "k", "value": f"{p}/{n}", "partition": p,
                                  "timestamp": FIRST_MS + n, "headers": [("h", str(n))]}
                                 for p in (0, 1) for n in range(10)])
    return topic


@case
def records_are_printed_as_told(cluster):
    topic = timed(cluster)
    assert consumed(cluster, topic, "-p", "1", "-o", "3", "-c", "1", "-f",
                    "%t %p %o %T %h %k %K %s %S %%\\x21\\n") == \
        [f"{topic} 1 3 {FIRST_MS + 3} h=3 k 1 1/3 3 %!"]
    produce_all(cluster, topic, [{"key": None, "value": None, "partition": 0}])
    last = ["-p", "0", "-o", "-1", "--until-end"]
    assert at(cluster, "consume", topic, *last, "-f", "[%k %K %s %S]")[0] == "[ -1  -1]"
    assert at(cluster, "consume", topic, *last, "--null", "NULL", "-K", "=>")[0] == "NULL=>NULL\n"
    assert at(cluster, "consume", topic, *last, "-f", "%R", text=b"")[0] == b"\xff\xff\xff\xff"


@case
def templates_are_those_of_kcat(cluster):
    topic = timed(cluster)
    produce_all(cluster, topic, [{"key": "", "value": "", "partition": 1},
                                 {"key": "ключ", "value": "a\tb", "partition": 1,
                                  "headers": [("x", "1"), ("y", "2")]}])
    for template in ("%t|%p|%o|%T|%k|%K|%s|%S|%h|%%\\n", "%R%s", "\\x41\\t%s\\r\\n"):
        kcat = ["kcat", "-b", cluster.bootstrap, "-C", "-t", topic, "-p", "1", "-o", "beginning",
                "-e", "-q", "-f", template]
        theirs = subprocess.run(kcat, capture_output=True, check=True, timeout=60).stdout
        ours = at(cluster, "consume", topic, "-p", "1", "--from-beginning", "-e", "-f", template,
                  text=b"")[0]
        assert ours == theirs, f"{template}: {ours} {theirs}"


@case
def reading_begins_and_ends_by_offset_and_time(cluster):
    topic = timed(cluster)

    def of_one(*words):
        return consumed(cluster, topic, "--partition", "0", "--until-end", *words)
    assert of_one("--offset", "-3") == ["0/7", "0/8", "0/9"]
    assert len(of_one("--offset", "-30")) == 10
    assert of_one("--since", str(FIRST_MS + 8)) == ["0/8", "0/9"]
    assert of_one("--since", "2023-11-14T22:13:20.009Z") == ["0/9"]
    assert of_one("--since", "2100-01-01") == []
    assert sorted(consumed(cluster, topic, "--from-beginning", "--until",
                           str(FIRST_MS + 1))) == ["0/0", "1/0"]
    assert len(consumed(cluster, topic, "--from-beginning", "--until", "2100-01-01")) == 20
    assert consumed(cluster, topic, "--since", str(FIRST_MS + 4), "--until", str(FIRST_MS + 5),
                    "--partition", "1") == ["1/4"]
    # Several topics.
    other = new_topic(cluster, "other", 1)
    at(cluster, "produce", other, text="x\n")
    out = at(cluster, "consume", topic, other, "--from-beginning", "--until-end", "-f", "%t\\n")[0]
    assert sorted(set(out.split())) == sorted([topic, other]) and len(out.split()) == 21


def on_terminal(*words, text=None):
    """Runs the tool with a terminal as its standard error: (standard output, what it showed)."""
    master, slave = pty.openpty()
    process = subprocess.Popen([BIN + "/craft", *words], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    shown = b""
    out = []
    reader = threading.Thread(target=lambda: out.append(process.stdout.read()))
    reader.start()
    if text:
        process.stdin.write(text)
    process.stdin.close()
    while True:
        ready, _, _ = select.select([master], [], [], 60)
        assert ready, "the tool does not end"
        try:
            piece = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    reader.join()
    os.close(master)
    assert process.wait(60) == OK, shown
    return out[0], shown.decode()


@case
def progress_is_for_terminals(cluster):
    topic = new_topic(cluster, "progress", 1)
    server = ["--bootstrap-server", cluster.bootstrap]
    out, shown = on_terminal("produce", topic, "--rate", "50", *server, text=b"x\n" * 60)
    assert not out and "60 records" in shown and "records/s" in shown, shown
    assert shown.count("\r") > 2, "shown again and again: " + repr(shown)
    out, shown = on_terminal("consume", topic, "--from-beginning", "--until-end", *server)
    assert out == b"x\n" * 60 and "60 records" in shown, shown
    out, err = at(cluster, "produce", topic, text="x\n")
    assert not out and not err
    assert not at(cluster, "consume", topic, "--from-beginning", "--until-end")[1]


@case
def the_first_byte_comes_soon(cluster):
    """It is measured and told; only that it comes is asked for."""
    topic = timed(cluster)
    times = []
    for _ in range(20):
        start = time.monotonic()
        process = subprocess.Popen(
            [BIN + "/craft", "consume", topic, "--from-beginning", "--max-messages", "20",
             "--bootstrap-server", cluster.bootstrap], stdout=subprocess.PIPE, bufsize=0)
        assert process.stdout.read(1)
        times.append((time.monotonic() - start) * 1000)
        assert process.communicate(timeout=30)[0].count(b"\n") == 20
        assert process.returncode == OK
    times.sort()
    print(f"        craft consume: first byte after {times[0]:.1f} ms, half of the runs within "
          f"{times[10]:.1f} ms")


# ---- groups ----
class Member:
    """craft consume --group in the background."""

    def __init__(self, cluster, group, *words):
        self.process = subprocess.Popen(
            [BIN + "/craft", "consume", *words, "--group", group, "--bootstrap-server",
             cluster.bootstrap], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def end(self, signo=signal.SIGTERM, status=TERMINATED):
        self.process.send_signal(signo)
        assert self.process.wait(30) == status, self.process.stderr.read()
        self.thread.join()
        err = self.process.stderr.read()
        assert not err, err


def group_of(cluster, group, *words):
    try:
        return json_at(cluster, "group", "describe", group, *words)
    except AssertionError:
        return {"members": [], "offsets": []}  # not there yet


def assignment(cluster, group):
    """The partitions of each member, in order of the members."""
    members = sorted(group_of(cluster, group, "--members")["members"], key=lambda m: m["memberId"])
    return [m["assignment"] for m in members]


@case
def a_group_goes_on_where_it_was(cluster):
    topic = new_topic(cluster, "resumed", 2)
    group = unique("group")
    at(cluster, "produce", topic, text="".join(f"{i}\n" for i in range(100)))
    first = consumed(cluster, topic, "-G", group, "--from-beginning", "--max-messages", "37")
    assert len(first) == 37
    offsets = group_of(cluster, group)["offsets"]
    assert sum(row["offset"] or 0 for row in offsets) == 37, offsets
    rest = consumed(cluster, topic, "-G", group, "--max-messages", "63")
    assert sorted(map(int, first + rest)) == list(range(100))
    assert group_of(cluster, group)["state"] == "Empty", "the member has left"
    # Nothing is committed unless it shall be; a new group begins at the end.
    other = unique("group")
    assert len(consumed(cluster, topic, "-G", other, "--no-commit", "--from-beginning",
                        "--max-messages", "100")) == 100
    assert not group_of(cluster, other)["offsets"]
    assert consumed(cluster, topic, "-G", other, "--timeout-ms", "5000") == []


@case
def members_share_the_partitions(cluster):
    topic = new_topic(cluster, "shared", 3)
    group = unique("group")
    one = Member(cluster, group, topic)
    wait_for(lambda: assignment(cluster, group) == [f"{topic}:0,1,2"], 30, "all for one")
    two = Member(cluster, group, topic)
    wait_for(lambda: sorted(assignment(cluster, group)) == [f"{topic}:0,1", f"{topic}:2"], 30,
             "shares of two")
    produce_all(cluster, topic, [{"value": f"{p}/{n}", "partition": p}
                                 for p in range(3) for n in range(100)])
    wait_for(lambda: len(one.lines) + len(two.lines) == 300, 30, "all records")
    assert len(set(one.lines + two.lines)) == 300
    assert sorted([len(one.lines), len(two.lines)]) == [100, 200]
    two.end(signal.SIGINT, INTERRUPTED)
    wait_for(lambda: assignment(cluster, group) == [f"{topic}:0,1,2"], 30,
             "all for one: the other has left, no timeout is waited for")
    at(cluster, "produce", topic, text="more\n" * 10)
    wait_for(lambda: one.lines.count("more") == 10, 30, "what was written since")
    one.end()
    assert all(row["lag"] == 0 for row in group_of(cluster, group)["offsets"])


@case
def members_of_several_makes_share_a_group(cluster):
    """librdkafka's member and ours, each as the leader that computes the assignment."""
    topic = new_topic(cluster, "mixed", 4)
    group = unique("group")
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group,
                         "partition.assignment.strategy": "range",
                         "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    seen = []

    def theirs(count):
        seen.extend(m.value().decode() for m in consumer.consume(200, 0.2) if not m.error())
        return len(consumer.assignment()) == count
    wait_for(lambda: theirs(4), 30, "all for librdkafka")
    ours = Member(cluster, group, topic, "--from-beginning")
    wait_for(lambda: theirs(2) and len(assignment(cluster, group)) == 2, 30, "two and two")
    produce_all(cluster, topic, [{"value": str(n), "partition": n % 4} for n in range(200)])
    wait_for(lambda: theirs(2) and len(seen) == 100, 30, "the half of it")
    wait_for(lambda: len(ours.lines) == 100, 30, "the other half")
    consumer.close()
    wait_for(lambda: assignment(cluster, group) == [f"{topic}:0,1,2,3"], 30, "all for ours")
    # Now ours leads the group.
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group,
                         "partition.assignment.strategy": "range,roundrobin"})
    consumer.subscribe([topic])
    wait_for(lambda: theirs(2), 30, "two and two again")
    ours.end()
    wait_for(lambda: theirs(4), 30, "all for librdkafka again")
    consumer.close()
    assert sorted(map(int, seen + ours.lines)) == list(range(200)), "each record once"


@case
def a_group_without_our_assignor_is_refused(cluster):
    topic = new_topic(cluster, "foreign", 1)
    group = unique("group")
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group,
                         "partition.assignment.strategy": "roundrobin"})
    consumer.subscribe([topic])
    wait_for(lambda: consumer.poll(0.1) or consumer.assignment(), 30, "a member")
    err = at(cluster, "consume", topic, "--group", group, status=FAILED)[1]
    assert "\"range\"" in err and group in err, err
    consumer.close()


@case
def a_group_outlives_its_coordinator(cluster):
    topic = new_topic(cluster, "outlives", 3, min_insync_replicas=2)
    group = unique("group")
    member = Member(cluster, group, topic)
    wait_for(lambda: assignment(cluster, group) == [f"{topic}:0,1,2"], 30, "all for one")
    victim = f"broker-{group_of(cluster, group)['coordinator']}"
    cluster.kill(victim)
    produce_all(cluster, topic, [{"value": str(n)} for n in range(300)],
                **{"message.timeout.ms": 60000})
    wait_for(lambda: set(map(int, member.lines)) == set(range(300)), 60, "records of new leaders")
    cluster.start(victim)
    wait_for(lambda: sum(row["offset"] or 0 for row in group_of(cluster, group)["offsets"]) == 300,
             60, "the commits at the new coordinator")
    member.process.send_signal(signal.SIGTERM)
    assert member.process.wait(30) == TERMINATED
    assert sorted(map(int, member.lines)) == list(range(300)), "each record once"


@case
def new_partitions_are_read(cluster):
    topic = new_topic(cluster, "grown", 1)
    group = unique("group")
    soon = ["--metadata-ms", "200"]
    member = Member(cluster, group, topic, "--from-beginning", *soon)
    wait_for(lambda: assignment(cluster, group) == [f"{topic}:0"], 30, "the first partition")
    alone = subprocess.Popen([BIN + "/craft", "consume", topic, "--from-beginning", "-c", "2",
                              *soon, "--bootstrap-server", cluster.bootstrap],
                             stdout=subprocess.PIPE, text=True)
    at(cluster, "produce", topic, "--partition", "0", text="old\n")
    assert alone.stdout.readline() == "old\n"
    at(cluster, "topic", "alter", topic, "--partitions", "3")
    at(cluster, "produce", topic, "--partition", "2", text="new\n")
    assert alone.stdout.readline() == "new\n"
    assert alone.wait(30) == OK
    wait_for(lambda: member.lines == ["old", "new"], 30, "the new partition in the group")
    assert assignment(cluster, group) == [f"{topic}:0,1,2"]
    member.end()


main(needs_nodes=True)
