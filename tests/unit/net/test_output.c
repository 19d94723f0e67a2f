/* Responses with file ranges, slow readers, short writes. */
#include <fcntl.h>
#include <sys/mman.h>

#include "tests/unit/net/fixture.h"

enum { FILE_BYTES = 8 << 20 };

static uint8_t byte_at(int64_t pos)
{
    return (uint8_t)((pos * 2654435761u) >> 13);
}

/* A file whose bytes are known, and `count` ranges of it. */
static void make_files(struct fix *f, int count, size_t len)
{
    f->file_fd = memfd_create("segment", MFD_CLOEXEC);
    ck_assert_int_ge(f->file_fd, 0);
    uint8_t *bytes = mem_alloc(FILE_BYTES);
    for (int64_t i = 0; i < FILE_BYTES; i++) {
        bytes[i] = byte_at(i);
    }
    ck_assert_int_eq(pwrite(f->file_fd, bytes, FILE_BYTES, 0), FILE_BYTES);
    mem_free(bytes);
    f->file_count = count;
    for (int i = 0; i < count; i++) {
        f->files[i] = (struct net_file){
            .fd = f->file_fd,
            .pos = 1000 * i + 17,
            .len = len,
            .release = fix_release,
            .arg = f,
        };
    }
}

static void check_fetch(struct fix *f, const struct buf *frame, int32_t id)
{
    struct reader r = reader_of(buf_slice(frame));
    int32_t got = -1;
    ck_assert_int_eq(wire_response_header_decode(&r, WIRE_API_FETCH, 11, &got), ERR_NONE);
    ck_assert_int_eq(got, id);
    struct arena arena = {0};
    struct wire_fetch_response rs;
    ck_assert_int_eq(
        wire_decode(&wire_msg_fetch_response, 11, reader_bytes(&r, reader_left(&r)), &arena, &rs),
        ERR_NONE);
    ck_assert_int_eq(rs.responses[0].partitions_count, f->file_count);
    for (int i = 0; i < f->file_count; i++) {
        struct slice records = rs.responses[0].partitions[i].records;
        ck_assert_uint_eq(records.len, f->files[i].len);
        size_t at = 0;
        while (at < records.len && records.data[at] == byte_at(f->files[i].pos + (int64_t)at)) {
            at++;
        }
        ck_assert_uint_eq(at, records.len);
    }
    arena_fini(&arena);
}

static void fetch_and_check(struct fix *f, int fd, int rounds)
{
    struct buf out = {0};
    struct buf frame = {0};
    for (int i = 0; i < rounds; i++) {
        fix_put_fetch(&out, i);
    }
    fix_send(f, fd, buf_slice(&out));
    for (int i = 0; i < rounds; i++) {
        ck_assert(fix_recv_frame(f, fd, &frame));
        check_fetch(f, &frame, i);
    }
    fix_settle(f);
    ck_assert_int_eq(f->released, rounds * f->file_count);
    buf_fini(&out);
    buf_fini(&frame);
}

struct shape {
    int files;
    size_t len;
};

static const struct shape shapes[] = {{1, 0},     {1, 1},      {3, 100},    {64, 5000},
                                      {2, 60000}, {5, 300000}, {1, 5 << 20}};

START_TEST(files_arrive_whole)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    make_files(&f, shapes[_i].files, shapes[_i].len);
    int fd = fix_connect(&f);
    fetch_and_check(&f, fd, 4);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

