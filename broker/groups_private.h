/* What the files of broker/groups.h share: hosts of shards and requests in flight. */
#ifndef BROKER_GROUPS_PRIVATE_H
#define BROKER_GROUPS_PRIVATE_H

#include "base/map.h"
#include "broker/group/group.h"
#include "broker/groups.h"
#include "wire/wire.h"

#define OFFSETS_TOPIC "__consumer_offsets"

/* One led partition of __consumer_offsets. */
struct group_host {
    struct broker_groups *groups;
    struct uuid topic_id;
    int32_t partition;
    struct group_shard *shard;
    int64_t load_at; /* next offset to replay */
    int64_t load_end;
    int64_t load_began_ms;
    struct net_timer load_timer;   /* set while loading: the next piece */
    struct replica_ack epoch_ack;  /* waits until everything before this epoch is committed */
    struct list appends;           /* struct group_open_append */
    struct group_effects *obeying; /* effects whose appends are being written; NULL: none */
    struct net_timer timer;        /* the shard's deadline */
};

struct broker_groups {
    struct broker *broker;
    struct map hosts; /* struct group_host, by partition */
    struct group_config config;
};

/* A request that a shard has; given back with the reply. In the request's arena, usually as a part
 * of what its API wants to remember. */
struct group_token {
    struct net_request *req;
    /* Answers with what the shard says, struct wire_…_response; NULL: as it is. */
    void (*reply)(struct group_token *token, const void *body);
};

/* Gives `body`, a request of the API and version of token->req, to the group's shard, or refuses it
 * with NOT_COORDINATOR. */
void broker_groups_submit(struct broker *broker, struct group_token *token, struct slice group_id,
                          const void *body);

/* The host of a group's partition, or NULL: not led here. */
struct group_host *group_host_of(struct broker_groups *groups, struct slice group_id);

struct group_time group_now(struct broker *broker);

/* groups_effects.c: obeys `out` and clears it. */
void group_host_obey(struct group_host *host, struct group_effects *out);

/* Drops appends whose fate nobody will report any more. */
void group_host_drop_appends(struct group_host *host);

/* groups_load.c: replays the partition, some at a time; then the shard is active. */
void group_host_load(struct group_host *host, struct replica *r);
void group_host_load_stop(struct group_host *host);

#endif
