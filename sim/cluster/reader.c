/* Reading of partitions; see reader.h. */
#include "sim/cluster/reader.h"

#include "base/list.h"
#include "base/mem.h"
#include "sim/cluster/ledger.h"
#include "wire/batch.h"

enum {
    TICK_MS = 100,
    WAIT_MS = 500,
    PAUSE_MS = 100,
    BYTES_MAX = 1 << 20,
    VERSION_MIN = 11,
    VERSION_BY_ID = 13,
    VERSION_MAX = 16,
};

/* A request to one leader. */
struct sim_fetch {
    struct list link;
    struct sim_reader *reader;
    struct net_call *call;
    int32_t leader;
    int32_t partitions[SIM_READER_PARTITIONS];
    int count;
};

static void pump(void *arg);

void sim_reader_init(struct sim_reader *r, struct sim_client *client, const char *topic)
{
    *r = (struct sim_reader){.client = client, .topic = topic};
    r->version = (int16_t)prng_range(&client->prng, VERSION_MIN, VERSION_MAX);
    list_init(&r->fetches);
    net_timer_init(&r->tick, client->loop, pump, r);
    net_timer_set(&r->tick, TICK_MS);
}

static void free_fetch(struct sim_fetch *f)
{
    for (int i = 0; i < f->count; i++) {
        f->reader->partitions[f->partitions[i]].busy = false;
    }
    list_remove(&f->link);
    mem_free(f);
}

void sim_reader_drop_all(struct sim_reader *r)
{
    LIST_EACH(at, &r->fetches)
    {
        struct sim_fetch *f = LIST_ENTRY(at, struct sim_fetch, link);
        net_call_cancel(f->call);
        free_fetch(f);
    }
    for (int i = 0; i < SIM_READER_PARTITIONS; i++) {
        r->partitions[i].wanted = false;
    }
}

void sim_reader_fini(struct sim_reader *r)
{
    sim_reader_drop_all(r);
    net_timer_stop(&r->tick);
    for (int i = 0; i < r->leader_count; i++) {
        net_client_free(r->leaders[i].net);
    }
}

void sim_reader_want(struct sim_reader *r, int32_t partition, int64_t from)
{
    if (partition < SIM_READER_PARTITIONS) {
        r->partitions[partition] = (struct sim_reader_partition){
            .wanted = true, .position = from, .log = -1, .high_watermark = -1};
    }
}

/* ---- records ---- */

static void bad(struct sim_reader *r, const char *invariant, int32_t partition, int64_t offset)
{
    sim_fail(r->client->world, invariant, "%s read %s-%d at offset %" PRId64,
             r->client->machine->name, r->topic, partition, offset);
}

static enum err read_batch(struct sim_reader *r, int32_t partition, const struct wire_batch *batch,
                           struct arena *arena)
{
    struct sim_reader_partition *p = &r->partitions[partition];
    struct wire_records records;
    struct wire_record record;
    bool got;
    TRY(wire_batch_check_crc(batch));
    TRY(wire_records_open(&records, batch, BYTES_MAX, arena));
    for (;;) {
        TRY(wire_record_next(&records, &record, &got));
        if (!got) {
            return ERR_NONE;
        }
        if (record.offset < p->position) {
            continue; /* a fetch begins with a whole batch */
        }
        if (record.offset > p->position) {
            bad(r, "PollSkip: offsets are missing", partition, p->position);
        }
        if (record.offset >= p->high_watermark) {
            bad(r, "ConsistentRead: a record above the high watermark", partition, record.offset);
        }
        sim_ledger_read(r->client->world->ledger, p->log, record.offset, record.value);
        p->position = record.offset + 1;
    }
}

/* Is the broker's disk damaged? It sends what it has, as every broker does. */
static bool is_damaged(const struct sim_reader *r, int32_t broker)
{
    const struct sim_machine *m = sim_machine_of_node(r->client->world, broker);
    return m != NULL && m->unsound;
}

static void pause_partition(struct sim_reader *r, int32_t partition)
{
    r->partitions[partition].pause_until_ms = net_now_ms(r->client->loop) + PAUSE_MS;
}

static void read_records(struct sim_reader *r, int32_t leader, int32_t partition,
                         struct slice bytes)
{
    struct wire_batches it = wire_batches_of(bytes);
    struct wire_batch batch;
    struct arena arena = {0};
    bool got = true;
    while (got) {
        enum err e = wire_batch_next(&it, &batch, &got);
        if (e == ERR_NONE && got) {
            e = read_batch(r, partition, &batch, &arena);
        }
        if (e != ERR_NONE && is_damaged(r, leader)) {
            sim_tally(r->client->world->report, "load damaged batches read", 1);
            pause_partition(r, partition);
            break;
        }
        if (e != ERR_NONE) {
            bad(r, "Garbage: a batch that cannot be read", partition,
                r->partitions[partition].position);
            break;
        }
    }
    arena_fini(&arena);
}

