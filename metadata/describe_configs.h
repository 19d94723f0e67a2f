/* DescribeConfigs, answered from an image and a node's own settings (KIP-133, KIP-226, KIP-524).
 *
 * Brokers and controllers answer alike, so it lives here. Topics, groups, and the node asked. */
#ifndef METADATA_DESCRIBE_CONFIGS_H
#define METADATA_DESCRIBE_CONFIGS_H

#include "metadata/settings.h"
#include "wire/wire.h"

/* Fills `out` in the form of `version`; everything comes from `arena` or borrows from the request.
 * Errors go into the results: UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST (a broker that is not the
 * one asked). */
void metadata_describe_configs(const struct settings_view *view,
                               const struct wire_describe_configs_request *request, int16_t version,
                               struct arena *arena, struct wire_describe_configs_response *out);

#endif
