"""The calls of Kafka's tools that tests make: what a user of each tool does, and does wrong.

Everything that a suite creates begins with {t}, so that Kafka's run and ours can share a cluster.
"""
from names_lib import Step

B = ["--bootstrap-server", "{B}"]


def topics(*args, **options):
    return Step("kafka-topics", [*B, *args], **options)


TOPICS = [
    # What makes no sense.
    Step("kafka-topics", "--nonsense", says=True),
    Step("kafka-topics", "--list", says=True),
    Step("kafka-topics", "--list --topic", says=True),
    topics(says=True),
    topics("--list", "--create", says=True),
    topics("--create", says=True),
    topics("--delete", says=True),
    topics("--list", "--partitions", "3", says=True),
    topics("--create", "--topic", "x", "--if-exists", says=True),
    topics("--create", "--topic", "x", "--partitions", "1", "--replica-assignment", "1:2",
           says=True),
    topics("--describe", "--under-replicated-partitions", "--topics-with-overrides", says=True),
    topics("--alter", "--topic", "x", says=True),
    topics("--alter", "--topic", "x", "--partitions", "3", "--config", "a=b", says=True),
    topics("--create", "--topic", "{t}-x", "--partitions", "0"),
    topics("--create", "--topic", "{t}-x", "--partitions", "1", "--replication-factor", "0"),
    topics("--create", "--topic", "{t}-x", "--replica-assignment", "1:2,3"),
    topics("--create", "--topic", "{t}-x", "--replica-assignment", "1:1"),
    topics("--create", "--topic", "{t}-x", "--config", "nonsense=1"),
    topics("--create", "--topic", "{t}-x", "--config", "retention.ms"),
    topics("--describe", "--topic", "{t}-x"),
    topics("--delete", "--topic", "{t}-x"),
    topics("--alter", "--topic", "{t}-x", "--partitions", "3"),
    topics("--list", "--topic", "{t}-["),
    # What does.
    topics("--create", "--topic", "{t}-one", "--replica-assignment", "1:2:3,2:3:1"),
    topics("--create", "--topic", "{t}-one", "--replica-assignment", "1:2:3,2:3:1"),
    topics("--create", "--topic", "{t}-one", "--partitions", "1", "--if-not-exists"),
    topics("--create", "--topic", "{t}-two", "--replica-assignment", "3:1", "--config",
           "retention.ms=86400000", "--config", "cleanup.policy=compact", "--config",
           "min.insync.replicas=2", "--config", "segment.bytes=1048576"),
    topics("--create", "--topic", "{t}.dot", "--replica-assignment", "2"),
    topics("--create", "--topic", "{t}-three", "--partitions", "3", "--replication-factor", "2"),
    topics("--create", "--topic", "{t}-default"),
    topics("--list", "--topic", "{t}.*"),
    topics("--list", "--topic", "{t}-one,{t}-two"),
    topics("--list", "--topic", "{t}-nobody"),
    topics("--list", "--topic", "\"{t}-o[n]e\""),
    topics("--list", "--exclude-internal", "--topic", "{t}-t.*"),
    topics("--describe", "--topic", "{t}-one"),
    topics("--describe", "--topic", "{t}-two"),
    topics("--describe", "--topic", "{t}-(one|two)", sort=True),
    topics("--describe", "--topic", "{t}-one", "--unavailable-partitions"),
    topics("--describe", "--topic", "{t}-.*", "--topics-with-overrides"),
    topics("--describe", "--topic", "{t}-two", "--at-min-isr-partitions"),
    topics("--describe", "--topic", "{t}-two", "--under-min-isr-partitions"),
    topics("--describe", "--topic", "{t}-nobody", "--if-exists"),
    topics("--describe", "--topic-id", "AAAAAAAAAAAAAAAAAAAAZA"),
    topics("--alter", "--topic", "{t}-one", "--partitions", "1"),
    topics("--alter", "--topic", "{t}-one", "--partitions", "4", "--replica-assignment",
           "1:2:3,2:3:1,3:1:2,1:3:2"),
    topics("--alter", "--topic", "{t}-nobody", "--partitions", "4", "--if-exists"),
    topics("--describe", "--topic", "{t}-one", until="PartitionCount: 4"),
    topics("--delete", "--topic", "{t}-three"),
    topics("--delete", "--topic", "{t}-three", "--if-exists"),
    topics("--delete", "--topic", "{t}-(one|two)"),
    topics("--list", "--topic", "{t}-(one|two|three)"),
]

SUITES = {
    "kafka-topics": TOPICS,
}
