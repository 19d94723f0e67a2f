/* An image, settings and a seed to decide on, and what must hold after every decision. */
#ifndef TESTS_UNIT_CONTROLLER_WORLD_H
#define TESTS_UNIT_CONTROLLER_WORLD_H

#include <stdio.h>

#include "controller/decide/brokers.h"
#include "controller/decide/elect.h"
#include "controller/decide/features.h"
#include "controller/decide/isr.h"
#include "controller/decide/topics.h"
#include "tests/unit/unit.h"
#include "wire/wire.h"

#define CLUSTER_ID "MkU3OEVBNTcwNTJENDM2Qk"

/* What a node of this release says that it supports. */
#define WORLD_FEATURES \
    { \
        {slice_str("metadata.version"), 1, 25}, {slice_str("group.version"), 0, 1}, \
        { \
            slice_str("kraft.version"), 0, 1 \
        } \
    }

struct world {
    struct metadata_image *image;
    struct metadata_image *decided; /* that the last decision was made on, and borrows from */
    struct settings *settings;
    struct metadata_supported supported;
    struct decide_quorum quorum;
    struct prng prng;
    struct arena arena; /* of the decision under way; what a test keeps must be copied */
    int16_t api_version;
    struct decision decision; /* the last one */
};

static inline struct decide_input world_input(struct world *w)
{
    return (struct decide_input){
        .image = w->image,
        .settings = w->settings,
        .supported = &w->supported,
        .arena = &w->arena,
        .prng = &w->prng,
        .next_offset = metadata_image_offset(w->image) + 1,
        .node_id = 3000,
        .api_version = w->api_version,
    };
}

/* ---- what must hold ---- */

/* A partition that is being moved, see decide/reassign.h. */
static inline void check_move(const struct metadata_partition *p)
{
    struct metadata_ids replicas = metadata_replicas(p);
    struct metadata_ids isr = metadata_isr(p);
    struct metadata_ids adding = metadata_adding_replicas(p);
    struct metadata_ids removing = metadata_removing_replicas(p);
    for (size_t i = 0; i < adding.count; i++) {
        ck_assert_msg(metadata_ids_contain(replicas, adding.items[i]), "added ones are replicas");
        ck_assert_msg(!metadata_ids_contain(removing, adding.items[i]), "added or removed");
    }
    for (size_t i = 0; i < removing.count; i++) {
        ck_assert_msg(metadata_ids_contain(replicas, removing.items[i]), "removed ones still are");
    }
    ck_assert_msg(adding.count < replicas.count, "there was something before the move");
    ck_assert_msg(removing.count < replicas.count, "there is something after it");
    bool done = true;
    for (size_t i = 0; i < replicas.count; i++) {
        int32_t id = replicas.items[i];
        done = done && (metadata_ids_contain(removing, id) || metadata_ids_contain(isr, id));
    }
    ck_assert_msg(!done || adding.count + removing.count == 0, "a move that is done has ended");
}

static inline void check_partition(const struct metadata_image *image,
                                   const struct metadata_partition *p)
{
    struct metadata_ids isr = metadata_isr(p);
    struct metadata_ids replicas = metadata_replicas(p);
    ck_assert_uint_gt(isr.count, 0);
    for (size_t i = 0; i < isr.count; i++) {
        ck_assert_msg(metadata_ids_contain(replicas, isr.items[i]), "ISR within replicas");
    }
    if (p->leader != METADATA_NO_LEADER) {
        ck_assert_msg(metadata_ids_contain(isr, p->leader), "leader in ISR");
        const struct metadata_broker *leader = metadata_broker(image, p->leader);
        ck_assert_msg(leader != NULL && metadata_broker_is_active(leader), "leader is active");
        for (size_t i = 0; i < isr.count; i++) {
            const struct metadata_broker *member = metadata_broker(image, isr.items[i]);
            ck_assert_msg(member != NULL && metadata_broker_is_active(member),
                          "members of a led ISR are active");
        }
    } else {
        ck_assert_msg(isr.count == 1, "only its last member is left in an ISR without a leader");
    }
    ck_assert_msg(!p->recovering || isr.count == 1, "recovering alone");
    check_move(p);
}

static inline void check_change(const struct metadata_partition *before,
                                const struct metadata_partition_change *change,
                                const struct metadata_partition *after)
{
    bool leads = change->leader != METADATA_LEADER_UNCHANGED;
    ck_assert_int_eq(after->partition_epoch, before->partition_epoch + 1);
    ck_assert_int_eq(after->leader_epoch, before->leader_epoch + (leads ? 1 : 0));
    ck_assert_msg(leads || after->leader == before->leader, "a new leader has a new epoch");
    struct decide_state state = decide_state_after(before, change);
    ck_assert_int_eq(after->leader, state.leader);
    ck_assert_int_eq(after->leader_epoch, state.leader_epoch);
    ck_assert_int_eq(after->partition_epoch, state.partition_epoch);
    ck_assert_int_eq(after->recovering, (int)state.recovery);
    ck_assert(metadata_ids_equal(metadata_isr(after), state.isr));
}

