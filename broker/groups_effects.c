/* Obeying a shard: its records go into the partition's log, its replies to the clients. */
#include "base/mem.h"
#include "broker/groups_private.h"
#include "wire/batch.h"

/* A batch in the log whose replication is waited for. */
struct group_open_append {
    struct list node;
    struct group_host *host;
    uint64_t id;
    struct replica_ack ack;
};

/* ---- replies ---- */

/* Puts the partitions that were refused before the shard saw the request back into the answer. */
static void merge_refused(const struct group_token *token,
                          struct wire_offset_commit_response *answer)
{
    struct arena *arena = &token->req->arena;
    int32_t count = answer->topics_count + token->refused_count;
    struct wire_offset_commit_response_topics *topics =
        wire_new_array(&wire_msg_offset_commit_response_topics, arena, count);
    for (int32_t i = 0; i < answer->topics_count; i++) {
        topics[i] = answer->topics[i];
    }
    for (int32_t i = 0; i < token->refused_count; i++) {
        const struct group_refused *refused = &token->refused[i];
        struct wire_offset_commit_response_topics *topic = &topics[answer->topics_count + i];
        topic->name = refused->topic;
        topic->topic_id = refused->topic_id;
        topic->partitions =
            wire_new_array(&wire_msg_offset_commit_response_topics_partitions, arena, 1);
        topic->partitions_count = 1;
        topic->partitions[0].partition_index = refused->partition;
        topic->partitions[0].error_code = err_wire(refused->error);
    }
    answer->topics = topics;
    answer->topics_count = count;
}

static void send_reply(const struct group_reply *reply)
{
    struct group_token *token = reply->token;
    struct net_request *req = token->req;
    ASSERT(reply->api_key == req->header.api_key);
    if (token->refused_count > 0) {
        struct wire_offset_commit_response answer =
            *(const struct wire_offset_commit_response *)reply->body;
        merge_refused(token, &answer);
        net_reply(req, &answer);
        return;
    }
    net_reply(req, reply->body);
}

/* ---- appends ---- */

/* A write of ours can complete earlier ones at once. What follows from those is written behind what
 * the outer effects still have to write, as the shard decided it in that order. */
static void report(struct group_host *host, uint64_t id, enum err e)
{
    struct group_time now = group_now(host->groups->broker);
    if (host->obeying != NULL) {
        group_shard_append_done(host->shard, id, e, now, host->obeying);
        return;
    }
    struct group_effects out = {0};
    group_shard_append_done(host->shard, id, e, now, &out);
    group_host_obey(host, &out);
}

/* The batch is below the high watermark, also when the ISR has become too small since. Any other
 * outcome comes with the loss of the partition, and then the shard is unloaded. */
static bool is_committed(enum err e)
{
    return e == ERR_NONE || e == ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
}

static void on_acked(struct replica_ack *ack, enum err e)
{
    struct group_open_append *open = container_of(ack, struct group_open_append, ack);
    struct group_host *host = open->host;
    uint64_t id = open->id;
    list_remove(&open->node);
    mem_free(open);
    if (is_committed(e)) {
        report(host, id, ERR_NONE);
    }
}

static void build_batch(const struct group_host *host, const struct group_append *append,
                        struct buf *out)
{
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
    options.producer_id = append->producer_id;
    options.producer_epoch = append->producer_epoch;
    struct wire_builder builder;
    int64_t now_ms = net_wall_ms(host->groups->broker->loop);
    wire_builder_init(&builder, &options, out);
    for (size_t i = 0; i < append->records_count; i++) {
        struct wire_record record = {
            .timestamp = now_ms, .key = append->records[i].key, .value = append->records[i].value};
        wire_builder_add(&builder, &record);
    }
    wire_builder_finish(&builder);
}

static enum err write_batch(struct group_host *host, const struct group_append *append,
                            struct replica **r, int64_t *required)
{
    *r = broker_replica(host->groups->broker, host->topic_id, host->partition);
    if (*r == NULL || (*r)->log == NULL) {
        return ERR_NOT_COORDINATOR;
    }
    struct buf bytes = {0};
    build_batch(host, append, &bytes);
    struct replica_append batch = {.batches = buf_slice(&bytes), .acks = -1};
    enum err e = replica_append(*r, &batch);
    *required = batch.required_offset;
    buf_fini(&bytes);
    return e;
}

/* A fate that is known at once adds to `out`: what follows from it comes after what is there. */
static void do_append(struct group_host *host, const struct group_append *append,
                      struct group_effects *out)
{
    struct group_time now = group_now(host->groups->broker);
    struct replica *r;
    int64_t required;
    enum err e = write_batch(host, append, &r, &required);
    if (e != ERR_NONE) {
        log_warn(host->groups->broker->log, "groups", "records not written",
                 "partition=%d error=%s", host->partition, err_name(e));
        group_shard_append_done(host->shard, append->id, e, now, out);
        return;
    }
    struct group_open_append *open = MEM_NEW(struct group_open_append);
    open->host = host;
    open->id = append->id;
    open->ack.done = on_acked;
    if (replica_wait_acked(r, &open->ack, required, &e)) {
        mem_free(open);
        group_shard_append_done(host->shard, append->id, ERR_NONE, now, out);
        return;
    }
    list_add_tail(&host->appends, &open->node);
}

void group_host_drop_appends(struct group_host *host)
{
    LIST_EACH(node, &host->appends)
    {
        struct group_open_append *open = LIST_ENTRY(node, struct group_open_append, node);
        list_remove(&open->ack.node);
        list_remove(&open->node);
        mem_free(open);
    }
}

static void arm_timer(struct group_host *host)
{
    int64_t due = group_shard_deadline(host->shard);
    if (due == INT64_MAX) {
        net_timer_stop(&host->timer);
        return;
    }
    net_timer_set(&host->timer, max_i64(0, due - net_now_ms(host->groups->broker->loop)));
}

void broker_groups_reply(struct group_effects *out)
{
    for (const struct group_reply *reply = out->replies; reply != NULL; reply = reply->next) {
        send_reply(reply);
    }
    group_effects_clear(out);
}

void group_host_obey(struct group_host *host, struct group_effects *out)
{
    ASSERT(host->obeying == NULL);
    host->obeying = out;
    for (const struct group_append *append = out->appends; append != NULL; append = append->next) {
        do_append(host, append, out);
    }
    host->obeying = NULL;
    broker_groups_reply(out);
    arm_timer(host);
}
