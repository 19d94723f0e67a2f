/* Names and regular expressions. */
#include "cli/pattern.h"

#include "tests/unit/unit.h"

static bool matches(const char *text, const char *name)
{
    struct pattern *pattern = pattern_new(slice_str(text), NULL);
    ck_assert_ptr_nonnull(pattern);
    bool result = pattern_matches(pattern, slice_str(name));
    pattern_free(pattern);
    return result;
}

START_TEST(refuses_what_is_no_expression)
{
    static const char *const bad[] = {"(", "[", "a[", "*(", "\\", "a{2,1}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf why = {0};
        ck_assert_msg(pattern_new(slice_str(bad[i]), &why) == NULL, "%s", bad[i]);
        ck_assert_uint_gt(why.len, 0);
        buf_fini(&why);
    }
}
END_TEST

START_TEST(whole_names)
{
    ck_assert(matches("a.c", "abc"));
    ck_assert(!matches("a.c", "abcd"));
    ck_assert(!matches("b", "abc"));
    ck_assert(matches("a|b", "b"));
    ck_assert(!matches("a|b", "ab"));
    ck_assert(matches("", ""));
    ck_assert(!matches("a\\.c", "abc"));
    ck_assert(matches("a\\.c", "a.c"));
    ck_assert(pattern_matches(NULL, slice_str("anything")));
}
END_TEST

START_TEST(what_java_writes_in_its_own_way)
{
    ck_assert(matches("t-\\d+", "t-123"));
    ck_assert(!matches("t-\\d+", "t-x"));
    ck_assert(matches("(?:a|b)+", "abba"));
    ck_assert(matches("[\\d_]+", "1_2"));
    ck_assert(matches("[a\\-z]+", "a-z"));
    ck_assert(!matches("[a\\-z]+", "m"));
    ck_assert(matches("\\w+", "a_1"));
    ck_assert(matches("(?i)orders", "ORDERS"));
    ck_assert(matches("(?!__).*", "orders"));
    ck_assert(!matches("(?!__).*", "__consumer_offsets"));
    ck_assert(matches("a++b", "aab"));
}
END_TEST

static bool topics(const char *text, const char *name)
{
    struct pattern *pattern = pattern_new_topics(slice_str(text));
    ck_assert_ptr_nonnull(pattern);
    bool result = pattern_matches(pattern, slice_str(name));
    pattern_free(pattern);
    return result;
}

START_TEST(lists_of_topics)
{
    ck_assert(topics("a,b", "b"));
    ck_assert(topics(" \"a, b\"", "a"));
    ck_assert(topics("'a.*'", "abc"));
    ck_assert(!topics("a,b", "a,b"));
}
END_TEST

UNIT_MAIN("pattern", refuses_what_is_no_expression, whole_names, what_java_writes_in_its_own_way,
          lists_of_topics)
