/* Kafka's checkpoint files: "0\n<count>\n<topic> <partition> <offset>\n…" in a log directory's
 * root. The leader-epoch checkpoint of a partition has the same form with two columns and belongs
 * to store/log.h. */
#ifndef STORE_CHECKPOINT_H
#define STORE_CHECKPOINT_H

#include "base/buf.h"
#include "store/fs.h"

#define STORE_RECOVERY_POINT_FILE "recovery-point-offset-checkpoint"
#define STORE_HIGH_WATERMARK_FILE "replication-offset-checkpoint"
#define STORE_LOG_START_FILE "log-start-offset-checkpoint"
#define STORE_CLEANER_FILE "cleaner-offset-checkpoint"

/* Called per line; `topic` is borrowed and not NUL-terminated. */
typedef void store_checkpoint_fn(void *arg, struct slice topic, int32_t partition, int64_t offset);

/* Reads a checkpoint; a missing or empty file has no entries. ERR_CORRUPT with the line in `why`;
 * entries before it were reported. Kafka ends then; a broker may also start from 0, which costs a
 * longer recovery and nothing else. */
enum err store_checkpoint_read(const struct store_fs *fs, const char *path,
                               store_checkpoint_fn *each, void *arg,
                               struct store_error *why) MUST_USE;

/* Builds the content: begin, add for each, write. The buffer is the caller's. */
struct store_checkpoint {
    struct buf lines;
    uint32_t count;
};

void store_checkpoint_add(struct store_checkpoint *c, struct slice topic, int32_t partition,
                          int64_t offset);

/* Replaces the file durably (tmp, sync, rename, sync of the directory). */
enum err store_checkpoint_write(const struct store_fs *fs, const char *path,
                                const struct store_checkpoint *c, struct store_error *why) MUST_USE;
void store_checkpoint_fini(struct store_checkpoint *c);

#endif
