/* AlterPartition; see isr.h. */
#include "controller/decide/isr.h"

#include "controller/decide/elect.h"

/* From which versions on things changed. */
enum {
    BY_TOPIC_ID = 2,        /* KIP-841, with errors of its own */
    WITH_BROKER_EPOCHS = 3, /* KIP-903 */
};

enum err decide_check_epoch(const struct decide_input *in, int32_t broker_id, int64_t epoch)
{
    const struct metadata_broker *broker = metadata_broker(in->image, broker_id);
    return broker == NULL || broker->epoch != epoch ? ERR_STALE_BROKER_EPOCH : ERR_NONE;
}

/* The new ISR in one form for all versions; epoch -1: not known, not checked. */
struct new_isr {
    struct metadata_ids ids;
    int64_t *epochs;
};

static struct new_isr read_isr(const struct decide_input *in,
                               const struct wire_alter_partition_request_topics_partitions *wanted)
{
    bool with_epochs = in->api_version >= WITH_BROKER_EPOCHS;
    int32_t given = with_epochs ? wanted->new_isr_with_epochs_count : wanted->new_isr_count;
    size_t count = (size_t)max_i64(given, 0);
    int32_t *ids = ARENA_ARRAY(in->arena, count, int32_t);
    int64_t *epochs = ARENA_ARRAY(in->arena, count, int64_t);
    for (size_t i = 0; i < count; i++) {
        ids[i] = with_epochs ? wanted->new_isr_with_epochs[i].broker_id : wanted->new_isr[i];
        epochs[i] = with_epochs ? wanted->new_isr_with_epochs[i].broker_epoch : -1;
    }
    return (struct new_isr){{ids, count}, epochs};
}

static bool is_possible(const struct metadata_partition *p, struct metadata_ids isr,
                        int8_t recovery)
{
    if (isr.count == 0 || isr.count > p->replica_count) {
        return false;
    }
    for (size_t i = 0; i < isr.count; i++) {
        struct metadata_ids before = {isr.items, i};
        if (metadata_ids_contain(before, isr.items[i])) {
            return false;
        }
    }
    if (!decide_ids_within(isr, metadata_replicas(p)) || !metadata_ids_contain(isr, p->leader)) {
        return false;
    }
    if (recovery != METADATA_RECOVERED && recovery != METADATA_RECOVERING) {
        return false;
    }
    bool recovering = recovery == METADATA_RECOVERING;
    return !recovering || (isr.count == 1 && p->recovering == METADATA_RECOVERING);
}

static bool all_eligible(const struct decide_input *in, const struct new_isr *isr)
{
    for (size_t i = 0; i < isr->ids.count; i++) {
        const struct metadata_broker *broker = metadata_broker(in->image, isr->ids.items[i]);
        if (broker == NULL || !metadata_broker_is_active(broker)) {
            return false;
        }
        if (isr->epochs[i] != -1 && isr->epochs[i] != broker->epoch) {
            return false;
        }
    }
    return true;
}

static enum err check(const struct decide_input *in, int32_t sender,
                      const struct wire_alter_partition_request_topics_partitions *wanted,
                      const struct metadata_partition *p, const struct new_isr *isr)
{
    /* The leader knows more than we do: we are the ones who are behind (KAFKA-14154). */
    if (wanted->leader_epoch > p->leader_epoch || wanted->partition_epoch > p->partition_epoch) {
        return ERR_NOT_CONTROLLER;
    }
    if (wanted->leader_epoch < p->leader_epoch) {
        return ERR_FENCED_LEADER_EPOCH;
    }
    if (sender != p->leader) {
        return ERR_INVALID_REQUEST;
    }
    if (wanted->partition_epoch < p->partition_epoch) {
        return ERR_INVALID_UPDATE_VERSION;
    }
    if (!is_possible(p, isr->ids, wanted->leader_recovery_state)) {
        return ERR_INVALID_REQUEST;
    }
    if (!all_eligible(in, isr)) {
        return in->api_version >= BY_TOPIC_ID ? ERR_INELIGIBLE_REPLICA
                                              : ERR_OPERATION_NOT_ATTEMPTED;
    }
    return ERR_NONE;
}

