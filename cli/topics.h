/* Topics of a cluster, created, changed, and in their order. */
#ifndef CLI_TOPICS_H
#define CLI_TOPICS_H

#include "cli/admin.h"
#include "cli/cluster.h"

/* Asks for one topic; `*out` is its answer (NULL when the call itself failed) and has the error,
 * too. Errors: of admin_call(), or the answer's. */
enum err topics_create(struct client *client, struct wire_create_topics_request *request,
                       const struct wire_create_topics_response_topics **out) MUST_USE;

/* Errors: as above; result->error is the same when the cluster answered. */
enum err topics_delete(struct client *client, struct slice name,
                       struct admin_result *result) MUST_USE;

/* More partitions for one topic. */
enum err topics_grow(struct client *client, struct wire_create_partitions_request_topics *topic,
                     struct admin_result *result) MUST_USE;

/* "1:2:3,2:3:1": the brokers of each partition. `*count` partitions, each a list of brokers.
 * Errors: INVALID_REQUEST with a sentence in `why`. */
enum err topics_read_assignment(struct slice text, struct arena *arena,
                                struct wire_create_topics_request_topics_assignments **out,
                                int32_t *count, struct buf *why) MUST_USE;

/* Is it one of Kafka's own? */
bool topics_is_internal(struct slice name);

/* Those of the metadata, by name, NULL at the end; topics without a name are left out. */
const struct wire_metadata_response_topics **topics_sorted(const struct cluster *cluster,
                                                           struct arena *arena);

/* By number, NULL at the end. */
const struct wire_metadata_response_topics_partitions **
topics_partitions(const struct wire_metadata_response_topics *topic, struct arena *arena);

#endif
