/* A seeded storm: many clients, answers out of order, late, raw, with files, connections that die
 * at any moment. Every call must be answered rightly or fail, exactly once. */
#include "base/prng.h"
#include "tests/unit/net/fixture.h"

/* Simulated time allows for more calls than real time does. */
enum {
    CLIENTS = 12,
    STORM_MS = 2000,
    ASKED_MAX = 50000,
    HOLD_MAX = 200,
    OPEN_MAX = 400,
    FILE_BYTES = 1 << 20
};

struct storm;

struct ask {
    struct storm *storm;
    struct net_call *call;
    char key[48];
    size_t file_len; /* of a Fetch */
};

struct storm {
    struct prng prng;
    struct net_loop *loop;
    struct net_server *server;
    struct net_listener *listener;
    struct net_client *clients[CLIENTS];
    struct net_request *held[HOLD_MAX];
    int held_count;
    struct net_kept *kept[HOLD_MAX];
    int kept_count;
    int file_fd;
    int files_out;
    int asked;
    int open;
    int answered;
    int failed;
    int cancelled;
};

static bool chance(struct storm *s, uint64_t num, uint64_t den)
{
    return prng_chance(&s->prng, num, den);
}

/* ---- the server's side ---- */

static void reply_find(struct net_request *req)
{
    const struct wire_find_coordinator_request *rq = req->body;
    struct wire_find_coordinator_response rs;
    wire_init(&wire_msg_find_coordinator_response, &rs);
    rs.host = rq->key;
    net_reply(req, &rs);
}

static void file_gone(void *arg)
{
    struct storm *s = arg;
    s->files_out--;
}

static void reply_fetch(struct storm *s, struct net_request *req)
{
    const struct wire_fetch_request *rq = req->body;
    struct wire_fetch_response rs;
    struct wire_fetch_response_responses topic;
    struct wire_fetch_response_responses_partitions part;
    wire_init(&wire_msg_fetch_response, &rs);
    wire_init(&wire_msg_fetch_response_responses, &topic);
    wire_init(&wire_msg_fetch_response_responses_partitions, &part);
    rs.responses = &topic;
    rs.responses_count = 1;
    topic.partitions = &part;
    topic.partitions_count = 1;
    struct net_file file = {s->file_fd, rq->min_bytes % 1000, (size_t)rq->max_bytes, file_gone, s};
    part.records = slice_of(WIRE_EXTERNAL, file.len);
    s->files_out++;
    net_reply_files(req, &rs, &file, 1);
}

static void answer(struct storm *s, struct net_request *req)
{
    if (chance(s, 1, 2000)) {
        net_request_close(req);
    } else if (req->header.api_key == WIRE_API_FETCH) {
        reply_fetch(s, req);
    } else {
        reply_find(req);
    }
}

static void handle(void *arg, struct net_request *req)
{
    struct storm *s = arg;
    if (s->held_count < HOLD_MAX && chance(s, 1, 3)) {
        s->held[s->held_count++] = req;
    } else {
        answer(s, req);
    }
}

static void answer_some(struct storm *s, bool all)
{
    while (s->held_count > 0 && (all || chance(s, 3, 4))) {
        int i = (int)prng_below(&s->prng, (uint64_t)s->held_count);
        struct net_request *req = s->held[i];
        s->held[i] = s->held[--s->held_count];
        answer(s, req);
    }
}

static const struct net_api apis[] = {
    {WIRE_API_API_VERSIONS, 0, 4, fix_versions, NULL},
    {WIRE_API_FIND_COORDINATOR, 0, 3, handle, NULL},
    {WIRE_API_FETCH, 4, 12, handle, NULL},
};

/* ---- the clients' side ---- */

static void check_answer(struct ask *ask, const void *response)
{
    if (ask->file_len == 0) {
        const struct wire_find_coordinator_response *rs = response;
        ck_assert(slice_eq_str(rs->host, ask->key));
        return;
    }
    const struct wire_fetch_response *rs = response;
    struct slice records = rs->responses[0].partitions[0].records;
    ck_assert_uint_eq(records.len, ask->file_len);
    for (size_t i = 0; i < records.len; i += 4096) {
        ck_assert(records.data[i] == 'f');
    }
}

static void done(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct ask *ask = arg;
    struct storm *s = ask->storm;
    s->open--;
    if (e == ERR_NONE) {
        s->answered++;
        check_answer(ask, response);
        if (s->kept_count < HOLD_MAX && chance(s, 1, 10)) {
            s->kept[s->kept_count++] = net_response_take(raw);
        }
    } else {
        ck_assert(e == ERR_CLOSED || e == ERR_TIMED_OUT);
        s->failed++;
    }
    mem_free(ask);
}

