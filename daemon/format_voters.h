/* The first voters of a quorum, for format.c. */
#ifndef DAEMON_FORMAT_VOTERS_H
#define DAEMON_FORMAT_VOTERS_H

#include "base/arena.h"
#include "daemon/format.h"
#include "raft/node/node.h"

struct format_voters {
    struct node_voter *items; /* all of the arena's; none: static, or to be learned */
    int count;
    /* The directory of this node's metadata log: of its entry, or a new one. */
    struct uuid directory_id;
};

/* What `options` and the settings say of them, for controller `node_id`. Errors: ERR_CONFIG with a
 * sentence in `why`. */
enum err format_voters_read(const struct daemon_format_options *options, int32_t node_id,
                            struct arena *arena, struct format_voters *out,
                            struct buf *why) MUST_USE;

#endif
