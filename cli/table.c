/* Tables; see table.h. Cells are JSON values, from which the other forms are made. */
#include "cli/table.h"

#include <stdlib.h>

#include "base/mem.h"

bool table_format_parse(const char *text, enum table_format *out)
{
    static const char *const names[] = {
        [TABLE_FOR_PEOPLE] = "table", [TABLE_JSON] = "json", [TABLE_TSV] = "tsv"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum table_format)i;
            return true;
        }
    }
    return false;
}

void table_init(struct table *t, const struct table_column *columns, size_t count)
{
    *t = (struct table){.columns = columns, .column_count = count};
}

void table_fini(struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        json_decref(t->cells[i]);
    }
    mem_free(t->cells);
    arena_fini(&t->arena);
    *t = (struct table){0};
}

/* ---- cells ---- */

static enum table_kind next_kind(const struct table *t)
{
    return t->columns[t->count % t->column_count].kind;
}

static void take_cell(struct table *t, json_t *cell)
{
    if (t->count == t->capacity) {
        t->capacity = t->capacity == 0 ? 64 : t->capacity * 2;
        t->cells = mem_realloc(t->cells, t->capacity * sizeof *t->cells);
    }
    t->cells[t->count++] = cell;
}

void table_text(struct table *t, struct slice text)
{
    ASSERT(next_kind(t) == TABLE_TEXT);
    take_cell(t, table_json_text(text));
}

void table_number(struct table *t, int64_t number)
{
    ASSERT(next_kind(t) == TABLE_NUMBER);
    take_cell(t, json_integer(number));
}

void table_bool(struct table *t, bool value)
{
    ASSERT(next_kind(t) == TABLE_BOOL);
    take_cell(t, json_boolean(value));
}

void table_list(struct table *t, const int32_t *items, int32_t count)
{
    ASSERT(next_kind(t) == TABLE_LIST);
    json_t *list = json_array();
    for (int32_t i = 0; i < count; i++) {
        json_array_append_new(list, json_integer(items[i]));
    }
    take_cell(t, list);
}

void table_null(struct table *t)
{
    take_cell(t, json_null());
}

/* ---- order ---- */

static int compare_cells(const json_t *a, const json_t *b)
{
    if (json_is_string(a) && json_is_string(b)) {
        return slice_cmp(slice_of(json_string_value(a), json_string_length(a)),
                         slice_of(json_string_value(b), json_string_length(b)));
    }
    json_int_t x = json_integer_value(a); /* 0 for what is no number */
    json_int_t y = json_integer_value(b);
    return x == y ? 0 : x < y ? -1 : 1;
}

static int compare_rows(const void *a, const void *b, void *arg)
{
    json_t *const *x = a;
    json_t *const *y = b;
    size_t count = *(const size_t *)arg;
    for (size_t i = 0; i < count; i++) {
        int order = compare_cells(x[i], y[i]);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

void table_sort(struct table *t)
{
    ASSERT(t->count % t->column_count == 0);
    if (t->count > 0) {
        qsort_r(t->cells, t->count / t->column_count, t->column_count * sizeof *t->cells,
                compare_rows, &t->column_count);
    }
}

/* ---- text of cells ---- */

/* The length of the UTF-8 sequence at the front, 0: it is none. Overlong ones and surrogates are
 * none, as JSON knows. */
static size_t utf8_len(struct slice s)
{
    uint8_t c = s.data[0];
    size_t len = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : 4;
    if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || len > s.len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((s.data[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    uint8_t d = len > 1 ? s.data[1] : 0;
    bool bad = (c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) ||
               (c == 0xf4 && d > 0x8f);
    return bad ? 0 : len;
}

bool table_is_utf8(struct slice text)
{
    while (text.len > 0) {
        size_t len = utf8_len(text);
        if (len == 0) {
            return false;
        }
        text = slice_of(text.data + len, text.len - len);
    }
    return true;
}

json_t *table_json_text(struct slice text)
{
    if (slice_is_null(text)) {
        return json_null();
    }
    if (table_is_utf8(text)) {
        return json_stringn((const char *)text.data, text.len);
    }
    struct buf clean = {0};
    while (text.len > 0) {
        size_t len = utf8_len(text);
        if (len == 0) {
            buf_put_str(&clean, "\xef\xbf\xbd");
            len = 1;
        } else {
            buf_put(&clean, text.data, len);
        }
        text = slice_of(text.data + len, text.len - len);
    }
    json_t *json = json_stringn((const char *)buf_slice(&clean).data, clean.len);
    buf_fini(&clean);
    ASSERT(json != NULL);
    return json;
}

/* Control characters would break a line, or a terminal. */
void table_put_escaped(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '\t' || c == '\n' || c == '\\') {
            buf_printf(out, "\\%c", c == '\t' ? 't' : c == '\n' ? 'n' : '\\');
        } else if (c < 0x20 || c == 0x7f) {
            buf_printf(out, "\\x%02x", c);
        } else {
            buf_put(out, &c, 1);
        }
    }
}

static void put_list(struct buf *out, const json_t *list, const char *separator)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        buf_printf(out, "%s%" JSON_INTEGER_FORMAT, i == 0 ? "" : separator,
                   json_integer_value(json_array_get(list, i)));
    }
}

static void put_cell(struct buf *out, const json_t *cell, enum table_format format)
{
    bool for_people = format == TABLE_FOR_PEOPLE;
    if (json_is_string(cell)) {
        table_put_escaped(out, slice_of(json_string_value(cell), json_string_length(cell)));
    } else if (json_is_integer(cell)) {
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(cell));
    } else if (json_is_boolean(cell)) {
        buf_put_str(out, for_people ? (json_is_true(cell) ? "yes" : "no")
                                    : (json_is_true(cell) ? "true" : "false"));
    } else if (json_is_array(cell) && json_array_size(cell) > 0) {
        put_list(out, cell, ",");
    } else if (for_people) {
        buf_put_str(out, "-");
    }
}