static void ask_something(struct storm *s)
{
    struct ask *ask = MEM_NEW(struct ask);
    ask->storm = s;
    struct net_call_args args = {.done = done, .arg = ask};
    args.timeout_ms = chance(s, 1, 500) ? prng_range(&s->prng, 1, 20) : 20000;
    struct wire_find_coordinator_request find;
    struct wire_fetch_request fetch;
    wire_init(&wire_msg_find_coordinator_request, &find);
    wire_init(&wire_msg_fetch_request, &fetch);
    if (chance(s, 1, 4)) {
        ask->file_len = (size_t)prng_range(&s->prng, 1, chance(s, 1, 10) ? 500000 : 9000);
        fetch.max_bytes = (int32_t)ask->file_len;
        fetch.min_bytes = (int32_t)prng_below(&s->prng, 1000);
        args.api = WIRE_API_FETCH;
        args.version = (int16_t)prng_range(&s->prng, 4, 12);
        args.request = &fetch;
    } else {
        snprintf(ask->key, sizeof ask->key, "key %d", s->asked);
        find.key = slice_str(ask->key);
        args.api = WIRE_API_FIND_COORDINATOR;
        args.version = (int16_t)prng_range(&s->prng, 0, 3);
        args.request = &find;
    }
    s->asked++;
    s->open++;
    struct net_call *call = net_call(s->clients[prng_below(&s->prng, CLIENTS)], &args);
    if (chance(s, 1, 30)) {
        net_call_cancel(call);
        s->open--;
        s->cancelled++;
        mem_free(ask);
    }
}

static void storm_step(struct storm *s)
{
    for (uint64_t n = prng_below(&s->prng, 40); n > 0 && s->open < OPEN_MAX; n--) {
        ask_something(s);
    }
    answer_some(s, false);
    if (chance(s, 1, 300)) {
        net_client_disconnect(s->clients[prng_below(&s->prng, CLIENTS)]);
    }
    while (s->kept_count > 0 && chance(s, 1, 2)) {
        net_kept_free(s->kept[--s->kept_count]);
    }
    net_loop_step(s->loop, prng_range(&s->prng, 0, 1));
}

static void make_file(struct storm *s)
{
    char path[] = "/tmp/craft-net-XXXXXX";
    s->file_fd = mkstemp(path);
    ck_assert_int_ge(s->file_fd, 0);
    unlink(path);
    uint8_t *bytes = mem_alloc(FILE_BYTES);
    memset(bytes, 'f', FILE_BYTES);
    ck_assert_int_eq(pwrite(s->file_fd, bytes, FILE_BYTES, 0), FILE_BYTES);
    mem_free(bytes);
}

static void storm_begin(struct storm *s, uint64_t seed, struct net_budget *budget)
{
    printf("seed %" PRIu64 "\n", seed);
    *s = (struct storm){0};
    prng_init(&s->prng, seed);
    s->loop = net_loop_new(&(struct net_loop_options){.pool_idle_ms = 100});
    s->server = net_server_new(&(struct net_server_options){
        .apis = apis,
        .api_count = ARRAY_LEN(apis),
        .arg = s,
        .budget = budget,
        .in_flight_max = (int)prng_range(&s->prng, 1, 12),
        .output_bytes_max = (size_t)prng_range(&s->prng, 1000, 100000),
    });
    struct net_listener_options lo = {
        .name = "S",
        .host = "127.0.0.1",
        .server = s->server,
        .send_buffer_bytes = chance(s, 1, 2) ? 8192 : 0,
    };
    ck_assert_int_eq(net_listen(s->loop, &lo, &s->listener, NULL), ERR_NONE);
    make_file(s);
    for (int i = 0; i < CLIENTS; i++) {
        struct net_client_options co = {
            .host = i % 3 == 0 ? "localhost" : "127.0.0.1",
            .port = net_listener_port(s->listener),
            .backoff_ms = 1,
            .backoff_max_ms = 5,
            .api_versions = i % 2 == 0,
            .receive_buffer_bytes = i % 4 == 0 ? 4096 : 0,
        };
        s->clients[i] = net_client_new(s->loop, &co);
    }
}

START_TEST(every_call_ends_once)
{
    struct storm s;
    struct net_budget *budget = net_budget_new(200 * 1000);
    storm_begin(&s, 1000 + (uint64_t)_i, budget);
    int64_t end_ms = net_wall_ms(s.loop) + STORM_MS;
    while (net_wall_ms(s.loop) < end_ms && s.asked < ASKED_MAX) {
        storm_step(&s);
    }
    end_ms += FIX_DEADLINE_MS;
    while (s.open > 0) {
        answer_some(&s, true);
        net_loop_step(s.loop, 1);
        ck_assert_msg(net_wall_ms(s.loop) < end_ms, "%d calls never end", s.open);
    }
    printf("asked %d answered %d failed %d cancelled %d\n", s.asked, s.answered, s.failed,
           s.cancelled);
    ck_assert_int_eq(s.asked, s.answered + s.failed + s.cancelled);
    ck_assert_int_gt(s.answered, 1000);
    while (s.kept_count > 0) {
        net_kept_free(s.kept[--s.kept_count]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        net_client_free(s.clients[i]);
    }
    /* The server's connections find out, and give everything back. */
    while (net_server_stats(s.server).connections > 0 || s.held_count > 0) {
        answer_some(&s, true);
        net_loop_step(s.loop, 1);
        ck_assert(net_wall_ms(s.loop) < end_ms);
    }
    ck_assert_int_eq(s.files_out, 0);
    ck_assert_int_eq(net_budget_used(budget), 0);
    net_listener_free(s.listener);
    net_loop_free(s.loop);
    net_server_free(s.server);
    net_budget_free(budget);
    close(s.file_fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storm");
    TCase *tc = tcase_create("storm");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, every_call_ends_once, 0, 4);
    suite_add_tcase(suite, tc);
    return fix_run(suite);
}
