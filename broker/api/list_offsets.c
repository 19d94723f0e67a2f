/* ListOffsets: the earliest, the latest, the one with the largest timestamp, or the first at or
 * after a time. */
#include "base/map.h"
#include "base/mem.h"
#include "broker/api/api.h"
#include "broker/replica.h"
#include "wire/batch.h"
#include "wire/wire.h"

/* The timestamps with a meaning of their own (KIP-79, KIP-405, KIP-734, KIP-1005). */
enum { LATEST = -1, EARLIEST = -2, MAX_TIMESTAMP = -3, EARLIEST_LOCAL = -4, LATEST_TIERED = -5 };

/* Who asks: a follower's number, or one of these. A debugging client may ask any replica. */
enum { REPLICA_CONSUMER = -1, REPLICA_DEBUGGING = -2 };

enum {
    UNFOLDED_BYTES_MAX = 128 << 20,
    LIST_VERSION_LEADER_EPOCH = 4,
    LIST_VERSION_NOT_AVAILABLE = 5,
    LIST_VERSION_MAX_TIMESTAMP = 7,
    LIST_VERSION_EARLIEST_LOCAL = 8,
    LIST_VERSION_LATEST_TIERED = 9
};

#define QUESTION struct wire_list_offsets_request_topics_partitions
#define ANSWER struct wire_list_offsets_response_topics_partitions

/* The first record of the batch at or after `wanted`, or, with `largest`, the first with the
 * largest timestamp. */
static enum err find_in_records(struct slice bytes, int64_t wanted, bool largest, ANSWER *out)
{
    struct arena arena = {0};
    struct wire_batch batch;
    struct wire_records records;
    struct wire_record record;
    bool got = true;
    enum err e = wire_batch_parse(bytes, &batch);
    if (e == ERR_NONE) {
        e = wire_records_open(&records, &batch, UNFOLDED_BYTES_MAX, &arena);
    }
    while (e == ERR_NONE && got) {
        e = wire_record_next(&records, &record, &got);
        bool better = largest ? record.timestamp > out->timestamp
                              : out->offset < 0 && record.timestamp >= wanted;
        if (e == ERR_NONE && got && better) {
            out->timestamp = record.timestamp;
            out->offset = record.offset;
        }
    }
    arena_fini(&arena);
    return e;
}

static enum err find_by_time(struct replica *r, int64_t timestamp, ANSWER *out)
{
    bool largest = timestamp == MAX_TIMESTAMP;
    struct store_batch batch;
    struct store_read read;
    bool found;
    TRY(largest ? store_log_find_max_timestamp(r->log, &batch, &read, &found)
                : store_log_find_timestamp(r->log, timestamp, &batch, &read, &found));
    if (!found) {
        return ERR_NONE;
    }
    uint8_t *bytes = mem_alloc(read.length);
    enum err e = store_read_copy(&read, bytes);
    if (e == ERR_NONE) {
        e = find_in_records(slice_of(bytes, read.length), timestamp, largest, out);
    }
    mem_free(bytes);
    store_read_done(&read);
    return e;
}

/* A time, or a word that this version has. */
static bool is_supported(int64_t timestamp, int16_t version)
{
    switch (timestamp) {
    case LATEST:
    case EARLIEST:
        return true;
    case MAX_TIMESTAMP:
        return version >= LIST_VERSION_MAX_TIMESTAMP;
    case EARLIEST_LOCAL:
        return version >= LIST_VERSION_EARLIEST_LOCAL;
    case LATEST_TIERED:
        return version >= LIST_VERSION_LATEST_TIERED;
    default:
        return timestamp >= 0;
    }
}

/* A new leader's consumers may not be told what could still be lost: not until the high watermark
 * has reached the start of its epoch. */
