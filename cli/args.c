/* Options and words; see args.h. */
#include "cli/args.h"

#include <errno.h>
#include <stdlib.h>

/* The second name, null if there is none. */
static struct slice second_name(const struct args_option *option)
{
    const char *comma = strchr(option->name, ',');
    return comma == NULL ? SLICE_NULL : slice_str(comma + 1);
}

struct slice args_name(const struct args_option *option)
{
    return slice_of(option->name, strcspn(option->name, ","));
}

static const struct args_option *find(const struct args_option *const *tables, struct slice name)
{
    for (; *tables != NULL; tables++) {
        for (const struct args_option *row = *tables; row->name != NULL; row++) {
            if (slice_eq(name, args_name(row)) || slice_eq(name, second_name(row))) {
                return row;
            }
        }
    }
    return NULL;
}

/* The option that was perhaps meant: one is the beginning of the other. */
static struct slice similar(const struct args_option *const *tables, struct slice name)
{
    for (; *tables != NULL && name.len >= 3; tables++) {
        for (const struct args_option *row = *tables; row->name != NULL; row++) {
            struct slice other = args_name(row);
            if (memcmp(other.data, name.data, min_size(other.len, name.len)) == 0) {
                return other;
            }
        }
    }
    return SLICE_NULL;
}

/* ---- complaints ---- */

static enum err refuse_unknown(const struct args *args, const char *dashes, struct slice name,
                               struct buf *why)
{
    if (args->style == ARGS_KAFKA) {
        buf_printf(why, "%.*s is not a recognized option", SLICE_ARG(name));
        return ERR_INVALID_REQUEST;
    }
    struct slice near = similar(args->tables, name);
    buf_printf(why, "unknown option %s%.*s", dashes, SLICE_ARG(name));
    if (!slice_is_null(near)) {
        buf_printf(why, "; did you mean --%.*s?", SLICE_ARG(near));
    }
    return ERR_INVALID_REQUEST;
}

static enum err refuse_bare(const struct args *args, const struct args_option *option,
                            struct buf *why)
{
    struct slice name = args_name(option);
    if (args->style == ARGS_KAFKA) {
        buf_printf(why, "Option %.*s requires an argument", SLICE_ARG(name));
    } else {
        buf_printf(why, "--%.*s takes a value: --%.*s %s", SLICE_ARG(name), SLICE_ARG(name),
                   option->value);
    }
    return ERR_INVALID_REQUEST;
}

static enum err refuse_value(const struct args_option *option, struct buf *why)
{
    buf_printf(why, "--%.*s takes no value", SLICE_ARG(args_name(option)));
    return ERR_INVALID_REQUEST;
}

/* ---- parsing ---- */

/* An option as it stands in an argument. */
struct spelled {
    const char *dashes;
    struct slice name;
    const char *value; /* NULL: none in this argument */
};

static struct spelled spell(enum args_style style, const char *text)
{
    bool is_long = text[1] == '-';
    struct spelled spelled = {.dashes = is_long ? "--" : "-"};
    text += is_long ? 2 : 1;
    const char *equals = strchr(text, '=');
    spelled.name = equals == NULL ? slice_str(text) : slice_of(text, (size_t)(equals - text));
    spelled.value = equals == NULL ? NULL : equals + 1;
    if (!is_long && style == ARGS_GNU) { /* "-f VALUE" and "-fVALUE" */
        spelled.name = slice_of(text, 1);
        spelled.value = text[1] == '\0' ? NULL : text + 1;
    }
    return spelled;
}

/* Takes the option at argv[*at], and its value if that is an argument of its own. */
static enum err take_option(struct args *args, char **argv, int *at, struct buf *why)
{
    struct spelled spelled = spell(args->style, argv[*at]);
    const struct args_option *option = find(args->tables, spelled.name);
    if (option == NULL) {
        return refuse_unknown(args, spelled.dashes, spelled.name, why);
    }
    const char *value = spelled.value;
    if (option->value == NULL && value != NULL && args->style == ARGS_GNU) {
        return refuse_value(option, why);
    }
    if (option->value != NULL && value == NULL) {
        const char *next = argv[*at + 1];
        bool may_miss = option->value[0] == '[';
        if (next == NULL && !may_miss) {
            return refuse_bare(args, option, why);
        }
        if (next != NULL && (!may_miss || next[0] != '-')) {
            value = next;
            (*at)++;
        }
    }
    args->given[args->given_count++] = (struct args_given){option, value == NULL ? "" : value};
    return ERR_NONE;
}

