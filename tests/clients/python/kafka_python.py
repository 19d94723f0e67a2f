"""The newest kafka-python: see ../README.md."""
import sys
import threading

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic

from steps import BASE_MS, COUNT, MORE, PARTITIONS, Seen, check, record, topic_name, wait_for

SERVERS = sys.argv[1].split(",")
admin = KafkaAdminClient(bootstrap_servers=SERVERS)
topic = topic_name("kafka-python")
group = "g-" + topic


def create():
    admin.create_topics([NewTopic(topic, PARTITIONS // 2, 3)])
    admin.create_partitions({topic: NewPartitions(PARTITIONS)})
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic,
                                        configs={"retention.ms": "86400000"})])
    asked = ConfigResource(ConfigResourceType.TOPIC, topic)
    wait_for(lambda: "86400000" in str(admin.describe_configs([asked])),
             "retention.ms is not altered", 20)
    wait_for(lambda: len(admin.describe_topics([topic])[0]["partitions"]) == PARTITIONS,
             "partitions are missing", 20)
    print("created, altered and described", topic)


def write(start, n):
    producer = KafkaProducer(bootstrap_servers=SERVERS, acks="all", linger_ms=5)
    futures = []
    for i in range(start, start + n):
        key, value, timestamp, headers = record(i)
        futures.append(producer.send(topic, value, key, headers, timestamp_ms=timestamp))
    for future in futures:
        future.get(60)
    producer.close()
    print("wrote", n)


def join():
    return KafkaConsumer(topic, bootstrap_servers=SERVERS, group_id=group,
                         auto_offset_reset="earliest", enable_auto_commit=False,
                         session_timeout_ms=6000, heartbeat_interval_ms=500)


def poll(seen, member, timeout_ms=100):
    for messages in member.poll(timeout_ms).values():
        for m in messages:
            seen.note(m.key, m.value, m.timestamp, m.headers)


class Member(threading.Thread):
    """A member polls in a thread of its own, and long: a poll of 3.0.12 that ends just when the
    group's answer comes never sends a heartbeat again."""

    def __init__(self, seen):
        super().__init__(daemon=True)
        self.seen = seen
        self.consumer = join()
        self.leaving = threading.Event()
        self.owns = 0
        self.position = 0  # the sum of all
        self.start()

    def run(self):
        while not self.leaving.is_set():
            poll(self.seen, self.consumer, 3000)
            parts = self.consumer.assignment()
            self.owns = len(parts)
            self.position = sum(self.consumer.position(part) or 0 for part in parts)
        self.consumer.commit()
        self.consumer.close()

    def leave(self):
        self.leaving.set()
        self.join(30)
        check(not self.is_alive(), "a member does not leave")


def read_two():
    seen = Seen()
    a, b = Member(seen), Member(seen)
    wait_for(lambda: a.owns == b.owns == PARTITIONS // 2,
             "two members do not share the partitions")
    wait_for(lambda: len(seen) == COUNT, f"not all of {COUNT} were read")
    b.leave()
    write(COUNT, MORE)
    # A rebalance takes a reader back to what is committed: the position counts.
    wait_for(lambda: len(seen) == a.position == COUNT + MORE, "not all were read by one")
    a.leave()
    print("read", len(seen), "in a group")


def come_back():
    seen = Seen()
    member = join()
    write(COUNT + MORE, 1)
    wait_for(lambda: poll(seen, member, 3000) or len(seen) > 0,
             "nothing was read after coming back")
    check(seen.times == {COUNT + MORE: 1}, f"{len(seen)} were read again")
    total = sum(member.committed(TopicPartition(topic, p)) or 0 for p in range(PARTITIONS))
    check(total == COUNT + MORE, f"{total} committed")
    member.commit()
    member.close()
    print("came back")


def by_time():
    member = KafkaConsumer(bootstrap_servers=SERVERS, enable_auto_commit=False)
    parts = [TopicPartition(topic, p) for p in range(PARTITIONS)]
    member.assign(parts)
    found = member.offsets_for_times({part: BASE_MS + 1000 * 1000 for part in parts})
    for part in parts:
        member.seek(part, found[part].offset)
    want = COUNT + MORE + 1 - 1000
    seen = Seen()
    wait_for(lambda: poll(seen, member) or len(seen) == want, f"not all of {want} by time")
    check(min(seen.times) == 1000, f"{min(seen.times)} is from before the time asked for")
    member.close()
    print("read by time")


create()
write(0, COUNT)
read_two()
come_back()
by_time()
admin.delete_groups([group]) if hasattr(admin, "delete_groups") else \
    admin.delete_consumer_groups([group])
admin.delete_topics([topic])
admin.close()
print("deleted")
