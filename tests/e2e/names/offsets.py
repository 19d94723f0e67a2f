"""kafka-get-offsets, kafka-delete-records, kafka-leader-election, kafka-log-dirs."""
from names.hooks import topic_with
from names.steps import SERVER, Step


def offsets(*args, **options):
    return Step("kafka-get-offsets", [*SERVER, *args], **options)


OFFSETS = [
    # What makes no sense.
    Step("kafka-get-offsets", "--nonsense", says=True),
    Step("kafka-get-offsets", "--topic x", says=True),
    offsets("--topic", "x", "--topic-partitions", "y", says=True),
    offsets("--partitions", "x", says=True),
    offsets("--time", "soon", says=True),
    offsets("--topic", "{t}-nowhere", says=True),
    # What does.
    offsets("--topic", "{t}-times", before=topic_with("times", 3, 5)),
    offsets("--topic", "{t}-t.*", "--partitions", "0,2"),
    offsets("--topic", "{t}-times", "--partitions", "0,"),
    offsets("--topic", "{t}-times", "--partitions", ""),
    offsets("--topic", "{t}-times", "--time", "-2"),
    offsets("--topic", "{t}-times", "--time", "earliest"),
    offsets("--topic", "{t}-times", "--time", "-1"),
    offsets("--topic", "{t}-times", "--time", "-3"),
    offsets("--topic", "{t}-times", "--time", "max-timestamp"),
    offsets("--topic", "{t}-times", "--time", "earliest-local"),
    offsets("--topic", "{t}-times", "--time", "1700000000002"),
    offsets("--topic", "{t}-times", "--time", "1800000000000"),
    offsets("--topic-partitions", "{t}-times:1"),
    offsets("--topic-partitions", "{t}-times:1-2,{t}-times:0-1"),
    offsets("--topic-partitions", "{t}-times:1-"),
    offsets("--topic-partitions", "{t}-times:-2"),
    offsets("--topic-partitions", "{t}-tim.*"),
    offsets("--topic-partitions", "{t}-times:x", says=True),
    offsets("--exclude-internal-topics", drop="^(?!alpha-times)"),
]


def records(content, **options):
    return Step("kafka-delete-records", [*SERVER, "--offset-json-file", "{file}"],
                files={"file": content}, **options)


RECORDS = [
    Step("kafka-delete-records", "--offset-json-file x", says=True),
    Step("kafka-delete-records", SERVER, says=True),
    Step("kafka-delete-records", [*SERVER, "--offset-json-file", "{dir}/missing"]),
    records("nonsense"),
    records("{\"version\": 2, \"partitions\": []}"),
    records("{\"partitions\": [{\"topic\": \"x\", \"partition\": 0, \"offset\": 1}, "
            "{\"topic\": \"x\", \"partition\": 0, \"offset\": 2}]}", says=True),
    records("{\"version\": 1, \"partitions\": [{\"topic\": \"{t}-gone\", \"partition\": 0, "
            "\"offset\": 4}, {\"topic\": \"{t}-gone\", \"partition\": 1, \"offset\": -1}]}",
            before=topic_with("gone", 2, 10), sort=True),
    offsets("--topic", "{t}-gone", "--time", "earliest"),
    records("{\"partitions\": [{\"topic\": \"{t}-gone\", \"partition\": 0, \"offset\": 2}]}"),
    records("{\"partitions\": [{\"topic\": \"{t}-gone\", \"partition\": 0, \"offset\": 99}]}"),
]


def elect(*args, **options):
    return Step("kafka-leader-election", [*SERVER, *args], **options)


PREFERRED = ["--election-type", "preferred"]
ELECTION = [
    Step("kafka-leader-election", "--topic x", says=True),
    elect(says=True),
    elect(*PREFERRED, says=True),
    elect(*PREFERRED, "--topic", "x", says=True),
    elect(*PREFERRED, "--all-topic-partitions", "--topic", "x", says=True),
    elect(*PREFERRED, "--all-topic-partitions", "--partition", "1", says=True),
    elect("--election-type", "nonsense", "--all-topic-partitions"),
    elect(*PREFERRED, "--topic", "{t}-elected", "--partition", "0",
          before=topic_with("elected", 2, 1)),
    elect("--election-type", "UNCLEAN", "--topic", "{t}-elected", "--partition", "0"),
    elect(*PREFERRED, "--topic", "{t}-elected", "--partition", "7", says=True),
    elect(*PREFERRED, "--topic", "{t}-nowhere", "--partition", "0", says=True),
    elect(*PREFERRED, "--path-to-json-file", "{file}", sort=True,
          files={"file": "{\"partitions\": [{\"topic\": \"{t}-elected\", \"partition\": 0}, "
                         "{\"topic\": \"{t}-elected\", \"partition\": 1}]}"}),
    elect(*PREFERRED, "--path-to-json-file", "{file}",
          files={"file": "{\"partitions\": [{\"topic\": \"x\", \"partition\": 0}, "
                         "{\"topic\": \"x\", \"partition\": 0}]}"}, says=True),
    elect(*PREFERRED, "--path-to-json-file", "{file}", files={"file": "{\"nonsense\": []}"}),
    elect(*PREFERRED, "--path-to-json-file", "{dir}/missing"),
    elect(*PREFERRED, "--all-topic-partitions", drop="."),
]


def dirs(*args, **options):
    return Step("kafka-log-dirs", [*SERVER, *args], **options)


DIRS = [
    Step("kafka-log-dirs", "--describe", says=True),
    dirs(says=True),
    dirs("--describe", "--broker-list", "x"),
    dirs("--describe", "--broker-list", "1,7,8", says=True),
    dirs("--describe", "--topic-list", "{t}-sized", "--broker-list", "1",
         before=topic_with("sized", 2, 3)),
    dirs("--describe", "--topic-list", "{t}-nowhere", "--broker-list", "2,2"),
    dirs("--describe", "--topic-list", "{t}-sized"),
    dirs("--describe", "--topic-list", "{t}-nowhere"),
]
