/* Brokers of test_partition_sim.c: drivers of the real core over a log in memory. */
#ifndef TESTS_UNIT_BROKER_TEST_PARTITION_NODES_H
#define TESTS_UNIT_BROKER_TEST_PARTITION_NODES_H

#include "tests/unit/broker/test_partition_world.h"

/* ---- the log ---- */

static int32_t epoch_before(const struct node *n, int64_t offset)
{
    return offset == 0 ? -1 : n->log[offset - 1].epoch;
}

/* The largest epoch ≤ `epoch` in the log and where it ends. */
static int32_t epoch_end(const struct node *n, int32_t epoch, int64_t *end)
{
    int64_t at = n->part.log_end_offset;
    while (at > 0 && n->log[at - 1].epoch > epoch) {
        at--;
    }
    *end = at;
    return at == 0 ? -1 : n->log[at - 1].epoch;
}

static struct producer_batch batch_of(const struct entry *entry, int64_t offset)
{
    return (struct producer_batch){.producer_id = entry->client,
                                   .producer_epoch = entry->producer_epoch,
                                   .first_sequence = entry->sequence,
                                   .last_sequence = entry->sequence,
                                   .first_offset = offset,
                                   .last_offset = offset};
}

/* ProducerOrder and NoDuplicates, by the log alone. */
static void check_entry(struct world *w, const struct node *n, int64_t at)
{
    const struct entry *entry = &n->log[at];
    bool seen = false;
    for (int64_t i = at - 1; i >= 0; i--) {
        const struct entry *old = &n->log[i];
        CHECK(w, old->value != entry->value || w->sent_anew[entry->value]);
        if (seen || old->client != entry->client || entry->client == NOBODY) {
            continue;
        }
        seen = true;
        if (old->producer_epoch == entry->producer_epoch) {
            int32_t next = old->sequence == INT32_MAX ? 0 : old->sequence + 1;
            CHECK(w, entry->sequence == next);
        } else {
            CHECK(w, entry->producer_epoch > old->producer_epoch);
            CHECK(w, entry->sequence == 0);
        }
    }
}

static int64_t log_put(struct world *w, struct node *n, const struct entry *entry)
{
    int64_t at = n->part.log_end_offset;
    n->log[at] = *entry;
    check_entry(w, n, at);
    if (entry->client != NOBODY) {
        struct producer_batch batch = batch_of(entry, at);
        producer_append(&n->producers, &batch, w->now_ms);
    }
    return at + 1;
}

/* After a restart or a truncation. A snapshot has only the last batch of a producer; behind it the
 * log is read. */
static void rebuild_producers(struct world *w, struct node *n)
{
    int64_t end = n->part.log_end_offset;
    int64_t snapshot = w->short_windows ? (int64_t)prng_below(&w->prng, (uint64_t)(end + 1)) : 0;
    producers_clear(&n->producers);
    for (int64_t at = 0; at < end; at++) {
        struct producer_batch batch = batch_of(&n->log[at], at);
        if (batch.producer_id == NOBODY) {
            continue;
        }
        if (at < snapshot) {
            producer_restore(&n->producers, &batch, w->now_ms);
        } else {
            producer_append(&n->producers, &batch, w->now_ms);
        }
    }
}

/* ---- leading ---- */

static void acknowledge(struct world *w, const struct node *n, int64_t at)
{
    const struct entry *entry = &n->log[at];
    CHECK(w, !w->is_acked[at] || w->acked[at].value == entry->value);
    w->is_acked[at] = true;
    w->acked[at] = *entry;
    w->acks++;
    struct message m = {.kind = PRODUCED, .to = entry->client, .entry = *entry};
    if (entry->client != NOBODY) {
        send(w, &m);
    }
}

/* One AlterPartition waits for an answer at a time: another one goes out on a new connection. What
 * was sent on the old one may arrive later still, but its answer does not. */
static void send_proposal(struct world *w, int id, const struct partition_proposal *proposal)
{
    w->nodes[id].proposals++;
    TRACE(w, "%d proposes isr=%s hw=%lld", id, ids_text(proposal->isr, proposal->isr_count).text,
          (long long)w->nodes[id].part.high_watermark);
    send(w, &(struct message){.kind = ALTER,
                              .from = id,
                              .broker_epoch = w->nodes[id].incarnation,
                              .request = w->nodes[id].proposals,
                              .proposal = *proposal});
}

static void obey(struct world *w, int id, const struct partition_effects *effects)
{
    struct node *n = &w->nodes[id];
    struct partition_eligibility may_join = {eligible, w};
    if (n->part.role != PARTITION_ROLE_LEADER) {
        return;
    }
    for (int64_t at = n->unacked_from; at < n->part.high_watermark; at++) {
        if (partition_acked(&n->part, at + 1) == PARTITION_ACK_DONE) {
            acknowledge(w, n, at);
        }
    }
    n->unacked_from = max_i64(n->unacked_from, n->part.high_watermark);
    struct partition_proposal proposal;
    if (effects->isr_wanted && partition_propose_isr(&n->part, w->now_ms, &may_join, &proposal)) {
        send_proposal(w, id, &proposal);
    }
}

