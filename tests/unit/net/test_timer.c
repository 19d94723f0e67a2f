/* The heap of timers, against a plain list. */
#include "net/timer.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"

enum { TIMERS = 200, STEPS = 20000 };

START_TEST(pops_in_order_of_due_time_then_of_setting)
{
    struct timer_heap heap = {0};
    struct net_timer t[4] = {{.due_ms = 5}, {.due_ms = 3}, {.due_ms = 5}, {.due_ms = 9}};
    for (int i = 0; i < 4; i++) {
        timer_heap_add(&heap, &t[i]);
    }
    ck_assert_int_eq(timer_heap_due_ms(&heap), 3);
    ck_assert_ptr_null(timer_heap_pop(&heap, 2, UINT64_MAX));
    ck_assert_ptr_eq(timer_heap_pop(&heap, 8, UINT64_MAX), &t[1]);
    ck_assert_ptr_eq(timer_heap_pop(&heap, 8, UINT64_MAX), &t[0]);
    ck_assert_ptr_null(timer_heap_pop(&heap, 8, 2));
    ck_assert_ptr_eq(timer_heap_pop(&heap, 8, UINT64_MAX), &t[2]);
    ck_assert_ptr_null(timer_heap_pop(&heap, 8, UINT64_MAX));
    ck_assert(!net_timer_is_set(&t[0]));
    ck_assert(net_timer_is_set(&t[3]));
    timer_heap_fini(&heap);
    ck_assert(!net_timer_is_set(&t[3]));
}
END_TEST

static const struct net_timer *earliest(const struct net_timer *timers)
{
    const struct net_timer *best = NULL;
    for (int i = 0; i < TIMERS; i++) {
        const struct net_timer *t = &timers[i];
        if (t->at != 0 && (best == NULL || t->due_ms < best->due_ms ||
                           (t->due_ms == best->due_ms && t->order < best->order))) {
            best = t;
        }
    }
    return best;
}

START_TEST(agrees_with_a_list)
{
    uint64_t seed = 20261121;
    printf("seed %" PRIu64 "\n", seed);
    struct prng prng;
    prng_init(&prng, seed);
    struct timer_heap heap = {0};
    struct net_timer timers[TIMERS] = {0};
    for (int step = 0; step < STEPS; step++) {
        struct net_timer *t = &timers[prng_below(&prng, TIMERS)];
        if (t->at != 0) {
            timer_heap_remove(&heap, t);
        } else if (prng_chance(&prng, 2, 3)) {
            t->due_ms = (int64_t)prng_below(&prng, 50);
            timer_heap_add(&heap, t);
        } else {
            const struct net_timer *expected = earliest(timers);
            ck_assert_int_eq(timer_heap_due_ms(&heap),
                             expected == NULL ? INT64_MAX : expected->due_ms);
            ck_assert_ptr_eq(timer_heap_pop(&heap, 50, UINT64_MAX), expected);
        }
    }
    timer_heap_fini(&heap);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timer");
    TCase *tc = tcase_create("heap");
    tcase_add_test(tc, pops_in_order_of_due_time_then_of_setting);
    tcase_add_test(tc, agrees_with_a_list);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
