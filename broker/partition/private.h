/* What the files of this folder share among themselves. */
#ifndef BROKER_PARTITION_PRIVATE_H
#define BROKER_PARTITION_PRIVATE_H

#include "broker/partition/partition.h"

bool partition_ids_contain(const int32_t *ids, int count, int32_t id);

/* The follower `id`, or NULL. */
struct partition_remote *partition_remote_find(struct partition *p, int32_t id);

/* Moves the leader's high watermark as far as the rules allow. `may_join` NULL: nobody outside the
 * maximal ISR holds it back. */
void partition_maybe_advance(struct partition *p, int64_t now_ms,
                             const struct partition_eligibility *may_join,
                             struct partition_effects *effects);

/* Whether `remote` has everything the leader has, or had it within the lag time. */
bool partition_caught_up(const struct partition *p, const struct partition_remote *remote,
                         int64_t now_ms);

/* Whether `remote`, not a member, may be proposed for the ISR. */
bool partition_can_join(const struct partition *p, const struct partition_remote *remote,
                        const struct partition_eligibility *may_join);

#endif
