/* Fetch: names what each partition can give, waits for more if that is too little.
 *
 * A pass over the session's entries that are due reads (as file ranges, nothing is copied) and adds
 * up the bytes. Enough, an error, or no time left: answer. Otherwise the request is parked and the
 * pass is made again when one of its partitions has news. */
#include "base/mem.h"
#include "broker/api/api.h"
#include "broker/api/fetch_private.h"

enum { FETCH_VERSION_REPLICA_STATE = 15 };

/* ---- one partition ---- */

static enum err find_replica(const struct fetch *fetch, struct fetch_result *result)
{
    const struct fetch_entry *entry = result->entry;
    struct broker *broker = fetch->broker;
    if (!slice_is_null(entry->topic)) {
        return broker_replica_find(broker, entry->topic, entry->index, &result->replica);
    }
    return broker_replica_find_id(broker, entry->topic_id, entry->index, &result->replica);
}

/* Where the fetcher's log and ours part, if they do (KIP-595's form of KIP-101). */
static enum err check_divergence(struct fetch_result *result)
{
    const struct fetch_entry *entry = result->entry;
    if (entry->last_fetched_epoch < 0) {
        return ERR_NONE;
    }
    struct store_epoch_end end =
        store_log_epoch_end(result->replica->log, entry->last_fetched_epoch);
    if (end.epoch < 0 || end.end_offset < 0) {
        return ERR_OFFSET_OUT_OF_RANGE;
    }
    result->diverging =
        end.epoch != entry->last_fetched_epoch || end.end_offset < entry->fetch_offset;
    result->diverging_end = end;
    return ERR_NONE;
}

static enum err check_range(const struct fetch_result *result)
{
    const struct partition *part = &result->replica->part;
    int64_t offset = result->entry->fetch_offset;
    return offset < part->log_start_offset || offset > part->log_end_offset
               ? ERR_OFFSET_OUT_OF_RANGE
               : ERR_NONE;
}

/* A follower whose session knows another log start is told at once: DeleteRecords waits for it. */
static bool log_start_is_news(const struct fetch *fetch, const struct fetch_result *result)
{
    int64_t answered = result->entry->answered_log_start;
    return fetch_is_follower(fetch) && fetch->session->incremental && answered >= 0 &&
           result->error == ERR_NONE && answered != result->replica->part.log_start_offset;
}

/* The follower has everything below its offset: that may move the high watermark. */
static enum err note_follower(struct fetch *fetch, struct fetch_result *result)
{
    struct replica *r = result->replica;
    struct partition_eligibility may_join = replica_eligibility(r);
    struct partition_fetch fetched = {.replica_id = fetch->session->replica_id,
                                      .broker_epoch = fetch->broker_epoch,
                                      .fetch_offset = result->entry->fetch_offset,
                                      .log_start_offset = result->entry->log_start_offset};
    struct partition_effects effects;
    TRY(partition_fetched(&r->part, &fetched, net_now_ms(fetch->broker->loop), &may_join,
                          &effects));
    replica_obey(r, &effects);
    return ERR_NONE;
}

/* A follower that catches up while its partition is moved, and the rate for that is used up. */
static bool is_held_up(const struct fetch *fetch, const struct replica *r)
{
    return fetch_is_follower(fetch) && r->config.leader_throttled &&
           !partition_in_isr(&r->part, fetch->session->replica_id) &&
           broker_throttle_exceeded(&fetch->broker->leader_throttle,
                                    net_now_ms(fetch->broker->loop));
}

/* How far this fetcher may read. */
static int64_t limit_of(const struct fetch *fetch, const struct replica *r)
{
    return fetch_is_follower(fetch) ? r->part.log_end_offset : r->part.high_watermark;
}

static enum err read_log(struct fetch_result *result, const struct store_read_query *query)
{
    struct replica *r = result->replica;
    enum err e = store_log_read(r->log, query, &result->read);
    if (e != ERR_NONE && replica_is_disk_error(r, e)) {
        replica_offline(r, err_text(e));
        return ERR_KAFKA_STORAGE_ERROR;
    }
    return e;
}

