"""A steady load that loses nothing, or says what was lost.

    with Load(cluster) as load:              a topic, an idempotent producer, a group reading
        load.fault("kill -9 x", lambda: …)   does it, waits until every partition takes records
                                             at the end: stops, reads everything back, verifies

Messages are numbered. Verified is: no delivery failed; every acknowledged record is in the log
once, at the offset that was acknowledged; numbers rise within a partition; the group has read every
one of them, and never anything that is not in the log.
"""
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer

from lib import new_topic, read_all, unique, wait_for

RATE = 200  # messages a second
READ_DEADLINE_S = 60


class Writer(threading.Thread):
    """Produces number after number, round robin over the partitions."""

    def __init__(self, cluster, topic, partitions):
        super().__init__(daemon=True)
        self.topic = topic
        self.partitions = partitions
        self.sent_at = []   # by number
        self.acked = []     # (when, partition, offset, number)
        self.failed = []    # (number, error)
        self.stopping = threading.Event()
        # It gives up only long after the test has: what it was not told stays unknown. One request
        # at a time: librdkafka before 2.3.0 ends with a fatal error ("rewound sequence number",
        # its pull request 4438) when a connection breaks with several under way and then the first
        # meets a broker that does not lead yet, the second one that does.
        self.producer = Producer({
            "bootstrap.servers": cluster.bootstrap, "enable.idempotence": True, "acks": "all",
            "max.in.flight.requests.per.connection": 1,
            "linger.ms": 5, "message.timeout.ms": 600000, "retry.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1000, "log_level": 2})

    def run(self):
        try:
            while not self.stopping.is_set():
                self.produce(len(self.sent_at))
            self.left = self.producer.flush(READ_DEADLINE_S)
        except KafkaException as error:  # an idempotent producer ends with its first fatal error
            self.failed.append((len(self.sent_at) - 1, error))

    def produce(self, number):
        self.sent_at.append(time.monotonic())
        self.producer.produce(self.topic, str(number).encode(),
                              partition=number % self.partitions,
                              on_delivery=lambda e, m: self.done(e, m, number))
        self.producer.poll(1 / RATE)
        time.sleep(max(0, self.sent_at[-1] + 1 / RATE - time.monotonic()))

    def done(self, error, message, number):
        if error:
            self.failed.append((number, error))
        else:
            self.acked.append((time.monotonic(), message.partition(), message.offset(), number))


class Reader(threading.Thread):
    """One member of a group that reads everything."""

    def __init__(self, cluster, topic, group):
        super().__init__(daemon=True)
        self.seen = {}     # (partition, offset): number
        self.read = []     # (when, number), in order of reading
        self.again = 0     # records read more than once: allowed after a rebalance
        self.wrong = []    # two numbers at one offset
        self.stopping = threading.Event()
        self.consumer = Consumer({
            "bootstrap.servers": cluster.bootstrap, "group.id": group,
            "auto.offset.reset": "earliest", "auto.commit.interval.ms": 500,
            "session.timeout.ms": 6000, "heartbeat.interval.ms": 1000,
            "reconnect.backoff.max.ms": 1000, "log_level": 2})
        self.consumer.subscribe([topic])

    def run(self):
        while not self.stopping.is_set():
            message = self.consumer.poll(0.2)
            if message is None or message.error():
                continue
            place = (message.partition(), message.offset())
            number = int(message.value())
            self.read.append((time.monotonic(), number))
            self.again += place in self.seen
            if self.seen.setdefault(place, number) != number:
                self.wrong.append((place, self.seen[place], number))
        self.consumer.close()


class Load:
    def __init__(self, cluster, partitions=3):
        self.cluster = cluster
        self.topic = new_topic(cluster, "load", partitions, min_insync_replicas=2)
        self.group = unique("load-group")
        self.writer = Writer(cluster, self.topic, partitions)
        self.reader = Reader(cluster, self.topic, self.group)

    def __enter__(self):
        self.writer.start()
        self.reader.start()
        wait_for(lambda: len(self.writer.acked) > RATE // 2 and self.reader.seen, 30,
                 "a steady load")
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.finish()
            return
        self.writer.stopping.set()
        self.writer.producer.purge()
        self.reader.stopping.set()
        self.reader.join(30)

    def acks_since(self, when):
        """Partition: time of the first ack of a record that was produced after `when`."""
        first = {}
        for at, partition, _, number in reversed(self.writer.acked):
            if at < when:
                break
            if self.writer.sent_at[number] >= when:
                first[partition] = at
        return first

    def read_since(self, when):
        """When the group first read a record that was produced after `when`; None: not yet."""
        first = None
        for at, number in reversed(self.reader.read):
            if at < when:
                break
            if self.writer.sent_at[number] >= when:
                first = at
        return first

    def longest_silence(self, since):
        """The longest time that any partition went without an ack."""
        last = {p: since for p in range(self.writer.partitions)}
        longest = 0
        for at, partition, _, _ in self.writer.acked:
            if at >= since:
                longest = max(longest, at - last[partition])
                last[partition] = at
        return max([longest, *(time.monotonic() - at for at in last.values())])

    def fault(self, what, action, deadline_s=20):
        """Does it, then waits until every partition has acknowledged a later record and the group
        has read one. Prints how long that took since the fault: the moment that the action returns,
        if it goes on after it, or its end; and the longest that a partition was silent."""
        begin = time.monotonic()
        since = action()
        done = time.monotonic()
        since = since or done

        def flows():
            assert not self.writer.failed, self.writer.failed[0]
            return len(self.acks_since(done)) == self.writer.partitions
        wait_for(flows, deadline_s, f"acks of all partitions after {what}")
        wait_for(lambda: self.read_since(done), READ_DEADLINE_S, f"the group reads after {what}")
        acks = self.acks_since(since).values()
        print(f"    {what}: first ack after {min(acks) - since:.2f} s, of every partition after "
              f"{max(acks) - since:.2f} s, the group reads after "
              f"{self.read_since(since) - since:.2f} s; longest silence "
              f"{self.longest_silence(begin):.2f} s", flush=True)

    def finish(self):
        """Stops the load and verifies it."""
        self.writer.stopping.set()
        self.writer.join(READ_DEADLINE_S + 10)
        assert not self.writer.is_alive() and self.writer.left == 0, "the producer does not end"
        assert not self.writer.failed, \
            f"{len(self.writer.failed)} deliveries failed, the first: {self.writer.failed[0]}"
        acked = {(p, offset): number for _, p, offset, number in self.writer.acked}
        try:
            wait_for(lambda: acked.keys() <= self.reader.seen.keys(), READ_DEADLINE_S,
                     "the group has read every acknowledged record")
        finally:
            self.reader.stopping.set()
            self.reader.join(30)
        self.verify(acked)

    def verify(self, acked):
        log = {(p, m.offset()): int(m.value())
               for p, messages in read_all(self.cluster, self.topic).items() for m in messages}
        lost = [(place, n) for place, n in acked.items() if log.get(place) != n]
        assert not lost, f"{len(lost)} acknowledged records are not in the log: {lost[:5]}"
        assert len(acked) == len(self.writer.acked), "two records acknowledged at one offset"
        assert len(set(log.values())) == len(log), "a record is in the log twice"
        last = {}
        for (partition, offset), number in sorted(log.items()):
            assert number > last.get(partition, -1), f"out of order at {partition}-{offset}"
            last[partition] = number
        assert not self.reader.wrong, f"the log changed under a reader: {self.reader.wrong[:5]}"
        made_up = [place for place, n in self.reader.seen.items() if log.get(place) != n]
        assert not made_up, f"the group read what is not in the log: {made_up[:5]}"
        print(f"    {len(acked)} records acknowledged and read back; the group read "
              f"{self.reader.again} again", flush=True)
