/* Plans of new offsets; see reset.h. */
#include "cli/reset.h"

#include <stdlib.h>

struct reset_rows reset_rows_of(const struct group_partitions *partitions, struct arena *arena)
{
    struct reset_rows rows = {
        .items = ARENA_ARRAY(arena, (size_t)partitions->count + 1, struct reset_row),
        .count = partitions->count};
    for (int32_t i = 0; i < rows.count; i++) {
        rows.items[i] = (struct reset_row){.group = SLICE_NULL,
                                           .topic = partitions->items[i].topic,
                                           .partition = partitions->items[i].partition,
                                           .current = -1,
                                           .target = -1};
    }
    return rows;
}

void reset_take_committed(struct reset_rows *rows, const struct group *group)
{
    for (int32_t i = 0; i < rows->count; i++) {
        struct reset_row *row = &rows->items[i];
        for (int32_t k = 0; k < group->offset_count; k++) {
            const struct group_offset *offset = &group->offsets[k];
            if (offset->partition == row->partition && slice_eq(offset->topic, row->topic)) {
                row->current = offset->committed;
            }
        }
    }
}

/* ---- files ---- */

/* The next field of a line, without its quotes. */
static bool take_field(struct slice *line, struct arena *arena, struct slice *out)
{
    if (slice_is_null(*line) || line->len == 0 || line->data[0] != '"') {
        return args_item(line, ',', out);
    }
    struct buf text = {0};
    size_t at = 1;
    bool is_closed = false;
    for (; at < line->len && !is_closed; at++) {
        bool is_quote = line->data[at] == '"';
        if (is_quote && at + 1 < line->len && line->data[at + 1] == '"') {
            at++;
        } else {
            is_closed = is_quote;
        }
        buf_put(&text, line->data + at, is_closed ? 0 : 1);
    }
    *out = arena_dup(arena, buf_slice(&text));
    buf_fini(&text);
    struct slice rest = slice_of(line->data + at, line->len - at);
    *line = rest.len == 0 ? SLICE_NULL : slice_of(rest.data + 1, rest.len - 1);
    return is_closed && (rest.len == 0 || rest.data[0] == ',');
}