static enum err find_offset(struct replica *r, int64_t timestamp, bool consumer, ANSWER *out)
{
    int64_t limit = consumer ? r->part.high_watermark : r->part.log_end_offset;
    enum err hidden =
        consumer && !partition_offsets_known(&r->part) ? ERR_OFFSET_NOT_AVAILABLE : ERR_NONE;
    switch (timestamp) {
    case LATEST:
        out->offset = hidden == ERR_NONE ? limit : -1;
        return hidden;
    case EARLIEST:
    case EARLIEST_LOCAL:
        out->offset = r->part.log_start_offset;
        return ERR_NONE;
    case LATEST_TIERED:
        return ERR_NONE; /* there is no tiered storage: no such offset */
    default:
        break;
    }
    TRY(find_by_time(r, timestamp, out));
    if (out->offset >= 0 && out->offset < limit) {
        return ERR_NONE;
    }
    out->offset = -1;
    out->timestamp = -1;
    return hidden;
}

struct listing {
    struct broker *broker;
    struct net_request *req;
    struct map seen; /* partitions that were asked for, by name and index */
};

/* Kafka refuses what is asked for twice, from the second time on. */
static bool is_repeated(struct listing *l, struct slice topic, int32_t index)
{
    char *key = arena_printf(&l->req->arena, "%.*s-%" PRId32, SLICE_ARG(topic), index);
    return map_put(&l->seen, slice_str(key), key) != NULL;
}

static enum err answer_partition(struct listing *l, struct slice topic, const QUESTION *question,
                                 ANSWER *out)
{
    struct replica *r;
    const struct wire_list_offsets_request *request = l->req->body;
    if (is_repeated(l, topic, question->partition_index)) {
        return ERR_INVALID_REQUEST;
    }
    if (!is_supported(question->timestamp, l->req->header.api_version)) {
        return ERR_UNSUPPORTED_VERSION;
    }
    TRY(broker_replica_find(l->broker, topic, question->partition_index, &r));
    TRY(request->replica_id == REPLICA_DEBUGGING
            ? partition_check_epoch(&r->part, question->current_leader_epoch)
            : replica_check_leader(r, question->current_leader_epoch));
    TRY(find_offset(r, question->timestamp, request->replica_id == REPLICA_CONSUMER, out));
    if (out->offset >= 0) {
        out->leader_epoch = out->offset >= r->part.log_end_offset
                                ? r->part.state.leader_epoch
                                : store_log_epoch_at(r->log, out->offset);
    }
    return ERR_NONE;
}

static void answer_topic(struct listing *l, const struct wire_list_offsets_request_topics *topic,
                         struct wire_list_offsets_response_topics *out)
{
    int16_t version = l->req->header.api_version;
    out->name = topic->name;
    out->partitions = wire_new_array(&wire_msg_list_offsets_response_topics_partitions,
                                     &l->req->arena, topic->partitions_count);
    out->partitions_count = topic->partitions_count;
    for (int i = 0; i < topic->partitions_count; i++) {
        ANSWER *answer = &out->partitions[i];
        answer->partition_index = topic->partitions[i].partition_index;
        enum err e = answer_partition(l, topic->name, &topic->partitions[i], answer);
        if (e == ERR_OFFSET_NOT_AVAILABLE && version < LIST_VERSION_NOT_AVAILABLE) {
            e = ERR_LEADER_NOT_AVAILABLE; /* the older clients' word for "ask again" */
        }
        answer->error_code = err_wire(e);
        if (version < LIST_VERSION_LEADER_EPOCH) {
            answer->leader_epoch = -1; /* the field is not ignorable */
        }
    }
}

void broker_api_list_offsets(void *broker, struct net_request *req)
{
    const struct wire_list_offsets_request *request = req->body;
    struct wire_list_offsets_response response;
    struct listing listing = {.broker = broker, .req = req};
    wire_init(wire_response(WIRE_API_LIST_OFFSETS), &response);
    response.topics =
        wire_new_array(&wire_msg_list_offsets_response_topics, &req->arena, request->topics_count);
    response.topics_count = request->topics_count;
    for (int t = 0; t < request->topics_count; t++) {
        answer_topic(&listing, &request->topics[t], &response.topics[t]);
    }
    map_fini(&listing.seen);
    net_reply(req, &response);
}
