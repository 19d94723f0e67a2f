/* Feature levels: upgrades, downgrades, and what is written at which level. */
#include "controller/decide/dirs.h"
#include "tests/unit/controller/world.h"

#define VERSION "metadata.version"

enum { UPGRADE = 1, SAFE = 2, UNSAFE = 3 };

struct update {
    const char *name;
    int16_t level;
    int8_t type;
    int16_t version; /* of the request */
    bool validate_only;
};

static int try_update(struct world *w, struct update u)
{
    struct wire_update_features_request_feature_updates one = {
        .feature = slice_str(u.name), .max_version_level = u.level, .upgrade_type = u.type};
    struct wire_update_features_request request = {
        .feature_updates = &one, .feature_updates_count = 1, .validate_only = u.validate_only};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    in.api_version = u.version == 0 ? 2 : u.version;
    decide_update_features(&in, &w->quorum, &request, out);
    world_apply(w);
    const struct wire_update_features_response *response = out->response;
    int code = in.api_version >= 2 ? response->error_code : response->results[0].error_code;
    struct slice text =
        in.api_version >= 2 ? response->error_message : response->results[0].error_message;
    ck_assert_msg(code == 0 || text.len > 0, "a refusal has a sentence");
    return code;
}

static int16_t level_of(const struct world *w, const char *name)
{
    return metadata_feature_level(w->image, slice_str(name));
}

START_TEST(what_cannot_be_is_refused)
{
    struct world w;
    world_init(&w, 1);
    world_broker(&w, 1, NULL);
    static const struct {
        struct update u;
        int code;
    } cases[] = {
        {{"no.such", 1, UPGRADE, 0, false}, ERR_INVALID_UPDATE_VERSION},
        {{VERSION, 999, UPGRADE, 0, false}, ERR_INVALID_UPDATE_VERSION},
        {{VERSION, 6, SAFE, 0, false}, ERR_INVALID_UPDATE_VERSION},
        {{VERSION, 20, UPGRADE, 0, false}, ERR_INVALID_UPDATE_VERSION},
        {{VERSION, 20, UPGRADE, 1, false}, ERR_INVALID_UPDATE_VERSION},
        {{VERSION, 20, 9, 0, false}, ERR_INVALID_REQUEST},
        {{VERSION, 20, UNSAFE, 0, false}, ERR_INVALID_UPDATE_VERSION},
        {{"group.version", 2, UPGRADE, 0, false}, ERR_INVALID_UPDATE_VERSION},
        {{"transaction.version", 2, UPGRADE, 0, false}, ERR_INVALID_UPDATE_VERSION},
        {{"kraft.version", 2, UPGRADE, 0, false}, ERR_INVALID_UPDATE_VERSION},
        {{"kraft.version", 1, SAFE, 0, false}, ERR_INVALID_UPDATE_VERSION},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_int_eq(try_update(&w, cases[i].u), cases[i].code);
        ck_assert_uint_eq(w.decision.count, 0);
    }
    world_fini(&w);
}
END_TEST

START_TEST(levels_go_down_and_up)
{
    struct world w;
    world_init(&w, 1);
    world_broker(&w, 1, NULL);
    ck_assert_int_eq(level_of(&w, VERSION), 25);
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 20, SAFE, 0, true}), 0);
    ck_assert_int_eq(level_of(&w, VERSION), 25); /* only asked */
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 20, SAFE, 0, false}), 0);
    ck_assert_int_eq(level_of(&w, VERSION), 20);
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 21, SAFE, 0, false}),
                     ERR_INVALID_UPDATE_VERSION);
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 21, UPGRADE, 0, false}), 0);
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 21, UPGRADE, 0, false}), 0);
    ck_assert_uint_eq(w.decision.count, 0);
    ck_assert_int_eq(try_update(&w, (struct update){"group.version", 0, SAFE, 0, false}), 0);
    ck_assert_int_eq(level_of(&w, "group.version"), 0);
    world_fini(&w);
}
END_TEST

START_TEST(a_node_of_an_older_release_holds_the_level_down)
{
    struct world w;
    world_init(&w, 1);
    struct buf why = {0};
    struct metadata_supported newest = w.supported;
    world_broker(&w, 1, NULL);
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 24, SAFE, 0, false}), 0);
    struct wire_broker_registration_request request;
    struct wire_broker_registration_request_features features[] = WORLD_FEATURES;
    struct uuid dir = {1, 2};
    struct slice sentence;
    features[0].max_supported_version = 24;
    wire_init(&wire_msg_broker_registration_request, &request);
    request.broker_id = 2;
    request.cluster_id = slice_str(CLUSTER_ID);
    request.features = features;
    request.features_count = ARRAY_LEN(features);
    request.log_dirs = &dir;
    request.log_dirs_count = 1;
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    decide_register_broker(&in, &request, false, out, &sentence);
    ck_assert_uint_eq(world_apply(&w), 1);
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 25, UPGRADE, 0, false}),
                     ERR_INVALID_UPDATE_VERSION);

    /* Nor is the level raised by a controller that does not know it. */
    ck_assert_int_eq(metadata_supported_lower(&w.supported, slice_str(VERSION "=24"), &why),
                     ERR_NONE);
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 25, UPGRADE, 0, false}),
                     ERR_INVALID_UPDATE_VERSION);
    w.supported = newest;

    features[0].max_supported_version = 25;
    request.incarnation_id = (struct uuid){3, 4};
    out = world_begin(&w);
    in = world_input(&w);
    decide_register_broker(&in, &request, false, out, &sentence);
    world_apply(&w);
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 25, UPGRADE, 0, false}), 0);
    buf_fini(&why);
    world_fini(&w);
}
END_TEST

