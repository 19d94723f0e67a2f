/* Levels of a new cluster; see first_levels.h. */
#include "metadata/first_levels.h"

#include "metadata/levels.h"

#define REFUSE(why, ...) (buf_printf(why, __VA_ARGS__), ERR_CONFIG)

/* group.version 1 is for production since then. */
enum { LEVEL_WITH_GROUPS = METADATA_LEVEL_4_0_IV0 };

void metadata_first_levels_init(struct metadata_first_levels *out,
                                const struct metadata_supported *supported)
{
    *out = (struct metadata_first_levels){.supported = *supported, .kraft_version = -1};
}

static struct metadata_supported_feature *row_of(struct metadata_first_levels *levels,
                                                 struct slice name)
{
    for (size_t i = 0; i < levels->supported.count; i++) {
        if (slice_eq_str(name, levels->supported.rows[i].name)) {
            return &levels->supported.rows[i];
        }
    }
    return NULL;
}

static void say_range(const struct metadata_supported_feature *row, struct buf *why)
{
    const char *first = metadata_level_name(row->min);
    const char *last = metadata_level_name(row->max);
    if (strcmp(row->name, METADATA_VERSION_FEATURE) == 0 && first != NULL && last != NULL) {
        buf_printf(why, "%d (%s) to %d (%s)", row->min, first, row->max, last);
    } else {
        buf_printf(why, "%d to %d", row->min, row->max);
    }
}

enum err metadata_first_levels_release(struct metadata_first_levels *levels, struct slice release,
                                       struct buf *why)
{
    struct metadata_supported_feature *version =
        row_of(levels, slice_str(METADATA_VERSION_FEATURE));
    struct metadata_supported_feature *group = row_of(levels, slice_str(METADATA_GROUP_FEATURE));
    int16_t level;
    bool is_number = release.len > 0 && memchr(release.data, '.', release.len) == NULL;
    if (is_number || !metadata_level_parse(release, &level) || level < version->min ||
        level > version->max) {
        buf_printf(why, "--release-version \"%.*s\" is not supported: metadata.version can be ",
                   SLICE_ARG(release));
        say_range(version, why);
        return ERR_CONFIG;
    }
    version->initial = level;
    levels->said[version - levels->supported.rows] = true;
    group->initial = level >= LEVEL_WITH_GROUPS && group->max >= 1 ? 1 : 0;
    levels->chosen = true;
    return ERR_NONE;
}

static enum err refuse_unknown(const struct metadata_first_levels *levels, struct slice name,
                               struct buf *why)
{
    buf_printf(why, "--feature: this release does not have the feature %.*s; it has",
               SLICE_ARG(name));
    for (size_t i = 0; i < levels->supported.count; i++) {
        buf_printf(why, "%s %s", i == 0 ? "" : ",", levels->supported.rows[i].name);
    }
    return ERR_CONFIG;
}

enum err metadata_first_levels_feature(struct metadata_first_levels *levels, struct slice text,
                                       struct buf *why)
{
    const uint8_t *equals = text.len == 0 ? NULL : memchr(text.data, '=', text.len);
    size_t name_len = equals == NULL ? 0 : (size_t)(equals - text.data);
    int16_t level;
    if (name_len == 0 ||
        !metadata_level_parse(slice_of(equals + 1, text.len - name_len - 1), &level)) {
        return REFUSE(why, "--feature \"%.*s\" is no FEATURE=LEVEL like group.version=1",
                      SLICE_ARG(text));
    }
    struct slice name = slice_of(text.data, name_len);
    struct metadata_supported_feature *row = row_of(levels, name);
    if (row == NULL) {
        return level == 0 ? ERR_NONE : refuse_unknown(levels, name, why);
    }
    bool *said = &levels->said[row - levels->supported.rows];
    if (*said) {
        return REFUSE(why,
                      "%.*s is named more than once; --release-version names metadata.version, too",
                      SLICE_ARG(name));
    }
    if (level < row->min || level > row->max) {
        buf_printf(why, "--feature \"%.*s\" is not supported: %s can be ", SLICE_ARG(text),
                   row->name);
        say_range(row, why);
        return ERR_CONFIG;
    }
    *said = true;
    if (strcmp(row->name, METADATA_KRAFT_FEATURE) == 0) {
        levels->kraft_version = level;
        return ERR_NONE;
    }
    row->initial = level;
    levels->chosen = true;
    return ERR_NONE;
}

int16_t metadata_first_levels_version(const struct metadata_first_levels *levels)
{
    return metadata_supported_find(&levels->supported, slice_str(METADATA_VERSION_FEATURE))
        ->initial;
}

size_t metadata_first_levels_records(const struct metadata_first_levels *levels,
                                     struct metadata_record out[METADATA_SUPPORTED_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < levels->supported.count && levels->chosen; i++) {
        const struct metadata_supported_feature *row = &levels->supported.rows[i];
        if (row->initial > 0) {
            out[count++] =
                (struct metadata_record){.type = METADATA_RECORD_FEATURE_LEVEL,
                                         .feature_level = {slice_str(row->name), row->initial}};
        }
    }
    return count;
}
