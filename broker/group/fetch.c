/* OffsetFetch: what is committed, for one group; and the form of versions below 8. */
#include "broker/group/consumer/consumer.h"

enum { FETCH_V_GROUP_ERROR = 2 }; /* an error of the whole group has a place of its own */

static void answer_none(struct wire_offset_fetch_response_groups_topics_partitions *to,
                        enum err error)
{
    to->committed_offset = -1;
    to->committed_leader_epoch = -1;
    to->metadata = slice_str("");
    to->error_code = err_wire(error);
}

static void answer_offset(struct wire_offset_fetch_response_groups_topics_partitions *to,
                          const struct group_offset *o, bool require_stable, struct arena *arena)
{
    if (o != NULL && require_stable && o->pending > 0) {
        answer_none(to, ERR_UNSTABLE_OFFSET_COMMIT);
    } else if (o == NULL || !o->committed) {
        answer_none(to, ERR_NONE);
    } else {
        to->committed_offset = o->offset;
        to->committed_leader_epoch = o->leader_epoch;
        to->metadata = arena_dup(arena, o->metadata);
    }
}

static void fetch_asked(const struct group *g,
                        const struct wire_offset_fetch_request_groups *request, bool require_stable,
                        struct arena *arena, struct wire_offset_fetch_response_groups *out)
{
    out->topics = ARENA_ARRAY(arena, (size_t)request->topics_count,
                              struct wire_offset_fetch_response_groups_topics);
    for (int64_t t = 0; t < request->topics_count; t++) {
        const struct wire_offset_fetch_request_groups_topics *from = &request->topics[t];
        struct wire_offset_fetch_response_groups_topics *to = &out->topics[out->topics_count++];
        size_t count = (size_t)max_i64(from->partition_indexes_count, 0);
        to->name = arena_dup(arena, from->name);
        to->topic_id = from->topic_id;
        to->partitions =
            ARENA_ARRAY(arena, count, struct wire_offset_fetch_response_groups_topics_partitions);
        for (size_t i = 0; i < count; i++) {
            int32_t partition = from->partition_indexes[i];
            struct wire_offset_fetch_response_groups_topics_partitions *answer =
                &to->partitions[to->partitions_count++];
            answer->partition_index = partition;
            answer_offset(answer, g == NULL ? NULL : group_offset_find(g, from->name, partition),
                          require_stable, arena);
        }
    }
}

/* Of the offsets that were never committed only those that may be soon are told of, and only to
 * who wants to be told. */
static bool shown(const struct group_offset *o, bool require_stable)
{
    return o->committed || (require_stable && o->pending > 0);
}

static void fetch_topic(const struct group_topic *topic, bool require_stable, struct arena *arena,
                        struct wire_offset_fetch_response_groups_topics *to)
{
    to->name = arena_dup(arena, topic->name);
    to->partitions = ARENA_ARRAY(arena, topic->offsets.count,
                                 struct wire_offset_fetch_response_groups_topics_partitions);
    size_t at = 0;
    for (const struct group_offset *o; (o = map_next(&topic->offsets, &at)) != NULL;) {
        if (shown(o, require_stable)) {
            struct wire_offset_fetch_response_groups_topics_partitions *answer =
                &to->partitions[to->partitions_count++];
            answer->partition_index = o->partition;
            answer_offset(answer, o, require_stable, arena);
        }
    }
}

static void fetch_all(const struct group *g, bool require_stable, struct arena *arena,
                      struct wire_offset_fetch_response_groups *out)
{
    out->topics =
        ARENA_ARRAY(arena, g->topics.count, struct wire_offset_fetch_response_groups_topics);
    size_t at = 0;
    for (const struct group_topic *topic; (topic = map_next(&g->topics, &at)) != NULL;) {
        struct wire_offset_fetch_response_groups_topics *to = &out->topics[out->topics_count];
        fetch_topic(topic, require_stable, arena, to);
        if (to->partitions_count > 0) {
            out->topics_count++;
        }
    }
}

