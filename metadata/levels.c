/* Levels of metadata.version; see levels.h. */
#include "metadata/levels.h"

#include "metadata/record.h"

static const struct {
    int16_t level;
    const char *name;
} levels[] = {
    {7, "3.3-IV3"},  {8, "3.4-IV0"},  {9, "3.5-IV0"},  {10, "3.5-IV1"}, {11, "3.5-IV2"},
    {12, "3.6-IV0"}, {13, "3.6-IV1"}, {14, "3.6-IV2"}, {15, "3.7-IV0"}, {16, "3.7-IV1"},
    {17, "3.7-IV2"}, {18, "3.7-IV3"}, {19, "3.7-IV4"}, {20, "3.8-IV0"}, {21, "3.9-IV0"},
    {22, "4.0-IV0"}, {23, "4.0-IV1"}, {24, "4.0-IV2"}, {25, "4.0-IV3"},
};

const char *metadata_level_name(int16_t level)
{
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (levels[i].level == level) {
            return levels[i].name;
        }
    }
    return NULL;
}

/* "4.0" is meant for the last of "4.0-IV0", "4.0-IV1", … */
static bool is_release_of(struct slice text, const char *name)
{
    size_t len = strcspn(name, "-");
    return text.len == len && memcmp(text.data, name, len) == 0;
}

static bool parse_number(struct slice text, int16_t *out)
{
    int value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || value > INT16_MAX / 10 - 1) {
            return false;
        }
        value = value * 10 + (text.data[i] - '0');
    }
    *out = (int16_t)value;
    return text.len > 0;
}

bool metadata_level_parse(struct slice text, int16_t *out)
{
    if (parse_number(text, out)) {
        return true;
    }
    for (size_t i = ARRAY_LEN(levels); i-- > 0;) {
        if (slice_eq_str(text, levels[i].name) || is_release_of(text, levels[i].name)) {
            *out = levels[i].level;
            return true;
        }
    }
    return false;
}

static int16_t level_if(bool condition, int16_t level)
{
    return condition ? level : METADATA_LEVEL_3_3_IV3;
}

static int16_t larger(int16_t a, int16_t b)
{
    return a > b ? a : b;
}

int16_t metadata_record_level(const struct metadata_record *r)
{
    switch (r->type) {
    case METADATA_RECORD_REGISTER_BROKER:
        return larger(level_if(r->register_broker.is_migrating_zk_broker, METADATA_LEVEL_3_4_IV0),
                      level_if(r->register_broker.log_dirs.count > 0, METADATA_LEVEL_3_7_IV2));
    case METADATA_RECORD_BROKER_REGISTRATION_CHANGE:
        return level_if(r->broker_registration_change.has_log_dirs, METADATA_LEVEL_3_7_IV2);
    case METADATA_RECORD_PARTITION:
        return larger(level_if(r->partition.directories.count > 0, METADATA_LEVEL_3_7_IV2),
                      level_if(r->partition.elr.count + r->partition.last_known_elr.count > 0,
                               METADATA_LEVEL_4_0_IV1));
    case METADATA_RECORD_PARTITION_CHANGE:
        return larger(
            level_if(r->partition_change.has_directories, METADATA_LEVEL_3_7_IV2),
            level_if(r->partition_change.has_elr || r->partition_change.has_last_known_elr,
                     METADATA_LEVEL_4_0_IV1));
    case METADATA_RECORD_BEGIN_TRANSACTION:
    case METADATA_RECORD_END_TRANSACTION:
    case METADATA_RECORD_ABORT_TRANSACTION:
        return METADATA_LEVEL_3_6_IV1;
    case METADATA_RECORD_REGISTER_CONTROLLER:
        return METADATA_LEVEL_3_7_IV0;
    case METADATA_RECORD_UNREGISTER_BROKER:
    case METADATA_RECORD_TOPIC:
    case METADATA_RECORD_REMOVE_TOPIC:
    case METADATA_RECORD_CONFIG:
    case METADATA_RECORD_FEATURE_LEVEL:
    case METADATA_RECORD_PRODUCER_IDS:
    case METADATA_RECORD_NO_OP:
        return METADATA_LEVEL_3_3_IV3;
    }
    UNREACHABLE();
}
