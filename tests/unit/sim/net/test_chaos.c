/* Everything at once: machines that call each other while links, processes and clocks fail at
 * random. Every call ends once and rightly; when all is healed, all of them work again. */
#include <stdio.h>

#include "tests/unit/sim/net/pair.h"

enum {
    HOSTS = 4,
    CHAOS_S = 60,
    HEAL_S = 150, /* the longest that TCP waits before it tries again, and some */
    CALLS_OPEN_MAX = 20,
    TEXT_BYTES = 32000,
    SEEDS = 6
};

struct world;

struct machine {
    struct world *world;
    struct sim_host *host;
    struct net_loop *loop; /* NULL: no process */
    struct net_server *server;
    struct net_listener *listener;
    struct net_client *clients[HOSTS];
    struct net_timer next;
    int open[HOSTS];
    int64_t answered[HOSTS];
};

struct world {
    struct sim_net *net;
    struct prng prng;
    struct machine machines[HOSTS];
    bool healed;
    int64_t asked;
    int64_t ended;
};

struct ask {
    struct machine *from;
    int to;
    char key[24];
};

static bool chance(struct world *w, uint64_t num, uint64_t den)
{
    return prng_chance(&w->prng, num, den);
}

/* ---- processes ---- */

static void handle(void *arg, struct net_request *req)
{
    struct machine *m = arg;
    const struct wire_find_coordinator_request *rq = req->body;
    struct wire_find_coordinator_response rs;
    wire_init(&wire_msg_find_coordinator_response, &rs);
    rs.host = rq->key;
    if (chance(m->world, 1, 20)) {
        uint8_t *text = arena_alloc(&req->arena, TEXT_BYTES);
        memset(text, 'x', TEXT_BYTES);
        rs.error_message = slice_of(text, TEXT_BYTES);
    }
    net_reply(req, &rs);
}

static const struct net_api apis[] = {{WIRE_API_FIND_COORDINATOR, 0, 3, handle, NULL}};

static void on_answer(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct ask *ask = arg;
    struct machine *m = ask->from;
    m->world->ended++;
    m->open[ask->to]--;
    if (e == ERR_NONE) {
        const struct wire_find_coordinator_response *rs = response;
        ck_assert(slice_eq_str(rs->host, ask->key));
        m->answered[ask->to]++;
    }
    mem_free(ask);
}

static void ask_somebody(struct machine *m)
{
    struct world *w = m->world;
    int to = (int)prng_below(&w->prng, HOSTS);
    if (m->open[to] == CALLS_OPEN_MAX) {
        return;
    }
    struct ask *ask = MEM_NEW(struct ask);
    ask->from = m;
    ask->to = to;
    snprintf(ask->key, sizeof ask->key, "%" PRId64, w->asked);
    struct wire_find_coordinator_request rq;
    wire_init(&wire_msg_find_coordinator_request, &rq);
    rq.key = slice_str(ask->key);
    m->open[to]++;
    w->asked++;
    net_call(m->clients[to], &(struct net_call_args){
                                 .api = WIRE_API_FIND_COORDINATOR,
                                 .version = 1,
                                 .request = &rq,
                                 .timeout_ms = chance(w, 1, 10) ? 0 : prng_range(&w->prng, 1, 3000),
                                 .done = on_answer,
                                 .arg = ask});
}

static void on_next(void *arg)
{
    struct machine *m = arg;
    ask_somebody(m);
    net_timer_set(&m->next, prng_range(&m->world->prng, 0, m->world->healed ? 200 : 50));
}

static void start(struct machine *m)
{
    sim_host_enter(m->host);
    m->loop = net_loop_new(NULL);
    m->server = net_server_new(
        &(struct net_server_options){.apis = apis, .api_count = ARRAY_LEN(apis), .arg = m});
    ck_assert_int_eq(
        net_listen(m->loop, &(struct net_listener_options){.port = PAIR_PORT, .server = m->server},
                   &m->listener, NULL),
        ERR_NONE);
    for (int i = 0; i < HOSTS; i++) {
        m->clients[i] = net_client_new(
            m->loop, &(struct net_client_options){.host = sim_host_name(m->world->machines[i].host),
                                                  .port = PAIR_PORT,
                                                  .connect_timeout_ms = 2000});
    }
    net_timer_init(&m->next, m->loop, on_next, m);
    net_timer_set(&m->next, 1);
    sim_host_leave();
}

static void stop(struct machine *m)
{
    sim_host_enter(m->host);
    net_timer_stop(&m->next);
    for (int i = 0; i < HOSTS; i++) {
        net_client_free(m->clients[i]);
    }
    net_listener_free(m->listener);
    net_loop_free(m->loop);
    net_server_free(m->server);
    sim_host_leave();
    m->loop = NULL;
}

static void crash(struct machine *m, enum sim_crash how)
{
    if (m->loop != NULL) {
        sim_host_crash(m->host, how);
        stop(m);
    }
}

static void revive(struct machine *m)
{
    if (m->loop == NULL) {
        sim_host_boot(m->host);
        start(m);
    }
}

/* ---- faults ---- */

