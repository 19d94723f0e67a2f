/* The budget under peers that announce much, send half, or all come at once. */
#include "net/budget.h"
#include "tests/unit/net/fixture.h"

enum { BUDGET = 4 << 20, LARGE = 2 << 20, READ_MAX = 256 << 10 };

/* A peer with bytes to send. */
struct peer {
    int fd;
    struct slice left;
};

/* What the sockets take now; true when all is sent. */
static bool send_some(struct peer *peers, int count, size_t bytes_each)
{
    bool all = true;
    for (int i = 0; i < count; i++) {
        struct peer *p = &peers[i];
        size_t want = min_size(p->left.len, bytes_each);
        ssize_t n = want == 0 ? 0 : os_send(p->fd, &(struct iovec){(void *)p->left.data, want}, 1);
        ck_assert(n >= 0 || errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
        if (n > 0) {
            p->left = slice_of(p->left.data + n, p->left.len - (size_t)n);
        }
        all = all && p->left.len == 0;
    }
    return all;
}

/* A small request on a new connection is answered. */
static void ask(struct fix *f)
{
    int fd = fix_connect(f);
    struct buf out = {0};
    fix_put_find(&out, 77, "k");
    fix_send(f, fd, buf_slice(&out));
    ck_assert_int_eq(fix_recv_id(f, fd), 77);
    buf_fini(&out);
    os_close(fd);
}

START_TEST(announcing_takes_no_room)
{
    struct fix f;
    struct net_budget *budget = net_budget_new(BUDGET);
    fix_init(&f, &(struct net_server_options){.budget = budget}, NULL);
    enum { LIARS = 20 };
    int liars[LIARS];
    struct buf out = {0};
    buf_put_i32(&out, 90 << 20);
    memset(buf_extend(&out, 100), 0, 100);
    for (int i = 0; i < LIARS; i++) {
        liars[i] = fix_connect(&f);
        fix_send(&f, liars[i], buf_slice(&out));
    }
    FIX_UNTIL(&f, net_budget_used(budget) == LIARS * 100);
    ask(&f);
    buf_reset(&out);
    fix_put_produce(&out, 1, -1, LARGE);
    int fd = fix_connect(&f);
    fix_send(&f, fd, buf_slice(&out));
    ck_assert_int_eq(fix_recv_id(&f, fd), 1);
    for (int i = 0; i < LIARS; i++) {
        os_close(liars[i]);
    }
    FIX_UNTIL(&f, net_budget_used(budget) == 0);
    buf_fini(&out);
    os_close(fd);
    fix_fini(&f);
    net_budget_free(budget);
}
END_TEST

/* More than the budget comes, all of it at the same time; small requests come in between. */
START_TEST(unfinished_frames_do_not_wait_for_one_another)
{
    struct fix f;
    struct net_budget *budget = net_budget_new(BUDGET);
    fix_init(&f, &(struct net_server_options){.budget = budget}, NULL);
    enum { PEERS = 8 };
    struct peer peers[PEERS];
    struct buf out = {0};
    fix_put_produce(&out, 1, -1, LARGE);
    for (int i = 0; i < PEERS; i++) {
        peers[i] = (struct peer){fix_connect(&f), buf_slice(&out)};
    }
    int64_t most = 0;
    for (bool sent = false; !sent;) {
        sent = send_some(peers, PEERS, 64 << 10);
        net_loop_step(f.loop, 1);
        most = net_budget_used(budget) > most ? net_budget_used(budget) : most;
        if (net_budget_used(budget) >= BUDGET / 2) {
            ask(&f);
        }
    }
    for (int i = 0; i < PEERS; i++) {
        ck_assert_int_eq(fix_recv_id(&f, peers[i].fd), 1);
        os_close(peers[i].fd);
    }
    /* The rest waited: at most the budget, and the one that had the pass. */
    ck_assert_int_ge(most, BUDGET / 2);
    ck_assert_int_le(most, BUDGET + LARGE + READ_MAX);
    FIX_UNTIL(&f, net_budget_used(budget) == 0);
    buf_fini(&out);
    fix_fini(&f);
    net_budget_free(budget);
}
END_TEST

/* Peers that send half of what they announce, as much as frames in progress may have, and fall
 * silent. Small requests are answered all the while, a large one when they are closed. */
START_TEST(silent_halves_starve_nobody)
{
    struct fix f;
    struct net_budget *budget = net_budget_new(BUDGET);
    fix_init(&f, &(struct net_server_options){.budget = budget, .frame_timeout_ms = 1000}, NULL);
    enum { LIARS = 6 };
    struct peer liars[LIARS + 1];
    struct buf out = {0};
    fix_put_produce(&out, 1, -1, LARGE);
    for (int i = 0; i < LIARS; i++) {
        liars[i] = (struct peer){fix_connect(&f), slice_of(out.data, out.len / 2)};
    }
    struct peer *honest = &liars[LIARS];
    *honest = (struct peer){fix_connect(&f), buf_slice(&out)};
    for (bool sent = false; !sent;) {
        sent = send_some(liars, LIARS + 1, 64 << 10);
        net_loop_step(f.loop, 1);
        ask(&f);
        ck_assert_int_lt(net_budget_used(budget), BUDGET);
    }
    ck_assert_int_eq(fix_recv_id(&f, honest->fd), 1);
    for (int i = 0; i < LIARS; i++) {
        ck_assert(fix_is_closed(&f, liars[i].fd));
        os_close(liars[i].fd);
    }
    ck_assert_int_eq(net_budget_used(budget), 0);
    os_close(honest->fd);
    buf_fini(&out);
    fix_fini(&f);
    net_budget_free(budget);
}
END_TEST

/* The end of the loop comes while streams wait and one has the pass. */
START_TEST(ends_in_the_middle)
{
    struct fix f;
    struct net_budget *budget = net_budget_new(BUDGET);
    fix_init(&f, &(struct net_server_options){.budget = budget}, NULL);
    enum { PEERS = 5 };
    struct peer peers[PEERS];
    struct buf out = {0};
    fix_put_produce(&out, 1, -1, LARGE);
    for (int i = 0; i < PEERS; i++) {
        peers[i] = (struct peer){fix_connect(&f), slice_of(out.data, out.len - 1)};
    }
    for (int i = 0; i < 500; i++) {
        send_some(peers, PEERS, 64 << 10);
        net_loop_step(f.loop, 0);
    }
    ck_assert_int_ge(net_budget_used(budget), BUDGET / 2);
    fix_fini(&f);
    ck_assert_int_eq(net_budget_used(budget), 0);
    for (int i = 0; i < PEERS; i++) {
        os_close(peers[i].fd);
    }
    buf_fini(&out);
    net_budget_free(budget);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("budget");
    TCase *tc = tcase_create("budget");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, announcing_takes_no_room);
    tcase_add_test(tc, unfinished_frames_do_not_wait_for_one_another);
    tcase_add_test(tc, silent_halves_starve_nobody);
    tcase_add_test(tc, ends_in_the_middle);
    suite_add_tcase(suite, tc);
    return fix_run(suite);
}
