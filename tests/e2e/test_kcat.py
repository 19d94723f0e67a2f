#!/usr/bin/python3
"""kcat, the command-line client that everybody tries first: -L, -P, -C, -G, -Q."""
import json
import subprocess
import threading
import time

from lib import case, main, new_topic, unique, wait_for


def kcat(cluster, *words, text=None, timeout=60, status=0):
    """Runs kcat; its standard output."""
    run = subprocess.run(["kcat", "-b", cluster.bootstrap, *words], input=text, text=True,
                         capture_output=True, timeout=timeout)
    assert run.returncode == status, f"kcat {words}: exit {run.returncode}: {run.stderr}"
    return run.stdout


def lines(first, last):
    return "".join(f"line {i}\n" for i in range(first, last + 1))


@case
def unknown_topic_is_an_error(cluster):
    run = subprocess.run(["kcat", "-b", cluster.bootstrap, "-C", "-e", "-t", unique("nowhere"),
                          "-X", "allow.auto.create.topics=false"],
                         capture_output=True, text=True, timeout=60)
    assert run.returncode != 0
    assert "Unknown topic or partition" in run.stderr, run.stderr


@case
def lists_brokers_and_controller(cluster):
    listing = json.loads(kcat(cluster, "-L", "-J"))
    addresses = {broker["name"] for broker in listing["brokers"]}
    assert addresses == set(cluster.bootstrap.split(",")), addresses
    assert listing["controllerid"] in [broker["id"] for broker in listing["brokers"]]


@case
def lists_partitions_with_leaders_and_replicas(cluster):
    topic = new_topic(cluster, "listed", partitions=6)

    def listed():
        listing = json.loads(kcat(cluster, "-L", "-J", "-t", topic))
        found = listing["topics"][0]["partitions"]
        return found if all(len(p["isrs"]) == 3 for p in found) else None
    partitions = wait_for(listed, 20, "three in-sync replicas everywhere")
    assert [p["partition"] for p in partitions] == list(range(6))
    for p in partitions:
        assert p["leader"] in [r["id"] for r in p["replicas"]]
    assert len({p["leader"] for p in partitions}) == 3, "leaders are spread"


@case
def first_record_creates_the_topic(cluster):
    topic = unique("first")
    kcat(cluster, "-P", "-t", topic, text="hello\n")
    assert kcat(cluster, "-C", "-e", "-q", "-t", topic, "-o", "beginning") == "hello\n"


@case
def what_is_produced_is_consumed_in_order(cluster):
    topic = new_topic(cluster, "order")
    kcat(cluster, "-P", "-t", topic, "-X", "acks=all", text=lines(1, 1000))
    assert kcat(cluster, "-C", "-e", "-q", "-t", topic, "-o", "beginning") == lines(1, 1000)


@case
def acks_of_every_kind(cluster):
    for acks in ("0", "1", "all"):
        topic = new_topic(cluster, "acks-" + acks)
        kcat(cluster, "-P", "-t", topic, "-X", "acks=" + acks, text=lines(1, 50))
        wait_for(lambda topic=topic: kcat(cluster, "-C", "-e", "-q", "-t", topic, "-o",
                                          "beginning") == lines(1, 50), 20, "50 lines")


@case
def keys_and_headers_survive(cluster):
    topic = new_topic(cluster, "keys")
    kcat(cluster, "-P", "-t", topic, "-K", ":", "-H", "colour=blue", "-H", "empty=",
         text="a:1\nb:2\nc:\n")
    out = kcat(cluster, "-C", "-e", "-q", "-t", topic, "-o", "beginning", "-f", "%k=%s %h\n")
    assert out == "".join(f"{key} colour=blue,empty=\n" for key in ("a=1", "b=2", "c=")), out


@case
def nulls_are_not_empty(cluster):
    topic = new_topic(cluster, "nulls")
    kcat(cluster, "-P", "-t", topic, "-K", ":", "-Z", text="k:\n:v\n")
    found = [json.loads(line) for line in kcat(
        cluster, "-C", "-e", "-q", "-t", topic, "-o", "beginning", "-J").splitlines()]
    assert [(r["key"], r["payload"]) for r in found] == [("k", None), (None, "v")], found


