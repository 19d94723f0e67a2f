/* The file system as store/ sees it: every file call of the tree goes through a `struct store_fs`.
 *
 * store_fs_posix() is the real one; tests and the simulator bring their own, which lose unsynced
 * data, tear writes and run out of space on purpose. The real one may be used from any thread.
 *
 * Errors are ERR_NOT_FOUND, ERR_EXISTS, ERR_NO_SPACE (no room, no quota), ERR_BUSY (no file
 * descriptor left), ERR_LOCKED and ERR_IO for the rest. errno says more, see store_fail_errno(). */
#ifndef STORE_FS_H
#define STORE_FS_H

#include "base/buf.h"
#include "base/err.h"

/* Why a call failed: what, which file, and how to mend it. Callers that do not want it pass NULL
 * wherever a `struct store_error *` is asked for. */
enum { STORE_ERROR_MAX = 640 };

struct store_error {
    char text[STORE_ERROR_MAX];
};

/* Fills `why` (NULL allowed) and returns `e`, so that `return store_fail(why, ERR_X, …)` reads
 * well. */
enum err store_fail(struct store_error *why, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* "cannot <verb> <path>: <text of errno>", for right after a call of this file failed with `e`. */
enum err store_fail_errno(struct store_error *why, enum err e, const char *verb, const char *path);

enum store_open_flags {
    STORE_OPEN_READ = 0,       /* read only, must exist */
    STORE_OPEN_WRITE = 1 << 0, /* read and write */
    STORE_OPEN_CREATE = 1 << 1,
    STORE_OPEN_EXCLUSIVE = 1 << 2, /* with CREATE: ERR_EXISTS if it is there */
    STORE_OPEN_TRUNCATE = 1 << 3,
};

struct store_stat {
    uint64_t size;
    int64_t modified_ms; /* since 1970 */
    bool is_dir;
};

struct store_space {
    uint64_t total_bytes;
    uint64_t free_bytes; /* for us, not for root */
};

/* Memory to read into. */
struct store_room {
    uint8_t *data;
    size_t len;
};

static inline struct store_room store_room(void *data, size_t len)
{
    return (struct store_room){data, len};
}

/* Called once per name in a directory, "." and ".." left out, in no order. The directory must not
 * be changed meanwhile. */
typedef void store_list_fn(void *arg, const char *name);

struct store_fs_ops {
    enum err (*open)(void *state, const char *path, uint32_t flags, int *fd);
    void (*close)(void *state, int fd);
    enum err (*pread)(void *state, int fd, struct store_room into, uint64_t offset, size_t *got);
    enum err (*pwritev)(void *state, int fd, const struct slice *parts, size_t count,
                        uint64_t offset);
    enum err (*sync)(void *state, int fd);
    enum err (*truncate)(void *state, int fd, uint64_t size);
    enum err (*size)(void *state, int fd, uint64_t *size);
    enum err (*stat)(void *state, const char *path, struct store_stat *out);
    enum err (*rename)(void *state, const char *from, const char *to);
    enum err (*unlink)(void *state, const char *path);
    enum err (*mkdir)(void *state, const char *path);
    enum err (*rmdir)(void *state, const char *path);
    enum err (*list)(void *state, const char *path, store_list_fn *each, void *arg);
    enum err (*sync_dir)(void *state, const char *path);
    enum err (*lock)(void *state, const char *path, int *fd);
    enum err (*space)(void *state, const char *path, struct store_space *out);
};

struct store_fs {
    const struct store_fs_ops *ops;
    void *state;
};

/* The operating system's file system. */
const struct store_fs *store_fs_posix(void);

/* Opens a file; the caller closes `*fd`. With the real file system it is a file descriptor, which
 * net/ may read from too. */
enum err store_fs_open(const struct store_fs *fs, const char *path, uint32_t flags,
                       int *fd) MUST_USE;
void store_fs_close(const struct store_fs *fs, int fd);

/* Reads until `into` is full or the file ends; `*got` says how many bytes. */
enum err store_fs_pread(const struct store_fs *fs, int fd, struct store_room into, uint64_t offset,
                        size_t *got) MUST_USE;

/* Writes all parts one behind the other, in one system call where the system lets us. On an error
 * any part of the bytes may have been written, beyond the old end of the file too. */
enum err store_fs_pwritev(const struct store_fs *fs, int fd, const struct slice *parts,
                          size_t count, uint64_t offset) MUST_USE;
enum err store_fs_pwrite(const struct store_fs *fs, int fd, struct slice data,
                         uint64_t offset) MUST_USE;

/* Makes the bytes and the size of the file durable (fdatasync). After an error nobody knows what is
 * on disk, and a second call that succeeds proves nothing: give the file up. */
enum err store_fs_sync(const struct store_fs *fs, int fd) MUST_USE;

/* Cuts or extends with zeroes that take no room. */
enum err store_fs_truncate(const struct store_fs *fs, int fd, uint64_t size) MUST_USE;
enum err store_fs_size(const struct store_fs *fs, int fd, uint64_t *size) MUST_USE;
enum err store_fs_stat(const struct store_fs *fs, const char *path,
                       struct store_stat *out) MUST_USE;
bool store_fs_exists(const struct store_fs *fs, const char *path);

/* Replaces `to` at once if it is a file. */
enum err store_fs_rename(const struct store_fs *fs, const char *from, const char *to) MUST_USE;
enum err store_fs_unlink(const struct store_fs *fs, const char *path) MUST_USE;

/* One level; ERR_EXISTS if anything of that name is there. */
enum err store_fs_mkdir(const struct store_fs *fs, const char *path) MUST_USE;
enum err store_fs_rmdir(const struct store_fs *fs, const char *path) MUST_USE;
enum err store_fs_list(const struct store_fs *fs, const char *path, store_list_fn *each,
                       void *arg) MUST_USE;

/* The same, sorted, for those who change the directory meanwhile. store_names_fini() it; after an
 * error it is empty. */
struct store_names {
    char **at;
    size_t count;
};

enum err store_fs_names(const struct store_fs *fs, const char *path,
                        struct store_names *out) MUST_USE;
void store_names_fini(struct store_names *names);

/* Makes names that were created, renamed or removed in the directory durable. */
enum err store_fs_sync_dir(const struct store_fs *fs, const char *path) MUST_USE;

/* Creates the file if need be and locks it against other processes (and other opens of this one)
 * until `*fd` is closed. ERR_LOCKED: somebody has it. */
enum err store_fs_lock(const struct store_fs *fs, const char *path, int *fd) MUST_USE;
enum err store_fs_space(const struct store_fs *fs, const char *path,
                        struct store_space *out) MUST_USE;

/* The whole of a small file in a buffer of the caller's; ERR_CORRUPT if it is larger than `max`. */
enum err store_fs_read_file(const struct store_fs *fs, const char *path, size_t max,
                            struct buf *out) MUST_USE;

/* Replaces a file so that after a crash either the old or the new content is there: write
 * "<path>.tmp", sync, rename, sync the directory. With `durable` false the two syncs are left out:
 * safe against the end of the process, not of the machine. */
enum err store_fs_write_file(const struct store_fs *fs, const char *path, struct slice content,
                             bool durable) MUST_USE;

/* Removes a directory with everything in it; a missing one is no error. */
enum err store_fs_remove_tree(const struct store_fs *fs, const char *path) MUST_USE;

#endif
