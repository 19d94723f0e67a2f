/* Three brokers, a controller and two idempotent producers as models around the real partition
 * core, under a seeded scheduler: delayed, reordered and lost messages, metadata that arrives late
 * and in jumps, leaders moved for no reason, crashes that forget the high watermark and the log's
 * end. Checked after every event:
 *
 *   AckedNotLost     an acknowledged record is in the log of every later leader, at its offset
 *   LogMatching      below both high watermarks two replicas' logs are equal
 *   HwBelowIsr       a leader's high watermark ≤ log end of every member of the controller's ISR
 *   HwMonotonic      a leader's high watermark never goes back within its epoch
 *   ProducerOrder    a producer's sequences in any log have no gap and no repetition
 *   NoDuplicates     no log has a value twice (but if its client gave its epoch up)
 *   NoFalseGap       a leader with complete windows of five knows every retry
 *   Converges        once nothing fails any more, everybody has everything, the ISR is full and
 *                    producers have all their acknowledgements
 *
 *     test_partition_sim             the suite
 *     test_partition_sim SEED        replays one seed with its trace
 *     test_partition_sim --seeds N   seeds 1 to N; `seed K …` tells what is wrong
 */
#include "tests/unit/unit.h"

#include "tests/unit/broker/test_partition_nodes.h"

enum { STEPS = 3000, SEEDS = 1500 };

/* ---- clients ---- */

static void client_adds(struct world *w, int id)
{
    struct client *c = &w->clients[id];
    bool room = newest(w)->leader < 0 ||
                w->nodes[newest(w)->leader].part.log_end_offset < LOG_MAX - LOG_SPARE;
    if (w->healing || !room || c->count == PRODUCER_BATCHES || w->next_value == VALUES_MAX) {
        return;
    }
    c->acked[c->count] = false;
    c->window[c->count++] = (struct entry){.value = w->next_value++,
                                           .client = id,
                                           .producer_epoch = c->epoch,
                                           .sequence = c->next_sequence};
    c->next_sequence = c->next_sequence == INT32_MAX ? 0 : c->next_sequence + 1;
}

/* Everything that is not acknowledged, from the oldest on, as one connection would bring it. */
static void client_sends(struct world *w, int id)
{
    struct client *c = &w->clients[id];
    int32_t leader = newest(w)->leader;
    if (leader < 0 || prng_chance(&w->prng, 1, 10)) {
        leader = (int32_t)prng_below(&w->prng, BROKERS);
    }
    if (c->count > 0) {
        struct message m = {.kind = PRODUCE, .from = id, .to = leader, .burst_count = c->count};
        memcpy(m.burst, c->window, sizeof m.burst);
        send(w, &m);
    }
}

static void slide(struct client *c)
{
    while (c->count > 0 && c->acked[0]) {
        c->count--;
        memmove(c->window, c->window + 1, sizeof c->window[0] * (size_t)c->count);
        memmove(c->acked, c->acked + 1, sizeof c->acked[0] * (size_t)c->count);
    }
}

/* The leader has forgotten which batches it has: the client begins a new epoch (KIP-360). What it
 * sends again may be in the log already. */
static void give_epoch_up(struct world *w, struct client *c)
{
    CHECK(w, w->short_windows); /* NoFalseGap */
    w->bumps++;
    c->epoch++;
    c->next_sequence = 0;
    int kept = 0;
    for (int i = 0; i < c->count; i++) {
        if (!c->acked[i]) {
            c->window[kept] = c->window[i];
            c->window[kept].producer_epoch = c->epoch;
            c->window[kept].sequence = c->next_sequence++;
            w->sent_anew[c->window[kept].value] = true;
            c->acked[kept++] = false;
        }
    }
    c->count = kept;
}

static void client_hears(struct world *w, const struct message *m)
{
    struct client *c = &w->clients[m->to];
    if (m->error != ERR_NONE) {
        if (c->count > 0 && c->window[0].value == m->entry.value &&
            c->epoch == m->entry.producer_epoch) {
            give_epoch_up(w, c);
        }
        return;
    }
    for (int i = 0; i < c->count; i++) {
        c->acked[i] = c->acked[i] || c->window[i].value == m->entry.value;
    }
    slide(c);
}

