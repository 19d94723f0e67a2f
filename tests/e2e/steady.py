"""A producer as applications have it, and how long it stands still while something is done.

    with Steady(cluster, topic) as steady:
        steady.move("preferred election", lambda: ...)
        steady.grow_old()   connections as those of a producer that has been there for a while
    steady.expect(0.15)     prints the gaps; the median of each kind of move must be below
"""
import statistics
import threading
import time

from confluent_kafka import Producer

from lib import new_topic, wait_for

INTERVAL_S = 0.005
SETTLE_S = 0.5  # unless told: before and after a move
OLD_S = 12  # broker/client.c: a connection of that age may be closed to make a client look


class Steady:
    def __init__(self, cluster, topic, settle_s=SETTLE_S):
        self.topic = topic
        self.settle_s = settle_s
        # Keeps a connection to every broker in use, as an application with many partitions does.
        self.brokers = len(cluster.brokers)
        self.elsewhere = new_topic(cluster, "elsewhere", self.brokers, replicas=1)
        self.acked = []
        self.failed = []
        self.gaps = {}
        self.stopping = threading.Event()
        self.producer = Producer({"bootstrap.servers": cluster.bootstrap, "acks": "all",
                                  "linger.ms": 5, "message.timeout.ms": 60000, "log_level": 0})
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stopping.set()
        self.thread.join()
        if kind is None:
            assert not self.failed, f"{len(self.failed)} failed: {self.failed[0]}"

    def run(self):
        count = 0
        while not self.stopping.is_set():
            self.producer.produce(self.topic, b"x", on_delivery=self.done)
            self.producer.produce(self.elsewhere, b"x", partition=count % self.brokers)
            self.producer.poll(0)
            count += 1
            time.sleep(INTERVAL_S)
        self.producer.flush(60)

    def done(self, error, _):
        if error:
            self.failed.append(error)
        else:
            self.acked.append(time.monotonic())

    def wait_for_acks(self, seconds):
        since = time.monotonic()
        wait_for(lambda: self.acked and self.acked[-1] > since + seconds, 30, "a steady flow")

    def grow_old(self):
        self.wait_for_acks(OLD_S)

    def move(self, what, action):
        """The longest time between two acknowledgements around the action."""
        self.wait_for_acks(self.settle_s)
        since = time.monotonic()
        action()
        self.wait_for_acks(self.settle_s)
        times = [at for at in self.acked if at > since - self.settle_s / 2]
        gap = max(b - a for a, b in zip(times, times[1:]))
        self.gaps.setdefault(what, []).append(gap)

    def expect(self, limit_s):
        for what, gaps in self.gaps.items():
            shown = " ".join(f"{gap * 1000:.0f}" for gap in gaps)
            print(f"    {what}: gaps of {shown} ms", flush=True)
        for what, gaps in self.gaps.items():
            middle = statistics.median(gaps)
            assert middle <= limit_s, f"{what}: {middle * 1000:.0f} ms"
