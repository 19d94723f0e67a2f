/* The simulated network: time, order, and everything that goes wrong. */
#include "tests/unit/sim/net/pair.h"

/* Answers one call so that the connection is made. */
static void warm_up(struct pair *p)
{
    pair_call(p, 0);
    PAIR_UNTIL(p, p->answered == 1);
}

START_TEST(calls_take_the_time_of_the_links)
{
    struct pair p;
    pair_init(&p, 1);
    pair_set_delay(&p, 1000);
    warm_up(&p);
    int64_t begin_us = sim_net_now_us(p.net);
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.answered == 2);
    ck_assert_int_ge(p.ended_us - begin_us, 2000);
    ck_assert_int_lt(p.ended_us - begin_us, 2100);
    ck_assert_int_eq(p.handled, 2);
    ck_assert_uint_eq(sim_net_stats(p.net).connections, 1);
    pair_fini(&p);
}
END_TEST

static uint64_t some_calls(uint64_t seed)
{
    struct pair p;
    pair_init(&p, seed);
    pair_there(&p)->loss_ppm = 50 * 1000;
    for (int i = 0; i < 100; i++) {
        pair_call(&p, 1000);
        pair_run_for(&p, 3 * PAIR_MS);
    }
    PAIR_UNTIL(&p, p.answered + p.failed == 100);
    return pair_fini(&p);
}

START_TEST(the_same_seed_brings_the_same)
{
    uint64_t hash = some_calls(1);
    ck_assert_uint_eq(some_calls(1), hash);
    ck_assert_uint_ne(some_calls(2), hash);
}
END_TEST

START_TEST(lost_segments_come_again_in_order)
{
    struct pair p;
    pair_init(&p, 3);
    pair_there(&p)->loss_ppm = 300 * 1000;
    pair_back(&p)->loss_ppm = 300 * 1000;
    for (int i = 0; i < 200; i++) {
        pair_call(&p, 0);
        pair_run_for(&p, PAIR_MS);
    }
    /* Answers are matched by their order: one that overtook another would break the connection. */
    PAIR_UNTIL(&p, p.answered == 200);
    ck_assert_int_eq(p.handled, 200);
    ck_assert_int_eq(p.closed, 0);
    ck_assert_uint_gt(pair_faults(&p, "lost segment"), 10);
    pair_fini(&p);
}
END_TEST

START_TEST(a_cut_holds_back_until_it_is_healed)
{
    struct pair p;
    pair_init(&p, 4);
    warm_up(&p);
    pair_there(&p)->cut = true;
    pair_call(&p, 0);
    pair_run_for(&p, 1500 * PAIR_MS);
    ck_assert_int_eq(p.handled, 1);
    pair_there(&p)->cut = false;
    int64_t healed_us = sim_net_now_us(p.net);
    PAIR_UNTIL(&p, p.answered == 2);
    ck_assert_int_eq(p.handled, 2);
    /* The next time that it is sent again: 200, 400, 800, 1,600 ms after each other. */
    ck_assert_int_lt(p.ended_us - healed_us, 1700 * PAIR_MS);
    ck_assert_uint_ge(pair_faults(&p, "cut segment"), 3);
    pair_fini(&p);
}
END_TEST

START_TEST(a_one_way_cut_lets_the_request_through_once)
{
    struct pair p;
    pair_init(&p, 5);
    warm_up(&p);
    pair_back(&p)->cut = true;
    pair_call(&p, 0);
    pair_run_for(&p, 20 * PAIR_S);
    ck_assert_int_eq(p.handled, 2);
    ck_assert_int_eq(p.answered, 1);
    pair_back(&p)->cut = false;
    PAIR_UNTIL(&p, p.answered == 2);
    ck_assert_int_eq(p.handled, 2);
    pair_fini(&p);
}
END_TEST

