"""kafka-dump-log."""
import struct

from names.segments import (CONTROL, GZIP, HORIZON, LOG_APPEND, TIME, TRANSACTIONAL, aborted, batch,
                            control, entry, golden, group_of_consumers, snapshot, text,
                            time_entry, uvarint)
from names.steps import Step

TOOL = "kafka-dump-log"
FIRST = "00000000000000000000"
# Java's virtual machine complains on stderr, too, of what ends the tool: only standard output and
# the exit code count then. What it has printed of a line is not compared.
DROP_CUT = r"^\| offset: \d+ CreateTime: \d+ keySize: -?\d+ valueSize: -?\d+ sequence: \S+ " \
           r"headerKeys: \S+$"


def dump(folder, files, *args, names=None, **options):
    """Dumps `names` (all of them) of the files."""
    paths = ",".join(f"{{dir}}/{folder}/{name}" for name in names or files)
    return Step(TOOL, ["--files", paths, *args],
                files={f"{folder}/{name}": content for name, content in files.items()}, **options)


PLAIN = {FIRST + ".log": b"".join([
    batch(0, [(b"k0", b"v0"), (None, b"v1", {"h1": b"x", "h2": None}), (b"k2", None)]),
    batch(3, [("kä".encode(), b"\xff\x80v"), (b"", b"")], LOG_APPEND, epoch=3),
    batch(5, [(b"k%d" % n, b"v" * 100) for n in range(20)], GZIP, time=TIME + 5),
    batch(25, [(b"a", b"1"), (b"b", b"2")], producer=(7, 1, 2147483647)),
    batch(27, [(b"a", b"1")], TRANSACTIONAL, producer=(7, 1, 0)),
    control(28, 1, struct.pack(">hi", 0, 5), attributes=TRANSACTIONAL, producer=(7, 1, -1)),
    control(29, 0, struct.pack(">hi", 0, 6), attributes=TRANSACTIONAL, producer=(8, 1, -1)),
    control(30, 77, b"x"),
    batch(31, [(b"k", None)], HORIZON, base_time=TIME + 99)])}
NUMBERS = {FIRST + ".log": batch(0, [(struct.pack(">i", -5), struct.pack(">q", 1 << 40))])}
GAPS = {"00000000000000000007.log": batch(7, [(b"a", b"1"), (b"b", b"2")], deltas=[0, 4]) +
        batch(12, [(b"a", b"1")]) + batch(20, [(b"a", b"1")])}
WRONG = bytearray(PLAIN[FIRST + ".log"])
WRONG[-1] ^= 1

SIZE = len(batch(0, [(b"k", b"v")]))
INDEXED = {
    FIRST + ".log": b"".join(batch(n, [(b"k", b"v")], time=TIME + n) for n in range(5)),
    FIRST + ".index": b"".join(entry(0, n, n * SIZE) for n in range(1, 5)),
    FIRST + ".timeindex": b"".join(time_entry(0, TIME + n, n) for n in range(5)) + bytes(24)}
BAD_INDEX = {**INDEXED, FIRST + ".index": entry(0, 1, SIZE) + entry(0, 3, 2 * SIZE)}
BAD_TIMES = {**INDEXED, FIRST + ".timeindex": b"".join([
    time_entry(0, TIME + 1, 1), time_entry(0, TIME + 7, 2), time_entry(0, TIME + 3, 3),
    time_entry(0, TIME + 9, 9)])}
EMPTY = {**INDEXED, FIRST + ".index": b"", FIRST + ".timeindex": b""}
ODD = {**INDEXED, FIRST + ".index": INDEXED[FIRST + ".index"] + b"x"}

GOLDEN = golden()


def coordinator(types, first_of_all=()):
    """A log of a coordinator's topic: each key with each version of its value, then without."""
    records = list(first_of_all)
    for number, name, versions in types:
        keys = GOLDEN[name + "Key", number]
        for key in keys[:2]:
            key = struct.pack(">h", number) + key
            for version in versions:
                for value in GOLDEN[name + "Value", version][:2]:
                    records.append((key, struct.pack(">h", version) + value))
            records.append((key, None))
    records += [(struct.pack(">h", 99) + b"x", b"y")]
    return {FIRST + ".log": batch(0, records)}


