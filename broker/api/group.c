/* The group APIs: find the shard, give it the request; queries are answered at once. */
#include "broker/api/api.h"
#include "broker/api/operations.h"
#include "broker/groups_private.h"

enum { COMMIT_VERSION_IDS = 10, FETCH_VERSION_BATCHED = 8 };

/* ---- requests that a shard decides ---- */

static struct slice group_id_of(const struct net_request *req)
{
    switch (req->header.api_key) {
    case WIRE_API_JOIN_GROUP:
        return ((const struct wire_join_group_request *)req->body)->group_id;
    case WIRE_API_SYNC_GROUP:
        return ((const struct wire_sync_group_request *)req->body)->group_id;
    case WIRE_API_HEARTBEAT:
        return ((const struct wire_heartbeat_request *)req->body)->group_id;
    case WIRE_API_LEAVE_GROUP:
        return ((const struct wire_leave_group_request *)req->body)->group_id;
    case WIRE_API_OFFSET_COMMIT:
        return ((const struct wire_offset_commit_request *)req->body)->group_id;
    default:
        UNREACHABLE();
    }
}

static void refuse_partition(struct group_token *token,
                             const struct wire_offset_commit_request_topics *topic, int32_t i,
                             enum err e)
{
    token->refused[token->refused_count++] =
        (struct group_refused){.topic = arena_dup(&token->req->arena, topic->name),
                               .topic_id = topic->topic_id,
                               .partition = topic->partitions[i].partition_index,
                               .error = e};
}

/* Keeps the partitions that exist; none of them if `known` is NULL: `e` says what is wrong with the
 * topic. */
static void check_partitions(struct group_token *token, const struct metadata_topic *known,
                             struct wire_offset_commit_request_topics *topic, enum err e)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        int32_t index = topic->partitions[i].partition_index;
        if (known != NULL && index >= 0 && index < known->partition_count) {
            topic->partitions[kept++] = topic->partitions[i];
        } else {
            refuse_partition(token, topic, i, known == NULL ? e : ERR_UNKNOWN_TOPIC_OR_PARTITION);
        }
    }
    topic->partitions_count = kept;
}

/* Keeps what exists: an offset of anything else would stay until it expires. Names topics that are
 * given by id (version 10). */
static void check_topics(struct broker *broker, struct group_token *token,
                         struct wire_offset_commit_request *request)
{
    bool by_id = token->req->header.api_version >= COMMIT_VERSION_IDS;
    size_t partitions = 0;
    for (int32_t i = 0; i < request->topics_count; i++) {
        partitions += (size_t)max_i64(0, request->topics[i].partitions_count);
    }
    token->refused = ARENA_ARRAY(&token->req->arena, partitions, struct group_refused);
    int32_t kept = 0;
    for (int32_t i = 0; i < request->topics_count; i++) {
        struct wire_offset_commit_request_topics *topic = &request->topics[i];
        const struct metadata_topic *known =
            by_id ? metadata_topic_by_id(broker->image, topic->topic_id)
                  : metadata_topic_by_name(broker->image, topic->name);
        check_partitions(token, known, topic,
                         by_id ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION);
        if (topic->partitions_count > 0) {
            request->topics[kept] = *topic;
            request->topics[kept++].name = known->name;
        }
    }
    request->topics_count = kept;
}

void broker_api_group(void *arg, struct net_request *req)
{
    struct broker *broker = arg;
    struct group_token *token = ARENA_NEW(&req->arena, struct group_token);
    token->req = req;
    if (req->header.api_key == WIRE_API_OFFSET_COMMIT) {
        check_topics(broker, token, req->body);
    }
    struct group_request request = {
        .token = token,
        .api_key = req->header.api_key,
        .version = req->header.api_version,
        .client_id = req->header.client_id,
        .client_host = slice_str(arena_printf(&req->arena, "/%s", net_conn_peer_host(req->conn))),
        .body = req->body};
    struct group_effects out = {0};
    struct group_host *host = group_host_of(broker->groups, group_id_of(req));
    if (host == NULL) {
        group_refuse(&request, ERR_NOT_COORDINATOR, &out);
        broker_groups_reply(&out);
        return;
    }
    group_shard_request(host->shard, &request, group_now(broker), &out);
    group_host_obey(host, &out);
}

/* ---- queries ---- */

static void fill_names(const struct broker *broker, struct wire_offset_fetch_request_groups *group)
{
    for (int32_t i = 0; i < group->topics_count; i++) {
        const struct metadata_topic *topic =
            metadata_topic_by_id(broker->image, group->topics[i].topic_id);
        group->topics[i].name = topic == NULL ? slice_str("") : topic->name;
    }
}

