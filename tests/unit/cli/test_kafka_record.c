/* Our records of metadata as Kafka's: nothing is lost, and the text is that of Kafka's converters.
 */
#include "cli/kafka/metadata_record.h"

#include <check.h>
#include <stdlib.h>

#include "metadata/record_fields.h"

static struct arena arena;
static struct buf out;

static const int32_t ids[] = {1, 2, 3};
static const struct uuid dirs[] = {{7, 8}, {9, 10}, {11, 12}};
#define IDS ((struct metadata_ids){ids, 3})
#define DIRS ((struct metadata_dirs){dirs, 3})

/* The version fits if the encoder finds nothing that it would have to leave out. */
static void expect(const struct metadata_record *record, const char *text)
{
    struct buf bytes = {0};
    struct kafka_record found = kafka_record_of(record, &arena);
    buf_reset(&out);
    kafka_record_print(&found, &out);
    ck_assert_msg(slice_eq_str(buf_slice(&out), text), "%.*s, not %s", SLICE_ARG(buf_slice(&out)),
                  text);
    ck_assert_int_eq(wire_encode(found.type->value, found.version, found.value, &bytes), ERR_NONE);
    buf_fini(&bytes);
}

START_TEST(topics_and_partitions)
{
    struct metadata_record r = {.type = METADATA_RECORD_TOPIC, .topic = {slice_str("t"), {7, 8}}};
    expect(&r, "{\"type\":\"TOPIC_RECORD\",\"version\":0,\"data\":{\"name\":\"t\","
               "\"topicId\":\"AAAAAAAAAAcAAAAAAAAACA\"}}");
    r = (struct metadata_record){.type = METADATA_RECORD_PARTITION,
                                 .partition = {.partition_id = 4,
                                               .topic_id = {7, 8},
                                               .replicas = IDS,
                                               .isr = IDS,
                                               .leader = 1,
                                               .leader_epoch = 5,
                                               .partition_epoch = 6}};
#define PARTITION \
    "\"data\":{\"partitionId\":4,\"topicId\":\"AAAAAAAAAAcAAAAAAAAACA\",\"replicas\":[1,2,3]," \
    "\"isr\":[1,2,3],\"removingReplicas\":[],\"addingReplicas\":[],\"leader\":1,"
#define EPOCHS "\"leaderEpoch\":5,\"partitionEpoch\":6"
#define DIRECTORIES \
    "\"directories\":[\"AAAAAAAAAAcAAAAAAAAACA\",\"AAAAAAAAAAkAAAAAAAAACg\"," \
    "\"AAAAAAAAAAsAAAAAAAAADA\"]"
    expect(&r, "{\"type\":\"PARTITION_RECORD\",\"version\":0," PARTITION EPOCHS "}}");
    r.partition.directories = DIRS;
    r.partition.leader_recovery = METADATA_RECOVERING;
    expect(&r, "{\"type\":\"PARTITION_RECORD\",\"version\":1," PARTITION
               "\"leaderRecoveryState\":1," EPOCHS "," DIRECTORIES "}}");
    r.partition.elr = IDS;
    expect(&r, "{\"type\":\"PARTITION_RECORD\",\"version\":2," PARTITION
               "\"leaderRecoveryState\":1," EPOCHS "," DIRECTORIES
               ",\"eligibleLeaderReplicas\":[1,2,3]}}");
    r = (struct metadata_record){.type = METADATA_RECORD_REMOVE_TOPIC, .remove_topic = {{7, 8}}};
    expect(&r, "{\"type\":\"REMOVE_TOPIC_RECORD\",\"version\":0,\"data\":{"
               "\"topicId\":\"AAAAAAAAAAcAAAAAAAAACA\"}}");
}
END_TEST