/* One request, from its first partition to its last. */
struct altering {
    const struct decide_input *in;
    int32_t sender;
    struct decision *out;
    enum decide_election election; /* what the topic at hand allows */
};

static enum err alter_one(const struct altering *a, const struct metadata_topic *topic,
                          const struct wire_alter_partition_request_topics_partitions *wanted,
                          struct wire_alter_partition_response_topics_partitions *result)
{
    const struct decide_input *in = a->in;
    const struct metadata_partition *p = metadata_partition(topic, wanted->partition_index);
    if (p == NULL) {
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    struct new_isr isr = read_isr(in, wanted);
    TRY(check(in, a->sender, wanted, p, &isr));
    struct decide_change change = decide_change_begin(topic, wanted->partition_index, p);
    change.isr = isr.ids;
    change.recovery = (enum metadata_recovery)wanted->leader_recovery_state;
    change.election = a->election;
    /* So a leader can take back an earlier request that was never answered: its epoch is old then,
     * whenever it arrives. Kafka's controller writes nothing when the ISR stays as it is. */
    change.renewed = true;
    struct decide_state after = decide_state_after(p, decide_change_build(in, &change, a->out));
    if (after.leader != a->sender) {
        /* The reassignment ended here, without the sender: the record is written all the same. */
        return in->api_version >= BY_TOPIC_ID ? ERR_NEW_LEADER_ELECTED : ERR_FENCED_LEADER_EPOCH;
    }
    result->leader_id = after.leader;
    result->leader_epoch = after.leader_epoch;
    result->partition_epoch = after.partition_epoch;
    result->leader_recovery_state = (int8_t)after.recovery;
    result->isr = arena_alloc(in->arena, after.isr.count * sizeof(int32_t));
    memcpy(result->isr, after.isr.items, after.isr.count * sizeof(int32_t));
    result->isr_count = (int32_t)after.isr.count;
    return ERR_NONE;
}

static void alter_topic(struct altering *a,
                        const struct wire_alter_partition_request_topics *wanted,
                        struct wire_alter_partition_response_topics *result)
{
    const struct metadata_image *image = a->in->image;
    bool by_id = a->in->api_version >= BY_TOPIC_ID;
    const struct metadata_topic *topic = by_id ? metadata_topic_by_id(image, wanted->topic_id)
                                               : metadata_topic_by_name(image, wanted->topic_name);
    size_t count = (size_t)max_i64(wanted->partitions_count, 0);
    bool unclean = topic != NULL && decide_unclean_enabled(a->in, topic->name);
    a->election = unclean ? DECIDE_ELECT_UNCLEAN : DECIDE_ELECT_ONLINE;
    result->topic_name = wanted->topic_name;
    result->topic_id = wanted->topic_id;
    result->partitions =
        ARENA_ARRAY(a->in->arena, count, struct wire_alter_partition_response_topics_partitions);
    result->partitions_count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        result->partitions[i].partition_index = wanted->partitions[i].partition_index;
        enum err e = by_id ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION;
        if (topic != NULL) {
            e = alter_one(a, topic, &wanted->partitions[i], &result->partitions[i]);
        }
        result->partitions[i].error_code = err_wire(e);
    }
}

void decide_alter_partition(const struct decide_input *in,
                            const struct wire_alter_partition_request *request,
                            struct decision *out)
{
    struct wire_alter_partition_response *response =
        ARENA_NEW(in->arena, struct wire_alter_partition_response);
    out->response = response;
    enum err e = decide_check_epoch(in, request->broker_id, request->broker_epoch);
    response->error_code = err_wire(e);
    if (e != ERR_NONE) {
        return;
    }
    size_t count = (size_t)max_i64(request->topics_count, 0);
    response->topics = ARENA_ARRAY(in->arena, count, struct wire_alter_partition_response_topics);
    response->topics_count = (int32_t)count;
    struct altering a = {.in = in, .sender = request->broker_id, .out = out};
    for (size_t i = 0; i < count; i++) {
        alter_topic(&a, &request->topics[i], &response->topics[i]);
    }
}
