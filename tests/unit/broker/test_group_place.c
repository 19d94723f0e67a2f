/* Java's String.hashCode() and the partition that follows from it. */
#include "tests/unit/broker/test_group_fixture.h"

START_TEST(agrees_with_java)
{
    static const struct {
        const char *id;
        int32_t partition; /* of 50, computed with Java's rule */
    } CASES[] = {
        {"", 0},
        {"abc", 4},
        {"hello", 22},
        {"my-group", 12},
        {"日本語", 43},
        {"console-consumer-12345", 6},
        {"gruppe-äöü", 40},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        ck_assert_msg(group_partition_for(slice_str(CASES[i].id), 50) == CASES[i].partition, "%s",
                      CASES[i].id);
    }
}
END_TEST

START_TEST(smallest_hash_counts_as_zero)
{
    /* Its hash is INT32_MIN, which has no absolute value. */
    ck_assert_int_eq(group_partition_for(slice_str("polygenelubricants"), 50), 0);
}
END_TEST

START_TEST(beyond_the_basic_plane_are_two_units)
{
    ck_assert_int_eq(group_partition_for(slice_str("\xf0\x9f\x98\x80"), 50), 49);
    ck_assert_int_eq(group_partition_for(slice_str("\xf0\x9f\x98\x80\xf0\x9f\x98\x80"), 50), 38);
}
END_TEST

START_TEST(bytes_that_are_no_text_have_a_place)
{
    static const char *const BAD[] = {"\xff",     "\xc3",     "\xe2\x82", "\xed\xa0\x80",
                                      "\xf8\x88", "\xc0\x80", "a\x80"};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        int32_t p = group_partition_for(slice_str(BAD[i]), 7);
        ck_assert_int_ge(p, 0);
        ck_assert_int_lt(p, 7);
    }
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("place");
    tcase_add_test(tc, agrees_with_java);
    tcase_add_test(tc, smallest_hash_counts_as_zero);
    tcase_add_test(tc, beyond_the_basic_plane_are_two_units);
    tcase_add_test(tc, bytes_that_are_no_text_have_a_place);
    return fix_run(tc);
}