static inline void check_all(const struct metadata_image *image)
{
    struct metadata_iter it = metadata_topics(image);
    const struct metadata_topic *topic;
    while ((topic = metadata_topic_next(&it)) != NULL) {
        for (int32_t i = 0; i < topic->partition_count; i++) {
            check_partition(image, metadata_partition(topic, i));
        }
    }
}

static inline const struct metadata_partition *partition_of(const struct metadata_image *image,
                                                            struct uuid topic, int32_t index)
{
    const struct metadata_topic *found = metadata_topic_by_id(image, topic);
    return found == NULL ? NULL : metadata_partition(found, index);
}

/* ---- life ---- */

static inline void world_fini(struct world *w)
{
    metadata_image_unref(w->image);
    metadata_image_unref(w->decided);
    settings_free(w->settings);
    arena_fini(&w->arena);
}

static inline void world_set(struct world *w, const char *pair)
{
    struct buf message = {0};
    ck_assert_int_eq(settings_set_pair(w->settings, pair, &message), ERR_NONE);
    buf_fini(&message);
}

/* Begins a decision: forgets the one before. */
static inline struct decision *world_begin(struct world *w)
{
    arena_fini(&w->arena);
    metadata_image_unref(w->decided);
    w->decided = metadata_image_ref(w->image);
    decision_init(&w->decision, &w->arena);
    return &w->decision;
}

/* Replays the records of the decision one by one. Returns how many there were. */
static inline size_t world_apply(struct world *w)
{
    for (size_t i = 0; i < w->decision.count; i++) {
        const struct metadata_record *record = &w->decision.records[i];
        struct metadata_delta *delta = metadata_delta_begin(w->image);
        int64_t offset = metadata_image_offset(w->image) + 1;
        enum err e = metadata_delta_replay(delta, offset, record);
        ck_assert_msg(e == ERR_NONE, "%s", metadata_delta_error(delta));
        metadata_delta_advance(delta, offset, 1, offset);
        struct metadata_image *next = metadata_delta_finish(delta);
        if (record->type == METADATA_RECORD_PARTITION_CHANGE) {
            const struct metadata_partition_change *change = &record->partition_change;
            check_change(partition_of(w->image, change->topic_id, change->partition_id), change,
                         partition_of(next, change->topic_id, change->partition_id));
        }
        metadata_image_unref(w->image);
        w->image = next;
    }
    check_all(w->image);
    return w->decision.count;
}

static inline void world_init(struct world *w, uint64_t seed)
{
    *w = (struct world){.api_version = 7};
    w->image = metadata_image_new(slice_str(CLUSTER_ID));
    w->settings = settings_new();
    prng_init(&w->prng, seed);
    metadata_supported_init(&w->supported);
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_bootstrap(&in, out);
    world_apply(w);
}

/* ---- things to decide ---- */

/* Registers a broker; the error code of the response. */
static inline int world_register(struct world *w, int32_t id, const char *rack,
                                 struct uuid incarnation, bool live)
{
    struct wire_broker_registration_request request;
    struct wire_broker_registration_request_features features[] = WORLD_FEATURES;
    struct uuid dir = {77, (uint64_t)id + 1000};
    struct slice why;
    wire_init(&wire_msg_broker_registration_request, &request);
    request.broker_id = id;
    request.cluster_id = slice_str(CLUSTER_ID);
    request.incarnation_id = incarnation;
    request.features = features;
    request.features_count = ARRAY_LEN(features);
    request.rack = slice_str(rack);
    request.log_dirs = &dir;
    request.log_dirs_count = 1;
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    in.api_version = 4;
    decide_register_broker(&in, &request, live, out, &why);
    world_apply(w);
    const struct wire_broker_registration_response *response = out->response;
    return response->error_code;
}

struct beat {
    bool want_fence;
    bool want_shut_down;
    int64_t behind; /* how far the broker is behind the log */
    int64_t shutdown_offset;
    int64_t lowest_active_offset;
};

/* A heartbeat under the broker's present epoch. */
static inline enum decide_broker_state world_beat(struct world *w, int32_t id, struct beat beat)
{
    const struct metadata_broker *broker = metadata_broker(w->image, id);
    struct wire_broker_heartbeat_request request;
    struct decide_heartbeat_soft soft = {beat.shutdown_offset, beat.lowest_active_offset};
    enum decide_broker_state next;
    wire_init(&wire_msg_broker_heartbeat_request, &request);
    request.broker_id = id;
    request.broker_epoch = broker == NULL ? -1 : broker->epoch;
    request.current_metadata_offset = metadata_image_offset(w->image) - beat.behind;
    request.want_fence = beat.want_fence;
    request.want_shut_down = beat.want_shut_down;
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_heartbeat(&in, &request, &soft, out, &next);
    world_apply(w);
    if (broker != NULL && next != DECIDE_BROKER_SHUTDOWN_NOW) {
        ck_assert_int_eq(decide_broker_state(metadata_broker(w->image, id)), next);
    }
    return next;
}

static inline const struct wire_broker_heartbeat_response *world_beat_response(struct world *w)
{
    return w->decision.response;
}

