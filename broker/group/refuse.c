/* One error for a whole request, in the form its API and version want. */
#include "broker/group/private.h"

static const void *refuse_join(const struct group_request *rq, int16_t code, struct arena *arena)
{
    const struct wire_join_group_request *body = rq->body;
    struct wire_join_group_response *r = ARENA_NEW(arena, struct wire_join_group_response);
    r->error_code = code;
    r->generation_id = -1;
    r->protocol_name = slice_str("");
    r->leader = slice_str("");
    r->member_id = arena_dup(arena, body->member_id);
    return r;
}

static const void *refuse_sync(const struct group_request *rq, int16_t code, struct arena *arena)
{
    (void)rq;
    struct wire_sync_group_response *r = ARENA_NEW(arena, struct wire_sync_group_response);
    r->error_code = code;
    r->assignment = slice_str("");
    return r;
}

static const void *refuse_heartbeat(const struct group_request *rq, int16_t code,
                                    struct arena *arena)
{
    (void)rq;
    struct wire_heartbeat_response *r = ARENA_NEW(arena, struct wire_heartbeat_response);
    r->error_code = code;
    return r;
}

static const void *refuse_leave(const struct group_request *rq, int16_t code, struct arena *arena)
{
    (void)rq;
    struct wire_leave_group_response *r = ARENA_NEW(arena, struct wire_leave_group_response);
    r->error_code = code;
    return r;
}

static const void *refuse_commit(const struct group_request *rq, int16_t code, struct arena *arena)
{
    const struct wire_offset_commit_request *body = rq->body;
    struct wire_offset_commit_response *r = ARENA_NEW(arena, struct wire_offset_commit_response);
    size_t topics = (size_t)max_i64(body->topics_count, 0);
    r->topics = ARENA_ARRAY(arena, topics, struct wire_offset_commit_response_topics);
    for (size_t t = 0; t < topics; t++) {
        struct wire_offset_commit_response_topics *to = &r->topics[r->topics_count++];
        size_t count = (size_t)max_i64(body->topics[t].partitions_count, 0);
        to->name = arena_dup(arena, body->topics[t].name);
        to->topic_id = body->topics[t].topic_id;
        to->partitions =
            ARENA_ARRAY(arena, count, struct wire_offset_commit_response_topics_partitions);
        for (size_t i = 0; i < count; i++) {
            to->partitions[i].partition_index = body->topics[t].partitions[i].partition_index;
            to->partitions[i].error_code = code;
            to->partitions_count++;
        }
    }
    return r;
}

static const void *refuse_txn_commit(const struct group_request *rq, int16_t code,
                                     struct arena *arena)
{
    const struct wire_txn_offset_commit_request *body = rq->body;
    struct wire_txn_offset_commit_response *r =
        ARENA_NEW(arena, struct wire_txn_offset_commit_response);
    size_t topics = (size_t)max_i64(body->topics_count, 0);
    r->topics = ARENA_ARRAY(arena, topics, struct wire_txn_offset_commit_response_topics);
    for (size_t t = 0; t < topics; t++) {
        struct wire_txn_offset_commit_response_topics *to = &r->topics[r->topics_count++];
        size_t count = (size_t)max_i64(body->topics[t].partitions_count, 0);
        to->name = arena_dup(arena, body->topics[t].name);
        to->partitions =
            ARENA_ARRAY(arena, count, struct wire_txn_offset_commit_response_topics_partitions);
        for (size_t i = 0; i < count; i++) {
            to->partitions[i].partition_index = body->topics[t].partitions[i].partition_index;
            to->partitions[i].error_code = code;
            to->partitions_count++;
        }
    }
    return r;
}

static const void *refuse_delete_groups(const struct group_request *rq, int16_t code,
                                        struct arena *arena)
{
    const struct wire_delete_groups_request *body = rq->body;
    struct wire_delete_groups_response *r = ARENA_NEW(arena, struct wire_delete_groups_response);
    size_t count = (size_t)max_i64(body->groups_names_count, 0);
    r->results = ARENA_ARRAY(arena, count, struct wire_delete_groups_response_results);
    for (size_t i = 0; i < count; i++) {
        r->results[i].group_id = arena_dup(arena, body->groups_names[i]);
        r->results[i].error_code = code;
        r->results_count++;
    }
    return r;
}

static const void *refuse_offset_delete(const struct group_request *rq, int16_t code,
                                        struct arena *arena)
{
    (void)rq;
    struct wire_offset_delete_response *r = ARENA_NEW(arena, struct wire_offset_delete_response);
    r->error_code = code;
    return r;
}

