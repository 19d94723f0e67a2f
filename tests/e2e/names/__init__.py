"""The calls of Kafka's tools that tests make: what a user of each tool does, and does wrong.

Everything that a suite creates begins with {t}, so that Kafka's run and ours can share a cluster.
"""
from names import configs, console, consumer_groups, dump_log, offsets, quorum, reassign, topics

SUITES = {
    "kafka-topics": topics.STEPS,
    "kafka-consumer-groups": consumer_groups.STEPS,
    "kafka-configs": configs.STEPS,
    "kafka-reassign-partitions": reassign.STEPS,
    "kafka-get-offsets": offsets.OFFSETS,
    "kafka-delete-records": offsets.RECORDS,
    "kafka-leader-election": offsets.ELECTION,
    "kafka-log-dirs": offsets.DIRS,
    "kafka-console-producer": console.PRODUCER,
    "kafka-console-consumer": console.CONSUMER,
    "kafka-metadata-quorum": quorum.STEPS,
    "kafka-dump-log": dump_log.STEPS,
}
