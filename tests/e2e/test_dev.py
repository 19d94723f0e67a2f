#!/usr/bin/python3
"""craft dev: a whole cluster in one process."""
import json
import os
import select
import signal
import subprocess

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from lib import BIN, DIR, case, main, unique

DEADLINE_S = 60


class Dev:
    """One `craft dev`, from its line of JSON on; ended by SIGTERM."""

    def __init__(self, *words, **popen):
        self.process = subprocess.Popen([BIN + "/craft", "dev", *words], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, **popen)
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE_S)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.process.kill()
            raise AssertionError("craft dev is not ready: " + self.process.communicate()[1])
        self.told = json.loads(line)
        self.bootstrap = self.told["bootstrap"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=DEADLINE_S)
        assert self.process.returncode == 0, errors
        assert "Sanitizer" not in errors, errors

    def write(self, topic, values):
        failed = []
        producer = Producer({"bootstrap.servers": self.bootstrap, "enable.idempotence": True})
        for value in values:
            producer.produce(topic, value,
                             on_delivery=lambda e, _: failed.append(e) if e else None)
        assert producer.flush(DEADLINE_S) == 0 and not failed, failed

    def read(self, topic, count):
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": unique("g"),
                             "auto.offset.reset": "earliest"})
        consumer.subscribe([topic])
        found = []
        while len(found) < count:
            message = consumer.poll(DEADLINE_S)
            assert message is not None and not message.error(), message and message.error()
            found.append(message.value().decode())
        consumer.close()
        return found


@case
def one_process_serves_and_leaves_nothing():
    with Dev() as dev:
        assert dev.told["pid"] == dev.process.pid, dev.told
        assert os.path.isdir(dev.told["dir"])
        dev.write("hello", ["a", "b", "c"])
        assert dev.read("hello", 3) == ["a", "b", "c"]
    assert not os.path.exists(dev.told["dir"])


@case
def three_and_three_keep_their_directory():
    words = ("--brokers", "3", "--controllers", "3", "--dir", os.path.join(DIR, "data"),
             "--override", "num.partitions=2")
    os.makedirs(DIR, exist_ok=True)
    with Dev(*words) as dev:
        assert len(dev.bootstrap.split(",")) == 3, dev.told
        assert len(dev.told["controllers"].split(",")) == 3, dev.told
        dev.write("kept", ["a", "b"])
        topic = AdminClient({"bootstrap.servers": dev.bootstrap}).list_topics("kept", 20)
        assert len(topic.topics["kept"].partitions) == 2
        first = dev.bootstrap
    with Dev(*words) as dev:
        assert dev.bootstrap == first, "ports are kept"
        assert sorted(dev.read("kept", 2)) == ["a", "b"]
    refused = subprocess.run([BIN + "/craft", "dev", "--dir", os.path.join(DIR, "data")],
                             capture_output=True, text=True, timeout=DEADLINE_S)
    assert refused.returncode == 2 and "3 controllers and 3 brokers" in refused.stderr, refused


def close_input_and_error():
    os.close(0)
    os.close(2)


@case
def no_file_gets_what_is_meant_for_standard_error():
    """What supervisors close does not become a socket or a log."""
    with Dev(preexec_fn=close_input_and_error) as dev:
        for number in (0, 2):
            assert os.readlink(f"/proc/{dev.told['pid']}/fd/{number}") == "/dev/null"
        dev.write("t", ["x"])
        assert dev.read("t", 1) == ["x"]
    run = subprocess.run([BIN + "/craft", "--version"], preexec_fn=lambda: os.close(1), check=False,
                         stderr=subprocess.PIPE, text=True)
    assert run.returncode == 1 and "Bad file descriptor" in run.stderr, run


@case
def misuse_is_refused():
    for words in (["--brokers", "0"], ["--override", "nonsense"], ["more"]):
        run = subprocess.run([BIN + "/craft", "dev", *words], capture_output=True, text=True,
                             timeout=DEADLINE_S)
        assert run.returncode == 2 and run.stderr, run
        assert run.stdout == "", run


main(own_clusters=True)
