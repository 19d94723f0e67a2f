/* docs/settings.md says what the tables say. With an argument the program writes the page to
 * stdout: build/asan/tests/unit/metadata/test_settings_doc write > docs/settings.md */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "metadata/settings.h"

static const char *type_name(const struct setting *row)
{
    static const char *const names[] = {
        [SETTINGS_BOOLEAN] = "boolean", [SETTINGS_STRING] = "text", [SETTINGS_INT] = "int",
        [SETTINGS_SHORT] = "short",     [SETTINGS_LONG] = "long",   [SETTINGS_DOUBLE] = "number",
        [SETTINGS_LIST] = "list",       [SETTINGS_CLASS] = "class", [SETTINGS_PASSWORD] = "secret",
    };
    return names[row->type];
}

static const char *mode_name(const struct setting *row)
{
    static const char *const names[] = {
        [SETTINGS_READ_ONLY] = "at start",
        [SETTINGS_PER_BROKER] = "per broker",
        [SETTINGS_CLUSTER_WIDE] = "cluster-wide",
        [SETTINGS_DYNAMIC] = "always",
    };
    return names[row->mode];
}

/* A cell must not contain a bar. */
static void put_cell(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        buf_printf(out, *text == '|' ? "\\%c" : "%c", *text);
    }
}

static void put_code(struct buf *out, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        buf_put_str(out, "`");
        put_cell(out, text);
        buf_put_str(out, "`");
    } else {
        buf_put_str(out, text == NULL ? "–" : "empty");
    }
}

static void put_table(struct buf *out, enum settings_scope scope)
{
    buf_put_str(out, "| setting | type | default | allowed | change | meaning |\n"
                     "|---|---|---|---|---|---|\n");
    size_t at = 0;
    for (const struct setting *row; (row = settings_next(scope, &at)) != NULL;) {
        if (!row->has_effect || row->internal) {
            continue;
        }
        buf_printf(out, "| `%s` | %s | ", row->name, type_name(row));
        put_code(out, row->default_text);
        buf_put_str(out, " | ");
        put_cell(out, row->range == NULL ? "" : row->range);
        buf_printf(out, " | %s | ", mode_name(row));
        put_cell(out, row->doc);
        buf_put_str(out, " |\n");
    }
}

/* Rows that will act one day: a sentence says what they will do. */
static bool comes_later(const struct setting *row)
{
    return !row->has_effect && !row->internal && row->doc[0] != '\0';
}

static void put_later(struct buf *out)
{
    buf_put_str(out, "| setting | of | default | meaning |\n|---|---|---|---|\n");
    static const char *const scopes[] = {
        [SETTINGS_SERVER] = "server", [SETTINGS_TOPIC] = "topic", [SETTINGS_GROUP] = "group"};
    for (int scope = SETTINGS_SERVER; scope <= SETTINGS_GROUP; scope++) {
        size_t at = 0;
        for (const struct setting *row; (row = settings_next((enum settings_scope)scope, &at));) {
            if (!comes_later(row)) {
                continue;
            }
            buf_printf(out, "| `%s` | %s | ", row->name, scopes[scope]);
            put_code(out, row->default_text);
            buf_put_str(out, " | ");
            put_cell(out, row->doc);
            buf_put_str(out, " |\n");
        }
    }
}

static void put_ignored(struct buf *out)
{
    size_t at = 0;
    for (const struct setting *row; (row = settings_next(SETTINGS_SERVER, &at)) != NULL;) {
        if (!row->has_effect && !row->internal && !comes_later(row)) {
            buf_printf(out, "`%s`\n", row->name);
        }
    }
}

static void put_page(struct buf *out)
{
    buf_put_str(
        out,
        "# Settings\n\n"
        "Names, types, defaults and ranges are Apache Kafka's; names that begin with `craft.` are "
        "our own. A server reads them\nfrom a `.properties` file and from "
        "`--override name=value`; the command line wins. A wrong value stops the start\nwith "
        "file, line, name, value and what is allowed. An unknown name is reported and ignored, "
        "and so is one that Kafka\nknows but that has no effect here, or none yet (listed at the "
        "end).\n\n"
        "*allowed*: `1..` at least 1, `0..1` between, `a|b` one of, `~` in any case, `@voters` "
        "items `id@host:port`,\n`@servers` items `host:port`, `@throttled` `*` or items "
        "`partition:broker`, `@counts` items `address:number`.\n\n"
        "*change*: *at start* in the file only; *per broker*, *cluster-wide* and *always* also "
        "by an admin client. A value set for\none broker wins over the cluster-wide one, and "
        "that over the file. A topic's own value wins over all of them; a topic\nwithout one "
        "takes the server's setting of the same meaning (`segment.ms`: `log.roll.ms`, else "
        "`log.roll.hours`).\nChanged values take effect at once, while everything runs, and again "
        "at "
        "every start. Controllers follow those that\ntopics take from the server; their own "
        "listeners and limits stay as the file has them.\n\n"
        "`listener.name.<listener>.<setting>`, the listener's name in lower case, sets a value "
        "for one listener.\n\n"
        "This page is written from the tables by "
        "`tests/unit/metadata/test_settings_doc.c`, which also checks it.\n\n"
        "## Servers\n\n");
    put_table(out, SETTINGS_SERVER);
    buf_put_str(out, "\n## Topics\n\n");
    put_table(out, SETTINGS_TOPIC);
    buf_put_str(out, "\n## Groups\n\n");
    put_table(out, SETTINGS_GROUP);
    buf_put_str(out, "\n## Without effect yet\n\n"
                     "Their parts of the product are not there yet. They are checked, stored and "
                     "described, and do nothing.\n\n");
    put_later(out);
    buf_put_str(out, "\n## Known, without effect\n\n");
    put_ignored(out);
}

START_TEST(page_matches_the_tables)
{
    struct buf page = {0};
    struct buf file = {0};
    put_page(&page);
    FILE *f = fopen("docs/settings.md", "rb");
    ck_assert_msg(f != NULL, "run from the project's root");
    for (size_t got = 1; got > 0;) {
        uint8_t *room = buf_room(&file, 65536);
        got = fread(room, 1, 65536, f);
        file.len += got;
    }
    fclose(f);
    ck_assert_msg(slice_eq(buf_slice(&page), buf_slice(&file)),
                  "docs/settings.md is not what the tables say; write it anew (see the head of "
                  "this file)");
    buf_fini(&page);
    buf_fini(&file);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        struct buf page = {0};
        put_page(&page);
        fwrite(page.data, 1, page.len, stdout);
        buf_fini(&page);
        return EXIT_SUCCESS;
    }
    Suite *suite = suite_create("settings_doc");
    TCase *tc = tcase_create("settings_doc");
    tcase_add_test(tc, page_matches_the_tables);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
