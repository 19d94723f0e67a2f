/* Random operations on random clusters; after each of them everything of world.h holds, and leaders
 * exist wherever one could. */
#include "tests/unit/controller/world.h"

#include "controller/decide/leaders.h"
#include "controller/decide/partitions.h"
#include "controller/decide/reassign.h"

enum { BROKERS = 5, SEEDS = 12, STEPS = 200 };

static int32_t pick_broker(struct world *w)
{
    return (int32_t)prng_range(&w->prng, 1, BROKERS);
}

static const struct metadata_topic *pick_topic(struct world *w)
{
    size_t count = metadata_topic_count(w->image);
    if (count == 0) {
        return NULL;
    }
    struct metadata_iter it = metadata_topics(w->image);
    const struct metadata_topic *topic = metadata_topic_next(&it);
    for (size_t skip = prng_below(&w->prng, count); skip > 0; skip--) {
        topic = metadata_topic_next(&it);
    }
    return topic;
}

static void create(struct world *w)
{
    char name[8];
    snprintf(name, sizeof name, "t%d", (int)prng_below(&w->prng, 50));
    struct wire_create_topics_request_topics topic = {
        .name = slice_str(name),
        .num_partitions = (int32_t)prng_range(&w->prng, 1, 4),
        .replication_factor = (int16_t)prng_range(&w->prng, 1, 4)};
    struct wire_create_topics_request request = {.topics = &topic, .topics_count = 1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_create_topics(&in, &request, out);
    world_apply(w);
}

static void drop(struct world *w)
{
    const struct metadata_topic *topic = pick_topic(w);
    if (topic == NULL) {
        return;
    }
    struct decision *out = world_begin(w);
    decision_add(out, METADATA_RECORD_REMOVE_TOPIC)->remove_topic.topic_id = topic->id;
    world_apply(w);
}

/* The leader of a partition proposes any subset of its replicas. */
static void alter(struct world *w)
{
    const struct metadata_topic *topic = pick_topic(w);
    if (topic == NULL) {
        return;
    }
    int32_t index = (int32_t)prng_below(&w->prng, (uint64_t)topic->partition_count);
    const struct metadata_partition *p = metadata_partition(topic, index);
    const struct metadata_broker *leader = metadata_broker(w->image, p->leader);
    if (leader == NULL) {
        return;
    }
    struct wire_alter_partition_request_topics_partitions_new_isr_with_epochs members[16];
    struct wire_alter_partition_request_topics_partitions partition = {
        .partition_index = index,
        .leader_epoch = p->leader_epoch,
        .partition_epoch = p->partition_epoch,
        .leader_recovery_state = (int8_t)(prng_chance(&w->prng, 1, 2) ? p->recovering : 0),
        .new_isr_with_epochs = members};
    struct metadata_ids replicas = metadata_replicas(p);
    for (size_t i = 0; i < replicas.count; i++) {
        if (replicas.items[i] == p->leader || prng_chance(&w->prng, 2, 3)) {
            members[partition.new_isr_with_epochs_count].broker_id = replicas.items[i];
            members[partition.new_isr_with_epochs_count++].broker_epoch = -1;
        }
    }
    struct wire_alter_partition_request_topics one = {
        .topic_id = topic->id, .partitions = &partition, .partitions_count = 1};
    struct wire_alter_partition_request request = {
        .broker_id = leader->id, .broker_epoch = leader->epoch, .topics = &one, .topics_count = 1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    in.api_version = 3;
    decide_alter_partition(&in, &request, out);
    world_apply(w);
}

/* The replicas that a cancellation must bring back, in any order. */
static bool is_origin(struct world *w, struct metadata_ids replicas, struct metadata_ids now,
                      struct metadata_ids adding)
{
    struct metadata_ids origin = decide_ids_without(&w->arena, now, adding);
    return origin.count == replicas.count && decide_ids_within(origin, replicas);
}

/* Some brokers in random order; how many. */
static int32_t pick_brokers(struct world *w, int32_t ids[BROKERS])
{
    int32_t count = (int32_t)prng_range(&w->prng, 1, BROKERS);
    for (int32_t i = 0; i < count; i++) {
        do {
            ids[i] = pick_broker(w);
        } while (metadata_ids_contain((struct metadata_ids){ids, (size_t)i}, ids[i]));
    }
    return count;
}

/* Somebody moves a partition to any brokers, or cancels a move. */
static void reassign(struct world *w)
{
    const struct metadata_topic *topic = pick_topic(w);
    if (topic == NULL) {
        return;
    }
    int32_t index = (int32_t)prng_below(&w->prng, (uint64_t)topic->partition_count);
    const struct metadata_partition *before = metadata_partition(topic, index);
    struct uuid id = topic->id;
    int32_t ids[BROKERS];
    bool cancels = prng_chance(&w->prng, 1, 4);
    struct wire_alter_partition_reassignments_request_topics_partitions partition = {
        .partition_index = index,
        .replicas = ids,
        .replicas_count = cancels ? -1 : pick_brokers(w, ids)};
    struct wire_alter_partition_reassignments_request_topics one = {
        .name = topic->name, .partitions = &partition, .partitions_count = 1};
    struct wire_alter_partition_reassignments_request request = {.allow_replication_factor_change =
                                                                     prng_chance(&w->prng, 3, 4),
                                                                 .topics = &one,
                                                                 .topics_count = 1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_alter_reassignments(&in, &request, out);
    world_apply(w);
    const struct wire_alter_partition_reassignments_response *response = out->response;
    if (response->responses[0].partitions[0].error_code != 0) {
        ck_assert_uint_eq(out->count, 0);
        return;
    }
    const struct metadata_partition *p = partition_of(w->image, id, index);
    struct metadata_ids target = {ids, (size_t)max_i64(partition.replicas_count, 0)};
    if (cancels) {
        ck_assert(is_origin(w, metadata_replicas(p), metadata_replicas(before),
                            metadata_adding_replicas(before)));
        ck_assert_int_eq(p->adding_count + p->removing_count, 0);
    } else {
        struct metadata_ids left =
            decide_ids_without(&w->arena, metadata_replicas(p), metadata_removing_replicas(p));
        ck_assert(metadata_ids_equal(left, target));
    }
}

/* Somebody asks for elections, by name or everywhere. */
static void elect_leaders(struct world *w)
{
    const struct metadata_topic *topic = pick_topic(w);
    if (topic == NULL) {
        return;
    }
    int32_t index = (int32_t)prng_below(&w->prng, (uint64_t)topic->partition_count);
    struct wire_elect_leaders_request_topic_partitions one = {
        .topic = topic->name, .partitions = &index, .partitions_count = 1};
    struct wire_elect_leaders_request request = {
        .election_type = prng_chance(&w->prng, 1, 2) ? 0 : 1,
        .topic_partitions = &one,
        .topic_partitions_count = prng_chance(&w->prng, 1, 2) ? 1 : -1};
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    decide_elect_leaders(&in, &request, out);
    world_apply(w);
}

static void elect(struct world *w)
{
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    if (prng_chance(&w->prng, 1, 2)) {
        decide_balance_leaders(&in, out);
    } else {
        decide_elect_unled(&in, out);
    }
    world_apply(w);
}

static void restart(struct world *w)
{
    struct uuid incarnation = {8, prng_next(&w->prng)};
    world_register(w, pick_broker(w), NULL, incarnation, prng_chance(&w->prng, 1, 4));
}

static void beat(struct world *w)
{
    int32_t id = pick_broker(w);
    if (metadata_broker(w->image, id) != NULL) {
        world_beat(w, id,
                   (struct beat){.want_fence = prng_chance(&w->prng, 1, 8),
                                 .want_shut_down = prng_chance(&w->prng, 1, 10),
                                 .lowest_active_offset = INT64_MAX});
    }
}

static void step(struct world *w)
{
    switch (prng_below(&w->prng, 16)) {
    case 0:
    case 1:
        create(w);
        break;
    case 2:
        drop(w);
        break;
    case 3:
    case 4:
    case 5:
        alter(w);
        break;
    case 6:
        world_fence(w, pick_broker(w));
        break;
    case 7:
        restart(w);
        break;
    case 8:
    case 10:
    case 11:
        reassign(w);
        break;
    case 12:
        elect_leaders(w);
        break;
    case 9:
        elect(w);
        break;
    default:
        beat(w);
        break;
    }
}

/* A partition without a leader has nobody who could be it. */
static void check_leaders(struct world *w)
{
    struct metadata_partition_iter it = metadata_partition_set(w->image, METADATA_SET_NO_LEADER);
    const struct metadata_partition *p;
    while ((p = metadata_partition_set_next(&it)) != NULL) {
        struct metadata_ids isr = metadata_isr(p);
        for (size_t i = 0; i < isr.count; i++) {
            const struct metadata_broker *member = metadata_broker(w->image, isr.items[i]);
            ck_assert_msg(member == NULL || !metadata_broker_is_active(member),
                          "broker %d could lead", isr.items[i]);
        }
    }
}

START_TEST(random_operations)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world w;
        world_init(&w, seed);
        world_set(&w, seed % 2 == 0 ? "unclean.leader.election.enable=true"
                                    : "unclean.leader.election.enable=false");
        for (int32_t id = 1; id <= BROKERS; id++) {
            world_broker(&w, id, NULL);
        }
        for (int i = 0; i < STEPS; i++) {
            step(&w);
            check_leaders(&w);
        }
        world_fini(&w);
    }
}
END_TEST

UNIT_MAIN("random", random_operations)
