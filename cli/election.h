/* Elections of partition leaders (KIP-183, KIP-460). */
#ifndef CLI_ELECTION_H
#define CLI_ELECTION_H

#include "cli/admin.h"
#include "cli/group.h"

struct election_row {
    struct slice topic;
    int32_t partition;
    struct admin_result result; /* ELECTION_NOT_NEEDED: that leader leads already */
};

struct election {
    bool is_unclean; /* a replica that is not in sync may lead; else the preferred one shall */
    const struct group_partitions *partitions; /* NULL: all */
    struct election_row *rows;                 /* the answer */
    int32_t count;
};

/* Errors: of admin_call(), or the answer's as a whole; rows come from the arena. */
enum err election_hold(struct client *client, struct arena *arena,
                       struct election *election) MUST_USE;

#endif
