/* Features in ApiVersions; see describe_features.h. */
#include "metadata/describe_features.h"

#include "wire/wire.h"

/* Clients of versions before 4 cannot read a lowest level of 0 (KAFKA-17011). */
enum { VERSION_WITH_LEVEL_0 = 4 };

static void add_supported(const struct metadata_features_view *view, int16_t version,
                          struct arena *arena, struct wire_api_versions_response *out)
{
    int16_t least = version >= VERSION_WITH_LEVEL_0 ? 0 : 1;
    int32_t count = (int32_t)view->supported->count;
    out->supported_features =
        wire_new_array(&wire_msg_api_versions_response_supported_features, arena, count);
    for (int32_t i = 0; i < count; i++) {
        const struct metadata_supported_feature *row = &view->supported->rows[i];
        if (row->max < least) {
            continue; /* not in use, and cannot be */
        }
        out->supported_features[out->supported_features_count++] =
            (struct wire_api_versions_response_supported_features){
                slice_str(row->name), row->min < least ? least : row->min, row->max};
    }
}

static void add_level(struct wire_api_versions_response *out, struct slice name, int16_t level)
{
    out->finalized_features[out->finalized_features_count++] =
        (struct wire_api_versions_response_finalized_features){name, level, level};
}

static void add_finalized(const struct metadata_features_view *view, struct arena *arena,
                          struct wire_api_versions_response *out)
{
    int32_t count = 0;
    struct metadata_iter it = metadata_features(view->image);
    while (metadata_feature_next(&it) != NULL) {
        count++;
    }
    out->finalized_features =
        wire_new_array(&wire_msg_api_versions_response_finalized_features, arena, count + 1);
    out->finalized_features_count = 0;
    if (view->kraft_version > 0) {
        add_level(out, slice_str(METADATA_KRAFT_FEATURE), view->kraft_version);
    }
    it = metadata_features(view->image);
    const struct metadata_feature *feature;
    while ((feature = metadata_feature_next(&it)) != NULL) {
        add_level(out, feature->name, feature->level);
    }
    out->finalized_features_epoch = metadata_image_offset(view->image);
}

void metadata_describe_features(const struct metadata_features_view *view, int16_t version,
                                struct arena *arena, struct wire_api_versions_response *out)
{
    out->supported_features_count = 0;
    add_supported(view, version, arena, out);
    add_finalized(view, arena, out);
}