static void take_partition(struct sim_reader *r, int32_t leader,
                           const struct wire_fetch_response_responses_partitions *answer)
{
    int32_t i = answer->partition_index;
    struct sim_reader_partition *p = &r->partitions[i];
    enum err e = (enum err)answer->error_code;
    int64_t trimmed = sim_ledger_trimmed(r->client->world->ledger, p->log);
    if (e == ERR_OFFSET_OUT_OF_RANGE && p->position < trimmed) {
        p->position = trimmed; /* the log begins there, or a little before */
    } else if (e == ERR_OFFSET_OUT_OF_RANGE) {
        bad(r, "LostWrite: an offset that was there is out of range", i, p->position);
    } else if (e != ERR_NONE) {
        sim_client_refresh(r->client);
        pause_partition(r, i);
    } else {
        p->high_watermark = answer->high_watermark;
        read_records(r, leader, i, answer->records);
    }
}

/* ---- fetches ---- */

static void on_fetched(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct sim_fetch *f = arg;
    struct sim_reader *r = f->reader;
    const struct wire_fetch_response *answer = response;
    bool ok = e == ERR_NONE && answer->error_code == 0;
    for (int32_t t = 0; ok && t < answer->responses_count; t++) {
        for (int32_t i = 0; i < answer->responses[t].partitions_count; i++) {
            take_partition(r, f->leader, &answer->responses[t].partitions[i]);
        }
    }
    if (!ok) {
        sim_client_refresh(r->client);
        for (int i = 0; i < f->count; i++) {
            pause_partition(r, f->partitions[i]);
        }
    }
    free_fetch(f);
    net_timer_set(&r->tick, ok ? 0 : PAUSE_MS);
}

static bool is_asked(const struct sim_reader *r, int32_t leader)
{
    LIST_EACH(at, &r->fetches)
    {
        if (LIST_ENTRY(at, struct sim_fetch, link)->leader == leader) {
            return true;
        }
    }
    return false;
}

/* The reader's own connection to a broker; the client's when it has too many. */
static struct net_client *connection(struct sim_reader *r, const struct sim_leader *leader)
{
    for (int i = 0; i < r->leader_count; i++) {
        if (r->leaders[i].id == leader->id) {
            return r->leaders[i].net;
        }
    }
    if (r->leader_count == SIM_PEERS_MAX) {
        return leader->net;
    }
    struct net_client *net = sim_client_dial(r->client, leader->id);
    r->leaders[r->leader_count++] = (struct sim_peer){leader->id, net};
    return net;
}

static void send_fetch(struct sim_reader *r, const struct sim_leader *leader, struct sim_fetch *f,
                       struct wire_fetch_request_topics_partitions *partitions)
{
    struct wire_fetch_request_topics topic = {.partitions = partitions,
                                              .partitions_count = f->count};
    if (r->version < VERSION_BY_ID) {
        topic.topic = slice_str(r->topic);
    } else {
        topic.topic_id = leader->topic_id;
    }
    struct wire_fetch_request request;
    wire_init(&wire_msg_fetch_request, &request);
    request.max_wait_ms = WAIT_MS;
    request.min_bytes = 1;
    request.max_bytes = BYTES_MAX;
    request.session_epoch = -1;
    request.topics = &topic;
    request.topics_count = 1;
    f->call = sim_client_ask(connection(r, leader), &(struct sim_ask){WIRE_API_FETCH, r->version,
                                                                      &request, on_fetched, f});
}

/* One fetch with all partitions that this leader has for us. */
static void fetch_from(struct sim_reader *r, const struct sim_leader *leader)
{
    struct wire_fetch_request_topics_partitions wanted[SIM_READER_PARTITIONS];
    struct sim_fetch *f = MEM_NEW(struct sim_fetch);
    int64_t now_ms = net_now_ms(r->client->loop);
    f->reader = r;
    f->leader = leader->id;
    for (int32_t i = 0; i < SIM_READER_PARTITIONS; i++) {
        struct sim_reader_partition *p = &r->partitions[i];
        struct sim_leader its;
        if (!p->wanted || p->busy || p->pause_until_ms > now_ms ||
            !sim_client_leader(r->client, r->topic, i, &its) || its.id != leader->id) {
            continue;
        }
        wire_init(&wire_msg_fetch_request_topics_partitions, &wanted[f->count]);
        wanted[f->count].partition = i;
        wanted[f->count].current_leader_epoch = its.epoch;
        wanted[f->count].fetch_offset = p->position;
        wanted[f->count].partition_max_bytes = BYTES_MAX;
        p->busy = true;
        p->log = sim_ledger_log(r->client->world->ledger, its.topic_id, r->topic, i);
        f->partitions[f->count++] = i;
    }
    list_add_tail(&r->fetches, &f->link);
    if (f->count == 0) {
        free_fetch(f);
        return;
    }
    send_fetch(r, leader, f, wanted);
}

static void pump(void *arg)
{
    struct sim_reader *r = arg;
    int64_t now_ms = net_now_ms(r->client->loop);
    for (int32_t i = 0; i < SIM_READER_PARTITIONS; i++) {
        struct sim_leader leader;
        struct sim_reader_partition *p = &r->partitions[i];
        if (p->wanted && !p->busy && p->pause_until_ms <= now_ms &&
            sim_client_leader(r->client, r->topic, i, &leader) && !is_asked(r, leader.id)) {
            fetch_from(r, &leader);
        }
    }
    net_timer_set(&r->tick, TICK_MS);
}
