/* Invariants of replicated partitions. */
#include <stdio.h>

#include "base/mem.h"
#include "sim/cluster/check_state.h"

/* ---- what is known of a partition ---- */

static struct check_partition *find_partition(struct sim_checks *checks, struct uuid topic_id,
                                              int32_t index)
{
    for (int i = 0; i < checks->partition_count; i++) {
        struct check_partition *p = checks->partitions[i];
        if (p->index == index && uuid_eq(p->topic_id, topic_id)) {
            return p;
        }
    }
    size_t size = ((size_t)checks->partition_count + 1) * sizeof(struct check_partition *);
    checks->partitions = mem_realloc(checks->partitions, size);
    struct check_partition *p = MEM_NEW(struct check_partition);
    p->topic_id = topic_id;
    p->index = index;
    checks->partitions[checks->partition_count++] = p;
    return p;
}

void check_partition_fini(struct sim_checks *checks)
{
    for (int i = 0; i < checks->partition_count; i++) {
        mem_free(checks->partitions[i]->log.at);
        mem_free(checks->partitions[i]);
    }
    mem_free(checks->partitions);
}

/* A new process has no high watermark of its own, and its log may end earlier. */
void check_partition_begin(struct sim_checks *checks, struct sim_machine *m)
{
    for (int i = 0; i < checks->partition_count; i++) {
        struct check_partition *p = checks->partitions[i];
        p->leader_epoch[m->index] = -1;
        p->high_watermark[m->index] = 0;
        p->checked_to[m->index] = m->tainted ? 0 : p->checked_to[m->index];
    }
}

void check_partition_moved(struct sim_checks *checks, const struct metadata_partition_diff *d)
{
    struct metadata_ids before = metadata_replicas(d->before);
    for (size_t i = 0; i < before.count; i++) {
        const struct sim_machine *m = sim_machine_of_node(checks->world, before.items[i]);
        if (m != NULL && !metadata_ids_contain(metadata_replicas(d->after), m->node_id)) {
            find_partition(checks, d->topic->id, d->index)->left[m->index] = true;
        }
    }
}

/* ---- logs ---- */

struct reading {
    struct sim_checks *checks;
    struct sim_machine *m;
    const struct broker_server_partition *view;
    struct check_partition *partition;
    int64_t to;
    bool whole; /* CRCs too */
    struct buf bytes;
};

static void bad(const struct reading *r, const char *invariant, int64_t offset)
{
    sim_fail(r->checks->world, invariant,
             "%s %s-%d at offset %" PRId64 " (leader epoch %d, log end %" PRId64
             ", high watermark %" PRId64 ", committed %" PRId64 ")",
             r->m->name, r->view->topic, r->view->index, offset, r->view->state->state.leader_epoch,
             r->view->state->log_end_offset, r->view->state->high_watermark, r->partition->log.end);
}

static void check_bytes(struct reading *r, const struct store_batch *batch)
{
    struct wire_batch whole;
    if (check_read_batch(batch, &r->bytes, &whole) != ERR_NONE) {
        bad(r, "LogMatching: a committed batch cannot be read", batch->base_offset);
    }
}

/* Nobody looked at the batch there before it was deleted from the first log. */
static bool is_unknown(const struct check_partition *p, int64_t offset)
{
    return offset >= p->unknown_from && offset < p->unknown_to &&
           check_log_find(&p->log, offset) == NULL;
}

static bool each_batch(void *arg, const struct store_batch *batch)
{
    struct reading *r = arg;
    struct check_partition *p = r->partition;
    struct check_batch b = {batch->base_offset, batch->last_offset, batch->leader_epoch,
                            batch->crc};
    if (b.last_offset >= r->to) {
        return false;
    }
    if (b.base_offset > p->log.end && store_log_start_offset(r->view->log) > p->log.end) {
        /* Deleted before anybody looked. Others may still have it. */
        p->unknown_from = p->unknown_to == 0 ? p->log.end : p->unknown_from;
        p->unknown_to = b.base_offset;
        p->log.end = b.base_offset;
    }
    if (b.base_offset == p->log.end) {
        check_log_add(&p->log, &b);
    } else if (!is_unknown(p, b.base_offset) && !check_log_has(&p->log, &b)) {
        bad(r, "LogMatching: logs differ below the high watermark", b.base_offset);
    }
    if (r->whole) {
        check_bytes(r, batch);
    }
    p->checked_to[r->m->index] = b.last_offset + 1;
    return !r->checks->world->failed;
}

