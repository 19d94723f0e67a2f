/* Feature levels (KIP-584): what this release supports, and what the cluster has finalized. */
#ifndef CONTROLLER_DECIDE_FEATURES_H
#define CONTROLLER_DECIDE_FEATURES_H

#include "controller/decide/decision.h"
#include "wire/messages.h"

/* One row per feature that this release knows. Level 0 of a feature: not in use. */
struct decide_feature {
    const char *name;
    int16_t min;
    int16_t max;
    int16_t initial; /* level of a new cluster */
};

/* The table: `for (size_t i = 0; (feature = decide_feature_row(i)) != NULL; i++)`. */
const struct decide_feature *decide_feature_row(size_t i);

/* Is every finalized level inside the given ranges? A feature that is not among them counts as
 * 0..0. Errors: ERR_UNSUPPORTED_VERSION. */
enum err MUST_USE decide_features_check(const struct decide_input *in,
                                        struct metadata_feature_ranges ranges, struct slice *why);

/* The first records of an empty log: the feature levels of a new cluster. */
void decide_bootstrap(struct decision *out);

/* UpdateFeatures. Versions 0 and 1 answer each feature by itself, version 2 takes all or none.
 * Errors: INVALID_REQUEST, INVALID_UPDATE_VERSION. */
void decide_update_features(const struct decide_input *in,
                            const struct wire_update_features_request *request,
                            struct decision *out);

#endif
