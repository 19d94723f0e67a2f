/* Watches topics for partitions that are added to them. */
#ifndef CLI_GROWTH_H
#define CLI_GROWTH_H

#include "cli/cluster.h"

struct growth;

/* Asks every `every_ms`. */
struct growth *growth_new(struct cluster *cluster, int64_t every_ms);

/* NULL is allowed. */
void growth_free(struct growth *growth);

/* Watches a topic, which has so many partitions now. The name must stay. */
void growth_add(struct growth *growth, struct slice topic, int32_t partition_count);

struct growth_partition {
    struct slice topic;
    int32_t partition;
};

/* Asks if it is time to; not to be called by a callback of the loop. True: here is a partition that
 * is new, and the cluster's metadata have its topic; call again, there may be more. */
bool growth_step(struct growth *growth, struct growth_partition *out);

#endif
