/* Levels of features: what a node supports, what it may be lowered to, what a record needs. */
#include "tests/unit/unit.h"

#include "metadata/metadata.h"

static struct metadata_image *image_at(const char *feature, int16_t level)
{
    struct metadata_image *empty = metadata_image_new(slice_str("c"));
    struct metadata_delta *delta = metadata_delta_begin(empty);
    struct metadata_record r = {.type = METADATA_RECORD_FEATURE_LEVEL,
                                .feature_level = {slice_str(feature), level}};
    ck_assert_int_eq(metadata_delta_replay(delta, 0, &r), ERR_NONE);
    metadata_image_unref(empty);
    return metadata_delta_finish(delta);
}

static enum err check(const struct metadata_supported *supported, const char *feature,
                      int16_t level, const char *said)
{
    struct metadata_image *image = image_at(feature, level);
    struct buf why = {0};
    enum err e = metadata_supported_check(supported, image, &why);
    buf_put(&why, "", 1);
    ck_assert_msg(strstr((const char *)why.data, said) != NULL, "%s", (const char *)why.data);
    buf_fini(&why);
    metadata_image_unref(image);
    return e;
}

START_TEST(what_is_not_supported_is_told)
{
    struct metadata_supported supported;
    metadata_supported_init(&supported);
    ck_assert_int_eq(check(&supported, "metadata.version", 25, ""), ERR_NONE);
    ck_assert_int_eq(check(&supported, "metadata.version", 7, ""), ERR_NONE);
    ck_assert_int_eq(check(&supported, "metadata.version", 26,
                           "level 26 of the feature metadata.version, but this release supports 7 "
                           "to 25; start a newer release"),
                     ERR_UNSUPPORTED);
    ck_assert_int_eq(check(&supported, "metadata.version", 6, "level 6"), ERR_UNSUPPORTED);
    ck_assert_int_eq(check(&supported, "from.tomorrow", 1, "from.tomorrow"), ERR_UNSUPPORTED);
}
END_TEST

START_TEST(a_node_can_be_made_older)
{
    struct metadata_supported supported;
    struct buf why = {0};
    static const char *const wrong[] = {
        "metadata.version",    "metadata.version=",  "x=1",
        "metadata.version=26", "metadata.version=6", "metadata.version=24,,"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        metadata_supported_init(&supported);
        ck_assert_int_eq(metadata_supported_lower(&supported, slice_str(wrong[i]), &why),
                         ERR_CONFIG);
    }
    metadata_supported_init(&supported);
    ck_assert_int_eq(metadata_supported_lower(&supported, slice_str(""), &why), ERR_NONE);
    ck_assert_int_eq(check(&supported, "metadata.version", 25, ""), ERR_NONE);
    ck_assert_int_eq(metadata_supported_lower(
                         &supported, slice_str("metadata.version=3.9-IV0,group.version=0"), &why),
                     ERR_NONE);
    const struct metadata_supported_feature *row =
        metadata_supported_find(&supported, slice_str("metadata.version"));
    ck_assert_int_eq(row->max, 21);
    ck_assert_int_eq(row->initial, 21);
    ck_assert_int_eq(check(&supported, "metadata.version", 22, "supports 7 to 21"),
                     ERR_UNSUPPORTED);
    ck_assert_int_eq(check(&supported, "group.version", 1, "group.version"), ERR_UNSUPPORTED);
    buf_fini(&why);
}
END_TEST

