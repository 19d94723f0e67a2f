/* OffsetDelete (KIP-496): the shard sees the partitions that exist; the others are refused here. */
#include "broker/api/api.h"
#include "broker/groups_private.h"

#define ANSWER struct wire_offset_delete_response_topics

struct offset_deletion {
    struct group_token token;
    ANSWER *refused; /* with one partition each */
    int32_t refused_count;
};

static void refuse_partition(struct offset_deletion *deletion, struct slice topic, int32_t index)
{
    struct arena *arena = &deletion->token.req->arena;
    ANSWER *out = &deletion->refused[deletion->refused_count++];
    out->name = arena_dup(arena, topic);
    out->partitions = wire_new_array(&wire_msg_offset_delete_response_topics_partitions, arena, 1);
    out->partitions_count = 1;
    out->partitions[0].partition_index = index;
    out->partitions[0].error_code = ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static void check_topic(const struct broker *broker, struct offset_deletion *deletion,
                        struct wire_offset_delete_request_topics *topic)
{
    const struct metadata_topic *known = metadata_topic_by_name(broker->image, topic->name);
    int32_t kept = 0;
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        int32_t index = topic->partitions[i].partition_index;
        if (known != NULL && index >= 0 && index < known->partition_count) {
            topic->partitions[kept++] = topic->partitions[i];
        } else {
            refuse_partition(deletion, topic->name, index);
        }
    }
    topic->partitions_count = kept;
}

static void check_topics(const struct broker *broker, struct offset_deletion *deletion,
                         struct wire_offset_delete_request *request)
{
    int32_t partitions = 0;
    for (int32_t i = 0; i < request->topics_count; i++) {
        partitions += request->topics[i].partitions_count;
    }
    deletion->refused = wire_new_array(&wire_msg_offset_delete_response_topics,
                                       &deletion->token.req->arena, partitions);
    int32_t kept = 0;
    for (int32_t i = 0; i < request->topics_count; i++) {
        check_topic(broker, deletion, &request->topics[i]);
        if (request->topics[i].partitions_count > 0) {
            request->topics[kept++] = request->topics[i];
        }
    }
    request->topics_count = kept;
}

/* Puts the refused partitions back, unless the whole request was refused. */
static void reply(struct group_token *token, const void *body)
{
    const struct offset_deletion *deletion = container_of(token, struct offset_deletion, token);
    struct wire_offset_delete_response answer = *(const struct wire_offset_delete_response *)body;
    if (answer.error_code == ERR_NONE) {
        int32_t count = answer.topics_count + deletion->refused_count;
        ANSWER *topics =
            wire_new_array(&wire_msg_offset_delete_response_topics, &token->req->arena, count);
        for (int32_t i = 0; i < count; i++) {
            topics[i] = i < answer.topics_count ? answer.topics[i]
                                                : deletion->refused[i - answer.topics_count];
        }
        answer.topics = topics;
        answer.topics_count = count;
    }
    net_reply(token->req, &answer);
}

void broker_api_offset_delete(void *broker, struct net_request *req)
{
    struct wire_offset_delete_request *request = req->body;
    struct offset_deletion *deletion = ARENA_NEW(&req->arena, struct offset_deletion);
    deletion->token.req = req;
    check_topics(broker, deletion, request);
    deletion->token.reply = deletion->refused_count > 0 ? reply : NULL;
    broker_groups_submit(broker, &deletion->token, request->group_id, request);
}
