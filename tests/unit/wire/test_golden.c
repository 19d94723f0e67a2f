/* Every message in every version against bytes that Apache Kafka's own classes made: decoded,
 * encoded again, compared. tests/golden/README.md says how the file was made. */
#include "wire/table.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"
#include "tests/unit/wire/hex.h"

#define GOLDEN_FILE "tests/golden/messages.gz"

enum { LINE_MAX_BYTES = 4 << 20, PER_VERSION_MIN = 3, VERSIONS_MAX = 32 };

/* Texts are taken apart where the line stands. */
struct line {
    const char *name;
    int16_t version;
    const char *hex;
};

static const struct wire_message *find(const char *name)
{
    for (size_t i = 0; i < wire_messages_count; i++) {
        if (strcmp(wire_name(wire_messages[i]), name) == 0) {
            return wire_messages[i];
        }
    }
    return NULL;
}

static bool next_line(gzFile file, char *text, struct line *out)
{
    if (gzgets(file, text, LINE_MAX_BYTES) == NULL) {
        return false;
    }
    text[strcspn(text, "\n")] = '\0';
    char *rest = strchr(text, ' ');
    ck_assert_ptr_nonnull(rest);
    *rest++ = '\0';
    char *end;
    long version = strtol(rest, &end, 10);
    ck_assert_int_eq(*end, ' ');
    *out = (struct line){text, (int16_t)version, end + 1};
    return true;
}

static void check_line(const struct wire_message *m, const struct line *line)
{
    struct arena arena = {0};
    struct buf out = {0};
    struct slice bytes = unhex(&arena, line->hex);
    void *message = wire_new(m, &arena);
    enum err e = wire_decode(m, line->version, bytes, &arena, message);
    ck_assert_msg(e == ERR_NONE, "%s %d: cannot be decoded: %s", line->name, line->version,
                  err_name(e));
    e = wire_encode(m, line->version, message, &out);
    ck_assert_msg(e == ERR_NONE, "%s %d: cannot be encoded: %s", line->name, line->version,
                  err_name(e));
    if (!slice_eq(buf_slice(&out), bytes)) {
        size_t at = 0;
        while (at < out.len && at < bytes.len && out.data[at] == bytes.data[at]) {
            at++;
        }
        ck_abort_msg("%s %d: %s differs at byte %zu of %zu, %zu", line->name, line->version,
                     line->hex, at, bytes.len, out.len);
    }
    buf_fini(&out);
    arena_fini(&arena);
}

START_TEST(every_message_in_every_version)
{
    size_t *seen[VERSIONS_MAX] = {0};
    for (size_t v = 0; v < VERSIONS_MAX; v++) {
        seen[v] = mem_zalloc(wire_messages_count, sizeof *seen[v]);
    }
    gzFile file = gzopen(GOLDEN_FILE, "rb");
    ck_assert_msg(file != NULL, "cannot open " GOLDEN_FILE);
    char *text = mem_alloc(LINE_MAX_BYTES);
    struct line line;
    while (next_line(file, text, &line)) {
        const struct wire_message *m = find(line.name);
        ck_assert_msg(m != NULL, "%s is no message of wire/schema", line.name);
        check_line(m, &line);
        for (size_t i = 0; i < wire_messages_count; i++) {
            seen[line.version][i] += wire_messages[i] == m;
        }
    }
    ck_assert_int_eq(gzclose(file), Z_OK);
    for (size_t i = 0; i < wire_messages_count; i++) {
        const struct wire_message *m = wire_messages[i];
        if (m->api_key >= WIRE_API_OURS) {
            continue; /* Kafka has no class for it */
        }
        for (int v = wire_version_min(m); v <= wire_version_max(m); v++) {
            ck_assert_msg(seen[v][i] >= PER_VERSION_MIN, "%s %d has no golden bytes", wire_name(m),
                          v);
        }
    }
    for (size_t v = 0; v < VERSIONS_MAX; v++) {
        mem_free(seen[v]);
    }
    mem_free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden");
    TCase *tc = tcase_create("golden");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, every_message_in_every_version);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
