/* The world of test_partition_sim.c: what there is, messages, and the controller's model. */
#ifndef TESTS_UNIT_BROKER_TEST_PARTITION_WORLD_H
#define TESTS_UNIT_BROKER_TEST_PARTITION_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/prng.h"
#include "broker/partition/partition.h"
#include "broker/partition/producer.h"

enum {
    BROKERS = 3,
    CLIENTS = 2,
    LOG_MAX = 500,
    LOG_SPARE = 60, /* room left for what clients have to send again at the end */
    VALUES_MAX = 4 * LOG_MAX,
    MESSAGES_MAX = 64,
    STATES_MAX = 700,
    LAG_MS = 300,
    MIN_ISR = 2,
    NOBODY = -1
};

/* A record; of an idempotent producer a batch of its own. */
struct entry {
    int32_t epoch;
    int32_t value;
    int32_t client; /* NOBODY: not of an idempotent producer */
    int16_t producer_epoch;
    int32_t sequence;
};

enum kind { FETCH, FETCHED, ALTER, ALTERED, PRODUCE, PRODUCED };

struct message {
    enum kind kind;
    bool slow; /* it takes a detour: everything else overtakes it */
    int to;
    int from;
    int32_t leader_epoch;
    int64_t broker_epoch; /* incarnation of the broker that sent the fetch */
    int64_t request;      /* number of the fetch or proposal, and of what is answered */
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
    struct entry burst[PRODUCER_BATCHES]; /* all that the client has not heard of, in order */
    int burst_count;
};

struct node {
    struct partition part;
    struct producers producers;
    struct entry log[LOG_MAX];
    bool up;
    int64_t incarnation;
    int64_t checkpointed_hw;
    int64_t requests;  /* fetches sent */
    int64_t proposals; /* AlterPartitions sent */
    int applied;       /* states of the controller's history that this broker has seen */
    int64_t seen_hw;   /* for HwMonotonic */
    int32_t seen_hw_epoch;
    int64_t
        unacked_from; /* leader: what it appended since it leads is not acknowledged from here on */
};

/* An idempotent producer with at most five batches in flight. */
struct client {
    int16_t epoch;
    int32_t next_sequence;
    struct entry window[PRODUCER_BATCHES]; /* from the oldest that is not acknowledged on */
    bool acked[PRODUCER_BATCHES];
    int count;
};

struct world {
    struct prng prng;
    int64_t now_ms;
    struct node nodes[BROKERS];
    struct client clients[CLIENTS];
    bool fenced[BROKERS];
    int64_t registered[BROKERS]; /* incarnation the controller knows */
    struct partition_state states[STATES_MAX];
    int state_count;
    struct message messages[MESSAGES_MAX];
    int message_count;
    struct entry acked[LOG_MAX];
    bool is_acked[LOG_MAX];
    bool sent_anew[VALUES_MAX]; /* by value: a client sent it again under another epoch */
    int32_t next_value;
    int64_t acks;
    int64_t duplicates; /* retries that were recognised */
    int64_t bumps;      /* of producer epochs */
    bool short_windows; /* restarts know only the last batch of producers (snapshots) */
    bool healing;
    bool trace;
    uint64_t seed;
};