static bool read_number(struct slice text, int64_t *out)
{
    while (text.len > 0 && text.data[0] == ' ') {
        text = slice_of(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && text.data[text.len - 1] == ' ') {
        text.len--;
    }
    return args_parse_number(text, out);
}

static bool read_line(struct slice line, bool with_groups, struct arena *arena,
                      struct reset_row *row)
{
    enum { FIELDS = 4 };
    struct slice fields[FIELDS];
    int count = 0;
    while (count < FIELDS && take_field(&line, arena, &fields[count])) {
        count++;
    }
    bool has_group = count == FIELDS;
    if (count < FIELDS - 1 || (with_groups && !has_group) || !slice_is_null(line)) {
        return false;
    }
    const struct slice *f = has_group ? fields + 1 : fields;
    int64_t partition;
    *row = (struct reset_row){
        .group = has_group ? fields[0] : SLICE_NULL, .topic = f[0], .current = -1};
    if (!read_number(f[1], &partition) || !read_number(f[2], &row->target)) {
        return false;
    }
    row->partition = (int32_t)partition;
    return row->topic.len > 0 && partition >= 0 && partition <= INT32_MAX;
}

enum err reset_read_csv(struct slice text, bool with_groups, struct arena *arena,
                        struct reset_rows *out, struct buf *why)
{
    *out = (struct reset_rows){.items = ARENA_ARRAY(arena, text.len / 2 + 1, struct reset_row)};
    struct slice line;
    for (int number = 1; args_item(&text, '\n', &line); number++) {
        if (line.len > 0 && line.data[line.len - 1] == '\r') {
            line.len--;
        }
        if (line.len == 0) {
            continue;
        }
        if (!read_line(line, with_groups, arena, &out->items[out->count])) {
            buf_printf(why, "line %d is not %stopic,partition,offset: %.*s", number,
                       with_groups ? "group," : "", SLICE_ARG(line));
            return ERR_INVALID_REQUEST;
        }
        out->count++;
    }
    return ERR_NONE;
}

static void put_field(struct slice text, struct buf *out)
{
    bool is_plain = true;
    for (size_t i = 0; i < text.len; i++) {
        is_plain = is_plain && strchr("\",\r\n", text.data[i]) == NULL;
    }
    if (is_plain) {
        buf_put_slice(out, text);
        return;
    }
    buf_put_str(out, "\"");
    for (size_t i = 0; i < text.len; i++) {
        buf_put(out, text.data + i, 1);
        buf_put_str(out, text.data[i] == '"' ? "\"" : "");
    }
    buf_put_str(out, "\"");
}

void reset_put_csv(const struct reset_row *row, struct slice group, struct buf *out)
{
    if (!slice_is_null(group)) {
        put_field(group, out);
        buf_put_str(out, ",");
    }
    put_field(row->topic, out);
    buf_printf(out, ",%" PRId32 ",%" PRId64 "\n", row->partition, row->target);
}

/* ---- plans ---- */

/* Where in the log of each row `timestamp` is. */
static enum err ask(struct cluster *cluster, const struct reset_rows *rows, int64_t timestamp,
                    struct cluster_offset *items, struct buf *why)
{
    for (int32_t i = 0; i < rows->count; i++) {
        items[i] = (struct cluster_offset){.topic = rows->items[i].topic,
                                           .partition = rows->items[i].partition,
                                           .timestamp = timestamp};
    }
    TRY(cluster_offsets(cluster, items, rows->count));
    for (int32_t i = 0; i < rows->count; i++) {
        if (items[i].error != ERR_NONE) {
            buf_printf(why, "%.*s-%" PRId32, SLICE_ARG(items[i].topic), items[i].partition);
            return items[i].error;
        }
    }
    return ERR_NONE;
}

static int compare_rows(const void *a, const void *b)
{
    const struct reset_row *x = *(const struct reset_row *const *)a;
    const struct reset_row *y = *(const struct reset_row *const *)b;
    int order = slice_cmp(x->topic, y->topic);
    return order != 0 ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

/* A partition has one new offset, and is asked for once. */
static enum err check_once(const struct reset_rows *rows, struct arena *arena, struct buf *why)
{
    size_t count = (size_t)rows->count;
    const struct reset_row **sorted = ARENA_ARRAY(arena, count + 1, const struct reset_row *);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &rows->items[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_rows);
    for (size_t i = 1; i < count; i++) {
        if (compare_rows(&sorted[i - 1], &sorted[i]) == 0) {
            buf_printf(why, "%.*s-%" PRId32 " is named twice", SLICE_ARG(sorted[i]->topic),
                       sorted[i]->partition);
            return ERR_INVALID_REQUEST;
        }
    }
    return ERR_NONE;
}

static void cut(struct reset_row *row, int64_t start, int64_t end)
{
    if (row->target > end) {
        row->target = end;
        row->note = RESET_CUT_TO_END;
    } else if (row->target < start) {
        row->target = start;
        row->note = RESET_CUT_TO_START;
    }
}

/* What is asked for before the log is looked at. */
static enum err set_targets(const struct reset *reset, struct reset_rows *rows, struct buf *why)
{
    for (int32_t i = 0; i < rows->count; i++) {
        struct reset_row *row = &rows->items[i];
        if (reset->kind == RESET_TO_OFFSET) {
            row->target = reset->number;
        } else if (reset->kind == RESET_SHIFT_BY && row->current < 0) {
            buf_printf(why,
                       "Cannot shift offset for partition %.*s-%" PRId32
                       " since there is no current committed offset",
                       SLICE_ARG(row->topic), row->partition);
            return ERR_INVALID_REQUEST;
        } else if (reset->kind == RESET_SHIFT_BY &&
                   __builtin_add_overflow(row->current, reset->number, &row->target)) {
            row->target = reset->number < 0 ? INT64_MIN : INT64_MAX;
        }
    }
    return ERR_NONE;
}

static enum err plan(struct cluster *cluster, const struct reset *reset, struct reset_rows *rows,
                     struct arena *arena, struct buf *why)
{
    size_t count = (size_t)rows->count + 1;
    struct cluster_offset *starts = ARENA_ARRAY(arena, count, struct cluster_offset);
    struct cluster_offset *ends = ARENA_ARRAY(arena, count, struct cluster_offset);
    struct cluster_offset *times = ARENA_ARRAY(arena, count, struct cluster_offset);
    TRY(check_once(rows, arena, why));
    TRY(set_targets(reset, rows, why));
    TRY(ask(cluster, rows, CLUSTER_EARLIEST, starts, why));
    TRY(ask(cluster, rows, CLUSTER_LATEST, ends, why));
    if (reset->kind == RESET_TO_TIME) {
        TRY(ask(cluster, rows, reset->number, times, why));
    }
    for (int32_t i = 0; i < rows->count; i++) {
        struct reset_row *row = &rows->items[i];
        switch (reset->kind) {
        case RESET_NONE:
            break;
        case RESET_TO_EARLIEST:
            row->target = starts[i].offset;
            break;
        case RESET_TO_LATEST:
            row->target = ends[i].offset;
            break;
        case RESET_TO_CURRENT:
            row->target = row->current < 0 ? ends[i].offset : row->current;
            break;
        case RESET_TO_TIME:
            row->target = times[i].offset < 0 ? ends[i].offset : times[i].offset;
            row->note = times[i].offset < 0 ? RESET_NO_SUCH_TIME : RESET_AS_ASKED;
            break;
        case RESET_TO_OFFSET:
        case RESET_SHIFT_BY:
        case RESET_FROM_FILE:
            cut(row, starts[i].offset, ends[i].offset);
            break;
        }
    }
    return ERR_NONE;
}

enum err reset_plan(struct cluster *cluster, const struct reset *reset, struct reset_rows *rows,
                    struct buf *why)
{
    struct arena arena = {0};
    enum err e = plan(cluster, reset, rows, &arena, why);
    arena_fini(&arena);
    return e;
}