SUBSCRIPTION = struct.pack(">hi", 1, 1) + text(b"t") + struct.pack(">ii", -1, 0)
ASSIGNMENT = struct.pack(">hi", 0, 1) + text(b"t") + struct.pack(">iii", 1, 4, 0)
CONSUMERS = (struct.pack(">h", 2) + text(b"g"),
             group_of_consumers((SUBSCRIPTION, ASSIGNMENT), (b"", b"nonsense"),
                                (struct.pack(">h", 9) + SUBSCRIPTION[2:], b"\0")))
GROUPS = coordinator([
    (0, "OffsetCommit", [0]), (1, "OffsetCommit", range(5)), (2, "GroupMetadata", range(5)),
    *((number, name, [0]) for number, name in (
        (3, "ConsumerGroupMetadata"), (4, "ConsumerGroupPartitionMetadata"),
        (5, "ConsumerGroupMemberMetadata"), (6, "ConsumerGroupTargetAssignmentMetadata"),
        (7, "ConsumerGroupTargetAssignmentMember"), (8, "ConsumerGroupCurrentMemberAssignment"),
        (10, "ShareGroupMemberMetadata"), (11, "ShareGroupMetadata"),
        (12, "ShareGroupTargetAssignmentMetadata"), (13, "ShareGroupTargetAssignmentMember"),
        (14, "ShareGroupCurrentMemberAssignment"), (15, "ShareGroupStatePartitionMetadata"),
        (16, "ConsumerGroupRegularExpression"), (17, "StreamsGroupMetadata"),
        (19, "StreamsGroupMemberMetadata"), (20, "StreamsGroupTargetAssignmentMetadata"),
        (21, "StreamsGroupTargetAssignmentMember"),
        (22, "StreamsGroupCurrentMemberAssignment"), (23, "StreamsGroupTopology")))],
    [CONSUMERS])
TRANSACTIONS = coordinator([(0, "TransactionLog", range(2))])
SHARES = coordinator([(0, "ShareSnapshot", [0]), (1, "ShareUpdate", [0])])

METADATA_TYPES = {
    0: "RegisterBroker", 1: "UnregisterBroker", 2: "Topic", 3: "Partition", 4: "Config",
    5: "PartitionChange", 7: "FenceBroker", 8: "UnfenceBroker", 9: "RemoveTopic",
    10: "DelegationToken", 11: "UserScramCredential", 12: "FeatureLevel", 14: "ClientQuota",
    15: "ProducerIds", 17: "BrokerRegistrationChange", 18: "AccessControlEntry",
    19: "RemoveAccessControlEntry", 20: "NoOp", 21: "ZkMigrationState",
    22: "RemoveUserScramCredential", 23: "BeginTransaction", 24: "EndTransaction",
    25: "AbortTransaction", 26: "RemoveDelegationToken", 27: "RegisterController", 28: "ClearElr"}
# In place of numbers that Java before 19 writes with more digits than they need.
GOLDEN["ClientQuotaRecord", 0] = [b"\1\2k" + struct.pack(">d", value) + b"\0\0"
                                  for value in (0.25, 1e7)]
METADATA = {FIRST + ".log": b"".join([
    control(0, 2, GOLDEN["LeaderChangeMessage", 0][1]),
    control(1, 5, b"\0\0" + GOLDEN["KRaftVersionRecord", 0][1][2:]),
    control(2, 6, b"\0\0" + GOLDEN["VotersRecord", 0][1][2:]),
    batch(3, [(None, b"\1" + uvarint(number) + uvarint(version) + message)
              for number, name in METADATA_TYPES.items() for version in range(4)
              for message in GOLDEN.get((name + "Record", version), [])[:2]])])}
CHECKPOINT = {
    "00000000000000000123-0000000007.checkpoint":
        control(0, 3, b"\0\0" + GOLDEN["SnapshotHeaderRecord", 0][1][2:]) +
        control(1, 4, b"\0\0" + GOLDEN["SnapshotFooterRecord", 0][1][2:]),
    "bootstrap.checkpoint": batch(0, [(None, b"\1\x0c\0\2m\0\7\0")])}
DECODERS = "org.apache.kafka.tools.api."

