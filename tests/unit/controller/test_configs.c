/* IncrementalAlterConfigs and AlterConfigs. */
#include "tests/unit/controller/world.h"

#include "controller/decide/configs.h"

enum { SET, DELETE, APPEND, SUBTRACT };

struct change {
    int8_t type;
    const char *resource;
    const char *name;
    int8_t op;
    const char *value;
};

static int alter(struct world *w, const struct change *changes, int32_t count, bool validate_only)
{
    static struct wire_incremental_alter_configs_request_resources_configs configs[8];
    struct wire_incremental_alter_configs_request_resources resource = {
        .resource_type = changes[0].type,
        .resource_name = slice_str(changes[0].resource),
        .configs = configs,
        .configs_count = count};
    struct wire_incremental_alter_configs_request request = {
        .resources = &resource, .resources_count = 1, .validate_only = validate_only};
    for (int32_t i = 0; i < count; i++) {
        configs[i] = (struct wire_incremental_alter_configs_request_resources_configs){
            slice_str(changes[i].name), changes[i].op, slice_str(changes[i].value)};
    }
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_incremental_alter_configs(&in, &request, out);
    int code =
        ((struct wire_incremental_alter_configs_response *)out->response)->responses[0].error_code;
    ck_assert_msg(code == 0 || out->count == 0, "a refusal changes nothing");
    world_apply(w);
    return code;
}

#define ONE(type, resource, name, op, value) \
    alter(&w, &(struct change){type, resource, name, op, value}, 1, false)

#define VALUE(type, resource, name) \
    metadata_config_get(w.image, type, slice_str(resource), slice_str(name))

static void set_up(struct world *w)
{
    world_init(w, 1);
    world_broker(w, 1, NULL);
    world_topic(w, "t", "1");
}

START_TEST(refuses_resources)
{
    struct world w;
    set_up(&w);
    const char *name = "retention.ms";
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "x", name, SET, "1"),
                     ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "", name, SET, "1"),
                     ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(ONE(METADATA_CONFIG_BROKER, "two", name, SET, "1"), ERR_INVALID_REQUEST);
    ck_assert_int_eq(ONE(METADATA_CONFIG_BROKER, "2", name, SET, "1"),
                     ERR_BROKER_ID_NOT_REGISTERED);
    ck_assert_int_eq(ONE(METADATA_CONFIG_GROUP, "", name, SET, "1"), ERR_INVALID_REQUEST);
    ck_assert_int_eq(ONE(METADATA_CONFIG_BROKER_LOGGER, "1", name, SET, "1"), ERR_INVALID_REQUEST);
    ck_assert_int_eq(ONE(99, "t", name, SET, "1"), ERR_INVALID_REQUEST);
    world_fini(&w);
}
END_TEST

START_TEST(refuses_times_of_groups_that_the_servers_do_not_allow)
{
    struct world w;
    set_up(&w);
    static const struct {
        const char *name;
        const char *value;
        enum err expected;
    } rows[] = {{"consumer.session.timeout.ms", "44999", ERR_INVALID_CONFIG},
                {"consumer.session.timeout.ms", "45000", ERR_NONE},
                {"consumer.session.timeout.ms", "60001", ERR_INVALID_CONFIG},
                {"consumer.heartbeat.interval.ms", "4999", ERR_INVALID_CONFIG},
                {"consumer.heartbeat.interval.ms", "15000", ERR_NONE},
                {"consumer.heartbeat.interval.ms", "15001", ERR_INVALID_CONFIG}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(ONE(METADATA_CONFIG_GROUP, "g", rows[i].name, SET, rows[i].value),
                         rows[i].expected);
    }
    world_fini(&w);
}
END_TEST

START_TEST(refuses_values)
{
    struct world w;
    char huge[DECIDE_CONFIG_BYTES_MAX + 2];
    memset(huge, '1', sizeof huge);
    huge[sizeof huge - 1] = '\0';
    set_up(&w);
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "t", "no.such", SET, "1"), ERR_INVALID_CONFIG);
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "t", "retention.ms", SET, "x"), ERR_INVALID_CONFIG);
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "t", "retention.ms", SET, huge),
                     ERR_INVALID_CONFIG);
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "t", "retention.ms", SET, NULL),
                     ERR_INVALID_REQUEST);
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "t", "retention.ms", 7, "1"), ERR_INVALID_REQUEST);
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "t", "retention.ms", APPEND, "1"),
                     ERR_INVALID_CONFIG);
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "t", "cleanup.policy", APPEND, "shred"),
                     ERR_INVALID_CONFIG);
    ck_assert_int_eq(ONE(METADATA_CONFIG_BROKER, "1", "node.id", SET, "2"), ERR_INVALID_REQUEST);
    ck_assert_int_eq(ONE(METADATA_CONFIG_BROKER, "", "advertised.listeners", SET, "A://b:1"),
                     ERR_INVALID_REQUEST);
    struct change twice[] = {{METADATA_CONFIG_TOPIC, "t", "retention.ms", SET, "1"},
                             {METADATA_CONFIG_TOPIC, "t", "retention.ms", SET, "2"}};
    ck_assert_int_eq(alter(&w, twice, 2, false), ERR_INVALID_REQUEST);
    world_fini(&w);
}
END_TEST