static bool may_append(const struct node *n, int64_t limit)
{
    return n->part.role == PARTITION_ROLE_LEADER && n->part.log_end_offset < limit &&
           partition_check_min_isr(&n->part) == ERR_NONE;
}

static void append(struct world *w, int id, const struct entry *entry)
{
    struct node *n = &w->nodes[id];
    struct partition_eligibility may_join = {eligible, w};
    struct partition_effects effects;
    struct entry stamped = *entry;
    stamped.epoch = n->part.state.leader_epoch;
    int64_t end = log_put(w, n, &stamped);
    partition_appended(&n->part, end, w->now_ms, &may_join, &effects);
    obey(w, id, &effects);
}

/* A producer without an id. */
static void append_anonymous(struct world *w, int id)
{
    if (!w->healing && may_append(&w->nodes[id], LOG_MAX - LOG_SPARE) &&
        w->next_value < VALUES_MAX) {
        append(w, id, &(struct entry){.value = w->next_value++, .client = NOBODY});
    }
}

/* One batch of a burst; false: the rest of the burst is refused too. */
static bool produce(struct world *w, const struct message *m, int i)
{
    struct node *n = &w->nodes[m->to];
    struct producer_batch batch = batch_of(&m->burst[i], -1);
    const struct producer_batch *known;
    enum err e = producer_check(&n->producers, &batch, &known);
    if (e == ERR_DUPLICATE_SEQUENCE_NUMBER) {
        int64_t at = known->last_offset;
        CHECK(w, n->log[at].client == batch.producer_id);
        CHECK(w, n->log[at].sequence == batch.last_sequence);
        w->duplicates++;
        if (partition_acked(&n->part, at + 1) == PARTITION_ACK_DONE) {
            acknowledge(w, n, at);
        } /* else it waits, and the client loses patience */
        return true;
    }
    if (e == ERR_NONE) {
        append(w, m->to, &m->burst[i]);
        return true;
    }
    /* A deposed leader may lack what newer ones have acknowledged: its word is not the last. */
    bool current = n->part.state.leader_epoch == newest(w)->leader_epoch;
    if (i == 0 && current && e == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER) {
        send(w,
             &(struct message){.kind = PRODUCED, .to = m->from, .entry = m->burst[0], .error = e});
    }
    return false;
}

static void leader_produces(struct world *w, const struct message *m)
{
    for (int i = 0; i < m->burst_count && may_append(&w->nodes[m->to], LOG_MAX); i++) {
        if (!produce(w, m, i)) {
            return;
        }
    }
}

/* True if the answer to a fetch is where the logs part. */
static bool diverges(const struct node *n, const struct message *m, struct message *answer)
{
    int64_t end;
    int32_t epoch = epoch_end(n, m->last_epoch, &end);
    if (epoch < 0) {
        epoch = m->last_epoch; /* below our first epoch: it ends where that begins (KIP-101) */
    }
    answer->diverging = m->last_epoch >= 0 && (epoch != m->last_epoch || end < m->offset);
    answer->div_epoch = epoch;
    answer->div_end = end;
    return answer->diverging;
}

static void leader_answers(struct world *w, const struct message *m)
{
    struct node *n = &w->nodes[m->to];
    if (n->part.role != PARTITION_ROLE_LEADER ||
        partition_check_epoch(&n->part, m->leader_epoch) != ERR_NONE) {
        return;
    }
    struct message answer = {.kind = FETCHED,
                             .to = m->from,
                             .from = m->to,
                             .leader_epoch = m->leader_epoch,
                             .broker_epoch = m->broker_epoch,
                             .request = m->request,
                             .offset = m->offset};
    if (diverges(n, m, &answer)) {
        send(w, &answer);
        return;
    }
    struct partition_eligibility may_join = {eligible, w};
    struct partition_effects effects;
    struct partition_fetch fetch = {m->from, m->broker_epoch, m->offset, 0};
    if (partition_fetched(&n->part, &fetch, w->now_ms, &may_join, &effects) != ERR_NONE) {
        return;
    }
    answer.has_entry = m->offset < n->part.log_end_offset;
    if (answer.has_entry) {
        answer.entry = n->log[m->offset];
    }
    answer.hw = n->part.high_watermark;
    send(w, &answer);
    obey(w, m->to, &effects);
}

static void leader_hears(struct world *w, const struct message *m)
{
    struct partition *part = &w->nodes[m->to].part;
    struct partition_effects effects;
    if (part->proposal_in_flight && m->request == w->nodes[m->to].proposals) {
        partition_isr_answered(part, m->error, m->error == ERR_NONE ? &m->state : NULL, w->now_ms,
                               &effects);
        obey(w, m->to, &effects);
    }
}

static void proposal_times_out(struct world *w, int id)
{
    struct partition *part = &w->nodes[id].part;
    struct partition_effects effects;
    struct partition_proposal proposal;
    partition_isr_answered(part, ERR_TIMED_OUT, NULL, w->now_ms, &effects);
    partition_repeat_proposal(part, &proposal);
    send_proposal(w, id, &proposal);
}

