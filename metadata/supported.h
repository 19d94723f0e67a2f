/* Feature levels (KIP-584) that this release supports; what a node registers and ApiVersions tells.
 * Level 0 of a feature: not in use. */
#ifndef METADATA_SUPPORTED_H
#define METADATA_SUPPORTED_H

#include "base/base.h"

struct metadata_supported_feature {
    const char *name;
    int16_t min;
    int16_t max;
    int16_t initial; /* level of a new cluster */
};

/* `for (size_t i = 0; (row = metadata_supported_feature(i)) != NULL; i++)`. */
const struct metadata_supported_feature *metadata_supported_feature(size_t i);

#endif
