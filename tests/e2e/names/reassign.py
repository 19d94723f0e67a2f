"""kafka-reassign-partitions."""
import json

from confluent_kafka.admin import AdminClient, NewTopic

from lib import wait_for
from names.hooks import both, settled, topic_with
from names.steps import SERVER, Step

# Of failures Kafka's tool prints the stack of the exception, too.
STACK = r"^\s+at |^\s*\.\.\. |^(org|java|com|joptsimple)\.|^Caused by|^\s*$"


def reassign(*args, **options):
    return Step("kafka-reassign-partitions", [*SERVER, *args], **options)


def plan(*rows):
    """A file: (topic, partition, replicas)."""
    return {"file": json.dumps({"version": 1, "partitions": [
        {"topic": "{t}-" + topic, "partition": partition, "replicas": replicas}
        for topic, partition, replicas in rows]})}


def of_file(action, *args, files, **options):
    if action == "--execute" and "before" not in options:
        options["before"] = settled
    return reassign(action, "--reassignment-json-file", "{file}", *args, files=files, **options)


def topics(*names):
    return {"topics": json.dumps({"version": 1, "topics": [{"topic": name} for name in names]})}


def generate(brokers, files, **options):
    return reassign("--generate", "--topics-to-move-json-file", "{topics}", "--broker-list",
                    brokers, files=files, **options)


def placed(name, replicas):
    """A topic whose partitions have these replicas."""
    def make(cluster, who):
        client = AdminClient({"bootstrap.servers": cluster.bootstrap})
        topic = NewTopic(f"{who}-{name}", len(replicas), replica_assignment=replicas)
        client.create_topics([topic])[topic.topic].result(30)
        wait_for(lambda: len(cluster.metadata(topic.topic).partitions) == len(replicas), 30,
                 "the topic")
    return make


STEPS = [
    # What makes no sense.
    Step("kafka-reassign-partitions", "--list", says=True),
    Step("kafka-reassign-partitions", [*SERVER, "--bootstrap-controller", "{C}", "--list"],
         says=True),
    reassign(says=True),
    reassign("--list", "--verify", says=True),
    reassign("--execute", says=True),
    reassign("--generate", "--broker-list", "1", says=True),
    reassign("--list", "--additional", says=True),
    reassign("--verify", "--reassignment-json-file", "x", "--throttle", "7", says=True),
    Step("kafka-reassign-partitions", ["--bootstrap-controller", "{C}", "--execute",
                                       "--reassignment-json-file", "x"], says=True),
    of_file("--execute", files={"file": "{\"version\": 1, \"partitions\": []}"}, drop=STACK),
    of_file("--execute", files=plan(("m", 0, [])), drop=STACK),
    of_file("--execute", files=plan(("m", 0, [1, 1])), drop=STACK),
    of_file("--execute", files=plan(("m", 0, [1]), ("m", 0, [2])), drop=STACK),
    of_file("--execute", files=plan(("m", 0, [77])), drop=STACK),
    of_file("--execute", files=plan(("nowhere", 0, [1])), drop=STACK),
    generate("1,1", topics("x"), drop=STACK),
    generate("1", topics("x", "x"), drop=STACK),
    generate("1,2", topics("{t}-nowhere"), drop=STACK),
    # Moves.
    reassign("--list", before=both(placed("moved", [[1], [2]]), topic_with("fix", 1, 1))),
    generate("1,2,3", topics("{t}-moved"), drop="^\\{.*\\}$"),
    generate("1", topics("{t}-moved"), drop="."),
    of_file("--verify", files=plan(("moved", 0, [1]), ("moved", 1, [2]))),
    of_file("--verify", "--preserve-throttles",
            files=plan(("moved", 0, [3]), ("moved", 1, [2, 3]))),
    of_file("--execute", files=plan(("moved", 7, [1])), drop=STACK),
    of_file("--execute", files=plan(("moved", 0, [2]), ("moved", 1, [3, 2]))),
    of_file("--verify", files=plan(("moved", 0, [2]), ("moved", 1, [3, 2])),
            until="moved-0 is completed.\nReassignment of partition {t}-moved-1 is completed."),
    of_file("--execute", files=plan(("moved", 0, [2, 1]))),
    of_file("--verify", files=plan(("moved", 0, [2, 1])), until="is completed"),
    of_file("--execute", "--disallow-replication-factor-change", files=plan(("moved", 0, [1]))),
    of_file("--execute", "--throttle", "soon", files=plan(("moved", 0, [3, 1])), drop=STACK),
    of_file("--execute", "--timeout", "soon", files=plan(("moved", 0, [3, 1])), drop=STACK),
    of_file("--execute", "--throttle", "1000000", files=plan(("moved", 0, [3, 1]))),
    of_file("--verify", files=plan(("moved", 0, [3, 1])), until="is completed"),
    of_file("--verify", files=plan(("nowhere", 0, [1])), drop=STACK),
    of_file("--cancel", files=plan(("moved", 0, [3, 1]))),
    of_file("--cancel", "--preserve-throttles", files=plan(("moved", 0, [3, 1]))),
    reassign("--list"),
    Step("kafka-reassign-partitions", ["--bootstrap-controller", "{C}", "--list"]),
]
