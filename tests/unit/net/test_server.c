/* Requests and responses over real sockets: framing, order, bad peers. */
#include "tests/unit/net/fixture.h"

static int32_t decode_find(const struct buf *frame, int16_t version, struct slice *host,
                           int16_t *error)
{
    struct reader r = reader_of(buf_slice(frame));
    int32_t id;
    ck_assert_int_eq(wire_response_header_decode(&r, WIRE_API_FIND_COORDINATOR, version, &id), 0);
    struct arena arena = {0};
    struct wire_find_coordinator_response rs;
    ck_assert_int_eq(wire_decode(&wire_msg_find_coordinator_response, version,
                                 reader_bytes(&r, reader_left(&r)), &arena, &rs),
                     ERR_NONE);
    *host = rs.host;
    *error = rs.error_code;
    arena_fini(&arena);
    return id;
}

START_TEST(frames_torn_at_every_byte)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    int fd = fix_connect(&f);
    struct buf two = {0};
    struct buf frame = {0};
    fix_put_find(&two, 7, "first");
    size_t first = two.len;
    fix_put_find(&two, 8, "second");
    ck_assert_uint_gt(first, 4);
    for (size_t cut = 0; cut <= two.len; cut++) {
        fix_send(&f, fd, slice_of(two.data, cut));
        fix_settle(&f);
        fix_send(&f, fd, slice_of(two.data + cut, two.len - cut));
        struct slice host;
        int16_t error;
        ck_assert(fix_recv_frame(&f, fd, &frame));
        ck_assert_int_eq(decode_find(&frame, 0, &host, &error), 7);
        ck_assert(slice_eq_str(host, "first"));
        ck_assert(fix_recv_frame(&f, fd, &frame));
        ck_assert_int_eq(decode_find(&frame, 0, &host, &error), 8);
        ck_assert(slice_eq_str(host, "second"));
    }
    for (size_t i = 0; i < two.len; i++) {
        fix_send(&f, fd, slice_of(two.data + i, 1));
        net_loop_step(f.loop, 5);
    }
    ck_assert_int_eq(fix_recv_id(&f, fd), 7);
    ck_assert_int_eq(fix_recv_id(&f, fd), 8);
    struct net_server_stats stats = net_server_stats(f.server);
    ck_assert_int_eq(stats.requests, 2 * ((int64_t)two.len + 2));
    ck_assert_int_eq(stats.bytes_in, (int64_t)(two.len * (two.len + 2)));
    buf_fini(&two);
    buf_fini(&frame);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

START_TEST(large_frames_between_small_ones)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    int fd = fix_connect(&f);
    size_t sizes[] = {100, 5000, 65536, 70000, 200 * 1024, 3 << 20, 9 << 20, 4096, 0};
    struct buf all = {0};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        fix_put_produce(&all, (int32_t)i, 1, sizes[i]);
        fix_put_find(&all, 100 + (int32_t)i, "k");
    }
    fix_send(&f, fd, buf_slice(&all));
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        ck_assert_int_eq(fix_recv_id(&f, fd), (int32_t)i);
        ck_assert_int_eq(fix_recv_id(&f, fd), 100 + (int32_t)i);
    }
    ck_assert_uint_eq(f.last_records, 0);
    /* One at a time too. */
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        buf_reset(&all);
        fix_put_produce(&all, (int32_t)i, 1, sizes[i]);
        fix_send(&f, fd, buf_slice(&all));
        ck_assert_int_eq(fix_recv_id(&f, fd), (int32_t)i);
        ck_assert_uint_eq(f.last_records, sizes[i]);
    }
    buf_fini(&all);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

START_TEST(oversized_frame_closes)
{
    struct fix f;
    struct net_server_options so = {.request_bytes_max = 1000};
    fix_init(&f, &so, NULL);
    struct buf out = {0};
    fix_put_produce(&out, 1, 1, 1000);
    int fd = fix_connect(&f);
    fix_send(&f, fd, slice_of(out.data, 4));
    ck_assert(fix_is_closed(&f, fd));
    ck_assert_int_eq(net_server_stats(f.server).closed_malformed, 1);
    os_close(fd);
    fd = fix_connect(&f);
    fix_send(&f, fd, slice_of("\xff\xff\xff\xfe", 4));
    ck_assert(fix_is_closed(&f, fd));
    ck_assert_int_eq(f.handled, 0);
    ck_assert_int_eq(f.warnings, 2);
    os_close(fd);
    buf_fini(&out);
    fix_fini(&f);
}
END_TEST

/* Sends `len` bytes as a frame and expects to be thrown out. */
static void expect_thrown_out(struct fix *f, const void *data, size_t len)
{
    struct buf out = {0};
    buf_put_i32(&out, (int32_t)len);
    buf_put(&out, data, len);
    int fd = fix_connect(f);
    fix_send(f, fd, buf_slice(&out));
    ck_assert(fix_is_closed(f, fd));
    os_close(fd);
    buf_fini(&out);
}

