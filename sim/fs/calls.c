/* The calls of store/fs.h on a simulated disk: paths and descriptors. */
#include <errno.h>

#include "base/mem.h"
#include "sim/fs/disk.h"

/* Far from real descriptors, so that one of them is never taken for one of ours. */
enum { FD_FIRST = 1 << 20 };

static int64_t now_ms(const struct sim_disk *disk)
{
    const struct sim_fs_options *o = &disk->fs->options;
    return o->wall_ms == NULL ? 0 : o->wall_ms(o->arg);
}

/* ---- paths ---- */

/* Walks to the directory that has (or would have) the last name. NULL: there is none, and errno
 * says whether a file is in the way. */
static struct sim_inode *walk(struct sim_disk *disk, const char *path, struct slice *last)
{
    struct sim_inode *dir = disk->root;
    const char *at = path;
    for (;;) {
        at += strspn(at, "/");
        size_t len = strcspn(at, "/");
        *last = slice_of(at, len);
        at += len;
        if (at[strspn(at, "/")] == '\0') {
            return dir;
        }
        dir = slice_eq_str(*last, ".") ? dir : sim_dir_find(dir, *last);
        if (dir == NULL || !dir->is_dir) {
            errno = dir == NULL ? ENOENT : ENOTDIR;
            return NULL;
        }
    }
}

/* After walk() found no directory. */
static enum err no_dir(void)
{
    return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
}

/* ERR_NOT_FOUND, or ERR_IO if a file is in the way. */
static enum err find(struct sim_disk *disk, const char *path, struct sim_inode **out)
{
    struct slice last;
    struct sim_inode *dir = walk(disk, path, &last);
    if (dir == NULL) {
        return no_dir();
    }
    bool itself = last.len == 0 || slice_eq_str(last, ".");
    *out = itself ? dir : sim_dir_find(dir, last);
    return *out != NULL ? ERR_NONE : sim_disk_error(ERR_NOT_FOUND);
}

static enum err find_dir(struct sim_disk *disk, const char *path, struct sim_inode **out)
{
    TRY(find(disk, path, out));
    if (!(*out)->is_dir) {
        errno = ENOTDIR;
        return ERR_IO;
    }
    return ERR_NONE;
}

/* ---- descriptors ---- */

/* A number comes back as late as can be, so that a use after close is seen. */
static int fd_new(struct sim_disk *disk, struct sim_inode *inode, const char *path)
{
    struct sim_fs *fs = disk->fs;
    if (fs->fd_used * 2 >= fs->fd_count) {
        uint32_t count = fs->fd_count == 0 ? 64 : fs->fd_count * 2;
        fs->fds = mem_realloc(fs->fds, count * sizeof *fs->fds);
        memset(fs->fds + fs->fd_count, 0, (count - fs->fd_count) * sizeof *fs->fds);
        fs->fd_count = count;
    }
    while (fs->fds[fs->fd_next % fs->fd_count].disk != NULL) {
        fs->fd_next++;
    }
    uint32_t i = fs->fd_next++ % fs->fd_count;
    fs->fds[i] = (struct sim_fd){sim_inode_ref(inode), disk, mem_strdup(path), false};
    fs->fd_used++;
    disk->open_count++;
    return FD_FIRST + (int)i;
}

/* A descriptor of a process that crashed has no inode. A number that was never given is a bug of
 * who uses it. */
static struct sim_fd *fd_find(struct sim_fs *fs, int fd)
{
    uint32_t i = (uint32_t)(fd - FD_FIRST);
    ASSERT(fd >= FD_FIRST && i < fs->fd_count);
    ASSERT(fs->fds[i].disk != NULL);
    return &fs->fds[i];
}

static enum err call_open(void *state, const char *path, uint32_t flags, int *fd)
{
    struct sim_disk *disk = state;
    struct slice last;
    TRY(sim_disk_pass(disk, SIM_OP_OPEN, path));
    struct sim_inode *dir = walk(disk, path, &last);
    if (dir == NULL) {
        return no_dir();
    }
    struct sim_inode *inode = sim_dir_find(dir, last);
    if (inode == NULL) {
        if ((flags & STORE_OPEN_CREATE) == 0) {
            return sim_disk_error(ERR_NOT_FOUND);
        }
        inode = sim_inode_new(disk, false);
        inode->modified_ms = now_ms(disk);
        sim_dir_change(dir, SLICE_NULL, last, inode);
        sim_inode_unref(inode);
    } else if ((flags & STORE_OPEN_EXCLUSIVE) != 0) {
        return sim_disk_error(ERR_EXISTS);
    }
    if ((flags & STORE_OPEN_TRUNCATE) != 0) {
        sim_file_truncate(inode, 0);
    }
    *fd = fd_new(disk, inode, path);
    return ERR_NONE;
}

static void call_close(void *state, int fd)
{
    struct sim_disk *disk = state;
    struct sim_fd *slot = fd_find(disk->fs, fd);
    struct sim_inode *inode = slot->inode;
    if (inode != NULL) {
        inode->locked = inode->locked && !slot->holds_lock;
        sim_inode_unref(inode);
        disk->open_count--;
    }
    mem_free(slot->path);
    *slot = (struct sim_fd){0};
    disk->fs->fd_used--;
}

