/* Points in time and spans. */
#include "cli/times.h"

#include "tests/unit/unit.h"

START_TEST(refuses_what_is_no_date)
{
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-13-01",
                                      "2026-02-30",
                                      "2026-1-1",
                                      "yesterday",
                                      "2026-11-21T",
                                      "2026-11-21T25:00:00",
                                      "2026-11-21T1:00",
                                      "2026-11-21T10:60",
                                      "2026-11-21x",
                                      "2026-11-21T10:00:00.",
                                      "2026-11-21T10:00:00+1",
                                      "2026-11-21T10:00:00+01:0",
                                      "2026-11-21T10:00:00Zx"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t ms;
        ck_assert_msg(!times_parse_date(slice_str(bad[i]), &ms), "%s", bad[i]);
    }
}
END_TEST

START_TEST(dates)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"1970-01-01", 0},
                {"1969-12-31T23:59:59.999Z", -1},
                {"2023-11-14T22:13:20", 1700000000000},
                {"2023-11-14T22:13:20.005", 1700000000005},
                {"2023-11-14T22:13:20.0059", 1700000000005},
                {"2023-11-14T23:13:20.005+01:00", 1700000000005},
                {"2023-11-14T23:13:20.5+0100", 1700000000500},
                {"2023-11-14T23:13+01", 1699999980000},
                {"2024-02-29T00:00:00.000-00:30", 1709166600000}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = 0;
        ck_assert_msg(times_parse_date(slice_str(rows[i].text), &ms), "%s", rows[i].text);
        ck_assert_msg(ms == rows[i].ms, "%s: %" PRId64, rows[i].text, ms);
    }
}
END_TEST

START_TEST(spans)
{
    static const char *const bad[] = {"",       "P",    "1D",   "PT",    "P1H", "PT1D",
                                      "PT1S2M", "P1DT", "PTxS", "P1.5D", "PT1", "P--1D"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t ms;
        ck_assert_msg(!times_parse_duration(slice_str(bad[i]), &ms), "%s", bad[i]);
    }
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"PT0S", 0},
                {"P1D", 86400000},
                {"PT15M", 900000},
                {"-PT1H", -3600000},
                {"P1DT2H3M4.5S", 93784500},
                {"PT0.001S", 1},
                {"pt1h", 3600000},
                {"PT1H-6M", 3240000},
                {"P-1DT-0.5S", -86400500},
                {"-PT-1S", 1000},
                {"+PT+1S", 1000}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = 77;
        ck_assert_msg(times_parse_duration(slice_str(rows[i].text), &ms), "%s", rows[i].text);
        ck_assert_msg(ms == rows[i].ms, "%s: %" PRId64, rows[i].text, ms);
    }
}
END_TEST

START_TEST(printed)
{
    char text[TIMES_DATE_BYTES];
    times_put_date(1700000000005, text);
    ck_assert_str_eq(text, "2023-11-14T22:13:20.005Z");
    times_put_date(-1, text);
    ck_assert_str_eq(text, "1969-12-31T23:59:59.999Z");
    times_put_date(INT64_MAX, text);
    ck_assert_str_eq(text, "9223372036854775807");
}
END_TEST

UNIT_MAIN("times", refuses_what_is_no_date, dates, spans, printed)
