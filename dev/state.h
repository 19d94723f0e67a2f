/* What a development cluster must know again when it is started on the same directory: its id, its
 * shape and its ports; kept in DIR/dev.state, one "name=value" a line. Private to dev/. */
#ifndef DEV_STATE_H
#define DEV_STATE_H

#include "base/uuid.h"
#include "dev/cluster.h"

struct store_fs;

struct dev_state {
    bool is_new; /* nothing was there */
    struct uuid cluster_id;
    int controllers;
    int brokers;
    int controller_ports[DEV_NODES_MAX];
    int broker_ports[DEV_NODES_MAX];          /* 0: not known yet */
    struct uuid directory_ids[DEV_NODES_MAX]; /* of the controllers: the first voters */
};

/* Reads it; a directory without one gets a new id. Errors: ERR_CORRUPT, ERR_IO. */
enum err MUST_USE dev_state_read(const struct store_fs *fs, const char *dir, struct dev_state *out,
                                 struct buf *why);
enum err MUST_USE dev_state_write(const struct store_fs *fs, const char *dir,
                                  const struct dev_state *state, struct buf *why);

#endif
