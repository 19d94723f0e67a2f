/* Names in a log directory's root: "<topic>-<partition>", and the same with
 * ".<32 hex digits>-delete", "-future" (moving between disks) or "-stray" (not ours any more). */
#ifndef STORE_DIR_H
#define STORE_DIR_H

#include "base/uuid.h"
#include "store/fs.h"

enum store_dir_kind {
    STORE_DIR_PARTITION,
    STORE_DIR_DELETE, /* to be removed: store_fs_remove_tree() */
    STORE_DIR_FUTURE,
    STORE_DIR_STRAY,
    STORE_DIR_UNKNOWN, /* a directory, but no partition: Kafka refuses to start, we leave it alone
                        */
};

enum { STORE_TOPIC_MAX = 249, STORE_NAME_MAX = 255 };

struct store_dir_name {
    enum store_dir_kind kind;
    char topic[STORE_NAME_MAX + 1]; /* of DELETE it may be cut short */
    int32_t partition;
};

/* Parses the name of a directory; the last dash before the number counts. */
void store_dir_parse(const char *name, struct store_dir_name *out);

/* "<topic>-<partition>" into `out`. */
struct store_dir_text {
    char text[STORE_NAME_MAX + 1];
};
struct store_dir_text store_dir_format(struct slice topic, int32_t partition);

/* The name with a suffix of DELETE, FUTURE or STRAY; the topic is cut so that it fits 255 bytes. */
struct store_dir_text store_dir_format_as(const struct store_dir_name *name,
                                          enum store_dir_kind kind, struct uuid unique);

/* Calls `each` for every directory in `root`, in the order of names. */
typedef void store_dir_fn(void *arg, const char *path, const struct store_dir_name *name);
enum err store_dir_scan(const struct store_fs *fs, const char *root, store_dir_fn *each,
                        void *arg) MUST_USE;

#endif
