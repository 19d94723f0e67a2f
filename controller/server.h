/* One controller: its node of the quorum, its listeners, its APIs.
 *
 *     struct controller_server_options options = {.loop = loop, .fs = fs, .settings = settings, …};
 *     TRY(controller_server_new(&options, &server, &why));   opens the log, binds the ports
 *     controller_server_start(server);
 *     … the loop runs …
 *     controller_server_stop(server, done, arg);    hands leadership over first
 *     controller_server_free(server);
 *
 * Everything runs on one loop, without globals, so that several controllers can live in one
 * process. */
#ifndef CONTROLLER_SERVER_H
#define CONTROLLER_SERVER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

struct controller_server;
struct metadata_image;
struct net_loop;
struct node;
struct settings;
struct store_fs;

/* All pointers must outlive the server. */
struct controller_server_options {
    struct net_loop *loop;
    const struct store_fs *fs;
    const struct settings *settings;
    struct log *log;
    uint64_t seed; /* of timers, placement and ids; differs between nodes and between runs */
    /* The server cannot go on (disk failure, a log that cannot be replayed); the process must end.
     * May be NULL. */
    void (*failed)(void *arg, const char *what);
    void *arg;
};

/* Errors: ERR_CONFIG, ERR_ADDRESS_IN_USE, ERR_LOCKED, ERR_IO, ERR_CORRUPT; `why` has one sentence
 * for the operator. */
enum err MUST_USE controller_server_new(const struct controller_server_options *options,
                                        struct controller_server **out, struct buf *why);

/* Begins to take part in the quorum and to answer. */
void controller_server_start(struct controller_server *server);

/* Leaves in order: an active controller resigns and names its successors. `done` is called once,
 * within 5 s. Requests are answered until then. */
void controller_server_stop(struct controller_server *server, void (*done)(void *arg), void *arg);

/* At any time, without ado. Before the loop is freed. NULL is allowed. */
void controller_server_free(struct controller_server *server);

/* ---- for tests and status ---- */

/* The port of the first listener. */
int controller_server_port(const struct controller_server *server);

/* Is this the active controller? */
bool controller_server_is_active(const struct controller_server *server);

/* The committed image, borrowed until the loop turns. */
const struct metadata_image *controller_server_image(const struct controller_server *server);

/* Its member of the quorum (raft/node/node.h). */
struct node *controller_server_node(const struct controller_server *server);

#endif
