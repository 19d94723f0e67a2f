"""The newest confluent-kafka (librdkafka), classic groups and KIP-848's: see ../README.md."""
import logging
import sys

from confluent_kafka import (Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException,
                             Producer, TopicPartition)
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource,
                                   NewPartitions, NewTopic, OffsetSpec, ResourceType)

from steps import BASE_MS, COUNT, MORE, PARTITIONS, Seen, check, record, topic_name, wait_for


def commit(member):
    try:
        member.commit(asynchronous=False)
    except KafkaException as error:
        if error.args[0].code() != KafkaError._NO_OFFSET:  # it has read nothing since
            raise


class Lines(logging.Handler):
    """Log lines as a list of texts."""

    def __init__(self, lines):
        super().__init__()
        self.lines = lines

    def emit(self, record):
        self.lines.append(record.getMessage())


class World:
    def __init__(self, servers, protocol):
        self.servers = servers
        self.protocol = protocol
        self.admin = AdminClient({"bootstrap.servers": servers})
        self.topic = topic_name("confluent-" + protocol)
        self.group = "g-" + self.topic

    def create(self):
        self.admin.create_topics([NewTopic(self.topic, PARTITIONS // 2, 3)])[self.topic].result(20)
        self.admin.create_partitions([NewPartitions(self.topic, PARTITIONS)])[self.topic].result(20)
        entry = ConfigEntry("retention.ms", "86400000",
                            incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, self.topic, incremental_configs=[entry])
        self.admin.incremental_alter_configs([resource])[resource].result(20)
        asked = ConfigResource(ResourceType.TOPIC, self.topic)
        wait_for(lambda: self.admin.describe_configs([asked])[asked].result(20)
                 ["retention.ms"].value == "86400000", "retention.ms is not altered", 20)
        wait_for(lambda: len(self.admin.list_topics(self.topic, 20).topics[self.topic].partitions)
                 == PARTITIONS, "partitions are missing", 20)
        print("created, altered and described", self.topic)

    def look_around(self):
        """All topics; and no telemetry, which the brokers do not serve, is asked for (KIP-714)."""
        lines = []
        logger = logging.getLogger("around")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(Lines(lines))
        admin = AdminClient({"bootstrap.servers": self.servers, "debug": "protocol,telemetry"},
                            logger=logger)
        check(self.topic in admin.list_topics(timeout=20).topics, "it is not among all topics")
        wait_for(lambda: admin.poll(0.1) or any("Received ApiVersionResponse" in line
                                                for line in lines), "no protocol lines were logged")
        check(not any("GetTelemetrySubscriptions" in line for line in lines),
              "telemetry is asked for")
        print("looked around")

    def write(self, start, n):
        failed = []
        producer = Producer({"bootstrap.servers": self.servers, "enable.idempotence": True,
                             "linger.ms": 5})
        for i in range(start, start + n):
            key, value, timestamp, headers = record(i)
            producer.produce(self.topic, value, key, timestamp=timestamp, headers=headers,
                             on_delivery=lambda error, _: failed.append(error) if error else None)
        check(producer.flush(60) == 0 and not failed, f"not written: {failed[:1]}")
        print("wrote", n)

    def join(self):
        config = {"bootstrap.servers": self.servers, "group.id": self.group,
                  "group.protocol": self.protocol, "auto.offset.reset": "earliest",
                  "enable.auto.commit": False}
        if self.protocol == "classic":
            config |= {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
        member = Consumer(config)
        member.subscribe([self.topic])
        return member

    def read_two(self):
        seen = Seen()
        a, b = self.join(), self.join()

        def poll(*members):
            for member in members:
                for message in member.consume(500, 0.05):
                    check(message.error() is None, f"read: {message.error()}")
                    seen.note(message.key(), message.value(), message.timestamp()[1],
                              message.headers())

        def shared():
            poll(a, b)
            return len(a.assignment()) == len(b.assignment()) == PARTITIONS // 2

        wait_for(shared, "two members do not share the partitions")
        wait_for(lambda: poll(a, b) or len(seen) == COUNT, f"not all of {COUNT} were read")
        for member in (a, b):
            commit(member)
        description = self.admin.describe_consumer_groups([self.group])[self.group].result(20)
        check(len(description.members) == 2, f"{len(description.members)} members")
        b.close()
        self.write(COUNT, MORE)

        def rest_read():
            """A rebalance takes a reader back to what is committed: the positions count."""
            poll(a)
            at = a.position(a.assignment())
            return (len(seen) == COUNT + MORE and len(at) == PARTITIONS
                    and sum(part.offset for part in at if part.offset > 0) == COUNT + MORE)

        wait_for(rest_read, "not all were read by one")
        commit(a)
        a.close()
        print("read", len(seen), "in a group")

    def come_back(self):
        asked = ConsumerGroupTopicPartitions(self.group)
        result = self.admin.list_consumer_group_offsets([asked])[self.group].result(20)
        total = sum(part.offset for part in result.topic_partitions)
        check(total == COUNT + MORE, f"{total} committed")
        seen = Seen()
        member = self.join()
        self.write(COUNT + MORE, 1)

        def poll():
            for message in member.consume(500, 0.1):
                seen.note(message.key(), message.value(), message.timestamp()[1],
                          message.headers())
            return len(seen) > 0

        wait_for(poll, "nothing was read after coming back")
        check(seen.times == {COUNT + MORE: 1}, f"{len(seen)} were read again")
        commit(member)
        member.close()
        print("came back")

    def by_time(self):
        member = Consumer({"bootstrap.servers": self.servers, "group.id": self.group + "-time"})
        asked = [TopicPartition(self.topic, p, BASE_MS + 1000 * 1000) for p in range(PARTITIONS)]
        member.assign(member.offsets_for_times(asked, 20))
        want = COUNT + MORE + 1 - 1000
        seen = Seen()

        def poll():
            for message in member.consume(500, 0.1):
                seen.note(message.key(), message.value(), message.timestamp()[1],
                          message.headers())
            return len(seen) == want

        wait_for(poll, f"not all of {want} were read by time")
        check(min(seen.times) == 1000, f"{min(seen.times)} is from before the time asked for")
        member.close()
        latest = {TopicPartition(self.topic, 0): OffsetSpec.latest()}
        for future in self.admin.list_offsets(latest).values():
            check(future.result(20).offset > 0, "list_offsets")
        print("read by time")

    def remove(self):
        self.admin.delete_consumer_groups([self.group])[self.group].result(20)
        self.admin.delete_topics([self.topic])[self.topic].result(20)
        print("deleted")


for kind in sys.argv[2:] or ("classic", "consumer"):
    world = World(sys.argv[1], kind)
    world.create()
    world.look_around()
    world.write(0, COUNT)
    world.read_two()
    world.come_back()
    world.by_time()
    world.remove()