static void check_log(struct reading *r)
{
    int64_t *checked_to = &r->partition->checked_to[r->m->index];
    *checked_to = max_i64(*checked_to, store_log_start_offset(r->view->log));
    if (*checked_to >= r->to || r->m->unsound) {
        return;
    }
    check_look(r->m);
    enum err e = store_log_scan(r->view->log, *checked_to, each_batch, r);
    check_look_done(r->m);
    if (e != ERR_NONE && !store_log_is_offline(r->view->log)) {
        bad(r, "LogMatching: committed records cannot be read", *checked_to);
    }
}

/* ---- roles ---- */

/* The newest committed state of the partition; NULL: the topic is gone. */
static const struct metadata_partition *committed_state(const struct reading *r)
{
    const struct metadata_topic *topic = metadata_topic_by_id(r->checks->image, r->view->topic_id);
    return topic == NULL || r->view->index >= topic->partition_count
               ? NULL
               : metadata_partition(topic, r->view->index);
}

/* A member of the ISR whose log ends before `to`; NULL: there is none. */
static const struct sim_machine *who_lacks(struct sim_world *world,
                                           const struct metadata_partition *p, struct uuid topic_id,
                                           int32_t index, int64_t to)
{
    struct metadata_ids isr = metadata_isr(p);
    for (size_t i = 0; i < isr.count; i++) {
        struct broker_server_partition view;
        const struct sim_machine *m = sim_machine_of_node(world, isr.items[i]);
        if (m != NULL && m->broker != NULL && !m->tainted &&
            broker_server_partition_find(m->broker, topic_id, index, &view) && view.log != NULL &&
            store_log_end_offset(view.log) < to) {
            return m;
        }
    }
    return NULL;
}

/* Every member of the ISR that this leader's high watermark relies on has what is below it. */
static void check_isr(const struct reading *r, const struct metadata_partition *p)
{
    const struct partition *state = r->view->state;
    if (p->partition_epoch != state->state.partition_epoch) {
        return; /* one of the two has not learned of the last change yet */
    }
    const struct sim_machine *m =
        who_lacks(r->checks->world, p, r->view->topic_id, r->view->index, state->high_watermark);
    if (m != NULL) {
        sim_fail(r->checks->world,
                 "LeaderCandidateCompleteness: a member of the ISR lacks what is committed",
                 "%s-%d: %s, the high watermark of %s is %" PRId64, r->view->topic, r->view->index,
                 m->name, r->m->name, state->high_watermark);
    }
}

/* Whatever has become of the leader that acknowledged it: who may lead next has the record. A
 * leader of an older epoch cannot know that, and must not acknowledge. */
void sim_check_acked(struct sim_checks *checks, struct uuid topic_id, int32_t index, int64_t offset)
{
    const struct metadata_topic *topic = metadata_topic_by_id(checks->image, topic_id);
    const struct metadata_partition *p =
        topic == NULL || index >= topic->partition_count ? NULL : metadata_partition(topic, index);
    const struct sim_machine *m =
        p == NULL ? NULL : who_lacks(checks->world, p, topic_id, index, offset + 1);
    if (m != NULL) {
        sim_fail(checks->world,
                 "LeaderCandidateCompleteness: a member of the ISR lacks what is acknowledged",
                 "%.*s-%d offset %" PRId64 ": %s", SLICE_ARG(topic->name), index, offset, m->name);
    }
}

/* Is the broker counted by this leader: in its ISR, or in the one that it has asked for? */
static bool is_counted(const struct partition *leader, int32_t id)
{
    bool found = partition_in_isr(leader, id);
    for (int i = 0; leader->proposal_in_flight && i < leader->proposal.isr_count; i++) {
        found = found || leader->proposal.isr[i] == id;
    }
    return found;
}