START_TEST(a_downgrade_must_not_lose_anything)
{
    struct world w;
    world_init(&w, 1);
    world_broker(&w, 1, NULL); /* with a directory: level 17 */
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 16, SAFE, 0, false}),
                     ERR_INVALID_UPDATE_VERSION);
    const struct wire_update_features_response *response = w.decision.response;
    ck_assert_ptr_nonnull(
        memmem(response->error_message.data, response->error_message.len, "needs level 17", 14));
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 17, SAFE, 0, false}), 0);
    world_fini(&w);
}
END_TEST

/* No record of the last decision needs more than the finalized level. */
static void check_levels(const struct world *w)
{
    for (size_t i = 0; i < w->decision.count; i++) {
        ck_assert_msg(metadata_record_level(&w->decision.records[i]) <= level_of(w, VERSION), "%s",
                      metadata_record_type_name(w->decision.records[i].type));
    }
}

START_TEST(nothing_is_written_above_the_level)
{
    struct world w;
    world_init(&w, 1);
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 7, SAFE, 0, false}), 0);
    ck_assert_int_eq(world_register(&w, 1, NULL, (struct uuid){1, 1}, false), 0);
    ck_assert_uint_eq(w.decision.count, 1);
    check_levels(&w);
    ck_assert_uint_eq(metadata_broker(w.image, 1)->log_dirs.count, 0);
    world_beat(&w, 1, (struct beat){0});
    world_topic(&w, "t", "1;1");
    check_levels(&w);
    const struct metadata_topic *topic = metadata_topic_by_name(w.image, slice_str("t"));
    ck_assert_int_eq(topic->partition_count, 2);

    struct wire_controller_registration_request_features features[] = WORLD_FEATURES;
    struct wire_controller_registration_request controller = {
        .controller_id = 3000, .features = features, .features_count = ARRAY_LEN(features)};
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    decide_register_controller(&in, &controller, out);
    ck_assert_int_eq(((struct wire_controller_registration_response *)out->response)->error_code,
                     ERR_UNSUPPORTED_VERSION);
    ck_assert_uint_eq(out->count, 0);

    struct wire_assign_replicas_to_dirs_request assign = {.broker_id = 1};
    out = world_begin(&w);
    in = world_input(&w);
    decide_assign_replicas_to_dirs(&in, &assign, out);
    ck_assert_int_eq(((struct wire_assign_replicas_to_dirs_response *)out->response)->error_code,
                     ERR_UNSUPPORTED_VERSION);
    world_fini(&w);
}
END_TEST

/* What a release does not know is at level 0, and may be said to be so. */
START_TEST(unknown_features_are_at_level_0)
{
    struct world w;
    world_init(&w, 1);
    ck_assert_int_eq(try_update(&w, (struct update){"share.version", 0, UPGRADE, 0, false}), 0);
    ck_assert_int_eq(try_update(&w, (struct update){"share.version", 0, SAFE, 0, false}), 0);
    ck_assert_uint_eq(w.decision.count, 0);
    world_fini(&w);
}
END_TEST

#define KRAFT "kraft.version"

static bool says(const struct world *w, const char *text)
{
    const struct wire_update_features_response *response = w->decision.response;
    return memmem(response->error_message.data, response->error_message.len, text, strlen(text)) !=
           NULL;
}

