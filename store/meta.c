/* meta.properties, .lock, partition.metadata, .kafka_cleanshutdown: see meta.h. */
#include "store/meta.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/system.h"
#include "store/files_private.h"
#include "store/text.h"

enum { META_FILE_MAX = 64 << 10 };

static void path_in(char out[STORE_PATH_MAX], const char *dir, const char *name)
{
    snprintf(out, STORE_PATH_MAX, "%s/%s", dir, name);
}

/* ---- meta.properties ---- */

/* Splits "key=value" as java.util.Properties does: '=', ':' or a blank, blanks around it. */
static void split(struct slice line, struct slice *key, struct slice *value)
{
    size_t i = 0;
    while (i < line.len && strchr("=: \t", line.data[i]) == NULL) {
        i++;
    }
    *key = slice_of(line.data, i);
    struct slice rest = text_trim(slice_of(line.data + i, line.len - i));
    if (rest.len > 0 && (rest.data[0] == '=' || rest.data[0] == ':')) {
        rest = text_trim(slice_of(rest.data + 1, rest.len - 1));
    }
    *value = rest;
}

/* Copies without the backslashes that Java puts before ':', '=' and others. */
static bool unescape(struct slice value, char *out, size_t max)
{
    size_t len = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '\\' && i + 1 < value.len) {
            i++;
        }
        if (len == max) {
            return false;
        }
        out[len++] = (char)value.data[i];
    }
    out[len] = 0;
    return true;
}

static bool read_node_id(struct slice value, struct store_meta *out)
{
    int64_t id = -1;
    if (!text_is_number(value, &id) || id < 0 || id > INT32_MAX) {
        return false;
    }
    out->node_id = (int32_t)id;
    return true;
}

/* Takes one line; false: the value is wrong. */
static bool read_property(struct slice key, struct slice value, struct store_meta *out)
{
    char text[STORE_CLUSTER_ID_MAX + 1];
    if (!unescape(value, text, STORE_CLUSTER_ID_MAX)) {
        return false;
    }
    value = slice_str(text);
    if (slice_eq_str(key, "version")) {
        int64_t version = -1;
        bool good = text_is_number(value, &version) && (version == 0 || version == 1);
        out->version = good ? (int32_t)version : -1;
        return good;
    }
    if (slice_eq_str(key, "node.id") || slice_eq_str(key, "broker.id")) {
        return read_node_id(value, out);
    }
    if (slice_eq_str(key, "cluster.id")) {
        memcpy(out->cluster_id, text, sizeof text);
        return value.len > 0;
    }
    return uuid_parse(value, &out->directory_id);
}

static bool is_known(struct slice key)
{
    static const char *const known[] = {"version", "node.id", "broker.id", "cluster.id",
                                        "directory.id"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (slice_eq_str(key, known[i])) {
            return true;
        }
    }
    return false;
}

static enum err read_properties(struct slice content, struct store_meta *out, struct buf *other,
                                const char *path, struct store_error *why)
{
    struct text_lines lines = text_lines(content);
    struct slice line;
    int number = 0;
    while (text_line(&lines, &line)) {
        struct slice key;
        struct slice value;
        number++;
        line = text_trim(line);
        if (line.len == 0 || line.data[0] == '#' || line.data[0] == '!') {
            continue;
        }
        split(line, &key, &value);
        if (!is_known(key)) {
            buf_put_slice(other, line);
            buf_put_str(other, "\n");
        } else if (!read_property(key, value, out)) {
            return store_fail(why, ERR_CORRUPT,
                              "%s: line %d: \"%.*s\" has a value that cannot be; restore the file "
                              "from a backup, or format an empty directory",
                              path, number, (int)min_size(line.len, 80), (const char *)line.data);
        }
    }
    return ERR_NONE;
}

static enum err check_complete(const struct store_meta *meta, const char *path,
                               struct store_error *why)
{
    const char *missing = NULL;
    if (meta->version < 0) {
        missing = "version";
    } else if (meta->version == 1 && meta->node_id < 0) {
        missing = "node.id";
    } else if (meta->version == 1 && meta->cluster_id[0] == 0) {
        missing = "cluster.id";
    }
    if (missing == NULL) {
        return ERR_NONE;
    }
    return store_fail(why, ERR_CORRUPT,
                      "%s: has no %s; restore the file from a backup, or format an empty directory",
                      path, missing);
}