enum err sim_fs_read(struct sim_fs *fs, int fd, struct store_room into, uint64_t offset,
                     size_t *got)
{
    struct sim_fd *slot = fd_find(fs, fd);
    struct sim_disk *disk = slot->disk;
    *got = 0;
    TRY(sim_disk_pass(disk, SIM_OP_READ, slot->path));
    if (slot->inode == NULL) {
        return sim_disk_error(ERR_IO);
    }
    enum err e = sim_file_read(slot->inode, offset, into, got);
    if (e != ERR_NONE) {
        sim_fault(disk, SIM_FAULT_BAD_SECTOR);
        return sim_disk_error(e);
    }
    return ERR_NONE;
}

static enum err call_pread(void *state, int fd, struct store_room into, uint64_t offset,
                           size_t *got)
{
    struct sim_disk *disk = state;
    return sim_fs_read(disk->fs, fd, into, offset, got);
}

/* Some first bytes of all parts. */
static void write_some(struct sim_disk *disk, struct sim_inode *file, const struct slice *parts,
                       size_t count, uint64_t offset)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += parts[i].len;
    }
    size_t left = (size_t)prng_below(&disk->prng, total + 1);
    for (size_t i = 0; i < count && left > 0; i++) {
        size_t some = min_size(left, parts[i].len);
        (void)sim_file_write(file, offset, slice_of(parts[i].data, some));
        offset += some;
        left -= some;
    }
}

static enum err call_pwritev(void *state, int fd, const struct slice *parts, size_t count,
                             uint64_t offset)
{
    struct sim_disk *disk = state;
    struct sim_fd *slot = fd_find(disk->fs, fd);
    bool was_halted = disk->halted;
    enum err e = sim_disk_pass(disk, SIM_OP_WRITE, slot->path);
    if (slot->inode == NULL) {
        return sim_disk_error(ERR_IO);
    }
    slot->inode->modified_ms = now_ms(disk);
    if (e != ERR_NONE) {
        if (!was_halted) {
            write_some(disk, slot->inode, parts, count, offset);
        }
        return sim_disk_error(e);
    }
    for (size_t i = 0; i < count; i++) {
        if (sim_file_write(slot->inode, offset, parts[i]) < parts[i].len) {
            sim_fault(disk, SIM_FAULT_NO_SPACE);
            return sim_disk_error(ERR_NO_SPACE);
        }
        offset += parts[i].len;
    }
    return ERR_NONE;
}

static enum err call_sync(void *state, int fd)
{
    struct sim_disk *disk = state;
    struct sim_fd *slot = fd_find(disk->fs, fd);
    bool was_halted = disk->halted;
    enum err e = sim_disk_pass(disk, SIM_OP_SYNC, slot->path);
    if (slot->inode == NULL) {
        return sim_disk_error(ERR_IO);
    }
    if (e == ERR_NONE) {
        sim_file_sync(slot->inode);
    } else if (!was_halted && !disk->halted) {
        sim_file_drop(slot->inode, &disk->prng);
    }
    return e == ERR_NONE ? ERR_NONE : sim_disk_error(e);
}

static enum err call_truncate(void *state, int fd, uint64_t size)
{
    struct sim_disk *disk = state;
    struct sim_fd *slot = fd_find(disk->fs, fd);
    TRY(sim_disk_pass(disk, SIM_OP_TRUNCATE, slot->path));
    if (slot->inode == NULL) {
        return sim_disk_error(ERR_IO);
    }
    sim_file_truncate(slot->inode, size);
    return ERR_NONE;
}

static enum err call_size(void *state, int fd, uint64_t *size)
{
    struct sim_disk *disk = state;
    struct sim_fd *slot = fd_find(disk->fs, fd);
    if (slot->inode == NULL) {
        return sim_disk_error(ERR_IO);
    }
    *size = slot->inode->size;
    return ERR_NONE;
}

static enum err call_stat(void *state, const char *path, struct store_stat *out)
{
    struct sim_inode *inode = NULL;
    TRY(find(state, path, &inode));
    *out = (struct store_stat){inode->size, inode->modified_ms, inode->is_dir};
    return ERR_NONE;
}

static enum err call_rename(void *state, const char *from, const char *to)
{
    struct sim_disk *disk = state;
    struct slice old_name;
    struct slice new_name;
    TRY(sim_disk_pass(disk, SIM_OP_RENAME, to));
    struct sim_inode *old_dir = walk(disk, from, &old_name);
    if (old_dir == NULL) {
        return no_dir();
    }
    struct sim_inode *new_dir = walk(disk, to, &new_name);
    if (new_dir == NULL) {
        return no_dir();
    }
    struct sim_inode *inode = sim_dir_find(old_dir, old_name);
    struct sim_inode *there = sim_dir_find(new_dir, new_name);
    if (inode == NULL) {
        return sim_disk_error(ERR_NOT_FOUND);
    }
    if (there == inode) {
        return ERR_NONE;
    }
    if (there != NULL && there->is_dir != inode->is_dir) {
        return sim_disk_error(ERR_IO);
    }
    if (there != NULL && there->names.count > 0) {
        return sim_disk_error(ERR_EXISTS);
    }
    if (old_dir == new_dir) {
        sim_dir_change(old_dir, old_name, new_name, inode);
    } else {
        sim_dir_change(new_dir, SLICE_NULL, new_name, inode);
        sim_dir_change(old_dir, old_name, SLICE_NULL, NULL);
    }
    return ERR_NONE;
}

