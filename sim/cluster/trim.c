/* A load: records are deleted from the beginning of partitions (KIP-107). What lies below an offset
 * that was asked for may be gone, whatever the answer is. */
#include "base/mem.h"
#include "sim/cluster/ledger.h"
#include "sim/cluster/load.h"

enum { VERSION = 2, TIMEOUT_MS = 4000 };

struct trimmer {
    struct sim_worker worker;
    const char *topic;
};

static void rest(struct trimmer *t)
{
    net_timer_set(&t->worker.timer, sim_load_draw_ms(&t->worker, "every", "500ms..5s"));
}

static void on_deleted(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct trimmer *t = arg;
    const struct wire_delete_records_response *r = response;
    t->worker.call = NULL;
    if (e == ERR_NONE && r->topics_count == 1 && r->topics[0].partitions[0].error_code == 0) {
        sim_tally(t->worker.client->world->report, "load records deleted", 1);
    }
    rest(t);
}

static void delete_before(struct trimmer *t, const struct sim_leader *leader, int32_t index,
                          int64_t offset)
{
    struct wire_delete_records_request_topics_partitions partition = {index, offset};
    struct wire_delete_records_request_topics topic = {slice_str(t->topic), &partition, 1};
    struct wire_delete_records_request request;
    wire_init(&wire_msg_delete_records_request, &request);
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = TIMEOUT_MS;
    t->worker.call = sim_client_ask(
        leader->net, &(struct sim_ask){WIRE_API_DELETE_RECORDS, VERSION, &request, on_deleted, t});
}

static void tick(void *arg)
{
    struct trimmer *t = arg;
    struct sim_client *c = t->worker.client;
    const struct wire_metadata_response_topics *topic = sim_client_topic(c, t->topic);
    struct sim_leader leader;
    if (c->world->quiet || topic == NULL || topic->partitions_count == 0) {
        rest(t);
        return;
    }
    int32_t index = (int32_t)prng_below(&c->prng, (uint64_t)topic->partitions_count);
    if (!sim_client_leader(c, t->topic, index, &leader)) {
        rest(t);
        return;
    }
    int log = sim_ledger_log(c->world->ledger, leader.topic_id, t->topic, index);
    int64_t from = sim_ledger_trimmed(c->world->ledger, log);
    int64_t end = sim_ledger_end(c->world->ledger, log);
    if (end <= from) {
        rest(t);
        return;
    }
    int64_t offset = prng_range(&c->prng, from, end);
    sim_ledger_trim(c->world->ledger, log, offset);
    delete_before(t, &leader, index, offset);
}

/* ---- life ---- */

static void start(struct sim_worker *w)
{
    struct trimmer *t = (struct trimmer *)w;
    t->topic = sim_load_str(w->load, "topic", "a");
    rest(t);
}

static const char *const options[] = {"topic", "every", NULL};

const struct sim_load_kind sim_load_trim = {
    .name = "trim",
    .options = options,
    .size = sizeof(struct trimmer),
    .start = start,
    .tick = tick,
};
