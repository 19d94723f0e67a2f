/* Lines as kafka-console-producer reads them. */
#include "cli/kafka/line_reader.h"

#include "tests/unit/unit.h"

struct fixture {
    struct cli cli;
    struct line_reader reader;
    struct buf why;
};

/* "parse.key=true key.separator=:" */
static bool begin(struct fixture *f, const char *settings)
{
    static const struct args_option options[] = {{"property", "P", ""}, {0}};
    static const struct args_option *const tables[] = {options, NULL};
    char *argv[24] = {NULL};
    int argc = 0;
    struct slice rest = slice_str(settings);
    struct slice item;
    *f = (struct fixture){.cli = {.args = {.style = ARGS_KAFKA}}};
    while (rest.len > 0 && args_item(&rest, ' ', &item)) {
        argv[argc++] = arena_printf(&f->cli.arena, "--property");
        argv[argc++] = arena_str(&f->cli.arena, item);
    }
    ck_assert_int_eq(args_parse(&f->cli.args, tables, argv, &f->cli.arena, &f->cli.why), ERR_NONE);
    struct properties properties = {.cli = &f->cli};
    properties_add_pairs(&properties, "property");
    return line_reader_init(&f->reader, &properties, &f->why);
}

static void end(struct fixture *f)
{
    line_reader_fini(&f->reader);
    buf_fini(&f->why);
    cli_fini(&f->cli);
}

static void put(struct slice bytes, struct buf *out)
{
    buf_put_slice(out, slice_is_null(bytes) ? slice_str("~") : bytes);
}

/* "h=v,i=~|key|value"; null is "~". */
static void check(struct fixture *f, const char *line, const char *want)
{
    struct wire_record record;
    struct buf got = {0};
    ck_assert_msg(line_reader_read(&f->reader, slice_str(line), &record, &f->why), "%s: %.*s", line,
                  SLICE_ARG(buf_slice(&f->why)));
    struct reader r = reader_of(record.headers);
    for (int32_t i = 0; i < record.header_count; i++) {
        struct wire_record_header header = wire_record_header_next(&r);
        buf_put_str(&got, i == 0 ? "" : ",");
        put(header.key, &got);
        buf_put_str(&got, "=");
        put(header.value, &got);
    }
    buf_put_str(&got, "|");
    put(record.key, &got);
    buf_put_str(&got, "|");
    put(record.value, &got);
    buf_put(&got, "", 1);
    ck_assert_str_eq((char *)got.data, want);
    buf_fini(&got);
}

static void check_refused(struct fixture *f, const char *line, const char *said)
{
    struct wire_record record;
    ck_assert(!line_reader_read(&f->reader, slice_str(line), &record, &f->why));
    unit_says(&f->why, said);
    buf_reset(&f->why);
}

START_TEST(settings_that_contradict)
{
    static const struct {
        const char *settings;
        const char *said;
    } wrong[] = {
        {"headers.delimiter=,", "headers.delimiter and headers.separator may not be equal"},
        {"headers.delimiter=:", "headers.delimiter and headers.key.separator may not be equal"},
        {"headers.separator=:", "headers.separator and headers.key.separator may not be equal"},
        {"null.marker=x key.separator=x", "null.marker and key.separator may not be equal"},
        {"null.marker=,", "null.marker and headers.separator may not be equal"},
        {"null.marker=:", "null.marker and headers.key.separator may not be equal"},
        {"headers.separator=[;,]", "regular expression"},
        {"headers.separator=|", "regular expression"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct fixture f;
        ck_assert(!begin(&f, wrong[i].settings));
        unit_says(&f.why, wrong[i].said);
        end(&f);
    }
}
END_TEST

START_TEST(keys)
{
    struct fixture f;
    ck_assert(begin(&f, ""));
    check(&f, "a\tb", "|~|a\tb");
    end(&f);
    ck_assert(begin(&f, "parse.key=true null.marker=NIL"));
    check(&f, "a\tb\tc", "|a|b\tc");
    check(&f, "NIL\tNIL", "|~|~");
    check(&f, "\t", "||");
    check_refused(&f, "nothing", "No key separator found on line number 4: 'nothing'");
    end(&f);
    ck_assert(begin(&f, "parse.key=TRUE ignore.error=true key.separator=::"));
    check(&f, "a:b", "|~|a:b");
    check(&f, "a:::b", "|a|:b");
    end(&f);
}
END_TEST

START_TEST(headers)
{
    struct fixture f;
    ck_assert(begin(&f, "parse.key=true parse.headers=true null.marker=NIL"));
    check(&f, "a:1,b:2\tk\tv", "a=1,b=2|k|v");
    check(&f, "a:1,,\tk\tv", "a=1|k|v");
    check(&f, "a::\tk\tv", "a=:|k|v");
    check(&f, "a:NIL\tk\tv", "a=~|k|v");
    check(&f, "NIL\tk\tv", "|k|v");
    check_refused(&f, "k", "No headers delimiter found on line number 6: 'k'");
    check_refused(&f, "a:1\tk", "No key separator found on line number 7: 'a:1\tk'");
    check_refused(&f, "a\tk\tv", "No header key separator found in pair 'a' on line number 8");
    check_refused(&f, "\tk\tv", "No header key separator found in pair ''");
    check_refused(&f, "NIL:1\tk\tv", "null marker 'NIL'");
    end(&f);
    ck_assert(begin(&f, "parse.headers=true ignore.error=true headers.separator=\\| "
                        "headers.delimiter=# headers.key.separator=="));
    check(&f, "a=1|b|=#v", "a=1,b=~,=|~|v");
    check(&f, "v", "|~|v");
    end(&f);
}
END_TEST

UNIT_MAIN("line_reader", settings_that_contradict, keys, headers)