START_TEST(changes_of_partitions)
{
    struct metadata_record r = {.type = METADATA_RECORD_PARTITION_CHANGE,
                                .partition_change =
                                    METADATA_PARTITION_CHANGE(((struct uuid){7, 8}), 4)};
#define CHANGE "\"data\":{\"partitionId\":4,\"topicId\":\"AAAAAAAAAAcAAAAAAAAACA\""
    expect(&r, "{\"type\":\"PARTITION_CHANGE_RECORD\",\"version\":0," CHANGE "}}");
    r.partition_change.leader = METADATA_NO_LEADER;
    r.partition_change.has_isr = true;
    expect(&r, "{\"type\":\"PARTITION_CHANGE_RECORD\",\"version\":0," CHANGE
               ",\"isr\":[],\"leader\":-1}}");
    r.partition_change.has_directories = true;
    r.partition_change.directories = DIRS;
    expect(&r, "{\"type\":\"PARTITION_CHANGE_RECORD\",\"version\":1," CHANGE
               ",\"isr\":[],\"leader\":-1," DIRECTORIES "}}");
    r.partition_change.has_elr = r.partition_change.has_last_known_elr = true;
    r.partition_change.elr = IDS;
    expect(&r, "{\"type\":\"PARTITION_CHANGE_RECORD\",\"version\":2," CHANGE
               ",\"isr\":[],\"leader\":-1," DIRECTORIES
               ",\"eligibleLeaderReplicas\":[1,2,3],\"lastKnownElr\":[]}}");
    r.partition_change = METADATA_PARTITION_CHANGE(((struct uuid){7, 8}), 4);
    r.partition_change.has_replicas = r.partition_change.has_removing_replicas = true;
    r.partition_change.has_adding_replicas = true;
    r.partition_change.replicas = r.partition_change.removing_replicas = IDS;
    r.partition_change.leader_recovery = METADATA_RECOVERED;
    expect(&r, "{\"type\":\"PARTITION_CHANGE_RECORD\",\"version\":0," CHANGE
               ",\"replicas\":[1,2,3],\"removingReplicas\":[1,2,3],\"addingReplicas\":[],"
               "\"leaderRecoveryState\":0}}");
}
END_TEST

START_TEST(brokers_and_controllers)
{
    static const struct metadata_endpoint endpoint = {
        {(const uint8_t *)"L", 1}, {(const uint8_t *)"h", 1}, 65535, 1};
    static const struct metadata_feature_range feature = {{(const uint8_t *)"f", 1}, 1, 2};
    struct metadata_record r = {.type = METADATA_RECORD_REGISTER_BROKER,
                                .register_broker = {.broker_id = 3,
                                                    .incarnation_id = {7, 8},
                                                    .broker_epoch = 9,
                                                    .endpoints = {&endpoint, 1},
                                                    .features = {&feature, 1},
                                                    .rack = SLICE_NULL,
                                                    .fenced = true,
                                                    .log_dirs = DIRS}};
#define ENDPOINTS \
    "\"endPoints\":[{\"name\":\"L\",\"host\":\"h\",\"port\":65535,\"securityProtocol\":1}]," \
    "\"features\":[{\"name\":\"f\",\"minSupportedVersion\":1,\"maxSupportedVersion\":2}]"
    expect(&r, "{\"type\":\"REGISTER_BROKER_RECORD\",\"version\":3,\"data\":{\"brokerId\":3,"
               "\"isMigratingZkBroker\":false,\"incarnationId\":\"AAAAAAAAAAcAAAAAAAAACA\","
               "\"brokerEpoch\":9," ENDPOINTS ",\"rack\":null,\"fenced\":true,"
               "\"inControlledShutdown\":false,\"logDirs\":[\"AAAAAAAAAAcAAAAAAAAACA\","
               "\"AAAAAAAAAAkAAAAAAAAACg\",\"AAAAAAAAAAsAAAAAAAAADA\"]}}");
    r = (struct metadata_record){.type = METADATA_RECORD_REGISTER_CONTROLLER,
                                 .register_controller = {.controller_id = 3000,
                                                         .incarnation_id = {7, 8},
                                                         .endpoints = {&endpoint, 1},
                                                         .features = {&feature, 1}}};
    expect(&r, "{\"type\":\"REGISTER_CONTROLLER_RECORD\",\"version\":0,\"data\":{"
               "\"controllerId\":3000,\"incarnationId\":\"AAAAAAAAAAcAAAAAAAAACA\","
               "\"zkMigrationReady\":false," ENDPOINTS "}}");
    r = (struct metadata_record){.type = METADATA_RECORD_UNREGISTER_BROKER,
                                 .unregister_broker = {3, 9}};
    expect(&r, "{\"type\":\"UNREGISTER_BROKER_RECORD\",\"version\":0,\"data\":{\"brokerId\":3,"
               "\"brokerEpoch\":9}}");
    r = (struct metadata_record){
        .type = METADATA_RECORD_BROKER_REGISTRATION_CHANGE,
        .broker_registration_change = {.broker_id = 3, .broker_epoch = 9, .fenced = -1}};
#define REGISTRATION "\"data\":{\"brokerId\":3,\"brokerEpoch\":9,\"fenced\":-1"
    expect(&r, "{\"type\":\"BROKER_REGISTRATION_CHANGE_RECORD\",\"version\":0," REGISTRATION "}}");
    r.broker_registration_change.in_controlled_shutdown = 1;
    expect(&r, "{\"type\":\"BROKER_REGISTRATION_CHANGE_RECORD\",\"version\":1," REGISTRATION
               ",\"inControlledShutdown\":1}}");
    r.broker_registration_change.has_log_dirs = true;
    r.broker_registration_change.log_dirs = (struct metadata_dirs){dirs, 1};
    expect(&r, "{\"type\":\"BROKER_REGISTRATION_CHANGE_RECORD\",\"version\":2," REGISTRATION
               ",\"inControlledShutdown\":1,\"logDirs\":[\"AAAAAAAAAAcAAAAAAAAACA\"]}}");
}
END_TEST