@case
def offsets_from_both_ends(cluster):
    topic = new_topic(cluster, "offsets")
    kcat(cluster, "-P", "-t", topic, text=lines(1, 100))

    def read(offset, *more):
        return kcat(cluster, "-C", "-e", "-q", "-t", topic, "-p", "0", "-o", offset, *more)
    assert read("10", "-c", "3") == lines(11, 13)
    assert read("-5") == lines(96, 100)
    assert read("end") == ""
    assert kcat(cluster, "-C", "-e", "-q", "-t", topic, "-p", "0", "-o", "100000", "-X",
                "auto.offset.reset=earliest") == lines(1, 100), "out of range goes to the reset"


@case
def offsets_by_timestamp(cluster):
    topic = new_topic(cluster, "times")
    kcat(cluster, "-P", "-t", topic, text="early\n")
    time.sleep(0.05)  # so that the clock has moved: the two must differ by a millisecond
    between = int(time.time() * 1000)
    time.sleep(0.05)
    kcat(cluster, "-P", "-t", topic, text="late\n")
    assert kcat(cluster, "-Q", "-t", f"{topic}:0:{between}").split()[-1] == "1"
    assert kcat(cluster, "-C", "-e", "-q", "-t", topic, "-o", f"s@{between}") == "late\n"


@case
def every_codec(cluster):
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = new_topic(cluster, "codec-" + codec)
        kcat(cluster, "-P", "-t", topic, "-z", codec, text=lines(1, 200))
        out = kcat(cluster, "-C", "-e", "-q", "-t", topic, "-o", "beginning")
        assert out == lines(1, 200), codec


@case
def follows_a_growing_topic(cluster):
    topic = new_topic(cluster, "tail")
    reader = subprocess.Popen(
        ["kcat", "-b", cluster.bootstrap, "-C", "-q", "-u", "-t", topic, "-o", "beginning",
         "-c", "30"], stdout=subprocess.PIPE, text=True)
    try:
        for first in (1, 11, 21):
            kcat(cluster, "-P", "-t", topic, text=lines(first, first + 9))
        assert reader.communicate(timeout=30)[0] == lines(1, 30)
    finally:
        reader.kill()


@case
def a_group_reads_everything_once(cluster):
    topic = new_topic(cluster, "shared", partitions=4)
    group = unique("kcat-group")
    for partition in range(4):
        kcat(cluster, "-P", "-t", topic, "-p", str(partition), text=lines(1, 25))
    out = kcat(cluster, "-G", group, "-e", "-q", "-X", "auto.offset.reset=earliest",
               "-f", "%p %s\n", topic)
    assert sorted(out.splitlines()) == sorted(
        f"{p} line {i}" for p in range(4) for i in range(1, 26)), "all of it, once"
    again = kcat(cluster, "-G", group, "-e", "-q", "-X", "auto.offset.reset=earliest", topic)
    assert again == "", "the group goes on where it was"


@case
def a_group_shares_its_partitions(cluster):
    topic = new_topic(cluster, "split", partitions=4)
    group = unique("kcat-split")
    members = [subprocess.Popen(
        ["kcat", "-b", cluster.bootstrap, "-G", group, "-u", "-X", "auto.offset.reset=earliest",
         "-f", "%p %s\n", topic], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)]
    seen = [[], []]
    assigned = ["", ""]

    def follow(number):
        for line in members[number].stdout:
            seen[number].append(line.strip())

    def listen(number):
        for line in members[number].stderr:
            if "assigned" in line:
                assigned[number] = line
    threads = [threading.Thread(target=f, args=(n,), daemon=True)
               for n in range(2) for f in (follow, listen)]
    try:
        for thread in threads:
            thread.start()
        wait_for(lambda: all(a.count("[") == 2 for a in assigned), 40,
                 "two partitions for each of two members")
        for partition in range(4):
            kcat(cluster, "-P", "-t", topic, "-p", str(partition), text=lines(1, 10))
        wait_for(lambda: len(seen[0]) + len(seen[1]) >= 40, 30, "40 records read by the group")
        assert len(seen[0]) == len(seen[1]) == 20, "half for each"
    finally:
        for member in members:
            member.terminate()
        for member in members:
            member.wait(20)


main()
