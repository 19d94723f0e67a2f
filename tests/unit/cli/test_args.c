/* Options and words of a command line. */
#include "cli/args.h"

#include "tests/unit/unit.h"

static const struct args_option own[] = {{"partitions", "N", "how many"},
                                         {"config", "NAME=VALUE", "a setting"},
                                         {"force", NULL, "a flag"},
                                         {0}};
static const struct args_option shared[] = {{"format", "FORMAT", "how to print"}, {0}};
static const struct args_option *const tables[] = {own, shared, NULL};

struct fixture {
    struct arena arena;
    struct buf why;
    struct args args;
};

static enum err parse(struct fixture *f, char **argv)
{
    buf_reset(&f->why);
    enum err e = args_parse(&f->args, tables, argv, &f->arena, &f->why);
    buf_put(&f->why, "", 1);
    return e;
}

static void fini(struct fixture *f)
{
    arena_fini(&f->arena);
    buf_fini(&f->why);
}

#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})
#define REFUSED(text, ...) \
    do { \
        ck_assert_int_eq(parse(&f, ARGV(__VA_ARGS__)), ERR_INVALID_REQUEST); \
        unit_says(&f.why, text); \
    } while (0)

START_TEST(refuses)
{
    struct fixture f = {0};
    REFUSED("unknown option --nonsense", "--nonsense");
    REFUSED("unknown option -x", "-x");
    REFUSED("did you mean --partitions?", "--partition", "3");
    REFUSED("did you mean --format?", "--formats=json");
    REFUSED("--partitions takes a value", "word", "--partitions");
    REFUSED("--force takes no value", "--force=yes");
    REFUSED("unknown option --", "--=x");
    fini(&f);
}
END_TEST

START_TEST(options_and_words_mix)
{
    struct fixture f = {0};
    ck_assert_int_eq(parse(&f, ARGV("a", "--partitions", "3", "b", "--format=json", "--force",
                                    "--config", "x=1", "--config=y=2", "-", "--", "--c")),
                     ERR_NONE);
    ck_assert_int_eq(f.args.word_count, 4);
    ck_assert_str_eq(f.args.words[0], "a");
    ck_assert_str_eq(f.args.words[2], "-");
    ck_assert_str_eq(f.args.words[3], "--c");
    ck_assert_str_eq(args_text(&f.args, "partitions"), "3");
    ck_assert_str_eq(args_text(&f.args, "format"), "json");
    ck_assert(args_has(&f.args, "force"));
    int at = 0;
    ck_assert_str_eq(args_next(&f.args, "config", &at), "x=1");
    ck_assert_str_eq(args_next(&f.args, "config", &at), "y=2");
    ck_assert_ptr_null(args_next(&f.args, "config", &at));
    ck_assert_str_eq(args_text(&f.args, "config"), "y=2");
    fini(&f);
}
END_TEST

START_TEST(values_may_look_like_options)
{
    struct fixture f = {0};
    ck_assert_int_eq(parse(&f, ARGV("--config", "--force")), ERR_NONE);
    ck_assert_str_eq(args_text(&f.args, "config"), "--force");
    ck_assert(!args_has(&f.args, "force"));
    fini(&f);
}
END_TEST

static enum err number(struct fixture *f, const char *text, int64_t *out)
{
    ck_assert_int_eq(parse(f, ARGV("--partitions", (char *)text)), ERR_NONE);
    buf_reset(&f->why);
    return args_number(&f->args, "partitions", (struct args_range){1, 10}, out, &f->why);
}

START_TEST(numbers_have_a_range)
{
    struct fixture f = {0};
    static const char *const bad[] = {
        "", "x", "3x", " 3", "3 ", "0", "11", "-1", "1.5", "--1", "99999999999999999999", "0x3"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t n = 77;
        ck_assert_msg(number(&f, bad[i], &n) == ERR_INVALID_REQUEST, "\"%s\"", bad[i]);
        ck_assert_int_eq(n, 77);
        unit_says(&f.why, "--partitions");
    }
    int64_t n = 0;
    ck_assert_int_eq(number(&f, "10", &n), ERR_NONE);
    ck_assert_int_eq(n, 10);
    ck_assert_int_eq(parse(&f, ARGV("word")), ERR_NONE);
    ck_assert_int_eq(args_number(&f.args, "partitions", (struct args_range){1, 10}, &n, &f.why),
                     ERR_NONE);
    ck_assert_int_eq(n, 10); /* left alone */
    fini(&f);
}
END_TEST

