/* JSON files that list partitions, as Kafka's tools take them:
 *
 *     {"version": 1, "partitions": [{"topic": "orders", "partition": 0, …}, …]}
 *
 * What else stands in an item depends on what the file is for. */
#ifndef CLI_PARTITION_FILE_H
#define CLI_PARTITION_FILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum partition_file_needs {
    PARTITION_FILE_OFFSET = 1,   /* "offset": 7 */
    PARTITION_FILE_REPLICAS = 2, /* "replicas": [1, 2]; perhaps "log_dirs": ["any", "/data"] */
};

struct partition_file_item {
    struct slice topic;
    int32_t partition;
    int64_t offset;
    int32_t *replicas;
    int32_t replica_count;
    struct slice *log_dirs; /* one for each replica; NULL: the file does not say */
};

struct partition_file {
    struct partition_file_item *items;
    int32_t count;
};

/* Reads a file. Everything comes from the arena. Errors: INVALID_REQUEST with a sentence in `why`
 * that begins with its path. */
enum err partition_file_load(const char *path, unsigned needs, struct arena *arena,
                             struct partition_file *out, struct buf *why) MUST_USE;

/* An item whose partition stands in the file before, too; NULL: none does. */
const struct partition_file_item *partition_file_duplicate(const struct partition_file *file);

#endif
