/* Limits of connections: requests in flight, memory, time. */
#include "tests/unit/net/fixture.h"

enum { EMPTY_TOPICS = 600000 };

START_TEST(in_flight_limit_holds_and_lets_go)
{
    struct fix f;
    struct net_server_options so = {.in_flight_max = 3};
    fix_init(&f, &so, NULL);
    int fd = fix_connect(&f);
    struct buf out = {0};
    for (int i = 0; i < 20; i++) {
        fix_put_heartbeat(&out, i);
    }
    fix_send(&f, fd, buf_slice(&out));
    fix_settle(&f);
    ck_assert_int_eq(f.handled, 3);
    fix_send(&f, fd, buf_slice(&out)); /* more, while nothing is read */
    fix_settle(&f);
    ck_assert_int_eq(f.handled, 3);
    for (int i = 0; i < 40; i++) {
        FIX_UNTIL(&f, f.parked_count > i);
        fix_reply_parked(&f, i);
        ck_assert_int_eq(fix_recv_id(&f, fd), i % 20);
        ck_assert_int_le(f.handled, i + 4);
    }
    ck_assert_int_eq(f.handled, 40);
    buf_fini(&out);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

START_TEST(thousands_of_pipelined_requests)
{
    struct fix f;
    struct net_server_options so = {.output_bytes_max = 4096};
    fix_init(&f, &so, NULL);
    int fd = fix_connect(&f);
    struct buf out = {0};
    for (int i = 0; i < 5000; i++) {
        fix_put_find(&out, i, "a key of some length");
    }
    fix_send(&f, fd, buf_slice(&out));
    for (int i = 0; i < 5000; i++) {
        ck_assert_int_eq(fix_recv_id(&f, fd), i);
    }
    buf_fini(&out);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

START_TEST(parked_body_can_be_dropped)
{
    struct fix f;
    struct net_budget *budget = net_budget_new(1 << 20);
    struct net_server_options so = {.budget = budget};
    fix_init(&f, &so, NULL);
    f.park_produce = true;
    int fd = fix_connect(&f);
    struct buf out = {0};
    fix_put_produce(&out, 1, -1, 200 * 1000);
    fix_send(&f, fd, buf_slice(&out));
    FIX_UNTIL(&f, f.parked_count == 1);
    ck_assert_int_ge(net_budget_used(budget), 200 * 1000);
    net_request_drop_body(f.parked[0]);
    ck_assert_int_eq(net_budget_used(budget), 0);
    ck_assert_ptr_null(f.parked[0]->body);
    fix_produce_reply(f.parked[0]);
    ck_assert_int_eq(fix_recv_id(&f, fd), 1);
    buf_fini(&out);
    os_close(fd);
    fix_fini(&f);
    net_budget_free(budget);
}
END_TEST

START_TEST(arrays_that_take_too_much_memory_are_refused)
{
    struct fix f;
    struct net_budget *budget = net_budget_new(1 << 20);
    struct net_server_options so = {.budget = budget};
    fix_init(&f, &so, NULL);
    int fd = fix_connect(&f);
    struct buf out = {0};
    struct arena arena = {0};
    struct wire_produce_request rq;
    /* Three bytes each, and nearly twenty times that in memory. */
    wire_init(&wire_msg_produce_request, &rq);
    rq.topic_data = wire_new_array(&wire_msg_produce_request_topic_data, &arena, EMPTY_TOPICS);
    rq.topic_data_count = EMPTY_TOPICS;
    fix_put_request(&out, WIRE_API_PRODUCE, 9, 1, &rq);
    arena_fini(&arena);
    fix_send(&f, fd, buf_slice(&out));
    FIX_UNTIL(&f, fix_is_closed(&f, fd));
    ck_assert_int_eq(f.handled, 0);
    ck_assert_int_eq(net_budget_used(budget), 0);
    ck_assert_int_eq(net_server_stats(f.server).closed_malformed, 1);
    buf_fini(&out);
    os_close(fd);
    fix_fini(&f);
    net_budget_free(budget);
}
END_TEST

START_TEST(spent_budget_pauses_reading_and_recovers)
{
    struct fix f;
    struct net_budget *budget = net_budget_new(300 * 1000);
    struct net_server_options so = {.budget = budget};
    fix_init(&f, &so, NULL);
    f.park_produce = true;
    enum { PEERS = 6 };
    int fds[PEERS];
    struct buf out = {0};
    fix_put_produce(&out, 1, -1, 100 * 1000);
    for (int i = 0; i < PEERS; i++) {
        fds[i] = fix_connect(&f);
        fix_send(&f, fds[i], buf_slice(&out));
    }
    FIX_UNTIL(&f, f.parked_count >= 3);
    fix_settle(&f);
    ck_assert_int_eq(f.parked_count, 3); /* 3 × 100 kB are over the bound with their headers */
    ck_assert_int_lt(net_budget_used(budget), 400 * 1000);
    for (int i = 0; i < PEERS; i++) {
        FIX_UNTIL(&f, f.parked_count > i);
        fix_produce_reply(f.parked[i]);
        fix_settle(&f);
        ck_assert_int_lt(net_budget_used(budget), 400 * 1000);
    }
    for (int i = 0; i < PEERS; i++) {
        ck_assert_int_eq(fix_recv_id(&f, fds[i]), 1);
        os_close(fds[i]);
    }
    ck_assert_int_eq(net_budget_used(budget), 0);
    buf_fini(&out);
    fix_fini(&f);
    net_budget_free(budget);
}
END_TEST

START_TEST(frame_not_finished_in_time_closes)
{
    struct fix f;
    struct net_server_options so = {.frame_timeout_ms = 50};
    fix_init(&f, &so, NULL);
    int fd = fix_connect(&f);
    struct buf out = {0};
    fix_put_find(&out, 1, "k");
    fix_send(&f, fd, slice_of(out.data, out.len - 1));
    int64_t start_ms = net_wall_ms(f.loop);
    ck_assert(fix_is_closed(&f, fd));
    ck_assert_int_ge(net_wall_ms(f.loop) - start_ms, 40);
    buf_fini(&out);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

START_TEST(idle_connection_closes_busy_one_stays)
{
    struct fix f;
    struct net_listener_options lo = {.idle_ms = 60};
    fix_init(&f, NULL, &lo);
    int idle = fix_connect(&f);
    int busy = fix_connect(&f);
    struct buf out = {0};
    fix_put_heartbeat(&out, 1);
    fix_send(&f, busy, buf_slice(&out));
    ck_assert(fix_is_closed(&f, idle));
    int64_t end_ms = net_wall_ms(f.loop) + 200;
    while (net_wall_ms(f.loop) < end_ms) {
        net_loop_step(f.loop, 10);
    }
    fix_reply_parked(&f, 0);
    ck_assert_int_eq(fix_recv_id(&f, busy), 1);
    ck_assert(fix_is_closed(&f, busy)); /* now it is idle */
    ck_assert_int_eq(net_server_stats(f.server).closed_idle, 2);
    buf_fini(&out);
    os_close(idle);
    os_close(busy);
    fix_fini(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tc = tcase_create("limits");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, in_flight_limit_holds_and_lets_go);
    tcase_add_test(tc, thousands_of_pipelined_requests);
    tcase_add_test(tc, parked_body_can_be_dropped);
    tcase_add_test(tc, arrays_that_take_too_much_memory_are_refused);
    tcase_add_test(tc, spent_budget_pauses_reading_and_recovers);
    tcase_add_test(tc, frame_not_finished_in_time_closes);
    tcase_add_test(tc, idle_connection_closes_busy_one_stays);
    suite_add_tcase(suite, tc);
    return fix_run(suite);
}
