/* The shared set of open files: pins, and an LRU list of those that are open without one. */
#include "store/files_private.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/list.h"
#include "base/mem.h"

struct store_files {
    const struct store_fs *fs;
    pthread_mutex_t lock; /* guards everything below and the fields of all files */
    struct list idle;     /* open, not pinned; least recently used first */
    uint32_t open_max;
    uint32_t open_count;
    uint32_t file_count;
    uint32_t round; /* of store_files_close_idle() */
};

struct store_file {
    struct list node; /* in `idle`, or alone */
    struct store_files *files;
    const char *const *dir;
    const char *suffix;
    int64_t base;
    int fd; /* −1: closed */
    uint32_t pins;
    uint32_t used; /* the round of its last unpin */
    bool dropped;
};

void store_segment_path(char out[STORE_PATH_MAX], const char *dir, int64_t base, const char *suffix)
{
    snprintf(out, STORE_PATH_MAX, "%s/%020" PRId64 "%s", dir, base, suffix);
}

struct store_files *store_files_new(const struct store_fs *fs, uint32_t open_max)
{
    struct store_files *files = MEM_NEW(struct store_files);
    files->fs = fs;
    files->open_max = open_max;
    list_init(&files->idle);
    pthread_mutex_init(&files->lock, NULL);
    return files;
}

void store_files_free(struct store_files *files)
{
    if (files == NULL) {
        return;
    }
    ASSERT(files->file_count == 0);
    ASSERT(files->open_count == 0);
    pthread_mutex_destroy(&files->lock);
    mem_free(files);
}

const struct store_fs *store_files_fs(const struct store_files *files)
{
    return files->fs;
}

uint32_t store_files_open_count(struct store_files *files)
{
    pthread_mutex_lock(&files->lock);
    uint32_t count = files->open_count;
    pthread_mutex_unlock(&files->lock);
    return count;
}

struct store_file *store_file_new(struct store_files *files, const char *const *dir, int64_t base,
                                  const char *suffix)
{
    struct store_file *file = MEM_NEW(struct store_file);
    list_init(&file->node);
    file->files = files;
    file->dir = dir;
    file->base = base;
    file->suffix = suffix;
    file->fd = -1;
    pthread_mutex_lock(&files->lock);
    files->file_count++;
    pthread_mutex_unlock(&files->lock);
    return file;
}

/* Takes the descriptor of the least recently used idle file, if more than `keep` are open; −1 if
 * there is none. The caller closes it outside of the lock. */
static int evict(struct store_files *files, uint32_t keep)
{
    if (files->open_count <= keep || list_empty(&files->idle)) {
        return -1;
    }
    struct store_file *victim = LIST_ENTRY(files->idle.next, struct store_file, node);
    int fd = victim->fd;
    ASSERT(victim->pins == 0);
    victim->fd = -1;
    list_remove(&victim->node);
    files->open_count--;
    return fd;
}

bool store_files_close_idle(struct store_files *files, uint32_t max)
{
    bool more = true;
    for (uint32_t closed = 0; more && closed < max; closed++) {
        int victim = -1;
        pthread_mutex_lock(&files->lock);
        more = !list_empty(&files->idle) &&
               LIST_ENTRY(files->idle.next, struct store_file, node)->used != files->round;
        if (more) {
            victim = evict(files, 0);
        } else {
            files->round++;
        }
        pthread_mutex_unlock(&files->lock);
        if (victim >= 0) {
            store_fs_close(files->fs, victim);
        }
    }
    return more;
}

/* Opens the file. When the process has no descriptor left, idle ones make room. */
static enum err open_file(struct store_file *file, uint32_t flags, int *fd)
{
    struct store_files *files = file->files;
    char path[STORE_PATH_MAX];
    store_segment_path(path, *file->dir, file->base, file->suffix);
    for (;;) {
        enum err e = store_fs_open(files->fs, path, flags, fd);
        if (e != ERR_BUSY) {
            return e;
        }
        int saved = errno;
        pthread_mutex_lock(&files->lock);
        int victim = evict(files, 0);
        pthread_mutex_unlock(&files->lock);
        if (victim < 0) {
            errno = saved;
            return e;
        }
        store_fs_close(files->fs, victim);
    }
}

enum err store_file_pin(struct store_file *file, uint32_t flags)
{
    struct store_files *files = file->files;
    pthread_mutex_lock(&files->lock);
    ASSERT(!file->dropped);
    bool is_open = file->fd >= 0;
    if (is_open) {
        file->pins++;
        list_remove(&file->node);
    }
    pthread_mutex_unlock(&files->lock);
    if (is_open) {
        return ERR_NONE;
    }
    int fd = -1;
    TRY(open_file(file, flags, &fd));
    pthread_mutex_lock(&files->lock);
    file->fd = fd;
    file->pins = 1;
    files->open_count++;
    int victim = evict(files, files->open_max);
    pthread_mutex_unlock(&files->lock);
    if (victim >= 0) {
        store_fs_close(files->fs, victim);
    }
    return ERR_NONE;
}

int store_file_fd(const struct store_file *file)
{
    ASSERT(file->fd >= 0);
    return file->fd;
}

void store_file_pin_again(struct store_file *file)
{
    pthread_mutex_lock(&file->files->lock);
    ASSERT(file->pins > 0);
    file->pins++;
    pthread_mutex_unlock(&file->files->lock);
}

/* Frees a dropped file without pins; the lock is held and is given back. */
static void finish(struct store_file *file)
{
    struct store_files *files = file->files;
    int fd = file->fd;
    list_remove(&file->node);
    files->open_count -= fd >= 0 ? 1 : 0;
    files->file_count--;
    pthread_mutex_unlock(&files->lock);
    if (fd >= 0) {
        store_fs_close(files->fs, fd);
    }
    mem_free(file);
}

void store_file_unpin(struct store_file *file)
{
    struct store_files *files = file->files;
    pthread_mutex_lock(&files->lock);
    ASSERT(file->pins > 0);
    file->pins--;
    if (file->pins == 0 && file->dropped) {
        finish(file);
        return;
    }
    int victim = -1;
    if (file->pins == 0) {
        file->used = files->round;
        list_add_tail(&files->idle, &file->node);
        victim = evict(files, files->open_max);
    }
    pthread_mutex_unlock(&files->lock);
    if (victim >= 0) {
        store_fs_close(files->fs, victim);
    }
}

void store_file_drop(struct store_file *file)
{
    if (file == NULL) {
        return;
    }
    struct store_files *files = file->files;
    pthread_mutex_lock(&files->lock);
    ASSERT(!file->dropped);
    file->dropped = true;
    if (file->pins == 0) {
        finish(file);
        return;
    }
    pthread_mutex_unlock(&files->lock);
}

enum err store_file_pread(struct store_file *file, struct store_room into, uint64_t position)
{
    size_t got = 0;
    TRY(store_fs_pread(file->files->fs, store_file_fd(file), into, position, &got));
    return got == into.len ? ERR_NONE : ERR_CORRUPT;
}

const struct store_fs *store_file_fs(const struct store_file *file)
{
    return file->files->fs;
}

enum err store_file_size(struct store_file *file, uint64_t *size)
{
    return store_fs_size(file->files->fs, store_file_fd(file), size);
}

size_t store_file_memory(void)
{
    return sizeof(struct store_file);
}
