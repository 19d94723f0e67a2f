/* Random operations on random clusters; after each of them everything of world.h holds, and leaders
 * exist wherever one could. */
#include "tests/unit/controller/world.h"

#include "controller/decide/leaders.h"
#include "controller/decide/partitions.h"

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

/* Somebody replaces a replica by another broker. */
static void reassign(struct world *w)
{
    const struct metadata_topic *topic = pick_topic(w);
    if (topic == NULL) {
        return;
    }
    const struct metadata_partition *p = metadata_partition(topic, 0);
    int32_t comes = pick_broker(w);
    struct metadata_ids now = metadata_replicas(p);
    if (p->adding_count > 0 || p->removing_count > 0 || metadata_ids_contain(now, comes)) {
        return;
    }
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    struct decide_change change = decide_change_begin(topic, 0, p);
    int32_t *replicas = ARENA_ARRAY(&w->arena, now.count + 1, int32_t);
    replicas[0] = comes;
    memcpy(&replicas[1], now.items, now.count * sizeof replicas[0]);
    change.replicas = (struct metadata_ids){replicas, now.count + 1};
    change.adding = (struct metadata_ids){&replicas[0], 1};
    change.removing = (struct metadata_ids){&replicas[now.count], 1};
    decide_change_build(&in, &change, out);
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
    switch (prng_below(&w->prng, 12)) {
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
        reassign(w);
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
