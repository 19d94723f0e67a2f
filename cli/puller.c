/* Reading of records; see puller.h. */
#include "cli/puller.h"

#include <stdio.h>

#include "base/mem.h"
#include "cli/aborted.h"

enum {
    FETCH_VERSION = 12,
    WAIT_MS = 500, /* how long a leader may wait for records */
    PARTITION_BYTES = 1 << 20,
    RESPONSE_BYTES = 32 << 20,
    BATCH_BYTES_MAX = 1 << 30, /* decompressed */
    PAUSE_MS = 100,
    ANSWER_MS_MAX = 30000,
};

struct pulled {
    struct slice topic;
    int32_t id;
    int32_t leader;
    int64_t next;
    int64_t end;       /* read up to here */
    int64_t good_ms;   /* when it was read last */
    struct pull *pull; /* the request under way; NULL: none */
    bool is_wanted;
    bool is_lost; /* the offset is not there (any more) */
};

/* A request to one leader. */
struct pull {
    struct list link;
    struct puller *puller;
    struct net_call *call;
    int32_t leader;
};

struct puller {
    struct puller_options options;
    struct net_loop *loop;
    struct arena arena;        /* names of topics */
    struct pulled *partitions; /* those of a topic are together, as a rule */
    int32_t partition_count;
    int32_t room;
    struct list pulls;
    bool is_stale;
    bool is_over; /* the callback wants no more */
    int64_t refresh_ms;
    enum err fatal;
    char reason[256]; /* of the last failure */
};

/* ---- life ---- */

struct puller *puller_new(const struct puller_options *options)
{
    struct puller *p = MEM_NEW(struct puller);
    p->options = *options;
    p->loop = client_loop(options->cluster->client);
    list_init(&p->pulls);
    return p;
}

void puller_clear(struct puller *p)
{
    LIST_EACH(at, &p->pulls)
    {
        struct pull *pull = LIST_ENTRY(at, struct pull, link);
        list_remove(&pull->link);
        net_call_cancel(pull->call);
        mem_free(pull);
    }
    p->partition_count = 0;
    arena_fini(&p->arena);
    p->fatal = ERR_NONE;
}

void puller_free(struct puller *p)
{
    if (p == NULL) {
        return;
    }
    puller_clear(p);
    mem_free(p->partitions);
    mem_free(p);
}

/* ---- partitions ---- */

static void learn_leader(const struct puller *p, struct pulled *pulled)
{
    enum err why;
    pulled->leader = cluster_leader(p->options.cluster, pulled->topic, pulled->id, &why);
}

/* The partition, looked for from the `*hint`th on, which is set to the one behind it; NULL: it is
 * not read. */
static struct pulled *find(const struct puller *p, struct slice topic, int32_t id, int32_t *hint)
{
    for (int32_t i = 0; i < p->partition_count; i++) {
        int32_t at = (*hint + i) % p->partition_count;
        struct pulled *pulled = &p->partitions[at];
        if (pulled->id == id && slice_eq(pulled->topic, topic)) {
            *hint = at + 1;
            return pulled;
        }
    }
    return NULL;
}

void puller_add(struct puller *p, const struct puller_range *range)
{
    if (p->partition_count == p->room) {
        p->room = p->room == 0 ? 16 : 2 * p->room;
        p->partitions = mem_realloc(p->partitions, (size_t)p->room * sizeof *p->partitions);
    }
    const struct pulled *last =
        p->partition_count == 0 ? NULL : &p->partitions[p->partition_count - 1];
    struct pulled *pulled = &p->partitions[p->partition_count++];
    *pulled = (struct pulled){.id = range->partition,
                              .is_wanted = range->from < range->to,
                              .next = range->from,
                              .end = range->to,
                              .good_ms = net_now_ms(p->loop)};
    bool is_same = last != NULL && slice_eq(last->topic, range->topic);
    pulled->topic = is_same ? last->topic : arena_dup(&p->arena, range->topic);
    learn_leader(p, pulled);
}

int64_t puller_position(const struct puller *p, struct slice topic, int32_t partition)
{
    int32_t hint = 0;
    const struct pulled *pulled = find(p, topic, partition, &hint);
    return pulled == NULL ? -1 : pulled->next;
}

