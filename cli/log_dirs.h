/* The log directories of brokers, and what lies in them. */
#ifndef CLI_LOG_DIRS_H
#define CLI_LOG_DIRS_H

#include "cli/cluster.h"

struct log_dir_partition {
    struct slice topic;
    int32_t partition;
    int64_t size;
    int64_t offset_lag;
    bool is_future; /* it is on its way into this directory */
};

struct log_dir {
    struct slice path;
    enum err error;
    int64_t total_bytes; /* of the file system; −1: the broker does not tell, so `usable_bytes` */
    int64_t usable_bytes;
    struct log_dir_partition *partitions; /* by topic and number */
    int32_t partition_count;
};

struct log_dirs {
    int32_t broker;
    struct log_dir *items;
    int32_t count;
};

/* Asks a broker that the client knows. Errors: of client_call(), or the answer's as a whole.
 * Everything lives as long as client and arena. */
enum err log_dirs_describe(struct client *client, int32_t broker, struct arena *arena,
                           struct log_dirs *out) MUST_USE;

/* A replica, and the directory that it shall lie in. */
struct log_dir_move {
    struct slice topic;
    int32_t partition;
    int32_t broker;
    struct slice path;
};

/* Errors: of client_call(), or the answer's; REPLICA_NOT_AVAILABLE: the broker has no such replica
 * yet. */
enum err log_dirs_move(struct client *client, const struct log_dir_move *move) MUST_USE;

#endif
