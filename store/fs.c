/* What every file system shares: the calls through the table, whole small files, error texts. */
#include "store/fs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum err store_fail(struct store_error *why, enum err e, const char *fmt, ...)
{
    if (why != NULL) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(why->text, sizeof why->text, fmt, args);
        va_end(args);
    }
    return e;
}

enum err store_fail_errno(struct store_error *why, enum err e, const char *verb, const char *path)
{
    const char *hint = e == ERR_NO_SPACE ? "; make room on this disk"
                       : e == ERR_BUSY   ? "; raise the limit of open files (ulimit -n)"
                                         : "";
    return store_fail(why, e, "cannot %s %s: %s%s", verb, path,
                      errno != 0 ? strerror(errno) : err_text(e), hint);
}

enum err store_fs_open(const struct store_fs *fs, const char *path, uint32_t flags, int *fd)
{
    return fs->ops->open(fs->state, path, flags, fd);
}

void store_fs_close(const struct store_fs *fs, int fd)
{
    fs->ops->close(fs->state, fd);
}

enum err store_fs_pread(const struct store_fs *fs, int fd, struct store_room into, uint64_t offset,
                        size_t *got)
{
    return fs->ops->pread(fs->state, fd, into, offset, got);
}

enum err store_fs_pwritev(const struct store_fs *fs, int fd, const struct slice *parts,
                          size_t count, uint64_t offset)
{
    return fs->ops->pwritev(fs->state, fd, parts, count, offset);
}

enum err store_fs_pwrite(const struct store_fs *fs, int fd, struct slice data, uint64_t offset)
{
    return fs->ops->pwritev(fs->state, fd, &data, 1, offset);
}

enum err store_fs_sync(const struct store_fs *fs, int fd)
{
    return fs->ops->sync(fs->state, fd);
}

enum err store_fs_truncate(const struct store_fs *fs, int fd, uint64_t size)
{
    return fs->ops->truncate(fs->state, fd, size);
}

enum err store_fs_size(const struct store_fs *fs, int fd, uint64_t *size)
{
    return fs->ops->size(fs->state, fd, size);
}

enum err store_fs_stat(const struct store_fs *fs, const char *path, struct store_stat *out)
{
    return fs->ops->stat(fs->state, path, out);
}

bool store_fs_exists(const struct store_fs *fs, const char *path)
{
    struct store_stat st;
    return fs->ops->stat(fs->state, path, &st) == ERR_NONE;
}

enum err store_fs_rename(const struct store_fs *fs, const char *from, const char *to)
{
    return fs->ops->rename(fs->state, from, to);
}

enum err store_fs_unlink(const struct store_fs *fs, const char *path)
{
    return fs->ops->unlink(fs->state, path);
}

enum err store_fs_mkdir(const struct store_fs *fs, const char *path)
{
    return fs->ops->mkdir(fs->state, path);
}

enum err store_fs_rmdir(const struct store_fs *fs, const char *path)
{
    return fs->ops->rmdir(fs->state, path);
}

enum err store_fs_list(const struct store_fs *fs, const char *path, store_list_fn *each, void *arg)
{
    return fs->ops->list(fs->state, path, each, arg);
}

enum err store_fs_sync_dir(const struct store_fs *fs, const char *path)
{
    return fs->ops->sync_dir(fs->state, path);
}

enum err store_fs_lock(const struct store_fs *fs, const char *path, int *fd)
{
    return fs->ops->lock(fs->state, path, fd);
}

enum err store_fs_space(const struct store_fs *fs, const char *path, struct store_space *out)
{
    return fs->ops->space(fs->state, path, out);
}

