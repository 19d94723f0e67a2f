/* The calls of fault_fs.h: paths, descriptors, rules. */
#include "tests/lib/fault_fs.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/lib/fault_tree.h"

enum { FD_FIRST = 1000, OP_COUNT = 10 };

struct fault_fd {
    struct fault_node *node; /* NULL: free */
    bool holds_lock;
};

struct fault_fs {
    struct store_fs fs;
    struct prng prng;
    struct fault_node *root;
    struct fault_fd *fds;
    uint32_t fd_count;
    int64_t now_ms;
    uint64_t calls[OP_COUNT];
    uint32_t rule_ops;
    uint32_t rule_after;
    uint32_t rule_times;
    enum err rule_err;
    bool struck;
};

static enum err fail(enum err e)
{
    errno = e == ERR_NO_SPACE    ? ENOSPC
            : e == ERR_NOT_FOUND ? ENOENT
            : e == ERR_EXISTS    ? EEXIST
            : e == ERR_BUSY      ? EMFILE
                                 : EIO;
    return e;
}

/* Counts a call and asks the rule. */
static enum err pass(struct fault_fs *disk, enum fault_op op)
{
    disk->calls[__builtin_ctz(op)]++;
    if ((disk->rule_ops & op) == 0 || disk->rule_times == 0) {
        return ERR_NONE;
    }
    if (disk->rule_after > 0) {
        disk->rule_after--;
        return ERR_NONE;
    }
    disk->rule_times -= disk->rule_times == FAULT_FOREVER ? 0 : 1;
    disk->struck = true;
    return fail(disk->rule_err);
}

/* ---- paths ---- */

/* Walks to the directory that has (or would have) the last name. NULL: there is none. */
static struct fault_node *walk(struct fault_fs *disk, const char *path, struct slice *last)
{
    struct fault_node *dir = disk->root;
    const char *at = path;
    for (;;) {
        at += strspn(at, "/");
        size_t len = strcspn(at, "/");
        *last = slice_of(at, len);
        at += len;
        if (strspn(at, "/") == strlen(at)) {
            return dir;
        }
        dir = slice_eq_str(*last, ".") ? dir : fault_dir_find(dir, *last);
        if (dir == NULL || !dir->is_dir) {
            return NULL;
        }
    }
}

static struct fault_node *find(struct fault_fs *disk, const char *path)
{
    struct slice last;
    struct fault_node *dir = walk(disk, path, &last);
    if (dir == NULL || last.len == 0 || slice_eq_str(last, ".")) {
        return dir;
    }
    return fault_dir_find(dir, last);
}

/* ---- descriptors ---- */

static int fd_new(struct fault_fs *disk, struct fault_node *node)
{
    uint32_t i = 0;
    while (i < disk->fd_count && disk->fds[i].node != NULL) {
        i++;
    }
    if (i == disk->fd_count) {
        disk->fds = mem_realloc(disk->fds, (i + 1) * sizeof *disk->fds);
        disk->fd_count++;
    }
    disk->fds[i] = (struct fault_fd){fault_node_ref(node), false};
    return FD_FIRST + (int)i;
}

static struct fault_node *fd_node(struct fault_fs *disk, int fd)
{
    uint32_t i = (uint32_t)(fd - FD_FIRST);
    return i < disk->fd_count ? disk->fds[i].node : NULL;
}

static enum err fs_open(void *state, const char *path, uint32_t flags, int *fd)
{
    struct fault_fs *disk = state;
    struct slice last;
    TRY(pass(disk, FAULT_OPEN));
    struct fault_node *dir = walk(disk, path, &last);
    struct fault_node *node = dir == NULL ? NULL : fault_dir_find(dir, last);
    if (node == NULL) {
        if (dir == NULL || (flags & STORE_OPEN_CREATE) == 0) {
            return fail(ERR_NOT_FOUND);
        }
        node = fault_node_new(false);
        node->modified_ms = disk->now_ms;
        fault_dir_change(dir, SLICE_NULL, last, node);
        fault_node_unref(node);
    } else if ((flags & STORE_OPEN_EXCLUSIVE) != 0) {
        return fail(ERR_EXISTS);
    }
    if ((flags & STORE_OPEN_TRUNCATE) != 0 && node->live.size > 0) {
        fault_node_truncate(node, 0);
    }
    *fd = fd_new(disk, node);
    return ERR_NONE;
}

static void fs_close(void *state, int fd)
{
    struct fault_fs *disk = state;
    struct fault_node *node = fd_node(disk, fd);
    if (node != NULL) {
        struct fault_fd *slot = &disk->fds[fd - FD_FIRST];
        node->locked = node->locked && !slot->holds_lock;
        slot->node = NULL;
        fault_node_unref(node);
    }
}

