/* Elections that no failure asked for; see leaders.h. */
#include "controller/decide/leaders.h"

#include "controller/decide/elect.h"

enum { TYPE_PREFERRED = 0, TYPE_UNCLEAN = 1 };

void decide_balance_leaders(const struct decide_input *in, struct decision *out)
{
    struct metadata_partition_iter it =
        metadata_partition_set(in->image, METADATA_SET_NOT_PREFERRED);
    const struct metadata_partition *p;
    while (out->count < DECIDE_ELECTIONS_MAX && (p = metadata_partition_set_next(&it)) != NULL) {
        struct decide_change change = decide_change_begin(it.topic, it.index, p);
        change.election = DECIDE_ELECT_PREFERRED;
        decide_change_build(in, &change, out);
    }
}

void decide_elect_unled(const struct decide_input *in, struct decision *out)
{
    decide_elect_leaderless(in, -1, DECIDE_ELECTIONS_MAX, out);
}

/* ---- ElectLeaders ---- */

static enum err elect_preferred(const struct decide_input *in, struct decide_change *change,
                                struct decision *out)
{
    int32_t preferred = metadata_replicas(change->partition).items[0];
    if (change->partition->leader == preferred) {
        return ERR_ELECTION_NOT_NEEDED;
    }
    size_t before = out->count;
    change->election = DECIDE_ELECT_PREFERRED;
    const struct metadata_partition_change *record = decide_change_build(in, change, out);
    if (record == NULL || record->leader != preferred) {
        decision_cut(out, before);
        return ERR_PREFERRED_LEADER_NOT_AVAILABLE;
    }
    return ERR_NONE;
}

static enum err elect_unclean(const struct decide_input *in, struct decide_change *change,
                              struct decision *out)
{
    if (change->partition->leader != METADATA_NO_LEADER) {
        return ERR_ELECTION_NOT_NEEDED;
    }
    change->election = DECIDE_ELECT_UNCLEAN;
    return decide_change_build(in, change, out) == NULL ? ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE
                                                        : ERR_NONE;
}

static enum err elect_one(const struct decide_input *in, int8_t type,
                          const struct metadata_topic *topic, int32_t index, struct decision *out)
{
    const struct metadata_partition *p = topic == NULL ? NULL : metadata_partition(topic, index);
    if (p == NULL) {
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    struct decide_change change = decide_change_begin(topic, index, p);
    return type == TYPE_PREFERRED ? elect_preferred(in, &change, out)
                                  : elect_unclean(in, &change, out);
}

/* The results of one topic while they are collected. */
struct results {
    struct wire_elect_leaders_response_replica_election_results *topic;
    bool all; /* nobody named the partitions, so those that need nothing are not told */
};

static void add_result(struct results *r, int32_t index, enum err e)
{
    if (r->all && e == ERR_ELECTION_NOT_NEEDED) {
        return;
    }
    r->topic->partition_result[r->topic->partition_result_count++] =
        (struct wire_elect_leaders_response_replica_election_results_partition_result){
            .partition_id = index,
            .error_code = err_wire(e),
            .error_message = e == ERR_NONE ? SLICE_NULL : slice_str(err_text(e)),
        };
}

static void elect_all(const struct decide_input *in, int8_t type,
                      struct wire_elect_leaders_response *response, struct decision *out)
{
    struct metadata_iter it = metadata_topics(in->image);
    const struct metadata_topic *topic;
    response->replica_election_results =
        ARENA_ARRAY(in->arena, metadata_topic_count(in->image),
                    struct wire_elect_leaders_response_replica_election_results);
    while ((topic = metadata_topic_next(&it)) != NULL) {
        struct results r = {
            &response->replica_election_results[response->replica_election_results_count], true};
        *r.topic = (struct wire_elect_leaders_response_replica_election_results){
            .topic = topic->name,
            .partition_result = ARENA_ARRAY(
                in->arena, (size_t)topic->partition_count,
                struct wire_elect_leaders_response_replica_election_results_partition_result),
        };
        for (int32_t i = 0; i < topic->partition_count; i++) {
            add_result(&r, i, elect_one(in, type, topic, i, out));
        }
        response->replica_election_results_count += r.topic->partition_result_count > 0 ? 1 : 0;
    }
}

static void elect_named(const struct decide_input *in,
                        const struct wire_elect_leaders_request *request,
                        struct wire_elect_leaders_response *response, struct decision *out)
{
    size_t count = (size_t)max_i64(request->topic_partitions_count, 0);
    response->replica_election_results =
        ARENA_ARRAY(in->arena, count, struct wire_elect_leaders_response_replica_election_results);
    response->replica_election_results_count = (int32_t)count;
    for (size_t t = 0; t < count; t++) {
        const struct wire_elect_leaders_request_topic_partitions *wanted =
            &request->topic_partitions[t];
        const struct metadata_topic *topic = metadata_topic_by_name(in->image, wanted->topic);
        struct results r = {&response->replica_election_results[t], false};
        r.topic->topic = wanted->topic;
        r.topic->partition_result = ARENA_ARRAY(
            in->arena, (size_t)max_i64(wanted->partitions_count, 0),
            struct wire_elect_leaders_response_replica_election_results_partition_result);
        for (int32_t i = 0; i < wanted->partitions_count; i++) {
            int32_t index = wanted->partitions[i];
            add_result(&r, index, elect_one(in, request->election_type, topic, index, out));
        }
    }
}

void decide_elect_leaders(const struct decide_input *in,
                          const struct wire_elect_leaders_request *request, struct decision *out)
{
    struct wire_elect_leaders_response *response =
        ARENA_NEW(in->arena, struct wire_elect_leaders_response);
    out->response = response;
    if (request->election_type != TYPE_PREFERRED && request->election_type != TYPE_UNCLEAN) {
        response->error_code = err_wire(ERR_INVALID_REQUEST);
        return;
    }
    if (request->topic_partitions_count < 0) {
        elect_all(in, request->election_type, response, out);
    } else {
        elect_named(in, request, response, out);
    }
}
