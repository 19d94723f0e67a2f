/* The hash map against a plain array, its order, and its cost when entries come and go. */
#include "base/map.h"

#include "base/prng.h"
#include "tests/unit/unit.h"

enum { KEYS = 300, STEPS = 60000 };

struct thing {
    uint32_t key;
    bool in;
};

START_TEST(null_is_not_a_value)
{
    struct map m = {0};
    map_put(&m, slice_str("k"), NULL);
}
END_TEST

START_TEST(an_empty_map_has_nothing)
{
    struct map m = {0};
    size_t at = 0;
    ck_assert_ptr_null(map_get(&m, slice_str("k")));
    ck_assert_ptr_null(map_remove(&m, slice_str("k")));
    ck_assert_ptr_null(map_next(&m, &at));
    map_fini(&m);
    map_fini(&m);
}
END_TEST

START_TEST(keys_are_bytes)
{
    struct map m = {0};
    int a, b, c, d;
    ck_assert_ptr_null(map_put(&m, slice_of("", 0), &a));
    ck_assert_ptr_null(map_put(&m, slice_of("x\0y", 3), &b));
    ck_assert_ptr_null(map_put(&m, slice_of("x\0z", 3), &c));
    ck_assert_ptr_null(map_put(&m, slice_of("x", 1), &d));
    ck_assert_ptr_eq(map_get(&m, slice_str("")), &a);
    ck_assert_ptr_eq(map_get(&m, slice_of("x\0y", 3)), &b);
    ck_assert_ptr_eq(map_get(&m, slice_of("x\0z", 3)), &c);
    ck_assert_ptr_eq(map_get(&m, slice_str("x")), &d);
    ck_assert_ptr_null(map_get(&m, slice_str("y")));
    ck_assert_msg(map_get(&m, SLICE_NULL) == NULL, "null is not the empty key");
    map_fini(&m);
}
END_TEST

START_TEST(replacing_keeps_the_place_and_takes_the_new_key)
{
    struct map m = {0};
    char first[] = "a";
    char second[] = "a";
    int old, new, other;
    map_put(&m, slice_str(first), &old);
    map_put(&m, slice_str("b"), &other);
    ck_assert_ptr_eq(map_put(&m, slice_str(second), &new), &old);
    first[0] = 'z'; /* nobody looks at it any more */
    ck_assert_ptr_eq(map_get(&m, slice_str("a")), &new);
    ck_assert_uint_eq(m.count, 2);
    size_t at = 0;
    ck_assert_ptr_eq(map_next(&m, &at), &new);
    ck_assert_ptr_eq(map_next(&m, &at), &other);
    ck_assert_ptr_null(map_next(&m, &at));
    map_fini(&m);
}
END_TEST

START_TEST(order_is_that_of_insertion)
{
    struct map m = {0};
    struct thing things[KEYS];
    for (uint32_t i = 0; i < KEYS; i++) {
        things[i].key = i * 7919;
        map_put(&m, MAP_KEY(things[i].key), &things[i]);
    }
    size_t at = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        ck_assert_ptr_eq(map_next(&m, &at), &things[i]);
    }
    ck_assert_ptr_null(map_next(&m, &at));
    map_remove(&m, MAP_KEY(things[0].key));
    map_put(&m, MAP_KEY(things[0].key), &things[0]);
    struct thing *last = NULL;
    at = 0;
    for (struct thing *t; (t = map_next(&m, &at)) != NULL;) {
        last = t;
    }
    ck_assert_msg(last == &things[0], "what comes back comes last");
    map_fini(&m);
}
END_TEST

START_TEST(entries_may_be_removed_while_iterating)
{
    struct map m = {0};
    struct thing things[KEYS];
    for (uint32_t i = 0; i < KEYS; i++) {
        things[i].key = i;
        map_put(&m, MAP_KEY(things[i].key), &things[i]);
    }
    size_t seen = 0;
    size_t at = 0;
    for (struct thing *t; (t = map_next(&m, &at)) != NULL;) {
        seen++;
        if (t->key % 3 != 0) {
            ck_assert_ptr_eq(map_remove(&m, MAP_KEY(t->key)), t);
        }
    }
    ck_assert_uint_eq(seen, KEYS);
    ck_assert_uint_eq(m.count, KEYS / 3);
    map_fini(&m);
}
END_TEST

/* Every step is done to the map and to a plain array. */
START_TEST(agrees_with_an_array)
{
    struct map m = {0};
    struct thing things[KEYS] = {0};
    size_t count = 0;
    struct prng p;
    prng_init(&p, 1);
    for (uint32_t i = 0; i < KEYS; i++) {
        things[i].key = i;
    }
    for (int step = 0; step < STEPS; step++) {
        /* Few keys for a while, then many: the table grows and is left almost empty. */
        uint64_t range = (step / 5000) % 2 == 0 ? 5 : KEYS;
        struct thing *t = &things[prng_below(&p, range)];
        struct thing *expected = t->in ? t : NULL;
        ck_assert_ptr_eq(map_get(&m, MAP_KEY(t->key)), expected);
        if (prng_chance(&p, 1, 2)) {
            ck_assert_ptr_eq(map_put(&m, MAP_KEY(t->key), t), expected);
            count += !t->in;
            t->in = true;
        } else {
            ck_assert_ptr_eq(map_remove(&m, MAP_KEY(t->key)), expected);
            count -= t->in;
            t->in = false;
        }
        ck_assert_uint_eq(m.count, count);
    }
    size_t at = 0;
    for (struct thing *t; (t = map_next(&m, &at)) != NULL; count--) {
        ck_assert(t->in);
    }
    ck_assert_uint_eq(count, 0);
    map_fini(&m);
}
END_TEST

/* One entry goes and one comes, again and again, in a map of a steady size. Just below a power of
 * two a table sized too tightly is rebuilt each time. */
START_TEST(churn_costs_little_at_any_size)
{
    enum { SIZE = (1 << 14) - 1, CHURN = 100000 };
    static struct thing things[SIZE + 1];
    struct map m = {0};
    for (uint32_t i = 0; i <= SIZE; i++) {
        things[i].key = i;
    }
    for (uint32_t i = 0; i < SIZE; i++) {
        map_put(&m, MAP_KEY(things[i].key), &things[i]);
    }
    size_t rebuilds = 0;
    for (uint32_t i = 0; i < CHURN; i++) {
        const struct map_entry *before = m.entries;
        struct thing *out = &things[i % (SIZE + 1)];
        struct thing *in = &things[(i + SIZE) % (SIZE + 1)];
        ck_assert_ptr_null(map_put(&m, MAP_KEY(in->key), in));
        ck_assert_ptr_eq(map_remove(&m, MAP_KEY(out->key)), out);
        rebuilds += m.entries != before;
    }
    ck_assert_uint_le(rebuilds, 4 * CHURN / SIZE + 2);
    map_fini(&m);
}
END_TEST

UNIT_MAIN_ABORTS("map", (null_is_not_a_value), an_empty_map_has_nothing, keys_are_bytes,
                 replacing_keeps_the_place_and_takes_the_new_key, order_is_that_of_insertion,
                 entries_may_be_removed_while_iterating, agrees_with_an_array,
                 churn_costs_little_at_any_size)
