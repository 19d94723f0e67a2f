/* Listening sockets: addresses, limits, descriptors, many connections, several loops. */
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

#include "tests/unit/net/fixture.h"

static enum err listen_at(struct fix *f, const char *host, int port, struct net_listener **out,
                          struct net_error *why)
{
    struct net_listener_options options = {
        .name = "OTHER", .host = host, .port = port, .server = f->server};
    return net_listen(f->loop, &options, out, why);
}

START_TEST(says_why_it_cannot_listen)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct net_listener *listener;
    struct net_error why;
    int port = net_listener_port(f.listener);
    ck_assert_int_eq(listen_at(&f, "127.0.0.1", port, &listener, &why), ERR_ADDRESS_IN_USE);
    ck_assert_ptr_null(listener);
    char text[100];
    snprintf(text, sizeof text, "cannot listen on 127.0.0.1:%d: the port is in use", port);
    ck_assert_str_eq(why.text, text);
    ck_assert_int_eq(listen_at(&f, NULL, port, &listener, &why), ERR_ADDRESS_IN_USE);
    ck_assert_int_eq(listen_at(&f, "192.0.2.1", 0, &listener, &why), ERR_CONFIG);
    ck_assert_str_eq(why.text, "cannot listen on 192.0.2.1:0: not an address of this machine");
    ck_assert_int_eq(listen_at(&f, "no such host", 0, &listener, NULL), ERR_CONFIG);
    ck_assert_int_eq(listen_at(&f, "", 0, &listener, &why), ERR_NONE);
    ck_assert_int_gt(net_listener_port(listener), 0);
    net_listener_free(listener);
    ck_assert_int_eq(listen_at(&f, "localhost", 0, &listener, &why), ERR_NONE);
    net_listener_free(listener);
    net_listener_free(NULL);
    fix_fini(&f);
}
END_TEST

START_TEST(port_can_be_taken_again_at_once)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    int fd = fix_connect(&f);
    FIX_UNTIL(&f, net_server_stats(f.server).connections == 1);
    int port = net_listener_port(f.listener);
    net_listener_free(f.listener);
    ck_assert(fix_is_closed(&f, fd));
    ck_assert_int_eq(listen_at(&f, "127.0.0.1", port, &f.listener, NULL), ERR_NONE);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

START_TEST(limits_of_connections)
{
    struct fix f;
    struct net_listener_options lo = {.limits = {.connections_max = 2}};
    fix_init(&f, NULL, &lo);
    int a = fix_connect(&f);
    int b = fix_connect(&f);
    FIX_UNTIL(&f, net_server_stats(f.server).connections == 2);
    int c = fix_connect(&f);
    ck_assert(fix_is_closed(&f, c));
    os_close(a);
    FIX_UNTIL(&f, net_server_stats(f.server).connections == 1);
    fix_settle(&f);
    int d = fix_connect(&f);
    FIX_UNTIL(&f, net_server_stats(f.server).connections == 2);
    ck_assert_int_eq(f.warnings, 1);
    os_close(b);
    os_close(c);
    os_close(d);
    fix_fini(&f);
}
END_TEST

START_TEST(limit_of_one_address)
{
    struct fix f;
    struct net_listener_options lo = {.limits = {.connections_per_ip_max = 1}};
    fix_init(&f, NULL, &lo);
    int a = fix_connect(&f);
    FIX_UNTIL(&f, net_server_stats(f.server).connections == 1);
    int b = fix_connect(&f);
    ck_assert(fix_is_closed(&f, b));
    os_close(a);
    os_close(b);
    fix_fini(&f);
}
END_TEST

START_TEST(overrides_of_the_limit_of_one_address)
{
    struct fix f;
    struct net_listener_options lo = {
        .limits = {.connections_per_ip_max = 1, .per_ip_overrides = "[::1]:9, 127.0.0.1:2"}};
    fix_init(&f, NULL, &lo);
    int a = fix_connect(&f);
    int b = fix_connect(&f);
    FIX_UNTIL(&f, net_server_stats(f.server).connections == 2);
    int c = fix_connect(&f);
    ck_assert(fix_is_closed(&f, c));
    os_close(c);
    struct net_listener_limits limits = {.connections_per_ip_max = -1,
                                         .per_ip_overrides = "127.0.0.1:3"};
    ck_assert_int_eq(net_listener_set_limits(f.listener, &limits, NULL), ERR_NONE);
    c = fix_connect(&f);
    FIX_UNTIL(&f, net_server_stats(f.server).connections == 3);
    limits.per_ip_overrides = NULL; /* nobody may come any more */
    ck_assert_int_eq(net_listener_set_limits(f.listener, &limits, NULL), ERR_NONE);
    os_close(a);
    os_close(b);
    FIX_UNTIL(&f, net_server_stats(f.server).connections == 1);
    a = fix_connect(&f);
    ck_assert(fix_is_closed(&f, a));
    os_close(a);
    os_close(c);
    fix_fini(&f);
}
END_TEST