enum err store_fs_read_file(const struct store_fs *fs, const char *path, size_t max,
                            struct buf *out)
{
    int fd = -1;
    TRY(store_fs_open(fs, path, STORE_OPEN_READ, &fd));
    uint64_t size = 0;
    enum err e = store_fs_size(fs, fd, &size);
    if (e == ERR_NONE && size > max) {
        e = ERR_CORRUPT;
    }
    if (e == ERR_NONE) {
        size_t got = 0;
        uint8_t *at = buf_room(out, (size_t)size);
        e = store_fs_pread(fs, fd, store_room(at, (size_t)size), 0, &got);
        out->len += e == ERR_NONE ? got : 0;
    }
    store_fs_close(fs, fd);
    return e;
}

static enum err write_whole(const struct store_fs *fs, const char *path, struct slice content,
                            bool durable)
{
    int fd = -1;
    TRY(store_fs_open(fs, path, STORE_OPEN_WRITE | STORE_OPEN_CREATE | STORE_OPEN_TRUNCATE, &fd));
    enum err e = store_fs_pwrite(fs, fd, content, 0);
    if (e == ERR_NONE && durable) {
        e = store_fs_sync(fs, fd);
    }
    store_fs_close(fs, fd);
    return e;
}

static enum err sync_parent(const struct store_fs *fs, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct buf dir = {0};
    buf_put(&dir, slash == NULL ? "." : path, slash == NULL ? 1 : (size_t)(slash - path));
    buf_put(&dir, "", 1);
    enum err e = store_fs_sync_dir(fs, dir.data[0] == 0 ? "/" : (const char *)dir.data);
    buf_fini(&dir);
    return e;
}

enum err store_fs_write_file(const struct store_fs *fs, const char *path, struct slice content,
                             bool durable)
{
    struct buf tmp = {0};
    buf_put_str(&tmp, path);
    buf_put(&tmp, ".tmp", sizeof ".tmp");
    const char *tmp_path = (const char *)tmp.data;
    enum err e = write_whole(fs, tmp_path, content, durable);
    if (e == ERR_NONE) {
        e = store_fs_rename(fs, tmp_path, path);
    }
    if (e != ERR_NONE) {
        /* The error of the write is the one to tell, also if the rest cannot be removed. */
        int saved = errno;
        (void)!store_fs_unlink(fs, tmp_path);
        errno = saved;
    } else if (durable) {
        e = sync_parent(fs, path);
    }
    buf_fini(&tmp);
    return e;
}

static void gather(void *arg, const char *name)
{
    struct store_names *names = arg;
    names->at = mem_realloc(names->at, (names->count + 1) * sizeof *names->at);
    names->at[names->count++] = mem_strdup(name);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum err store_fs_names(const struct store_fs *fs, const char *path, struct store_names *out)
{
    *out = (struct store_names){0};
    enum err e = store_fs_list(fs, path, gather, out);
    if (e != ERR_NONE) {
        store_names_fini(out);
    } else if (out->count > 0) {
        qsort(out->at, out->count, sizeof *out->at, compare);
    }
    return e;
}

void store_names_fini(struct store_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        mem_free(names->at[i]);
    }
    mem_free(names->at);
    *names = (struct store_names){0};
}

static enum err remove_any(const struct store_fs *fs, const char *path)
{
    struct store_stat st;
    enum err e = store_fs_stat(fs, path, &st);
    if (e == ERR_NONE) {
        e = st.is_dir ? store_fs_remove_tree(fs, path) : store_fs_unlink(fs, path);
    }
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

enum err store_fs_remove_tree(const struct store_fs *fs, const char *path)
{
    struct store_names names;
    struct buf child = {0};
    enum err e = store_fs_names(fs, path, &names);
    for (size_t i = 0; i < names.count && e == ERR_NONE; i++) {
        buf_reset(&child);
        buf_printf(&child, "%s/%s", path, names.at[i]);
        buf_put(&child, "", 1);
        e = remove_any(fs, (const char *)child.data);
    }
    store_names_fini(&names);
    buf_fini(&child);
    if (e == ERR_NONE) {
        e = store_fs_rmdir(fs, path);
    }
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}
