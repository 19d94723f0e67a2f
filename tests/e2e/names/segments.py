"""Files of log directories, made byte by byte: batches, indexes, producer snapshots."""
import gzip
import os
import struct

from lib import ROOT

TIME = 1700000000000
GZIP, LOG_APPEND, TRANSACTIONAL, CONTROL, HORIZON = 1, 8, 16, 32, 64


def crc_row(n):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    return n


CRC_TABLE = [crc_row(n) for n in range(256)]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def uvarint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def varint(n):
    return uvarint(n * 2 if n >= 0 else -n * 2 - 1)


def sized(data):
    return varint(-1) if data is None else varint(len(data)) + data


def batch(base, records, attributes=0, producer=(-1, -1, -1), epoch=0, time=TIME, base_time=None,
          deltas=None):
    """Records are (key, value) or (key, value, {header: value})."""
    deltas = deltas or list(range(len(records)))
    body = b""
    for delta, (key, value, *headers) in zip(deltas, records):
        headers = headers[0] if headers else {}
        record = b"\0" + varint(0) + varint(delta) + sized(key) + sized(value)
        record += varint(len(headers))
        record += b"".join(sized(name.encode()) + sized(text) for name, text in headers.items())
        body += varint(len(record)) + record
    if attributes & 7 == GZIP:
        body = gzip.compress(body, mtime=0)
    base_time = time if base_time is None else base_time
    data = struct.pack(">hiqqqhii", attributes, deltas[-1], base_time, time, *producer,
                       len(records)) + body
    return struct.pack(">qiibI", base, len(data) + 9, epoch, 2, crc32c(data)) + data


def control(base, kind, value, **options):
    key = struct.pack(">hh", 0, kind)
    return batch(base, [(key, value)], options.pop("attributes", 0) | CONTROL, **options)


def entry(base, offset, position):
    return struct.pack(">ii", offset - base, position)


def time_entry(base, time, offset):
    return struct.pack(">qi", time, offset - base)


def aborted(producer, first, last, stable):
    return struct.pack(">hqqqq", 0, producer, first, last, stable)


def snapshot(*producers, version=1, damage=0):
    """Of (id, epoch, last sequence, last offset, offset delta, time, coordinator's epoch, first
    offset of its transaction)."""
    body = struct.pack(">i", len(producers))
    body += b"".join(struct.pack(">qhiqiqiq", *producer) for producer in producers)
    return struct.pack(">hI", version, crc32c(body) ^ damage) + body


# ---- messages of Kafka's own classes ----
def golden():
    """{(name, version): [bytes, …]} of tests/golden/messages.gz."""
    found = {}
    with gzip.open(os.path.join(ROOT, "tests/golden/messages.gz"), "rt") as lines:
        for line in lines:
            name, version, data = line.rstrip("\n").split(" ")
            found.setdefault((name, int(version)), []).append(bytes.fromhex(data))
    return found


def text(value):
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value


def blob(value):
    return struct.pack(">i", len(value)) + value


def group_of_consumers(*members):
    """A GroupMetadataValue of version 3; members are (subscription, assignment)."""
    out = struct.pack(">h", 3) + text(b"consumer") + struct.pack(">i", 7) + text(b"range")
    out += text(b"m0") + struct.pack(">qi", TIME, len(members))
    for number, (subscription, assignment) in enumerate(members):
        out += text(b"m%d" % number) + text(None) + text(b"client") + text(b"/127.0.0.1")
        out += struct.pack(">ii", 300000, 45000) + blob(subscription) + blob(assignment)
    return out
