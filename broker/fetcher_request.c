/* The follower's Fetch request: a full one to begin a session, then what changed (KIP-227). */
#include "broker/fetcher_private.h"
#include "wire/wire.h"

/* Requests are built from the list of changes; consecutive partitions of one topic share an entry.
 */
static struct wire_fetch_request_topics *topic_entry(struct wire_fetch_request *out,
                                                     struct uuid topic_id)
{
    if (out->topics_count > 0 && uuid_eq(out->topics[out->topics_count - 1].topic_id, topic_id)) {
        return &out->topics[out->topics_count - 1];
    }
    struct wire_fetch_request_topics *topic = &out->topics[out->topics_count++];
    topic->topic_id = topic_id;
    return topic;
}

/* It left the session and is back before the leader heard of it: a Kafka leader would take it in
 * and then forget it. */
static void not_forgotten(struct fetch_source *source, const uint8_t key[REPLICA_KEY_LEN])
{
    struct buf *keys = &source->forgotten;
    for (size_t at = 0; at < keys->len; at += REPLICA_KEY_LEN) {
        if (memcmp(keys->data + at, key, REPLICA_KEY_LEN) == 0) {
            keys->len -= REPLICA_KEY_LEN;
            memmove(keys->data + at, keys->data + keys->len, REPLICA_KEY_LEN);
            return;
        }
    }
}

static void fill_position(struct fetch_partition *p,
                          struct wire_fetch_request_topics_partitions *out)
{
    const struct replica *r = p->replica;
    int64_t end = r->part.log_end_offset;
    not_forgotten(p->source, r->key);
    wire_init(&wire_msg_fetch_request_topics_partitions, out);
    out->partition = r->index;
    out->current_leader_epoch = r->part.state.leader_epoch;
    out->fetch_offset = end;
    out->last_fetched_epoch =
        end > r->part.log_start_offset ? store_log_epoch_at(r->log, end - 1) : -1;
    out->log_start_offset = r->part.log_start_offset;
    out->partition_max_bytes = p->source->limits.partition_bytes_max;
    p->sent_offset = end;
    p->sent_epoch = r->part.state.leader_epoch;
    p->sent_in = p->source->requests;
    p->in_session = true;
}

static int count_changed(const struct fetch_source *source)
{
    int count = 0;
    LIST_EACH(node, &source->changed)
    {
        count++;
    }
    return count;
}

static void fill_topics(struct fetch_source *source, struct arena *arena,
                        struct wire_fetch_request *out)
{
    int count = count_changed(source);
    out->topics = arena_array(arena, (size_t)count, sizeof out->topics[0]);
    struct wire_fetch_request_topics_partitions *all =
        arena_array(arena, (size_t)count, sizeof all[0]);
    int used = 0;
    LIST_EACH(node, &source->changed)
    {
        struct fetch_partition *p = LIST_ENTRY(node, struct fetch_partition, changed);
        list_remove(node);
        struct wire_fetch_request_topics *topic = topic_entry(out, p->replica->topic_id);
        if (topic->partitions == NULL) {
            topic->partitions = &all[used];
        }
        fill_position(p, &all[used++]);
        topic->partitions_count++;
    }
}

static void fill_forgotten(struct fetch_source *source, struct arena *arena,
                           struct wire_fetch_request *out)
{
    size_t count = source->forgotten.len / REPLICA_KEY_LEN;
    if (out->session_epoch == FETCH_EPOCH_FULL || count == 0) {
        buf_reset(&source->forgotten);
        return;
    }
    out->forgotten_topics_data = arena_array(arena, count, sizeof out->forgotten_topics_data[0]);
    struct reader keys = reader_of(buf_slice(&source->forgotten));
    for (size_t i = 0; i < count; i++) {
        struct wire_fetch_request_forgotten_topics_data *topic =
            &out->forgotten_topics_data[out->forgotten_topics_data_count++];
        topic->topic_id.hi = reader_u64(&keys);
        topic->topic_id.lo = reader_u64(&keys);
        topic->partitions = arena_array(arena, 1, sizeof topic->partitions[0]);
        topic->partitions_count = 1;
        topic->partitions[0] = reader_i32(&keys);
    }
    buf_reset(&source->forgotten);
}

static bool has_active(const struct fetch_source *source)
{
    LIST_EACH(node, &source->partitions)
    {
        const struct fetch_partition *p = LIST_ENTRY(node, struct fetch_partition, node);
        if (p->in_session || !list_empty(&p->changed)) {
            return true;
        }
    }
    return false;
}

bool fetch_request_build(struct fetch_source *source, struct arena *arena,
                         struct wire_fetch_request *out)
{
    if (!has_active(source)) {
        return false;
    }
    wire_init(wire_request(WIRE_API_FETCH), out);
    out->replica_state.replica_id = source->broker->id;
    out->replica_state.replica_epoch = source->broker->epoch;
    /* The first answer brings the session's id, without which a partition that comes meanwhile
     * would have to wait for the end of the poll. */
    out->max_wait_ms = source->answered ? source->limits.wait_ms_max : 0;
    out->min_bytes = source->limits.bytes_min;
    out->max_bytes = source->limits.bytes_max;
    out->session_id = source->session_id;
    out->session_epoch = source->session_epoch;
    source->requests++;
    fill_topics(source, arena, out);
    fill_forgotten(source, arena, out);
    return true;
}
