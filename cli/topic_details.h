/* All that a cluster tells of topics: DescribeTopicPartitions (KIP-966), or Metadata where a broker
 * does not have that. */
#ifndef CLI_TOPIC_DETAILS_H
#define CLI_TOPIC_DETAILS_H

#include "base/uuid.h"
#include "cli/cluster.h"

struct partition_detail {
    int32_t index;
    int32_t leader; /* −1: none */
    int32_t leader_epoch;
    struct broker_ids replicas;
    struct broker_ids isr;
    struct broker_ids elr; /* may lead though they are not in sync */
    struct broker_ids last_known_elr;
    struct broker_ids offline;
};

struct topic_detail {
    struct slice name;
    struct uuid id;
    bool is_internal;
    enum err error;
    struct partition_detail *partitions; /* by number */
    int32_t partition_count;
};

/* Fills `out[i]` for `names[i]`, the names being different. Arrays live as long as client and
 * arena. Errors: of client_call(). */
enum err topic_details(struct client *client, const struct slice *names, int32_t count,
                       struct arena *arena, struct topic_detail *out) MUST_USE;

#endif