#define CHECK(w, cond) \
    do { \
        if (!(cond)) { \
            printf("seed %llu at %lld ms: %s; replay: test_partition_sim %llu\n", \
                   (unsigned long long)(w)->seed, (long long)(w)->now_ms, #cond, \
                   (unsigned long long)(w)->seed); \
            exit(EXIT_FAILURE); \
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

/* Messages of one sender overtake each other, and some are lost. */
static void send(struct world *w, const struct message *m)
{
    bool lost = !w->healing && prng_chance(&w->prng, 1, 12);
    if (!lost && w->message_count < MESSAGES_MAX) {
        w->messages[w->message_count] = *m;
        /* Few proposals are sent; what an old one does should be seen. */
        w->messages[w->message_count++].slow =
            !w->healing && prng_chance(&w->prng, 1, m->kind == ALTER ? 6 : 60);
    }
}

/* False: nothing arrives now. */
static bool take_any(struct world *w, struct message *out)
{
    if (w->message_count == 0) {
        return false;
    }
    int at = (int)prng_below(&w->prng, (uint64_t)w->message_count);
    *out = w->messages[at];
    if (out->slow && !prng_chance(&w->prng, 1, 30)) {
        return false;
    }
    w->messages[at] = w->messages[--w->message_count];
    return true;
}

static bool contains(const int32_t *ids, int count, int32_t id)
{
    for (int i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

struct ids_text {
    char text[4 * BROKERS];
};

static struct ids_text ids_text(const int32_t *ids, int count)
{
    struct ids_text out = {""};
    for (int i = 0, at = 0; i < count; i++) {
        at += snprintf(out.text + at, sizeof out.text - (size_t)at, i == 0 ? "%d" : ",%d", ids[i]);
    }
    return out;
}

static bool in_newest_isr(struct world *w, int id)
{
    return contains(newest(w)->isr, newest(w)->isr_count, id);
}

/* ---- the controller ---- */

static void publish(struct world *w, struct partition_state state)
{
    if (w->state_count == STATES_MAX) {
        return;
    }
    state.partition_epoch++;
    w->states[w->state_count++] = state;
    TRACE(w, "controller: leader=%d epoch=%d partition_epoch=%d isr=%s", state.leader,
          state.leader_epoch, state.partition_epoch, ids_text(state.isr, state.isr_count).text);
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
    /* Of a broker that is not in the ISR the partition hears nothing. */
    if (kept != newest(w)->isr_count || state.leader != newest(w)->leader) {
        publish(w, state);
    }
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

/* Another member of the ISR becomes leader though nothing is wrong (preferred leader). */
static void move_leader(struct world *w)
{
    struct partition_state state = *newest(w);
    int32_t to = (int32_t)prng_below(&w->prng, BROKERS);
    if (state.leader >= 0 && state.leader != to && !w->fenced[to] && in_newest_isr(w, to) &&
        w->state_count < STATES_MAX - 2) {
        state.leader = to;
        state.leader_epoch++;
        publish(w, state);
    }
}

static enum err check_proposal(struct world *w, int from, const struct partition_proposal *p)
{
    const struct partition_state *state = newest(w);
    if (p->leader_epoch < state->leader_epoch) {
        return ERR_FENCED_LEADER_EPOCH;
    }
    if (from != state->leader) {
        return ERR_INVALID_REQUEST;
    }
    if (p->partition_epoch < state->partition_epoch) {
        return ERR_INVALID_UPDATE_VERSION;
    }
    for (int i = 0; i < p->isr_count; i++) {
        int32_t id = p->isr[i];
        bool stale = p->broker_epochs[i] >= 0 && p->broker_epochs[i] != w->registered[id];
        if (w->fenced[id] || stale) {
            return ERR_INELIGIBLE_REPLICA;
        }
    }
    return ERR_NONE;
}

static void controller_alter(struct world *w, const struct message *m)
{
    struct message answer = {.kind = ALTERED, .to = m->from, .request = m->request};
    const struct partition_proposal *p = &m->proposal;
    answer.error = w->state_count == STATES_MAX ? ERR_TIMED_OUT : check_proposal(w, m->from, p);
    if (m->broker_epoch != w->registered[m->from]) {
        answer.error = ERR_STALE_BROKER_EPOCH;
    }
    if (answer.error == ERR_NONE) {
        struct partition_state state = *newest(w);
        memcpy(state.isr, p->isr, sizeof state.isr);
        state.isr_count = p->isr_count;
        publish(w, state);
        answer.state = *newest(w);
    }
    send(w, &answer);
}

#endif
