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

static void send_reply(const struct group_reply *reply)
{
    struct group_token *token = reply->token;
    ASSERT(reply->api_key == token->req->header.api_key);
    if (token->reply != NULL) {
        token->reply(token, reply->body);
    } else {
        net_reply(token->req, reply->body);
    }
}

static void send_replies(struct group_effects *out)
{
    for (const struct group_reply *reply = out->replies; reply != NULL; reply = reply->next) {
        send_reply(reply);
    }
    group_effects_clear(out);
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
    if (*r == NULL || !replica_is_online(*r)) {
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

void group_host_obey(struct group_host *host, struct group_effects *out)
{
    ASSERT(host->obeying == NULL);
    host->obeying = out;
    for (const struct group_append *append = out->appends; append != NULL; append = append->next) {
        do_append(host, append, out);
    }
    host->obeying = NULL;
    send_replies(out);
    arm_timer(host);
}

void broker_groups_submit(struct broker *broker, struct group_token *token, struct slice group_id,
                          const void *body)
{
    struct net_request *req = token->req;
    struct group_request request = {
        .token = token,
        .api_key = req->header.api_key,
        .version = req->header.api_version,
        .client_id = req->header.client_id,
        .client_host = slice_str(arena_printf(&req->arena, "/%s", net_conn_peer_host(req->conn))),
        .body = body};
    struct group_effects out = {0};
    struct group_host *host = group_host_of(broker->groups, group_id);
    if (host == NULL) {
        group_refuse(&request, ERR_NOT_COORDINATOR, &out);
        send_replies(&out);
        return;
    }
    group_shard_request(host->shard, &request, group_now(broker), &out);
    group_host_obey(host, &out);
}
