/* The generator: the same seed says the same, the ranges are kept, the ends are reached. */
#include "base/prng.h"

#include "tests/unit/unit.h"

START_TEST(below_nothing)
{
    struct prng p;
    prng_init(&p, 1);
    prng_below(&p, 0);
}
END_TEST

START_TEST(a_range_upside_down)
{
    struct prng p;
    prng_init(&p, 1);
    prng_range(&p, 1, 0);
}
END_TEST

/* A saved seed must mean the same for ever. */
START_TEST(a_seed_means_the_same_everywhere)
{
    struct prng p;
    prng_init(&p, 0);
    static const uint64_t state[] = {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f,
                                     0xf88bb8a8724c81ec};
    for (size_t i = 0; i < 4; i++) {
        ck_assert_msg(p.s[i] == state[i], "splitmix64 of seed 0");
    }
    ck_assert(prng_next(&p) == 0x99ec5f36cb75f2b4);
    ck_assert(prng_next(&p) == 0xbf6e1f784956452a);
    struct prng a, b;
    prng_init(&a, 42);
    prng_init(&b, 42);
    for (int i = 0; i < 1000; i++) {
        ck_assert(prng_next(&a) == prng_next(&b));
    }
    prng_init(&b, 43);
    ck_assert(prng_next(&a) != prng_next(&b));
}
END_TEST

START_TEST(below_covers_its_range_evenly)
{
    enum { BOUND = 7, DRAWS = 70000 };
    struct prng p;
    prng_init(&p, 5);
    int counts[BOUND] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint64_t v = prng_below(&p, BOUND);
        ck_assert_uint_lt(v, BOUND);
        counts[v]++;
    }
    for (int i = 0; i < BOUND; i++) {
        ck_assert_int_gt(counts[i], DRAWS / BOUND * 9 / 10);
        ck_assert_int_lt(counts[i], DRAWS / BOUND * 11 / 10);
    }
    ck_assert_uint_eq(prng_below(&p, 1), 0);
    for (int i = 0; i < 100; i++) {
        ck_assert(prng_below(&p, UINT64_MAX) < UINT64_MAX);
    }
}
END_TEST

START_TEST(ranges_include_both_ends)
{
    struct prng p;
    prng_init(&p, 6);
    bool low = false;
    bool high = false;
    for (int i = 0; i < 1000; i++) {
        int64_t v = prng_range(&p, -3, 3);
        ck_assert_int_ge(v, -3);
        ck_assert_int_le(v, 3);
        low |= v == -3;
        high |= v == 3;
    }
    ck_assert(low);
    ck_assert(high);
    ck_assert_int_eq(prng_range(&p, -5, -5), -5);
}
END_TEST

START_TEST(the_widest_ranges)
{
    struct prng p;
    prng_init(&p, 7);
    bool negative = false;
    bool positive = false;
    for (int i = 0; i < 200; i++) {
        int64_t v = prng_range(&p, INT64_MIN, INT64_MAX);
        negative |= v < 0;
        positive |= v > 0;
        ck_assert(prng_range(&p, INT64_MIN, 0) <= 0);
        ck_assert(prng_range(&p, -1, INT64_MAX) >= -1);
    }
    ck_assert(negative);
    ck_assert(positive);
}
END_TEST

START_TEST(chances_are_fair)
{
    struct prng p;
    prng_init(&p, 8);
    int hits = 0;
    for (int i = 0; i < 30000; i++) {
        hits += prng_chance(&p, 1, 3);
        ck_assert(!prng_chance(&p, 0, 5));
        ck_assert(prng_chance(&p, 5, 5));
    }
    ck_assert_int_gt(hits, 9500);
    ck_assert_int_lt(hits, 10500);
}
END_TEST

UNIT_MAIN_ABORTS("prng", (below_nothing, a_range_upside_down), a_seed_means_the_same_everywhere,
                 below_covers_its_range_evenly, ranges_include_both_ends, the_widest_ranges,
                 chances_are_fair)
