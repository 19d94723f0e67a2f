/* A whole broker on one loop: construction in order, shutdown in order.
 *
 *     TRY(broker_server_new(&options, &server, &why));
 *     broker_server_start(server);
 *     … the loop runs …
 *     broker_server_stop(server, done, arg);   controlled shutdown, logs closed cleanly
 *     broker_server_free(server);
 *
 * No globals: several brokers can run in one process. */
#ifndef BROKER_SERVER_H
#define BROKER_SERVER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/uuid.h"

struct broker_server;
struct metadata_image;
struct net_loop;
struct node;
struct partition;
struct settings;
struct store_fs;
struct store_log;

/* All pointers must outlive the server. */
struct broker_server_options {
    struct net_loop *loop;
    const struct store_fs *fs;
    const struct settings *settings;
    struct log *log;
    uint64_t seed;
    /* The broker cannot go on; the process must end. */
    void (*failed)(void *arg, const char *what);
    void *arg;
};

/* Reads and checks everything, locks the directory, recovers the metadata log, binds the ports.
 * Errors: ERR_CONFIG, ERR_ADDRESS_IN_USE, ERR_LOCKED, ERR_IO, ERR_CORRUPT; `why` has one sentence
 * for the operator. */
enum err broker_server_new(const struct broker_server_options *options, struct broker_server **out,
                           struct buf *why) MUST_USE;

void broker_server_start(struct broker_server *server);

/* Controlled shutdown, then closes all logs; `done` is called once. */
void broker_server_stop(struct broker_server *server, void (*done)(void *arg), void *arg);

/* NULL is allowed. Without broker_server_stop() before it, this is a crash as far as the disk is
 * concerned. */
void broker_server_free(struct broker_server *server);

/* Unfenced once, and so its listeners are open. */
bool broker_server_is_serving(const struct broker_server *server);

/* The port of the first listener, for tests that let the system choose. */
int broker_server_port(const struct broker_server *server);

/* ---- what is inside, for simulations; to be read only ---- */

/* One partition hosted here. Everything is borrowed until the loop turns. */
struct broker_server_partition {
    struct uuid topic_id;
    const char *topic;
    int32_t index;
    const struct partition *state; /* broker/partition/partition.h */
    struct store_log *log;         /* NULL: offline */
};

/* One after the other; start with *at = 0, false ends. */
bool broker_server_partition_next(const struct broker_server *server, size_t *at,
                                  struct broker_server_partition *out);

/* False: not hosted here. */
bool broker_server_partition_find(const struct broker_server *server, struct uuid topic_id,
                                  int32_t index, struct broker_server_partition *out);

/* The observer of the metadata log (raft/node/node.h). */
struct node *broker_server_node(const struct broker_server *server);

/* As published to all parts; NULL before the first publication. */
const struct metadata_image *broker_server_image(const struct broker_server *server);

/* The broker epoch; −1: not registered yet. */
int64_t broker_server_epoch(const struct broker_server *server);

#endif
