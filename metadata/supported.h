/* Feature levels (KIP-584): what this release supports, and whether a cluster is within it.
 *
 * An upgrade has two steps. First every node gets the new release, one after the other; the cluster
 * stays at its finalized levels, so that old and new nodes understand all that is written. Then the
 * levels are raised (UpdateFeatures, `craft feature upgrade`); from then on old nodes are refused,
 * and one that follows the log nevertheless stops at the record that raises a level beyond what it
 * supports, before anything behind that record has an effect.
 *
 * Level 0 of a feature: not in use. */
#ifndef METADATA_SUPPORTED_H
#define METADATA_SUPPORTED_H

#include "base/buf.h"
#include "base/err.h"

struct metadata_image;
struct settings;

#define METADATA_VERSION_FEATURE "metadata.version"
#define METADATA_GROUP_FEATURE "group.version"
/* A feature of the quorum: its level is no record of the metadata, but whether the voters are
 * records of the log (KIP-853). */
#define METADATA_KRAFT_FEATURE "kraft.version"

enum { METADATA_KRAFT_VERSION_MAX = 1 };

struct metadata_supported_feature {
    const char *name;
    int16_t min;
    int16_t max;
    int16_t initial; /* level of a new cluster */
};

enum { METADATA_SUPPORTED_MAX = 4 };

/* What one node supports. */
struct metadata_supported {
    struct metadata_supported_feature rows[METADATA_SUPPORTED_MAX];
    size_t count;
};

/* All that this release supports. */
void metadata_supported_init(struct metadata_supported *out);

/* The same, lowered as the setting craft.features.max says. Errors: ERR_CONFIG. */
enum err MUST_USE metadata_supported_read(struct metadata_supported *out,
                                          const struct settings *settings, struct buf *why);

/* Lowers highest levels, as if the release were older: "metadata.version=24,group.version=0". For
 * tests of upgrades. Errors: ERR_CONFIG, with a sentence in `why`. */
enum err MUST_USE metadata_supported_lower(struct metadata_supported *supported, struct slice list,
                                           struct buf *why);

/* NULL: a feature that this release does not know. */
const struct metadata_supported_feature *
metadata_supported_find(const struct metadata_supported *supported, struct slice name);

/* Is every finalized level of the image supported? Errors: ERR_UNSUPPORTED, with a sentence in
 * `why` that says what to do. */
enum err MUST_USE metadata_supported_check(const struct metadata_supported *supported,
                                           const struct metadata_image *image, struct buf *why);

#endif
