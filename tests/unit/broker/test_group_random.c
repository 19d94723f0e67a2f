/* Clients that follow the protocol, die and come back, over a log that delays, refuses and loses
 * records, with coordinators that take over: what must hold in every order of events.
 *
 * `CRAFT_SEED=n` repeats one run; `CRAFT_RUNS=n` makes more of them. */
#include "tests/unit/broker/test_group_world.h"

enum { STEPS_WILD = 6000, STEPS_CALM = 8000 };

/* ---- coordinators ---- */

static struct group_shard *load(struct world *w, struct group_effects *out)
{
    w->config.seed = prng_next(&w->prng);
    struct group_shard *shard = group_shard_new(&w->config, NULL);
    for (size_t i = 0; i < w->log_count; i++) {
        ck_assert_int_eq(group_shard_replay(shard, -1, w->log[i].key, w->log[i].value), ERR_NONE);
    }
    group_shard_loaded(shard, w->now, out);
    group_shard_verify(shard);
    return shard;
}

/* Of the records on their way the first few made it, the others are gone. */
static void take_over(struct world *w)
{
    group_shard_unload(w->shard, &w->out);
    absorb(w);
    group_shard_free(w->shard);
    w->shard = NULL;
    bool survives = true;
    while (!list_empty(&w->appends)) {
        struct open_append *a = LIST_ENTRY(w->appends.next, struct open_append, node);
        survives = survives && prng_chance(&w->prng, 1, 2);
        if (survives) {
            commit_append(w, a, false);
        } else {
            free_append(a);
        }
    }
    w->coordinator++;
    w->shard = load(w, &w->out);
    absorb(w);
}

/* Offsets in memory are those that a reload would give. */
static void compare_with_log(struct world *w)
{
    struct group_effects out = {0};
    struct group_shard *twin = load(w, &out);
    struct buf a = {0};
    struct buf b = {0};
    group_shard_dump(w->shard, &a);
    group_shard_dump(twin, &b);
    buf_put_i8(&a, 0);
    buf_put_i8(&b, 0);
    const char *offsets_a = strstr((char *)a.data, "offset ");
    const char *offsets_b = strstr((char *)b.data, "offset ");
    ck_assert_int_eq(offsets_a == NULL, offsets_b == NULL);
    ck_assert(offsets_a == NULL || strcmp(offsets_a, offsets_b) == 0);
    buf_fini(&a);
    buf_fini(&b);
    group_shard_unload(twin, &out);
    group_effects_clear(&out);
    group_shard_free(twin);
}

/* ---- the run ---- */

static void die(struct world *w, struct client *c)
{
    c->life++;
    c->state = DOWN;
    c->member_id[0] = '\0';
    c->wake_ms = w->now.mono_ms + (int64_t)prng_below(&w->prng, 30000);
}

static void client_step(struct world *w, struct client *c)
{
    if (c->state == MEMBER) {
        if (w->now.mono_ms >= c->heartbeat_ms && !chance(w, 300)) {
            send_heartbeat(w, c);
        }
        if (c->state == MEMBER && prng_chance(&w->prng, 1, 40)) {
            send_commit(w, c);
        }
        if (c->state == MEMBER && chance(w, 1)) {
            begin_again(w, c, false); /* its subscription changed */
        }
    } else if (w->now.mono_ms >= c->wake_ms) {
        if (c->state == WANT_SYNC || c->state == SYNCING) {
            send_sync(w, c);
        } else {
            send_join(w, c);
        }
    }
    if (c->state != DOWN && chance(w, 2)) {
        if (prng_chance(&w->prng, 1, 2) && c->member_id[0] != '\0') {
            send_leave(w, c);
        }
        die(w, c);
    }
    if (c->state == DOWN && chance(w, 2)) {
        send_delete(w, c);
    }
}