enum err store_meta_read(const struct store_fs *fs, const char *root, struct store_meta *out,
                         struct store_error *why)
{
    char path[STORE_PATH_MAX];
    struct buf content = {0};
    struct buf other = {0};
    *out = (struct store_meta){.version = -1, .node_id = -1};
    path_in(path, root, STORE_META_FILE);
    errno = 0;
    enum err e = store_fs_read_file(fs, path, META_FILE_MAX, &content);
    if (e != ERR_NONE) {
        buf_fini(&content);
        return store_fail_errno(why, e, "read", path);
    }
    e = read_properties(buf_slice(&content), out, &other, path, why);
    if (e == ERR_NONE) {
        e = check_complete(out, path, why);
    }
    if (e == ERR_NONE && other.len > 0) {
        out->other = slice_dup_str(buf_slice(&other));
    }
    buf_fini(&other);
    buf_fini(&content);
    return e;
}

enum err store_meta_write(const struct store_fs *fs, const char *root,
                          const struct store_meta *meta, struct store_error *why)
{
    char path[STORE_PATH_MAX];
    struct buf b = {0};
    path_in(path, root, STORE_META_FILE);
    buf_printf(&b, "version=%" PRId32 "\n", meta->version);
    if (meta->cluster_id[0] != 0) {
        buf_printf(&b, "cluster.id=%s\n", meta->cluster_id);
    }
    if (meta->node_id >= 0) {
        buf_printf(&b, "%s=%" PRId32 "\n", meta->version == 0 ? "broker.id" : "node.id",
                   meta->node_id);
    }
    if (!uuid_is_zero(meta->directory_id)) {
        buf_printf(&b, "directory.id=%s\n", uuid_text(meta->directory_id).text);
    }
    if (meta->other != NULL) {
        buf_put_str(&b, meta->other);
    }
    errno = 0;
    enum err e = store_fs_write_file(fs, path, buf_slice(&b), true);
    buf_fini(&b);
    return e == ERR_NONE ? e : store_fail_errno(why, e, "write", path);
}

void store_meta_fini(struct store_meta *meta)
{
    mem_free(meta->other);
    meta->other = NULL;
}

/* ---- .lock ---- */

/* The process id that the holder wrote into the file, 0 if it wrote none (Kafka does not). */
static int64_t holder_of(const struct store_fs *fs, const char *path)
{
    struct buf content = {0};
    int64_t pid = 0;
    if (store_fs_read_file(fs, path, META_FILE_MAX, &content) == ERR_NONE && content.len > 0) {
        struct slice line = buf_slice(&content);
        struct text_lines lines = text_lines(line);
        if (!text_line(&lines, &line) || !text_is_number(line, &pid)) {
            pid = 0;
        }
    }
    buf_fini(&content);
    return pid;
}

enum err store_lock(const struct store_fs *fs, const char *root, int *fd, struct store_error *why)
{
    char path[STORE_PATH_MAX];
    char pid[32];
    path_in(path, root, STORE_LOCK_FILE);
    errno = 0;
    enum err e = store_fs_lock(fs, path, fd);
    if (e == ERR_LOCKED) {
        int64_t holder = holder_of(fs, path);
        return store_fail(why, e,
                          "%s is locked by another process%s%.0" PRId64
                          "; stop it, or give this node another log directory",
                          path, holder > 0 ? " with process id " : "", holder);
    }
    if (e != ERR_NONE) {
        return store_fail_errno(why, e, "lock", path);
    }
    /* Only a hint for the next who tries; that it cannot be written is no reason to give up. */
    int len = snprintf(pid, sizeof pid, "%d\n", system_process_id());
    if (store_fs_truncate(fs, *fd, 0) == ERR_NONE) {
        (void)!store_fs_pwrite(fs, *fd, slice_of(pid, (size_t)len), 0);
    }
    return ERR_NONE;
}

