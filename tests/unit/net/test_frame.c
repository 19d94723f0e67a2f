/* The pool of frame buffers, and the budget that they are charged to. */
#include "net/frame.h"

#include <pthread.h>

#include "net/budget.h"
#include "tests/unit/net/fixture.h"

START_TEST(buffers_are_recycled_newest_first)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct frame_pool pool;
    frame_pool_init(&pool, loop, 1 << 20, 1000);
    struct frame_buf *a = frame_buf_new(&pool, 5000);
    struct frame_buf *b = frame_buf_new(&pool, 8192);
    ck_assert_uint_eq(a->cap, 8192);
    ck_assert_uint_eq(b->cap, 8192);
    frame_buf_ref(a);
    frame_buf_unref(a);
    ck_assert_uint_eq(pool.bytes, 0);
    frame_buf_unref(a);
    frame_buf_unref(b);
    frame_buf_unref(NULL);
    ck_assert_uint_eq(pool.bytes, 2 * 8192);
    ck_assert_ptr_eq(frame_buf_new(&pool, 8000), b);
    struct frame_buf *small = frame_buf_new(&pool, 0);
    ck_assert_uint_eq(small->cap, 4096);
    ck_assert_ptr_eq(frame_buf_new(&pool, 8000), a);
    frame_buf_unref(a);
    frame_buf_unref(b);
    frame_buf_unref(small);
    frame_pool_fini(&pool);
    net_loop_free(loop);
}
END_TEST

START_TEST(pool_is_bounded)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct frame_pool pool;
    frame_pool_init(&pool, loop, 100 * 1000, 1000);
    struct frame_buf *bufs[10];
    for (int i = 0; i < 10; i++) {
        bufs[i] = frame_buf_new(&pool, 16384);
    }
    struct frame_buf *huge = frame_buf_new(&pool, (size_t)200 << 20); /* of no class */
    ck_assert_uint_eq(huge->cap, (size_t)200 << 20);
    frame_buf_unref(huge);
    for (int i = 0; i < 10; i++) {
        frame_buf_unref(bufs[i]);
        ck_assert_uint_le(pool.bytes, 100 * 1000);
    }
    ck_assert_uint_eq(pool.bytes, 6 * 16384);
    frame_pool_fini(&pool);
    ck_assert_uint_eq(pool.bytes, 0);
    net_loop_free(loop);
}
END_TEST

START_TEST(growing_keeps_the_bytes)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct frame_pool pool;
    frame_pool_init(&pool, loop, 1 << 20, 1000);
    struct frame_buf *buf = frame_buf_new(&pool, 10);
    memcpy(buf->data, "0123456789", 10);
    ck_assert_ptr_eq(frame_buf_grow(buf, 10, 4096), buf);
    buf = frame_buf_grow(buf, 10, 100 * 1000);
    ck_assert_uint_eq(buf->cap, 128 << 10);
    ck_assert_int_eq(memcmp(buf->data, "0123456789", 10), 0);
    frame_buf_unref(buf);
    ck_assert_ptr_eq(frame_buf_new(&pool, 128 << 10), buf);
    frame_buf_unref(buf);
    frame_pool_fini(&pool);
    net_loop_free(loop);
}
END_TEST

/* Otherwise each large frame would have fresh memory, page by page. */
START_TEST(growing_takes_what_was_used_before)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct net_budget *budget = net_budget_new(1000);
    struct frame_pool pool;
    frame_pool_init(&pool, loop, 1 << 20, 1000);
    struct frame_buf *large = frame_buf_new(&pool, 128 << 10);
    frame_buf_unref(large);
    struct frame_buf *small = frame_buf_new(&pool, 4096);
    memcpy(small->data, "0123456789", 10);
    frame_buf_charge_part(small, budget, 10);
    struct frame_buf *grown = frame_buf_grow(small, 10, 100 * 1000);
    ck_assert_ptr_eq(grown, large);
    ck_assert_int_eq(memcmp(grown->data, "0123456789", 10), 0);
    ck_assert(grown->part);
    ck_assert_uint_eq(grown->charged, 10);
    ck_assert_ptr_eq(frame_buf_new(&pool, 4096), small); /* it was given back */
    ck_assert_uint_eq(small->charged, 0);
    frame_buf_unref(small);
    frame_buf_unref(grown);
    frame_pool_fini(&pool);
    net_budget_free(budget);
    net_loop_free(loop);
}
END_TEST

