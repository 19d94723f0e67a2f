/* Consumer groups at random: members come, go, fall silent and lose answers, batches fail, the
 * coordinator moves, topics grow. No partition is ever read by two; in peace everybody settles. */
#include <stdio.h>

#include "base/prng.h"
#include "tests/unit/broker/test_group_consumer_fixture.h"

enum { MEMBERS = 6, STEPS = 250, SEEDS = 60 };

struct world {
    struct fix *f;
    struct prng prng;
    struct fix_topic topics[2];
    struct fix_consumer c[MEMBERS];
    char ids[MEMBERS][16];
    int lives[MEMBERS];
};

static void tell_topics(struct world *w)
{
    fix_topics(w->f, w->topics, ARRAY_LEN(w->topics));
}

static void born(struct world *w, size_t i)
{
    static const char *const INSTANCES[MEMBERS] = {"one", "two", NULL, NULL, NULL, NULL};
    snprintf(w->ids[i], sizeof w->ids[i], "m%zu-%d", i, w->lives[i]++);
    w->c[i] = (struct fix_consumer){.f = w->f, .id = w->ids[i], .instance = INSTANCES[i]};
    w->c[i].topics[0] = "t";
    w->c[i].topics[1] = prng_chance(&w->prng, 1, 2) ? "u" : NULL;
    w->c[i].assignor = prng_chance(&w->prng, 1, 3) ? "range" : NULL;
}

/* A member that missed its session, or was fenced, has stopped reading. */
static void nobody_reads_twice(struct world *w)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        for (size_t k = i + 1; k < MEMBERS; k++) {
            for (size_t p = 0; p < w->c[i].owned_count; p++) {
                ck_assert_msg(w->c[i].left || w->c[k].left || !fix_owns(&w->c[k], w->c[i].owned[p]),
                              "%s and %s both read %llu", w->c[i].id, w->c[k].id,
                              (unsigned long long)w->c[i].owned[p]);
            }
        }
    }
}

/* What a member was told is in the log: another coordinator is not behind it. */
static void nobody_is_ahead(struct world *w)
{
    const struct wire_consumer_group_describe_response_groups *g = fix_describe(w->f);
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct fix_consumer *c = &w->c[i];
        for (int32_t k = 0; k < g->members_count && !c->left; k++) {
            if (slice_eq_str(g->members[k].member_id, c->id)) {
                ck_assert_msg(c->epoch <= g->members[k].member_epoch, "%s was told %d, has %d",
                              c->id, c->epoch, g->members[k].member_epoch);
            }
        }
    }
}

static void beat(struct world *w, size_t i)
{
    struct fix_consumer *c = &w->c[i];
    int error = fix_beat(c);
    if (error == ERR_UNRELEASED_INSTANCE_ID || error == ERR_FENCED_INSTANCE_ID) {
        c->left = true; /* another life of the instance */
    }
}

/* The answer gets lost: the client asks again and says what it owns. */
static void beat_in_vain(struct world *w, size_t i)
{
    struct fix_consumer *c = &w->c[i];
    fix_beat_send(c);
    c->full = true;
}

static void depart(struct world *w, size_t i)
{
    struct fix_consumer *c = &w->c[i];
    if (c->epoch > 0) {
        fix_depart(c, c->instance != NULL && prng_chance(&w->prng, 1, 2) ? -2 : -1);
    }
    c->left = true;
    c->owned_count = 0;
}

static void step(struct world *w)
{
    size_t i = (size_t)prng_below(&w->prng, MEMBERS);
    struct fix_consumer *c = &w->c[i];
    if (c->left) {
        if (prng_chance(&w->prng, 1, 4)) {
            born(w, i);
        }
        return;
    }
    switch (prng_below(&w->prng, 24)) {
    case 0:
        depart(w, i);
        break;
    case 1: /* dies; the coordinator finds out by its silence */
        c->left = true;
        c->owned_count = 0;
        break;
    case 2:
        beat_in_vain(w, i);
        break;
    case 3:
        w->topics[1].partitions += (int32_t)prng_below(&w->prng, 3);
        tell_topics(w);
        break;
    case 4:
        fix_failover(w->f);
        tell_topics(w);
        nobody_is_ahead(w);
        break;
    case 5: {
        w->f->hold = true;
        beat_in_vain(w, i);
        fix_decide(w->f, ERR_NOT_ENOUGH_REPLICAS);
        w->f->hold = false;
        fix_absorb(w->f);
        break;
    }
    default:
        beat(w, i);
    }
    fix_pass(w->f, (int64_t)prng_below(&w->prng, 400));
}

static void settle(struct world *w)
{
    for (int round = 0; round < 30; round++) {
        for (size_t i = 0; i < MEMBERS; i++) {
            if (!w->c[i].left) {
                beat(w, i);
                nobody_reads_twice(w);
            }
        }
        fix_pass(w->f, 5000);
    }
    size_t readers_of_u = 0;
    size_t owned = 0;
    size_t members = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct fix_consumer *c = &w->c[i];
        members += !c->left;
        readers_of_u += !c->left && c->topics[1] != NULL;
        owned += c->left ? 0 : c->owned_count;
    }
    size_t all = members == 0 ? 0 : (size_t)w->topics[0].partitions;
    all += readers_of_u == 0 ? 0 : (size_t)w->topics[1].partitions;
    ck_assert_uint_eq(owned, all);
    ck_assert_str_eq(fix_str(w->f, fix_describe(w->f)->group_state),
                     members == 0 ? (fix_describe(w->f)->error_code == 0 ? "Empty" : "Dead")
                                  : "Stable");
}

START_TEST(no_partition_is_read_by_two)
{
    struct world w = {.f = fix_new(), .topics = {{"t", 1, 7}, {"u", 2, 3}}};
    prng_init(&w.prng, (uint64_t)_i + 1);
    tell_topics(&w);
    for (size_t i = 0; i < MEMBERS; i++) {
        born(&w, i);
    }
    for (int n = 0; n < STEPS; n++) {
        step(&w);
        nobody_reads_twice(&w);
    }
    settle(&w);
    fix_free(w.f);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("consumer_random");
    tcase_add_loop_test(tc, no_partition_is_read_by_two, 0, SEEDS);
    return fix_run(tc);
}
