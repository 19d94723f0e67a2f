/* Election rules and the builder of partition change records; see elect.h. */
#include "controller/decide/elect.h"

struct election {
    int32_t leader;
    bool unclean;
};

bool decide_ids_within(struct metadata_ids part, struct metadata_ids whole)
{
    for (size_t i = 0; i < part.count; i++) {
        if (!metadata_ids_contain(whole, part.items[i])) {
            return false;
        }
    }
    return true;
}

struct metadata_ids decide_ids_without(struct arena *arena, struct metadata_ids ids,
                                       struct metadata_ids without)
{
    size_t kept = 0;
    for (size_t i = 0; i < ids.count; i++) {
        kept += metadata_ids_contain(without, ids.items[i]) ? 0 : 1;
    }
    if (kept == ids.count) {
        return ids;
    }
    int32_t *items = ARENA_ARRAY(arena, kept, int32_t);
    size_t at = 0;
    for (size_t i = 0; i < ids.count; i++) {
        if (!metadata_ids_contain(without, ids.items[i])) {
            items[at++] = ids.items[i];
        }
    }
    return (struct metadata_ids){items, kept};
}

struct uuid decide_new_directory(const struct metadata_image *image, int32_t broker_id)
{
    const struct metadata_broker *broker = metadata_broker(image, broker_id);
    bool single = broker != NULL && broker->log_dirs.count == 1;
    return single ? broker->log_dirs.items[0] : METADATA_DIR_UNASSIGNED;
}

struct decide_change decide_change_begin(const struct metadata_topic *topic, int32_t index,
                                         const struct metadata_partition *partition)
{
    return (struct decide_change){
        .topic = topic,
        .index = index,
        .partition = partition,
        .leaving = -1,
        .joining = -1,
        .settled = -1,
        .isr = metadata_isr(partition),
        .replicas = metadata_replicas(partition),
        .removing = metadata_removing_replicas(partition),
        .adding = metadata_adding_replicas(partition),
        .recovery = (enum metadata_recovery)partition->recovering,
    };
}

/* The directory of a broker's replica: the present one, or what a new replica would get. */
static struct uuid directory_of(const struct decide_input *in, const struct decide_change *change,
                                int32_t broker_id)
{
    struct metadata_ids now = metadata_replicas(change->partition);
    if (broker_id == change->settled) {
        return change->settled_in;
    }
    for (size_t i = 0; i < now.count; i++) {
        if (now.items[i] == broker_id) {
            return metadata_directory(in->image, change->partition, i);
        }
    }
    return decide_new_directory(in->image, broker_id);
}

/* Alive, and with the replica's directory online. */
static bool is_acceptable(const struct decide_input *in, const struct decide_change *change,
                          int32_t broker_id)
{
    if (broker_id < 0 || broker_id == change->leaving) {
        return false;
    }
    const struct metadata_broker *broker = metadata_broker(in->image, broker_id);
    if (broker == NULL) {
        return false;
    }
    if (broker_id != change->joining && !metadata_broker_is_active(broker)) {
        return false;
    }
    return metadata_broker_dir_online(broker, directory_of(in, change, broker_id));
}

static bool is_valid_leader(const struct decide_input *in, const struct decide_change *change,
                            int32_t broker_id)
{
    return metadata_ids_contain(change->isr, broker_id) && is_acceptable(in, change, broker_id);
}

static struct election elect(const struct decide_input *in, const struct decide_change *change)
{
    struct metadata_ids replicas = change->replicas;
    int32_t leader = change->partition->leader;
    if (change->election == DECIDE_ELECT_PREFERRED && replicas.count > 0 &&
        is_valid_leader(in, change, replicas.items[0])) {
        return (struct election){replicas.items[0], false};
    }
    if (is_valid_leader(in, change, leader)) {
        return (struct election){leader, false};
    }
    for (size_t i = 0; i < replicas.count; i++) {
        if (is_valid_leader(in, change, replicas.items[i])) {
            return (struct election){replicas.items[i], false};
        }
    }
    if (change->election == DECIDE_ELECT_UNCLEAN) {
        for (size_t i = 0; i < replicas.count; i++) {
            if (is_acceptable(in, change, replicas.items[i])) {
                return (struct election){replicas.items[i], true};
            }
        }
    }
    return (struct election){METADATA_NO_LEADER, false};
}

