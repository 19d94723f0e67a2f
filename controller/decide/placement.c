/* Striped replica placement; see placement.h. */
#include "controller/decide/placement.h"

static bool is_usable(const struct metadata_broker *broker)
{
    return !broker->in_controlled_shutdown;
}

/* Index of the rack called `name`; added at its place in the order of names if it is new. */
static size_t rack_of(struct decide_placer *placer, struct slice name)
{
    size_t at = 0;
    while (at < placer->rack_count && slice_cmp(placer->racks[at].name, name) < 0) {
        at++;
    }
    if (at < placer->rack_count && slice_eq(placer->racks[at].name, name)) {
        return at;
    }
    memmove(&placer->racks[at + 1], &placer->racks[at],
            (placer->rack_count - at) * sizeof placer->racks[0]);
    placer->racks[at] = (struct decide_rack){.name = name};
    placer->rack_count++;
    return at;
}

static void collect_brokers(struct decide_placer *placer, const struct decide_input *in)
{
    size_t brokers = metadata_broker_count(in->image);
    placer->racks = ARENA_ARRAY(in->arena, brokers + 1, struct decide_rack);
    struct metadata_iter it = metadata_brokers(in->image);
    const struct metadata_broker *broker;
    while ((broker = metadata_broker_next(&it)) != NULL) {
        if (!is_usable(broker)) {
            continue;
        }
        struct decide_rack *rack = &placer->racks[rack_of(placer, broker->rack)];
        struct decide_ring *ring = broker->fenced ? &rack->fenced : &rack->unfenced;
        if (ring->brokers == NULL) {
            ring->brokers = ARENA_ARRAY(in->arena, brokers, int32_t);
        }
        ring->brokers[ring->count++] = broker->id;
    }
}

static void ring_shuffle(struct decide_ring *ring, struct prng *prng)
{
    ring->start = ring->count == 0 ? 0 : prng_below(prng, ring->count);
}

enum err decide_placer_init(struct decide_placer *placer, const struct decide_input *in,
                            int32_t replication_factor, struct slice *why)
{
    *placer = (struct decide_placer){0};
    *why = SLICE_NULL;
    if (replication_factor <= 0) {
        *why = decide_text(in->arena, "Invalid replication factor %d: it must be greater than 0.",
                           replication_factor);
        return ERR_INVALID_REPLICATION_FACTOR;
    }
    collect_brokers(placer, in);
    size_t total = 0;
    size_t unfenced = 0;
    for (size_t i = 0; i < placer->rack_count; i++) {
        total += placer->racks[i].unfenced.count + placer->racks[i].fenced.count;
        unfenced += placer->racks[i].unfenced.count;
    }
    if (unfenced == 0) {
        *why = decide_text(in->arena, "All brokers are currently fenced.");
        return ERR_INVALID_REPLICATION_FACTOR;
    }
    if ((size_t)replication_factor > total || replication_factor > METADATA_REPLICAS_MAX) {
        *why = decide_text(in->arena,
                           "The target replication factor of %d cannot be reached because only "
                           "%zu broker(s) are registered.",
                           replication_factor, total);
        return ERR_INVALID_REPLICATION_FACTOR;
    }
    for (size_t i = 0; i < placer->rack_count; i++) {
        ring_shuffle(&placer->racks[i].unfenced, in->prng);
        ring_shuffle(&placer->racks[i].fenced, in->prng);
    }
    placer->start = prng_below(in->prng, placer->rack_count);
    placer->replication_factor = (size_t)replication_factor;
    return ERR_NONE;
}

/* -1: every broker of the ring has its replica of this partition already. */
static int32_t ring_take(struct decide_ring *ring)
{
    if (ring->taken == ring->count) {
        return -1;
    }
    int32_t broker = ring->brokers[(ring->start + ring->taken) % ring->count];
    ring->taken++;
    return broker;
}

static int32_t rack_take(struct decide_rack *rack, bool unfenced_only)
{
    int32_t broker = ring_take(&rack->unfenced);
    return broker >= 0 || unfenced_only ? broker : ring_take(&rack->fenced);
}

static size_t common_multiple(size_t a, size_t b)
{
    size_t x = a;
    size_t y = b;
    while (y != 0) {
        size_t rest = x % y;
        x = y;
        y = rest;
    }
    return a / x * b;
}

/* For the next partition. */
static void ring_turn(struct decide_ring *ring, size_t rack_count)
{
    if (ring->count == 0) {
        return;
    }
    ring->taken = 0;
    ring->turns++;
    ring->start++;
    if (ring->turns == common_multiple(rack_count, ring->count)) {
        ring->turns = 0;
        ring->start++;
    }
    ring->start %= ring->count;
}

struct metadata_ids decide_place(struct decide_placer *placer, struct arena *arena)
{
    int32_t *replicas = ARENA_ARRAY(arena, placer->replication_factor, int32_t);
    size_t count = 0;
    size_t rack = placer->start;
    /* Ends: init made sure that there are enough brokers, one of them unfenced. */
    while (count < placer->replication_factor) {
        int32_t broker = rack_take(&placer->racks[rack], count == 0);
        if (broker >= 0) {
            replicas[count++] = broker;
        }
        rack = (rack + 1) % placer->rack_count;
    }
    for (size_t i = 0; i < placer->rack_count; i++) {
        ring_turn(&placer->racks[i].unfenced, placer->rack_count);
        ring_turn(&placer->racks[i].fenced, placer->rack_count);
    }
    placer->start = (placer->start + 1) % placer->rack_count;
    return (struct metadata_ids){replicas, count};
}
