/* DeleteRecords (KIP-107): raises the log start of partitions led here and answers when all live
 * replicas have raised theirs. */
#include "broker/api/api.h"
#include "broker/replica_trim.h"
#include "wire/wire.h"

#define RESULT struct wire_delete_records_response_topics_partitions

struct deletion;

/* One partition of the request. */
struct deletion_part {
    struct replica_low low;
    struct deletion *deletion;
    RESULT *result;
};

/* A request from its arrival to its answer; lives in the request's arena. */
struct deletion {
    struct net_request *req;
    struct wire_delete_records_response response;
    struct deletion_part *parts;
    int parts_count;
    int waiting; /* parts whose low watermark is not there yet */
    struct net_timer timer;
};

static void answer(struct deletion *deletion)
{
    net_timer_stop(&deletion->timer);
    net_reply(deletion->req, &deletion->response);
}

/* ---- waiting ---- */

static void on_low(struct replica_low *low, enum err e, int64_t low_watermark)
{
    struct deletion_part *part = container_of(low, struct deletion_part, low);
    struct deletion *deletion = part->deletion;
    part->result->error_code = err_wire(e);
    part->result->low_watermark = low_watermark;
    ASSERT(deletion->waiting > 0);
    if (--deletion->waiting == 0) {
        answer(deletion);
    }
}

/* What is not told by now keeps REQUEST_TIMED_OUT and the low watermark that it had. */
static void give_up(void *arg)
{
    struct deletion *deletion = arg;
    for (int i = 0; i < deletion->parts_count; i++) {
        struct list *node = &deletion->parts[i].low.node;
        if (node->next != NULL) {
            list_remove(node);
        }
    }
    answer(deletion);
}

static void park(struct deletion *deletion, int32_t timeout_ms)
{
    struct arena *arena = &deletion->req->arena;
    for (int i = 0; i < deletion->response.topics_count; i++) {
        struct wire_delete_records_response_topics *topic = &deletion->response.topics[i];
        topic->name = arena_dup(arena, topic->name);
    }
    net_request_drop_body(deletion->req);
    net_request_on_close(deletion->req, give_up, deletion);
    net_timer_set(&deletion->timer, timeout_ms);
}

/* ---- the log start ---- */

static enum err trim(struct broker *broker, struct deletion_part *part, struct slice topic,
                     int64_t offset)
{
    struct replica *r;
    if (broker_topic_is_internal(topic)) {
        return ERR_INVALID_TOPIC_EXCEPTION; /* the coordinators' own */
    }
    TRY(broker_replica_find(broker, topic, part->result->partition_index, &r));
    TRY(replica_trim(r, &offset));
    part->result->low_watermark = replica_low_watermark(r);
    if (part->result->low_watermark < offset) {
        part->deletion->waiting++;
        replica_wait_low(r, &part->low, offset);
        return ERR_REQUEST_TIMED_OUT; /* unless more is heard */
    }
    return ERR_NONE;
}

static int count_partitions(const struct wire_delete_records_request *request)
{
    int count = 0;
    for (int t = 0; t < request->topics_count; t++) {
        count += request->topics[t].partitions_count;
    }
    return count;
}

static void trim_topic(struct broker *broker, struct deletion *deletion,
                       const struct wire_delete_records_request_topics *topic,
                       struct wire_delete_records_response_topics *out)
{
    out->name = topic->name;
    out->partitions = wire_new_array(&wire_msg_delete_records_response_topics_partitions,
                                     &deletion->req->arena, topic->partitions_count);
    out->partitions_count = topic->partitions_count;
    for (int i = 0; i < topic->partitions_count; i++) {
        struct deletion_part *part = &deletion->parts[deletion->parts_count++];
        part->deletion = deletion;
        part->low.done = on_low;
        part->result = &out->partitions[i];
        part->result->partition_index = topic->partitions[i].partition_index;
        part->result->low_watermark = -1;
        part->result->error_code =
            err_wire(trim(broker, part, topic->name, topic->partitions[i].offset));
    }
}

void broker_api_delete_records(void *broker, struct net_request *req)
{
    const struct wire_delete_records_request *request = req->body;
    struct deletion *deletion = ARENA_NEW(&req->arena, struct deletion);
    deletion->req = req;
    net_timer_init(&deletion->timer, req->loop, give_up, deletion);
    wire_init(wire_response(WIRE_API_DELETE_RECORDS), &deletion->response);
    deletion->parts =
        ARENA_ARRAY(&req->arena, (size_t)count_partitions(request), struct deletion_part);
    deletion->response.topics = wire_new_array(&wire_msg_delete_records_response_topics,
                                               &req->arena, request->topics_count);
    deletion->response.topics_count = request->topics_count;
    /* Held above zero until every log start is raised, so that none answers early. */
    deletion->waiting = 1;
    for (int t = 0; t < request->topics_count; t++) {
        trim_topic(broker, deletion, &request->topics[t], &deletion->response.topics[t]);
    }
    if (--deletion->waiting > 0) {
        park(deletion, request->timeout_ms);
        return;
    }
    answer(deletion);
}
