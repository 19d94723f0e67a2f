/* Our end is not inside the leader's log: ask for its range and start where it allows.
 *
 * Two cases (KAFKA-2143): the leader's log ends before ours (it was elected uncleanly, or both lost
 * data): cut to its end. Or it begins after ours (we were away longer than its retention): drop
 * everything and begin at its start. */
#include "base/mem.h"
#include "broker/fetcher_private.h"
#include "broker/replica_log.h"
#include "wire/wire.h"

enum { LATEST = -1, EARLIEST = -2, RANGE_TIMEOUT_MS = 10000 };

/* What is asked, apart from the partition, which may go or change meanwhile. */
struct range_call {
    struct broker *broker;
    struct uuid topic_id;
    int32_t index;
    int32_t leader_epoch;
    int64_t end; /* leader's log end, once known; −1 */
};

static void ask(struct range_call *call, struct fetch_partition *p, int64_t timestamp);

static struct fetch_partition *partition_of(const struct range_call *call)
{
    struct replica *r = broker_replica(call->broker, call->topic_id, call->index);
    struct fetch_partition *p = r == NULL ? NULL : r->fetcher_state;
    bool same = p != NULL && p->resolving && r->part.state.leader_epoch == call->leader_epoch;
    return same ? p : NULL;
}

static enum err use_range(struct fetch_partition *p, int64_t start, int64_t end)
{
    struct replica *r = p->replica;
    if (r->part.log_end_offset > end) {
        return replica_log_truncate(r, end);
    }
    if (r->part.log_end_offset < start) {
        return replica_log_restart(r, start);
    }
    return ERR_OFFSET_OUT_OF_RANGE; /* inside the range, and yet refused: ask again later */
}

static void resolved(struct fetch_partition *p, enum err e)
{
    p->resolving = false;
    if (e != ERR_NONE) {
        log_warn(p->replica->broker->log, "fetcher", "range not resolved",
                 "partition=%s-%d leader=%d error=%s", p->replica->topic, p->replica->index,
                 p->source->leader_id, err_name(e));
        if (replica_is_disk_error(p->replica, e)) {
            replica_offline(p->replica, err_text(e));
            broker_fetcher_remove(p->replica);
            return;
        }
        fetch_partition_back_off(p);
        return;
    }
    fetch_partition_join(p);
}

static void on_answer(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct range_call *call = arg;
    struct fetch_partition *p = partition_of(call);
    if (p == NULL) {
        mem_free(call);
        return;
    }
    const struct wire_list_offsets_response *answer = response;
    int64_t offset = -1;
    if (e == ERR_NONE && (answer->topics_count != 1 || answer->topics[0].partitions_count != 1)) {
        e = ERR_MALFORMED;
    }
    if (e == ERR_NONE) {
        e = (enum err)answer->topics[0].partitions[0].error_code;
        offset = answer->topics[0].partitions[0].offset;
    }
    if (e == ERR_NONE && call->end < 0) {
        call->end = offset;
        ask(call, p, EARLIEST);
        return;
    }
    if (e == ERR_NONE) {
        e = use_range(p, offset, call->end);
    }
    resolved(p, e);
    mem_free(call);
}

static void ask(struct range_call *call, struct fetch_partition *p, int64_t timestamp)
{
    struct wire_list_offsets_request_topics_partitions partition;
    struct wire_list_offsets_request_topics topic;
    struct wire_list_offsets_request request;
    wire_init(&wire_msg_list_offsets_request_topics_partitions, &partition);
    wire_init(&wire_msg_list_offsets_request_topics, &topic);
    wire_init(wire_request(WIRE_API_LIST_OFFSETS), &request);
    partition.partition_index = call->index;
    partition.current_leader_epoch = call->leader_epoch;
    partition.timestamp = timestamp;
    topic.name = slice_str(p->replica->topic);
    topic.partitions = &partition;
    topic.partitions_count = 1;
    request.replica_id = call->broker->id;
    request.topics = &topic;
    request.topics_count = 1;
    struct net_call_args args = {.api = WIRE_API_LIST_OFFSETS,
                                 .version = FETCH_LIST_VERSION,
                                 .request = &request,
                                 .timeout_ms = RANGE_TIMEOUT_MS,
                                 .done = on_answer,
                                 .arg = call};
    net_call(p->source->client, &args);
}

void fetch_partition_resolve(struct fetch_partition *p)
{
    struct replica *r = p->replica;
    log_info(r->broker->log, "fetcher", "offset not in the leader's log",
             "partition=%s-%d leader=%d offset=%" PRId64, r->topic, r->index, p->source->leader_id,
             r->part.log_end_offset);
    /* Out of the session until it is known where to go on. */
    fetch_partition_leave(p);
    p->resolving = true;
    struct range_call *call = MEM_NEW(struct range_call);
    *call = (struct range_call){.broker = r->broker,
                                .topic_id = r->topic_id,
                                .index = r->index,
                                .leader_epoch = r->part.state.leader_epoch,
                                .end = -1};
    ask(call, p, LATEST);
}