static enum err remove_inode(struct sim_disk *disk, const char *path, bool is_dir)
{
    struct slice last;
    TRY(sim_disk_pass(disk, SIM_OP_UNLINK, path));
    struct sim_inode *dir = walk(disk, path, &last);
    if (dir == NULL) {
        return no_dir();
    }
    struct sim_inode *inode = sim_dir_find(dir, last);
    if (inode == NULL) {
        return sim_disk_error(ERR_NOT_FOUND);
    }
    if (inode->is_dir != is_dir || inode->names.count > 0) {
        return sim_disk_error(is_dir && inode->names.count > 0 ? ERR_EXISTS : ERR_IO);
    }
    sim_dir_change(dir, last, SLICE_NULL, NULL);
    return ERR_NONE;
}

static enum err call_unlink(void *state, const char *path)
{
    return remove_inode(state, path, false);
}

static enum err call_rmdir(void *state, const char *path)
{
    return remove_inode(state, path, true);
}

static enum err call_mkdir(void *state, const char *path)
{
    struct sim_disk *disk = state;
    struct slice last;
    TRY(sim_disk_pass(disk, SIM_OP_MKDIR, path));
    struct sim_inode *dir = walk(disk, path, &last);
    if (dir == NULL) {
        return no_dir();
    }
    if (last.len == 0 || sim_dir_find(dir, last) != NULL) {
        return sim_disk_error(ERR_EXISTS);
    }
    struct sim_inode *made = sim_inode_new(disk, true);
    sim_dir_change(dir, SLICE_NULL, last, made);
    sim_inode_unref(made);
    return ERR_NONE;
}

/* In no order, as promised: it begins anywhere. */
static enum err call_list(void *state, const char *path, store_list_fn *each, void *arg)
{
    struct sim_disk *disk = state;
    TRY(sim_disk_pass(disk, SIM_OP_LIST, path));
    struct sim_inode *dir = NULL;
    TRY(find_dir(disk, path, &dir));
    size_t count = dir->names.count;
    const char **names = mem_zalloc(max_size(count, 1), sizeof *names);
    size_t n = 0;
    size_t at = 0;
    for (struct sim_entry *e = map_next(&dir->names, &at); e != NULL;
         e = map_next(&dir->names, &at)) {
        size_t place = (size_t)prng_below(&disk->prng, n + 1);
        names[n++] = names[place];
        names[place] = e->name;
    }
    for (size_t i = 0; i < n; i++) {
        each(arg, names[i]);
    }
    mem_free(names);
    return ERR_NONE;
}

static enum err call_sync_dir(void *state, const char *path)
{
    struct sim_disk *disk = state;
    TRY(sim_disk_pass(disk, SIM_OP_SYNC_DIR, path));
    struct sim_inode *dir = NULL;
    TRY(find_dir(disk, path, &dir));
    sim_dir_sync(dir);
    return ERR_NONE;
}

static enum err call_lock(void *state, const char *path, int *fd)
{
    struct sim_disk *disk = state;
    TRY(call_open(state, path, STORE_OPEN_WRITE | STORE_OPEN_CREATE, fd));
    struct sim_fd *slot = fd_find(disk->fs, *fd);
    if (slot->inode->locked) {
        call_close(state, *fd);
        *fd = -1;
        return sim_disk_error(ERR_LOCKED);
    }
    slot->inode->locked = true;
    slot->holds_lock = true;
    return ERR_NONE;
}

static enum err call_space(void *state, const char *path, struct store_space *out)
{
    enum { DISK_PAGES = 1 << 28 }; /* 1 TiB where no end was set */
    struct sim_disk *disk = state;
    struct sim_inode *at = NULL;
    TRY(find(disk, path, &at));
    uint64_t total = disk->pages_max < DISK_PAGES ? disk->pages_max : DISK_PAGES;
    uint64_t used = disk->used_pages < total ? disk->used_pages : total;
    *out = (struct store_space){total * SIM_PAGE, (total - used) * SIM_PAGE};
    return ERR_NONE;
}

const struct store_fs_ops sim_disk_ops = {
    .open = call_open,
    .close = call_close,
    .pread = call_pread,
    .pwritev = call_pwritev,
    .sync = call_sync,
    .truncate = call_truncate,
    .size = call_size,
    .stat = call_stat,
    .rename = call_rename,
    .unlink = call_unlink,
    .mkdir = call_mkdir,
    .rmdir = call_rmdir,
    .list = call_list,
    .sync_dir = call_sync_dir,
    .lock = call_lock,
    .space = call_space,
};