START_TEST(garbage_closes)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    expect_thrown_out(&f, "", 0);
    expect_thrown_out(&f, "\0\3", 2);
    expect_thrown_out(&f, "\x7f\x7f\0\0\0\0\0\1\xff\xff", 10); /* no such API */
    expect_thrown_out(&f, "\0\3\0\0\0\0\0\1\xff\xff", 10);     /* Metadata is not served */
    expect_thrown_out(&f, "\xff\xff\0\0\0\0\0\1\xff\xff", 10);
    expect_thrown_out(&f, "\0\n\0\0\0\0\0\1\0\x63", 10);         /* client id too long */
    expect_thrown_out(&f, "\0\n\0\0\0\0\0\1\xff\xff\0\5ab", 14); /* body too short */
    ck_assert_int_eq(net_server_stats(f.server).closed_malformed, 7);
    fix_settle(&f);
    ck_assert_int_eq(net_server_stats(f.server).connections, 0);
    ck_assert_int_eq(f.handled, 0);
    fix_fini(&f);
}
END_TEST

/* As Kafka does it: librdkafka sends more than its Metadata for all topics has. */
START_TEST(bytes_behind_a_body_are_ignored)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    int fd = fix_connect(&f);
    struct buf out = {0};
    for (int i = 0; i < 3; i++) {
        size_t at = out.len;
        fix_put_find(&out, i, "k");
        buf_put(&out, "\0\1\0\0", 4);
        buf_patch_i32(&out, at, (int32_t)(out.len - at - 4));
    }
    fix_send(&f, fd, buf_slice(&out));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(fix_recv_id(&f, fd), i);
    }
    buf_fini(&out);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

START_TEST(random_bytes_never_break_it)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    unsigned seed = 12345;
    printf("seed %u\n", seed);
    for (int round = 0; round < 300; round++) {
        struct buf out = {0};
        fix_put_find(&out, 1, "key");
        fix_put_produce(&out, 2, 1, 300);
        fix_put_fetch(&out, 3);
        for (int flips = 0; flips < 3; flips++) {
            out.data[(size_t)rand_r(&seed) % out.len] = (uint8_t)rand_r(&seed);
        }
        int fd = fix_connect(&f);
        fix_send(&f, fd, buf_slice(&out));
        net_loop_step(f.loop, 1);
        net_loop_step(f.loop, 0);
        os_close(fd);
        buf_fini(&out);
    }
    FIX_UNTIL(&f, net_server_stats(f.server).connections == 0);
    fix_fini(&f);
}
END_TEST

START_TEST(responses_keep_the_order_of_requests)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    int fd = fix_connect(&f);
    struct buf out = {0};
    fix_put_heartbeat(&out, 0);
    fix_put_find(&out, 1, "x");
    fix_put_heartbeat(&out, 2);
    fix_put_heartbeat(&out, 3);
    fix_put_produce(&out, 99, 0, 10); /* acks=0: no response */
    fix_put_find(&out, 4, "y");
    fix_send(&f, fd, buf_slice(&out));
    FIX_UNTIL(&f, f.handled == 6);
    uint8_t byte;
    fix_settle(&f);
    ck_assert_int_eq(os_recv(fd, &(struct iovec){&byte, 1}, 1), -1); /* all wait for the first */
    fix_reply_parked(&f, 2);
    fix_settle(&f);
    ck_assert_int_eq(os_recv(fd, &(struct iovec){&byte, 1}, 1), -1);
    fix_reply_parked(&f, 0);
    ck_assert_int_eq(fix_recv_id(&f, fd), 0);
    ck_assert_int_eq(fix_recv_id(&f, fd), 1);
    fix_settle(&f);
    ck_assert_int_eq(os_recv(fd, &(struct iovec){&byte, 1}, 1), -1);
    fix_reply_parked(&f, 1);
    ck_assert_int_eq(fix_recv_id(&f, fd), 2);
    ck_assert_int_eq(fix_recv_id(&f, fd), 3);
    ck_assert_int_eq(fix_recv_id(&f, fd), 4);
    buf_fini(&out);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

static void count_cancel(void *arg)
{
    struct fix *f = arg;
    f->cancelled++;
    /* Drops the first parked request that is left, be it this one or another. */
    for (int i = 0; i < f->parked_count; i++) {
        if (f->parked[i] != NULL) {
            ck_assert(net_request_cancelled(f->parked[i]));
            fix_reply_parked(f, i);
            return;
        }
    }
}

