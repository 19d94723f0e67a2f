/* Text form of 128-bit ids. */
#include "base/uuid.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

START_TEST(refuses_bad_text)
{
    struct uuid u;
    ck_assert(!uuid_parse(slice_str(""), &u));
    ck_assert(!uuid_parse(slice_str("AAAAAAAAAAAAAAAAAAAAA"), &u));
    ck_assert(!uuid_parse(slice_str("AAAAAAAAAAAAAAAAAAAAAAA"), &u));
    ck_assert(!uuid_parse(slice_str("AAAAAAAAAAAAAAAAAAAAA+"), &u));
    ck_assert_msg(!uuid_parse(slice_str("AAAAAAAAAAAAAAAAAAAAAB"), &u), "spare bits must be zero");
}
END_TEST

START_TEST(metadata_topic_id_is_kafkas)
{
    ck_assert_str_eq(uuid_text(UUID_METADATA_TOPIC).text, "AAAAAAAAAAAAAAAAAAAAAQ");
}
END_TEST

START_TEST(random_ids_round_trip)
{
    for (int i = 0; i < 1000; i++) {
        struct uuid u = uuid_random();
        struct uuid back;
        struct uuid_text text = uuid_text(u);
        ck_assert(text.text[0] != '-');
        ck_assert(uuid_parse(slice_str(text.text), &back));
        ck_assert(uuid_eq(u, back));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("uuid");
    TCase *tc = tcase_create("text");
    tcase_add_test(tc, refuses_bad_text);
    tcase_add_test(tc, metadata_topic_id_is_kafkas);
    tcase_add_test(tc, random_ids_round_trip);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
