/* The broker that coordinates a consumer group, and what it does for the group. */
#ifndef CLI_COORDINATOR_H
#define CLI_COORDINATOR_H

#include "cli/admin.h"

struct coordinator_call {
    struct slice group;
    int16_t api;
    int16_t version;
    const void *request;
};

/* Finds the coordinator, which the client knows from then on. Errors: of client_call(), or the
 * answer's. */
enum err coordinator_find(struct client *client, struct slice group, int32_t *out) MUST_USE;

/* Asks the coordinator, once. When the answer's error is one that admin_retry() takes, ask again:
 * the coordinator is looked for anew. */
enum err coordinator_call(struct client *client, const struct coordinator_call *call,
                          const void **response) MUST_USE;

/* An offset to commit, or to forget. */
struct coordinator_offset {
    struct slice topic;
    int32_t partition;
    int64_t offset;
    struct slice metadata; /* null: none */
    enum err error;        /* how it ended */
};

/* Commits offsets of a group without members; each has its error. Errors: of coordinator_call(). */
enum err coordinator_commit(struct client *client, struct slice group,
                            struct coordinator_offset *items, int32_t count) MUST_USE;

/* Forgets offsets. Errors: of coordinator_call(), or the answer's; else each has its own. */
enum err coordinator_forget(struct client *client, struct slice group,
                            struct coordinator_offset *items, int32_t count) MUST_USE;

/* Removes a group without members. Errors: of coordinator_call(), or the answer's. */
enum err coordinator_delete_group(struct client *client, struct slice group) MUST_USE;

#endif