/* A file on a disk, out of the page cache as far as the system obeys. */
static void make_cold(struct fix *f)
{
    char path[] = "/var/tmp/craft-net-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    unlink(path);
    uint8_t *bytes = mem_alloc(FILE_BYTES);
    ck_assert_int_eq(pread(f->file_fd, bytes, FILE_BYTES, 0), FILE_BYTES);
    ck_assert_int_eq(pwrite(fd, bytes, FILE_BYTES, 0), FILE_BYTES);
    mem_free(bytes);
    ck_assert_int_eq(dup2(fd, f->file_fd), f->file_fd);
    close(fd);
    ck_assert_int_eq(fsync(f->file_fd), 0);
    ck_assert_int_eq(posix_fadvise(f->file_fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

START_TEST(cold_files_arrive_whole)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    make_files(&f, shapes[_i].files, shapes[_i].len);
    make_cold(&f);
    int fd = fix_connect(&f);
    fetch_and_check(&f, fd, 2);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

START_TEST(reader_of_a_cold_file_dies)
{
    for (int steps = 0; steps < 6; steps++) {
        struct fix f;
        fix_init(&f, NULL, NULL);
        make_files(&f, 3, 1 << 20);
        make_cold(&f);
        int fd = fix_connect(&f);
        struct buf out = {0};
        fix_put_fetch(&out, 1);
        fix_send(&f, fd, buf_slice(&out));
        FIX_UNTIL(&f, f.handled == 1);
        for (int i = 0; i < steps; i++) {
            net_loop_step(f.loop, 0);
        }
        os_close(fd);
        if (steps % 2 == 0) {
            FIX_UNTIL(&f, f.released == 3);
        } /* else the loop is freed while a thread reads */
        buf_fini(&out);
        fix_fini(&f);
        ck_assert_int_eq(f.released, 3);
    }
}
END_TEST

START_TEST(small_socket_buffers)
{
    struct fix f;
    struct net_listener_options lo = {.send_buffer_bytes = 4096};
    fix_init(&f, NULL, &lo);
    make_files(&f, 7, 90000);
    int fd = fix_connect_buf(&f, 4096);
    fetch_and_check(&f, fd, 3);
    ck_assert_int_ge(net_server_stats(f.server).bytes_out, 3 * 7 * 90000);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

START_TEST(files_are_released_once_when_the_reader_dies)
{
    struct fix f;
    struct net_listener_options lo = {.send_buffer_bytes = 4096};
    fix_init(&f, NULL, &lo);
    make_files(&f, 6, 1 << 20);
    int fd = fix_connect_buf(&f, 4096);
    struct buf out = {0};
    for (int i = 0; i < 3; i++) {
        fix_put_fetch(&out, i);
    }
    fix_send(&f, fd, buf_slice(&out));
    FIX_UNTIL(&f, f.handled == 3);
    fix_settle(&f);
    ck_assert_int_lt(f.released, 18);
    os_close(fd);
    FIX_UNTIL(&f, f.released == 18);
    fix_settle(&f);
    ck_assert_int_eq(f.released, 18);
    buf_fini(&out);
    fix_fini(&f);
}
END_TEST

START_TEST(answers_to_the_dead_release_their_files)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    make_files(&f, 2, 100);
    int fd = fix_connect(&f);
    struct buf out = {0};
    fix_put_heartbeat(&out, 1);
    fix_put_fetch(&out, 2); /* ready, never sent */
    fix_send(&f, fd, buf_slice(&out));
    FIX_UNTIL(&f, f.handled == 2);
    ck_assert_int_eq(f.released, 0);
    os_close(fd);
    FIX_UNTIL(&f, f.released == 2);
    net_reply_none(f.parked[0]);
    buf_fini(&out);
    fix_fini(&f);
}
END_TEST

START_TEST(short_file_closes)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    make_files(&f, 2, 1000);
    f.files[1].pos = FILE_BYTES - 999;
    int fd = fix_connect(&f);
    struct buf out = {0};
    struct buf frame = {0};
    fix_put_fetch(&out, 1);
    fix_send(&f, fd, buf_slice(&out));
    ck_assert(!fix_recv_frame(&f, fd, &frame));
    ck_assert_int_eq(f.released, 2);
    ck_assert_int_eq(f.warnings, 1);
    buf_fini(&out);
    buf_fini(&frame);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

START_TEST(stalled_reader_is_closed)
{
    struct fix f;
    struct net_server_options so = {.stall_timeout_ms = 60};
    struct net_listener_options lo = {.send_buffer_bytes = 4096};
    fix_init(&f, &so, &lo);
    make_files(&f, 1, 4 << 20);
    int fd = fix_connect_buf(&f, 4096);
    struct buf out = {0};
    fix_put_fetch(&out, 1);
    fix_send(&f, fd, buf_slice(&out));
    FIX_UNTIL(&f, net_server_stats(f.server).closed_stalled == 1);
    ck_assert_int_eq(f.released, 1);
    buf_fini(&out);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

START_TEST(slow_reader_is_not_stalled)
{
    struct fix f;
    struct net_server_options so = {.stall_timeout_ms = 200};
    struct net_listener_options lo = {.send_buffer_bytes = 4096};
    fix_init(&f, &so, &lo);
    make_files(&f, 1, 200000);
    int fd = fix_connect_buf(&f, 4096);
    struct buf out = {0};
    fix_put_fetch(&out, 1);
    fix_send(&f, fd, buf_slice(&out));
    size_t got = 0;
    int64_t start_ms = net_wall_ms(f.loop);
    while (got < 200000) {
        uint8_t some[8192];
        ck_assert(fix_recv(&f, fd, some, sizeof some));
        got += sizeof some;
        for (int i = 0; i < 3; i++) {
            net_loop_step(f.loop, 10);
        }
        if (got + sizeof some > 200000) {
            break;
        }
    }
    ck_assert_int_gt(net_wall_ms(f.loop) - start_ms, 300);
    ck_assert_int_eq(net_server_stats(f.server).closed_stalled, 0);
    buf_fini(&out);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

START_TEST(reading_pauses_while_output_is_not_taken)
{
    struct fix f;
    struct net_server_options so = {.output_bytes_max = 64 << 10};
    struct net_listener_options lo = {.send_buffer_bytes = 4096};
    fix_init(&f, &so, &lo);
    int fd = fix_connect_buf(&f, 4096);
    char key[2000];
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    struct buf out = {0};
    for (int i = 0; i < 400; i++) {
        fix_put_find(&out, i, key);
    }
    size_t sent = 0;
    for (int tries = 0; tries < 50; tries++) {
        ssize_t n = os_send(fd, &(struct iovec){out.data + sent, out.len - sent}, 1);
        sent += n > 0 ? (size_t)n : 0;
        net_loop_step(f.loop, 1);
    }
    ck_assert_int_lt(f.handled, 60); /* what fits into the bound and the sockets */
    int handled = f.handled;
    for (int i = 0; i < handled; i++) {
        ck_assert_int_eq(fix_recv_id(&f, fd), i);
    }
    fix_send(&f, fd, slice_of(out.data + sent, out.len - sent));
    buf_fini(&out);
    os_close(fd);
    fix_fini(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("output");
    TCase *tc = tcase_create("output");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, files_arrive_whole, 0, ARRAY_LEN(shapes));
    tcase_add_loop_test(tc, cold_files_arrive_whole, 0, ARRAY_LEN(shapes));
    tcase_add_test(tc, reader_of_a_cold_file_dies);
    tcase_add_test(tc, small_socket_buffers);
    tcase_add_test(tc, files_are_released_once_when_the_reader_dies);
    tcase_add_test(tc, answers_to_the_dead_release_their_files);
    tcase_add_test(tc, short_file_closes);
    tcase_add_test(tc, stalled_reader_is_closed);
    tcase_add_test(tc, slow_reader_is_not_stalled);
    tcase_add_test(tc, reading_pauses_while_output_is_not_taken);
    suite_add_tcase(suite, tc);
    return fix_run(suite);
}
