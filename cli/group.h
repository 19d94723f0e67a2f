/* What a cluster knows of consumer groups, of the classic and of the new protocol (KIP-848). */
#ifndef CLI_GROUP_H
#define CLI_GROUP_H

#include "cli/cluster.h"

struct group_partition {
    struct slice topic;
    int32_t partition;
};

/* By topic and number. */
struct group_partitions {
    struct group_partition *items;
    int32_t count;
};

struct group_member {
    struct slice id;
    struct slice instance_id; /* null: none */
    struct slice client_id;
    struct slice host;
    struct group_partitions assigned;
    struct group_partitions target; /* what it shall have; as `assigned` in a classic group */
    int32_t epoch;                  /* −1: of a classic group */
};

/* A partition that the group has committed an offset of, or that a member consumes. */
struct group_offset {
    struct slice topic;
    int32_t partition;
    int64_t committed;    /* −1: none */
    int32_t leader_epoch; /* −1: none */
    int64_t log_end;      /* −1: not known */
    enum err error;       /* why not */
    struct slice metadata;
    const struct group_member *member; /* NULL: nobody */
};

struct group {
    struct slice name;
    const char *type; /* "classic", "consumer" */
    struct slice state;
    struct slice protocol_type;
    struct slice assignor;
    int32_t coordinator;
    int32_t epoch; /* −1: of a classic group */
    int32_t assignment_epoch;
    struct group_member *members;
    int32_t member_count;
    struct group_offset *offsets; /* by topic and partition */
    int32_t offset_count;
    struct slice message; /* the coordinator's, when it does not know the group; or null */
};

/* The partitions that a member was given, by the embedded protocol of consumers; nothing if the
 * bytes are of another protocol. Arrays come from the arena. Pure. */
void group_assignment(struct slice bytes, struct arena *arena,
                      struct wire_consumer_protocol_assignment *out);

/* State and members. A group that does not exist is GROUP_ID_NOT_FOUND. Everything lives as long as
 * client and arena. */
enum err group_describe(struct client *client, struct slice name, struct arena *arena,
                        struct group *out) MUST_USE;

/* Adds offsets: what is committed and what members have, and (with a cluster) where logs end. */
enum err group_add_offsets(struct client *client, struct arena *arena,
                           struct group *group) MUST_USE;
enum err group_add_log_ends(struct cluster *cluster, struct arena *arena,
                            struct group *group) MUST_USE;

/* All of it. */
enum err group_find(struct cluster *cluster, struct slice name, struct arena *arena,
                    struct group *out) MUST_USE;

/* ---- lists ---- */

struct group_listing {
    struct slice name;
    struct slice type; /* "" if the broker does not tell, so is the state */
    struct slice state;
    struct slice protocol_type;
    int32_t coordinator;
};

struct group_list {
    const struct slice *states; /* only groups in these; none: all */
    int32_t state_count;
    const struct slice *types;
    int32_t type_count;
    struct group_listing *items; /* the answer, by name */
    int32_t count;
    int32_t failed_broker; /* −1, or one that could not be asked */
};

/* Asks every broker: each knows the groups that it coordinates. Errors: of client_call(), or an
 * answer's; `items` has what came nevertheless. */
enum err group_list(struct client *client, struct arena *arena, struct group_list *list) MUST_USE;

/* ---- printing ---- */

enum group_view { GROUP_ALL, GROUP_MEMBERS, GROUP_OFFSETS };

void group_print(const struct group *group, enum group_view view, enum table_format format,
                 struct buf *out);

/* Complains about a group; returns CLI_FAILED. */
enum cli_exit group_fail(const struct cli *cli, const struct client *client, const char *name,
                         enum err e);

/* "orders:0,1 clicks:2"; "" for none. */
void group_put_partitions(const struct group_partitions *partitions, struct buf *out);

#endif
