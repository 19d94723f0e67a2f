/* The main() of a Check program: `UNIT_MAIN("map", a_test, another_test)`.
 *
 * A death test is passed by the ASSERT that it breaks: `UNIT_MAIN_ABORTS("map", (death, …), test,
 * …)` runs `death` and the others of the parenthesis expecting an abort. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include "base/buf.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>

/* The sentence must contain `text`. */
static inline void unit_says(const struct buf *sentence, const char *text)
{
    bool says =
        sentence->len > 0 && memmem(sentence->data, sentence->len, text, strlen(text)) != NULL;
    ck_assert_msg(says, "\"%.*s\" does not say \"%s\"", SLICE_ARG(buf_slice(sentence)), text);
}

static inline void unit_add(TCase *tc, const TTest *const *tests, size_t count, int signal_number)
{
    for (size_t i = 0; i < count; i++) {
        if (signal_number == 0) {
            tcase_add_test(tc, tests[i]);
        } else {
            tcase_add_test_raise_signal(tc, tests[i], signal_number);
        }
    }
}

static inline int unit_run(Suite *suite, TCase *tc)
{
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define UNIT_LIST(...) __VA_ARGS__

#define UNIT_MAIN_ABORTS(name, deaths, ...) \
    int main(void) \
    { \
        const TTest *const tests[] = {__VA_ARGS__}; \
        const TTest *const aborts[] = {UNIT_LIST deaths}; \
        TCase *tc = tcase_create(name); \
        unit_add(tc, tests, ARRAY_LEN(tests), 0); \
        unit_add(tc, aborts, ARRAY_LEN(aborts), SIGABRT); \
        return unit_run(suite_create(name), tc); \
    }

#define UNIT_MAIN(name, ...) \
    int main(void) \
    { \
        const TTest *const tests[] = {__VA_ARGS__}; \
        TCase *tc = tcase_create(name); \
        unit_add(tc, tests, ARRAY_LEN(tests), 0); \
        return unit_run(suite_create(name), tc); \
    }

#endif
