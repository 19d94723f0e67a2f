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

struct daemon_format_options {
    const struct store_fs *fs;
    const struct settings *settings;
    struct slice cluster_id; /* 22 characters of URL-safe base64, not beginning with '-' */
    /* Told a line for each directory: formatted, or formatted already. May be NULL. */
    void (*tell)(void *arg, const char *line);
    void *arg;
};

/* Errors: ERR_CONFIG (settings or cluster id), ERR_EXISTS (a directory of another cluster or node,
 * or a half-formatted one), ERR_IO, ERR_NO_SPACE, ERR_CORRUPT; `why` has a sentence that says what,
 * where and how to mend it. */
enum err daemon_format(const struct daemon_format_options *options, struct buf *why) MUST_USE;

#endif
