"""How the programs of this folder begin and end: a cluster of ours, and the count of the ends."""
import contextlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))


@contextlib.contextmanager
def own_cluster(name):
    from lib import Cluster  # needs Debian's python3-confluent-kafka
    cluster = Cluster(name)
    cluster.start()
    yield cluster
    cluster.end()


def finish(ends):
    """`ends` are words "passed", "failed" and "skipped"."""
    print(f"{ends.count('passed')} passed, {ends.count('failed')} failed, "
          f"{ends.count('skipped')} skipped")
    if "failed" in ends:
        sys.exit(1)
