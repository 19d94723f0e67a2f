/* CreatePartitions; see partitions.h. */
#include "controller/decide/partitions.h"

#include "base/map.h"
#include "controller/decide/assignment.h"
#include "controller/decide/placement.h"

/* As many replicas as the topic's first partition has, or will have after its reassignment. */
static int32_t replication_factor(const struct metadata_topic *topic)
{
    const struct metadata_partition *p = metadata_partition(topic, 0);
    ASSERT(p != NULL);
    return p->replica_count - p->removing_count;
}

static enum err check_count(const struct decide_input *in, const struct metadata_topic *topic,
                            const struct wire_create_partitions_request_topics *wanted,
                            struct slice *why)
{
    if (wanted->count == topic->partition_count) {
        *why = decide_text(in->arena, "Topic already has %d partition(s).", topic->partition_count);
        return ERR_INVALID_PARTITIONS;
    }
    if (wanted->count < topic->partition_count) {
        *why = decide_text(in->arena,
                           "The topic %.*s currently has %d partition(s); %d would not be an "
                           "increase.",
                           SLICE_ARG(topic->name), topic->partition_count, wanted->count);
        return ERR_INVALID_PARTITIONS;
    }
    int64_t more = (int64_t)wanted->count - topic->partition_count;
    if (wanted->assignments_count >= 0 && wanted->assignments_count != more) {
        *why = decide_text(in->arena,
                           "Attempted to add %" PRId64 " additional partition(s), but only %d "
                           "assignment(s) were specified.",
                           more, wanted->assignments_count);
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    return ERR_NONE;
}

static enum err assign(const struct decide_input *in, const struct metadata_topic *topic,
                       const struct wire_create_partitions_request_topics *wanted,
                       struct decision *out, struct slice *why)
{
    int32_t factor = replication_factor(topic);
    for (int32_t i = 0; i < wanted->assignments_count; i++) {
        const struct wire_create_partitions_request_topics_assignments *a = &wanted->assignments[i];
        struct metadata_ids replicas = {a->broker_ids, (size_t)max_i64(a->broker_ids_count, 0)};
        TRY(decide_assignment_check(in, replicas, factor, why));
        struct decide_new_partition partition = {topic->id, topic->partition_count + i, replicas};
        TRY(decide_add_partition(in, &partition, out, why));
    }
    return ERR_NONE;
}

static enum err create_one(const struct decide_input *in,
                           const struct wire_create_partitions_request_topics *wanted,
                           struct decision *out, struct slice *why)
{
    const struct metadata_topic *topic = metadata_topic_by_name(in->image, wanted->name);
    if (topic == NULL) {
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    TRY(check_count(in, topic, wanted, why));
    if (wanted->assignments_count >= 0) {
        return assign(in, topic, wanted, out, why);
    }
    struct decide_placer placer;
    TRY(decide_placer_init(&placer, in, replication_factor(topic), why));
    for (int32_t index = topic->partition_count; index < wanted->count; index++) {
        struct metadata_ids replicas = decide_place(&placer, in->arena);
        struct decide_new_partition partition = {topic->id, index, replicas};
        TRY(decide_add_partition(in, &partition, out, why));
    }
    return ERR_NONE;
}

static bool too_many(const struct decide_input *in,
                     const struct wire_create_partitions_request *request)
{
    int64_t total = 0;
    for (int32_t i = 0; i < request->topics_count; i++) {
        const struct metadata_topic *topic =
            metadata_topic_by_name(in->image, request->topics[i].name);
        if (topic != NULL) {
            total += max_i64((int64_t)request->topics[i].count - topic->partition_count, 0);
        }
    }
    return total > DECIDE_PARTITIONS_MAX;
}

void decide_create_partitions(const struct decide_input *in,
                              const struct wire_create_partitions_request *request,
                              struct decision *out)
{
    size_t count = (size_t)max_i64(request->topics_count, 0);
    struct wire_create_partitions_response *response =
        ARENA_NEW(in->arena, struct wire_create_partitions_response);
    response->results =
        ARENA_ARRAY(in->arena, count, struct wire_create_partitions_response_results);
    response->results_count = (int32_t)count;
    out->response = response;
    bool refused = too_many(in, request);
    struct map names = {0};
    for (size_t i = 0; i < count; i++) {
        struct wire_create_partitions_response_results *result = &response->results[i];
        struct slice why = SLICE_NULL;
        size_t before = out->count;
        enum err e = ERR_NONE;
        result->name = request->topics[i].name;
        decision_atomic_begin(out);
        if (refused) {
            e = ERR_POLICY_VIOLATION;
            why = slice_str("Excessively large number of partitions per request.");
        } else if (map_put(&names, result->name, result) != NULL) {
            e = ERR_INVALID_REQUEST;
            why = slice_str("Duplicate topic name.");
        } else {
            e = create_one(in, &request->topics[i], out, &why);
        }
        decision_atomic_end(out);
        if (e != ERR_NONE || request->validate_only) {
            decision_cut(out, before);
        }
        result->error_code = err_wire(e);
        result->error_message = why;
    }
    map_fini(&names);
}