/* A broker that is registered and unfenced. */
static inline void world_broker(struct world *w, int32_t id, const char *rack)
{
    struct uuid incarnation = {(uint64_t)id + 1, prng_next(&w->prng)};
    ck_assert_int_eq(world_register(w, id, rack, incarnation, false), 0);
    ck_assert_int_eq(world_beat(w, id, (struct beat){0}), DECIDE_BROKER_UNFENCED);
}

static inline void world_fence(struct world *w, int32_t id)
{
    struct decide_input in;
    struct decision *out = world_begin(w);
    in = world_input(w);
    decide_fence(&in, id, out);
    world_apply(w);
}

/* Reads "1,2,3" into `ids`; how many there are. */
static inline size_t world_ids(const char *text, int32_t *ids)
{
    size_t count = 0;
    while (*text != '\0') {
        ids[count++] = (int32_t)strtol(text, (char **)&text, 10);
        text += *text == ',' ? 1 : 0;
    }
    return count;
}

static inline void world_put_ids(struct buf *out, struct metadata_ids ids)
{
    for (size_t i = 0; i < ids.count; i++) {
        buf_printf(out, "%s%d", i == 0 ? "" : ",", ids.items[i]);
    }
}

/* The leader of a partition proposes an ISR ("1,2"); the partition's error code. */
static inline int world_alter_isr(struct world *w, struct uuid topic, int32_t index,
                                  const char *isr)
{
    const struct metadata_partition *p = partition_of(w->image, topic, index);
    const struct metadata_broker *leader = metadata_broker(w->image, p->leader);
    ck_assert_ptr_nonnull(leader);
    int32_t ids[METADATA_REPLICAS_MAX];
    struct wire_alter_partition_request_topics_partitions_new_isr_with_epochs
        members[METADATA_REPLICAS_MAX];
    struct wire_alter_partition_request_topics_partitions partition = {
        .partition_index = index,
        .leader_epoch = p->leader_epoch,
        .partition_epoch = p->partition_epoch,
        .new_isr_with_epochs = members,
        .new_isr_with_epochs_count = (int32_t)world_ids(isr, ids)};
    for (int32_t i = 0; i < partition.new_isr_with_epochs_count; i++) {
        members[i].broker_id = ids[i];
        members[i].broker_epoch = -1;
    }
    struct wire_alter_partition_request_topics one = {
        .topic_id = topic, .partitions = &partition, .partitions_count = 1};
    struct wire_alter_partition_request request = {
        .broker_id = leader->id, .broker_epoch = leader->epoch, .topics = &one, .topics_count = 1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    in.api_version = 3;
    decide_alter_partition(&in, &request, out);
    world_apply(w);
    const struct wire_alter_partition_response *response = out->response;
    ck_assert_int_eq(response->error_code, 0);
    return response->topics[0].partitions[0].error_code;
}

/* A topic with one partition for each list of replicas, "1,2,3;2,3,1". Returns its id. */
static inline struct uuid world_topic(struct world *w, const char *name, const char *replicas)
{
    struct wire_create_topics_request_topics_assignments assignments[16] = {{0}};
    int32_t ids[16][8];
    int32_t count = 0;
    for (const char *at = replicas; *at != '\0'; at += *at == ';' ? 1 : 0) {
        struct wire_create_topics_request_topics_assignments *a = &assignments[count];
        a->partition_index = count;
        a->broker_ids = ids[count++];
        while (*at != '\0' && *at != ';') {
            a->broker_ids[a->broker_ids_count++] = (int32_t)strtol(at, (char **)&at, 10);
            at += *at == ',' ? 1 : 0;
        }
    }
    struct wire_create_topics_request_topics topic = {.name = slice_str(name),
                                                      .num_partitions = -1,
                                                      .replication_factor = -1,
                                                      .assignments = assignments,
                                                      .assignments_count = count};
    struct wire_create_topics_request request = {.topics = &topic, .topics_count = 1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_create_topics(&in, &request, out);
    world_apply(w);
    const struct wire_create_topics_response *response = out->response;
    ck_assert_int_eq(response->topics[0].error_code, 0);
    return response->topics[0].topic_id;
}

static inline void world_config(struct world *w, const char *topic, const char *name,
                                const char *value)
{
    struct decision *out = world_begin(w);
    decision_add(out, METADATA_RECORD_CONFIG)->config = (struct metadata_config_record){
        METADATA_CONFIG_TOPIC, slice_str(topic), slice_str(name), slice_str(value)};
    world_apply(w);
}

/* "leader/leader epoch/partition epoch isr=1,2" of a partition. */
static inline const char *world_show(struct world *w, struct uuid topic, int32_t index)
{
    const struct metadata_partition *p = partition_of(w->image, topic, index);
    struct metadata_ids isr = metadata_isr(p);
    struct buf text = {0};
    buf_printf(&text, "%d/%d/%d isr=", p->leader, p->leader_epoch, p->partition_epoch);
    world_put_ids(&text, isr);
    if (p->recovering) {
        buf_put_str(&text, " recovering");
    }
    char *shown = arena_str(&w->arena, buf_slice(&text));
    buf_fini(&text);
    return shown;
}

#endif