/* All replicas that stay are in sync: what was being removed can go (KIP-455). */
static void complete_reassignment(const struct decide_input *in, struct decide_change *change)
{
    if (change->removing.count == 0 && change->adding.count == 0) {
        return;
    }
    struct metadata_ids isr = decide_ids_without(in->arena, change->isr, change->removing);
    struct metadata_ids replicas =
        decide_ids_without(in->arena, change->replicas, change->removing);
    if (replicas.count == 0 || !decide_ids_within(replicas, isr)) {
        return;
    }
    change->isr = isr;
    change->replicas = replicas;
    change->removing = (struct metadata_ids){NULL, 0};
    change->adding = (struct metadata_ids){NULL, 0};
}

static void apply_election(const struct decide_input *in, struct decide_change *change,
                           struct metadata_partition_change *record)
{
    struct election winner = elect(in, change);
    if (winner.leader != change->partition->leader) {
        record->leader = winner.leader;
    }
    if (!winner.unclean) {
        return;
    }
    /* Also when the leader stays the same: it was outside the target ISR, so the others may hold
     * what it has not. */
    int32_t *alone = ARENA_NEW(in->arena, int32_t);
    *alone = winner.leader;
    record->leader = winner.leader;
    change->isr = (struct metadata_ids){alone, 1};
    change->recovery = METADATA_RECOVERING;
    /* It may be the last one that a reassignment waited for. */
    complete_reassignment(in, change);
    if (change->partition->elr_count > 0) {
        record->has_elr = true;
    }
    if (change->partition->last_known_elr_count > 0) {
        record->has_last_known_elr = true;
    }
}

/* The leader is named again where its epoch must grow although it stays. */
static void bump_leader_epoch(const struct decide_input *in, const struct decide_change *change,
                              struct metadata_partition_change *record)
{
    const struct metadata_partition *p = change->partition;
    if (record->leader != METADATA_LEADER_UNCHANGED) {
        return;
    }
    bool drops_replica = !decide_ids_within(metadata_replicas(p), change->replicas);
    bool shrinks = change->isr.count > 0 && !decide_ids_within(metadata_isr(p), change->isr);
    bool old_brokers = decide_level(in->image) < METADATA_LEVEL_3_6_IV0;
    if (drops_replica || (shrinks && old_brokers)) {
        record->leader = p->leader;
    }
}

static void write_directories(const struct decide_input *in, const struct decide_change *change,
                              struct metadata_partition_change *record)
{
    if (decide_level(in->image) < METADATA_LEVEL_3_7_IV2) {
        return; /* without them the replicas are unassigned */
    }
    struct uuid *dirs = ARENA_ARRAY(in->arena, change->replicas.count, struct uuid);
    for (size_t i = 0; i < change->replicas.count; i++) {
        dirs[i] = directory_of(in, change, change->replicas.items[i]);
    }
    record->has_directories = true;
    record->directories = (struct metadata_dirs){dirs, change->replicas.count};
}

/* Does the settled replica come into another directory? */
static bool settles(const struct decide_input *in, const struct decide_change *change)
{
    const struct metadata_partition *p = change->partition;
    struct metadata_ids now = metadata_replicas(p);
    for (size_t i = 0; i < now.count; i++) {
        if (now.items[i] == change->settled) {
            return !uuid_eq(metadata_directory(in->image, p, i), change->settled_in);
        }
    }
    return false;
}

static void write_replicas(const struct decide_input *in, const struct decide_change *change,
                           struct metadata_partition_change *record)
{
    const struct metadata_partition *p = change->partition;
    if (!metadata_ids_equal(change->replicas, metadata_replicas(p))) {
        record->has_replicas = true;
        record->replicas = change->replicas;
        write_directories(in, change, record);
    } else if (settles(in, change)) {
        write_directories(in, change, record);
    }
    if (!metadata_ids_equal(change->removing, metadata_removing_replicas(p))) {
        record->has_removing_replicas = true;
        record->removing_replicas = change->removing;
    }
    if (!metadata_ids_equal(change->adding, metadata_adding_replicas(p))) {
        record->has_adding_replicas = true;
        record->adding_replicas = change->adding;
    }
}

static bool is_no_op(const struct metadata_partition_change *record)
{
    return record->leader == METADATA_LEADER_UNCHANGED &&
           record->leader_recovery == METADATA_RECOVERY_UNCHANGED && !record->has_isr &&
           !record->has_replicas && !record->has_removing_replicas &&
           !record->has_adding_replicas && !record->has_directories && !record->has_elr &&
           !record->has_last_known_elr;
}

