/* The small text files of a log directory; see dump.h. */
#include "cli/dump.h"

enum { CHECKPOINT_VERSION = 0 };

/* ---- checkpoints: a version, a count, and as many lines ---- */

struct checkpoint {
    struct dump *dump;
    struct slice rest;
    struct slice line;
    int64_t at; /* of the line */
    int64_t next;
};

static bool next_line(struct checkpoint *c)
{
    c->at = c->next;
    if (c->rest.len == 0 || !args_item(&c->rest, '\n', &c->line)) {
        return false;
    }
    c->next += (int64_t)c->line.len + 1;
    return true;
}

static bool take_number(struct slice *line, int64_t *out)
{
    struct slice word;
    return args_item(line, ' ', &word) && args_parse_number(word, out);
}

/* Reads the two lines at the head; −1: they are wrong. */
static int64_t read_head(struct checkpoint *c)
{
    int64_t version;
    int64_t count;
    if (!next_line(c) || !args_parse_number(c->line, &version) || version != CHECKPOINT_VERSION) {
        dump_error(c->dump, c->at, "the first line should be the version, 0");
        return -1;
    }
    if (!next_line(c) || !args_parse_number(c->line, &count) || count < 0) {
        dump_error(c->dump, c->at, "the second line should be the number of entries");
        return -1;
    }
    return count;
}

static void dump_lines(struct dump *dump, bool (*read_line)(struct slice line, json_t *json),
                       const char *kind)
{
    struct buf bytes = {0};
    if (!dump_read(dump, &bytes)) {
        buf_fini(&bytes);
        return;
    }
    struct checkpoint c = {.dump = dump, .rest = buf_slice(&bytes)};
    int64_t left = bytes.len == 0 ? 0 : read_head(&c);
    for (; left > 0 && next_line(&c); left--) {
        json_t *json = json_object();
        if (read_line(c.line, json)) {
            dump_item(dump, kind, json);
        } else {
            json_decref(json);
            dump_error(dump, c.at, "\"%.*s\" is no entry", (int)min_size(c.line.len, 80),
                       (const char *)c.line.data);
        }
    }
    if (left > 0) {
        dump_error(dump, c.at, "%" PRId64 " entries are missing", left);
    } else if (left == 0 && c.rest.len > 0) {
        dump_error(dump, c.next, "there are more entries than the second line says");
    }
    buf_fini(&bytes);
}

static bool read_partition_line(struct slice line, json_t *json)
{
    struct slice topic;
    int64_t partition;
    int64_t offset;
    if (!args_item(&line, ' ', &topic) || !take_number(&line, &partition) ||
        !take_number(&line, &offset)) {
        return false;
    }
    json_object_set_new(json, "topic", table_json_text(topic));
    json_object_set_new(json, "partition", json_integer(partition));
    json_object_set_new(json, "offset", json_integer(offset));
    return true;
}

static bool read_epoch_line(struct slice line, json_t *json)
{
    int64_t epoch;
    int64_t start;
    if (!take_number(&line, &epoch) || !take_number(&line, &start)) {
        return false;
    }
    json_object_set_new(json, "leaderEpoch", json_integer(epoch));
    json_object_set_new(json, "startOffset", json_integer(start));
    return true;
}

void dump_checkpoint(struct dump *dump)
{
    dump_lines(dump, read_partition_line, "checkpoint");
}

void dump_epochs(struct dump *dump)
{
    dump_lines(dump, read_epoch_line, "epoch");
}

/* ---- the others ---- */

/* "name=value" or "name: value"; comments are left out. */
void dump_properties(struct dump *dump)
{
    struct buf bytes = {0};
    json_t *json = json_object();
    if (dump_read(dump, &bytes)) {
        struct slice rest = buf_slice(&bytes);
        struct slice line;
        while (args_item(&rest, '\n', &line)) {
            size_t at = 0;
            while (at < line.len && line.data[at] != '=' && line.data[at] != ':') {
                at++;
            }
            if (line.len == 0 || line.data[0] == '#' || at == line.len) {
                continue;
            }
            size_t skip = at + 1 < line.len && line.data[at + 1] == ' ' ? 2 : 1;
            json_t *name = table_json_text(slice_of(line.data, at));
            json_object_set_new(
                json, json_string_value(name),
                table_json_text(slice_of(line.data + at + skip, line.len - at - skip)));
            json_decref(name);
        }
        dump_item(dump, "properties", json_incref(json));
    }
    json_decref(json);
    buf_fini(&bytes);
}

void dump_json(struct dump *dump)
{
    struct buf bytes = {0};
    if (dump_read(dump, &bytes) && bytes.len > 0) {
        json_error_t error;
        json_t *json = json_loadb((const char *)bytes.data, bytes.len, 0, &error);
        if (json_is_object(json)) {
            dump_item(dump, "json", json);
        } else {
            json_decref(json);
            dump_error(dump, error.position, "this is no JSON object: %s", error.text);
        }
    }
    buf_fini(&bytes);
}
