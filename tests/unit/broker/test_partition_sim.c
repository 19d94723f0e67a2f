/* Three brokers and a controller as models around the real partition core, under a seeded
 * scheduler: delayed, reordered and lost messages, metadata that arrives late, crashes that forget
 * the high watermark. Checked after every event:
 *
 *   AckedNotLost     an acknowledged record is in the log of every later leader, at its offset
 *   LogMatching      below both high watermarks two replicas' logs are equal
 *   HwBelowIsr       a leader's high watermark ≤ log end of every member of the controller's ISR
 *   HwMonotonic      a leader's high watermark never goes back within its epoch
 *   Converges        once nothing fails any more, everybody has everything and the ISR is full
 *
 * `test_partition_sim SEED` replays one seed with its trace. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/prng.h"
#include "broker/partition/partition.h"

enum {
    BROKERS = 3,
    LOG_MAX = 400,
    MESSAGES_MAX = 64,
    STATES_MAX = 600,
    STEPS = 3000,
    SEEDS = 1500,
    LAG_MS = 300,
    MIN_ISR = 2
};

struct entry {
    int32_t epoch;
    int32_t value;
};

enum kind { FETCH, FETCHED, ALTER, ALTERED };

struct message {
    enum kind kind;
    int to;
    int from;
    int32_t leader_epoch;
    int64_t broker_epoch; /* incarnation of the broker that sent the fetch */
    int64_t offset;
    int32_t last_epoch;
    int64_t hw;
    bool diverging;
    int32_t div_epoch;
    int64_t div_end;
    struct entry entry; /* at most one record an answer */
    bool has_entry;
    struct partition_proposal proposal;
    enum err error;
    struct partition_state state;
};

struct node {
    struct partition part;
    struct entry log[LOG_MAX];
    bool up;
    int64_t incarnation;
    int64_t checkpointed_hw;
    int applied;     /* states of the controller's history that this broker has seen */
    int64_t seen_hw; /* for HwMonotonic */
    int32_t seen_hw_epoch;
    int64_t unacked_from; /* leader: acks were given below it in this epoch */
};

struct world {
    struct prng prng;
    int64_t now_ms;
    struct node nodes[BROKERS];
    bool fenced[BROKERS];
    int64_t registered[BROKERS]; /* incarnation the controller knows */
    struct partition_state states[STATES_MAX];
    int state_count;
    struct message messages[MESSAGES_MAX];
    int message_count;
    struct entry acked[LOG_MAX];
    bool is_acked[LOG_MAX];
    int32_t next_value;
    int64_t acks;
    bool healing;
    bool trace;
    uint64_t seed;
};

#define CHECK(w, cond) \
    do { \
        if (!(cond)) { \
            ck_abort_msg("seed %llu at %lld ms: %s; replay: test_partition_sim %llu", \
                         (unsigned long long)(w)->seed, (long long)(w)->now_ms, #cond, \
                         (unsigned long long)(w)->seed); \
        } \
    } while (0)

#define TRACE(w, ...) \
    do { \
        if ((w)->trace) { \
            printf("[%6lld] ", (long long)(w)->now_ms); \
            printf(__VA_ARGS__); \
            printf("\n"); \
        } \
    } while (0)

static struct partition_state *newest(struct world *w)
{
    return &w->states[w->state_count - 1];
}

static bool eligible(void *arg, int32_t id, int64_t *broker_epoch)
{
    struct world *w = arg;
    *broker_epoch = w->registered[id];
    return !w->fenced[id];
}

static void send(struct world *w, const struct message *m)
{
    bool lost = !w->healing && prng_chance(&w->prng, 1, 12);
    if (!lost && w->message_count < MESSAGES_MAX) {
        w->messages[w->message_count++] = *m;
    }
}

/* ---- the controller ---- */