/* ---- invariants ---- */

static void check_leader(struct world *w, struct node *n)
{
    const struct partition_state *state = newest(w);
    if (n->seen_hw_epoch == n->part.state.leader_epoch) {
        CHECK(w, n->part.high_watermark >= n->seen_hw);
    }
    n->seen_hw = n->part.high_watermark;
    n->seen_hw_epoch = n->part.state.leader_epoch;
    if (n->part.state.leader_epoch != state->leader_epoch) {
        return; /* deposed and does not know yet */
    }
    for (int m = 0; m < state->isr_count; m++) {
        CHECK(w, w->nodes[state->isr[m]].part.log_end_offset >= n->part.high_watermark);
    }
    for (int64_t at = 0; at < LOG_MAX; at++) {
        if (w->is_acked[at]) {
            CHECK(w, at < n->part.log_end_offset);
            CHECK(w, n->log[at].value == w->acked[at].value);
        }
    }
}

static void check_world(struct world *w)
{
    for (int i = 0; i < BROKERS; i++) {
        struct node *n = &w->nodes[i];
        partition_verify(&n->part);
        if (n->up && n->part.role == PARTITION_ROLE_LEADER) {
            check_leader(w, n);
        }
    }
    for (int a = 0; a < BROKERS; a++) {
        const struct node *x = &w->nodes[a];
        const struct node *y = &w->nodes[(a + 1) % BROKERS];
        int64_t both = min_i64(x->part.high_watermark, y->part.high_watermark);
        for (int64_t at = 0; at < both; at++) {
            CHECK(w, x->log[at].value == y->log[at].value);
        }
    }
}

/* ---- the scheduler ---- */

static void deliver(struct world *w)
{
    struct message m;
    if (!take_any(w, &m)) {
        return;
    }
    bool to_broker = m.kind != ALTER && m.kind != PRODUCED;
    if (to_broker && !w->nodes[m.to].up) {
        return;
    }
    switch (m.kind) {
    case FETCH:
        leader_answers(w, &m);
        break;
    case FETCHED:
        follower_takes(w, &m);
        break;
    case ALTER:
        controller_alter(w, &m);
        break;
    case ALTERED:
        leader_hears(w, &m);
        break;
    case PRODUCE:
        leader_produces(w, &m);
        break;
    case PRODUCED:
        client_hears(w, &m);
        break;
    }
}

static void random_fault(struct world *w)
{
    int id = (int)prng_below(&w->prng, BROKERS);
    if (w->nodes[id].up && prng_chance(&w->prng, 1, 2)) {
        crash(w, id);
        if (prng_chance(&w->prng, 1, 3)) {
            start(w, id); /* before anybody has noticed */
        }
    } else if (!w->nodes[id].up) {
        start(w, id);
    } else if (prng_chance(&w->prng, 1, 3)) {
        move_leader(w);
    } else {
        fence(w, id); /* a false alarm: it lives */
    }
}

static void check_lag(struct world *w, int id)
{
    struct partition_eligibility may_join = {eligible, w};
    struct partition_effects effects;
    partition_check_lag(&w->nodes[id].part, w->now_ms, &may_join, &effects);
    obey(w, id, &effects);
}

static void broker_step(struct world *w, int id, uint64_t what)
{
    if (!w->nodes[id].up) {
        fence(w, id);
    } else if (what < 15) {
        follower_asks(w, id);
    } else if (what < 18) {
        append_anonymous(w, id);
    } else if (what < 28) {
        learn_state(w, id);
    } else if (what < 33) {
        check_lag(w, id);
    } else if (w->fenced[id] && w->nodes[id].applied == w->state_count) {
        unfence(w, id);
    }
    /* A proposal whose message was lost: the sender's request times out and goes again. */
    struct partition *part = &w->nodes[id].part;
    if (w->nodes[id].up && part->proposal_in_flight && prng_chance(&w->prng, 1, 20)) {
        proposal_times_out(w, id);
    }
}