static enum err fs_pread(void *state, int fd, struct store_room into, uint64_t offset, size_t *got)
{
    struct fault_fs *disk = state;
    struct fault_node *node = fd_node(disk, fd);
    *got = 0;
    TRY(pass(disk, FAULT_READ));
    if (node == NULL) {
        return fail(ERR_IO);
    }
    *got = fault_node_read(node, offset, into.data, into.len);
    return ERR_NONE;
}

/* A write that fails has got some way. */
static void write_some(struct fault_fs *disk, struct fault_node *node, struct slice part,
                       uint64_t offset)
{
    part.len = (size_t)prng_below(&disk->prng, part.len + 1);
    if (part.len > 0) {
        fault_node_write(node, offset, part);
    }
}

static enum err fs_pwritev(void *state, int fd, const struct slice *parts, size_t count,
                           uint64_t offset)
{
    struct fault_fs *disk = state;
    struct fault_node *node = fd_node(disk, fd);
    if (node == NULL) {
        return fail(ERR_IO);
    }
    node->modified_ms = disk->now_ms;
    enum err e = pass(disk, FAULT_WRITE);
    for (size_t i = 0; i < count; i++) {
        if (e != ERR_NONE) {
            write_some(disk, node, parts[i], offset);
            return e;
        }
        fault_node_write(node, offset, parts[i]);
        offset += parts[i].len;
    }
    return e;
}

static enum err fs_sync(void *state, int fd)
{
    struct fault_fs *disk = state;
    struct fault_node *node = fd_node(disk, fd);
    TRY(pass(disk, FAULT_SYNC));
    if (node == NULL) {
        return fail(ERR_IO);
    }
    fault_node_sync(node);
    return ERR_NONE;
}

static enum err fs_truncate(void *state, int fd, uint64_t size)
{
    struct fault_fs *disk = state;
    struct fault_node *node = fd_node(disk, fd);
    TRY(pass(disk, FAULT_TRUNCATE));
    if (node == NULL) {
        return fail(ERR_IO);
    }
    fault_node_truncate(node, size);
    return ERR_NONE;
}

static enum err fs_size(void *state, int fd, uint64_t *size)
{
    struct fault_node *node = fd_node(state, fd);
    if (node == NULL) {
        return fail(ERR_IO);
    }
    *size = node->live.size;
    return ERR_NONE;
}

static enum err fs_stat(void *state, const char *path, struct store_stat *out)
{
    struct fault_node *node = find(state, path);
    if (node == NULL) {
        return fail(ERR_NOT_FOUND);
    }
    *out = (struct store_stat){node->live.size, node->modified_ms, node->is_dir};
    return ERR_NONE;
}

static enum err fs_rename(void *state, const char *from, const char *to)
{
    struct fault_fs *disk = state;
    struct slice old_name;
    struct slice new_name;
    TRY(pass(disk, FAULT_RENAME));
    struct fault_node *old_dir = walk(disk, from, &old_name);
    struct fault_node *new_dir = walk(disk, to, &new_name);
    struct fault_node *node = old_dir == NULL ? NULL : fault_dir_find(old_dir, old_name);
    if (node == NULL || new_dir == NULL) {
        return fail(ERR_NOT_FOUND);
    }
    if (old_dir == new_dir) {
        fault_dir_change(old_dir, old_name, new_name, node);
    } else {
        fault_dir_change(new_dir, SLICE_NULL, new_name, node);
        fault_dir_change(old_dir, old_name, SLICE_NULL, NULL);
    }
    return ERR_NONE;
}

static enum err remove_node(struct fault_fs *disk, const char *path, bool is_dir)
{
    struct slice last;
    TRY(pass(disk, FAULT_UNLINK));
    struct fault_node *dir = walk(disk, path, &last);
    struct fault_node *node = dir == NULL ? NULL : fault_dir_find(dir, last);
    if (node == NULL) {
        return fail(ERR_NOT_FOUND);
    }
    if (node->is_dir != is_dir || node->names.count > 0) {
        return fail(node->names.count > 0 ? ERR_EXISTS : ERR_IO);
    }
    fault_dir_change(dir, last, SLICE_NULL, NULL);
    return ERR_NONE;
}

static enum err fs_unlink(void *state, const char *path)
{
    return remove_node(state, path, false);
}

static enum err fs_rmdir(void *state, const char *path)
{
    return remove_node(state, path, true);
}