START_TEST(pairs)
{
    struct slice name;
    struct slice value;
    ck_assert(!args_pair("", &name, &value));
    ck_assert(!args_pair("x", &name, &value));
    ck_assert(!args_pair("=x", &name, &value));
    ck_assert(args_pair("a=", &name, &value));
    ck_assert(slice_eq_str(value, ""));
    ck_assert(args_pair("a=b=c", &name, &value));
    ck_assert(slice_eq_str(name, "a") && slice_eq_str(value, "b=c"));
}
END_TEST

START_TEST(items)
{
    struct slice rest = SLICE_NULL;
    struct slice item;
    ck_assert(!args_item(&rest, ',', &item));
    rest = slice_str("");
    ck_assert(args_item(&rest, ',', &item));
    ck_assert(item.len == 0);
    ck_assert(!args_item(&rest, ',', &item));
    rest = slice_str("a,,b,");
    static const char *const want[] = {"a", "", "b", ""};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        ck_assert(args_item(&rest, ',', &item));
        ck_assert(slice_eq_str(item, want[i]));
    }
    ck_assert(!args_item(&rest, ',', &item));
}
END_TEST

static enum err parse_style(struct fixture *f, enum args_style style, char **argv)
{
    static const struct args_option options[] = {
        {"print,f", "FORMAT", ""}, {"codec", "[CODEC]", ""}, {"list", NULL, ""}, {0}};
    static const struct args_option *const both[] = {options, NULL};
    buf_reset(&f->why);
    f->args = (struct args){.style = style};
    enum err e = args_parse(&f->args, both, argv, &f->arena, &f->why);
    buf_put(&f->why, "", 1);
    return e;
}

START_TEST(second_names)
{
    struct fixture f = {0};
    static char *const forms[][3] = {{"-f", "%s"}, {"-f%s"}, {"--print", "%s"}, {"--print=%s"}};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        char *argv[] = {forms[i][0], forms[i][1], NULL};
        ck_assert_int_eq(parse_style(&f, ARGS_GNU, argv), ERR_NONE);
        ck_assert_str_eq(args_text(&f.args, "print"), "%s");
        ck_assert_int_eq(args_times(&f.args, "print"), 1);
    }
    ck_assert_int_eq(parse_style(&f, ARGS_GNU, ARGV("-f")), ERR_INVALID_REQUEST);
    unit_says(&f.why, "--print takes a value");
    fini(&f);
}
END_TEST

START_TEST(options_of_kafka)
{
    struct fixture f = {0};
    ck_assert_int_eq(parse_style(&f, ARGS_KAFKA, ARGV("-list", "-print", "-1", "x", "--list=yes")),
                     ERR_NONE);
    ck_assert_int_eq(args_times(&f.args, "list"), 2);
    ck_assert_str_eq(args_text(&f.args, "print"), "-1");
    ck_assert_int_eq(f.args.word_count, 1);
    ck_assert_int_eq(parse_style(&f, ARGS_KAFKA, ARGV("--nonsense")), ERR_INVALID_REQUEST);
    ck_assert_str_eq((char *)f.why.data, "nonsense is not a recognized option");
    ck_assert_int_eq(parse_style(&f, ARGS_KAFKA, ARGV("--print")), ERR_INVALID_REQUEST);
    ck_assert_str_eq((char *)f.why.data, "Option print requires an argument");
    fini(&f);
}
END_TEST

START_TEST(values_that_may_be_left_out)
{
    struct fixture f = {0};
    ck_assert_int_eq(parse_style(&f, ARGS_KAFKA, ARGV("--codec", "--list")), ERR_NONE);
    ck_assert_str_eq(args_text(&f.args, "codec"), "");
    ck_assert(args_has(&f.args, "list"));
    ck_assert_int_eq(parse_style(&f, ARGS_KAFKA, ARGV("--codec", "zstd")), ERR_NONE);
    ck_assert_str_eq(args_text(&f.args, "codec"), "zstd");
    ck_assert_int_eq(parse_style(&f, ARGS_KAFKA, ARGV("--codec")), ERR_NONE);
    ck_assert_str_eq(args_text(&f.args, "codec"), "");
    fini(&f);
}
END_TEST

START_TEST(an_undeclared_option)
{
    struct fixture f = {0};
    ck_assert_int_eq(parse(&f, ARGV("word")), ERR_NONE);
    (void)args_text(&f.args, "undeclared");
}
END_TEST

UNIT_MAIN_ABORTS("args", (an_undeclared_option), refuses, options_and_words_mix,
                 values_may_look_like_options, numbers_have_a_range, pairs, items, second_names,
                 options_of_kafka, values_that_may_be_left_out)
