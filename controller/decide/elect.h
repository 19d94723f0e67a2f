/* Changing one partition: the election rules and the one builder of partition change records.
 *
 * Every decision that touches an existing partition goes through decide_change_build(), so that
 * epochs, recovery state and reassignments follow the same rules everywhere:
 *
 *     struct decide_change change = decide_change_begin(topic, index, partition);
 *     change.isr = …;  change.leaving = broker;
 *     decide_change_build(in, &change, out);
 *
 * Rules (KIP-631, KIP-455, KIP-704, KAFKA-15021):
 * - a record raises the partition epoch; one with a leader raises the leader epoch too;
 * - the leader is written when it changes, when a reassignment drops a replica, and before
 *   metadata.version 3.6-IV0 when the ISR shrinks; ISR expansion never raises the leader epoch;
 * - an ISR never becomes empty: its last members stay in it, without a leader if need be;
 * - an unclean leader is alone in the ISR and RECOVERING until it reports otherwise. */
#ifndef CONTROLLER_DECIDE_ELECT_H
#define CONTROLLER_DECIDE_ELECT_H

#include "controller/decide/decision.h"

enum decide_election {
    DECIDE_ELECT_ONLINE,    /* keep the leader if it is valid, else the first valid replica */
    DECIDE_ELECT_PREFERRED, /* the first replica if it is valid, else as ONLINE */
    DECIDE_ELECT_UNCLEAN,   /* as ONLINE, and at last any live replica: may lose records */
};

/* What is wanted. Arrays are borrowed until the record is written. */
struct decide_change {
    const struct metadata_topic *topic;
    int32_t index;
    const struct metadata_partition *partition; /* as it is */
    enum decide_election election;
    int32_t leaving; /* must not lead whatever its registration says; -1: none */
    int32_t joining; /* may lead although it is still registered as fenced; -1: none */
    int32_t settled; /* its replica is in the directory `settled_in` from now on; -1: none */
    struct uuid settled_in;
    struct metadata_ids isr;
    struct metadata_ids replicas;
    struct metadata_ids removing;
    struct metadata_ids adding;
    enum metadata_recovery recovery;
    bool renewed; /* the partition epoch grows though the ISR stays as it is */
};

/* The change that changes nothing. */
struct decide_change decide_change_begin(const struct metadata_topic *topic, int32_t index,
                                         const struct metadata_partition *partition);

/* Completes a reassignment if it is due, elects, and adds the record. NULL: nothing to change.
 * The returned record is valid until the next decision_add(). */
const struct metadata_partition_change *decide_change_build(const struct decide_input *in,
                                                            const struct decide_change *change,
                                                            struct decision *out);

/* A partition as it will be after a change record (NULL: as it is); arrays are borrowed. */
struct decide_state {
    int32_t leader;
    int32_t leader_epoch;
    int32_t partition_epoch;
    enum metadata_recovery recovery;
    struct metadata_ids isr;
};

struct decide_state decide_state_after(const struct metadata_partition *partition,
                                       const struct metadata_partition_change *record);

/* Takes a broker out of the ISR of partitions and lets others lead, in the order of the image.
 * With `dirs`, only of those whose replica is in one of the directories. */
void decide_remove_from_isrs(const struct decide_input *in, int32_t broker_id,
                             const struct metadata_dirs *dirs, struct decision *out);

/* Elects for the partitions without a leader, counting `joining` (-1: nobody) as active; at most
 * `max` records. */
void decide_elect_leaderless(const struct decide_input *in, int32_t joining, size_t max,
                             struct decision *out);

/* `ids` without the members of `without`; borrows when there is nothing to take out. */
struct metadata_ids decide_ids_without(struct arena *arena, struct metadata_ids ids,
                                       struct metadata_ids without);

/* Every member of `part` is in `whole`. */
bool decide_ids_within(struct metadata_ids part, struct metadata_ids whole);

/* The directory a new replica on that broker gets: its only one, or unassigned (KIP-858). */
struct uuid decide_new_directory(const struct metadata_image *image, int32_t broker_id);

#endif