START_TEST(what_is_idle_is_given_back_and_the_pool_sleeps)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct frame_pool pool;
    frame_pool_init(&pool, loop, 1 << 20, 10);
    struct frame_buf *bufs[3];
    for (int i = 0; i < 3; i++) {
        bufs[i] = frame_buf_new(&pool, 4096);
    }
    for (int i = 0; i < 3; i++) {
        frame_buf_unref(bufs[i]);
    }
    for (int i = 0; i < 5; i++) {
        struct buf b = frame_pool_take_buf(&pool);
        buf_put_i32(&b, i);
        frame_pool_give_buf(&pool, &b);
        ck_assert_ptr_null(b.data);
    }
    ck_assert_uint_eq(pool.spare_count, 1);
    ck_assert(net_timer_is_set(&pool.trim));
    int64_t end_ms = net_wall_ms(loop) + FIX_DEADLINE_MS;
    while (net_timer_is_set(&pool.trim)) {
        ck_assert_int_lt(net_wall_ms(loop), end_ms);
        net_loop_step(loop, 10);
    }
    ck_assert_uint_eq(pool.bytes, 0);
    ck_assert_uint_eq(pool.spare_count, 0);
    frame_pool_fini(&pool);
    net_loop_free(loop);
}
END_TEST

/* ---- budget ---- */

static int fed;

static void count_feed(void *arg)
{
    struct budget_seat *seat = arg;
    ck_assert(budget_has_room(seat->budget));
    fed++;
}

START_TEST(waiting_loops_are_fed_once)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct net_budget *budget = net_budget_new(100);
    struct budget_seat *seat = budget_seat_new(budget, loop, count_feed);
    fed = 0;
    ck_assert(budget_has_room(NULL));
    budget_charge(NULL, 5);
    budget_release(NULL, 5);
    ck_assert(budget_has_room(budget));
    ck_assert(!budget_wait(seat, false)); /* there is room */
    budget_charge(budget, 90);
    ck_assert(budget_has_room(budget));
    budget_charge(budget, 50);
    ck_assert(!budget_has_room(budget));
    ck_assert(budget_wait(seat, false));
    ck_assert(budget_wait(seat, false));
    budget_release(budget, 40);
    net_loop_step(loop, 0);
    ck_assert_int_eq(fed, 0); /* 100 of 100 are taken */
    budget_release(budget, 1);
    net_loop_step(loop, 0);
    ck_assert_int_eq(fed, 1);
    budget_release(budget, 99);
    net_loop_step(loop, 0);
    ck_assert_int_eq(fed, 1);
    ck_assert_int_eq(net_budget_used(budget), 0);
    budget_charge(budget, 200);
    ck_assert(budget_wait(seat, false));
    budget_seat_free(seat);
    budget_release(budget, 200);
    net_loop_free(loop);
    net_budget_free(budget);
    net_budget_free(NULL);
}
END_TEST

struct taker {
    struct net_loop *loop;
    struct net_budget *budget;
    struct budget_seat *seat;
    int left;
};

static struct taker takers[3];

/* Takes more than the budget again and again, and sleeps whenever there is no room. */
static void feed(void *arg)
{
    struct budget_seat *seat = arg;
    for (int i = 0; i < 3; i++) {
        struct taker *taker = &takers[i];
        if (taker->seat != seat) {
            continue;
        }
        while (taker->left > 0 && (budget_has_room(taker->budget) || !budget_wait(seat, false))) {
            budget_charge(taker->budget, 60);
            taker->left--;
            budget_release(taker->budget, 60);
        }
        if (taker->left == 0) {
            net_loop_stop(taker->loop);
        }
    }
}

static void *run_taker(void *arg)
{
    struct taker *taker = arg;
    net_post(taker->loop, feed, taker->seat);
    net_loop_run(taker->loop);
    return NULL;
}

START_TEST(no_wake_up_is_lost_between_threads)
{
    struct net_budget *budget = net_budget_new(50);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        struct net_loop *loop = net_loop_new(NULL);
        takers[i] = (struct taker){loop, budget, budget_seat_new(budget, loop, feed), 20000};
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_taker, &takers[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    ck_assert_int_eq(net_budget_used(budget), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(takers[i].left, 0);
        budget_seat_free(takers[i].seat);
        net_loop_free(takers[i].loop);
    }
    net_budget_free(budget);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frame");
    TCase *tc = tcase_create("frame");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, buffers_are_recycled_newest_first);
    tcase_add_test(tc, pool_is_bounded);
    tcase_add_test(tc, growing_keeps_the_bytes);
    tcase_add_test(tc, growing_takes_what_was_used_before);
    tcase_add_test(tc, what_is_idle_is_given_back_and_the_pool_sleeps);
    tcase_add_test(tc, waiting_loops_are_fed_once);
    tcase_add_test(tc, no_wake_up_is_lost_between_threads);
    suite_add_tcase(suite, tc);
    return fix_run(suite);
}
