/* What a member asks its coordinator, one call at a time; inner header of member.h. */
#ifndef CLI_MEMBER_CALLS_H
#define CLI_MEMBER_CALLS_H

#include "cli/member.h"
#include "cli/range.h"

enum member_state {
    MEMBER_UNJOINED,
    MEMBER_JOINING,   /* JoinGroup is sent */
    MEMBER_SYNCING,   /* SyncGroup is sent */
    MEMBER_FETCHING,  /* the assignment is known, its offsets are asked for */
    MEMBER_STABLE,    /* reading */
    MEMBER_REJOINING, /* the group changes: what was read is committed */
};

enum member_call {
    MEMBER_JOIN,
    MEMBER_SYNC,
    MEMBER_OFFSETS,
    MEMBER_HEARTBEAT,
    MEMBER_COMMIT,
    MEMBER_METADATA,
    MEMBER_LEAVE,
};

struct member {
    struct member_options options;
    struct net_loop *loop;
    enum member_state state;
    int32_t coordinator; /* −1: not known */
    char *id;            /* NULL: the coordinator gives one */
    int32_t generation;

    /* ---- the call under way, or its answer ---- */
    enum member_call sent;
    struct net_call *call;
    bool is_answered;
    enum err error;
    int64_t pause_until_ms;

    /* ---- of this generation ---- */
    struct arena joined;
    const struct slice *topics; /* subscribed to */
    int32_t topic_count;
    bool is_leader;
    struct range_member *members; /* as the leader is told */
    int32_t member_count;
    uint64_t fingerprint; /* of the topics that the leader assigned; 0: this is not the leader */
    bool lacks_topics;    /* some of them have no partitions yet */
    bool is_changed;      /* they are others now */

    struct arena assigned;
    struct member_partition *partitions;
    int32_t partition_count;
    bool is_assigned; /* the owner knows of them */

    /* ---- when it is due ---- */
    int64_t heartbeat_ms;
    int64_t commit_ms;
    int64_t metadata_ms;
};

/* Does the pattern of the member mean this topic? */
bool member_subscribes(const struct member *m, struct slice topic);

/* Each sends a call. In the end `is_answered` is true, `error` says how it went, and what the
 * answer tells is in the member. */
void member_send_join(struct member *m);
void member_send_sync(struct member *m);
void member_send_offset_fetch(struct member *m);
void member_send_heartbeat(struct member *m);
void member_send_commit(struct member *m);
void member_send_metadata(struct member *m);
void member_send_leave(struct member *m);

/* The leader's part: gives every member its partitions. Asks for metadata. Errors: of
 * client_call(). */
enum err member_assign(struct member *m) MUST_USE;

#endif
