/* A whole cluster on one loop of one process, for development: `craft dev`.
 *
 *     struct dev_options options = {.loop = loop, .dir = dir, .controllers = 1, .brokers = 1, …};
 *     TRY(dev_cluster_new(&options, &cluster, &why));    formats what is new, binds the ports
 *     dev_cluster_start(cluster);                        `ready` is called when all brokers serve
 *     … the loop runs …
 *     dev_cluster_stop(cluster, done, arg);              brokers first, then controllers
 *     dev_cluster_free(cluster);
 *
 * The nodes are the same as in daemons and speak to each other over loopback. Ports are chosen by
 * the system the first time and kept in the directory (state.h). */
#ifndef DEV_CLUSTER_H
#define DEV_CLUSTER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

struct net_loop;
struct dev_cluster;

enum { DEV_NODES_MAX = 15 }; /* of each kind */

/* All pointers must outlive the cluster. */
struct dev_options {
    struct net_loop *loop;
    struct log *log;
    const char *dir; /* must exist */
    int controllers;
    int brokers;
    const char *const *overrides; /* "name=value" settings of every node, ended by NULL */
    uint64_t seed;
    void (*ready)(void *arg); /* every broker serves */
    void (*failed)(void *arg, const char *what);
    void *arg;
};

/* Errors: ERR_CONFIG (an override, or a directory of a cluster of another shape),
 * ERR_ADDRESS_IN_USE, ERR_LOCKED, ERR_IO, …; `why` has one sentence. */
enum err MUST_USE dev_cluster_new(const struct dev_options *options, struct dev_cluster **out,
                                  struct buf *why);
void dev_cluster_start(struct dev_cluster *cluster);
void dev_cluster_stop(struct dev_cluster *cluster, void (*done)(void *arg), void *arg);

/* NULL is allowed. */
void dev_cluster_free(struct dev_cluster *cluster);

/* "127.0.0.1:PORT,…" of all brokers, of all controllers; valid for the cluster's life. */
const char *dev_cluster_brokers(const struct dev_cluster *cluster);
const char *dev_cluster_controllers(const struct dev_cluster *cluster);

#endif
