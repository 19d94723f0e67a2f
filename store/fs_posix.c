/* The operating system's file system behind store/fs.h. */
#include "store/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

/* Parts of one pwritev; well below IOV_MAX, and small enough for the stack. */
enum { PARTS_MAX = 128 };

static enum err of_errno(void)
{
    switch (errno) {
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY:
        return ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    case EMFILE:
    case ENFILE:
        return ERR_BUSY;
    case EWOULDBLOCK:
        return ERR_LOCKED;
    default:
        return ERR_IO;
    }
}

static enum err of_result(int rv)
{
    return rv == 0 ? ERR_NONE : of_errno();
}

static enum err posix_open(void *state, const char *path, uint32_t flags, int *fd)
{
    (void)state;
    int mode = (flags & STORE_OPEN_WRITE) != 0 ? O_RDWR : O_RDONLY;
    mode |= (flags & STORE_OPEN_CREATE) != 0 ? O_CREAT : 0;
    mode |= (flags & STORE_OPEN_EXCLUSIVE) != 0 ? O_EXCL : 0;
    mode |= (flags & STORE_OPEN_TRUNCATE) != 0 ? O_TRUNC : 0;
    do {
        *fd = open(path, mode | O_CLOEXEC, 0644);
    } while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? of_errno() : ERR_NONE;
}

static void posix_close(void *state, int fd)
{
    (void)state;
    /* What was not synced is not promised, so that a late error here changes nothing. */
    (void)close(fd);
}

static enum err posix_pread(void *state, int fd, struct store_room into, uint64_t offset,
                            size_t *got)
{
    (void)state;
    *got = 0;
    while (*got < into.len) {
        ssize_t n = pread(fd, into.data + *got, into.len - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return of_errno();
        }
        if (n == 0) {
            break;
        }
        *got += (size_t)n;
    }
    return ERR_NONE;
}

/* Writes all of `iov`, going on behind a short write. */
static enum err write_all(int fd, struct iovec *iov, int count, uint64_t offset)
{
    while (count > 0) {
        ssize_t n = pwritev(fd, iov, count, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return of_errno();
        }
        offset += (uint64_t)n;
        size_t done = (size_t)n;
        while (count > 0 && done >= iov->iov_len) {
            done -= iov->iov_len;
            iov++;
            count--;
        }
        if (count > 0) {
            iov->iov_base = (uint8_t *)iov->iov_base + done;
            iov->iov_len -= done;
        }
    }
    return ERR_NONE;
}

static enum err posix_pwritev(void *state, int fd, const struct slice *parts, size_t count,
                              uint64_t offset)
{
    (void)state;
    struct iovec iov[PARTS_MAX];
    while (count > 0) {
        size_t batch = min_size(count, PARTS_MAX);
        uint64_t bytes = 0;
        for (size_t i = 0; i < batch; i++) {
            iov[i] = (struct iovec){(void *)(uintptr_t)parts[i].data, parts[i].len};
            bytes += parts[i].len;
        }
        TRY(write_all(fd, iov, (int)batch, offset));
        offset += bytes;
        parts += batch;
        count -= batch;
    }
    return ERR_NONE;
}

static enum err posix_sync(void *state, int fd)
{
    (void)state;
    return of_result(fdatasync(fd));
}

static enum err posix_truncate(void *state, int fd, uint64_t size)
{
    (void)state;
    return of_result(ftruncate(fd, (off_t)size));
}

static enum err posix_size(void *state, int fd, uint64_t *size)
{
    (void)state;
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return of_errno();
    }
    *size = (uint64_t)st.st_size;
    return ERR_NONE;
}

static enum err posix_stat(void *state, const char *path, struct store_stat *out)
{
    (void)state;
    struct stat st;
    if (stat(path, &st) != 0) {
        return of_errno();
    }
    out->size = (uint64_t)st.st_size;
    out->modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    out->is_dir = S_ISDIR(st.st_mode);
    return ERR_NONE;
}

static enum err posix_rename(void *state, const char *from, const char *to)
{
    (void)state;
    return of_result(rename(from, to));
}

static enum err posix_unlink(void *state, const char *path)
{
    (void)state;
    return of_result(unlink(path));
}

static enum err posix_mkdir(void *state, const char *path)
{
    (void)state;
    return of_result(mkdir(path, 0755));
}

static enum err posix_rmdir(void *state, const char *path)
{
    (void)state;
    return of_result(rmdir(path));
}

static enum err posix_list(void *state, const char *path, store_list_fn *each, void *arg)
{
    (void)state;
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return of_errno();
    }
    enum err e = ERR_NONE;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            e = errno == 0 ? ERR_NONE : of_errno();
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            each(arg, entry->d_name);
        }
    }
    closedir(dir);
    return e;
}

static enum err posix_sync_dir(void *state, const char *path)
{
    (void)state;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return of_errno();
    }
    enum err e = of_result(fsync(fd));
    (void)close(fd);
    return e;
}

static enum err posix_lock(void *state, const char *path, int *fd)
{
    TRY(posix_open(state, path, STORE_OPEN_WRITE | STORE_OPEN_CREATE, fd));
    /* flock() too, as a record lock does not keep out a second open by this process; the record
     * lock is what Java's FileChannel.lock() takes, so that we and Kafka see each other's. */
    struct flock record = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0 && fcntl(*fd, F_SETLK, &record) == 0) {
        return ERR_NONE;
    }
    enum err e = errno == EACCES || errno == EAGAIN ? ERR_LOCKED : of_errno();
    (void)close(*fd);
    *fd = -1;
    return e;
}

static enum err posix_space(void *state, const char *path, struct store_space *out)
{
    (void)state;
    struct statvfs st;
    if (statvfs(path, &st) != 0) {
        return of_errno();
    }
    out->total_bytes = (uint64_t)st.f_blocks * st.f_frsize;
    out->free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return ERR_NONE;
}

static const struct store_fs_ops posix_ops = {
    .open = posix_open,
    .close = posix_close,
    .pread = posix_pread,
    .pwritev = posix_pwritev,
    .sync = posix_sync,
    .truncate = posix_truncate,
    .size = posix_size,
    .stat = posix_stat,
    .rename = posix_rename,
    .unlink = posix_unlink,
    .mkdir = posix_mkdir,
    .rmdir = posix_rmdir,
    .list = posix_list,
    .sync_dir = posix_sync_dir,
    .lock = posix_lock,
    .space = posix_space,
};

static const struct store_fs posix = {&posix_ops, NULL};

const struct store_fs *store_fs_posix(void)
{
    return &posix;
}
