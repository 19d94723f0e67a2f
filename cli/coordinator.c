/* Requests to the coordinator of a group; see coordinator.h. */
#include "cli/coordinator.h"

enum {
    FIND_VERSION = 3,
    COMMIT_VERSION = 8,
    FORGET_VERSION = 0,
    DELETE_VERSION = 2,
    KEY_TYPE_GROUP = 0,
};

enum err coordinator_find(struct client *client, struct slice group, int32_t *out)
{
    struct wire_find_coordinator_request request;
    wire_init(&wire_msg_find_coordinator_request, &request);
    request.key = group;
    request.key_type = KEY_TYPE_GROUP;
    const struct wire_find_coordinator_response *response;
    enum err e;
    do {
        const void *answer;
        TRY(client_call(
            client,
            &(struct client_call){CLIENT_ANY, WIRE_API_FIND_COORDINATOR, FIND_VERSION, &request, 0},
            &answer));
        response = answer;
        e = (enum err)response->error_code;
    } while (client_retry(client, e));
    if (e == ERR_NONE) {
        client_set_node(client, response->node_id, response->host, response->port);
        *out = response->node_id;
    }
    return e;
}

enum err coordinator_call(struct client *client, const struct coordinator_call *call,
                          const void **response)
{
    int32_t node;
    TRY(coordinator_find(client, call->group, &node));
    return client_call_once(
        client, &(struct client_call){node, call->api, call->version, call->request, 0}, response);
}

/* The same until there is an answer. */
static enum err call_until_answered(struct client *client, const struct coordinator_call *call,
                                    const void **response)
{
    enum err e;
    do {
        e = coordinator_call(client, call, response);
    } while (client_retry(client, e));
    return e;
}

/* ---- offsets ---- */

static struct coordinator_offset *find(struct coordinator_offset *items, int32_t count,
                                       struct slice topic, int32_t partition)
{
    for (int32_t i = 0; i < count; i++) {
        if (items[i].partition == partition && slice_eq(items[i].topic, topic)) {
            return &items[i];
        }
    }
    return NULL;
}

/* An error that another attempt may mend. */
static enum err passing_error(const struct coordinator_offset *items, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        switch ((int)items[i].error) {
        case ERR_COORDINATOR_LOAD_IN_PROGRESS:
        case ERR_COORDINATOR_NOT_AVAILABLE:
        case ERR_NOT_COORDINATOR:
            return items[i].error;
        default:
            break;
        }
    }
    return ERR_NONE;
}

static void fill_commit(struct wire_offset_commit_request *request,
                        const struct coordinator_offset *items, int32_t count, struct arena *arena)
{
    request->topics = wire_new_array(&wire_msg_offset_commit_request_topics, arena, count);
    request->topics_count = count;
    for (int32_t i = 0; i < count; i++) {
        struct wire_offset_commit_request_topics *topic = &request->topics[i];
        topic->name = items[i].topic;
        topic->partitions =
            wire_new_array(&wire_msg_offset_commit_request_topics_partitions, arena, 1);
        topic->partitions_count = 1;
        topic->partitions->partition_index = items[i].partition;
        topic->partitions->committed_offset = items[i].offset;
        topic->partitions->committed_metadata =
            slice_is_null(items[i].metadata) ? slice_str("") : items[i].metadata;
    }
}

static void take_commit(const struct wire_offset_commit_response *response,
                        struct coordinator_offset *items, int32_t count)
{
    for (int32_t i = 0; i < response->topics_count; i++) {
        const struct wire_offset_commit_response_topics *topic = &response->topics[i];
        for (int32_t k = 0; k < topic->partitions_count; k++) {
            struct coordinator_offset *item =
                find(items, count, topic->name, topic->partitions[k].partition_index);
            if (item != NULL) {
                item->error = (enum err)topic->partitions[k].error_code;
            }
        }
    }
}

enum err coordinator_commit(struct client *client, struct slice group,
                            struct coordinator_offset *items, int32_t count)
{
    struct arena arena = {0};
    struct wire_offset_commit_request request;
    wire_init(&wire_msg_offset_commit_request, &request);
    request.group_id = group;
    fill_commit(&request, items, count, &arena);
    struct coordinator_call call = {group, WIRE_API_OFFSET_COMMIT, COMMIT_VERSION, &request};
    enum err e;
    do {
        const void *answer;
        e = call_until_answered(client, &call, &answer);
        if (e == ERR_NONE) {
            take_commit(answer, items, count);
        }
    } while (e == ERR_NONE && client_retry(client, passing_error(items, count)));
    arena_fini(&arena);
    return e;
}

static void take_forget(const struct wire_offset_delete_response *response,
                        struct coordinator_offset *items, int32_t count)
{
    for (int32_t i = 0; i < response->topics_count; i++) {
        const struct wire_offset_delete_response_topics *topic = &response->topics[i];
        for (int32_t k = 0; k < topic->partitions_count; k++) {
            struct coordinator_offset *item =
                find(items, count, topic->name, topic->partitions[k].partition_index);
            if (item != NULL) {
                item->error = (enum err)topic->partitions[k].error_code;
            }
        }
    }
}

enum err coordinator_forget(struct client *client, struct slice group,
                            struct coordinator_offset *items, int32_t count)
{
    struct arena arena = {0};
    struct wire_offset_delete_request request = {.group_id = group, .topics_count = count};
    request.topics = wire_new_array(&wire_msg_offset_delete_request_topics, &arena, count);
    for (int32_t i = 0; i < count; i++) {
        struct wire_offset_delete_request_topics *topic = &request.topics[i];
        topic->name = items[i].topic;
        topic->partitions =
            wire_new_array(&wire_msg_offset_delete_request_topics_partitions, &arena, 1);
        topic->partitions_count = 1;
        topic->partitions->partition_index = items[i].partition;
    }
    struct coordinator_call call = {group, WIRE_API_OFFSET_DELETE, FORGET_VERSION, &request};
    enum err e;
    bool is_answered;
    do {
        const void *answer;
        e = call_until_answered(client, &call, &answer);
        is_answered = e == ERR_NONE;
        if (is_answered) {
            const struct wire_offset_delete_response *response = answer;
            e = (enum err)response->error_code;
            take_forget(response, items, count);
        }
    } while (is_answered && admin_retry(client, e));
    arena_fini(&arena);
    return e;
}

/* ---- groups ---- */

enum err coordinator_delete_group(struct client *client, struct slice group)
{
    struct wire_delete_groups_request request = {.groups_names = &group, .groups_names_count = 1};
    struct coordinator_call call = {group, WIRE_API_DELETE_GROUPS, DELETE_VERSION, &request};
    enum err e;
    do {
        const void *answer;
        TRY(call_until_answered(client, &call, &answer));
        const struct wire_delete_groups_response *response = answer;
        if (response->results_count != 1) {
            return ERR_MALFORMED;
        }
        e = (enum err)response->results->error_code;
    } while (admin_retry(client, e));
    return e;
}
