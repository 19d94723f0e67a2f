/* The feature levels that a new cluster begins with, as whoever formats it wants them
 * (--release-version, --feature; KIP-584, KIP-1022). */
#ifndef METADATA_FIRST_LEVELS_H
#define METADATA_FIRST_LEVELS_H

#include "metadata/record.h"
#include "metadata/supported.h"

struct metadata_first_levels {
    struct metadata_supported supported; /* what may be chosen; `initial` is what is */
    bool said[METADATA_SUPPORTED_MAX];   /* rows that somebody has named */
    bool chosen;           /* false: nothing was said, the first active controller decides */
    int16_t kraft_version; /* −1: not said; no record, but how the quorum is formatted */
};

/* The highest levels that are for production. */
void metadata_first_levels_init(struct metadata_first_levels *out,
                                const struct metadata_supported *supported);

/* Those of a release of Kafka, "3.9" or "3.9-IV0", as far as the features are here. Before any
 * feature is named. Errors: ERR_CONFIG with a sentence in `why`. */
enum err metadata_first_levels_release(struct metadata_first_levels *levels, struct slice release,
                                       struct buf *why) MUST_USE;

/* "group.version=0". Errors: ERR_CONFIG (not in this form, not supported, named before) with a
 * sentence in `why`. */
enum err metadata_first_levels_feature(struct metadata_first_levels *levels, struct slice text,
                                       struct buf *why) MUST_USE;

/* The level of metadata.version. */
int16_t metadata_first_levels_version(const struct metadata_first_levels *levels);

/* Their records, metadata.version first; returns how many. Names are borrowed. */
size_t metadata_first_levels_records(const struct metadata_first_levels *levels,
                                     struct metadata_record out[METADATA_SUPPORTED_MAX]);

#endif