enum err args_parse(struct args *args, const struct args_option *const *tables, char **argv,
                    struct arena *arena, struct buf *why)
{
    size_t count = 0;
    while (argv[count] != NULL) {
        count++;
    }
    *args = (struct args){.style = args->style,
                          .tables = tables,
                          .given = ARENA_ARRAY(arena, count + 1, struct args_given),
                          .words = ARENA_ARRAY(arena, count + 1, const char *)};
    bool options_end = false;
    for (int at = 0; argv[at] != NULL; at++) {
        if (options_end || argv[at][0] != '-' || argv[at][1] == '\0') {
            args->words[args->word_count++] = argv[at];
        } else if (strcmp(argv[at], "--") == 0) {
            options_end = true;
        } else {
            TRY(take_option(args, argv, &at, why));
        }
    }
    return ERR_NONE;
}

/* ---- what was given ---- */

const char *args_next(const struct args *args, const char *name, int *at)
{
    const struct args_option *option = find(args->tables, slice_str(name));
    ASSERT(option != NULL);
    while (*at < args->given_count) {
        const struct args_given *given = &args->given[(*at)++];
        if (given->option == option) {
            return given->value;
        }
    }
    return NULL;
}

const char *args_text(const struct args *args, const char *name)
{
    const char *last = NULL;
    const char *value;
    int at = 0;
    while ((value = args_next(args, name, &at)) != NULL) {
        last = value;
    }
    return last;
}

int args_times(const struct args *args, const char *name)
{
    int count = 0;
    int at = 0;
    while (args_next(args, name, &at) != NULL) {
        count++;
    }
    return count;
}

bool args_has(const struct args *args, const char *name)
{
    return args_text(args, name) != NULL;
}

enum err args_number(const struct args *args, const char *name, struct args_range range,
                     int64_t *out, struct buf *why)
{
    const char *text = args_text(args, name);
    if (text == NULL) {
        return ERR_NONE;
    }
    int64_t value;
    if (!args_parse_number(slice_str(text), &value)) {
        buf_printf(why, "--%s takes a whole number, not \"%s\"", name, text);
        return ERR_INVALID_REQUEST;
    }
    if (value < range.min || value > range.max) {
        buf_printf(why, "--%s is %" PRId64 ", it must be ", name, value);
        if (range.max == INT64_MAX) {
            buf_printf(why, "%" PRId64 " or more", range.min);
        } else {
            buf_printf(why, "from %" PRId64 " to %" PRId64, range.min, range.max);
        }
        return ERR_INVALID_REQUEST;
    }
    *out = value;
    return ERR_NONE;
}

/* ---- pieces of text ---- */

bool args_pair(const char *text, struct slice *name, struct slice *value)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        return false;
    }
    *name = slice_of(text, (size_t)(equals - text));
    *value = slice_str(equals + 1);
    return true;
}

bool args_parse_number(struct slice text, int64_t *out)
{
    char digits[24] = {0};
    if (text.len == 0 || text.len >= sizeof digits) {
        return false;
    }
    memcpy(digits, text.data, text.len);
    if (strspn(digits, "-0123456789") < text.len) {
        return false;
    }
    char *end;
    errno = 0;
    *out = strtoll(digits, &end, 10);
    return errno == 0 && *end == '\0';
}

bool args_item(struct slice *rest, char separator, struct slice *item)
{
    if (slice_is_null(*rest)) {
        return false;
    }
    const uint8_t *at = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);
    if (at == NULL) {
        *item = *rest;
        *rest = SLICE_NULL;
        return true;
    }
    size_t len = (size_t)(at - rest->data);
    *item = slice_of(rest->data, len);
    *rest = slice_of(at + 1, rest->len - len - 1);
    return true;
}
