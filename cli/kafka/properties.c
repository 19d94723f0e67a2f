/* Properties; see properties.h. */
#include "cli/kafka/properties.h"

#include <errno.h>
#include <strings.h>

#include "metadata/settings_file.h"
#include "store/store.h"

enum { FILE_BYTES_MAX = 1 << 20 };

static void add(struct properties *p, struct slice name, struct slice value)
{
    struct arena *arena = &p->cli->arena;
    if (p->count == p->room) {
        size_t room = p->room == 0 ? 16 : 2 * p->room;
        struct slice *names = ARENA_ARRAY(arena, room, struct slice);
        struct slice *values = ARENA_ARRAY(arena, room, struct slice);
        for (size_t i = 0; i < p->count; i++) {
            names[i] = p->names[i];
            values[i] = p->values[i];
        }
        p->names = names;
        p->values = values;
        p->room = room;
    }
    p->names[p->count] = arena_dup(arena, name);
    p->values[p->count++] = arena_dup(arena, value);
}

/* ---- files ---- */

struct file {
    struct properties *p;
    const char *path;
};

static enum err take_pair(void *arg, int line, struct slice name, struct slice value)
{
    (void)line;
    struct file *file = arg;
    add(file->p, name, value);
    return ERR_NONE;
}

static enum err bad_line(void *arg, int line)
{
    struct file *file = arg;
    buf_printf(&file->p->cli->why, "%s:%d: a NUL, or a wrong \\u escape", file->path, line);
    return ERR_CONFIG;
}

bool properties_add_file(struct properties *p, const char *option)
{
    struct file file = {p, args_text(&p->cli->args, option)};
    if (file.path == NULL) {
        return true;
    }
    struct settings_file_sink sink = {&file, take_pair, bad_line};
    struct buf text = {0};
    enum err e = store_fs_read_file(store_fs_posix(), file.path, FILE_BYTES_MAX, &text);
    if (e == ERR_NOT_FOUND) {
        buf_printf(&p->cli->why, "java.nio.file.NoSuchFileException: %s", file.path);
    } else if (e != ERR_NONE) {
        buf_printf(&p->cli->why, "%s: %s", file.path, strerror(errno));
    } else {
        e = settings_file_read(buf_slice(&text), &sink);
    }
    buf_fini(&text);
    return e == ERR_NONE;
}

/* ---- the command line ---- */

void properties_add_pairs(struct properties *p, const char *option)
{
    const char *text;
    int at = 0;
    while ((text = args_next(&p->cli->args, option, &at)) != NULL) {
        size_t len = strcspn(text, "=");
        const char *value = text[len] == '=' ? text + len + 1 : text + len;
        add(p, slice_of(text, len), slice_str(value));
    }
}

void properties_add_value(struct properties *p, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        add(p, slice_str(name), slice_str(value));
    }
}

/* ---- values ---- */

struct slice properties_get(const struct properties *p, const char *name)
{
    for (size_t i = p->count; i-- > 0;) {
        if (slice_eq_str(p->names[i], name)) {
            return p->values[i];
        }
    }
    return SLICE_NULL;
}

/* The word, whatever its case and however many blanks are around it. */
static bool is_word(struct slice value, const char *word)
{
    while (value.len > 0 && value.data[0] == ' ') {
        value = slice_of(value.data + 1, value.len - 1);
    }
    while (value.len > 0 && value.data[value.len - 1] == ' ') {
        value.len--;
    }
    return value.len == strlen(word) && strncasecmp((const char *)value.data, word, value.len) == 0;
}

bool properties_is_true(const struct properties *p, const char *name, bool usual)
{
    struct slice value = properties_get(p, name);
    return slice_is_null(value) ? usual : is_word(value, "true");
}

bool properties_number(const struct properties *p, const char *name, int64_t min, int64_t *out)
{
    struct slice value = properties_get(p, name);
    int64_t number;
    if (slice_is_null(value)) {
        return true;
    }
    if (!args_parse_number(value, &number)) {
        buf_printf(&p->cli->why,
                   "org.apache.kafka.common.config.ConfigException: Invalid value %.*s for "
                   "configuration %s: Not a number",
                   SLICE_ARG(value), name);
        return false;
    }
    if (number < min) {
        buf_printf(&p->cli->why,
                   "org.apache.kafka.common.config.ConfigException: Invalid value %" PRId64
                   " for configuration %s: Value must be at least %" PRId64,
                   number, name, min);
        return false;
    }
    *out = number;
    return true;
}

