/* Files of offsets, and partitions as people name them. */
#include "cli/reset.h"
#include "cli/selection.h"

#include "tests/unit/unit.h"

struct fixture {
    struct arena arena;
    struct buf why;
    struct reset_rows rows;
};

static enum err read_csv(struct fixture *f, const char *text, bool with_groups)
{
    buf_reset(&f->why);
    return reset_read_csv(slice_str(text), with_groups, &f->arena, &f->rows, &f->why);
}

static void fini(struct fixture *f)
{
    arena_fini(&f->arena);
    buf_fini(&f->why);
}

START_TEST(refuses_lines_that_are_none)
{
    struct fixture f = {0};
    static const char *const bad[] = {"x",          "t,0",   "t,0,1,2,3",      ",0,1",
                                      "t,-1,1",     "t,x,1", "t,0,x",          "\"t,0,1",
                                      "\"t\"x,0,1", "t,0,",  "t,99999999999,1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(read_csv(&f, bad[i], false) == ERR_INVALID_REQUEST, "%s", bad[i]);
    }
    ck_assert_int_eq(read_csv(&f, "t,0,1\nt,0", false), ERR_INVALID_REQUEST);
    unit_says(&f.why, "line 2");
    ck_assert_int_eq(read_csv(&f, "t,0,1", true), ERR_INVALID_REQUEST);
    fini(&f);
}
END_TEST

START_TEST(files)
{
    struct fixture f = {0};
    ck_assert_int_eq(read_csv(&f, "", false), ERR_NONE);
    ck_assert_int_eq(f.rows.count, 0);
    ck_assert_int_eq(read_csv(&f, "t,0,1\r\n\n\"a,\"\"b\",7,99\n", false), ERR_NONE);
    ck_assert_int_eq(f.rows.count, 2);
    ck_assert(slice_eq_str(f.rows.items[0].topic, "t") && f.rows.items[0].target == 1);
    ck_assert(slice_eq_str(f.rows.items[1].topic, "a,\"b") && f.rows.items[1].partition == 7);
    ck_assert_int_eq(read_csv(&f, "g,t,0,1", true), ERR_NONE);
    ck_assert(slice_eq_str(f.rows.items[0].group, "g"));
    /* What was exported of several groups goes for one of them, too. */
    ck_assert_int_eq(read_csv(&f, "g,t, 0, 1 ", false), ERR_NONE);
    ck_assert(slice_eq_str(f.rows.items[0].group, "g") && f.rows.items[0].target == 1);
    fini(&f);
}
END_TEST

START_TEST(what_is_written_is_read)
{
    struct fixture f = {0};
    struct buf text = {0};
    struct reset_row row = {.topic = slice_str("orders"), .partition = 3, .target = 77};
    reset_put_csv(&row, slice_str("a \"group\", b"), &text);
    reset_put_csv(&row, slice_str("plain"), &text);
    ck_assert_int_eq(reset_read_csv(buf_slice(&text), true, &f.arena, &f.rows, &f.why), ERR_NONE);
    ck_assert_int_eq(f.rows.count, 2);
    ck_assert(slice_eq_str(f.rows.items[0].group, "a \"group\", b"));
    ck_assert(slice_eq_str(f.rows.items[1].group, "plain"));
    ck_assert_int_eq(f.rows.items[1].target, 77);
    buf_fini(&text);
    fini(&f);
}
END_TEST

START_TEST(partitions)
{
    struct fixture f = {0};
    struct group_partitions some = {0};
    struct group_partitions topics = {0};
    static const char *const bad[] = {"", ":1", "t:", "t:x", "t:,1", "t:1:2", "t:-1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(selection_read(slice_str(bad[i]), &f.arena, &some, &topics, &f.why) ==
                          ERR_INVALID_REQUEST,
                      "%s", bad[i]);
    }
    some.count = 0;
    ck_assert_int_eq(selection_read(slice_str("t:4,2"), &f.arena, &some, &topics, &f.why),
                     ERR_NONE);
    ck_assert_int_eq(selection_read(slice_str("u:7"), &f.arena, &some, &topics, &f.why), ERR_NONE);
    ck_assert_int_eq(selection_read(slice_str("v"), &f.arena, &some, &topics, &f.why), ERR_NONE);
    ck_assert_int_eq(some.count, 3);
    ck_assert_int_eq(some.items[1].partition, 2);
    ck_assert(slice_eq_str(some.items[2].topic, "u"));
    ck_assert_int_eq(topics.count, 1);
    fini(&f);
}
END_TEST

UNIT_MAIN("reset", refuses_lines_that_are_none, files, what_is_written_is_read, partitions)
