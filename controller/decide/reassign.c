/* Moving partitions; see reassign.h. */
#include "controller/decide/reassign.h"

#include <stdlib.h>

#include "base/map.h"
#include "controller/decide/assignment.h"
#include "controller/decide/elect.h"

#define WANTED struct wire_alter_partition_reassignments_request_topics_partitions
#define RESULT struct wire_alter_partition_reassignments_response_responses_partitions
#define MOVED struct wire_list_partition_reassignments_response_topics_partitions

/* ---- lists of replicas ---- */

static const struct metadata_ids nobody = {NULL, 0};

static int by_id(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* `ids` without `without`, ascending, as Kafka writes adding and removing replicas. */
static struct metadata_ids difference(struct arena *arena, struct metadata_ids ids,
                                      struct metadata_ids without)
{
    struct metadata_ids rest = decide_ids_without(arena, ids, without);
    if (rest.count == 0) {
        return nobody;
    }
    int32_t *items = ARENA_ARRAY(arena, rest.count, int32_t);
    memcpy(items, rest.items, rest.count * sizeof items[0]);
    qsort(items, rest.count, sizeof items[0], by_id);
    return (struct metadata_ids){items, rest.count};
}

static struct metadata_ids joined(struct arena *arena, struct metadata_ids first,
                                  struct metadata_ids second)
{
    int32_t *items = ARENA_ARRAY(arena, first.count + second.count, int32_t);
    memcpy(items, first.items, first.count * sizeof items[0]);
    if (second.count > 0) {
        memcpy(items + first.count, second.items, second.count * sizeof items[0]);
    }
    return (struct metadata_ids){items, first.count + second.count};
}

static struct metadata_ids common(struct arena *arena, struct metadata_ids ids,
                                  struct metadata_ids with)
{
    return decide_ids_without(arena, ids, decide_ids_without(arena, ids, with));
}

static bool is_moving(const struct metadata_partition *p)
{
    return p->adding_count > 0 || p->removing_count > 0;
}

/* ---- one partition ---- */

/* Replicas that leave at once may be all that is in sync: the rest would have to lead without what
 * those have. */
static enum err leave_out(const struct decide_input *in, struct decide_change *change,
                          struct slice *why)
{
    change->isr = common(in->arena, change->isr, change->replicas);
    if (change->isr.count > 0) {
        return ERR_NONE;
    }
    if (!decide_unclean_enabled(in, change->topic->name)) {
        *why = decide_text(in->arena, "None of the replicas that would be left is in sync, and "
                                      "unclean.leader.election.enable is not set for this topic.");
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    change->election = DECIDE_ELECT_UNCLEAN;
    return ERR_NONE;
}

/* Adds the record of a change that leave_out() prepared. */
static enum err build(const struct decide_input *in, const struct decide_change *change,
                      struct decision *out, struct slice *why)
{
    size_t before = out->count;
    const struct metadata_partition_change *record = decide_change_build(in, change, out);
    if (change->isr.count == 0 && (record == NULL || record->leader == METADATA_NO_LEADER)) {
        decision_cut(out, before);
        *why = decide_text(in->arena, "None of the replicas that would be left is alive.");
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    return ERR_NONE;
}

static enum err cancel(const struct decide_input *in, struct decide_change *change,
                       struct decision *out, struct slice *why)
{
    if (!is_moving(change->partition)) {
        return ERR_NO_REASSIGNMENT_IN_PROGRESS;
    }
    change->replicas = decide_ids_without(in->arena, change->replicas, change->adding);
    change->adding = nobody;
    change->removing = nobody;
    TRY(leave_out(in, change, why));
    return build(in, change, out, why);
}

static enum err check_factor(const struct decide_input *in, const struct decide_change *change,
                             struct metadata_ids target, struct slice *why)
{
    size_t now = change->replicas.count - change->removing.count;
    if (now == target.count) {
        return ERR_NONE;
    }
    *why = decide_text(in->arena, "The replication factor is changed from %zu to %zu", now,
                       target.count);
    return ERR_INVALID_REPLICATION_FACTOR;
}

static enum err move(const struct decide_input *in, struct decide_change *change,
                     struct metadata_ids target, struct decision *out, struct slice *why)
{
    struct arena *arena = in->arena;
    struct metadata_ids origin = decide_ids_without(arena, change->replicas, change->adding);
    change->adding = difference(arena, target, origin);
    change->removing = difference(arena, origin, target);
    change->replicas = joined(arena, target, change->removing);
    if (change->replicas.count > METADATA_REPLICAS_MAX) {
        *why = decide_text(arena,
                           "A partition has at most %d replicas, old and new together would "
                           "be %zu.",
                           METADATA_REPLICAS_MAX, change->replicas.count);
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    TRY(leave_out(in, change, why));
    return build(in, change, out, why);
}

/* One request, from its first partition to its last. */
struct altering {
    const struct decide_input *in;
    const struct wire_alter_partition_reassignments_request *request;
    struct map seen; /* topic id and index */
    struct decision *out;
};

static enum err alter_one(struct altering *a, const struct metadata_topic *topic,
                          const WANTED *wanted, struct slice *why)
{
    const struct decide_input *in = a->in;
    const struct metadata_partition *p = metadata_partition(topic, wanted->partition_index);
    if (p == NULL) {
        *why = decide_text(in->arena, "Unable to find partition %.*s:%d.", SLICE_ARG(topic->name),
                           wanted->partition_index);
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    uint8_t *key = arena_alloc(in->arena, sizeof topic->id + sizeof(int32_t));
    memcpy(key, &topic->id, sizeof topic->id);
    memcpy(key + sizeof topic->id, &wanted->partition_index, sizeof(int32_t));
    if (map_put(&a->seen, slice_of(key, sizeof topic->id + sizeof(int32_t)), key) != NULL) {
        *why = decide_text(in->arena, "The partition is in the request more than once.");
        return ERR_INVALID_REQUEST;
    }
    struct decide_change change = decide_change_begin(topic, wanted->partition_index, p);
    if (wanted->replicas_count < 0) {
        return cancel(in, &change, a->out, why);
    }
    struct metadata_ids target = {wanted->replicas, (size_t)wanted->replicas_count};
    TRY(decide_assignment_check(in, target, -1, why));
    if (!a->request->allow_replication_factor_change) {
        TRY(check_factor(in, &change, target, why));
    }
    return move(in, &change, target, a->out, why);
}

static void alter_topic(struct altering *a,
                        const struct wire_alter_partition_reassignments_request_topics *wanted,
                        struct wire_alter_partition_reassignments_response_responses *result)
{
    const struct decide_input *in = a->in;
    const struct metadata_topic *topic = metadata_topic_by_name(in->image, wanted->name);
    size_t count = (size_t)max_i64(wanted->partitions_count, 0);
    result->name = wanted->name;
    result->partitions = ARENA_ARRAY(in->arena, count, RESULT);
    result->partitions_count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        struct slice why = SLICE_NULL;
        enum err e = ERR_UNKNOWN_TOPIC_OR_PARTITION;
        if (topic == NULL) {
            why = decide_text(in->arena, "Unable to find a topic named %.*s.",
                              SLICE_ARG(wanted->name));
        } else {
            e = alter_one(a, topic, &wanted->partitions[i], &why);
        }
        if (e != ERR_NONE && slice_is_null(why)) {
            why = slice_str(err_text(e));
        }
        result->partitions[i] = (RESULT){.partition_index = wanted->partitions[i].partition_index,
                                         .error_code = err_wire(e),
                                         .error_message = why};
    }
}

static bool too_many(const struct wire_alter_partition_reassignments_request *request)
{
    int64_t total = 0;
    for (int32_t i = 0; i < request->topics_count; i++) {
        total += request->topics[i].partitions_count;
    }
    return total > DECIDE_RECORDS_MAX;
}

void decide_alter_reassignments(const struct decide_input *in,
                                const struct wire_alter_partition_reassignments_request *request,
                                struct decision *out)
{
    struct wire_alter_partition_reassignments_response *response =
        ARENA_NEW(in->arena, struct wire_alter_partition_reassignments_response);
    response->allow_replication_factor_change = request->allow_replication_factor_change;
    out->response = response;
    if (too_many(request)) {
        response->error_code = err_wire(ERR_POLICY_VIOLATION);
        response->error_message = slice_str("Too many partitions in one request; split it.");
        return;
    }
    struct altering a = {.in = in, .request = request, .out = out};
    size_t count = (size_t)max_i64(request->topics_count, 0);
    response->responses =
        ARENA_ARRAY(in->arena, count, struct wire_alter_partition_reassignments_response_responses);
    response->responses_count = (int32_t)count;
    decision_atomic_begin(out);
    for (size_t i = 0; i < count; i++) {
        alter_topic(&a, &request->topics[i], &response->responses[i]);
    }
    decision_atomic_end(out);
    map_fini(&a.seen);
}

/* ---- ListPartitionReassignments ---- */

/* The answer borrows from the image; the protocol's arrays are not const, but nobody writes them.
 */
static void tell_ids(struct arena *arena, struct metadata_ids ids, int32_t **items, int32_t *count)
{
    *items = ARENA_ARRAY(arena, ids.count, int32_t);
    if (ids.count > 0) {
        memcpy(*items, ids.items, ids.count * sizeof **items);
    }
    *count = (int32_t)ids.count;
}

static void tell(struct arena *arena, int32_t index, const struct metadata_partition *p,
                 MOVED *result)
{
    *result = (MOVED){.partition_index = index};
    tell_ids(arena, metadata_replicas(p), &result->replicas, &result->replicas_count);
    tell_ids(arena, metadata_adding_replicas(p), &result->adding_replicas,
             &result->adding_replicas_count);
    tell_ids(arena, metadata_removing_replicas(p), &result->removing_replicas,
             &result->removing_replicas_count);
}

static void list_named(const struct decide_input *in,
                       const struct wire_list_partition_reassignments_request *request,
                       struct wire_list_partition_reassignments_response *response)
{
    response->topics = ARENA_ARRAY(in->arena, (size_t)request->topics_count,
                                   struct wire_list_partition_reassignments_response_topics);
    for (int32_t t = 0; t < request->topics_count; t++) {
        const struct wire_list_partition_reassignments_request_topics *wanted = &request->topics[t];
        const struct metadata_topic *topic = metadata_topic_by_name(in->image, wanted->name);
        if (topic == NULL) {
            continue;
        }
        struct wire_list_partition_reassignments_response_topics *result =
            &response->topics[response->topics_count];
        *result = (struct wire_list_partition_reassignments_response_topics){
            .name = topic->name,
            .partitions =
                ARENA_ARRAY(in->arena, (size_t)max_i64(wanted->partition_indexes_count, 0), MOVED),
        };
        for (int32_t i = 0; i < wanted->partition_indexes_count; i++) {
            int32_t index = wanted->partition_indexes[i];
            const struct metadata_partition *p = metadata_partition(topic, index);
            if (p != NULL && is_moving(p)) {
                tell(in->arena, index, p, &result->partitions[result->partitions_count++]);
            }
        }
        response->topics_count += result->partitions_count > 0 ? 1 : 0;
    }
}

static void list_all(const struct decide_input *in,
                     struct wire_list_partition_reassignments_response *response)
{
    size_t total = metadata_partition_set_count(in->image, METADATA_SET_REASSIGNING);
    MOVED *all = ARENA_ARRAY(in->arena, total, MOVED);
    response->topics =
        ARENA_ARRAY(in->arena, total, struct wire_list_partition_reassignments_response_topics);
    struct metadata_partition_iter it = metadata_partition_set(in->image, METADATA_SET_REASSIGNING);
    const struct metadata_topic *last = NULL;
    const struct metadata_partition *p;
    for (size_t used = 0; (p = metadata_partition_set_next(&it)) != NULL; used++) {
        if (it.topic != last) {
            last = it.topic;
            response->topics[response->topics_count++] =
                (struct wire_list_partition_reassignments_response_topics){
                    .name = it.topic->name, .partitions = &all[used]};
        }
        tell(in->arena, it.index, p, &all[used]);
        response->topics[response->topics_count - 1].partitions_count++;
    }
}

void decide_list_reassignments(const struct decide_input *in,
                               const struct wire_list_partition_reassignments_request *request,
                               struct decision *out)
{
    struct wire_list_partition_reassignments_response *response =
        ARENA_NEW(in->arena, struct wire_list_partition_reassignments_response);
    out->response = response;
    if (request->topics_count < 0) {
        list_all(in, response);
    } else {
        list_named(in, request, response);
    }
}