START_TEST(levels_have_names)
{
    int16_t level;
    ck_assert(metadata_level_parse(slice_str("25"), &level) && level == 25);
    ck_assert(metadata_level_parse(slice_str("4.0"), &level) && level == 25);
    ck_assert(metadata_level_parse(slice_str("4.0-IV1"), &level) && level == 23);
    ck_assert(metadata_level_parse(slice_str("3.7"), &level) && level == 19);
    static const char *const wrong[] = {"", "4", "4.0-IV9", "x", "99999999999", "-1"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_msg(!metadata_level_parse(slice_str(wrong[i]), &level) || level == 4, "%s",
                      wrong[i]);
    }
    for (int16_t i = 7; i <= 25; i++) {
        ck_assert(metadata_level_parse(slice_str(metadata_level_name(i)), &level));
        ck_assert_int_eq(level, i);
    }
    ck_assert_ptr_null(metadata_level_name(26));
}
END_TEST

START_TEST(records_say_what_they_need)
{
    struct uuid dir = {1, 2};
    struct metadata_dirs dirs = {&dir, 1};
    struct metadata_record r = {.type = METADATA_RECORD_TOPIC};
    ck_assert_int_eq(metadata_record_level(&r), 7);
    r = (struct metadata_record){.type = METADATA_RECORD_PARTITION};
    ck_assert_int_eq(metadata_record_level(&r), 7);
    r.partition.directories = dirs;
    ck_assert_int_eq(metadata_record_level(&r), 17);
    r.partition.elr = (struct metadata_ids){(int32_t[]){1}, 1};
    ck_assert_int_eq(metadata_record_level(&r), 23);
    r = (struct metadata_record){.type = METADATA_RECORD_PARTITION_CHANGE,
                                 .partition_change = {.has_directories = true}};
    ck_assert_int_eq(metadata_record_level(&r), 17);
    r = (struct metadata_record){.type = METADATA_RECORD_REGISTER_BROKER};
    ck_assert_int_eq(metadata_record_level(&r), 7);
    r.register_broker.log_dirs = dirs;
    ck_assert_int_eq(metadata_record_level(&r), 17);
    r = (struct metadata_record){.type = METADATA_RECORD_REGISTER_CONTROLLER};
    ck_assert_int_eq(metadata_record_level(&r), 15);
    r = (struct metadata_record){.type = METADATA_RECORD_ABORT_TRANSACTION};
    ck_assert_int_eq(metadata_record_level(&r), 13);
}
END_TEST

START_TEST(a_batch_beyond_the_level_is_not_applied)
{
    struct metadata_image *base = metadata_image_new(slice_str("c"));
    struct metadata_supported supported;
    struct metadata_image *next;
    struct buf why = {0};
    struct buf values[2] = {{0}};
    struct metadata_record topic = {.type = METADATA_RECORD_TOPIC,
                                    .topic = {.name = slice_str("t"), .topic_id = {1, 2}}};
    struct metadata_record level = {.type = METADATA_RECORD_FEATURE_LEVEL,
                                    .feature_level = {slice_str("metadata.version"), 25}};
    metadata_supported_init(&supported);
    ck_assert_int_eq(metadata_supported_lower(&supported, slice_str("metadata.version=24"), &why),
                     ERR_NONE);
    metadata_record_encode(&topic, &values[0]);
    metadata_record_encode(&level, &values[1]);
    struct slice slices[] = {buf_slice(&values[0]), buf_slice(&values[1])};
    struct metadata_batch batch = {
        .last_offset = 1, .epoch = 1, .values = slices, .count = 2, .supported = &supported};
    ck_assert_int_eq(metadata_replay_batch(base, &batch, &next, &why), ERR_UNSUPPORTED);
    ck_assert_ptr_null(next);
    ck_assert_uint_eq(metadata_topic_count(base), 0);
    batch.supported = NULL;
    ck_assert_int_eq(metadata_replay_batch(base, &batch, &next, &why), ERR_NONE);
    metadata_image_unref(next);
    metadata_image_unref(base);
    buf_fini(&values[0]);
    buf_fini(&values[1]);
    buf_fini(&why);
}
END_TEST

UNIT_MAIN("supported", what_is_not_supported_is_told, a_node_can_be_made_older, levels_have_names,
          records_say_what_they_need, a_batch_beyond_the_level_is_not_applied)
