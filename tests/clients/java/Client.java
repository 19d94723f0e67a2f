// The Java client against a cluster, of whatever release is on the class path (3.9 or 4.1): see
// ../README.md. Beyond the steps there: every rebalance protocol, a group that changes its protocol
// while it runs, and the Admin client's surface.
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

public class Client {
    private static final int PARTITIONS = 6;
    private static final int COUNT = 3000;
    private static final int MORE = 600;
    private static final long BASE = System.currentTimeMillis() - 3600_000;

    private static String servers;
    private static Admin admin;

    // ---- helpers ----

    private static void check(boolean ok, String text) {
        if (!ok) {
            throw new AssertionError("differs: " + text);
        }
    }

    private static void await(String what, Callable<Boolean> condition) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.call()) {
            check(System.nanoTime() < end, what);
            Thread.sleep(20);
        }
    }

    private interface Action {
        void run() throws Exception;
    }

    private static void refused(Class<? extends Exception> expected, Action action)
            throws Exception {
        try {
            action.run();
        } catch (ExecutionException e) {
            check(expected.isInstance(e.getCause()), expected + " was expected: " + e.getCause());
            return;
        }
        throw new AssertionError("differs: not refused with " + expected);
    }

    private static Properties properties(Object... pairs) {
        Properties p = new Properties();
        p.put("bootstrap.servers", servers);
        for (int i = 0; i < pairs.length; i += 2) {
            p.put(pairs[i], String.valueOf(pairs[i + 1]));
        }
        return p;
    }

    private static String create(String name, int partitions) throws Exception {
        String topic = name + "-" + System.nanoTime();
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 3))).all().get();
        await(topic + " has no leaders", () -> leaders(topic).size() == partitions);
        return topic;
    }

    private static Map<Integer, Integer> leaders(String topic) throws Exception {
        Map<Integer, Integer> found = new HashMap<>();
        try {
            admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions()
                    .forEach(p -> {
                        if (p.leader() != null && p.leader().id() >= 0) {
                            found.put(p.partition(), p.leader().id());
                        }
                    });
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof UnknownTopicOrPartitionException)) {
                throw e;
            }
        }
        return found;
    }

    private static void write(String topic, int from, int n) throws Exception {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(
                properties("acks", "all", "enable.idempotence", "true", "linger.ms", "5"),
                new StringSerializer(), new StringSerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = from; i < from + n; i++) {
                ProducerRecord<String, String> record =
                        new ProducerRecord<>(topic, null, BASE + i * 1000L, "k" + i, "v" + i);
                record.headers().add("n", String.valueOf(i).getBytes());
                sent.add(producer.send(record));
            }
            for (Future<RecordMetadata> f : sent) {
                f.get(60, TimeUnit.SECONDS);
            }
        }
    }

    private static int note(ConsumerRecord<String, String> r) {
        int i = Integer.parseInt(r.key().substring(1));
        check(r.value().equals("v" + i), "value of " + i);
        check(r.timestamp() == BASE + i * 1000L, "time of " + i);
        check(new String(r.headers().lastHeader("n").value()).equals("" + i), "headers of " + i);
        return i;
    }

    private static long committed(String group) throws Exception {
        return admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get()
                .values().stream().mapToLong(o -> o == null ? 0 : o.offset()).sum();
    }

    /** A member that reads and commits until it is told to leave. */
    private static class Member extends Thread {
        final KafkaConsumer<String, String> consumer;
        final Set<Integer> seen;
        final String topic;
        volatile boolean leaving;
        volatile int owns;
        volatile Throwable failure;

        Member(String topic, Set<Integer> seen, Object... config) {
            Properties p = properties("auto.offset.reset", "earliest", "enable.auto.commit", "false",
                    "group.id", "g-" + topic);
            p.putAll(properties(config));
            this.seen = seen;
            this.topic = topic;
            consumer = new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer());
            setDaemon(true);
            start();
        }

        @Override
        public void run() {
            try {
                consumer.subscribe(List.of(topic));
                while (!leaving) {
                    for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(200))) {
                        seen.add(note(r));
                    }
                    owns = consumer.assignment().size();
                    try {
                        consumer.commitSync();
                    } catch (RebalanceInProgressException | CommitFailedException e) {
                        // comes again
                    }
                }
            } catch (Throwable t) {
                failure = t;
            } finally {
                owns = 0;
                consumer.close(Duration.ofSeconds(10));
            }
        }

        void leave() throws Exception {
            leaving = true;
            join(30_000);
            check(!isAlive(), "a member does not leave");
            if (failure != null) {
                throw new AssertionError(failure);
            }
        }
    }

    // ---- groups ----

    private static void group(String kind, Object[] first, Object[] second) throws Exception {
        String topic = create("java-" + kind, PARTITIONS);
        Set<Integer> seen = ConcurrentHashMap.newKeySet();
        write(topic, 0, COUNT);
        Member a = new Member(topic, seen, first);
        await("one member has not all", () -> a.owns == PARTITIONS);
        Member b = new Member(topic, seen, second);
        await("two members do not share", () -> a.owns == PARTITIONS / 2 && b.owns == a.owns);
        await("not all was read: " + kind, () -> seen.size() == COUNT);
        ConsumerGroupDescription d = admin.describeConsumerGroups(List.of("g-" + topic)).all().get()
                .get("g-" + topic);
        check(d.members().size() == 2, d.members().size() + " members");
        b.leave();
        write(topic, COUNT, MORE);
        await("not all was read by one: " + kind,
                () -> seen.size() == COUNT + MORE && committed("g-" + topic) == COUNT + MORE);
        a.leave();
        write(topic, COUNT + MORE, 1);
        Set<Integer> again = ConcurrentHashMap.newKeySet();
        Member c = new Member(topic, again, second);
        await("nothing was read after coming back", () -> !again.isEmpty());
        check(again.equals(Set.of(COUNT + MORE)), again.size() + " were read again");
        c.leave();
        await("the group is not empty", () -> {
            try {
                admin.deleteConsumerGroups(List.of("g-" + topic)).all().get();
                return true;
            } catch (ExecutionException e) {
                return false;
            }
        });
        byTime(topic);
        admin.deleteTopics(List.of(topic)).all().get();
    }

    private static void byTime(String topic) throws Exception {
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties(),
                new StringDeserializer(), new StringDeserializer())) {
            Map<TopicPartition, Long> asked = new HashMap<>();
            for (int p = 0; p < PARTITIONS; p++) {
                asked.put(new TopicPartition(topic, p), BASE + 1000 * 1000L);
            }
            consumer.assign(asked.keySet());
            consumer.offsetsForTimes(asked).forEach((p, o) -> consumer.seek(p, o.offset()));
            Set<Integer> seen = ConcurrentHashMap.newKeySet();
            await("not all was read by time", () -> {
                consumer.poll(Duration.ofMillis(200)).forEach(r -> seen.add(note(r)));
                return seen.size() == COUNT + MORE + 1 - 1000;
            });
            check(seen.stream().allMatch(i -> i >= 1000), "a record from before that time");
        }
    }

    private static final Object[] RANGE = classic("RangeAssignor", null);
    private static final Object[] COOPERATIVE = classic("CooperativeStickyAssignor", null);
    private static final Object[] CONSUMER = {"group.protocol", "consumer"};

    private static Object[] classic(String assignor, String instance) {
        List<Object> config = new ArrayList<>(List.of("partition.assignment.strategy",
                "org.apache.kafka.clients.consumer." + assignor, "session.timeout.ms", "6000",
                "heartbeat.interval.ms", "500"));
        if (instance != null) {
            config.addAll(List.of("group.instance.id", instance));
        }
        return config.toArray();
    }

    // ---- the Admin client ----

    private static void topics() throws Exception {
        String topic = create("java-admin", 3);
        check(admin.describeCluster().nodes().get().size() >= 3, "brokers");
        refused(TopicExistsException.class,
                () -> admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get());
        refused(InvalidTopicException.class,
                () -> admin.createTopics(List.of(new NewTopic("bad name", 1, (short) 1))).all().get());
        admin.createTopics(List.of(new NewTopic(topic + "-v", 1, (short) 1)),
                new CreateTopicsOptions().validateOnly(true)).all().get();
        check(!admin.listTopics().names().get().contains(topic + "-v"), "validateOnly created");
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
        await("partitions are missing", () -> leaders(topic).size() == 5);

        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(
                new ConfigEntry("retention.ms", "86400000"), AlterConfigOp.OpType.SET)))).all().get();
        await("retention.ms is not altered", () -> admin.describeConfigs(List.of(resource)).all()
                .get().get(resource).get("retention.ms").value().equals("86400000"));
        Config config = admin.describeConfigs(List.of(resource), new DescribeConfigsOptions()
                .includeSynonyms(true).includeDocumentation(true)).all().get().get(resource);
        check(config.get("retention.ms").source()
                == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, "source of a setting");
        check(!config.get("segment.bytes").documentation().isEmpty(), "documentation");
        refused(InvalidConfigurationException.class,
                () -> admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(
                        new ConfigEntry("retention.ms", "soon"), AlterConfigOp.OpType.SET)))).all().get());
        admin.deleteTopics(List.of(topic)).all().get();
        await("the topic is still there", () -> !admin.listTopics().names().get().contains(topic));
    }

    private static void partitions() throws Exception {
        String topic = create("java-parts", 1);
        TopicPartition p0 = new TopicPartition(topic, 0);
        write(topic, 0, 100);
        check(admin.listOffsets(Map.of(p0, OffsetSpec.latest())).all().get().get(p0).offset() == 100,
                "latest offset");
        check(admin.listOffsets(Map.of(p0, OffsetSpec.maxTimestamp())).all().get().get(p0).timestamp()
                == BASE + 99 * 1000L, "offset of the newest timestamp");
        admin.deleteRecords(Map.of(p0, RecordsToDelete.beforeOffset(40))).all().get();
        check(admin.listOffsets(Map.of(p0, OffsetSpec.earliest())).all().get().get(p0).offset() == 40,
                "earliest offset after deletion");
        check(!admin.describeProducers(List.of(p0)).partitionResult(p0).get().activeProducers()
                .isEmpty(), "an idempotent producer has written");

        List<Integer> replicas = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic)
                .partitions().get(0).replicas().stream().map(n -> n.id()).collect(Collectors.toList());
        List<Integer> two = List.of(replicas.get(1), replicas.get(2));
        admin.alterPartitionReassignments(Map.of(p0,
                Optional.of(new NewPartitionReassignment(two)))).all().get();
        await("the reassignment does not end",
                () -> admin.listPartitionReassignments().reassignments().get().isEmpty());
        await("two replicas", () -> admin.describeTopics(List.of(topic)).allTopicNames().get()
                .get(topic).partitions().get(0).replicas().size() == 2);
        admin.alterPartitionReassignments(Map.of(p0,
                Optional.of(new NewPartitionReassignment(replicas)))).all().get();
        await("three replicas in sync", () -> admin.describeTopics(List.of(topic)).allTopicNames()
                .get().get(topic).partitions().get(0).isr().size() == 3);
        refused(NoReassignmentInProgressException.class, () -> admin
                .alterPartitionReassignments(Map.of(p0, Optional.empty())).all().get());
        Map<TopicPartition, Optional<Throwable>> elected =
                admin.electLeaders(ElectionType.PREFERRED, Set.of(p0)).partitions().get();
        check(elected.get(p0).isEmpty() || elected.get(p0).get() instanceof ElectionNotNeededException,
                "election: " + elected);
        await("the preferred replica does not lead",
                () -> leaders(topic).get(0).equals(replicas.get(0)));

        Map<Integer, Map<String, LogDirDescription>> dirs =
                admin.describeLogDirs(replicas).allDescriptions().get();
        for (int broker : replicas) {
            check(dirs.get(broker).values().stream()
                    .anyMatch(d -> d.replicaInfos().containsKey(p0)), "log dir of " + broker);
        }
        TopicPartitionReplica replica = new TopicPartitionReplica(topic, 0, replicas.get(0));
        check(admin.describeReplicaLogDirs(List.of(replica)).all().get().get(replica)
                .getCurrentReplicaLogDir() != null, "replica's log dir");
        admin.deleteTopics(List.of(topic)).all().get();
    }

    private static void offsets() throws Exception {
        String topic = create("java-offsets", 2);
        String group = "g-" + topic;
        TopicPartition p0 = new TopicPartition(topic, 0);
        admin.alterConsumerGroupOffsets(group, Map.of(p0, new OffsetAndMetadata(7, "note"))).all().get();
        check(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(p0)
                .offset() == 7, "an altered offset");
        check(admin.listConsumerGroups().all().get().stream()
                .anyMatch(g -> g.groupId().equals(group)), "the group is not listed");
        admin.deleteConsumerGroupOffsets(group, Set.of(p0)).all().get();
        check(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get()
                .get(p0) == null, "a deleted offset");
        refused(GroupIdNotFoundException.class,
                () -> admin.deleteConsumerGroups(List.of("nobody-" + topic)).all().get());
        admin.deleteTopics(List.of(topic)).all().get();
    }

    private static void quorum() throws Exception {
        QuorumInfo info = admin.describeMetadataQuorum().quorumInfo().get();
        check(info.voters().size() >= 1 && info.leaderId() >= 0, "quorum " + info);
        FeatureMetadata features = admin.describeFeatures().featureMetadata().get();
        check(features.finalizedFeatures().containsKey("metadata.version"), "" + features);
    }

    private static void limits() throws Exception {
        String topic = create("java-limits", 1);
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(
                new ConfigEntry("max.message.bytes", "1000"), AlterConfigOp.OpType.SET)))).all().get();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties(),
                new ByteArraySerializer(), new ByteArraySerializer())) {
            await("a large record is not refused", () -> {
                try {
                    producer.send(new ProducerRecord<>(topic, new byte[5000])).get();
                    return false;
                } catch (ExecutionException e) {
                    return e.getCause() instanceof RecordTooLargeException;
                }
            });
            producer.send(new ProducerRecord<>(topic, new byte[50])).get();
        }
        admin.deleteTopics(List.of(topic)).all().get();
    }

    public static void main(String[] args) throws Exception {
        servers = args[0];
        admin = Admin.create(properties());
        Map<String, Action> cases = new LinkedHashMap<>();
        cases.put("topics", Client::topics);
        cases.put("partitions", Client::partitions);
        cases.put("offsets", Client::offsets);
        cases.put("quorum", Client::quorum);
        cases.put("limits", Client::limits);
        cases.put("range", () -> group("range", RANGE, RANGE));
        cases.put("cooperative", () -> group("cooperative", COOPERATIVE, COOPERATIVE));
        cases.put("static", () -> group("static", classic("RangeAssignor", "one"),
                classic("RangeAssignor", "two")));
        cases.put("consumer", () -> group("consumer", CONSUMER, CONSUMER));
        cases.put("upgrade", () -> group("upgrade", RANGE, CONSUMER));
        cases.put("downgrade", () -> group("downgrade", CONSUMER, RANGE));
        List<String> wanted = List.of(args).subList(1, args.length);
        for (Map.Entry<String, Action> entry : cases.entrySet()) {
            if (wanted.isEmpty() || wanted.contains(entry.getKey())) {
                entry.getValue().run();
                System.out.println("ok " + entry.getKey());
            }
        }
        admin.close(Duration.ofSeconds(5));
        System.exit(0);
    }
}