START_TEST(overrides_that_cannot_be_read)
{
    static const char *const wrong[] = {"localhost:1", "127.0.0.1",    "127.0.0.1:",  "127.0.0.1:x",
                                        ":1",          "127.0.0.1:-1", "1.2.3.4:1,x", "[]:1"};
    struct fix f;
    fix_init(&f, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct net_error why = {""};
        struct net_listener_limits limits = {.per_ip_overrides = wrong[i]};
        ck_assert_int_eq(net_listener_set_limits(f.listener, &limits, &why), ERR_CONFIG);
        ck_assert_ptr_nonnull(strstr(why.text, "max.connections.per.ip.overrides"));
        struct net_listener_options lo = {.server = f.server, .limits = limits};
        struct net_listener *none;
        ck_assert_int_eq(net_listen(f.loop, &lo, &none, &why), ERR_CONFIG);
    }
    fix_fini(&f);
}
END_TEST

/* Ten a second: those of the first moment wait for one another, none is refused. */
START_TEST(accepts_are_held_to_a_rate)
{
    enum { PEERS = 5, RATE = 10 };
    struct fix f;
    struct net_listener_options lo = {.limits = {.accepts_per_second_max = RATE}};
    fix_init(&f, NULL, &lo);
    int64_t start_ms = net_wall_ms(f.loop);
    int fds[2 * RATE];
    for (int i = 0; i < PEERS + RATE; i++) {
        fds[i] = fix_connect(&f);
    }
    FIX_UNTIL(&f, net_server_stats(f.server).connections == PEERS + RATE);
    ck_assert_int_ge(net_wall_ms(f.loop) - start_ms, PEERS * 1000 / RATE - 20);
    for (int i = 0; i < PEERS + RATE; i++) {
        os_close(fds[i]);
    }
    fix_fini(&f);
}
END_TEST

START_TEST(accepting_pauses_without_descriptors_and_comes_back)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    int fd = fix_connect(&f);
    FIX_UNTIL(&f, net_server_stats(f.server).connections == 1);
    int waiting = fix_connect(&f); /* in the backlog */
    struct rlimit before;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = dup(fd);
    os_close(next);
    struct rlimit none = {.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    FIX_UNTIL(&f, f.warnings == 1);
    fix_settle(&f);
    ck_assert_int_eq(net_server_stats(f.server).connections, 1);
    ck_assert_int_eq(f.warnings, 1);
    /* The connections there are go on. */
    struct buf out = {0};
    fix_put_find(&out, 5, "k");
    fix_send(&f, fd, buf_slice(&out));
    ck_assert_int_eq(fix_recv_id(&f, fd), 5);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    FIX_UNTIL(&f, net_server_stats(f.server).connections == 2);
    buf_fini(&out);
    os_close(fd);
    os_close(waiting);
    fix_fini(&f);
}
END_TEST

START_TEST(a_thousand_idle_connections_hold_no_buffers)
{
    enum { PEERS = 1000, BYTES_EACH = 1100 };
    struct fix f;
    fix_init(&f, NULL, NULL);
    int *fds = mem_zalloc(PEERS, sizeof(int));
    struct buf out = {0};
    fix_put_find(&out, 5, "k");
    fds[0] = fix_connect(&f);
    fix_send(&f, fds[0], buf_slice(&out));
    ck_assert_int_eq(fix_recv_id(&f, fds[0]), 5);
    struct mallinfo2 before = mallinfo2();
    for (int i = 1; i < PEERS; i++) {
        fds[i] = fix_connect(&f);
        fix_send(&f, fds[i], buf_slice(&out));
        ck_assert_int_eq(fix_recv_id(&f, fds[i]), 5);
    }
    struct mallinfo2 after = mallinfo2();
    size_t grown = after.uordblks - before.uordblks;
    printf("%zu bytes a connection\n", grown / PEERS);
    ck_assert_uint_le(grown, PEERS * BYTES_EACH); /* nothing to see under ASan: opt builds tell */
    for (int i = 0; i < PEERS; i++) {
        os_close(fds[i]);
    }
    FIX_UNTIL(&f, net_server_stats(f.server).connections == 0);
    mem_free(fds);
    buf_fini(&out);
    fix_fini(&f);
}
END_TEST

