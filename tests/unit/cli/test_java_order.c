/* The order of Java's hash maps: what java.util.HashMap of JDK 17 answered. */
#include "cli/kafka/java_order.h"

#include <stdio.h>

#include "tests/unit/unit.h"

static void check(const char *const *keys, size_t count, size_t capacity, const char *expected)
{
    struct arena arena = {0};
    uint32_t hashes[32];
    ck_assert_uint_le(count, ARRAY_LEN(hashes));
    for (size_t i = 0; i < count; i++) {
        hashes[i] = java_hash(slice_str(keys[i]));
    }
    const size_t *order = java_order(hashes, count, capacity, &arena);
    char text[512] = "";
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s ", keys[order[i]]);
    }
    ck_assert_str_eq(text, expected);
    arena_fini(&arena);
}

START_TEST(hashes)
{
    ck_assert_uint_eq(java_hash(slice_str("")), 0);
    ck_assert_uint_eq(java_hash(slice_str("a")), 97);
    ck_assert_uint_eq(java_hash(slice_str("orders")), (uint32_t)-1008770331);
    ck_assert_uint_eq(java_hash_partition(slice_str("orders"), 2), (uint32_t)-1008769308);
}
END_TEST

START_TEST(orders)
{
    static const char *const keys[] = {"retention.ms",  "cleanup.policy", "min.insync.replicas",
                                       "segment.bytes", "flush.ms",       "index.interval.bytes"};
    check(keys, ARRAY_LEN(keys), JAVA_CAPACITY,
          "cleanup.policy flush.ms min.insync.replicas retention.ms segment.bytes "
          "index.interval.bytes ");
    check(keys, ARRAY_LEN(keys), ARRAY_LEN(keys),
          "cleanup.policy min.insync.replicas retention.ms segment.bytes flush.ms "
          "index.interval.bytes ");
    static const char *const letters[] = {"zz", "Aa", "BB", "a", "b", "c", "d",
                                          "e",  "f",  "g",  "h", "i", "j", "k"};
    check(letters, ARRAY_LEN(letters), JAVA_CAPACITY, "zz Aa BB a b c d e f g h i j k ");
    check(letters, 1, 0, "zz ");
    check(letters, 0, 0, "");
}
END_TEST

UNIT_MAIN("java_order", hashes, orders)