START_TEST(connection_dies_with_parked_requests)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    int fd = fix_connect(&f);
    struct buf out = {0};
    for (int i = 0; i < 5; i++) {
        fix_put_heartbeat(&out, i);
    }
    fix_put_find(&out, 5, "z"); /* ready, behind the parked ones */
    fix_send(&f, fd, buf_slice(&out));
    FIX_UNTIL(&f, f.parked_count == 5 && f.handled == 6);
    net_request_on_close(f.parked[1], count_cancel, &f);
    net_request_on_close(f.parked[2], count_cancel, &f);
    net_request_on_close(f.parked[3], count_cancel, &f);
    net_request_on_close(f.parked[3], NULL, NULL);
    os_close(fd);
    FIX_UNTIL(&f, f.cancelled == 2);
    fix_settle(&f);
    ck_assert_int_eq(f.cancelled, 2);
    int left = 0;
    for (int i = 0; i < 5; i++) {
        if (f.parked[i] != NULL) {
            ck_assert(net_request_cancelled(f.parked[i]));
            ck_assert_str_eq(net_conn_listener(f.parked[i]->conn), "TEST");
            ck_assert_int_eq(f.parked[i]->header.correlation_id, i);
            fix_reply_parked(&f, i);
            left++;
        }
    }
    ck_assert_int_eq(left, 3);
    fix_settle(&f);
    /* One that is never answered is freed with the loop. */
    fd = fix_connect(&f);
    fix_send(&f, fd, buf_slice(&out));
    FIX_UNTIL(&f, f.parked_count == 10);
    os_close(fd);
    FIX_UNTIL(&f, net_server_stats(f.server).connections == 0);
    buf_fini(&out);
    fix_fini(&f);
}
END_TEST

START_TEST(paused_connection_notices_that_the_peer_is_gone)
{
    struct fix f;
    struct net_server_options so = {.in_flight_max = 1};
    fix_init(&f, &so, NULL);
    int fd = fix_connect(&f);
    struct buf out = {0};
    fix_put_heartbeat(&out, 0);
    fix_send(&f, fd, buf_slice(&out));
    FIX_UNTIL(&f, f.parked_count == 1);
    fix_send(&f, fd, buf_slice(&out));
    fix_settle(&f);
    net_request_on_close(f.parked[0], count_cancel, &f);
    os_close(fd);
    FIX_UNTIL(&f, f.cancelled == 1);
    ck_assert_int_eq(f.handled, 1);
    buf_fini(&out);
    fix_fini(&f);
}
END_TEST

START_TEST(unsupported_versions_are_answered)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    int fd = fix_connect(&f);
    struct buf frame = {0};
    struct arena arena = {0};
    /* FindCoordinator: its own form, by its hook; wire knows 6, the table ends at 3. */
    struct wire_find_coordinator_request find;
    wire_init(&wire_msg_find_coordinator_request, &find);
    struct buf out = {0};
    fix_put_request(&out, WIRE_API_FIND_COORDINATOR, 4, 1, &find);
    /* ApiVersions in a version that nobody knows: answered in version 0. */
    fix_put_request(&out, WIRE_API_API_VERSIONS, 4, 2,
                    &(struct wire_api_versions_request){{0}, {0}});
    fix_send(&f, fd, buf_slice(&out));
    ck_assert(fix_recv_frame(&f, fd, &frame));
    struct wire_find_coordinator_response rs;
    ck_assert_uint_eq(load_u32(frame.data), 1);
    ck_assert_int_eq(wire_decode(&wire_msg_find_coordinator_response, 4,
                                 slice_of(frame.data + 5, frame.len - 5), &arena, &rs),
                     ERR_NONE);
    ck_assert_int_eq(rs.coordinators[0].error_code, ERR_UNSUPPORTED_VERSION);
    ck_assert(fix_recv_frame(&f, fd, &frame));
    ck_assert_uint_eq(load_u32(frame.data), 2);
    struct wire_api_versions_response versions;
    ck_assert_int_eq(wire_decode(&wire_msg_api_versions_response, 0,
                                 slice_of(frame.data + 4, frame.len - 4), &arena, &versions),
                     ERR_NONE);
    ck_assert_int_eq(versions.error_code, ERR_UNSUPPORTED_VERSION);
    ck_assert_int_eq(versions.api_keys_count, ARRAY_LEN(fix_apis));
    ck_assert_int_eq(versions.api_keys[1].max_version, FIX_FIND_MAX);
    /* Without a hook; the connection lives on. */
    buf_reset(&out);
    struct wire_heartbeat_request beat;
    wire_init(&wire_msg_heartbeat_request, &beat);
    fix_put_request(&out, WIRE_API_HEARTBEAT, 4, 3, &beat);
    fix_put_find(&out, 4, "k");
    fix_send(&f, fd, buf_slice(&out));
    ck_assert(fix_recv_frame(&f, fd, &frame));
    ck_assert_uint_eq(load_u32(frame.data), 3);
    ck_assert_int_eq(load_u16(frame.data + 5), ERR_UNSUPPORTED_VERSION);
    ck_assert_int_eq(fix_recv_id(&f, fd), 4);
    arena_fini(&arena);
    buf_fini(&frame);
    buf_fini(&out);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

