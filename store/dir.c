/* Names of partition directories: see dir.h. */
#include "store/dir.h"

#include <stdio.h>

static const char *suffix_of(enum store_dir_kind kind)
{
    switch (kind) {
    case STORE_DIR_DELETE:
        return "-delete";
    case STORE_DIR_FUTURE:
        return "-future";
    case STORE_DIR_STRAY:
        return "-stray";
    case STORE_DIR_PARTITION:
    case STORE_DIR_UNKNOWN:
        break;
    }
    return "";
}

/* "<topic>-<partition>" in the first `len` bytes. */
static bool parse_partition(const char *name, size_t len, struct store_dir_name *out)
{
    size_t dash = len;
    while (dash > 0 && name[dash - 1] != '-') {
        dash--;
    }
    if (dash < 2 || dash == len || dash - 1 > STORE_NAME_MAX) {
        return false;
    }
    int64_t number = 0;
    for (size_t i = dash; i < len; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return false;
        }
        number = number * 10 + (name[i] - '0');
        if (number > INT32_MAX) {
            return false;
        }
    }
    memcpy(out->topic, name, dash - 1);
    out->topic[dash - 1] = 0;
    out->partition = (int32_t)number;
    return true;
}

/* "<topic>-<partition>.<unique><suffix>"; what is unique may have any form without a dot. */
static bool parse_suffixed(const char *name, enum store_dir_kind kind, struct store_dir_name *out)
{
    size_t len = strlen(name);
    const char *suffix = suffix_of(kind);
    size_t suffix_len = strlen(suffix);
    if (len <= suffix_len || strcmp(name + len - suffix_len, suffix) != 0) {
        return false;
    }
    size_t dot = len - suffix_len;
    while (dot > 0 && name[dot - 1] != '.') {
        dot--;
    }
    if (dot == 0 || dot == len - suffix_len) {
        return false;
    }
    out->kind = kind;
    return parse_partition(name, dot - 1, out);
}

void store_dir_parse(const char *name, struct store_dir_name *out)
{
    *out = (struct store_dir_name){.partition = -1};
    if (parse_suffixed(name, STORE_DIR_DELETE, out) ||
        parse_suffixed(name, STORE_DIR_FUTURE, out) || parse_suffixed(name, STORE_DIR_STRAY, out)) {
        return;
    }
    bool good = parse_partition(name, strlen(name), out);
    out->kind = good ? STORE_DIR_PARTITION : STORE_DIR_UNKNOWN;
}

struct store_dir_text store_dir_format(struct slice topic, int32_t partition)
{
    struct store_dir_text out;
    int len = (int)min_size(topic.len, STORE_TOPIC_MAX);
    snprintf(out.text, sizeof out.text, "%.*s-%" PRId32, len, (const char *)topic.data, partition);
    return out;
}

struct store_dir_text store_dir_format_as(const struct store_dir_name *name,
                                          enum store_dir_kind kind, struct uuid unique)
{
    char tail[64];
    struct store_dir_text out;
    snprintf(tail, sizeof tail, "-%" PRId32 ".%016" PRIx64 "%016" PRIx64 "%s", name->partition,
             unique.hi, unique.lo, suffix_of(kind));
    int room = (int)(STORE_NAME_MAX - strlen(tail));
    snprintf(out.text, sizeof out.text, "%.*s%s", room, name->topic, tail);
    return out;
}

static void report(const struct store_fs *fs, const char *path, const char *base,
                   store_dir_fn *each, void *arg)
{
    struct store_stat st;
    struct store_dir_name name;
    if (store_fs_stat(fs, path, &st) == ERR_NONE && st.is_dir) {
        store_dir_parse(base, &name);
        each(arg, path, &name);
    }
}

enum err store_dir_scan(const struct store_fs *fs, const char *root, store_dir_fn *each, void *arg)
{
    struct store_names names;
    struct buf path = {0};
    enum err e = store_fs_names(fs, root, &names);
    for (size_t i = 0; i < names.count; i++) {
        buf_reset(&path);
        buf_printf(&path, "%s/%s", root, names.at[i]);
        buf_put(&path, "", 1);
        report(fs, (const char *)path.data, names.at[i], each, arg);
    }
    store_names_fini(&names);
    buf_fini(&path);
    return e;
}
