/* The features in an ApiVersions response (KIP-584): what this node supports, what the cluster has
 * finalized, and since which epoch (the offset of the image). Brokers and controllers answer alike.
 */
#ifndef METADATA_DESCRIBE_FEATURES_H
#define METADATA_DESCRIBE_FEATURES_H

#include "base/arena.h"
#include "metadata/image.h"
#include "metadata/supported.h"
#include "wire/messages.h"

struct metadata_features_view {
    const struct metadata_supported *supported;
    const struct metadata_image *image;
    int16_t kraft_version; /* finalized by the quorum; 0: not in use */
};

/* `version` is that of the request. Arrays come from the arena, names are borrowed. */
void metadata_describe_features(const struct metadata_features_view *view, int16_t version,
                                struct arena *arena, struct wire_api_versions_response *out);

#endif