struct hooks {
    int calls;
    int order;
};

static void conn_gone(void *arg)
{
    struct hooks *h = arg;
    h->calls++;
}

START_TEST(connection_hooks_and_data)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    int fd = fix_connect(&f);
    struct buf out = {0};
    fix_put_heartbeat(&out, 0);
    fix_send(&f, fd, buf_slice(&out));
    FIX_UNTIL(&f, f.parked_count == 1);
    struct net_conn *conn = f.parked[0]->conn;
    struct hooks one = {0};
    struct hooks two = {0};
    net_conn_on_close(conn, conn_gone, &one);
    net_conn_on_close(conn, conn_gone, &two);
    net_conn_off_close(conn, conn_gone, &two);
    ck_assert_ptr_null(net_conn_data(conn));
    net_conn_set_data(conn, &one);
    ck_assert_ptr_eq(net_conn_data(conn), &one);
    ck_assert_str_eq(net_conn_peer_host(conn), "127.0.0.1");
    ck_assert_msg(strncmp(net_conn_peer(conn), "127.0.0.1:", 10) == 0, "%s", net_conn_peer(conn));
    net_conn_close(conn);
    ck_assert_int_eq(one.calls, 1);
    ck_assert_int_eq(two.calls, 0);
    struct hooks three = {0};
    net_conn_on_close(conn, conn_gone, &two); /* too late: at the end of the iteration */
    net_conn_on_close(conn, conn_gone, &three);
    net_conn_off_close(conn, conn_gone, &three);
    ck_assert_int_eq(two.calls, 0);
    fix_settle(&f);
    ck_assert_int_eq(two.calls, 1);
    ck_assert_int_eq(three.calls, 0);
    ck_assert(fix_is_closed(&f, fd));
    fix_reply_parked(&f, 0);
    buf_fini(&out);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

START_TEST(a_connection_is_finished_in_order)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    int fd = fix_connect(&f);
    struct buf out = {0};
    fix_put_heartbeat(&out, 1);
    fix_put_heartbeat(&out, 2);
    fix_send(&f, fd, buf_slice(&out));
    FIX_UNTIL(&f, f.parked_count == 2);
    struct net_conn *conn = f.parked[0]->conn;
    net_conn_finish(conn);
    ck_assert(!net_conn_is_closed(conn));
    /* What comes now is not read any more. */
    fix_send(&f, fd, buf_slice(&out));
    fix_settle(&f);
    ck_assert_int_eq(f.parked_count, 2);
    fix_reply_parked(&f, 0);
    ck_assert_int_eq(fix_recv_id(&f, fd), 1);
    fix_reply_parked(&f, 1);
    ck_assert_int_eq(fix_recv_id(&f, fd), 2);
    ck_assert(fix_is_closed(&f, fd));
    close(fd);
    /* With nothing to answer it ends at once. */
    fd = fix_connect(&f);
    buf_reset(&out);
    fix_put_heartbeat(&out, 3);
    fix_send(&f, fd, buf_slice(&out));
    FIX_UNTIL(&f, f.parked_count == 3);
    conn = f.parked[2]->conn;
    fix_reply_parked(&f, 2);
    ck_assert_int_eq(fix_recv_id(&f, fd), 3);
    net_conn_finish(conn);
    ck_assert(net_conn_is_closed(conn));
    ck_assert(fix_is_closed(&f, fd));
    buf_fini(&out);
    close(fd);
    fix_fini(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server");
    TCase *tc = tcase_create("server");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, frames_torn_at_every_byte);
    tcase_add_test(tc, large_frames_between_small_ones);
    tcase_add_test(tc, oversized_frame_closes);
    tcase_add_test(tc, garbage_closes);
    tcase_add_test(tc, bytes_behind_a_body_are_ignored);
    tcase_add_test(tc, random_bytes_never_break_it);
    tcase_add_test(tc, responses_keep_the_order_of_requests);
    tcase_add_test(tc, connection_dies_with_parked_requests);
    tcase_add_test(tc, paused_connection_notices_that_the_peer_is_gone);
    tcase_add_test(tc, unsupported_versions_are_answered);
    tcase_add_test(tc, connection_hooks_and_data);
    tcase_add_test(tc, a_connection_is_finished_in_order);
    suite_add_tcase(suite, tc);
    return fix_run(suite);
}