/* ---- partition.metadata ---- */

static bool read_partition_lines(struct slice content, struct uuid *topic_id)
{
    struct text_lines lines = text_lines(content);
    struct slice line;
    bool version = false;
    bool id = false;
    while (text_line(&lines, &line)) {
        struct slice key;
        struct slice value;
        split(text_trim(line), &key, &value);
        version = version || (slice_eq_str(key, "version") && slice_eq_str(value, "0"));
        id = id || (slice_eq_str(key, "topic_id") && uuid_parse(value, topic_id));
    }
    return version && id;
}

enum err store_partition_meta_read(const struct store_fs *fs, const char *dir,
                                   struct uuid *topic_id, struct store_error *why)
{
    char path[STORE_PATH_MAX];
    struct buf content = {0};
    *topic_id = UUID_ZERO;
    path_in(path, dir, STORE_PARTITION_META_FILE);
    errno = 0;
    enum err e = store_fs_read_file(fs, path, META_FILE_MAX, &content);
    if (e != ERR_NONE) {
        (void)store_fail_errno(why, e, "read", path);
    } else if (!read_partition_lines(buf_slice(&content), topic_id)) {
        e = store_fail(why, ERR_CORRUPT,
                       "%s: should be \"version: 0\" and \"topic_id: <22 characters>\"; if the "
                       "topic is known to be the right one, remove the file",
                       path);
    }
    buf_fini(&content);
    return e;
}

enum err store_partition_meta_write(const struct store_fs *fs, const char *dir,
                                    struct uuid topic_id)
{
    char path[STORE_PATH_MAX];
    char text[64];
    path_in(path, dir, STORE_PARTITION_META_FILE);
    int len = snprintf(text, sizeof text, "version: 0\ntopic_id: %s", uuid_text(topic_id).text);
    return store_fs_write_file(fs, path, slice_of(text, (size_t)len), false);
}

/* ---- .kafka_cleanshutdown ---- */

/* {"version":0,"brokerEpoch":7}: two known keys, so that a search does. */
static int64_t broker_epoch_of(struct slice content)
{
    static const char key[] = "\"brokerEpoch\"";
    const uint8_t *at =
        content.len == 0 ? NULL : memmem(content.data, content.len, key, strlen(key));
    if (at == NULL) {
        return -1;
    }
    at += strlen(key);
    size_t left = (size_t)(content.data + content.len - at);
    struct slice rest = text_trim(slice_of(at, left));
    if (rest.len == 0 || rest.data[0] != ':') {
        return -1;
    }
    rest = text_trim(slice_of(rest.data + 1, rest.len - 1));
    size_t len = 0;
    while (len < rest.len && strchr(",} \t\r\n", rest.data[len]) == NULL) {
        len++;
    }
    int64_t epoch = -1;
    return text_is_number(slice_of(rest.data, len), &epoch) ? epoch : -1;
}

enum err store_clean_mark_take(const struct store_fs *fs, const char *root, bool *clean,
                               int64_t *broker_epoch)
{
    char path[STORE_PATH_MAX];
    struct buf content = {0};
    *clean = false;
    *broker_epoch = -1;
    path_in(path, root, STORE_CLEAN_FILE);
    enum err e = store_fs_read_file(fs, path, META_FILE_MAX, &content);
    if (e == ERR_NONE) {
        *broker_epoch = broker_epoch_of(buf_slice(&content));
        e = store_fs_unlink(fs, path);
    }
    if (e == ERR_NONE) {
        e = store_fs_sync_dir(fs, root);
        *clean = e == ERR_NONE;
    }
    buf_fini(&content);
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

enum err store_clean_mark_put(const struct store_fs *fs, const char *root, int64_t broker_epoch)
{
    char path[STORE_PATH_MAX];
    char text[64];
    path_in(path, root, STORE_CLEAN_FILE);
    int len =
        snprintf(text, sizeof text, "{\"version\":0,\"brokerEpoch\":%" PRId64 "}", broker_epoch);
    return store_fs_write_file(fs, path, slice_of(text, (size_t)len), true);
}