bool puller_is_done(const struct puller *p)
{
    for (int32_t i = 0; i < p->partition_count && !p->is_over; i++) {
        if (p->partitions[i].is_wanted) {
            return false;
        }
    }
    return true;
}

/* ---- what comes ---- */

static void try_again(struct puller *p, const char *why)
{
    snprintf(p->reason, sizeof p->reason, "%s", why);
    if (!p->is_stale) {
        p->is_stale = true;
        p->refresh_ms = net_now_ms(p->loop) + PAUSE_MS;
    }
}

static void advance(struct pulled *pulled, int64_t next)
{
    pulled->next = max_i64(pulled->next, next);
    pulled->is_wanted = pulled->next < pulled->end;
}

static enum err read_records(struct puller *p, struct pulled *pulled,
                             const struct wire_batch *batch, struct arena *arena)
{
    struct wire_records records;
    TRY(wire_records_open(&records, batch, BATCH_BYTES_MAX, arena));
    while (!p->is_over && pulled->is_wanted) {
        struct puller_record found = {.topic = pulled->topic,
                                      .partition = pulled->id,
                                      .is_append_time =
                                          wire_batch_has(batch, WIRE_BATCH_LOG_APPEND_TIME)};
        bool got;
        TRY(wire_record_next(&records, &found.record, &got));
        if (!got) {
            break;
        }
        if (found.record.offset >= pulled->next && found.record.offset < pulled->end) {
            p->is_over = !p->options.each(p->options.arg, &found);
            advance(pulled, found.record.offset + 1);
        }
    }
    return ERR_NONE;
}

/* ---- batches ---- */

static enum err read_batch(struct puller *p, struct pulled *pulled, const struct wire_batch *batch,
                           struct aborted *aborted)
{
    TRY(wire_batch_check_crc(batch));
    bool hidden;
    TRY(aborted_hides(aborted, batch, &hidden));
    if (!hidden) {
        struct arena arena = {0};
        enum err e = read_records(p, pulled, batch, &arena);
        arena_fini(&arena);
        TRY(e);
    }
    if (!p->is_over) { /* else the callback has not seen all of it */
        advance(pulled, wire_batch_last_offset(batch) + 1);
    }
    return ERR_NONE;
}

static enum err read_batches(struct puller *p, struct pulled *pulled,
                             const struct wire_fetch_response_responses_partitions *result)
{
    struct wire_batches it = wire_batches_of(result->records);
    struct aborted aborted;
    aborted_init(&aborted, result);
    enum err e = ERR_NONE;
    bool got = true;
    while (e == ERR_NONE && got && !p->is_over && pulled->is_wanted) {
        struct wire_batch batch;
        e = wire_batch_next(&it, &batch, &got);
        if (e == ERR_NONE && got) {
            e = read_batch(p, pulled, &batch, &aborted);
        }
    }
    aborted_fini(&aborted);
    return e;
}

static void refuse(struct puller *p, const struct pulled *pulled, enum err e)
{
    p->fatal = e;
    cli_complain(p->options.cli, "%.*s-%" PRId32 " cannot be read at offset %" PRId64 ": %s",
                 SLICE_ARG(pulled->topic), pulled->id, pulled->next, err_text(e));
}

static void take_partition(struct puller *p, struct pulled *pulled,
                           const struct wire_fetch_response_responses_partitions *result)
{
    enum err e = (enum err)result->error_code;
    if (e == ERR_OFFSET_OUT_OF_RANGE) {
        pulled->is_lost = true;
    } else if (e != ERR_NONE && err_class(e) == ERR_CLASS_RETRY) {
        try_again(p, err_text(e));
    } else if (e != ERR_NONE) {
        refuse(p, pulled, e);
    } else {
        pulled->good_ms = net_now_ms(p->loop);
        e = read_batches(p, pulled, result);
        if (e != ERR_NONE) {
            refuse(p, pulled, e);
        }
    }
}

static void take_response(struct pull *pull, const struct wire_fetch_response *response)
{
    struct puller *p = pull->puller;
    if (response->error_code != 0) {
        try_again(p, err_text((enum err)response->error_code));
    }
    int32_t hint = 0;
    for (int32_t i = 0; i < response->responses_count; i++) {
        for (int32_t k = 0; k < response->responses[i].partitions_count; k++) {
            const struct wire_fetch_response_responses_partitions *result =
                &response->responses[i].partitions[k];
            struct pulled *pulled =
                find(p, response->responses[i].topic, result->partition_index, &hint);
            if (pulled != NULL && pulled->pull == pull) {
                take_partition(p, pulled, result);
            }
        }
    }
}