void check_partition_commit(struct sim_checks *checks, const struct metadata_partition_diff *d)
{
    struct broker_server_partition view;
    const struct sim_machine *m = sim_machine_of_node(checks->world, d->after->leader);
    if (m == NULL || m->broker == NULL ||
        !broker_server_partition_find(m->broker, d->topic->id, d->index, &view) ||
        view.state->role != PARTITION_ROLE_LEADER ||
        view.state->state.leader_epoch != d->after->leader_epoch ||
        view.state->state.partition_epoch > d->after->partition_epoch) {
        return; /* it leads no more, or has learned of a later change before we have */
    }
    struct metadata_ids isr = metadata_isr(d->after);
    for (size_t i = 0; i < isr.count; i++) {
        if (!is_counted(view.state, isr.items[i])) {
            sim_fail(checks->world,
                     "ReplicationQuorumSuperset: an ISR that its leader does not know of",
                     "%.*s-%d at offset %" PRId64 ": %s does not count on broker %d",
                     SLICE_ARG(d->topic->name), d->index, metadata_image_offset(checks->image),
                     m->name, isr.items[i]);
        }
    }
}

static void check_leader(const struct reading *r)
{
    const struct partition *state = r->view->state;
    const struct metadata_partition *p = committed_state(r);
    struct check_partition *known = r->partition;
    int32_t epoch = state->state.leader_epoch;
    int i = r->m->index;
    if (p != NULL &&
        (epoch > p->leader_epoch || (epoch == p->leader_epoch && p->leader != r->m->node_id))) {
        bad(r, "LeadersAreElected: a broker leads an epoch that is not its own", epoch);
    }
    if (known->leader_epoch[i] == epoch && state->high_watermark < known->high_watermark[i]) {
        bad(r, "MonotonicHighWatermark", known->high_watermark[i]);
    }
    if (known->leader_epoch[i] != epoch && p != NULL && epoch == p->leader_epoch &&
        state->log_end_offset < known->log.end) {
        bad(r, "LeaderCompleteness: a new leader lacks committed records", state->log_end_offset);
    }
    known->leader_epoch[i] = epoch;
    known->high_watermark[i] = state->high_watermark;
    if (p != NULL && p->leader_epoch == epoch) {
        check_isr(r, p);
    }
}

/* Once a process: the directory is of this topic, not of an older one of the same name. */
static void check_dir(const struct reading *r)
{
    uint32_t *life = &r->partition->known_life[r->m->index];
    struct store_error why;
    struct uuid found = UUID_ZERO;
    if (*life == r->m->life || r->m->unsound || store_log_is_offline(r->view->log)) {
        return;
    }
    *life = r->m->life;
    check_look(r->m);
    enum err e = store_partition_meta_read(sim_disk_store(r->m->disk), store_log_dir(r->view->log),
                                           &found, &why);
    check_look_done(r->m);
    if (e != ERR_NONE || !uuid_eq(found, r->view->topic_id)) {
        bad(r, "DirectoryIsOfItsTopic", 0);
    }
}

/* What a leader has deleted nobody has to keep. A follower that is to begin anew behind that may
 * die when its old log is gone and the new one not there yet. */
static void note_deleted(const struct reading *r)
{
    int64_t start = store_log_start_offset(r->view->log);
    r->partition->deleted_to = max_i64(r->partition->deleted_to, start);
}

static void check_replica(struct sim_checks *checks, struct sim_machine *m,
                          const struct broker_server_partition *view)
{
    const struct partition *state = view->state;
    struct reading r = {.checks = checks,
                        .m = m,
                        .view = view,
                        .partition = find_partition(checks, view->topic_id, view->index),
                        .to = state->high_watermark};
    int64_t *checked_to = &r.partition->checked_to[m->index];
    if (state->high_watermark > state->log_end_offset ||
        state->log_end_offset != store_log_end_offset(view->log)) {
        bad(&r, "HighWatermarkWithinLog", state->high_watermark);
    }
    if (state->log_end_offset < *checked_to && r.partition->left[m->index]) {
        r.partition->left[m->index] = false;
    } else if (state->log_end_offset<*checked_to && * checked_to> r.partition->deleted_to &&
               !m->tainted) {
        bad(&r, "CommittedNotTruncated: a replica cut what was committed", *checked_to);
    }
    *checked_to = *checked_to < state->log_end_offset ? *checked_to : state->log_end_offset;
    int64_t start;
    if (!check_epochs_within(view->log, false, &start)) {
        bad(&r, "EpochsWithinLog", start);
    }
    check_dir(&r);
    if (state->role == PARTITION_ROLE_LEADER) {
        check_leader(&r);
        note_deleted(&r);
    }
    check_log(&r);
}

