/* Feature levels (KIP-584) that the cluster has finalized; what a release supports is in
 * metadata/supported.h. */
#ifndef CONTROLLER_DECIDE_FEATURES_H
#define CONTROLLER_DECIDE_FEATURES_H

#include "controller/decide/decision.h"
#include "wire/messages.h"

/* Is every finalized level inside the given ranges? A feature that is not among them counts as
 * 0..0. Errors: ERR_UNSUPPORTED_VERSION. */
enum err MUST_USE decide_features_check(const struct decide_input *in,
                                        struct metadata_feature_ranges ranges, struct slice *why);

/* The first records of an empty log: the feature levels of a new cluster. */
void decide_bootstrap(const struct decide_input *in, struct decision *out);

/* What the quorum says of kraft.version, the level that is its own. */
struct decide_quorum {
    int16_t kraft_version;
    struct slice refusal; /* why it cannot be raised now; null: it can be */
};

/* UpdateFeatures. Versions 0 and 1 answer each feature by itself, version 2 takes all or none.
 * Errors: INVALID_REQUEST, INVALID_UPDATE_VERSION. */
void decide_update_features(const struct decide_input *in, const struct decide_quorum *quorum,
                            const struct wire_update_features_request *request,
                            struct decision *out);

#endif