static bool contains(const int32_t *ids, int count, int32_t id)
{
    for (int i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

static void publish(struct world *w, struct partition_state state)
{
    if (w->state_count == STATES_MAX) {
        return;
    }
    state.partition_epoch++;
    w->states[w->state_count++] = state;
    TRACE(w, "controller: leader=%d epoch=%d partition_epoch=%d isr_count=%d", state.leader,
          state.leader_epoch, state.partition_epoch, state.isr_count);
}

static void elect(struct world *w, struct partition_state *state)
{
    int32_t old = state->leader;
    if (old >= 0 && !w->fenced[old] && contains(state->isr, state->isr_count, old)) {
        return;
    }
    state->leader = PARTITION_NO_LEADER;
    for (int i = 0; i < state->isr_count; i++) {
        if (!w->fenced[state->isr[i]]) {
            state->leader = state->isr[i];
            break;
        }
    }
    state->leader_epoch += state->leader != old;
}

static void fence(struct world *w, int id)
{
    if (w->fenced[id] || w->state_count >= STATES_MAX - 2) {
        return;
    }
    w->fenced[id] = true;
    struct partition_state state = *newest(w);
    int kept = 0;
    for (int i = 0; i < state.isr_count; i++) {
        if (state.isr[i] != id || state.isr_count == 1) {
            state.isr[kept++] = state.isr[i];
        }
    }
    state.isr_count = kept;
    elect(w, &state);
    publish(w, state);
}

static void unfence(struct world *w, int id)
{
    w->fenced[id] = false;
    w->registered[id] = w->nodes[id].incarnation;
    struct partition_state state = *newest(w);
    if (state.leader == PARTITION_NO_LEADER) {
        elect(w, &state);
        if (state.leader != PARTITION_NO_LEADER) {
            publish(w, state);
        }
    }
}

static void controller_alter(struct world *w, const struct message *m)
{
    struct message answer = {.kind = ALTERED, .to = m->from, .leader_epoch = m->leader_epoch};
    struct partition_state state = *newest(w);
    const struct partition_proposal *p = &m->proposal;
    if (p->leader_epoch < state.leader_epoch) {
        answer.error = ERR_FENCED_LEADER_EPOCH;
    } else if (m->from != state.leader) {
        answer.error = ERR_INVALID_REQUEST;
    } else if (p->partition_epoch < state.partition_epoch) {
        answer.error = ERR_INVALID_UPDATE_VERSION;
    }
    for (int i = 0; answer.error == ERR_NONE && i < p->isr_count; i++) {
        int32_t id = p->isr[i];
        bool stale = p->broker_epochs[i] >= 0 && p->broker_epochs[i] != w->registered[id];
        if (w->fenced[id] || stale) {
            answer.error = ERR_INELIGIBLE_REPLICA;
        }
    }
    if (answer.error == ERR_NONE && w->state_count < STATES_MAX) {
        memcpy(state.isr, p->isr, sizeof state.isr);
        state.isr_count = p->isr_count;
        publish(w, state);
        answer.state = *newest(w);
    }
    send(w, &answer);
}

/* ---- brokers ---- */

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

static void obey(struct world *w, int id, const struct partition_effects *effects)
{
    struct node *n = &w->nodes[id];
    struct partition_eligibility may_join = {eligible, w};
    if (n->part.role != PARTITION_ROLE_LEADER) {
        return;
    }
    for (int64_t at = n->unacked_from; at < n->part.high_watermark; at++) {
        if (n->log[at].epoch == n->part.state.leader_epoch &&
            partition_acked(&n->part, at + 1) == PARTITION_ACK_DONE) {
            CHECK(w, !w->is_acked[at] || w->acked[at].value == n->log[at].value);
            w->is_acked[at] = true;
            w->acked[at] = n->log[at];
            w->acks++;
        }
    }
    n->unacked_from = max_i64(n->unacked_from, n->part.high_watermark);
    struct message m = {.kind = ALTER, .from = id};
    if (effects->isr_wanted && partition_propose_isr(&n->part, w->now_ms, &may_join, &m.proposal)) {
        TRACE(w, "%d proposes isr_count=%d", id, m.proposal.isr_count);
        send(w, &m);
    }
}

static void learn_state(struct world *w, int id)
{
    struct node *n = &w->nodes[id];
    if (n->applied == w->state_count) {
        return;
    }
    struct partition_effects effects;
    enum partition_change change =
        partition_apply(&n->part, &w->states[n->applied++], w->now_ms, &effects);
    if (change == PARTITION_CHANGE_NEW_LEADER) {
        n->unacked_from = n->part.epoch_start_offset;
        n->seen_hw = 0;
        n->part.local_broker_epoch = n->incarnation;
        TRACE(w, "%d leads epoch %d from %lld", id, n->part.state.leader_epoch,
              (long long)n->part.log_end_offset);
    }
    obey(w, id, &effects);
}

static void leader_append(struct world *w, int id)
{
    struct node *n = &w->nodes[id];
    struct partition_eligibility may_join = {eligible, w};
    struct partition_effects effects;
    if (n->part.role != PARTITION_ROLE_LEADER || n->part.log_end_offset == LOG_MAX ||
        partition_check_min_isr(&n->part) != ERR_NONE) {
        return;
    }
    n->log[n->part.log_end_offset] = (struct entry){n->part.state.leader_epoch, w->next_value++};
    partition_appended(&n->part, n->part.log_end_offset + 1, w->now_ms, &may_join, &effects);
    obey(w, id, &effects);
}

static void follower_asks(struct world *w, int id)
{
    struct node *n = &w->nodes[id];
    if (n->part.role == PARTITION_ROLE_FOLLOWER) {
        struct message m = {.kind = FETCH,
                            .from = id,
                            .to = n->part.state.leader,
                            .leader_epoch = n->part.state.leader_epoch,
                            .broker_epoch = n->incarnation,
                            .offset = n->part.log_end_offset,
                            .last_epoch = epoch_before(n, n->part.log_end_offset)};
        send(w, &m);
    }
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
                             .offset = m->offset};
    int64_t end;
    int32_t epoch = epoch_end(n, m->last_epoch, &end);
    if (epoch < 0) {
        epoch = m->last_epoch; /* below our first epoch: it ends where that begins (KIP-101) */
    }
    if (m->last_epoch >= 0 && (epoch != m->last_epoch || end < m->offset)) {
        answer.diverging = true;
        answer.div_epoch = epoch;
        answer.div_end = end;
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

static void follower_takes(struct world *w, const struct message *m)
{
    struct node *n = &w->nodes[m->to];
    if (n->part.role != PARTITION_ROLE_FOLLOWER || m->broker_epoch != n->incarnation ||
        m->leader_epoch != n->part.state.leader_epoch || m->offset != n->part.log_end_offset) {
        return;
    }
    if (m->diverging) {
        int64_t own_end;
        int32_t own_epoch = epoch_end(n, m->div_epoch, &own_end);
        struct partition_truncation cut =
            partition_diverged(&n->part, m->div_epoch, m->div_end, own_epoch, own_end);
        TRACE(w, "%d cuts at %lld", m->to, (long long)cut.offset);
        partition_truncated(&n->part, 0, cut.offset);
        return;
    }
    struct partition_effects effects;
    int64_t end = n->part.log_end_offset;
    if (m->has_entry && end < LOG_MAX) {
        n->log[end++] = m->entry;
    }
    partition_follower_appended(&n->part, end, m->hw, &effects);
}

static void crash(struct world *w, int id)
{
    struct node *n = &w->nodes[id];
    TRACE(w, "%d crashes, log end %lld", id, (long long)n->part.log_end_offset);
    n->up = false;
    n->checkpointed_hw = (int64_t)prng_below(&w->prng, (uint64_t)n->part.high_watermark + 1);
}

static void start(struct world *w, int id)
{
    struct node *n = &w->nodes[id];
    struct partition_config config = {MIN_ISR, LAG_MS};
    int64_t end = n->part.log_end_offset;
    partition_init(&n->part, id, &config);
    partition_set_log(&n->part, 0, end, n->checkpointed_hw);
    n->up = true;
    n->incarnation = w->now_ms + 1000000 * (n->incarnation / 1000000 + 1);
    n->part.local_broker_epoch = n->incarnation;
    n->applied = w->state_count - 1;
    n->seen_hw = 0;
    TRACE(w, "%d starts", id);
    /* It is in nobody's ISR in its new incarnation before the controller has fenced the old. */
    fence(w, id);
    learn_state(w, id);
}

/* ---- invariants ---- */

static void check_world(struct world *w)
{
    const struct partition_state *state = newest(w);
    for (int i = 0; i < BROKERS; i++) {
        struct node *n = &w->nodes[i];
        partition_verify(&n->part);
        if (!n->up || n->part.role != PARTITION_ROLE_LEADER) {
            continue;
        }
        if (n->seen_hw_epoch == n->part.state.leader_epoch) {
            CHECK(w, n->part.high_watermark >= n->seen_hw);
        }
        n->seen_hw = n->part.high_watermark;
        n->seen_hw_epoch = n->part.state.leader_epoch;
        if (n->part.state.leader_epoch != state->leader_epoch) {
            continue; /* deposed and does not know yet */
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
    if (w->message_count == 0) {
        return;
    }
    int at = (int)prng_below(&w->prng, (uint64_t)w->message_count);
    struct message m = w->messages[at];
    w->messages[at] = w->messages[--w->message_count];
    if (m.kind == ALTER) {
        controller_alter(w, &m);
        return;
    }
    if (!w->nodes[m.to].up) {
        return;
    }
    struct partition_effects effects;
    if (m.kind == FETCH) {
        leader_answers(w, &m);
    } else if (m.kind == FETCHED) {
        follower_takes(w, &m);
    } else {
        struct partition *part = &w->nodes[m.to].part;
        if (part->proposal_in_flight && part->proposal.leader_epoch == m.leader_epoch) {
            partition_isr_answered(part, m.error, m.error == ERR_NONE ? &m.state : NULL, w->now_ms,
                                   &effects);
            obey(w, m.to, &effects);
        }
    }
}

static void random_fault(struct world *w)
{
    int id = (int)prng_below(&w->prng, BROKERS);
    if (w->nodes[id].up && prng_chance(&w->prng, 1, 2)) {
        crash(w, id);
    } else if (!w->nodes[id].up) {
        start(w, id);
    } else {
        fence(w, id); /* a false alarm: it lives */
    }
}

static void step(struct world *w)
{
    w->now_ms += (int64_t)prng_below(&w->prng, 4);
    int id = (int)prng_below(&w->prng, BROKERS);
    uint64_t what = prng_below(&w->prng, 100);
    struct partition_eligibility may_join = {eligible, w};
    struct partition_effects effects;
    if (what < 50) {
        deliver(w);
    } else if (!w->nodes[id].up) {
        fence(w, id);
    } else if (what < 65) {
        follower_asks(w, id);
    } else if (what < 75) {
        leader_append(w, id);
    } else if (what < 85) {
        learn_state(w, id);
    } else if (what < 90) {
        partition_check_lag(&w->nodes[id].part, w->now_ms, &may_join, &effects);
        obey(w, id, &effects);
    } else if (what < 96) {
        if (w->fenced[id] && w->nodes[id].applied == w->state_count) {
            unfence(w, id);
        }
    } else if (!w->healing && prng_chance(&w->prng, 1, 3)) {
        random_fault(w);
    }
    /* A proposal whose message was lost: the sender's request times out and goes again. */
    struct partition *part = &w->nodes[id].part;
    if (w->nodes[id].up && part->proposal_in_flight && prng_chance(&w->prng, 1, 20)) {
        struct message m = {.kind = ALTER, .from = id, .proposal = part->proposal};
        send(w, &m);
    }
    check_world(w);
}

static bool converged(struct world *w)
{
    const struct partition_state *state = newest(w);
    if (state->leader < 0 || state->isr_count != BROKERS) {
        return false;
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

static int64_t run_seed(uint64_t seed, bool trace)
{
    struct world *w = MEM_NEW(struct world);
    w->seed = seed;
    w->trace = trace;
    prng_init(&w->prng, seed);
    w->states[0] = (struct partition_state){
        .replicas = {0, 1, 2}, .replicas_count = 3, .isr = {0, 1, 2}, .isr_count = 3};
    w->state_count = 1;
    struct partition_config config = {MIN_ISR, LAG_MS};
    for (int i = 0; i < BROKERS; i++) {
        partition_init(&w->nodes[i].part, i, &config);
        w->nodes[i].up = true;
    }
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
    int64_t acks = w->acks;
    mem_free(w);
    return acks;
}

START_TEST(seeds)
{
    int64_t acks = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        acks += run_seed(seed, false);
    }
    /* The run must have had something to lose. */
    ck_assert_int_gt(acks, 20 * SEEDS);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1) {
        setenv("CK_FORK", "no", 1);
        run_seed(strtoull(argv[1], NULL, 10), true);
        return EXIT_SUCCESS;
    }
    Suite *suite = suite_create("partition_sim");
    TCase *tc = tcase_create("seeds");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, seeds);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
