/* A member of a consumer group, by the classic protocol: joins, computes the assignment if it is
 * the group's leader, sends heartbeats, commits, joins again when the group changes, leaves.
 *
 *     member_step(member);                again and again, between steps of the loop
 *     member_leave(member);               commits and leaves
 *
 * The assignor is "range", which every client has; a group whose members have another one in common
 * only refuses it. All callbacks come from member_step() and member_leave(). */
#ifndef CLI_MEMBER_H
#define CLI_MEMBER_H

#include "cli/cluster.h"
#include "cli/pattern.h"

struct member;

struct member_partition {
    struct slice topic;
    int32_t partition;
    int64_t committed; /* −1: nothing is */
};

/* Borrowed; they must stay. */
struct member_options {
    struct cli *cli; /* for complaints */
    struct cluster *cluster;
    struct slice group;
    const struct slice *topics;
    int32_t topic_count;
    const struct pattern *pattern; /* in place of topics: all that match, but for internal ones */
    int64_t session_timeout_ms;
    int64_t heartbeat_ms;
    int64_t rebalance_timeout_ms; /* others wait so long for a member that does not join again */
    int64_t commit_ms;            /* −1: nothing is ever committed */
    int64_t metadata_ms;          /* how often to look for new topics and partitions */
    /* The partitions are the member's now. */
    void (*assigned)(void *arg, const struct member_partition *partitions, int32_t count);
    /* No partition is the member's any more; nothing may be read until `assigned`. */
    void (*revoked)(void *arg);
    /* The offset to commit: that of the next record; −1: none. */
    int64_t (*position)(void *arg, struct slice topic, int32_t partition);
    void *arg;
};

struct member *member_new(const struct member_options *options);

/* Without leaving: the group finds out after the session timeout. NULL is allowed. */
void member_free(struct member *member);

/* Does what is due. Not to be called by a callback of the loop. Errors: why the group cannot be
 * joined, or not be stayed in; the complaint is printed. */
enum err member_step(struct member *member) MUST_USE;

/* Commits and leaves the group; waits at most `wait_ms`. The member is only to be freed then. */
void member_leave(struct member *member, int64_t wait_ms);

#endif