START_TEST(a_cut_for_good_ends_the_connection_after_a_quarter_of_an_hour)
{
    struct pair p;
    pair_init(&p, 6);
    warm_up(&p);
    pair_there(&p)->cut = true;
    pair_call(&p, 0);
    int64_t begin_us = sim_net_now_us(p.net);
    PAIR_UNTIL(&p, p.closed == 1);
    int64_t took_s = (sim_net_now_us(p.net) - begin_us) / PAIR_S;
    ck_assert_int_gt(took_s, 800);
    ck_assert_int_lt(took_s, 1100);
    ck_assert_int_eq(p.closed_why, ERR_CLOSED);
    ck_assert_uint_eq(pair_faults(&p, "connection timed out"), 1);
    pair_fini(&p);
}
END_TEST

START_TEST(dials_into_a_cut_time_out)
{
    for (int there = 0; there < 2; there++) {
        struct pair p;
        pair_hosts(&p, 7);
        p.client_options.connect_timeout_ms = 1500;
        pair_serve(&p);
        pair_connect(&p);
        (there ? pair_there(&p) : pair_back(&p))->cut = true;
        pair_call(&p, 0);
        PAIR_UNTIL(&p, p.failed == 1);
        ck_assert_int_eq(p.error, ERR_CLOSED);
        ck_assert_int_ge(p.ended_us, 1500 * PAIR_MS);
        ck_assert_str_eq(net_client_failure(p.client),
                         "10.0.0.1:9092: no connection before the timeout");
        pair_there(&p)->cut = false;
        pair_back(&p)->cut = false;
        pair_call(&p, 0);
        PAIR_UNTIL(&p, p.answered == 1);
        pair_fini(&p);
    }
}
END_TEST

START_TEST(dials_are_refused)
{
    struct pair p;
    pair_init(&p, 8);
    pair_there(&p)->refuse = true;
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.failed == 1);
    ck_assert_int_lt(p.ended_us, 20 * PAIR_MS);
    ck_assert_str_eq(net_client_failure(p.client), "10.0.0.1:9092: Connection refused");
    ck_assert_uint_eq(pair_faults(&p, "dial refused"), 1);
    pair_there(&p)->refuse = false;
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.answered == 1);
    /* Nobody listens. */
    sim_host_enter(p.client_host);
    net_client_set_address(p.client, "server", PAIR_PORT + 1);
    sim_host_leave();
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.failed == 2);
    ck_assert_str_eq(net_client_failure(p.client), "10.0.0.1:9093: Connection refused");
    pair_fini(&p);
}
END_TEST

START_TEST(names_fail_and_change)
{
    struct pair p;
    pair_hosts(&p, 9);
    p.client_options.host = "kafka.example";
    p.client_options.backoff_max_ms = 100;
    pair_serve(&p);
    pair_connect(&p);
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.failed == 1);
    ck_assert_str_eq(net_client_failure(p.client), "kafka.example: Name or service not known");
    sim_net_set_name(p.net, "kafka.example", p.server_host);
    sim_host_set_dns_down(p.client_host, true);
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.failed == 2);
    ck_assert_str_eq(net_client_failure(p.client),
                     "kafka.example: Temporary failure in name resolution");
    sim_host_set_dns_down(p.client_host, false);
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.answered == 1);
    sim_net_set_name(p.net, "kafka.example", NULL);
    pair_call(&p, 0); /* on the connection that is there */
    PAIR_UNTIL(&p, p.answered == 2);
    pair_fini(&p);
}
END_TEST

START_TEST(connections_are_reset)
{
    struct pair p;
    pair_init(&p, 10);
    warm_up(&p);
    sim_net_reset(p.net, p.server_host, p.client_host);
    PAIR_UNTIL(&p, p.closed == 1);
    ck_assert_int_eq(p.closed_why, ERR_CLOSED);
    pair_run_for(&p, PAIR_MS);
    ck_assert_int_eq(net_server_stats(p.server).connections, 0);
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.answered == 2);
    pair_fini(&p);
}
END_TEST

START_TEST(one_connection_stalls_and_the_next_works)
{
    struct pair p;
    pair_init(&p, 11);
    warm_up(&p);
    sim_net_stall(p.net, p.server_host, p.client_host);
    pair_call(&p, 500);
    PAIR_UNTIL(&p, p.failed == 1);
    ck_assert_int_eq(p.error, ERR_TIMED_OUT);
    pair_call(&p, 500);
    PAIR_UNTIL(&p, p.answered == 2);
    ck_assert_int_eq(p.handled, 2);
    ck_assert_uint_eq(pair_faults(&p, "stalled connection"), 1);
    pair_fini(&p);
}
END_TEST

