/* What both daemons do around their server: command line, settings file, log, signals, exit code.
 *
 * A daemon's main() describes itself in a `struct daemon_program` and calls daemon_main(). The
 * server runs on one loop; SIGTERM and SIGINT stop it in order, a second one at once. With
 * craft.format.cluster.id set, for development, an empty directory is formatted first (format.h).
 * Servers write snapshots of their metadata with snapshots.h.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "daemon/format.h"

struct arena;
struct net_loop;
struct settings;
struct store_fs;

/* Exit codes: a supervisor may restart after FAILED, but not after USAGE. */
enum { DAEMON_OK = 0, DAEMON_FAILED = 1, DAEMON_USAGE = 2 };

/* What a server is made from. All pointers outlive it. */
struct daemon_context {
    struct net_loop *loop;
    const struct store_fs *fs;
    const struct settings *settings;
    struct log *log;
    uint64_t seed; /* differs between processes */
    /* To be called by a server that cannot go on: the process ends with DAEMON_FAILED. */
    void (*failed)(void *arg, const char *what);
    void *arg;
};

struct daemon_program {
    const char *name;    /* "craft-broker" */
    const char *summary; /* one sentence for --help */
    /* Errors go to stderr as one line, `why`; ERR_CONFIG exits with DAEMON_USAGE. */
    enum err (*new_server)(const struct daemon_context *context, void **server, struct buf *why);
    void (*start)(void *server);
    void (*stop)(void *server, void (*done)(void *arg), void *arg);
    void (*free_server)(void *server);
};

/* Where the metadata log is: metadata.log.dir, else the first of log.dirs, else log.dir; NULL: none
 * is set. Of the arena. */
char *daemon_metadata_dir(const struct settings *settings, struct arena *arena);

/* Runs until the server has stopped; returns the exit code. */
int daemon_main(const struct daemon_program *program, int argc, char **argv);

#endif
