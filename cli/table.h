/* Rows and columns, printed for people, as JSON or as TSV.
 *
 *     static const struct table_column columns[] = {{"ID", "id", TABLE_NUMBER}, …};
 *     struct table t;
 *     table_init(&t, columns, ARRAY_LEN(columns));
 *     table_number(&t, 7); table_text(&t, slice_str("host")); …       row by row, cell by cell
 *     table_print(&t, format, &out);
 *     table_fini(&t);
 *
 * JSON is an array of objects; TSV has a first line with the names of JSON, and tabs, newlines and
 * backslashes inside of a cell as \t, \n and \\. Pure. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"

enum table_format { TABLE_FOR_PEOPLE, TABLE_JSON, TABLE_TSV };

/* "table", "json", "tsv". */
bool table_format_parse(const char *text, enum table_format *out);

enum table_kind {
    TABLE_TEXT,
    TABLE_NUMBER, /* to the right */
    TABLE_BOOL,
    TABLE_LIST, /* of numbers */
};

struct table_column {
    const char *title; /* for people */
    const char *name;  /* for programs */
    enum table_kind kind;
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct arena arena;
    json_t **cells; /* row by row; each owned */
    size_t count;
    size_t capacity;
};

void table_init(struct table *t, const struct table_column *columns, size_t count);
void table_fini(struct table *t);

/* The next cell. Cells have the kind of their column, or are null (asserted). */
void table_text(struct table *t, struct slice text); /* the null slice: null */
void table_number(struct table *t, int64_t number);
void table_bool(struct table *t, bool value);
void table_list(struct table *t, const int32_t *items, int32_t count);
void table_null(struct table *t);

/* Orders the rows by their first column, then the second and so on. */
void table_sort(struct table *t);

/* Appends to `out`. All rows must be complete (asserted). */
void table_print(const struct table *t, enum table_format format, struct buf *out);

/* The rows as JSON; json_decref() it. */
json_t *table_json(const struct table *t);

bool table_is_utf8(struct slice text);

/* Appends the text as in a cell: what would break a line or a terminal as an escape. */
void table_put_escaped(struct buf *out, struct slice text);

/* A JSON string of bytes that may be no UTF-8: what is not becomes U+FFFD. Null stays null. */
json_t *table_json_text(struct slice text);

/* Appends the JSON and a newline, and takes `json` over. */
void table_print_json(json_t *json, struct buf *out);

#endif