static void answered(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct pull *pull = arg;
    struct puller *p = pull->puller;
    if (e == ERR_NONE) {
        take_response(pull, response);
        if (p->options.after != NULL) {
            p->options.after(p->options.arg);
        }
    } else {
        struct client *client = p->options.cluster->client;
        struct net_client *net = client_node_net(client, pull->leader);
        const char *failure = net == NULL ? NULL : net_client_failure(net);
        char why[256];
        snprintf(why, sizeof why, "broker %" PRId32 ": %s", pull->leader,
                 failure != NULL ? failure : err_text(e));
        try_again(p, why);
    }
    for (int32_t i = 0; i < p->partition_count; i++) {
        if (p->partitions[i].pull == pull) {
            p->partitions[i].pull = NULL;
        }
    }
    list_remove(&pull->link);
    mem_free(pull);
}

/* ---- asking ---- */

/* What `pull`'s leader leads, topic by topic. */
static void fill(struct puller *p, struct pull *pull, struct arena *arena,
                 struct wire_fetch_request *request)
{
    request->topics = wire_new_array(&wire_msg_fetch_request_topics, arena, p->partition_count);
    struct wire_fetch_request_topics *topic = NULL;
    for (int32_t i = 0; i < p->partition_count; i++) {
        struct pulled *pulled = &p->partitions[i];
        if (!pulled->is_wanted || pulled->leader != pull->leader) {
            continue;
        }
        if (topic == NULL || !slice_eq(topic->topic, pulled->topic)) {
            topic = &request->topics[request->topics_count++];
            topic->topic = pulled->topic;
            topic->partitions = wire_new_array(&wire_msg_fetch_request_topics_partitions, arena,
                                               p->partition_count - i);
        }
        struct wire_fetch_request_topics_partitions *row =
            &topic->partitions[topic->partitions_count++];
        row->partition = pulled->id;
        row->fetch_offset = pulled->next;
        row->partition_max_bytes = PARTITION_BYTES;
        pulled->pull = pull;
    }
}

static void ask(struct puller *p, int32_t leader)
{
    struct arena arena = {0};
    struct pull *pull = MEM_NEW(struct pull);
    pull->puller = p;
    pull->leader = leader;
    list_add_tail(&p->pulls, &pull->link);
    struct wire_fetch_request request;
    wire_init(&wire_msg_fetch_request, &request);
    request.max_wait_ms = WAIT_MS;
    request.min_bytes = 1;
    request.max_bytes = RESPONSE_BYTES;
    request.isolation_level = p->options.reads_committed;
    request.session_epoch = -1; /* no session */
    fill(p, pull, &arena, &request);
    struct net_call_args args = {.api = WIRE_API_FETCH,
                                 .version = FETCH_VERSION,
                                 .request = &request,
                                 .timeout_ms =
                                     WAIT_MS + min_i64(p->options.timeout_ms, ANSWER_MS_MAX),
                                 .done = answered,
                                 .arg = pull};
    pull->call = net_call(client_node_net(p->options.cluster->client, leader), &args);
    arena_fini(&arena);
}

static bool is_busy(const struct puller *p, int32_t leader)
{
    LIST_EACH(at, &p->pulls)
    {
        if (LIST_ENTRY(at, struct pull, link)->leader == leader) {
            return true;
        }
    }
    return false;
}

/* Why a partition has no leader that is known; NULL: it has one. */
static const char *why_no_leader(const struct puller *p, const struct pulled *pulled)
{
    enum err why = ERR_NONE;
    if (cluster_leader(p->options.cluster, pulled->topic, pulled->id, &why) >= 0) {
        return NULL;
    }
    const struct wire_metadata_response_topics *topic =
        cluster_topic(p->options.cluster, pulled->topic);
    return topic == NULL ? "the topic is gone" : err_text(why);
}

