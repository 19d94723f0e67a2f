/* Clients: calls, deadlines, cancelling, losing and finding the peer again. */
#include "tests/unit/net/client_fixture.h"

START_TEST(calls_are_answered)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen seen = {0};
    struct net_client *client = new_client(&f, &seen, false);
    fix_settle(&f);
    ck_assert_int_eq(net_server_stats(f.server).connections_total, 0); /* on demand only */
    find(client, &seen, "one", 5000);
    ck_assert_int_eq(seen.count, 0);
    FIX_UNTIL(&f, seen.count == 1);
    ck_assert_int_eq(seen.error, ERR_NONE);
    ck_assert_str_eq(seen.host, "one");
    for (int i = 0; i < 100; i++) {
        find(client, &seen, "many", 0);
    }
    FIX_UNTIL(&f, seen.count == 101);
    ck_assert_str_eq(seen.host, "many");
    ck_assert_int_eq(net_server_stats(f.server).connections_total, 1);
    ck_assert_int_eq(seen.opened, 1);
    ck_assert(net_client_is_open(client));
    net_client_free(client);
    ck_assert_int_eq(seen.closed, 0);
    fix_fini(&f);
}
END_TEST

START_TEST(names_are_resolved)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen seen = {0};
    struct net_client *client = new_client(&f, &seen, false);
    net_client_set_address(client, "localhost", net_listener_port(f.listener));
    find(client, &seen, "one", 5000);
    FIX_UNTIL(&f, seen.count == 1);
    ck_assert_int_eq(seen.error, ERR_NONE);
    net_client_set_address(client, "no such host", 1);
    find(client, &seen, "two", 5000);
    FIX_UNTIL(&f, seen.count == 2);
    ck_assert_int_eq(seen.error, ERR_CLOSED);
    find(client, &seen, "three", 5000);
    net_client_free(client); /* while a thread may be resolving */
    ck_assert_int_eq(seen.count, 3);
    net_client_free(NULL);
    fix_fini(&f);
}
END_TEST

START_TEST(calls_time_out)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen slow = {0};
    struct seen other = {0};
    struct net_client *client = new_client(&f, &slow, false);
    int64_t start_ms = net_now_ms(f.loop);
    beat(client, &slow, 40);
    find(client, &other, "behind it", 5000);
    FIX_UNTIL(&f, slow.count == 1);
    ck_assert_int_eq(slow.error, ERR_TIMED_OUT);
    ck_assert_int_ge(net_now_ms(f.loop) - start_ms, 40);
    /* The connection is not trusted any more. */
    ck_assert_int_eq(other.count, 1);
    ck_assert_int_eq(other.error, ERR_CLOSED);
    ck_assert_int_eq(slow.closed, 1);
    reply_beat(&f, 0);
    find(client, &other, "again", 5000);
    FIX_UNTIL(&f, other.count == 2);
    ck_assert_int_eq(other.error, ERR_NONE);
    ck_assert_int_eq(slow.count, 1);
    net_client_free(client);
    fix_fini(&f);
}
END_TEST

START_TEST(calls_time_out_before_there_is_a_connection)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen seen = {0};
    struct net_client *client = new_client(&f, &seen, false);
    /* A full backlog answers nobody. */
    int port;
    int full = fix_listen(0, &port);
    struct address at = fix_loopback(port);
    int fill[3];
    for (int i = 0; i < 3; i++) {
        fill[i] = os_dial(&at, (struct os_buffer_sizes){0});
    }
    net_client_set_address(client, "127.0.0.1", port);
    find(client, &seen, "x", 30);
    FIX_UNTIL(&f, seen.count == 1);
    ck_assert_int_eq(seen.error, ERR_TIMED_OUT);
    for (int i = 0; i < 3; i++) {
        os_close(fill[i]);
    }
    os_close(full);
    net_client_free(client);
    fix_fini(&f);
}
END_TEST

