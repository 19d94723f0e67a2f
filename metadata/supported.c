/* The table of supported feature levels. */
#include "metadata/supported.h"

#include "metadata/image.h"
#include "metadata/levels.h"
#include "metadata/settings.h"

/* metadata.version 7 is 3.3-IV3, the first for production; 25 is 4.0-IV3. group.version 1 is the
 * protocol of KIP-848. A quorum begins at the kraft.version that it was formatted with. */
static const struct metadata_supported_feature all[] = {
    {METADATA_VERSION_FEATURE, METADATA_LEVEL_3_3_IV3, METADATA_LEVEL_4_0_IV3,
     METADATA_LEVEL_4_0_IV3},
    {METADATA_GROUP_FEATURE, 0, 1, 1},
    {METADATA_KRAFT_FEATURE, 0, METADATA_KRAFT_VERSION_MAX, 0},
};

_Static_assert(ARRAY_LEN(all) <= METADATA_SUPPORTED_MAX, "there is room");

void metadata_supported_init(struct metadata_supported *out)
{
    *out = (struct metadata_supported){.count = ARRAY_LEN(all)};
    memcpy(out->rows, all, sizeof all);
}

static struct metadata_supported_feature *find(struct metadata_supported *supported,
                                               struct slice name)
{
    for (size_t i = 0; i < supported->count; i++) {
        if (slice_eq_str(name, supported->rows[i].name)) {
            return &supported->rows[i];
        }
    }
    return NULL;
}

const struct metadata_supported_feature *
metadata_supported_find(const struct metadata_supported *supported, struct slice name)
{
    return find((struct metadata_supported *)supported, name);
}

static enum err lower_one(struct metadata_supported *supported, struct slice item, struct buf *why)
{
    const uint8_t *equals = item.len == 0 ? NULL : memchr(item.data, '=', item.len);
    size_t name_len = equals == NULL ? item.len : (size_t)(equals - item.data);
    struct metadata_supported_feature *row = find(supported, slice_of(item.data, name_len));
    int16_t level;
    bool of_quorum = row != NULL && strcmp(row->name, METADATA_KRAFT_FEATURE) == 0;
    if (equals == NULL || row == NULL || of_quorum ||
        !metadata_level_parse(slice_of(equals + 1, item.len - name_len - 1), &level) ||
        level < row->min || level > row->max) {
        buf_printf(why, "\"%.*s\" is no FEATURE=LEVEL that this release supports", SLICE_ARG(item));
        return ERR_CONFIG;
    }
    row->max = level;
    row->initial = row->initial > level ? level : row->initial;
    return ERR_NONE;
}

enum err metadata_supported_lower(struct metadata_supported *supported, struct slice list,
                                  struct buf *why)
{
    while (list.len > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.len);
        size_t len = comma == NULL ? list.len : (size_t)(comma - list.data);
        TRY(lower_one(supported, slice_of(list.data, len), why));
        size_t used = comma == NULL ? len : len + 1;
        list = slice_of(list.data + used, list.len - used);
    }
    return ERR_NONE;
}

enum err metadata_supported_read(struct metadata_supported *out, const struct settings *settings,
                                 struct buf *why)
{
    metadata_supported_init(out);
    enum err e =
        metadata_supported_lower(out, slice_str(settings_str(settings, "craft.features.max")), why);
    if (e != ERR_NONE) {
        buf_put_str(why, " (craft.features.max)");
    }
    return e;
}

enum err metadata_supported_check(const struct metadata_supported *supported,
                                  const struct metadata_image *image, struct buf *why)
{
    struct metadata_iter it = metadata_features(image);
    const struct metadata_feature *feature;
    while ((feature = metadata_feature_next(&it)) != NULL) {
        const struct metadata_supported_feature *row =
            metadata_supported_find(supported, feature->name);
        if (row == NULL || feature->level < row->min || feature->level > row->max) {
            buf_printf(why,
                       "the cluster has finalized level %d of the feature %.*s, but this release "
                       "supports %d to %d; start a newer release of this node",
                       feature->level, SLICE_ARG(feature->name), row == NULL ? 0 : row->min,
                       row == NULL ? 0 : row->max);
            return ERR_UNSUPPORTED;
        }
    }
    return ERR_NONE;
}
