/* Items of a dump; see dump.h. */
#include "cli/dump.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

enum { FLUSH_BYTES = 1 << 20, SMALL_FILE_MAX = 64 << 20 };

void dump_flush(struct dump *dump)
{
    if (dump->out.len > 0 && !dump->is_unread && !cli_put(&dump->out)) {
        dump->is_unread = true;
    }
    buf_reset(&dump->out);
}

/* Is it one word, so that it needs no quotes? */
static bool is_word(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || *at == '"' || *at == 0x7f) {
            return false;
        }
    }
    return text[0] != '\0';
}

static void put_value(struct buf *out, const json_t *value)
{
    if (json_is_string(value) && is_word(json_string_value(value))) {
        buf_put_str(out, json_string_value(value));
        return;
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    ASSERT(text != NULL);
    buf_put_str(out, text);
    mem_free(text);
}

/* What is null or false says nothing. */
static void put_for_people(struct dump *dump, const char *kind, json_t *json)
{
    buf_printf(&dump->out, "%s", kind);
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        if (!json_is_null(value) && !json_is_false(value)) {
            buf_printf(&dump->out, " %s=", key);
            put_value(&dump->out, value);
        }
    }
    buf_put_str(&dump->out, "\n");
}

void dump_item(struct dump *dump, const char *kind, json_t *take_json)
{
    if (dump->cli->format == TABLE_JSON) {
        json_t *root = json_object();
        json_object_set_new(root, "file", table_json_text(slice_str(dump->path)));
        json_object_set_new(root, "kind", json_string(kind));
        json_object_update(root, take_json);
        char *text = json_dumps(root, JSON_COMPACT);
        ASSERT(text != NULL);
        buf_put_str(&dump->out, text);
        buf_put_str(&dump->out, "\n");
        mem_free(text);
        json_decref(root);
    } else {
        put_for_people(dump, kind, take_json);
    }
    json_decref(take_json);
    if (dump->out.len > FLUSH_BYTES) {
        dump_flush(dump);
    }
}

void dump_error(struct dump *dump, int64_t position, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    json_t *json = json_object();
    json_object_set_new(json, "position", json_integer(position));
    json_object_set_new(json, "message", table_json_text(slice_str(text)));
    dump_item(dump, "error", json);
    dump_flush(dump);
    cli_complain(dump->cli, "%s: at byte %" PRId64 ": %s", dump->path, position, text);
    dump->error_count++;
}

bool dump_read(struct dump *dump, struct buf *out)
{
    struct store_error why = {""};
    enum err e = store_fs_read_file(dump->fs, dump->path, SMALL_FILE_MAX, out);
    if (e == ERR_NONE) {
        return true;
    }
    (void)store_fail_errno(&why, e, "read", dump->path);
    dump_error(dump, 0, "%s", e == ERR_CORRUPT ? "the file is larger than 64 MiB" : why.text);
    return false;
}