/* ---- several loops ---- */

static void *run_loop(void *arg)
{
    net_loop_run(arg);
    return NULL;
}

static void versions_on_some_loop(void *arg, struct net_request *req)
{
    (void)arg;
    struct wire_api_versions_response rs;
    net_request_api_versions(req, ERR_NONE, &rs);
    net_reply(req, &rs);
}

static const struct net_api shared_apis[] = {
    {WIRE_API_API_VERSIONS, 0, 3, versions_on_some_loop, NULL},
};

enum { LOOPS = 3, PEERS = 30, CALLS = 50 };

struct peer {
    struct net_loop *loop;
    struct net_client *client;
    int *open;
    int left;
};

static void call_again(struct peer *peer);

static void called(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct peer *peer = arg;
    ck_assert_int_eq(e, ERR_NONE);
    const struct wire_api_versions_response *rs = response;
    ck_assert_int_eq(rs->api_keys_count, 1);
    if (--peer->left > 0) {
        call_again(peer);
    } else if (--*peer->open == 0) {
        net_loop_stop(peer->loop);
    }
}

static void call_again(struct peer *peer)
{
    struct wire_api_versions_request rq;
    wire_init(&wire_msg_api_versions_request, &rq);
    net_call(peer->client, &(struct net_call_args){.api = WIRE_API_API_VERSIONS,
                                                   .version = 3,
                                                   .request = &rq,
                                                   .timeout_ms = 10000,
                                                   .done = called,
                                                   .arg = peer});
}

START_TEST(connections_go_round_the_loops)
{
    struct net_loop *main_loop = net_loop_new(NULL);
    struct net_loop *loops[LOOPS];
    pthread_t threads[LOOPS];
    for (int i = 0; i < LOOPS; i++) {
        loops[i] = net_loop_new(NULL);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_loop, loops[i]), 0);
    }
    struct net_budget *budget = net_budget_new(1 << 20);
    struct net_server *server = net_server_new(
        &(struct net_server_options){.apis = shared_apis, .api_count = 1, .budget = budget});
    struct net_listener *listener;
    struct net_listener_options lo = {
        .name = "L", .host = "127.0.0.1", .server = server, .loops = loops, .loop_count = LOOPS};
    ck_assert_int_eq(net_listen(main_loop, &lo, &listener, NULL), ERR_NONE);
    struct peer peers[PEERS];
    int open = PEERS;
    for (int i = 0; i < PEERS; i++) {
        struct net_client_options co = {.host = "127.0.0.1", .port = net_listener_port(listener)};
        peers[i] = (struct peer){main_loop, net_client_new(main_loop, &co), &open, CALLS};
        call_again(&peers[i]);
    }
    net_loop_run(main_loop);
    ck_assert_int_eq(net_server_stats(server).connections_total, PEERS);
    ck_assert_int_eq(net_server_stats(server).requests, PEERS * CALLS);
    net_listener_free(listener);
    for (int i = 0; i < PEERS; i++) {
        net_client_free(peers[i].client);
    }
    for (int i = 0; i < LOOPS; i++) {
        net_loop_stop(loops[i]);
        pthread_join(threads[i], NULL);
        net_loop_free(loops[i]);
    }
    net_loop_free(main_loop);
    ck_assert_int_eq(net_server_stats(server).connections, 0);
    net_server_free(server);
    net_budget_free(budget);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("listener");
    TCase *tc = tcase_create("listener");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, says_why_it_cannot_listen);
    tcase_add_test(tc, port_can_be_taken_again_at_once);
    tcase_add_test(tc, limits_of_connections);
    tcase_add_test(tc, limit_of_one_address);
    tcase_add_test(tc, overrides_of_the_limit_of_one_address);
    tcase_add_test(tc, overrides_that_cannot_be_read);
    tcase_add_test(tc, accepts_are_held_to_a_rate);
    tcase_add_test(tc, accepting_pauses_without_descriptors_and_comes_back);
    tcase_add_test(tc, a_thousand_idle_connections_hold_no_buffers);
    tcase_add_test(tc, connections_go_round_the_loops);
    suite_add_tcase(suite, tc);
    return fix_run(suite);
}
