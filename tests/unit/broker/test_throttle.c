/* Rates of replication. */
#include "broker/throttle.h"
#include "tests/unit/unit.h"

START_TEST(without_a_rate_nothing_is_held_up)
{
    struct broker_throttle t = {0};
    broker_throttle_set_rate(&t, INT64_MAX);
    broker_throttle_take(&t, INT64_MAX / 2, 5);
    ck_assert(!broker_throttle_exceeded(&t, 5));
    broker_throttle_take(&t, INT64_MAX / 2, 5);
    ck_assert(!broker_throttle_exceeded(&t, 6));
}
END_TEST

START_TEST(debts_are_paid_back_at_the_rate)
{
    struct broker_throttle t = {0};
    broker_throttle_set_rate(&t, 1000);
    ck_assert(!broker_throttle_exceeded(&t, 10000)); /* a second's allowance to begin with */
    broker_throttle_take(&t, 4000, 10000);
    ck_assert(broker_throttle_exceeded(&t, 10000));
    int64_t ms = 10000;
    while (broker_throttle_exceeded(&t, ms)) {
        ms += 7;
    }
    ck_assert_int_ge(ms, 13000);
    ck_assert_int_le(ms, 13020);
    /* Idle time is worth one second at most. */
    broker_throttle_take(&t, 1500, 1000000);
    ck_assert(broker_throttle_exceeded(&t, 1000400));
    ck_assert(!broker_throttle_exceeded(&t, 1000600));
}
END_TEST

START_TEST(a_slow_rate_is_not_rounded_away)
{
    struct broker_throttle t = {0};
    broker_throttle_set_rate(&t, 10);
    ck_assert(!broker_throttle_exceeded(&t, 1000));
    broker_throttle_take(&t, 20, 1000);
    int64_t ms = 1000;
    while (broker_throttle_exceeded(&t, ms)) {
        ms++;
    }
    ck_assert_int_ge(ms, 2000);
    ck_assert_int_le(ms, 2200);
}
END_TEST

START_TEST(any_rate_can_be_set_at_any_time)
{
    struct broker_throttle t = {0};
    broker_throttle_set_rate(&t, 0);
    for (int64_t ms = 0; ms < 100000; ms += 1000) {
        ck_assert(broker_throttle_exceeded(&t, ms));
    }
    broker_throttle_set_rate(&t, INT64_MAX - 1);
    ck_assert(!broker_throttle_exceeded(&t, 200000));
    broker_throttle_take(&t, INT64_MAX - 2, 200000);
    ck_assert(!broker_throttle_exceeded(&t, 201000));
    broker_throttle_set_rate(&t, 100);
    broker_throttle_take(&t, 200, 201000);
    ck_assert(broker_throttle_exceeded(&t, 201000));
    broker_throttle_set_rate(&t, INT64_MAX);
    ck_assert(!broker_throttle_exceeded(&t, 201000));
}
END_TEST

UNIT_MAIN("throttle", without_a_rate_nothing_is_held_up, debts_are_paid_back_at_the_rate,
          a_slow_rate_is_not_rounded_away, any_rate_can_be_set_at_any_time)