static void maybe_refresh(struct puller *p)
{
    if (!p->is_stale || p->refresh_ms > net_now_ms(p->loop)) {
        return;
    }
    struct cluster *cluster = p->options.cluster;
    struct arena arena = {0};
    struct slice *names = ARENA_ARRAY(&arena, (size_t)p->partition_count + 1, struct slice);
    for (int32_t i = 0; i < p->partition_count; i++) {
        names[i] = p->partitions[i].topic;
    }
    p->is_stale = false;
    client_restart_clock(cluster->client);
    enum err e = cluster_refresh(cluster, names, p->partition_count);
    arena_fini(&arena);
    if (e != ERR_NONE) {
        try_again(p, client_why(cluster->client));
        return;
    }
    for (int32_t i = 0; i < p->partition_count; i++) {
        learn_leader(p, &p->partitions[i]);
        const char *why = p->partitions[i].is_wanted ? why_no_leader(p, &p->partitions[i]) : NULL;
        if (why != NULL) {
            try_again(p, why);
        }
    }
}

/* ---- offsets that are not there ---- */

static enum err find_end(struct puller *p, const struct pulled *pulled, int64_t timestamp,
                         int64_t *out)
{
    struct cluster_offset item = {
        .topic = pulled->topic, .partition = pulled->id, .timestamp = timestamp};
    TRY(cluster_offsets(p->options.cluster, &item, 1));
    *out = item.offset;
    return item.error;
}

static enum err reset(struct puller *p, struct pulled *pulled, int64_t start, int64_t end)
{
    int64_t next = pulled->next < start ? start : end;
    switch (p->options.reset) {
    case PULLER_NONE:
        cli_complain(p->options.cli,
                     "%.*s-%" PRId32 " has no offset %" PRId64 ", only %" PRId64 " to %" PRId64,
                     SLICE_ARG(pulled->topic), pulled->id, pulled->next, start, end);
        return ERR_OFFSET_OUT_OF_RANGE;
    case PULLER_NEAREST:
        cli_complain(p->options.cli,
                     "%.*s-%" PRId32 " has no offset %" PRId64 " any more; going on with %" PRId64,
                     SLICE_ARG(pulled->topic), pulled->id, pulled->next, next);
        break;
    case PULLER_EARLIEST:
        next = start;
        break;
    case PULLER_LATEST:
        next = end;
        break;
    }
    pulled->next = next;
    advance(pulled, next);
    return ERR_NONE;
}

/* Retention took records before they were read, or a leader lost some. */
static enum err find_again(struct puller *p, struct pulled *pulled)
{
    int64_t start = -1;
    int64_t end = -1;
    client_restart_clock(p->options.cluster->client);
    enum err e = find_end(p, pulled, CLUSTER_EARLIEST, &start);
    if (e == ERR_NONE) {
        e = find_end(p, pulled, CLUSTER_LATEST, &end);
    }
    if (e != ERR_NONE) {
        try_again(p, err_text(e));
        return err_class(e) == ERR_CLASS_RETRY ? ERR_NONE : e;
    }
    pulled->is_lost = false;
    return pulled->next < start || pulled->next > end ? reset(p, pulled, start, end) : ERR_NONE;
}

static enum err check(struct puller *p, struct pulled *pulled)
{
    if (pulled->is_lost && pulled->pull == NULL) {
        TRY(find_again(p, pulled));
    }
    if (pulled->pull == NULL && net_now_ms(p->loop) - pulled->good_ms > p->options.timeout_ms) {
        cli_complain(p->options.cli, "%.*s-%" PRId32 " could not be read for %" PRId64 " s: %s",
                     SLICE_ARG(pulled->topic), pulled->id, p->options.timeout_ms / 1000,
                     p->reason[0] == '\0' ? "it has no leader" : p->reason);
        return ERR_TIMED_OUT;
    }
    return ERR_NONE;
}

enum err puller_step(struct puller *p)
{
    maybe_refresh(p);
    for (int32_t i = 0; i < p->partition_count && !p->is_over; i++) {
        struct pulled *pulled = &p->partitions[i];
        if (!pulled->is_wanted) {
            continue;
        }
        TRY(p->fatal);
        TRY(check(p, pulled));
        if (p->is_stale || pulled->pull != NULL || !pulled->is_wanted) {
            continue;
        }
        if (!client_has_node(p->options.cluster->client, pulled->leader)) {
            try_again(p, "it has no leader");
        } else if (!is_busy(p, pulled->leader)) {
            ask(p, pulled->leader);
        }
    }
    return p->fatal;
}