const struct metadata_partition_change *decide_change_build(const struct decide_input *in,
                                                            const struct decide_change *change,
                                                            struct decision *out)
{
    struct decide_change target = *change;
    const struct metadata_partition *p = change->partition;
    struct metadata_partition_change record =
        METADATA_PARTITION_CHANGE(change->topic->id, change->index);
    ASSERT(target.replicas.count > 0);

    complete_reassignment(in, &target);
    apply_election(in, &target, &record);
    bump_leader_epoch(in, &target, &record);
    if (target.isr.count > 0 &&
        (target.renewed || !metadata_ids_equal(target.isr, metadata_isr(p)))) {
        record.has_isr = true;
        record.isr = target.isr;
    }
    write_replicas(in, &target, &record);
    if (target.recovery != (enum metadata_recovery)p->recovering) {
        record.leader_recovery = target.recovery;
    }
    if (is_no_op(&record)) {
        return NULL;
    }
    struct metadata_record *added = decision_add(out, METADATA_RECORD_PARTITION_CHANGE);
    added->partition_change = record;
    return &added->partition_change;
}

struct decide_state decide_state_after(const struct metadata_partition *partition,
                                       const struct metadata_partition_change *record)
{
    struct decide_state state = {
        .leader = partition->leader,
        .leader_epoch = partition->leader_epoch,
        .partition_epoch = partition->partition_epoch,
        .recovery = (enum metadata_recovery)partition->recovering,
        .isr = metadata_isr(partition),
    };
    if (record == NULL) {
        return state;
    }
    state.partition_epoch++;
    if (record->leader != METADATA_LEADER_UNCHANGED) {
        state.leader = record->leader;
        state.leader_epoch++;
    }
    if (record->leader_recovery != METADATA_RECOVERY_UNCHANGED) {
        state.recovery = record->leader_recovery;
    }
    if (record->has_isr) {
        state.isr = record->isr;
    }
    return state;
}

/* Remembers the answer for the last topic: partitions of one topic come together. */
struct unclean_memo {
    const struct metadata_topic *topic;
    bool enabled;
};

static enum decide_election election_for(const struct decide_input *in, struct unclean_memo *memo,
                                         const struct metadata_topic *topic)
{
    if (memo->topic != topic) {
        memo->topic = topic;
        memo->enabled = decide_unclean_enabled(in, topic->name);
    }
    return memo->enabled ? DECIDE_ELECT_UNCLEAN : DECIDE_ELECT_ONLINE;
}

static bool replica_in_dirs(const struct decide_input *in, const struct metadata_partition *p,
                            int32_t broker_id, const struct metadata_dirs *dirs)
{
    struct metadata_ids replicas = metadata_replicas(p);
    for (size_t i = 0; i < replicas.count; i++) {
        if (replicas.items[i] != broker_id) {
            continue;
        }
        struct uuid dir = metadata_directory(in->image, p, i);
        for (size_t d = 0; d < dirs->count; d++) {
            if (uuid_eq(dir, dirs->items[d])) {
                return true;
            }
        }
    }
    return false;
}

void decide_remove_from_isrs(const struct decide_input *in, int32_t broker_id,
                             const struct metadata_dirs *dirs, struct decision *out)
{
    struct unclean_memo memo = {0};
    struct metadata_ids gone = {&broker_id, 1};
    struct metadata_partition_iter it =
        metadata_partition_set(in->image, METADATA_SET_BROKER(broker_id));
    const struct metadata_partition *p;
    while ((p = metadata_partition_set_next(&it)) != NULL) {
        if (!metadata_ids_contain(metadata_isr(p), broker_id) ||
            (dirs != NULL && !replica_in_dirs(in, p, broker_id, dirs))) {
            continue;
        }
        struct decide_change change = decide_change_begin(it.topic, it.index, p);
        change.isr = decide_ids_without(in->arena, change.isr, gone);
        change.leaving = broker_id;
        change.election = election_for(in, &memo, it.topic);
        decide_change_build(in, &change, out);
    }
}

void decide_elect_leaderless(const struct decide_input *in, int32_t joining, size_t max,
                             struct decision *out)
{
    struct unclean_memo memo = {0};
    size_t end = out->count + max;
    struct metadata_partition_iter it = metadata_partition_set(in->image, METADATA_SET_NO_LEADER);
    const struct metadata_partition *p;
    while (out->count < end && (p = metadata_partition_set_next(&it)) != NULL) {
        struct decide_change change = decide_change_begin(it.topic, it.index, p);
        change.joining = joining;
        change.election = election_for(in, &memo, it.topic);
        decide_change_build(in, &change, out);
    }
}