static void world_step(struct world *w)
{
    w->now.mono_ms += STEP_MS;
    w->now.wall_ms += STEP_MS;
    if (group_shard_deadline(w->shard) <= w->now.mono_ms) {
        group_shard_tick(w->shard, w->now, &w->out);
        group_shard_verify(w->shard);
        absorb(w);
    }
    run_log(w);
    int first = (int)prng_below(&w->prng, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        client_step(w, &w->clients[(first + i) % CLIENTS]);
    }
    if (chance(w, 2)) {
        take_over(w);
    }
    if (prng_chance(&w->prng, 1, 100)) {
        compare_with_log(w);
    }
}

static struct world *world_new(uint64_t seed)
{
    struct world *w = MEM_NEW(struct world);
    prng_init(&w->prng, seed);
    list_init(&w->appends);
    w->config = group_config_defaults();
    w->config.initial_rebalance_delay_ms = (int32_t)prng_below(&w->prng, 3) * 1000;
    w->config.offsets_retention_ms = 20000 + (int64_t)prng_below(&w->prng, 100000);
    w->config.offsets_retention_check_ms = 5000;
    w->now = (struct group_time){.mono_ms = 1, .wall_ms = INT64_C(1700000000000)};
    static const char *const PROTOCOLS[] = {"abc", "cba", "bca", "bac", "cab"};
    static const int16_t VERSIONS[] = {5, 6, 7, 9};
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &w->clients[i];
        c->number = i;
        c->protocols = PROTOCOLS[prng_below(&w->prng, ARRAY_LEN(PROTOCOLS))];
        c->join_version = VERSIONS[prng_below(&w->prng, ARRAY_LEN(VERSIONS))];
        if (prng_chance(&w->prng, 1, 3)) {
            snprintf(c->instance, sizeof c->instance, "static-%d", i);
        } else if (prng_chance(&w->prng, 1, 4)) {
            c->join_version = 3;
        }
    }
    w->shard = load(w, &w->out);
    absorb(w);
    return w;
}

static void world_free(struct world *w)
{
    group_shard_unload(w->shard, &w->out);
    absorb(w);
    group_shard_free(w->shard);
    for (size_t i = 0; i < w->tokens_count; i++) {
        ck_assert_msg(w->tokens[i].answers == 1, "token %zu has %d answers", i,
                      w->tokens[i].answers);
    }
    while (!list_empty(&w->appends)) {
        free_append(LIST_ENTRY(w->appends.next, struct open_append, node));
    }
    map_fini(&w->promises);
    arena_fini(&w->arena);
    mem_free(w->tokens);
    mem_free(w->log);
    mem_free(w);
}

static void run(uint64_t seed)
{
    struct world *w = world_new(seed);
    w->wild = true;
    for (int i = 0; i < STEPS_WILD; i++) {
        world_step(w);
    }
    w->wild = false;
    for (int i = 0; i < STEPS_CALM; i++) {
        world_step(w);
    }
    for (int i = 0; i < CLIENTS; i++) {
        const struct client *c = &w->clients[i];
        const struct client *peer = &w->clients[i % GROUPS];
        ck_assert_msg(c->state == MEMBER, "client %d is not a member in the calm", i);
        ck_assert_int_eq(c->generation, peer->generation);
    }
    printf("seed %" PRIu64 ": %zu requests, %zu syncs, %zu commits, %d coordinators\n", seed,
           w->tokens_count, w->stable_syncs, w->commits, w->coordinator + 1);
    world_free(w);
}

START_TEST(holds_for_many_seeds)
{
    const char *seed = getenv("CRAFT_SEED");
    const char *runs = getenv("CRAFT_RUNS");
    uint64_t first = seed == NULL ? 1 : strtoull(seed, NULL, 10);
    uint64_t count = runs == NULL ? (seed == NULL ? 5 : 1) : strtoull(runs, NULL, 10);
    for (uint64_t i = 0; i < count; i++) {
        printf("seed %" PRIu64 "\n", first + i);
        fflush(stdout);
        run(first + i);
    }
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("random");
    tcase_add_test(tc, holds_for_many_seeds);
    return fix_run(tc);
}