START_TEST(the_quorum_has_a_level_of_its_own)
{
    struct world w;
    world_init(&w, 1);
    world_broker(&w, 1, NULL);
    const struct update up = {KRAFT, 1, UPGRADE, 0, false};
    w.quorum.refusal = slice_str("voter 3 has not told");
    ck_assert_int_eq(try_update(&w, up), ERR_INVALID_UPDATE_VERSION);
    ck_assert(says(&w, "from 0 to 1: voter 3 has not told."));
    ck_assert_int_eq(w.decision.kraft_version, 0);
    w.quorum.refusal = SLICE_NULL;
    ck_assert_int_eq(try_update(&w, (struct update){KRAFT, 1, UPGRADE, 0, true}), 0);
    ck_assert_int_eq(w.decision.kraft_version, 0); /* only asked */
    ck_assert_int_eq(try_update(&w, up), 0);
    ck_assert_int_eq(w.decision.kraft_version, 1);
    ck_assert_uint_eq(w.decision.count, 1);
    ck_assert_int_eq(w.decision.records[0].type, METADATA_RECORD_NO_OP); /* says who asked */
    ck_assert_int_eq(level_of(&w, KRAFT), 0);                            /* is no record */
    w.quorum.kraft_version = 1;
    ck_assert_int_eq(try_update(&w, up), 0);
    ck_assert_int_eq(w.decision.kraft_version, 0);
    ck_assert_int_eq(try_update(&w, (struct update){KRAFT, 0, UPGRADE, 0, false}),
                     ERR_INVALID_UPDATE_VERSION);
    ck_assert_int_eq(try_update(&w, (struct update){KRAFT, 0, SAFE, 0, false}),
                     ERR_INVALID_UPDATE_VERSION);
    ck_assert(says(&w, "stay records"));
    world_fini(&w);
}
END_TEST

START_TEST(voters_as_records_need_3_9)
{
    struct world w;
    world_init(&w, 1);
    const struct update up = {KRAFT, 1, UPGRADE, 0, false};
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 20, SAFE, 0, false}), 0);
    ck_assert_int_eq(try_update(&w, up), ERR_INVALID_UPDATE_VERSION);
    ck_assert(says(&w, "needs metadata.version 21"));
    /* Both at once will do. */
    struct wire_update_features_request_feature_updates two[] = {
        {.feature = slice_str(KRAFT), .max_version_level = 1, .upgrade_type = UPGRADE},
        {.feature = slice_str(VERSION), .max_version_level = 21, .upgrade_type = UPGRADE}};
    struct wire_update_features_request request = {.feature_updates = two,
                                                   .feature_updates_count = 2};
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    in.api_version = 2;
    decide_update_features(&in, &w.quorum, &request, out);
    ck_assert_int_eq(out->kraft_version, 1);
    ck_assert_uint_eq(world_apply(&w), 2);
    /* All or none. */
    two[1].max_version_level = 99;
    out = world_begin(&w);
    in = world_input(&w);
    in.api_version = 2;
    decide_update_features(&in, &w.quorum, &request, out);
    ck_assert_int_eq(out->kraft_version, 0);
    ck_assert_uint_eq(world_apply(&w), 0);
    /* Every reason is told. */
    two[0].max_version_level = 7;
    out = world_begin(&w);
    in = world_input(&w);
    in.api_version = 2;
    decide_update_features(&in, &w.quorum, &request, out);
    ck_assert(says(&w, "version 7 for feature kraft.version"));
    ck_assert(says(&w, "version 99 for feature metadata.version"));
    world_fini(&w);
}
END_TEST

/* Releases below that level do not read voters from the log. */
START_TEST(voters_as_records_hold_the_level_up)
{
    struct world w;
    world_init(&w, 1);
    w.quorum.kraft_version = 1;
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 20, SAFE, 0, false}),
                     ERR_INVALID_UPDATE_VERSION);
    ck_assert(says(&w, "kraft.version 1 is finalized, which needs metadata.version 21 (3.9-IV0)"));
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 20, UNSAFE, 0, false}),
                     ERR_INVALID_UPDATE_VERSION);
    ck_assert_int_eq(level_of(&w, VERSION), METADATA_LEVEL_4_0_IV3);
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 21, SAFE, 0, false}), 0);
    ck_assert_int_eq(level_of(&w, VERSION), 21);
    world_fini(&w);
}
END_TEST

/* In an old request each update stands alone: one that is refused carries no other. */
START_TEST(voters_as_records_need_a_level_that_is_granted)
{
    struct world w;
    world_init(&w, 1);
    ck_assert_int_eq(try_update(&w, (struct update){VERSION, 20, SAFE, 0, false}), 0);
    struct wire_update_features_request_feature_updates two[] = {
        {.feature = slice_str(KRAFT), .max_version_level = 1, .upgrade_type = UPGRADE},
        {.feature = slice_str(VERSION), .max_version_level = 99, .upgrade_type = UPGRADE}};
    struct wire_update_features_request request = {.feature_updates = two,
                                                   .feature_updates_count = 2};
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    in.api_version = 1;
    decide_update_features(&in, &w.quorum, &request, out);
    ck_assert_int_eq(out->kraft_version, 0);
    ck_assert_uint_eq(world_apply(&w), 0);
    world_fini(&w);
}
END_TEST

UNIT_MAIN("features", what_cannot_be_is_refused, levels_go_down_and_up,
          a_node_of_an_older_release_holds_the_level_down, a_downgrade_must_not_lose_anything,
          nothing_is_written_above_the_level, unknown_features_are_at_level_0,
          the_quorum_has_a_level_of_its_own, voters_as_records_need_3_9,
          voters_as_records_hold_the_level_up, voters_as_records_need_a_level_that_is_granted)