/* ---- printing ---- */

/* Characters, not bytes. */
static size_t width_of(struct slice text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++) {
        width += (text.data[i] & 0xc0) != 0x80;
    }
    return width;
}

static void pad(struct buf *out, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        buf_put_str(out, " ");
    }
}

/* Text of all rows, the titles first. */
static struct slice *make_texts(const struct table *t, struct arena *arena)
{
    struct slice *texts = ARENA_ARRAY(arena, t->column_count + t->count, struct slice);
    struct buf text = {0};
    for (size_t i = 0; i < t->column_count; i++) {
        texts[i] = slice_str(t->columns[i].title);
    }
    for (size_t i = 0; i < t->count; i++) {
        buf_reset(&text);
        put_cell(&text, t->cells[i], TABLE_FOR_PEOPLE);
        texts[t->column_count + i] = arena_dup(arena, buf_slice(&text));
    }
    buf_fini(&text);
    return texts;
}

static void print_for_people(const struct table *t, struct buf *out)
{
    struct arena arena = {0};
    struct slice *texts = make_texts(t, &arena);
    size_t *widths = ARENA_ARRAY(&arena, t->column_count, size_t);
    size_t total = t->column_count + t->count;
    for (size_t i = 0; i < total; i++) {
        size_t column = i % t->column_count;
        widths[column] = max_size(widths[column], width_of(texts[i]));
    }
    for (size_t i = 0; i < total; i++) {
        size_t column = i % t->column_count;
        bool is_last = column + 1 == t->column_count;
        size_t space = widths[column] - width_of(texts[i]);
        bool to_the_right = t->columns[column].kind == TABLE_NUMBER;
        pad(out, to_the_right ? space : 0);
        buf_put_slice(out, texts[i]);
        pad(out, to_the_right || is_last ? 0 : space);
        buf_put_str(out, is_last ? "\n" : "  ");
    }
    arena_fini(&arena);
}

static void print_tsv(const struct table *t, struct buf *out)
{
    for (size_t i = 0; i < t->column_count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : "\t", t->columns[i].name);
    }
    buf_put_str(out, "\n");
    for (size_t i = 0; i < t->count; i++) {
        put_cell(out, t->cells[i], TABLE_TSV);
        buf_put_str(out, (i + 1) % t->column_count == 0 ? "\n" : "\t");
    }
}

json_t *table_json(const struct table *t)
{
    json_t *rows = json_array();
    json_t *row = NULL;
    for (size_t i = 0; i < t->count; i++) {
        size_t column = i % t->column_count;
        if (column == 0) {
            row = json_object();
            json_array_append_new(rows, row);
        }
        json_object_set(row, t->columns[column].name, t->cells[i]);
    }
    return rows;
}

void table_print_json(json_t *json, struct buf *out)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY);
    ASSERT(text != NULL);
    buf_put_str(out, text);
    buf_put_str(out, "\n");
    mem_free(text);
    json_decref(json);
}

void table_print(const struct table *t, enum table_format format, struct buf *out)
{
    ASSERT(t->count % t->column_count == 0);
    switch (format) {
    case TABLE_FOR_PEOPLE:
        print_for_people(t, out);
        break;
    case TABLE_JSON:
        table_print_json(table_json(t), out);
        break;
    case TABLE_TSV:
        print_tsv(t, out);
        break;
    }
}