START_TEST(cancelled_calls_are_silent)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen gone = {0};
    struct seen seen = {0};
    struct net_client *client = new_client(&f, &seen, false);
    net_call_cancel(find(client, &gone, "unsent", 10));
    struct net_call *call = beat(client, &gone, 0);
    FIX_UNTIL(&f, f.parked_count == 1);
    net_call_cancel(call);
    find(client, &seen, "next", 5000);
    reply_beat(&f, 0);
    FIX_UNTIL(&f, seen.count == 1);
    ck_assert_str_eq(seen.host, "next");
    call = beat(client, &gone, 0);
    net_call_cancel(call); /* in the queue of the connection */
    FIX_UNTIL(&f, f.parked_count == 2);
    ck_assert_int_eq(gone.count, 0);
    net_client_free(client);
    ck_assert_int_eq(gone.count, 0);
    reply_beat(&f, 1);
    fix_fini(&f);
}
END_TEST

static void call_more(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct seen *seen = arg;
    on_done(arg, e, response, raw);
    if (seen->count < 5) {
        struct wire_find_coordinator_request rq;
        wire_init(&wire_msg_find_coordinator_request, &rq);
        net_call(seen->client, &(struct net_call_args){.api = WIRE_API_FIND_COORDINATOR,
                                                       .version = 1,
                                                       .request = &rq,
                                                       .timeout_ms = 5000,
                                                       .done = call_more,
                                                       .arg = seen});
    }
}

START_TEST(refused_connections_fail_at_once_and_are_tried_again)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen seen = {0};
    struct net_client *client = new_client(&f, &seen, false);
    int port = net_listener_port(f.listener);
    net_listener_free(f.listener);
    int64_t start_ms = net_now_ms(f.loop);
    seen.client = client;
    find(client, &seen, "x", 5000);
    FIX_UNTIL(&f, seen.count == 1);
    ck_assert_int_eq(seen.error, ERR_CLOSED);
    ck_assert(net_client_is_refused(client));
    seen.count = 0;
    call_more(&seen, ERR_CLOSED, NULL, NULL);
    FIX_UNTIL(&f, seen.count == 5);
    ck_assert_int_eq(seen.error, ERR_CLOSED);
    /* 5 + 10 + 20 + 20 ms of waiting between the dials */
    ck_assert_int_ge(net_now_ms(f.loop) - start_ms, 50);
    struct net_listener_options lo = {
        .name = "TEST", .host = "127.0.0.1", .port = port, .server = f.server};
    ck_assert_int_eq(net_listen(f.loop, &lo, &f.listener, NULL), ERR_NONE);
    find(client, &seen, "back", 5000);
    FIX_UNTIL(&f, seen.count == 6);
    ck_assert_int_eq(seen.error, ERR_NONE);
    ck_assert_str_eq(seen.host, "back");
    ck_assert(!net_client_is_refused(client));
    net_client_free(client);
    fix_fini(&f);
}
END_TEST

START_TEST(lost_connection_fails_all_calls_and_says_so)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen seen = {0};
    struct net_client *client = new_client(&f, &seen, false);
    find(client, &seen, "x", 0);
    for (int i = 0; i < 5; i++) {
        beat(client, &seen, 0);
    }
    FIX_UNTIL(&f, f.parked_count == 5 && seen.count == 1);
    net_request_close(f.parked[2]);
    FIX_UNTIL(&f, seen.closed == 1);
    ck_assert_int_eq(seen.count, 6);
    ck_assert_int_eq(seen.error, ERR_CLOSED);
    ck_assert(!net_client_is_open(client));
    f.parked[2] = NULL;
    for (int i = 0; i < 5; i++) {
        if (f.parked[i] != NULL) {
            reply_beat(&f, i);
        }
    }
    /* It had answered, so the next dial does not wait. */
    find(client, &seen, "y", 0);
    FIX_UNTIL(&f, seen.count == 7);
    ck_assert_int_eq(seen.error, ERR_NONE);
    net_client_disconnect(client);
    ck_assert_int_eq(seen.closed, 1);
    net_client_free(client);
    fix_fini(&f);
}
END_TEST

static void free_client(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct seen *seen = arg;
    on_beat(arg, e, response, raw);
    struct net_client *client = seen->client;
    seen->client = NULL;
    if (client != NULL) {
        net_client_free(client);
    }
}

