/* OffsetCommit: the shard sees the partitions that exist; the others are refused here. */
#include "broker/api/api.h"
#include "broker/groups_private.h"

enum { COMMIT_VERSION_IDS = 10 };

/* A partition that no shard sees, because it does not exist. */
struct refused {
    struct slice topic;
    struct uuid topic_id;
    int32_t partition;
    enum err error;
};

struct commit {
    struct group_token token;
    struct refused *refused;
    int refused_count;
};

static void refuse_partition(struct commit *commit,
                             const struct wire_offset_commit_request_topics *topic, int32_t i,
                             enum err e)
{
    commit->refused[commit->refused_count++] =
        (struct refused){.topic = arena_dup(&commit->token.req->arena, topic->name),
                         .topic_id = topic->topic_id,
                         .partition = topic->partitions[i].partition_index,
                         .error = e};
}

/* Keeps the partitions that exist; none of them if `known` is NULL: `e` says what is wrong with the
 * topic. */
static void check_partitions(struct commit *commit, const struct metadata_topic *known,
                             struct wire_offset_commit_request_topics *topic, enum err e)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        int32_t index = topic->partitions[i].partition_index;
        if (known != NULL && index >= 0 && index < known->partition_count) {
            topic->partitions[kept++] = topic->partitions[i];
        } else {
            refuse_partition(commit, topic, i, known == NULL ? e : ERR_UNKNOWN_TOPIC_OR_PARTITION);
        }
    }
    topic->partitions_count = kept;
}

/* Keeps what exists: an offset of anything else would stay until it expires. Names topics that are
 * given by id (version 10). */
static void check_topics(struct broker *broker, struct commit *commit,
                         struct wire_offset_commit_request *request)
{
    struct net_request *req = commit->token.req;
    bool by_id = req->header.api_version >= COMMIT_VERSION_IDS;
    size_t partitions = 0;
    for (int32_t i = 0; i < request->topics_count; i++) {
        partitions += (size_t)max_i64(0, request->topics[i].partitions_count);
    }
    commit->refused = ARENA_ARRAY(&req->arena, partitions, struct refused);
    int32_t kept = 0;
    for (int32_t i = 0; i < request->topics_count; i++) {
        struct wire_offset_commit_request_topics *topic = &request->topics[i];
        const struct metadata_topic *known =
            by_id ? metadata_topic_by_id(broker->image, topic->topic_id)
                  : metadata_topic_by_name(broker->image, topic->name);
        check_partitions(commit, known, topic,
                         by_id ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION);
        if (topic->partitions_count > 0) {
            request->topics[kept] = *topic;
            request->topics[kept++].name = known->name;
        }
    }
    request->topics_count = kept;
}

/* Puts the refused partitions back into the answer. */
static void reply(struct group_token *token, const void *body)
{
    const struct commit *commit = container_of(token, struct commit, token);
    struct arena *arena = &token->req->arena;
    struct wire_offset_commit_response answer = *(const struct wire_offset_commit_response *)body;
    int32_t count = answer.topics_count + commit->refused_count;
    struct wire_offset_commit_response_topics *topics =
        wire_new_array(&wire_msg_offset_commit_response_topics, arena, count);
    for (int32_t i = 0; i < answer.topics_count; i++) {
        topics[i] = answer.topics[i];
    }
    for (int32_t i = 0; i < commit->refused_count; i++) {
        const struct refused *refused = &commit->refused[i];
        struct wire_offset_commit_response_topics *topic = &topics[answer.topics_count + i];
        topic->name = refused->topic;
        topic->topic_id = refused->topic_id;
        topic->partitions =
            wire_new_array(&wire_msg_offset_commit_response_topics_partitions, arena, 1);
        topic->partitions_count = 1;
        topic->partitions[0].partition_index = refused->partition;
        topic->partitions[0].error_code = err_wire(refused->error);
    }
    answer.topics = topics;
    answer.topics_count = count;
    net_reply(token->req, &answer);
}

void broker_api_offset_commit(void *broker, struct net_request *req)
{
    struct wire_offset_commit_request *request = req->body;
    struct commit *commit = ARENA_NEW(&req->arena, struct commit);
    commit->token.req = req;
    check_topics(broker, commit, request);
    commit->token.reply = commit->refused_count > 0 ? reply : NULL;
    broker_groups_submit(broker, &commit->token, request->group_id, request);
}