START_TEST(the_others)
{
    struct metadata_record r = {
        .type = METADATA_RECORD_CONFIG,
        .config = {METADATA_CONFIG_TOPIC, slice_str("t"), slice_str("n"), SLICE_NULL}};
    expect(&r, "{\"type\":\"CONFIG_RECORD\",\"version\":0,\"data\":{\"resourceType\":2,"
               "\"resourceName\":\"t\",\"name\":\"n\",\"value\":null}}");
    r = (struct metadata_record){.type = METADATA_RECORD_FEATURE_LEVEL,
                                 .feature_level = {slice_str("f"), 7}};
    expect(&r, "{\"type\":\"FEATURE_LEVEL_RECORD\",\"version\":0,\"data\":{\"name\":\"f\","
               "\"featureLevel\":7}}");
    r = (struct metadata_record){.type = METADATA_RECORD_PRODUCER_IDS, .producer_ids = {1, 2, 3}};
    expect(&r, "{\"type\":\"PRODUCER_IDS_RECORD\",\"version\":0,\"data\":{\"brokerId\":1,"
               "\"brokerEpoch\":2,\"nextProducerId\":3}}");
    r = (struct metadata_record){.type = METADATA_RECORD_BEGIN_TRANSACTION,
                                 .begin_transaction = {slice_str("x")}};
    expect(&r, "{\"type\":\"BEGIN_TRANSACTION_RECORD\",\"version\":0,\"data\":{\"name\":\"x\"}}");
    r = (struct metadata_record){.type = METADATA_RECORD_ABORT_TRANSACTION,
                                 .abort_transaction = {SLICE_NULL}};
    expect(&r, "{\"type\":\"ABORT_TRANSACTION_RECORD\",\"version\":0,\"data\":{}}");
    r = (struct metadata_record){.type = METADATA_RECORD_END_TRANSACTION};
    expect(&r, "{\"type\":\"END_TRANSACTION_RECORD\",\"version\":0,\"data\":{}}");
    r = (struct metadata_record){.type = METADATA_RECORD_NO_OP};
    expect(&r, "{\"type\":\"NO_OP_RECORD\",\"version\":0,\"data\":{}}");
}
END_TEST

/* A record that is new to us is one of Kafka's here, too. */
START_TEST(every_type_is_there)
{
    int count = 0;
    for (int type = 0; type < 128; type++) {
        if (metadata_record_fields((enum metadata_record_type)type) != NULL) {
            struct metadata_record r = {.type = (enum metadata_record_type)type};
            struct kafka_record found = kafka_record_of(&r, &arena);
            ck_assert_str_eq(found.type->name, metadata_record_type_name(r.type));
            count++;
        }
    }
    ck_assert_int_ge(count, 15);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kafka_record");
    TCase *tc = tcase_create("kafka_record");
    tcase_add_test(tc, topics_and_partitions);
    tcase_add_test(tc, changes_of_partitions);
    tcase_add_test(tc, brokers_and_controllers);
    tcase_add_test(tc, the_others);
    tcase_add_test(tc, every_type_is_there);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    buf_fini(&out);
    arena_fini(&arena);
    return failed == 0 ? 0 : 1;
}
