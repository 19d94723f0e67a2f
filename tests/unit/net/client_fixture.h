/* A client of the fixture's server, and what its callbacks have seen. */
#ifndef TEST_NET_CLIENT_FIXTURE_H
#define TEST_NET_CLIENT_FIXTURE_H

#include "tests/unit/net/fixture.h"

struct seen {
    struct fix *f;
    int count;
    enum err error;
    char host[64];
    struct net_call *call;
    struct net_client *client;
    struct net_kept *kept;
    const struct wire_fetch_response *fetch;
    int order[8];
    int opened;
    int closed;
};

static inline void on_beat(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct seen *seen = arg;
    seen->count++;
    seen->error = e;
    ck_assert((e == ERR_NONE) == (raw != NULL));
    ck_assert((e == ERR_NONE) == (response != NULL));
}

static inline void on_done(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct seen *seen = arg;
    on_beat(arg, e, response, raw);
    const struct wire_find_coordinator_response *rs = response;
    if (rs != NULL) {
        snprintf(seen->host, sizeof seen->host, "%.*s", SLICE_ARG(rs->host));
    }
}

static inline void on_open(void *arg)
{
    struct seen *seen = arg;
    seen->opened++;
}

static inline void on_closed(void *arg, enum err why)
{
    struct seen *seen = arg;
    (void)why;
    seen->closed++;
}

static inline struct net_client *new_client(struct fix *f, struct seen *seen, bool api_versions)
{
    struct net_client_options options = {
        .host = "127.0.0.1",
        .port = net_listener_port(f->listener),
        .client_id = "test",
        .backoff_ms = 5,
        .backoff_max_ms = 20,
        .api_versions = api_versions,
        .on_open = on_open,
        .on_closed = on_closed,
        .arg = seen,
    };
    seen->f = f;
    seen->client = net_client_new(f->loop, &options);
    return seen->client;
}

static inline struct net_call *find(struct net_client *client, struct seen *seen, const char *key,
                                    int64_t timeout_ms)
{
    struct wire_find_coordinator_request rq;
    wire_init(&wire_msg_find_coordinator_request, &rq);
    rq.key = slice_str(key);
    return net_call(client, &(struct net_call_args){.api = WIRE_API_FIND_COORDINATOR,
                                                    .version = 0,
                                                    .request = &rq,
                                                    .timeout_ms = timeout_ms,
                                                    .done = on_done,
                                                    .arg = seen});
}

static inline struct net_call *beat(struct net_client *client, struct seen *seen,
                                    int64_t timeout_ms)
{
    struct wire_heartbeat_request rq;
    wire_init(&wire_msg_heartbeat_request, &rq);
    return net_call(client, &(struct net_call_args){.api = WIRE_API_HEARTBEAT,
                                                    .version = 3,
                                                    .request = &rq,
                                                    .timeout_ms = timeout_ms,
                                                    .done = on_beat,
                                                    .arg = seen});
}

static inline void reply_beat(struct fix *f, int i)
{
    struct wire_heartbeat_response rs;
    wire_init(&wire_msg_heartbeat_response, &rs);
    net_reply(f->parked[i], &rs);
}

#endif
