/* Replicas of new partitions; see assignment.h. */
#include "controller/decide/assignment.h"

#include "controller/decide/elect.h"

enum err decide_assignment_check(const struct decide_input *in, struct metadata_ids replicas,
                                 int64_t replication_factor, struct slice *why)
{
    if (replicas.count == 0) {
        *why = decide_text(in->arena, "The manual partition assignment includes an empty replica "
                                      "list.");
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    if (replicas.count > METADATA_REPLICAS_MAX) {
        *why = decide_text(in->arena,
                           "The manual partition assignment has %zu replicas, the most "
                           "allowed is %d.",
                           replicas.count, METADATA_REPLICAS_MAX);
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    for (size_t i = 0; i < replicas.count; i++) {
        int32_t id = replicas.items[i];
        if (metadata_broker(in->image, id) == NULL) {
            *why = decide_text(in->arena,
                               "The manual partition assignment includes broker %d, but no such "
                               "broker is registered.",
                               id);
            return ERR_INVALID_REPLICA_ASSIGNMENT;
        }
        if (metadata_ids_contain((struct metadata_ids){replicas.items, i}, id)) {
            *why = decide_text(in->arena,
                               "The manual partition assignment includes the broker %d more than "
                               "once.",
                               id);
            return ERR_INVALID_REPLICA_ASSIGNMENT;
        }
    }
    if (replication_factor >= 0 && replicas.count != (size_t)replication_factor) {
        *why = decide_text(in->arena,
                           "The manual partition assignment includes a partition with %zu "
                           "replica(s), but this is not consistent with previous partitions, "
                           "which have %d replica(s).",
                           replicas.count, (int)replication_factor);
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    return ERR_NONE;
}

enum err decide_add_partition(const struct decide_input *in,
                              const struct decide_new_partition *wanted, struct decision *out,
                              struct slice *why)
{
    struct metadata_ids replicas = wanted->replicas;
    if (replicas.count > METADATA_REPLICAS_MAX) {
        *why = decide_text(in->arena, "A partition has at most %d replicas, %zu were asked for.",
                           METADATA_REPLICAS_MAX, replicas.count);
        return ERR_INVALID_REPLICATION_FACTOR;
    }
    int32_t *isr = ARENA_ARRAY(in->arena, replicas.count, int32_t);
    struct uuid *dirs = ARENA_ARRAY(in->arena, replicas.count, struct uuid);
    size_t isr_count = 0;
    bool has_dirs = decide_level(in->image) >= METADATA_LEVEL_3_7_IV2;
    for (size_t i = 0; i < replicas.count; i++) {
        const struct metadata_broker *broker = metadata_broker(in->image, replicas.items[i]);
        if (broker != NULL && metadata_broker_is_active(broker)) {
            isr[isr_count++] = replicas.items[i];
        }
        dirs[i] = decide_new_directory(in->image, replicas.items[i]);
    }
    if (isr_count == 0) {
        *why = decide_text(in->arena,
                           "All brokers specified in the manual partition assignment for partition "
                           "%d are fenced or in controlled shutdown.",
                           wanted->index);
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    struct metadata_record *record = decision_add(out, METADATA_RECORD_PARTITION);
    record->partition = (struct metadata_partition_record){
        .partition_id = wanted->index,
        .topic_id = wanted->topic_id,
        .replicas = replicas,
        .isr = {isr, isr_count},
        .leader = isr[0],
        .leader_recovery = METADATA_RECOVERED,
        .directories = {dirs, has_dirs ? replicas.count : 0},
    };
    return ERR_NONE;
}
