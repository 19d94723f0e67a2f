"""A producer as applications have it, and how long it stands still while something is done.

    with Steady(cluster, topic) as steady:
        steady.move("preferred election", lambda: ...)
    steady.expect(0.15)     prints the gaps; the median of each kind of move must be below
"""
import statistics
import threading
import time

from confluent_kafka import Producer

from lib import wait_for

INTERVAL_S = 0.005
SETTLE_S = 0.5  # before and after a move


class Steady:
    def __init__(self, cluster, topic):
        self.topic = topic
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
        while not self.stopping.is_set():
            self.producer.produce(self.topic, b"x", on_delivery=self.done)
            self.producer.poll(0)
            time.sleep(INTERVAL_S)
        self.producer.flush(60)

    def done(self, error, _):
        if error:
            self.failed.append(error)
        else:
            self.acked.append(time.monotonic())

    def wait_for_acks(self):
        since = time.monotonic()
        wait_for(lambda: self.acked and self.acked[-1] > since + SETTLE_S, 30, "a steady flow")

    def move(self, what, action):
        """The longest time between two acknowledgements around the action."""
        self.wait_for_acks()
        since = time.monotonic()
        action()
        self.wait_for_acks()
        times = [at for at in self.acked if at > since - SETTLE_S / 2]
        gap = max(b - a for a, b in zip(times, times[1:]))
        self.gaps.setdefault(what, []).append(gap)

    def expect(self, limit_s):
        for what, gaps in self.gaps.items():
            shown = " ".join(f"{gap * 1000:.0f}" for gap in gaps)
            print(f"    {what}: gaps of {shown} ms", flush=True)
        for what, gaps in self.gaps.items():
            middle = statistics.median(gaps)
            assert middle <= limit_s, f"{what}: {middle * 1000:.0f} ms"
