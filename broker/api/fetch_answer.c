/* The answer to a Fetch: what each partition gave, where its bytes are, who leads it now. */
#include "base/mem.h"
#include "broker/api/fetch_private.h"
#include "broker/leader_hint.h"

enum { FETCH_VERSION_LEADER = 12 /* CurrentLeader in errors */, FETCH_VERSION_ENDPOINTS = 16 };

#define ANSWER struct wire_fetch_response_responses_partitions

static void release_read(void *arg)
{
    struct store_read *read = arg;
    store_read_done(read);
    mem_free(read);
}

static struct net_file take_file(struct fetch_result *result)
{
    struct store_read *read = MEM_NEW(struct store_read);
    *read = result->read;
    result->read = (struct store_read){0};
    return (struct net_file){.fd = store_file_fd(read->file),
                             .pos = (int64_t)read->position,
                             .len = read->length,
                             .release = release_read,
                             .arg = read};
}

bool fetch_has_news(const struct fetch *fetch, const struct fetch_result *result)
{
    const struct fetch_entry *entry = result->entry;
    if (!fetch->session->incremental || result->error != ERR_NONE || entry->answered_error ||
        result->diverging || result->read.length > 0) {
        return true;
    }
    const struct partition *part = &result->replica->part;
    return entry->answered_hw != part->high_watermark ||
           entry->answered_log_start != part->log_start_offset;
}

/* The topic's id by the newest image, for the leader hint. */
static struct uuid topic_id_of(const struct fetch *fetch, const struct fetch_entry *entry)
{
    if (slice_is_null(entry->topic)) {
        return entry->topic_id;
    }
    const struct metadata_topic *topic = metadata_topic_by_name(fetch->broker->image, entry->topic);
    return topic == NULL ? UUID_ZERO : topic->id;
}

static void fill_leader(const struct fetch *fetch, const struct fetch_result *result, ANSWER *out,
                        struct broker_hinted *hinted)
{
    struct broker_leader_hint hint = broker_leader_hint(
        fetch->broker, topic_id_of(fetch, result->entry), result->entry->index, result->error);
    int16_t version = fetch->req->header.api_version;
    if (version >= FETCH_VERSION_LEADER) {
        out->current_leader.leader_id = hint.leader_id;
        out->current_leader.leader_epoch = hint.leader_epoch;
    }
    if (hint.leader_id >= 0 && version >= FETCH_VERSION_ENDPOINTS) {
        broker_hinted_add(hinted, &fetch->req->arena, hint.leader_id);
    }
}

static void fill_partition(const struct fetch *fetch, struct fetch_result *result, ANSWER *out,
                           struct broker_hinted *hinted)
{
    struct fetch_entry *entry = result->entry;
    wire_init(&wire_msg_fetch_response_responses_partitions, out);
    out->partition_index = entry->index;
    out->error_code = err_wire(result->error);
    out->high_watermark = -1;
    out->aborted_transactions_count = -1;
    out->records = slice_of("", 0);
    entry->answered_error = result->error != ERR_NONE;
    if (result->error != ERR_NONE) {
        fill_leader(fetch, result, out, hinted);
        return;
    }
    const struct partition *part = &result->replica->part;
    out->high_watermark = part->high_watermark;
    out->last_stable_offset = part->high_watermark;
    out->log_start_offset = part->log_start_offset;
    entry->answered_hw = part->high_watermark;
    entry->answered_log_start = part->log_start_offset;
    if (result->diverging) {
        out->diverging_epoch.epoch = result->diverging_end.epoch;
        out->diverging_epoch.end_offset = result->diverging_end.end_offset;
    }
    if (result->read.length > 0) {
        out->records = slice_of(WIRE_EXTERNAL, result->read.length);
    }
}

static struct wire_fetch_response_responses *topic_of(struct wire_fetch_response *response,
                                                      const struct fetch_entry *entry)
{
    if (response->responses_count > 0) {
        struct wire_fetch_response_responses *last =
            &response->responses[response->responses_count - 1];
        bool same_name = slice_eq(last->topic, entry->topic);
        if (uuid_eq(last->topic_id, entry->topic_id) && same_name) {
            return last;
        }
    }
    struct wire_fetch_response_responses *topic = &response->responses[response->responses_count++];
    topic->topic = entry->topic;
    topic->topic_id = entry->topic_id;
    return topic;
}

static void fill_endpoints(const struct fetch *fetch, const struct broker_hinted *hinted,
                           struct wire_fetch_response *response)
{
    struct slice listener = slice_str(net_conn_listener(fetch->req->conn));
    response->node_endpoints =
        wire_new_array(&wire_msg_fetch_response_node_endpoints, &fetch->req->arena, hinted->count);
    for (int i = 0; i < hinted->count; i++) {
        const struct metadata_endpoint *endpoint =
            broker_endpoint(fetch->broker, hinted->ids[i], listener);
        if (endpoint != NULL) {
            struct wire_fetch_response_node_endpoints *out =
                &response->node_endpoints[response->node_endpoints_count++];
            out->node_id = hinted->ids[i];
            out->host = endpoint->host;
            out->port = endpoint->port;
        }
    }
}

/* Partitions that were served go last, so that the next answer begins with others. */
static void rotate(struct fetch_session *session, struct fetch_entry *entry)
{
    ASSERT(!list_empty(&entry->due_node)); /* there may be more of it */
    list_remove(&entry->due_node);
    list_add_tail(&session->due, &entry->due_node);
}

void fetch_fill_responses(struct fetch *fetch, struct wire_fetch_response *response,
                          struct net_file *files, int *file_count)
{
    struct broker_hinted hinted = {0};
    ANSWER *all = arena_array(&fetch->req->arena, fetch->count, sizeof *all);
    size_t used = 0;
    response->responses =
        arena_array(&fetch->req->arena, fetch->count, sizeof response->responses[0]);
    for (size_t i = 0; i < fetch->count; i++) {
        struct fetch_result *result = &fetch->results[i];
        if (!fetch_has_news(fetch, result)) {
            continue;
        }
        struct wire_fetch_response_responses *topic = topic_of(response, result->entry);
        if (topic->partitions == NULL) {
            topic->partitions = &all[used];
        }
        fill_partition(fetch, result, &all[used++], &hinted);
        topic->partitions_count++;
        if (result->read.length > 0) {
            files[(*file_count)++] = take_file(result);
            rotate(fetch->session, result->entry);
        }
    }
    fill_endpoints(fetch, &hinted, response);
}
