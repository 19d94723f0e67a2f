/* What clients wrote, what they were told, and what was read: the history of a run.
 *
 * Every record has a value of its own, a number. It is sent to one partition; then it is
 * acknowledged (at an offset), refused (it must not be there) or neither (nobody knows). Readers
 * say which value they saw at which offset. What must not be ends the run at once: a value at two
 * offsets, an offset with two values, a value that nobody sent there or that was refused; at the
 * end: an acknowledged value that is not there. (Jepsen's names: inconsistent-offsets, duplicate,
 * lost-write, G1a.)
 *
 * Private to sim/cluster/. */
#ifndef SIM_CLUSTER_LEDGER_H
#define SIM_CLUSTER_LEDGER_H

#include "sim/cluster/world.h"

struct sim_ledger *sim_ledger_new(struct sim_world *world);
void sim_ledger_free(struct sim_ledger *ledger);

/* The number of a partition of the topic with that id; `topic` is its name, for messages. */
int sim_ledger_log(struct sim_ledger *ledger, struct uuid topic_id, const char *topic,
                   int32_t partition);

/* Was anything ever sent to a topic of that name? */
bool sim_ledger_has(const struct sim_ledger *ledger, const char *topic);

/* A new value, about to be sent there. */
int64_t sim_ledger_send(struct sim_ledger *ledger, int log);

/* `offset` −1: acknowledged, but the producer was not told where. */
void sim_ledger_acked(struct sim_ledger *ledger, int64_t value, int64_t offset);
void sim_ledger_refused(struct sim_ledger *ledger, int64_t value);

/* A record's value, and back; ERR_CORRUPT: it is none of ours. */
enum { SIM_VALUE_MIN = 12 };
void sim_value_encode(int64_t value, size_t size, struct buf *out);
enum err sim_value_decode(struct slice bytes, int64_t *value) MUST_USE;

/* Who reads, for messages. */
void sim_ledger_read(struct sim_ledger *ledger, int log, int64_t offset, struct slice value);

/* Records before the offset may be deleted from now on; the highest such offset; the end of what is
 * known to be committed. */
void sim_ledger_trim(struct sim_ledger *ledger, int log, int64_t offset);
int64_t sim_ledger_trimmed(const struct sim_ledger *ledger, int log);
int64_t sim_ledger_end(const struct sim_ledger *ledger, int log);

/* From now on counts who has been read: before everything is read for the last time. */
void sim_ledger_read_all_again(struct sim_ledger *ledger);

/* How many values are acknowledged in topics that were not deleted, and not read since. */
int64_t sim_ledger_unread(const struct sim_ledger *ledger);

/* Ends the run for each of these. */
void sim_ledger_check_all_read(struct sim_ledger *ledger);

/* The topic is deleted, or may be. */
void sim_ledger_forget(struct sim_ledger *ledger, struct uuid topic_id);

/* ---- groups ---- */

/* A member was told that the partition is its own in this generation: nobody else may be told so
 * (KIP-848's NoDoubleClientAssignment). */
struct sim_assignment {
    const char *group;
    int log;
    int32_t generation;
    const char *member;
};
void sim_ledger_assigned(struct sim_ledger *ledger, const struct sim_assignment *a);

/* The group's commit of this offset was acknowledged. */
void sim_ledger_committed(struct sim_ledger *ledger, const char *group, int log, int64_t offset);

/* The highest one: who asks from now on must be told no less. 0: none. */
int64_t sim_ledger_committed_floor(struct sim_ledger *ledger, const char *group, int log);

struct sim_ledger_counts {
    int64_t sent;
    int64_t acked;
    int64_t refused;
    int64_t reads;
    int64_t commits;
    int64_t assignments;
};

struct sim_ledger_counts sim_ledger_counts(const struct sim_ledger *ledger);

#endif
