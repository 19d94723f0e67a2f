/* Two simulated machines, a server on one and a client on the other. */
#ifndef TESTS_UNIT_SIM_NET_PAIR_H
#define TESTS_UNIT_SIM_NET_PAIR_H

#include <stdio.h>

#include "base/mem.h"
#include "net/net.h"
#include "sim/net/sim_net.h"
#include "tests/unit/unit.h"

enum { PAIR_PORT = 9092, PAIR_MS = 1000, PAIR_S = 1000 * 1000 };

struct pair {
    struct sim_net *net;
    struct sim_host *server_host;
    struct sim_host *client_host;
    struct net_loop *server_loop;
    struct net_loop *client_loop;
    struct net_server *server;
    struct net_listener *listener;
    struct net_client *client;
    struct net_client_options client_options;
    int handled;
    int answered; /* calls that ended well */
    int failed;
    enum err error; /* of the last one */
    int64_t ended_us;
    int opened;
    int closed;
    enum err closed_why;
    size_t answer_bytes; /* of the host names answered; 0: the key */
};

static inline void pair_handle(void *arg, struct net_request *req)
{
    struct pair *p = arg;
    p->handled++;
    const struct wire_find_coordinator_request *rq = req->body;
    struct wire_find_coordinator_response rs;
    wire_init(&wire_msg_find_coordinator_response, &rs);
    rs.host = rq->key;
    if (p->answer_bytes > 0) {
        rs.host = slice_of(arena_alloc(&req->arena, p->answer_bytes), p->answer_bytes);
        memset((void *)rs.host.data, 'x', p->answer_bytes);
    }
    net_reply(req, &rs);
}

static const struct net_api pair_apis[] = {{WIRE_API_FIND_COORDINATOR, 0, 3, pair_handle, NULL}};

static inline void pair_opened(void *arg)
{
    ((struct pair *)arg)->opened++;
}

static inline void pair_closed(void *arg, enum err why)
{
    struct pair *p = arg;
    p->closed++;
    p->closed_why = why;
}

static inline void pair_serve(struct pair *p)
{
    sim_host_enter(p->server_host);
    p->server_loop = net_loop_new(NULL);
    p->server = net_server_new(&(struct net_server_options){
        .apis = pair_apis, .api_count = ARRAY_LEN(pair_apis), .arg = p});
    enum err e = net_listen(
        p->server_loop,
        &(struct net_listener_options){.port = PAIR_PORT, .server = p->server, .idle_ms = -1},
        &p->listener, NULL);
    sim_host_leave();
    ck_assert_int_eq(e, ERR_NONE);
}

static inline void pair_stop_serving(struct pair *p)
{
    sim_host_enter(p->server_host);
    net_listener_free(p->listener);
    net_loop_free(p->server_loop);
    net_server_free(p->server);
    sim_host_leave();
}

/* What the process of the server leaves behind is freed. */
static inline void pair_crash_server(struct pair *p, enum sim_crash how)
{
    sim_host_crash(p->server_host, how);
    pair_stop_serving(p);
}

/* `client_options` may have been filled; host and callbacks are. */
static inline void pair_connect(struct pair *p)
{
    struct net_client_options *o = &p->client_options;
    o->host = o->host == NULL ? "server" : o->host;
    o->port = PAIR_PORT;
    o->on_open = pair_opened;
    o->on_closed = pair_closed;
    o->arg = p;
    sim_host_enter(p->client_host);
    p->client_loop = net_loop_new(NULL);
    p->client = net_client_new(p->client_loop, o);
    sim_host_leave();
}

static inline void pair_print(void *arg, const char *line)
{
    (void)arg;
    puts(line);
}

/* With CRAFT_TRACE set it tells what happens. */
static inline void pair_hosts(struct pair *p, uint64_t seed)
{
    *p = (struct pair){.net = sim_net_new(&(struct sim_net_options){
                           .seed = seed,
                           .trace = getenv("CRAFT_TRACE") == NULL ? NULL : pair_print,
                       })};
    p->server_host = sim_host_new(p->net, &(struct sim_host_options){.name = "server"});
    p->client_host = sim_host_new(p->net, &(struct sim_host_options){.name = "client"});
}

static inline void pair_init(struct pair *p, uint64_t seed)
{
    pair_hosts(p, seed);
    pair_serve(p);
    pair_connect(p);
}

/* Every segment takes so long. */
static inline void pair_set_delay(struct pair *p, int64_t us)
{
    struct sim_delay delay = {.min_us = us, .max_us = us};
    sim_net_link(p->net, p->client_host, p->server_host)->delay = delay;
    sim_net_link(p->net, p->server_host, p->client_host)->delay = delay;
}

static inline struct sim_link *pair_there(struct pair *p)
{
    return sim_net_link(p->net, p->client_host, p->server_host);
}

static inline struct sim_link *pair_back(struct pair *p)
{
    return sim_net_link(p->net, p->server_host, p->client_host);
}

static inline uint64_t pair_fini(struct pair *p)
{
    uint64_t hash = sim_net_hash(p->net);
    sim_host_enter(p->client_host);
    net_client_free(p->client);
    net_loop_free(p->client_loop);
    sim_host_leave();
    pair_stop_serving(p);
    sim_net_free(p->net);
    return hash;
}

static inline void pair_done(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)response;
    (void)raw;
    struct pair *p = arg;
    p->answered += e == ERR_NONE;
    p->failed += e != ERR_NONE;
    p->error = e;
    p->ended_us = sim_net_now_us(p->net);
}

static inline void pair_call(struct pair *p, int64_t timeout_ms)
{
    struct wire_find_coordinator_request rq;
    wire_init(&wire_msg_find_coordinator_request, &rq);
    rq.key = slice_str("key");
    sim_host_enter(p->client_host);
    net_call(p->client, &(struct net_call_args){.api = WIRE_API_FIND_COORDINATOR,
                                                .version = 0,
                                                .request = &rq,
                                                .timeout_ms = timeout_ms,
                                                .done = pair_done,
                                                .arg = p});
    sim_host_leave();
}

static inline void pair_run_for(struct pair *p, int64_t us)
{
    sim_net_run_until(p->net, sim_net_now_us(p->net) + us);
}

#define PAIR_UNTIL(p, condition) \
    while (!(condition)) { \
        ck_assert_msg(sim_net_step((p)->net), "never: %s", #condition); \
    }

static inline uint64_t pair_faults(const struct pair *p, const char *wanted)
{
    const char *name;
    uint64_t count;
    for (size_t at = 0; sim_net_fault_at(p->net, at, &name, &count); at++) {
        if (strcmp(name, wanted) == 0) {
            return count;
        }
    }
    return 0;
}

#endif