static int64_t call_time_us(struct pair *p)
{
    int before = p->answered;
    int64_t begin_us = sim_net_now_us(p->net);
    pair_call(p, 0);
    PAIR_UNTIL(p, p->answered == before + 1);
    return p->ended_us - begin_us;
}

START_TEST(a_link_clogs_and_unclogs)
{
    struct pair p;
    pair_init(&p, 12);
    pair_set_delay(&p, 100);
    warm_up(&p);
    struct sim_link *there = pair_there(&p);
    there->clog_us_per_second = 10 * PAIR_MS;
    there->clog_max_us = 50 * PAIR_MS;
    pair_run_for(&p, 2 * PAIR_S);
    int64_t later_us = call_time_us(&p);
    ck_assert_int_ge(later_us, 20 * PAIR_MS);
    ck_assert_int_lt(later_us, 21 * PAIR_MS);
    pair_run_for(&p, 20 * PAIR_S);
    ck_assert_int_ge(call_time_us(&p), 50 * PAIR_MS);
    ck_assert_int_lt(call_time_us(&p), 51 * PAIR_MS);
    pair_there(&p)->clog_us_per_second = -25 * PAIR_MS;
    pair_run_for(&p, 3 * PAIR_S);
    ck_assert_int_lt(call_time_us(&p), PAIR_MS);
    ck_assert_uint_gt(pair_faults(&p, "clogged segment"), 0);
    pair_fini(&p);
}
END_TEST

START_TEST(bandwidth_is_shared_by_what_is_sent)
{
    struct pair p;
    pair_init(&p, 13);
    p.answer_bytes = 30000;
    warm_up(&p);
    pair_back(&p)->bytes_per_second = 30000;
    int64_t begin_us = sim_net_now_us(p.net);
    for (int i = 0; i < 4; i++) {
        pair_call(&p, 0);
    }
    PAIR_UNTIL(&p, p.answered == 5);
    ck_assert_int_ge(p.ended_us - begin_us, 4 * PAIR_S);
    ck_assert_int_lt(p.ended_us - begin_us, 5 * PAIR_S);
    pair_fini(&p);
}
END_TEST

static void count_line(void *arg, const char *line)
{
    ck_assert_uint_gt(strlen(line), 0);
    ++*(int *)arg;
}

START_TEST(a_listener_of_the_trace_changes_nothing)
{
    uint64_t hashes[2];
    int lines = 0;
    for (int i = 0; i < 2; i++) {
        struct pair p = {
            .net = sim_net_new(&(struct sim_net_options){
                .seed = 14, .trace = i == 0 ? NULL : count_line, .trace_arg = &lines})};
        p.server_host = sim_host_new(p.net, &(struct sim_host_options){.name = "server"});
        p.client_host = sim_host_new(p.net, &(struct sim_host_options){.name = "client"});
        ck_assert(sim_net_traces(p.net) == (i == 1));
        pair_serve(&p);
        pair_connect(&p);
        warm_up(&p);
        sim_net_trace(p.net, "%d calls", p.answered);
        hashes[i] = pair_fini(&p);
    }
    ck_assert_uint_eq(hashes[0], hashes[1]);
    ck_assert_int_gt(lines, 5);
}
END_TEST

UNIT_MAIN("network", calls_take_the_time_of_the_links, the_same_seed_brings_the_same,
          lost_segments_come_again_in_order, a_cut_holds_back_until_it_is_healed,
          a_one_way_cut_lets_the_request_through_once,
          a_cut_for_good_ends_the_connection_after_a_quarter_of_an_hour, dials_into_a_cut_time_out,
          dials_are_refused, names_fail_and_change, connections_are_reset,
          one_connection_stalls_and_the_next_works, a_link_clogs_and_unclogs,
          bandwidth_is_shared_by_what_is_sent, a_listener_of_the_trace_changes_nothing)