static const void *refuse_consumer_heartbeat(const struct group_request *rq, int16_t code,
                                             struct arena *arena)
{
    (void)rq;
    struct wire_consumer_group_heartbeat_response *r =
        ARENA_NEW(arena, struct wire_consumer_group_heartbeat_response);
    r->error_code = code;
    r->error_message = SLICE_NULL;
    r->member_id = SLICE_NULL;
    return r;
}

static const struct {
    enum wire_api api;
    const void *(*refuse)(const struct group_request *rq, int16_t code, struct arena *arena);
} REFUSALS[] = {
    {WIRE_API_OFFSET_COMMIT, refuse_commit},
    {WIRE_API_JOIN_GROUP, refuse_join},
    {WIRE_API_HEARTBEAT, refuse_heartbeat},
    {WIRE_API_LEAVE_GROUP, refuse_leave},
    {WIRE_API_SYNC_GROUP, refuse_sync},
    {WIRE_API_TXN_OFFSET_COMMIT, refuse_txn_commit},
    {WIRE_API_DELETE_GROUPS, refuse_delete_groups},
    {WIRE_API_OFFSET_DELETE, refuse_offset_delete},
    {WIRE_API_CONSUMER_GROUP_HEARTBEAT, refuse_consumer_heartbeat},
};

const void *group_refusal_body(const struct group_request *rq, enum err error, struct arena *arena)
{
    for (size_t i = 0; i < ARRAY_LEN(REFUSALS); i++) {
        if (REFUSALS[i].api == (enum wire_api)rq->api_key) {
            return REFUSALS[i].refuse(rq, err_wire(error), arena);
        }
    }
    UNREACHABLE();
}

/* ---- a good answer that became untrue ---- */

static void spoil(int16_t *code, int16_t error)
{
    if (*code == 0) {
        *code = error;
    }
}

static void spoil_commit(void *body, int16_t error)
{
    struct wire_offset_commit_response *r = body;
    for (int64_t t = 0; t < r->topics_count; t++) {
        for (int64_t i = 0; i < r->topics[t].partitions_count; i++) {
            spoil(&r->topics[t].partitions[i].error_code, error);
        }
    }
}

static void spoil_txn_commit(void *body, int16_t error)
{
    struct wire_txn_offset_commit_response *r = body;
    for (int64_t t = 0; t < r->topics_count; t++) {
        for (int64_t i = 0; i < r->topics[t].partitions_count; i++) {
            spoil(&r->topics[t].partitions[i].error_code, error);
        }
    }
}

static void spoil_delete_groups(void *body, int16_t error)
{
    struct wire_delete_groups_response *r = body;
    for (int64_t i = 0; i < r->results_count; i++) {
        spoil(&r->results[i].error_code, error);
    }
}

static void spoil_offset_delete(void *body, int16_t error)
{
    struct wire_offset_delete_response *r = body;
    r->error_code = error;
    r->topics_count = 0;
}

static void spoil_join(void *body, int16_t error)
{
    struct wire_join_group_response *r = body;
    r->error_code = error;
    r->generation_id = -1;
}

static void spoil_sync(void *body, int16_t error)
{
    struct wire_sync_group_response *r = body;
    r->error_code = error;
    r->assignment = slice_str("");
}

static void spoil_leave(void *body, int16_t error)
{
    struct wire_leave_group_response *r = body;
    r->error_code = error;
}

static void spoil_consumer_heartbeat(void *body, int16_t error)
{
    struct wire_consumer_group_heartbeat_response *r = body;
    r->assignment = NULL;
    spoil(&r->error_code, error);
}

static const struct {
    enum wire_api api;
    void (*spoil)(void *body, int16_t error);
} SPOILS[] = {
    {WIRE_API_OFFSET_COMMIT, spoil_commit},
    {WIRE_API_TXN_OFFSET_COMMIT, spoil_txn_commit},
    {WIRE_API_DELETE_GROUPS, spoil_delete_groups},
    {WIRE_API_OFFSET_DELETE, spoil_offset_delete},
    {WIRE_API_JOIN_GROUP, spoil_join},
    {WIRE_API_SYNC_GROUP, spoil_sync},
    {WIRE_API_LEAVE_GROUP, spoil_leave},
    {WIRE_API_CONSUMER_GROUP_HEARTBEAT, spoil_consumer_heartbeat},
};

void group_refusal_spoil(int16_t api_key, void *body, enum err error)
{
    for (size_t i = 0; i < ARRAY_LEN(SPOILS); i++) {
        if (SPOILS[i].api == (enum wire_api)api_key) {
            SPOILS[i].spoil(body, err_wire(error));
            return;
        }
    }
    UNREACHABLE();
}
