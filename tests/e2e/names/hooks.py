"""What must be there before a step. A hook is called with (cluster, who)."""
import subprocess
import threading

from confluent_kafka import Consumer, Producer, TopicPartition

from lib import BIN, create_topic, wait_for


def topic_with(name, partitions, records, first=1700000000000):
    """A topic whose record n of a partition has the value "p-n" and was written at first + n."""
    def make(cluster, who):
        topic = create_topic(cluster, f"{who}-{name}", partitions)
        producer = Producer({"bootstrap.servers": cluster.bootstrap})
        for partition in range(partitions):
            for n in range(records):
                producer.produce(topic, f"{partition}-{n}", key=f"k{n}", partition=partition,
                                 timestamp=first + n)
        assert producer.flush(30) == 0
    return make


def committed(group, offsets):
    """A group without members that has committed: offsets are "topic": {partition: offset}."""
    def make(cluster, who):
        consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": f"{who}-{group}"})
        consumer.commit(offsets=[TopicPartition(f"{who}-{topic}", partition, offset)
                                 for topic, of_topic in offsets.items()
                                 for partition, offset in of_topic.items()], asynchronous=False)
        consumer.close()
    return make


class Member:
    """A member of a group that consumes until it is told to leave."""

    running = {}

    def __init__(self, cluster, who, group, topics, config):
        self.consumer = Consumer({
            "bootstrap.servers": cluster.bootstrap, "group.id": f"{who}-{group}",
            "client.id": f"{who}-client", "enable.auto.commit": False, **config})
        self.consumer.subscribe([f"{who}-{topic}" for topic in topics])
        self.leaving = threading.Event()
        self.thread = threading.Thread(target=self.poll, daemon=True)
        self.thread.start()

    def poll(self):
        while not self.leaving.is_set():
            self.consumer.poll(0.1)
        self.consumer.close()

    def leave(self):
        self.leaving.set()
        self.thread.join()


def joins(group, topics, **config):
    config = {key.replace("_", "."): value for key, value in config.items()}

    def make(cluster, who):
        member = Member(cluster, who, group, topics, config)
        Member.running[who, group] = member
        wait_for(member.consumer.assignment, 30, f"partitions for a member of {group}")
    return make


def leaves(group):
    return lambda cluster, who: Member.running.pop((who, group)).leave()


def settled(cluster, who):
    """No partition moves any more."""
    subprocess.run([BIN + "/craft", "partition", "reassign", "status", "--wait", "--timeout", "60",
                    "--bootstrap-server", cluster.bootstrap], check=True, stdout=subprocess.DEVNULL)


def both(*hooks):
    def make(cluster, who):
        for hook in hooks:
            hook(cluster, who)
    return make
