/* The levels that a new cluster begins with. */
#include "tests/unit/unit.h"

#include "metadata/metadata.h"

static void init(struct metadata_first_levels *levels)
{
    struct metadata_supported supported;
    metadata_supported_init(&supported);
    metadata_first_levels_init(levels, &supported);
}

/* The level that is written of the feature; 0: none. */
static int16_t written(const struct metadata_first_levels *levels, const char *feature)
{
    struct metadata_record records[METADATA_SUPPORTED_MAX];
    size_t count = metadata_first_levels_records(levels, records);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(records[i].type, METADATA_RECORD_FEATURE_LEVEL);
        if (slice_eq_str(records[i].feature_level.name, feature)) {
            return records[i].feature_level.level;
        }
    }
    return 0;
}

START_TEST(nothing_said_is_nothing_written)
{
    struct metadata_first_levels levels;
    struct metadata_record records[METADATA_SUPPORTED_MAX];
    struct buf why = {0};
    init(&levels);
    ck_assert_uint_eq(metadata_first_levels_records(&levels, records), 0);
    ck_assert_int_eq(metadata_first_levels_version(&levels), 25);
    /* Neither of them is a record. */
    ck_assert_int_eq(metadata_first_levels_feature(&levels, slice_str("kraft.version=1"), &why),
                     ERR_NONE);
    ck_assert_int_eq(
        metadata_first_levels_feature(&levels, slice_str("transaction.version=0"), &why), ERR_NONE);
    ck_assert_uint_eq(metadata_first_levels_records(&levels, records), 0);
    ck_assert_int_eq(levels.kraft_version, 1);
    ck_assert_uint_eq(why.len, 0);
}
END_TEST

START_TEST(releases_have_their_levels)
{
    static const struct {
        const char *release;
        int16_t version;
        int16_t group;
    } cases[] = {{"3.3", 7, 0},      {"3.9", 21, 0},     {"3.9-IV0", 21, 0},
                 {"4.0-IV0", 22, 1}, {"4.0-IV3", 25, 1}, {"4.0", 25, 1}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct metadata_first_levels levels;
        struct buf why = {0};
        init(&levels);
        ck_assert_int_eq(metadata_first_levels_release(&levels, slice_str(cases[i].release), &why),
                         ERR_NONE);
        ck_assert_int_eq(written(&levels, "metadata.version"), cases[i].version);
        ck_assert_int_eq(written(&levels, "group.version"), cases[i].group);
        ck_assert_int_eq(written(&levels, "kraft.version"), 0);
        ck_assert_int_eq(levels.kraft_version, -1);
    }
}
END_TEST

START_TEST(features_are_set_one_by_one)
{
    struct metadata_first_levels levels;
    struct buf why = {0};
    init(&levels);
    ck_assert_int_eq(metadata_first_levels_feature(&levels, slice_str("group.version=0"), &why),
                     ERR_NONE);
    ck_assert_int_eq(written(&levels, "metadata.version"), 25);
    ck_assert_int_eq(written(&levels, "group.version"), 0);
    ck_assert_int_eq(
        metadata_first_levels_feature(&levels, slice_str("metadata.version=3.9-IV0"), &why),
        ERR_NONE);
    ck_assert_int_eq(written(&levels, "metadata.version"), 21);
    init(&levels);
    ck_assert_int_eq(metadata_first_levels_release(&levels, slice_str("3.9"), &why), ERR_NONE);
    ck_assert_int_eq(metadata_first_levels_feature(&levels, slice_str("group.version=1"), &why),
                     ERR_NONE);
    ck_assert_int_eq(written(&levels, "group.version"), 1);
}
END_TEST

static void refused(const char *release, const char *feature, const char *said)
{
    struct metadata_first_levels levels;
    struct buf why = {0};
    init(&levels);
    enum err e = release == NULL ? ERR_NONE
                                 : metadata_first_levels_release(&levels, slice_str(release), &why);
    if (e == ERR_NONE) {
        e = metadata_first_levels_feature(&levels, slice_str(feature), &why);
    }
    ck_assert_int_eq(e, ERR_CONFIG);
    unit_says(&why, said);
    buf_fini(&why);
}

START_TEST(what_is_not_here_is_refused)
{
    refused("4.1-IV1", NULL,
            "\"4.1-IV1\" is not supported: metadata.version can be 7 (3.3-IV3) to 25");
    refused("25", NULL, "is not supported");
    refused("", NULL, "is not supported");
    refused("3.2", NULL, "is not supported");
    refused(
        NULL, "transaction.version=2",
        "does not have the feature transaction.version; it has metadata.version, group.version");
    refused(NULL, "group.version=2", "group.version can be 0 to 1");
    refused(NULL, "metadata.version=6", "can be 7 (3.3-IV3) to 25 (4.0-IV3)");
    refused(NULL, "kraft.version=2", "kraft.version can be 0 to 1");
    refused("4.0", "metadata.version=25", "named more than once");
    refused(NULL, "group.version", "no FEATURE=LEVEL");
    refused(NULL, "=1", "no FEATURE=LEVEL");
    refused(NULL, "group.version=", "no FEATURE=LEVEL");
    refused(NULL, "", "no FEATURE=LEVEL");
}
END_TEST

UNIT_MAIN("first levels", nothing_said_is_nothing_written, releases_have_their_levels,
          features_are_set_one_by_one, what_is_not_here_is_refused)
