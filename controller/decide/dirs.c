/* AssignReplicasToDirs; see dirs.h. */
#include "controller/decide/dirs.h"

#include "controller/decide/elect.h"
#include "controller/decide/isr.h"

#define REQUEST_TOPIC struct wire_assign_replicas_to_dirs_request_directories_topics
#define RESPONSE_TOPIC struct wire_assign_replicas_to_dirs_response_directories_topics

/* One directory of the request. */
struct assigning {
    const struct decide_input *in;
    const struct metadata_broker *broker;
    struct uuid dir;
    struct decision *out;
};

static enum err assign(const struct assigning *a, const struct metadata_topic *topic, int32_t index)
{
    const struct decide_input *in = a->in;
    const struct metadata_partition *p = metadata_partition(topic, index);
    if (p == NULL) {
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (!metadata_ids_contain(metadata_replicas(p), a->broker->id)) {
        return ERR_NOT_LEADER_OR_FOLLOWER;
    }
    struct decide_change change = decide_change_begin(topic, index, p);
    change.settled = a->broker->id;
    change.settled_in = a->dir;
    if (!metadata_broker_dir_online(a->broker, a->dir)) {
        struct metadata_ids gone = {&a->broker->id, 1};
        change.isr = decide_ids_without(in->arena, change.isr, gone);
        change.leaving = a->broker->id;
        change.election =
            decide_unclean_enabled(in, topic->name) ? DECIDE_ELECT_UNCLEAN : DECIDE_ELECT_ONLINE;
    }
    decide_change_build(in, &change, a->out);
    return ERR_NONE;
}

static void assign_topic(const struct assigning *a, const REQUEST_TOPIC *wanted,
                         RESPONSE_TOPIC *result)
{
    const struct metadata_topic *topic = metadata_topic_by_id(a->in->image, wanted->topic_id);
    size_t count = (size_t)max_i64(wanted->partitions_count, 0);
    result->topic_id = wanted->topic_id;
    result->partitions = arena_array(a->in->arena, count, sizeof result->partitions[0]);
    result->partitions_count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        int32_t index = wanted->partitions[i].partition_index;
        enum err e = topic == NULL ? ERR_UNKNOWN_TOPIC_ID : assign(a, topic, index);
        result->partitions[i].partition_index = index;
        result->partitions[i].error_code = err_wire(e);
    }
}

void decide_assign_replicas_to_dirs(const struct decide_input *in,
                                    const struct wire_assign_replicas_to_dirs_request *request,
                                    struct decision *out)
{
    struct wire_assign_replicas_to_dirs_response *response =
        ARENA_NEW(in->arena, struct wire_assign_replicas_to_dirs_response);
    out->response = response;
    enum err e = decide_level(in->image) < METADATA_LEVEL_3_7_IV2
                     ? ERR_UNSUPPORTED_VERSION
                     : decide_check_epoch(in, request->broker_id, request->broker_epoch);
    response->error_code = err_wire(e);
    if (e != ERR_NONE) {
        return;
    }
    size_t count = (size_t)max_i64(request->directories_count, 0);
    response->directories = arena_array(in->arena, count, sizeof response->directories[0]);
    response->directories_count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        struct assigning a = {.in = in,
                              .broker = metadata_broker(in->image, request->broker_id),
                              .dir = request->directories[i].id,
                              .out = out};
        size_t topics = (size_t)max_i64(request->directories[i].topics_count, 0);
        response->directories[i].id = a.dir;
        response->directories[i].topics =
            arena_array(in->arena, topics, sizeof response->directories[i].topics[0]);
        response->directories[i].topics_count = (int32_t)topics;
        for (size_t t = 0; t < topics; t++) {
            assign_topic(&a, &request->directories[i].topics[t],
                         &response->directories[i].topics[t]);
        }
    }
}
