/* Metadata as text; see metadata_text.h. */
#include "cli/metadata_text.h"

#include "base/mem.h"
#include "cli/args.h"

#define HEAD "craft-metadata 1 "

void metadata_text_put(const struct metadata_image *image, struct buf *out)
{
    buf_printf(out,
               HEAD "cluster=%.*s offset=%" PRId64 " epoch=%" PRId32 " timestampMs=%" PRId64 "\n",
               SLICE_ARG(metadata_image_cluster_id(image)), metadata_image_offset(image),
               metadata_image_epoch(image), metadata_image_timestamp_ms(image));
    struct metadata_snapshot *s = metadata_snapshot_begin(image);
    struct metadata_record record;
    int64_t count = 0;
    for (; metadata_snapshot_next(s, &record); count++) {
        metadata_record_print(&record, out);
        buf_put_str(out, "\n");
    }
    metadata_snapshot_end(s);
    buf_printf(out, "end records=%" PRId64 "\n", count);
}

/* ---- reading ---- */

struct lines {
    struct slice rest;
    int64_t number; /* of the line returned last */
};

/* False: there is none, or the last one has no end. */
static bool next_line(struct lines *lines, struct slice *out)
{
    const uint8_t *end =
        lines->rest.len == 0 ? NULL : memchr(lines->rest.data, '\n', lines->rest.len);
    if (end == NULL) {
        return false;
    }
    *out = slice_of(lines->rest.data, (size_t)(end - lines->rest.data));
    lines->rest = slice_of(end + 1, lines->rest.len - out->len - 1);
    lines->number++;
    return true;
}

/* "name=" and then everything up to the next space, which is taken, or the end. */
static bool take_value(struct slice *line, const char *name, struct slice *out)
{
    size_t len = strlen(name);
    if (line->len < len || memcmp(line->data, name, len) != 0) {
        return false;
    }
    struct slice rest = slice_of(line->data + len, line->len - len);
    const uint8_t *space = rest.len == 0 ? NULL : memchr(rest.data, ' ', rest.len);
    size_t used = space == NULL ? rest.len : (size_t)(space - rest.data);
    *out = slice_of(rest.data, used);
    *line =
        space == NULL ? slice_of(rest.data + used, 0) : slice_of(space + 1, rest.len - used - 1);
    return true;
}

static bool take_number(struct slice *line, const char *name, int64_t max, int64_t *out)
{
    struct slice text;
    return take_value(line, name, &text) && args_parse_number(text, out) && *out >= -1 &&
           *out <= max;
}

struct head {
    struct slice cluster_id;
    int64_t offset;
    int64_t epoch;
    int64_t timestamp_ms;
};

static bool read_head(struct slice line, struct head *out)
{
    size_t len = strlen(HEAD);
    if (line.len < len || memcmp(line.data, HEAD, len) != 0) {
        return false;
    }
    struct slice rest = slice_of(line.data + len, line.len - len);
    return take_value(&rest, "cluster=", &out->cluster_id) &&
           take_number(&rest, "offset=", INT64_MAX - 1, &out->offset) &&
           take_number(&rest, "epoch=", INT32_MAX, &out->epoch) &&
           take_number(&rest, "timestampMs=", INT64_MAX, &out->timestamp_ms) && rest.len == 0;
}

struct reading {
    struct lines lines;
    struct arena *arena;
    struct metadata_delta *delta;
    int64_t offset;
    struct slice *values;
    size_t count;
    size_t cap;
    struct buf *why;
};

static enum err refuse(struct reading *r, enum err e, const char *what)
{
    buf_printf(r->why, "line %" PRId64 ": %s", r->lines.number, what);
    return e;
}

static void add_value(struct reading *r, const struct metadata_record *record)
{
    struct buf value = {0};
    if (r->count == r->cap) {
        r->cap = r->cap == 0 ? 256 : 2 * r->cap;
        struct slice *more = ARENA_ARRAY(r->arena, r->cap, struct slice);
        if (r->count > 0) {
            memcpy(more, r->values, r->count * sizeof *more);
        }
        r->values = more;
    }
    metadata_record_encode(record, &value);
    r->values[r->count++] = arena_dup(r->arena, buf_slice(&value));
    buf_fini(&value);
}

static enum err read_record(struct reading *r, struct slice line)
{
    struct metadata_record record;
    struct arena arena = {0};
    struct buf text = {0};
    enum err e = metadata_record_parse(line, &arena, &record, &text);
    if (e == ERR_NONE) {
        e = metadata_delta_replay(r->delta, r->offset, &record);
        if (e != ERR_NONE) {
            buf_put_str(&text, metadata_delta_error(r->delta));
        }
    }
    if (e == ERR_NONE) {
        add_value(r, &record);
    } else {
        buf_put(&text, "", 1);
        e = refuse(r, e, (const char *)text.data);
    }
    buf_fini(&text);
    arena_fini(&arena);
    return e;
}

static enum err read_records(struct reading *r)
{
    struct slice line;
    while (next_line(&r->lines, &line)) {
        int64_t count;
        struct slice rest = line;
        if (take_number(&rest, "end records=", INT64_MAX, &count)) {
            if (rest.len > 0 || r->lines.rest.len > 0) {
                return refuse(r, ERR_MALFORMED, "there is something behind the end");
            }
            return count == (int64_t)r->count
                       ? ERR_NONE
                       : refuse(r, ERR_MALFORMED, "that is not the number of the records");
        }
        TRY(read_record(r, line));
    }
    return refuse(r, ERR_MALFORMED, "the text ends without its last line, \"end records=N\"");
}

/* Records in another order, or one that a later one replaces, would not come back. */
static enum err check_text(struct reading *r, const struct metadata_image *image, struct slice text)
{
    struct buf again = {0};
    metadata_text_put(image, &again);
    struct slice written = buf_slice(&again);
    size_t same = 0;
    int64_t line = 1;
    while (same < written.len && same < text.len && written.data[same] == text.data[same]) {
        line += text.data[same++] == '\n';
    }
    bool equal = written.len == text.len && same == text.len;
    buf_fini(&again);
    r->lines.number = line;
    return equal ? ERR_NONE
                 : refuse(r, ERR_MALFORMED,
                          "this is not how its state is written: records are "
                          "missing, twice, or in another order");
}

enum err metadata_text_read(struct slice text, struct arena *arena,
                            struct metadata_text_contents *out, struct buf *why)
{
    struct reading r = {.lines = {.rest = text}, .arena = arena, .why = why};
    struct slice line;
    struct head head;
    *out = (struct metadata_text_contents){0};
    if (!next_line(&r.lines, &line) || !read_head(line, &head)) {
        r.lines.number = 1;
        return refuse(&r, ERR_MALFORMED,
                      "not \"" HEAD "cluster=… offset=… epoch=… "
                      "timestampMs=…\"");
    }
    struct metadata_image *empty = metadata_image_new(head.cluster_id);
    r.offset = head.offset;
    r.delta = metadata_delta_begin(empty);
    enum err e = read_records(&r);
    if (e == ERR_NONE) {
        metadata_delta_advance(r.delta, head.offset, (int32_t)head.epoch, head.timestamp_ms);
        out->image = metadata_delta_finish(r.delta);
        e = check_text(&r, out->image, text);
    } else {
        metadata_delta_drop(r.delta);
    }
    metadata_image_unref(empty);
    if (e != ERR_NONE) {
        metadata_image_unref(out->image);
        out->image = NULL;
        return e;
    }
    out->values = r.values;
    out->count = r.count;
    return ERR_NONE;
}
