"""A consumer that costs next to nothing: plain Fetch requests, records that nobody parses.

It shows how fast servers hand out what they have, where a real client's own work hides that. One
request is in flight; of the answer only the headers of batches are read, each of which must begin
where the one before it ended.
"""
import os
import struct
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from wire import Connection  # noqa: E402

VERSION = 12  # the last one that names topics; Apache Kafka 4.1 serves it, too
MAX_BYTES = 10 << 20
MAX_WAIT_MS = 500
NO_SESSION = {"SessionId": 0, "SessionEpoch": -1}
HEAD = struct.Struct(">qi")  # base offset; length of what follows
LAST_OFFSET_DELTA = struct.Struct(">i")
LAST_OFFSET_DELTA_AT = 23


class Fetcher(Connection):
    """A connection to the leader of partition 0 of a topic."""

    def __init__(self, cluster, topic):
        metadata = cluster.admin().list_topics(topic, 10)
        leader = metadata.brokers[metadata.topics[topic].partitions[0].leader]
        super().__init__(leader.host, leader.port)
        self.topic = topic
        self.buffer = bytearray()

    def receive(self, size):
        """A view that is good until the next call: what is received is copied once, here."""
        if len(self.buffer) < size:
            self.buffer = bytearray(size)
        view, got = memoryview(self.buffer)[:size], 0
        while got < size:
            more = self.socket.recv_into(view[got:])
            if not more:
                raise ConnectionError("the node closed the connection")
            got += more
        return view

    def fetch(self, offset):
        partition = {"Partition": 0, "FetchOffset": offset, "PartitionMaxBytes": MAX_BYTES}
        answer = self.call(
            "Fetch",
            VERSION,
            ReplicaId=-1,
            MaxWaitMs=MAX_WAIT_MS,
            MinBytes=1,
            MaxBytes=MAX_BYTES,
            Topics=[{"Topic": self.topic, "Partitions": [partition]}],
            **NO_SESSION,
        )
        found = answer["Responses"][0]["Partitions"][0]
        error = answer["ErrorCode"] or found["ErrorCode"]
        if error:
            raise RuntimeError(f"Fetch of {self.topic} at {offset}: error {error}")
        return found["Records"]

    def read(self, count):
        """The bytes of all batches from offset 0 up to `count`."""
        offset = size = 0
        while offset < count:
            records = self.fetch(offset)
            offset, end = walk(records, offset)
            size += end
        return size


def walk(records, offset):
    """The offset after the last whole batch, and where in `records` that one ends."""
    at = 0
    while at + HEAD.size <= len(records):
        base, length = HEAD.unpack_from(records, at)
        end = at + HEAD.size + length
        if end > len(records):
            break
        if base != offset:
            raise RuntimeError(f"a batch begins at offset {base} instead of {offset}")
        delta = LAST_OFFSET_DELTA.unpack_from(records, at + LAST_OFFSET_DELTA_AT)[0]
        offset, at = base + delta + 1, end
    if at == 0:
        raise RuntimeError(f"no batch at offset {offset}")
    return offset, at