STEPS = [
    # What makes no sense.
    Step(TOOL, "--nonsense"),
    Step(TOOL, "--print-data-log", says=True),
    Step(TOOL, "--files {dir}/missing.log"),
    dump("odd", {"x.log": b""}),
    dump("odd", {"file.txt": b"x"}, says=True),
    dump("odd", {FIRST + ".log": b"x" * 10}),
    dump("odd", {FIRST + ".log": b"x" * 100}),
    dump("odd", {FIRST + ".log": PLAIN[FIRST + ".log"][:-9]}),
    dump("odd", {FIRST + ".log": PLAIN[FIRST + ".log"][:-9]}, "--max-bytes", "100000"),
    dump("odd", {FIRST + ".log": PLAIN[FIRST + ".log"] + bytes(100)}),
    dump("odd", {FIRST + ".log": bytes(WRONG)}),
    dump("odd", {FIRST + ".log": b""}),
    # Segments.
    dump("plain", PLAIN),
    dump("plain", PLAIN, "--deep-iteration"),
    dump("plain", PLAIN, "--print-data-log"),
    dump("plain", PLAIN, "--print-data-log", "--skip-record-metadata"),
    dump("plain", PLAIN, "--deep-iteration", "--skip-record-metadata"),
    dump("plain", PLAIN, "--max-bytes", "200"),
    dump("gaps", GAPS, "--deep-iteration", says=True),
    dump("gaps", GAPS, says=True),
    dump("numbers", NUMBERS, "--key-decoder-class", DECODERS + "IntegerDecoder",
         "--value-decoder-class", DECODERS + "LongDecoder"),
    dump("numbers", NUMBERS, "--key-decoder-class", DECODERS + "LongDecoder", drop=DROP_CUT),
    dump("plain", PLAIN, "--value-decoder-class", "no.such.Decoder", drop="^Dumping"),
    # Indexes and snapshots.
    dump("indexed", INDEXED),
    dump("indexed", INDEXED, "--verify-index-only", names=[FIRST + ".index"]),
    dump("indexed", INDEXED, "--verify-index-only", names=[FIRST + ".timeindex"]),
    dump("indexed", INDEXED, "--index-sanity-check", names=[FIRST + ".index"]),
    dump("indexed", INDEXED, "--index-sanity-check", names=[FIRST + ".timeindex"]),
    dump("indexed", INDEXED, "--max-message-size", "10", names=[FIRST + ".index"]),
    dump("bad", BAD_INDEX, names=[FIRST + ".index"], says=True),
    dump("bad", BAD_INDEX, "--verify-index-only", names=[FIRST + ".index"], says=True),
    dump("bad", BAD_TIMES, names=[FIRST + ".timeindex"], says=True),
    dump("bad", ODD, "--index-sanity-check", names=[FIRST + ".index"]),
    dump("empty", EMPTY, names=[FIRST + ".index"]),
    dump("lost", {FIRST + ".index": b"x" * 8}),
    dump("txn", {FIRST + ".txnindex": aborted(7, 1, 5, 9) + aborted(8, 2, 6, 10)}),
    dump("producers", {FIRST + ".snapshot": snapshot(
        (7, 1, 5, 99, 2, TIME, -1, -1), (8, 0, 1, 120, 4, TIME, 3, 77),
        (9, 3, -1, -1, 0, TIME, 4, -1))}),
    dump("producers", {FIRST + ".snapshot": snapshot()}),
    dump("producers", {FIRST + ".snapshot": snapshot(version=2)}, says=True),
    dump("producers", {FIRST + ".snapshot": snapshot(damage=1)}, says=True),
    # Internal topics.
    dump("groups", GROUPS, "--offsets-decoder"),
    dump("groups", GROUPS, "--offsets-decoder", "--skip-record-metadata"),
    dump("plain", PLAIN, "--offsets-decoder", drop=DROP_CUT),
    dump("transactions", TRANSACTIONS, "--transaction-log-decoder"),
    dump("shares", SHARES, "--share-group-state-decoder"),
    dump("metadata", METADATA, "--cluster-metadata-decoder"),
    dump("metadata", METADATA, "--cluster-metadata-decoder", "--skip-record-metadata"),
    dump("checkpoint", CHECKPOINT, "--cluster-metadata-decoder"),
]