/* ---- what a client would refuse ---- */

enum kind { KIND_INT, KIND_LONG, KIND_BOOLEAN };

/* Properties of consumers, producers and admin clients that are numbers or true or false. Most do
 * nothing here; a wrong value is told as Java's clients tell it. */
static const struct {
    const char *name;
    enum kind kind;
    int64_t min;
} typed[] = {
    {"allow.auto.create.topics", KIND_BOOLEAN, 0},
    {"auto.commit.interval.ms", KIND_INT, 0},
    {"batch.size", KIND_INT, 0},
    {"buffer.memory", KIND_LONG, 0},
    {"check.crcs", KIND_BOOLEAN, 0},
    {"connections.max.idle.ms", KIND_LONG, INT64_MIN},
    {"default.api.timeout.ms", KIND_INT, 0},
    {"delivery.timeout.ms", KIND_INT, 0},
    {"enable.auto.commit", KIND_BOOLEAN, 0},
    {"enable.idempotence", KIND_BOOLEAN, 0},
    {"exclude.internal.topics", KIND_BOOLEAN, 0},
    {"fetch.max.bytes", KIND_INT, 0},
    {"fetch.max.wait.ms", KIND_INT, 0},
    {"fetch.min.bytes", KIND_INT, 0},
    {"heartbeat.interval.ms", KIND_INT, INT32_MIN},
    {"linger.ms", KIND_LONG, 0},
    {"max.block.ms", KIND_LONG, 0},
    {"max.in.flight.requests.per.connection", KIND_INT, 1},
    {"max.partition.fetch.bytes", KIND_INT, 0},
    {"max.poll.interval.ms", KIND_INT, 1},
    {"max.poll.records", KIND_INT, 1},
    {"max.request.size", KIND_INT, 0},
    {"metadata.max.age.ms", KIND_LONG, 0},
    {"receive.buffer.bytes", KIND_INT, -1},
    {"reconnect.backoff.max.ms", KIND_LONG, 0},
    {"reconnect.backoff.ms", KIND_LONG, 0},
    {"request.timeout.ms", KIND_INT, 0},
    {"retries", KIND_INT, 0},
    {"retry.backoff.max.ms", KIND_LONG, 0},
    {"retry.backoff.ms", KIND_LONG, 0},
    {"send.buffer.bytes", KIND_INT, -1},
    {"session.timeout.ms", KIND_INT, INT32_MIN},
};

static bool check_type(const struct properties *p, const char *name, enum kind kind, int64_t min)
{
    struct slice value = properties_get(p, name);
    int64_t number;
    bool is_number = args_parse_number(value, &number) &&
                     (kind == KIND_LONG || (number >= INT32_MIN && number <= INT32_MAX));
    if (kind != KIND_BOOLEAN && is_number) {
        return properties_number(p, name, min, &number);
    }
    if (kind == KIND_BOOLEAN && (properties_is_true(p, name, false) || is_word(value, "false"))) {
        return true;
    }
    static const char *const expected[] = {[KIND_INT] = "Not a number of type INT",
                                           [KIND_LONG] = "Not a number of type LONG",
                                           [KIND_BOOLEAN] =
                                               "Expected value to be either true or false"};
    buf_printf(&p->cli->why,
               "org.apache.kafka.common.config.ConfigException: Invalid value %.*s for "
               "configuration %s: %s",
               SLICE_ARG(value), name, expected[kind]);
    return false;
}

/* What would protect something must not be left out silently. */
bool properties_check(const struct properties *p, const char *const *refused)
{
    struct slice protocol = properties_get(p, "security.protocol");
    if (!slice_is_null(protocol) && !slice_eq_str(protocol, "PLAINTEXT")) {
        buf_printf(&p->cli->why, "security.protocol=%.*s is not supported, only PLAINTEXT",
                   SLICE_ARG(protocol));
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
        if (!slice_is_null(properties_get(p, typed[i].name)) &&
            !check_type(p, typed[i].name, typed[i].kind, typed[i].min)) {
            return false;
        }
    }
    for (; *refused != NULL; refused++) {
        struct slice value = properties_get(p, *refused);
        if (value.len > 0) {
            buf_printf(&p->cli->why, "%s=%.*s is not supported by this tool", *refused,
                       SLICE_ARG(value));
            return false;
        }
    }
    return true;
}
