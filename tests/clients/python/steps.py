"""What the Python clients share: the records, and comparing what was read with what was written."""
import time

PARTITIONS = 6
COUNT = 3000
MORE = 600
BASE_MS = int(time.time() * 1000) - 3600 * 1000


def record(i):
    """Key, value, timestamp and headers of record i."""
    return b"k%d" % i, b"v%d" % i, BASE_MS + i * 1000, [("n", b"%d" % i)]


def check(ok, text):
    if not ok:
        raise SystemExit(f"differs: {text}")


def wait_for(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < deadline, what)
        time.sleep(0.02)


class Seen:
    """The records that were read, each compared with the one written."""

    def __init__(self):
        self.times = {}

    def note(self, key, value, timestamp, headers):
        i = int(key[1:])
        got = (key, value, timestamp, list(headers or []))
        check(got == record(i), f"record {i}: {got}")
        self.times[i] = self.times.get(i, 0) + 1

    def __len__(self):
        return len(self.times)


def topic_name(client):
    return f"{client}-{time.time_ns()}"