static void step(struct world *w)
{
    w->now_ms += (int64_t)prng_below(&w->prng, 4);
    uint64_t what = prng_below(&w->prng, 100);
    if (what < 50) {
        deliver(w);
    } else if (what < 89) {
        broker_step(w, (int)prng_below(&w->prng, BROKERS), what - 50);
    } else if (what < 97) {
        int client = (int)prng_below(&w->prng, CLIENTS);
        client_adds(w, client);
        client_sends(w, client);
    } else if (!w->healing && prng_chance(&w->prng, 1, 3)) {
        random_fault(w);
    }
    check_world(w);
}

static bool converged(struct world *w)
{
    const struct partition_state *state = newest(w);
    if (state->leader < 0 || state->isr_count != BROKERS) {
        return false;
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (w->clients[i].count > 0) {
            return false;
        }
    }
    const struct node *leader = &w->nodes[state->leader];
    for (int i = 0; i < BROKERS; i++) {
        const struct node *n = &w->nodes[i];
        if (n->applied != w->state_count || n->part.log_end_offset != leader->part.log_end_offset ||
            n->part.high_watermark != leader->part.log_end_offset) {
            return false;
        }
    }
    return true;
}

static struct world *new_world(uint64_t seed, bool trace)
{
    struct world *w = MEM_NEW(struct world);
    w->seed = seed;
    w->trace = trace;
    w->short_windows = seed % 2 == 0;
    prng_init(&w->prng, seed);
    w->states[0] = (struct partition_state){
        .replicas = {0, 1, 2}, .replicas_count = 3, .isr = {0, 1, 2}, .isr_count = 3};
    w->state_count = 1;
    struct partition_config config = {MIN_ISR, LAG_MS};
    for (int i = 0; i < BROKERS; i++) {
        partition_init(&w->nodes[i].part, i, &config);
        w->nodes[i].up = true;
    }
    for (int i = 0; i < CLIENTS; i++) {
        w->clients[i].next_sequence = INT32_MAX - 20; /* they wrap soon */
    }
    return w;
}

/* What seeds have shown in all; a run must have had something to lose. */
struct totals {
    int64_t acks;
    int64_t duplicates;
    int64_t bumps;
};

static void run_seed(uint64_t seed, bool trace, struct totals *totals)
{
    struct world *w = new_world(seed, trace);
    for (int i = 0; i < STEPS; i++) {
        step(w);
    }
    w->healing = true;
    for (int i = 0; i < BROKERS; i++) {
        if (!w->nodes[i].up) {
            start(w, i);
        }
    }
    int left = 40 * STEPS;
    while (!converged(w) && left-- > 0 && w->state_count < STATES_MAX - 8) {
        step(w);
    }
    CHECK(w, converged(w) || w->state_count >= STATES_MAX - 8);
    totals->acks += w->acks;
    totals->duplicates += w->duplicates;
    totals->bumps += w->bumps;
    for (int i = 0; i < BROKERS; i++) {
        producers_fini(&w->nodes[i].producers);
    }
    mem_free(w);
}

static struct totals run_seeds(uint64_t count)
{
    struct totals totals = {0};
    for (uint64_t seed = 1; seed <= count; seed++) {
        run_seed(seed, false, &totals);
    }
    return totals;
}

START_TEST(seeds)
{
    struct totals totals = run_seeds(SEEDS);
    ck_assert_int_gt(totals.acks, 20 * SEEDS);
    ck_assert_int_gt(totals.duplicates, 5 * SEEDS);
    ck_assert_int_gt(totals.bumps, 0);
}
END_TEST

int main(int argc, char **argv)
{
    struct totals totals = {0};
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0) {
        totals = run_seeds(strtoull(argv[2], NULL, 10));
    } else if (argc == 2) {
        run_seed(strtoull(argv[1], NULL, 10), true, &totals);
    } else {
        TCase *tc = tcase_create("seeds");
        tcase_set_timeout(tc, 120);
        tcase_add_test(tc, seeds);
        return unit_run(suite_create("partition_sim"), tc);
    }
    printf("acks=%lld duplicates=%lld bumps=%lld\n", (long long)totals.acks,
           (long long)totals.duplicates, (long long)totals.bumps);
    return EXIT_SUCCESS;
}