static enum err read_partition(struct fetch *fetch, struct fetch_result *result, int64_t room,
                               bool first_pass)
{
    TRY(find_replica(fetch, result));
    struct replica *r = result->replica;
    TRY(replica_check_leader(r, result->entry->current_leader_epoch));
    TRY(check_divergence(result));
    if (result->diverging) {
        return ERR_NONE;
    }
    TRY(check_range(result));
    if (fetch_is_follower(fetch) && first_pass) {
        TRY(note_follower(fetch, result));
    }
    int64_t limit = limit_of(fetch, r);
    if (result->entry->fetch_offset >= limit || result->entry->max_bytes < 0) {
        return ERR_NONE;
    }
    if (is_held_up(fetch, r)) {
        return ERR_NONE;
    }
    bool nothing_yet = room == fetch->max_bytes;
    struct store_read_query query = {
        .offset = result->entry->fetch_offset,
        .end_offset = limit,
        .max_bytes = (uint32_t)min_i64(result->entry->max_bytes, max_i64(room, 0)),
        .min_one = nothing_yet};
    if (query.max_bytes == 0 && !query.min_one) {
        return ERR_NONE;
    }
    return read_log(result, &query);
}

/* Whether nothing is to be said of the entry, or done about it, until something happens to the
 * replica. Of a follower its place in the ISR and the high watermark depend, too, as long as those
 * are not settled: then each of its fetches counts. */
static bool may_rest(const struct fetch *fetch, const struct fetch_result *result)
{
    if (fetch_has_news(fetch, result)) {
        return false;
    }
    const struct partition *part = &result->replica->part;
    int64_t offset = result->entry->fetch_offset;
    return fetch_is_follower(fetch)
               ? offset == part->log_end_offset && offset == part->high_watermark &&
                     partition_in_isr(part, fetch->session->replica_id) && !part->proposal_in_flight
               : offset >= part->high_watermark;
}

/* ---- the answer ---- */

/* Gives back what the last pass read. */
static void drop_reads(struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++) {
        struct fetch_result *result = &fetch->results[i];
        if (result->read.file != NULL) {
            store_read_done(&result->read);
            result->read = (struct store_read){0};
        }
    }
}

static void retry(void *arg);

static void finish(struct fetch *fetch)
{
    if (fetch->retry_deferred) {
        net_undefer(fetch->broker->loop, retry, fetch);
    }
    drop_reads(fetch);
    mem_free(fetch->results);
    mem_free(fetch);
}

static void count_throttled(struct fetch *fetch)
{
    for (size_t i = 0; fetch_is_follower(fetch) && i < fetch->count; i++) {
        const struct fetch_result *result = &fetch->results[i];
        if (result->replica != NULL && result->replica->config.leader_throttled &&
            result->read.length > 0) {
            broker_throttle_take(&fetch->broker->leader_throttle, result->read.length,
                                 net_now_ms(fetch->broker->loop));
        }
    }
}

static void answer(struct fetch *fetch)
{
    net_timer_stop(&fetch->timer);
    count_throttled(fetch);
    struct wire_fetch_response response;
    wire_init(wire_response(WIRE_API_FETCH), &response);
    response.session_id = fetch->session->id;
    struct net_file *files = arena_array(&fetch->req->arena, fetch->count, sizeof *files);
    int file_count = 0;
    fetch_fill_responses(fetch, &response, files, &file_count);
    net_reply_files(fetch->req, &response, files, file_count);
    broker_session_done(fetch->broker->sessions, fetch->session);
    finish(fetch);
}

/* ---- waiting ---- */

static bool read_all(struct fetch *fetch, bool first_pass);

/* The wait is over: with what there is now, as the reads of the last pass were given back and
 * replicas may have gone since. */
static void answer_late(void *arg)
{
    read_all(arg, false);
    answer(arg);
}

static void on_gone(void *arg)
{
    struct fetch *fetch = arg;
    net_timer_stop(&fetch->timer);
    net_request_close(fetch->req);
    broker_session_done(fetch->broker->sessions, fetch->session);
    finish(fetch);
}

