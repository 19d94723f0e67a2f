/* Assignments batched into one request at a time. */
#include "broker/assign.h"

#include "base/mem.h"
#include "broker/channel.h"
#include "broker/replica_move.h"
#include "broker/replica_place.h"
#include "broker/replicas.h"
#include "wire/wire.h"

enum {
    ASSIGN_VERSION = 0,
    ASSIGN_TIMEOUT_MS = 5000,
    ASSIGN_RETRY_MS = 100,  /* after an error that time mends */
    ASSIGN_BATCH_MAX = 2000 /* replicas in a request */
};

#define DIRECTORY struct wire_assign_replicas_to_dirs_request_directories
#define TOPIC struct wire_assign_replicas_to_dirs_request_directories_topics
#define PARTITION struct wire_assign_replicas_to_dirs_request_directories_topics_partitions

/* A replica of the request in flight; looked up again when the answer comes. */
struct assign_sent {
    struct uuid topic_id;
    int32_t index;
};

struct broker_assign {
    struct broker *broker;
    struct list queue; /* struct replica.in_assign_queue */
    bool flush_deferred;
    bool in_flight;
    struct assign_sent sent[ASSIGN_BATCH_MAX];
    int sent_count;
    struct net_timer retry_timer;
};

static void flush(void *arg);

static void want_flush(struct broker_assign *assign)
{
    if (!assign->flush_deferred && !assign->in_flight && !net_timer_is_set(&assign->retry_timer) &&
        !list_empty(&assign->queue)) {
        assign->flush_deferred = true;
        net_defer(assign->broker->loop, flush, assign);
    }
}

static void retry_now(void *arg)
{
    want_flush(arg);
}

void broker_assign_check(struct replica *r)
{
    struct broker_assign *assign = r->broker->assign;
    bool agreed = uuid_eq(replica_assigned_dir(r), replica_move_wanted_dir(r));
    if (!replica_is_online(r) || agreed) {
        list_remove(&r->in_assign_queue);
        return;
    }
    if (list_empty(&r->in_assign_queue)) {
        list_add_tail(&assign->queue, &r->in_assign_queue);
    }
    want_flush(assign);
}

void broker_assign_forget(struct replica *r)
{
    list_remove(&r->in_assign_queue);
}

/* ---- the answer ---- */

static bool not_controller(const void *response)
{
    return ((const struct wire_assign_replicas_to_dirs_response *)response)->error_code ==
           ERR_NOT_CONTROLLER;
}

/* The metadata tell what became of it; only what was not even looked at is asked again. */
static void on_answer(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct broker_assign *assign = arg;
    const struct wire_assign_replicas_to_dirs_response *answer = response;
    assign->in_flight = false;
    if (e == ERR_NONE) {
        e = (enum err)answer->error_code;
    }
    for (int i = 0; e != ERR_NONE && i < assign->sent_count; i++) {
        struct replica *r =
            broker_replica(assign->broker, assign->sent[i].topic_id, assign->sent[i].index);
        if (r != NULL && list_empty(&r->in_assign_queue)) {
            list_add_tail(&assign->queue, &r->in_assign_queue);
        }
    }
    if (e != ERR_NONE) {
        log_debug(assign->broker->log, "assign", "not assigned", "replicas=%d error=%s",
                  assign->sent_count, err_name(e));
        net_timer_set(&assign->retry_timer, ASSIGN_RETRY_MS);
    }
    assign->sent_count = 0;
    want_flush(assign);
}

/* ---- the request ---- */

static DIRECTORY *directory_of(struct wire_assign_replicas_to_dirs_request *request, struct uuid id,
                               struct arena *arena)
{
    for (int32_t i = 0; i < request->directories_count; i++) {
        if (uuid_eq(request->directories[i].id, id)) {
            return &request->directories[i];
        }
    }
    DIRECTORY *directory = &request->directories[request->directories_count++];
    directory->id = id;
    directory->topics = ARENA_ARRAY(arena, ASSIGN_BATCH_MAX, TOPIC);
    return directory;
}

/* One `topics` entry a partition, which is what the protocol allows and what keeps this simple. */
static void fill_request(struct broker_assign *assign, struct arena *arena,
                         struct wire_assign_replicas_to_dirs_request *request)
{
    wire_init(wire_request(WIRE_API_ASSIGN_REPLICAS_TO_DIRS), request);
    request->broker_id = assign->broker->id;
    request->broker_epoch = assign->broker->epoch;
    request->directories = ARENA_ARRAY(arena, assign->broker->dirs->count, DIRECTORY);
    while (!list_empty(&assign->queue) && assign->sent_count < ASSIGN_BATCH_MAX) {
        struct replica *r = LIST_ENTRY(assign->queue.next, struct replica, in_assign_queue);
        list_remove(&r->in_assign_queue);
        struct uuid wanted = replica_move_wanted_dir(r);
        if (!replica_is_online(r) || uuid_eq(replica_assigned_dir(r), wanted)) {
            continue;
        }
        DIRECTORY *directory = directory_of(request, wanted, arena);
        TOPIC *topic = &directory->topics[directory->topics_count++];
        topic->topic_id = r->topic_id;
        topic->partitions = ARENA_NEW(arena, PARTITION);
        topic->partitions_count = 1;
        topic->partitions[0].partition_index = r->index;
        assign->sent[assign->sent_count++] = (struct assign_sent){r->topic_id, r->index};
        log_debug(assign->broker->log, "assign", "telling", "partition=%s-%d dir=%s", r->topic,
                  r->index, uuid_text(wanted).text);
    }
}

static void flush(void *arg)
{
    struct broker_assign *assign = arg;
    assign->flush_deferred = false;
    if (assign->in_flight || assign->broker->epoch < 0) {
        return;
    }
    ASSERT(assign->sent_count == 0);
    struct arena arena = {0};
    struct wire_assign_replicas_to_dirs_request request;
    fill_request(assign, &arena, &request);
    if (assign->sent_count > 0) {
        assign->in_flight = true;
        struct broker_channel_call call = {.line = BROKER_CHANNEL_REQUESTS,
                                           .api = WIRE_API_ASSIGN_REPLICAS_TO_DIRS,
                                           .version = ASSIGN_VERSION,
                                           .request = &request,
                                           .timeout_ms = ASSIGN_TIMEOUT_MS,
                                           .not_controller = not_controller,
                                           .done = on_answer,
                                           .arg = assign};
        broker_channel_send(assign->broker->channel, &call);
    }
    arena_fini(&arena);
}

/* ---- life ---- */

struct broker_assign *broker_assign_new(struct broker *broker)
{
    struct broker_assign *assign = MEM_NEW(struct broker_assign);
    assign->broker = broker;
    list_init(&assign->queue);
    net_timer_init(&assign->retry_timer, broker->loop, retry_now, assign);
    return assign;
}

void broker_assign_free(struct broker_assign *assign)
{
    if (assign == NULL) {
        return;
    }
    if (assign->in_flight) {
        broker_channel_cancel(assign->broker->channel, assign);
    }
    while (!list_empty(&assign->queue)) {
        list_remove(assign->queue.next);
    }
    net_timer_stop(&assign->retry_timer);
    net_undefer(assign->broker->loop, flush, assign);
    mem_free(assign);
}