START_TEST(sets_and_deletes)
{
    struct world w;
    set_up(&w);
    struct change change = {METADATA_CONFIG_TOPIC, "t", "retention.ms", SET, "5"};
    ck_assert_int_eq(alter(&w, &change, 1, true), 0);
    ck_assert_uint_eq(w.decision.count, 0);
    ck_assert_int_eq(alter(&w, &change, 1, false), 0);
    ck_assert(slice_eq_str(VALUE(METADATA_CONFIG_TOPIC, "t", "retention.ms"), "5"));
    ck_assert_int_eq(alter(&w, &change, 1, false), 0);
    ck_assert_msg(w.decision.count == 0, "it is 5 already");
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "t", "retention.ms", DELETE, NULL), 0);
    ck_assert(slice_is_null(VALUE(METADATA_CONFIG_TOPIC, "t", "retention.ms")));
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "t", "retention.ms", DELETE, NULL), 0);
    ck_assert_uint_eq(w.decision.count, 0);
    ck_assert_int_eq(ONE(METADATA_CONFIG_BROKER, "1", "log.cleaner.threads", SET, "2"), 0);
    ck_assert_int_eq(ONE(METADATA_CONFIG_BROKER, "", "log.cleaner.threads", SET, "3"), 0);
    ck_assert(slice_eq_str(VALUE(METADATA_CONFIG_BROKER, "", "log.cleaner.threads"), "3"));
    world_fini(&w);
}
END_TEST

START_TEST(lists)
{
    struct world w;
    set_up(&w);
    /* The default is "delete". */
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "t", "cleanup.policy", APPEND, "compact"), 0);
    ck_assert(slice_eq_str(VALUE(METADATA_CONFIG_TOPIC, "t", "cleanup.policy"), "delete,compact"));
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "t", "cleanup.policy", APPEND, "compact"), 0);
    ck_assert_uint_eq(w.decision.count, 0);
    ck_assert_int_eq(ONE(METADATA_CONFIG_TOPIC, "t", "cleanup.policy", SUBTRACT, "delete, x"), 0);
    ck_assert(slice_eq_str(VALUE(METADATA_CONFIG_TOPIC, "t", "cleanup.policy"), "compact"));
    world_fini(&w);
}
END_TEST

START_TEST(legacy_form_replaces_everything)
{
    struct world w;
    set_up(&w);
    ONE(METADATA_CONFIG_TOPIC, "t", "retention.ms", SET, "5");
    ONE(METADATA_CONFIG_TOPIC, "t", "segment.ms", SET, "6");
    struct wire_alter_configs_request_resources_configs config = {slice_str("segment.ms"),
                                                                  slice_str("7")};
    struct wire_alter_configs_request_resources resources[] = {
        {METADATA_CONFIG_TOPIC, slice_str("t"), &config, 1},
        {METADATA_CONFIG_TOPIC, slice_str("t"), &config, 1}};
    struct wire_alter_configs_request request = {.resources = resources, .resources_count = 2};
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    decide_alter_configs(&in, &request, out);
    world_apply(&w);
    const struct wire_alter_configs_response *response = out->response;
    ck_assert_int_eq(response->responses[0].error_code, 0);
    ck_assert_int_eq(response->responses[1].error_code, ERR_INVALID_REQUEST);
    ck_assert(slice_is_null(VALUE(METADATA_CONFIG_TOPIC, "t", "retention.ms")));
    ck_assert(slice_eq_str(VALUE(METADATA_CONFIG_TOPIC, "t", "segment.ms"), "7"));
    world_fini(&w);
}
END_TEST

UNIT_MAIN("configs", refuses_resources, refuses_times_of_groups_that_the_servers_do_not_allow,
          refuses_values, sets_and_deletes, lists, legacy_form_replaces_everything)