static void retry(void *arg)
{
    struct fetch *fetch = arg;
    fetch->retry_deferred = false;
    if (read_all(fetch, false)) {
        answer(fetch);
    } else {
        drop_reads(fetch);
    }
}

static void on_woken(void *arg)
{
    struct fetch *fetch = arg;
    if (!fetch->retry_deferred) {
        fetch->retry_deferred = true;
        net_defer(fetch->broker->loop, retry, fetch);
    }
}

static void collect_due(struct fetch *fetch)
{
    const struct fetch_session *session = fetch->session;
    drop_reads(fetch);
    if (session->due_count > fetch->room) {
        mem_free(fetch->results);
        fetch->room = session->due_count;
        fetch->results = mem_zalloc(fetch->room, sizeof *fetch->results);
    }
    fetch->count = 0;
    LIST_EACH(node, &session->due)
    {
        fetch->results[fetch->count++] =
            (struct fetch_result){.entry = LIST_ENTRY(node, struct fetch_entry, due_node)};
    }
    ASSERT(fetch->count == session->due_count);
}

/* Reads everything that is due, once. True: there is enough to answer. */
static bool read_all(struct fetch *fetch, bool first_pass)
{
    int64_t room = fetch->max_bytes;
    bool answer_now = false;
    collect_due(fetch);
    for (size_t i = 0; i < fetch->count; i++) {
        struct fetch_result *result = &fetch->results[i];
        result->error = read_partition(fetch, result, room, first_pass);
        answer_now = answer_now || result->error != ERR_NONE || result->diverging ||
                     log_start_is_news(fetch, result);
        room -= result->read.length;
        fetch_entry_watch(result->entry, result->replica);
        if ((first_pass || !fetch_is_follower(fetch)) && may_rest(fetch, result)) {
            fetch_entry_rest(result->entry);
        }
    }
    return answer_now || fetch->max_bytes - room >= fetch->min_bytes;
}

/* ---- arrival ---- */

static struct fetch *fetch_new(struct broker *broker, struct net_request *req,
                               struct fetch_session *session)
{
    const struct wire_fetch_request *request = req->body;
    struct fetch *fetch = MEM_NEW(struct fetch);
    bool has_state = req->header.api_version >= FETCH_VERSION_REPLICA_STATE;
    fetch->broker = broker;
    fetch->req = req;
    fetch->session = session;
    fetch->broker_epoch = has_state ? request->replica_state.replica_epoch : -1;
    fetch->min_bytes = request->min_bytes;
    int32_t limit =
        fetch_is_follower(fetch) ? INT32_MAX : settings_int(broker->settings, "fetch.max.bytes");
    fetch->max_bytes = (int32_t)min_i64(max_i64(request->max_bytes, 0), limit);
    net_timer_init(&fetch->timer, req->loop, answer_late, fetch);
    session->parked = fetch;
    session->hurry = answer_late;
    session->woken = on_woken;
    return fetch;
}

static void refuse(struct net_request *req, enum err error)
{
    struct wire_fetch_response response;
    wire_init(wire_response(WIRE_API_FETCH), &response);
    response.error_code = err_wire(error);
    net_reply(req, &response);
}

void broker_api_fetch(void *arg, struct net_request *req)
{
    struct broker *broker = arg;
    const struct wire_fetch_request *request = req->body;
    struct fetch_session *session;
    enum err e = broker_session_open(broker->sessions, request, req->header.api_version, &session);
    if (e != ERR_NONE) {
        refuse(req, e);
        return;
    }
    struct fetch *fetch = fetch_new(broker, req, session);
    int32_t wait_ms = request->max_wait_ms;
    bool closing = request->session_epoch < 0 && request->session_id != 0;
    if (read_all(fetch, true) || wait_ms <= 0 || closing || session->count == 0) {
        answer(fetch);
        return;
    }
    drop_reads(fetch);
    net_request_drop_body(req);
    net_request_on_close(req, on_gone, fetch);
    net_timer_set(&fetch->timer, wait_ms);
}
