/* The group APIs: find the shard, give it the request; queries are answered at once. */
#include "broker/api/api.h"
#include "broker/api/operations.h"
#include "broker/groups_private.h"

enum { FETCH_VERSION_BATCHED = 8, FETCH_VERSION_IDS = 10 };

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
    case WIRE_API_CONSUMER_GROUP_HEARTBEAT:
        return ((const struct wire_consumer_group_heartbeat_request *)req->body)->group_id;
    default:
        UNREACHABLE();
    }
}

/* The protocol of KIP-848 is in use when the cluster has finalized group.version 1. */
static bool is_enabled(const struct broker *broker, int16_t api_key)
{
    return api_key != WIRE_API_CONSUMER_GROUP_HEARTBEAT ||
           metadata_feature_level(broker->image, slice_str(METADATA_GROUP_FEATURE)) >= 1;
}

void broker_api_group(void *broker, struct net_request *req)
{
    if (!is_enabled(broker, req->header.api_key)) {
        struct wire_consumer_group_heartbeat_response response;
        wire_init(&wire_msg_consumer_group_heartbeat_response, &response);
        response.error_code = err_wire(ERR_UNSUPPORTED_VERSION);
        net_reply(req, &response);
        return;
    }
    struct group_token *token = ARENA_NEW(&req->arena, struct group_token);
    token->req = req;
    broker_groups_submit(broker, token, group_id_of(req), req->body);
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
    bool by_id = req->header.api_version >= FETCH_VERSION_IDS;
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

void broker_api_consumer_group_describe(void *arg, struct net_request *req)
{
    struct broker *broker = arg;
    const struct wire_consumer_group_describe_request *request = req->body;
    struct wire_consumer_group_describe_response response;
    wire_init(wire_response(WIRE_API_CONSUMER_GROUP_DESCRIBE), &response);
    response.groups = wire_new_array(&wire_msg_consumer_group_describe_response_groups, &req->arena,
                                     request->group_ids_count);
    response.groups_count = request->group_ids_count;
    for (int32_t i = 0; i < request->group_ids_count; i++) {
        struct group_host *host = group_host_of(broker->groups, request->group_ids[i]);
        if (host == NULL) {
            response.groups[i].group_id = request->group_ids[i];
            response.groups[i].error_code = ERR_NOT_COORDINATOR;
            continue;
        }
        group_shard_describe_consumer(host->shard, request->group_ids[i], &req->arena,
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
