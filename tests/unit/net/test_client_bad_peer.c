/* Clients whose peers misbehave: a listening socket that the test serves by hand. */
#include "tests/unit/net/client_fixture.h"

static int bad_peer(struct net_client *client)
{
    int port;
    int fd = fix_listen(5, &port);
    net_client_set_address(client, "127.0.0.1", port);
    return fd;
}

struct answer {
    const char *bytes;
    size_t len;
    enum err error;
};

static const struct answer answers[] = {
    {"", 0, ERR_CLOSED},                         /* closes */
    {"\0\0\0\4\0\0\0\x7", 8, ERR_MALFORMED},     /* other correlation id */
    {"\0\0\0\2\0\0", 6, ERR_MALFORMED},          /* no header */
    {"\0\0\0\6\0\0\0\0\0\0", 10, ERR_MALFORMED}, /* body too short */
    {"\x7f\xff\xff\xff", 4, ERR_CLOSED},         /* a frame over the limit */
    {"\xff\xff\xff\xff", 4, ERR_CLOSED},         /* a negative one */
    {"\0\0\0\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 21, ERR_MALFORMED}, /* body too long */
};

START_TEST(bad_answers_fail_the_call_and_close)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen seen = {0};
    struct net_client *client = new_client(&f, &seen, false);
    int listen_fd = bad_peer(client);
    find(client, &seen, "x", 5000);
    int fd = -1;
    struct address peer;
    FIX_UNTIL(&f, (fd = os_accept(listen_fd, &peer)) >= 0);
    uint8_t some[10];
    ck_assert(fix_recv(&f, fd, some, sizeof some));
    if (answers[_i].len > 0) {
        fix_send(&f, fd, slice_of(answers[_i].bytes, answers[_i].len));
    } else {
        os_close(fd);
    }
    FIX_UNTIL(&f, seen.count == 1);
    ck_assert_int_eq(seen.error, answers[_i].error);
    FIX_UNTIL(&f, seen.closed == 1);
    ck_assert(!net_client_is_open(client));
    if (answers[_i].len > 0) {
        os_close(fd);
    }
    os_close(listen_fd);
    net_client_free(client);
    fix_fini(&f);
}
END_TEST

START_TEST(answer_nobody_asked_for)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen seen = {0};
    struct net_client *client = new_client(&f, &seen, false);
    int listen_fd = bad_peer(client);
    net_client_connect(client);
    FIX_UNTIL(&f, seen.opened == 1);
    int fd = -1;
    struct address peer;
    FIX_UNTIL(&f, (fd = os_accept(listen_fd, &peer)) >= 0);
    fix_send(&f, fd, slice_of("\0\0\0\4\0\0\0\0", 8));
    FIX_UNTIL(&f, seen.closed == 1);
    os_close(fd);
    os_close(listen_fd);
    net_client_free(client);
    fix_fini(&f);
}
END_TEST

START_TEST(greeting_that_fails)
{
    struct fix f;
    fix_init(&f, NULL, NULL);
    struct seen seen = {0};
    struct net_client *client = new_client(&f, &seen, true);
    int listen_fd = bad_peer(client);
    for (int round = 0; round < 3; round++) {
        find(client, &seen, "x", 5000);
        int fd = -1;
        struct address peer;
        FIX_UNTIL(&f, (fd = os_accept(listen_fd, &peer)) >= 0);
        if (round == 1) {
            uint8_t head[12];
            ck_assert(fix_recv(&f, fd, head, sizeof head));
            uint8_t reply[10] = {0, 0, 0, 6, head[8], head[9], head[10], head[11], 0, 0x29};
            fix_send(&f, fd, slice_of(reply, sizeof reply)); /* an error and no more */
            FIX_UNTIL(&f, seen.count == round + 1);
        } else if (round == 2) {
            uint8_t head[12];
            ck_assert(fix_recv(&f, fd, head, sizeof head));
            uint8_t reply[14] = {0, 0, 0, 10, head[8], head[9], head[10], head[11], 0, 35};
            fix_send(&f, fd, slice_of(reply, sizeof reply)); /* refuses, knows no version */
            uint8_t again[12];
            while (true) {
                ck_assert(fix_recv(&f, fd, again, 1));
                if (again[0] == 18) {
                    break;
                }
            }
            ck_assert(fix_recv(&f, fd, again, 2));
            ck_assert_int_eq(load_u16(again), 0); /* asks in version 0 then */
            os_close(fd);
            fd = -1;
        }
        if (fd >= 0) {
            os_close(fd);
        }
        FIX_UNTIL(&f, seen.count == round + 1);
        ck_assert_int_eq(seen.error, ERR_CLOSED);
    }
    ck_assert_int_eq(seen.opened, 0);
    ck_assert_int_eq(seen.closed, 0);
    os_close(listen_fd);
    net_client_free(client);
    fix_fini(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client_bad_peer");
    TCase *tc = tcase_create("client_bad_peer");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, bad_answers_fail_the_call_and_close, 0, ARRAY_LEN(answers));
    tcase_add_test(tc, answer_nobody_asked_for);
    tcase_add_test(tc, greeting_that_fails);
    suite_add_tcase(suite, tc);
    return fix_run(suite);
}