START_TEST(client_freed_in_its_callback)
{
    for (int dies = 0; dies < 2; dies++) {
        struct fix f;
        fix_init(&f, NULL, NULL);
        struct seen seen = {0};
        struct net_client *client = new_client(&f, &seen, true);
        for (int i = 0; i < 4; i++) {
            struct wire_heartbeat_request rq;
            wire_init(&wire_msg_heartbeat_request, &rq);
            net_call(client, &(struct net_call_args){.api = WIRE_API_HEARTBEAT,
                                                     .version = 3,
                                                     .request = &rq,
                                                     .done = free_client,
                                                     .arg = &seen});
        }
        FIX_UNTIL(&f, f.parked_count == 4);
        if (dies) {
            net_request_close(f.parked[0]);
        } else {
            reply_beat(&f, 0);
        }
        FIX_UNTIL(&f, seen.count == 4);
        ck_assert_ptr_null(seen.client);
        ck_assert_int_eq(seen.closed, 0);
        fix_settle(&f);
        fix_fini(&f);
    }
}
END_TEST

START_TEST(ranges_are_learnt)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen seen = {0};
    struct net_client *client = new_client(&f, &seen, true);
    ck_assert_int_eq(net_client_max_version(client, WIRE_API_FETCH), -1);
    net_client_connect(client);
    /* The fixture knows ApiVersions up to 2: it refuses 3 first. */
    FIX_UNTIL(&f, seen.opened == 1);
    ck_assert_int_eq(net_client_max_version(client, WIRE_API_FETCH), 12);
    ck_assert_int_eq(net_client_min_version(client, WIRE_API_FETCH), 4);
    ck_assert_int_eq(net_client_max_version(client, WIRE_API_METADATA), -1);
    ck_assert_int_eq(net_client_max_version(client, -5), -1);
    find(client, &seen, "x", 0);
    FIX_UNTIL(&f, seen.count == 1);
    ck_assert_int_eq(seen.error, ERR_NONE);
    struct wire_find_coordinator_request rq;
    wire_init(&wire_msg_find_coordinator_request, &rq);
    struct net_call_args args = {.api = WIRE_API_FIND_COORDINATOR,
                                 .version = 4,
                                 .request = &rq,
                                 .done = on_done,
                                 .arg = &seen};
    net_call(client, &args);
    ck_assert_int_eq(seen.count, 1);
    FIX_UNTIL(&f, seen.count == 2);
    ck_assert_int_eq(seen.error, ERR_UNSUPPORTED);
    /* The same for a call that waits for the connection. */
    net_client_disconnect(client);
    net_call(client, &args);
    find(client, &seen, "y", 0);
    FIX_UNTIL(&f, seen.count == 4);
    net_client_free(client);
    fix_fini(&f);
}
END_TEST

START_TEST(what_cannot_be_encoded_fails)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen seen = {0};
    struct net_client *client = new_client(&f, &seen, false);
    struct wire_find_coordinator_request rq;
    wire_init(&wire_msg_find_coordinator_request, &rq);
    struct net_call_args args = {.api = WIRE_API_FIND_COORDINATOR,
                                 .version = 99,
                                 .request = &rq,
                                 .done = on_done,
                                 .arg = &seen};
    net_call(client, &args);
    ck_assert_int_eq(seen.count, 0);
    FIX_UNTIL(&f, seen.count == 1);
    ck_assert_int_eq(seen.error, ERR_UNSUPPORTED_VERSION);
    net_call(client, &args);
    net_call_cancel(net_call(client, &args));
    net_client_free(client);
    ck_assert_int_eq(seen.count, 2);
    fix_fini(&f);
}
END_TEST

static void keep(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct seen *seen = arg;
    ck_assert_int_eq(e, ERR_NONE);
    seen->count++;
    seen->fetch = response;
    seen->kept = net_response_take(raw);
}