static enum err fs_mkdir(void *state, const char *path)
{
    struct fault_fs *disk = state;
    struct slice last;
    TRY(pass(disk, FAULT_MKDIR));
    struct fault_node *dir = walk(disk, path, &last);
    if (dir == NULL) {
        return fail(ERR_NOT_FOUND);
    }
    if (last.len == 0 || slice_eq_str(last, ".") || fault_dir_find(dir, last) != NULL) {
        return fail(ERR_EXISTS);
    }
    struct fault_node *node = fault_node_new(true);
    fault_dir_change(dir, SLICE_NULL, last, node);
    fault_node_unref(node);
    return ERR_NONE;
}

static enum err fs_list(void *state, const char *path, store_list_fn *each, void *arg)
{
    struct fault_fs *disk = state;
    TRY(pass(disk, FAULT_LIST));
    struct fault_node *dir = find(disk, path);
    if (dir == NULL || !dir->is_dir) {
        return fail(dir == NULL ? ERR_NOT_FOUND : ERR_IO);
    }
    for (uint32_t i = 0; i < dir->names.count; i++) {
        each(arg, dir->names.at[i].name);
    }
    return ERR_NONE;
}

static enum err fs_sync_dir(void *state, const char *path)
{
    struct fault_fs *disk = state;
    TRY(pass(disk, FAULT_SYNC_DIR));
    struct fault_node *dir = find(disk, path);
    if (dir == NULL || !dir->is_dir) {
        return fail(dir == NULL ? ERR_NOT_FOUND : ERR_IO);
    }
    fault_dir_sync(dir);
    return ERR_NONE;
}

static enum err fs_lock(void *state, const char *path, int *fd)
{
    struct fault_fs *disk = state;
    TRY(fs_open(state, path, STORE_OPEN_WRITE | STORE_OPEN_CREATE, fd));
    struct fault_fd *slot = &disk->fds[*fd - FD_FIRST];
    if (slot->node->locked) {
        fs_close(state, *fd);
        *fd = -1;
        return ERR_LOCKED;
    }
    slot->node->locked = true;
    slot->holds_lock = true;
    return ERR_NONE;
}

static enum err fs_space(void *state, const char *path, struct store_space *out)
{
    *out = (struct store_space){UINT64_C(1) << 40, UINT64_C(1) << 39};
    return find(state, path) == NULL ? fail(ERR_NOT_FOUND) : ERR_NONE;
}

static const struct store_fs_ops fault_ops = {
    .open = fs_open,
    .close = fs_close,
    .pread = fs_pread,
    .pwritev = fs_pwritev,
    .sync = fs_sync,
    .truncate = fs_truncate,
    .size = fs_size,
    .stat = fs_stat,
    .rename = fs_rename,
    .unlink = fs_unlink,
    .mkdir = fs_mkdir,
    .rmdir = fs_rmdir,
    .list = fs_list,
    .sync_dir = fs_sync_dir,
    .lock = fs_lock,
    .space = fs_space,
};

struct fault_fs *fault_fs_new(uint64_t seed)
{
    struct fault_fs *disk = MEM_NEW(struct fault_fs);
    disk->fs = (struct store_fs){&fault_ops, disk};
    disk->root = fault_node_new(true);
    prng_init(&disk->prng, seed);
    return disk;
}

static void close_all(struct fault_fs *disk)
{
    for (uint32_t i = 0; i < disk->fd_count; i++) {
        fs_close(disk, FD_FIRST + (int)i);
    }
}

void fault_fs_free(struct fault_fs *disk)
{
    close_all(disk);
    fault_node_unref(disk->root);
    mem_free(disk->fds);
    mem_free(disk);
}

const struct store_fs *fault_fs_store(struct fault_fs *disk)
{
    return &disk->fs;
}

void fault_fs_fail(struct fault_fs *disk, uint32_t ops, uint32_t after, enum err e, uint32_t times)
{
    disk->rule_ops = ops;
    disk->rule_after = after;
    disk->rule_err = e;
    disk->rule_times = times;
    disk->struck = false;
}

void fault_fs_heal(struct fault_fs *disk)
{
    disk->rule_times = 0;
}

bool fault_fs_struck(const struct fault_fs *disk)
{
    return disk->struck;
}

uint64_t fault_fs_calls(const struct fault_fs *disk, enum fault_op op)
{
    return disk->calls[__builtin_ctz(op)];
}

void fault_fs_crash(struct fault_fs *disk, enum fault_crash how)
{
    close_all(disk);
    fault_fs_heal(disk);
    if (how != FAULT_CRASH_PROCESS) {
        fault_node_crash(disk->root, how == FAULT_CRASH_RANDOM ? &disk->prng : NULL);
    }
}

void fault_fs_set_time(struct fault_fs *disk, int64_t now_ms)
{
    disk->now_ms = now_ms;
}

uint32_t fault_fs_open_count(const struct fault_fs *disk)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < disk->fd_count; i++) {
        count += disk->fds[i].node != NULL ? 1 : 0;
    }
    return count;
}