void group_shard_offset_fetch(const struct group_shard *shard,
                              const struct wire_offset_fetch_request_groups *request,
                              bool require_stable, struct arena *arena,
                              struct wire_offset_fetch_response_groups *out)
{
    *out = (struct wire_offset_fetch_response_groups){0};
    out->group_id = arena_dup(arena, request->group_id);
    if (shard->phase != GROUP_SHARD_ACTIVE) {
        out->error_code = err_wire(group_shard_phase_error(shard));
        return;
    }
    const struct group *g = group_find(shard, request->group_id);
    if (g != NULL && g->state == GROUP_STATE_DEAD) {
        g = NULL;
    }
    if (g != NULL && g->consumer != NULL &&
        (request->member_id.len > 0 || request->member_epoch >= 0)) {
        enum err error =
            consumer_offsets_allowed(g->consumer, request->member_id, request->member_epoch);
        if (error != ERR_NONE) {
            out->error_code = err_wire(error);
            return;
        }
    }
    if (request->topics_count >= 0) {
        fetch_asked(g, request, require_stable, arena, out);
    } else if (g != NULL) {
        fetch_all(g, require_stable, arena, out);
    }
}

/* ---- versions below 8 ---- */

void group_offset_fetch_upgrade(const struct wire_offset_fetch_request *request,
                                struct arena *arena, struct wire_offset_fetch_request_groups *out)
{
    *out = (struct wire_offset_fetch_request_groups){
        .group_id = request->group_id, .member_epoch = -1, .topics_count = request->topics_count};
    if (request->topics_count < 0) {
        return;
    }
    out->topics = ARENA_ARRAY(arena, (size_t)request->topics_count,
                              struct wire_offset_fetch_request_groups_topics);
    for (int64_t i = 0; i < request->topics_count; i++) {
        out->topics[i].name = request->topics[i].name;
        out->topics[i].partition_indexes = request->topics[i].partition_indexes;
        out->topics[i].partition_indexes_count = request->topics[i].partition_indexes_count;
    }
}

/* The asked partitions, each with the error of the group. */
static void downgrade_error(const struct wire_offset_fetch_request_groups *request, int16_t error,
                            struct arena *arena, struct wire_offset_fetch_response *out)
{
    size_t topics = (size_t)max_i64(request->topics_count, 0);
    out->topics = ARENA_ARRAY(arena, topics, struct wire_offset_fetch_response_topics);
    for (size_t t = 0; t < topics; t++) {
        struct wire_offset_fetch_response_topics *to = &out->topics[out->topics_count++];
        size_t count = (size_t)max_i64(request->topics[t].partition_indexes_count, 0);
        to->name = request->topics[t].name;
        to->partitions =
            ARENA_ARRAY(arena, count, struct wire_offset_fetch_response_topics_partitions);
        for (size_t i = 0; i < count; i++) {
            struct wire_offset_fetch_response_topics_partitions *answer =
                &to->partitions[to->partitions_count++];
            answer->partition_index = request->topics[t].partition_indexes[i];
            answer->committed_offset = -1;
            answer->committed_leader_epoch = -1;
            answer->metadata = slice_str("");
            answer->error_code = error;
        }
    }
}

void group_offset_fetch_downgrade(const struct wire_offset_fetch_request_groups *request,
                                  const struct wire_offset_fetch_response_groups *answer,
                                  int16_t version, struct arena *arena,
                                  struct wire_offset_fetch_response *out)
{
    *out = (struct wire_offset_fetch_response){0};
    if (answer->error_code != 0 && version < FETCH_V_GROUP_ERROR) {
        downgrade_error(request, answer->error_code, arena, out);
        return;
    }
    out->error_code = answer->error_code;
    size_t topics = (size_t)max_i64(answer->topics_count, 0);
    out->topics = ARENA_ARRAY(arena, topics, struct wire_offset_fetch_response_topics);
    for (size_t t = 0; t < topics; t++) {
        const struct wire_offset_fetch_response_groups_topics *from = &answer->topics[t];
        struct wire_offset_fetch_response_topics *to = &out->topics[out->topics_count++];
        size_t count = (size_t)max_i64(from->partitions_count, 0);
        to->name = from->name;
        to->partitions =
            ARENA_ARRAY(arena, count, struct wire_offset_fetch_response_topics_partitions);
        for (size_t i = 0; i < count; i++) {
            struct wire_offset_fetch_response_topics_partitions *one =
                &to->partitions[to->partitions_count++];
            one->partition_index = from->partitions[i].partition_index;
            one->committed_offset = from->partitions[i].committed_offset;
            one->committed_leader_epoch = from->partitions[i].committed_leader_epoch;
            one->metadata = from->partitions[i].metadata;
            one->error_code = from->partitions[i].error_code;
        }
    }
}
