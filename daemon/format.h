/* Making the log directories of a node its own, before its first start.
 *
 * Writes meta.properties into each directory, and into a controller's first one the beginning of
 * the metadata log with the voters (KIP-853). meta.properties comes last, so that a directory with
 * one is complete. Idempotent; data is never removed. */
#ifndef DAEMON_FORMAT_H
#define DAEMON_FORMAT_H

#include "base/buf.h"
#include "base/err.h"

struct settings;
struct store_fs;

/* Where a controller's quorum has its voters from; as kafka-storage. */
enum daemon_format_quorum {
    /* controller.quorum.voters, for good (kraft.version 0). */
    DAEMON_FORMAT_STATIC,
    /* This controller is the first voter, alone; others are added when it runs. */
    DAEMON_FORMAT_STANDALONE,
    /* `initial_controllers` are the first voters; every one of them is given the same text. */
    DAEMON_FORMAT_INITIAL,
    /* It joins a quorum that exists; also whoever has lost its disk. */
    DAEMON_FORMAT_JOIN,
};

struct daemon_format_options {
    const struct store_fs *fs;
    const struct settings *settings;
    struct slice cluster_id; /* 22 characters of URL-safe base64, not beginning with '-' */
    enum daemon_format_quorum quorum;
    const char *initial_controllers; /* "id@host:port:directory-id,…" */
    /* The feature levels that the cluster begins with; every controller must be given the same, as
     * the first one that leads decides. Neither: the highest that are for production. */
    const char *release_version; /* "4.0", "3.9-IV0"; NULL: not said */
    const char *const *features; /* "group.version=0" */
    int feature_count;
    /* Told a line for each directory: formatted, or formatted already. May be NULL. */
    void (*tell)(void *arg, const char *line);
    void *arg;
};

/* Errors: ERR_CONFIG (settings, cluster id or voters), ERR_EXISTS (a directory of another cluster
 * or node, or a half-formatted one), ERR_IO, ERR_NO_SPACE, ERR_CORRUPT; `why` has a sentence that
 * says what, where and how to mend it. */
enum err daemon_format(const struct daemon_format_options *options, struct buf *why) MUST_USE;

#endif