static void fill_ids(const struct broker *broker, struct wire_offset_fetch_response_groups *answer)
{
    for (int32_t i = 0; i < answer->topics_count; i++) {
        struct wire_offset_fetch_response_groups_topics *topic = &answer->topics[i];
        const struct metadata_topic *known = metadata_topic_by_name(broker->image, topic->name);
        if (known != NULL) {
            topic->topic_id = known->id;
        }
        for (int32_t k = 0; known == NULL && k < topic->partitions_count; k++) {
            topic->partitions[k].error_code = ERR_UNKNOWN_TOPIC_ID;
        }
    }
}

static void fetch_group(struct broker *broker, struct net_request *req,
                        struct wire_offset_fetch_request_groups *group,
                        struct wire_offset_fetch_response_groups *answer)
{
    const struct wire_offset_fetch_request *request = req->body;
    struct group_host *host = group_host_of(broker->groups, group->group_id);
    bool by_id = req->header.api_version >= COMMIT_VERSION_IDS;
    answer->group_id = group->group_id;
    if (host == NULL) {
        answer->error_code = ERR_NOT_COORDINATOR;
        return;
    }
    if (by_id) {
        fill_names(broker, group);
    }
    group_shard_offset_fetch(host->shard, group, request->require_stable, &req->arena, answer);
    if (by_id) {
        fill_ids(broker, answer);
    }
}

static void fetch_one(struct broker *broker, struct net_request *req,
                      struct wire_offset_fetch_response *response)
{
    struct wire_offset_fetch_request_groups group;
    struct wire_offset_fetch_response_groups answer;
    wire_init(&wire_msg_offset_fetch_response_groups, &answer);
    group_offset_fetch_upgrade(req->body, &req->arena, &group);
    fetch_group(broker, req, &group, &answer);
    group_offset_fetch_downgrade(&group, &answer, req->header.api_version, &req->arena, response);
}

void broker_api_offset_fetch(void *broker, struct net_request *req)
{
    const struct wire_offset_fetch_request *request = req->body;
    struct wire_offset_fetch_response response;
    wire_init(wire_response(WIRE_API_OFFSET_FETCH), &response);
    if (req->header.api_version < FETCH_VERSION_BATCHED) {
        fetch_one(broker, req, &response);
    } else {
        response.groups = wire_new_array(&wire_msg_offset_fetch_response_groups, &req->arena,
                                         request->groups_count);
        response.groups_count = request->groups_count;
        for (int32_t i = 0; i < request->groups_count; i++) {
            fetch_group(broker, req, &request->groups[i], &response.groups[i]);
        }
    }
    net_reply(req, &response);
}

void broker_api_describe_groups(void *arg, struct net_request *req)
{
    struct broker *broker = arg;
    const struct wire_describe_groups_request *request = req->body;
    struct wire_describe_groups_response response;
    wire_init(wire_response(WIRE_API_DESCRIBE_GROUPS), &response);
    response.groups = wire_new_array(&wire_msg_describe_groups_response_groups, &req->arena,
                                     request->groups_count);
    response.groups_count = request->groups_count;
    for (int32_t i = 0; i < request->groups_count; i++) {
        struct group_host *host = group_host_of(broker->groups, request->groups[i]);
        if (host == NULL) {
            response.groups[i].group_id = request->groups[i];
            response.groups[i].error_code = ERR_NOT_COORDINATOR;
            continue;
        }
        group_shard_describe(host->shard, request->groups[i], req->header.api_version, &req->arena,
                             &response.groups[i]);
        if (request->include_authorized_operations && response.groups[i].error_code == ERR_NONE) {
            response.groups[i].authorized_operations = OPERATIONS_GROUP;
        }
    }
    net_reply(req, &response);
}

/* One shard's groups behind those that are there. */
static void add_groups(struct wire_list_groups_response *response, struct arena *arena,
                       const struct wire_list_groups_response_groups *groups, size_t count)
{
    int32_t before = response->groups_count;
    struct wire_list_groups_response_groups *all =
        wire_new_array(&wire_msg_list_groups_response_groups, arena, before + (int32_t)count);
    for (int32_t i = 0; i < before; i++) {
        all[i] = response->groups[i];
    }
    for (size_t i = 0; i < count; i++) {
        all[(size_t)before + i] = groups[i];
    }
    response->groups = all;
    response->groups_count = before + (int32_t)count;
}

void broker_api_list_groups(void *arg, struct net_request *req)
{
    struct broker *broker = arg;
    struct wire_list_groups_response response;
    wire_init(wire_response(WIRE_API_LIST_GROUPS), &response);
    size_t at = 0;
    for (struct group_host *host = map_next(&broker->groups->hosts, &at); host != NULL;
         host = map_next(&broker->groups->hosts, &at)) {
        struct wire_list_groups_response_groups *groups = NULL;
        size_t count = 0;
        enum err e = group_shard_list(host->shard, req->body, &req->arena, &groups, &count);
        if (e != ERR_NONE) {
            response.error_code = err_wire(e); /* still loading: the list would lack groups */
        } else if (count > 0) {
            add_groups(&response, &req->arena, groups, count);
        }
    }
    net_reply(req, &response);
}