/* ---- following ---- */

static void follower_asks(struct world *w, int id)
{
    struct node *n = &w->nodes[id];
    if (n->part.role == PARTITION_ROLE_FOLLOWER) {
        send(w, &(struct message){.kind = FETCH,
                                  .from = id,
                                  .to = n->part.state.leader,
                                  .leader_epoch = n->part.state.leader_epoch,
                                  .broker_epoch = n->incarnation,
                                  .request = ++n->requests,
                                  .offset = n->part.log_end_offset,
                                  .last_epoch = epoch_before(n, n->part.log_end_offset)});
    }
}

/* One fetch is on its way at a time: an answer to an older one would be about a log that has been
 * cut and has grown since. */
static void follower_takes(struct world *w, const struct message *m)
{
    struct node *n = &w->nodes[m->to];
    if (n->part.role != PARTITION_ROLE_FOLLOWER || m->broker_epoch != n->incarnation ||
        m->leader_epoch != n->part.state.leader_epoch || m->request != n->requests ||
        m->offset != n->part.log_end_offset) {
        return;
    }
    if (m->diverging) {
        int64_t own_end;
        int32_t own_epoch = epoch_end(n, m->div_epoch, &own_end);
        struct partition_truncation cut =
            partition_diverged(&n->part, m->div_epoch, m->div_end, own_epoch, own_end);
        TRACE(w, "%d cuts at %lld", m->to, (long long)cut.offset);
        partition_truncated(&n->part, 0, cut.offset);
        rebuild_producers(w, n);
        return;
    }
    struct partition_effects effects;
    int64_t end = n->part.log_end_offset;
    if (m->has_entry && end < LOG_MAX) {
        end = log_put(w, n, &m->entry);
    }
    partition_follower_appended(&n->part, end, m->hw, &effects);
}

/* ---- metadata, life and death ---- */

/* An image may be several states ahead of the one before. */
static void learn_state(struct world *w, int id)
{
    struct node *n = &w->nodes[id];
    uint64_t unseen = (uint64_t)(w->state_count - n->applied);
    if (unseen == 0) {
        return;
    }
    n->applied += prng_chance(&w->prng, 1, 2) ? 1 : 1 + (int)prng_below(&w->prng, unseen);
    bool led = n->part.role == PARTITION_ROLE_LEADER;
    struct partition_effects effects;
    enum partition_change change =
        partition_apply(&n->part, &w->states[n->applied - 1], w->now_ms, &effects);
    if (change == PARTITION_CHANGE_NEW_LEADER) {
        /* Who led until now has what is waiting for replication in its log, and goes on with it. */
        n->unacked_from = led ? n->unacked_from : n->part.epoch_start_offset;
        n->seen_hw = 0;
        n->part.local_broker_epoch = n->incarnation;
        TRACE(w, "%d leads epoch %d from %lld", id, n->part.state.leader_epoch,
              (long long)n->part.log_end_offset);
    }
    obey(w, id, &effects);
}

/* Power is cut: what was not flushed is gone. With the last member of the ISR it would be gone for
 * good, so that is left out (KIP-966 is about it); of others the controller hears first. */
static void lose_tail(struct world *w, int id)
{
    struct node *n = &w->nodes[id];
    fence(w, id);
    if (in_newest_isr(w, id)) {
        return;
    }
    int64_t end = n->part.log_end_offset;
    int64_t lost = (int64_t)prng_below(&w->prng, (uint64_t)min_i64(end, 20) + 1);
    n->part.log_end_offset = end - lost;
    n->part.high_watermark = min_i64(n->part.high_watermark, n->part.log_end_offset);
    n->part.epoch_start_offset = min_i64(n->part.epoch_start_offset, n->part.log_end_offset);
    TRACE(w, "%d loses %lld records", id, (long long)lost);
}

static void crash(struct world *w, int id)
{
    struct node *n = &w->nodes[id];
    TRACE(w, "%d crashes, log end %lld", id, (long long)n->part.log_end_offset);
    n->up = false;
    n->checkpointed_hw = (int64_t)prng_below(&w->prng, (uint64_t)n->part.high_watermark + 1);
    if (prng_chance(&w->prng, 1, 3)) {
        lose_tail(w, id);
    }
}

static void start(struct world *w, int id)
{
    struct node *n = &w->nodes[id];
    struct partition_config config = {MIN_ISR, LAG_MS};
    int64_t end = n->part.log_end_offset;
    partition_init(&n->part, id, &config);
    partition_set_log(&n->part, 0, end, n->checkpointed_hw);
    rebuild_producers(w, n);
    n->up = true;
    n->incarnation = w->now_ms + 1000000 * (n->incarnation / 1000000 + 1);
    n->part.local_broker_epoch = n->incarnation;
    n->seen_hw = 0;
    TRACE(w, "%d starts", id);
    /* It is in nobody's ISR in its new incarnation before the controller has fenced the old, and
     * the first image that it sees is one behind that. */
    fence(w, id);
    n->applied = w->state_count - 1;
    learn_state(w, id);
}

#endif