START_TEST(responses_can_be_kept)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    size_t sizes[] = {10, 10000, 3 << 20};
    struct seen seen[3] = {0};
    struct net_client *client = new_client(&f, &seen[0], false);
    char path[] = "/tmp/craft-net-XXXXXX";
    f.file_fd = mkstemp(path);
    unlink(path);
    ck_assert_int_eq(ftruncate(f.file_fd, 4 << 20), 0);
    ck_assert_int_eq(pwrite(f.file_fd, "records", 7, 3), 7);
    f.file_count = 1;
    for (int i = 0; i < 3; i++) {
        f.files[0] = (struct net_file){f.file_fd, 3, sizes[i], fix_release, &f};
        struct wire_fetch_request rq;
        wire_init(&wire_msg_fetch_request, &rq);
        net_call(client, &(struct net_call_args){.api = WIRE_API_FETCH,
                                                 .version = 12,
                                                 .request = &rq,
                                                 .done = keep,
                                                 .arg = &seen[i]});
        FIX_UNTIL(&f, seen[i].count == 1);
    }
    net_client_free(client);
    fix_settle(&f);
    for (int i = 0; i < 3; i++) {
        struct slice records = seen[i].fetch->responses[0].partitions[0].records;
        ck_assert_uint_eq(records.len, sizes[i]);
        ck_assert_int_eq(memcmp(records.data, "records", 7), 0);
        net_kept_free(seen[i].kept);
    }
    net_kept_free(NULL);
    ck_assert_int_eq(f.released, 3);
    fix_fini(&f);
}
END_TEST

static void raw_done(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct seen *seen = arg;
    ck_assert_int_eq(e, ERR_NONE);
    ck_assert_ptr_null(response);
    struct wire_find_coordinator_response rs;
    struct arena arena = {0};
    ck_assert_int_eq(
        wire_decode(&wire_msg_find_coordinator_response, 0, net_response_body(raw), &arena, &rs),
        ERR_NONE);
    snprintf(seen->host, sizeof seen->host, "%.*s", SLICE_ARG(rs.host));
    arena_fini(&arena);
    seen->count++;
}

START_TEST(raw_calls)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen seen = {0};
    struct net_client *client = new_client(&f, &seen, false);
    net_client_raw_call(
        client,
        &(struct net_call_args){
            .api = WIRE_API_FIND_COORDINATOR, .version = 0, .done = raw_done, .arg = &seen},
        slice_of("\0\3raw", 5));
    FIX_UNTIL(&f, seen.count == 1);
    ck_assert_str_eq(seen.host, "raw");
    net_client_free(client);
    fix_fini(&f);
}
END_TEST

START_TEST(idle_connection_closes_and_comes_back)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen seen = {.f = &f};
    struct net_client_options options = {.host = "127.0.0.1",
                                         .port = net_listener_port(f.listener),
                                         .idle_ms = 40,
                                         .on_closed = on_closed,
                                         .arg = &seen};
    struct net_client *client = net_client_new(f.loop, &options);
    find(client, &seen, "x", 0);
    FIX_UNTIL(&f, seen.closed == 1);
    ck_assert_int_eq(seen.count, 1);
    find(client, &seen, "y", 0);
    FIX_UNTIL(&f, seen.count == 2);
    ck_assert_int_eq(seen.error, ERR_NONE);
    net_client_free(client);
    fix_fini(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client");
    TCase *tc = tcase_create("client");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, calls_are_answered);
    tcase_add_test(tc, names_are_resolved);
    tcase_add_test(tc, calls_time_out);
    tcase_add_test(tc, calls_time_out_before_there_is_a_connection);
    tcase_add_test(tc, cancelled_calls_are_silent);
    tcase_add_test(tc, refused_connections_fail_at_once_and_are_tried_again);
    tcase_add_test(tc, lost_connection_fails_all_calls_and_says_so);
    tcase_add_test(tc, client_freed_in_its_callback);
    tcase_add_test(tc, ranges_are_learnt);
    tcase_add_test(tc, what_cannot_be_encoded_fails);
    tcase_add_test(tc, responses_can_be_kept);
    tcase_add_test(tc, raw_calls);
    tcase_add_test(tc, idle_connection_closes_and_comes_back);
    suite_add_tcase(suite, tc);
    return fix_run(suite);
}