static void each_replica(struct sim_checks *checks, struct sim_machine *m)
{
    struct broker_server_partition view;
    size_t at = 0;
    while (!checks->world->failed && broker_server_partition_next(m->broker, &at, &view)) {
        if (view.log != NULL) {
            check_replica(checks, m, &view);
        }
    }
}

/* ---- brokers that lost something ---- */

/* Has the broker everything again? It has if its present life is in all its ISRs. */
static bool is_whole(const struct sim_checks *checks, const struct sim_machine *m)
{
    const struct metadata_broker *broker = metadata_broker(checks->image, m->node_id);
    if (broker == NULL || broker->fenced || broker->epoch != broker_server_epoch(m->broker)) {
        return false;
    }
    struct metadata_partition_iter it =
        metadata_partition_set(checks->image, METADATA_SET_BROKER(m->node_id));
    const struct metadata_partition *p;
    while ((p = metadata_partition_set_next(&it)) != NULL) {
        if (!metadata_ids_contain(metadata_isr(p), m->node_id)) {
            return false;
        }
    }
    return true;
}

void check_partition_sweep(struct sim_checks *checks)
{
    for (int i = 0; i < checks->world->count; i++) {
        struct sim_machine *m = &checks->world->machines[i];
        if (m->broker == NULL || m->paused) {
            continue;
        }
        each_replica(checks, m);
        if (m->tainted && !m->unsound && is_whole(checks, m)) {
            m->tainted = false;
        }
    }
}

/* ---- the end ---- */

/* The longest log of a topic's partition must be everybody's. */
const char *sim_check_logs_equal(struct sim_checks *checks)
{
    struct sim_world *world = checks->world;
    for (int i = 0; i < world->count; i++) {
        struct broker_server_partition view;
        size_t at = 0;
        while (world->machines[i].broker != NULL &&
               broker_server_partition_next(world->machines[i].broker, &at, &view)) {
            const struct metadata_topic *topic = metadata_topic_by_id(checks->image, view.topic_id);
            if (topic == NULL || strncmp(view.topic, "__", 2) == 0) {
                continue;
            }
            const struct check_partition *p = find_partition(checks, view.topic_id, view.index);
            /* The last records may have been deleted before anybody looked. */
            int64_t known = view.log == NULL
                                ? p->log.end
                                : max_i64(p->log.end, store_log_start_offset(view.log));
            if (view.log == NULL || view.state->log_end_offset != view.state->high_watermark ||
                view.state->log_end_offset != known) {
                snprintf(checks->lack, sizeof checks->lack,
                         "%s %s-%d: log end %" PRId64 ", high watermark %" PRId64
                         ", committed %" PRId64,
                         world->machines[i].name, view.topic, view.index,
                         view.state->log_end_offset, view.state->high_watermark, p->log.end);
                return checks->lack;
            }
        }
    }
    return NULL;
}

/* Every log, from its beginning, with its CRCs. */
void check_partition_end(struct sim_checks *checks)
{
    for (int i = 0; i < checks->world->count; i++) {
        struct sim_machine *m = &checks->world->machines[i];
        struct broker_server_partition view;
        size_t at = 0;
        while (m->broker != NULL && broker_server_partition_next(m->broker, &at, &view)) {
            struct reading r = {.checks = checks,
                                .m = m,
                                .view = &view,
                                .partition = find_partition(checks, view.topic_id, view.index),
                                .to = view.state->high_watermark,
                                .whole = true};
            if (view.log != NULL) {
                r.partition->checked_to[i] = 0;
                check_log(&r);
            }
            buf_fini(&r.bytes);
        }
    }
}