static struct sim_link *some_link(struct world *w)
{
    struct sim_host *from = w->machines[prng_below(&w->prng, HOSTS)].host;
    return sim_net_link(w->net, from, w->machines[prng_below(&w->prng, HOSTS)].host);
}

static void harm_network(struct world *w)
{
    struct sim_link *link = some_link(w);
    struct sim_host *a = w->machines[prng_below(&w->prng, HOSTS)].host;
    struct sim_host *b = w->machines[prng_below(&w->prng, HOSTS)].host;
    switch (prng_below(&w->prng, 8)) {
    case 0:
        link->cut = !link->cut;
        break;
    case 1:
        link->loss_ppm = (uint32_t)prng_below(&w->prng, 400 * 1000);
        break;
    case 2:
        link->clog_us_per_second = prng_range(&w->prng, -200 * 1000, 200 * 1000);
        link->clog_max_us = 3 * PAIR_S;
        break;
    case 3:
        link->refuse = !link->refuse;
        break;
    case 4:
        link->bytes_per_second = prng_range(&w->prng, 0, 1000 * 1000);
        break;
    case 5:
        sim_net_reset(w->net, a, b);
        break;
    case 6:
        sim_net_stall(w->net, a, b);
        break;
    default:
        *link = sim_link_default();
    }
}

static void harm_machine(struct world *w)
{
    struct machine *m = &w->machines[prng_below(&w->prng, HOSTS)];
    switch (prng_below(&w->prng, 8)) {
    case 0:
        sim_host_pause(m->host);
        break;
    case 1:
        sim_host_resume(m->host);
        break;
    case 2:
        crash(m, SIM_CRASH_KILL);
        break;
    case 3:
        crash(m, SIM_CRASH_POWER);
        break;
    case 4:
        sim_host_set_dns_down(m->host, chance(w, 1, 2));
        break;
    case 5:
        sim_host_set_drift(m->host, (int32_t)prng_range(&w->prng, -100 * 1000, 100 * 1000));
        break;
    case 6:
        sim_host_set_turn(m->host, prng_range(&w->prng, 0, 20 * PAIR_MS));
        break;
    default:
        revive(m);
    }
}

static void nemesis(void *arg)
{
    struct world *w = arg;
    if (w->healed) {
        return;
    }
    if (chance(w, 1, 2)) {
        harm_network(w);
    } else {
        harm_machine(w);
    }
    sim_net_at(w->net, sim_net_now_us(w->net) + prng_range(&w->prng, 0, 600 * PAIR_MS), nemesis, w);
}

static void heal(struct world *w)
{
    w->healed = true;
    for (int i = 0; i < HOSTS; i++) {
        struct machine *m = &w->machines[i];
        sim_host_resume(m->host);
        revive(m);
        sim_host_set_dns_down(m->host, false);
        sim_host_set_drift(m->host, 0);
        sim_host_set_turn(m->host, 0);
        for (int j = 0; j < HOSTS; j++) {
            *sim_net_link(w->net, m->host, w->machines[j].host) = sim_link_default();
        }
    }
}

/* ---- the run ---- */

static void check_all_answer(struct world *w)
{
    for (int i = 0; i < HOSTS; i++) {
        memset(w->machines[i].answered, 0, sizeof w->machines[i].answered);
    }
    sim_net_run_until(w->net, sim_net_now_us(w->net) + 10 * (int64_t)PAIR_S);
    for (int i = 0; i < HOSTS; i++) {
        for (int j = 0; j < HOSTS; j++) {
            ck_assert_msg(w->machines[i].answered[j] > 3, "%d is not answered by %d", i, j);
        }
    }
}

static uint64_t run(uint64_t seed)
{
    static const char *const names[HOSTS] = {"a", "b", "c", "d"};
    struct world w = {
        .net = sim_net_new(&(struct sim_net_options){
            .seed = seed, .trace = getenv("CRAFT_TRACE") == NULL ? NULL : pair_print})};
    w.prng = sim_net_prng(w.net, "test");
    for (int i = 0; i < HOSTS; i++) {
        w.machines[i].world = &w;
        w.machines[i].host = sim_host_new(w.net, &(struct sim_host_options){.name = names[i]});
    }
    for (int i = 0; i < HOSTS; i++) {
        start(&w.machines[i]);
    }
    sim_net_at(w.net, PAIR_S, nemesis, &w);
    sim_net_run_until(w.net, CHAOS_S * (int64_t)PAIR_S);
    heal(&w);
    sim_net_run_until(w.net, (CHAOS_S + HEAL_S) * (int64_t)PAIR_S);
    check_all_answer(&w);
    for (int i = 0; i < HOSTS; i++) {
        stop(&w.machines[i]);
    }
    ck_assert_int_eq(w.ended, w.asked);
    uint64_t hash = sim_net_hash(w.net);
    sim_net_free(w.net);
    return hash;
}

START_TEST(all_of_it)
{
    printf("seed %d\n", _i);
    uint64_t hash = run((uint64_t)_i);
    ck_assert_uint_eq(run((uint64_t)_i), hash);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("chaos");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, all_of_it, 0, SEEDS);
    return unit_run(suite_create("chaos"), tc);
}
