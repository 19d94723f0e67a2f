/* The uniform assignor: everybody gets as many partitions as his subscription allows to share
 * evenly, and keeps what he had as far as that goes. */
#include <stdlib.h>

#include "broker/group/consumer/consumer.h"

enum { NOBODY = -1 };

struct slot {
    size_t topic;
    int32_t index;
    int32_t owner; /* a member, or NOBODY */
};

struct uniform {
    struct arena arena;
    struct consumer_subscriber *members;
    size_t count;
    size_t *load; /* partitions of each member */
    struct consumer_topic *topics;
    size_t topics_count;
    int32_t **readers; /* of each topic: members */
    size_t *readers_count;
    struct slot *slots; /* all partitions, topic by topic */
    size_t slots_count;
};

static void find_readers(struct uniform *u, size_t topic)
{
    int32_t *readers = ARENA_ARRAY(&u->arena, u->count, int32_t);
    for (size_t i = 0; i < u->count; i++) {
        if (consumer_subscriber_reads(&u->members[i], u->topics[topic].id)) {
            readers[u->readers_count[topic]++] = (int32_t)i;
        }
    }
    u->readers[topic] = readers;
}

static void init(struct uniform *u, struct consumer_subscriber *members, size_t count)
{
    *u = (struct uniform){.members = members, .count = count};
    u->topics = consumer_topics_of_all(members, count, &u->arena, &u->topics_count);
    u->load = ARENA_ARRAY(&u->arena, count, size_t);
    u->readers = ARENA_ARRAY(&u->arena, u->topics_count, int32_t *);
    u->readers_count = ARENA_ARRAY(&u->arena, u->topics_count, size_t);
    for (size_t t = 0; t < u->topics_count; t++) {
        u->slots_count += (size_t)u->topics[t].partitions;
        find_readers(u, t);
    }
    u->slots = ARENA_ARRAY(&u->arena, u->slots_count, struct slot);
    size_t at = 0;
    for (size_t t = 0; t < u->topics_count; t++) {
        for (int32_t p = 0; p < u->topics[t].partitions; p++) {
            u->slots[at++] = (struct slot){t, p, NOBODY};
        }
    }
}

static int slot_cmp(const struct uniform *u, const struct slot *slot,
                    const struct consumer_partition *p)
{
    struct consumer_partition own = {u->topics[slot->topic].id, slot->index};
    return consumer_partition_cmp(&own, p);
}

static struct slot *find_slot(const struct uniform *u, const struct consumer_partition *p)
{
    size_t low = 0;
    size_t high = u->slots_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slot_cmp(u, &u->slots[middle], p);
        if (order == 0) {
            return &u->slots[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* What a member had and still reads stays with it, for now. */
static void keep(struct uniform *u)
{
    for (size_t i = 0; i < u->count; i++) {
        const struct consumer_set *before = u->members[i].before;
        for (size_t k = 0; k < before->count; k++) {
            struct slot *slot = find_slot(u, &before->at[k]);
            if (slot != NULL && slot->owner == NOBODY &&
                consumer_subscriber_reads(&u->members[i], before->at[k].topic)) {
                slot->owner = (int32_t)i;
                u->load[i]++;
            }
        }
    }
}

static int32_t least_loaded(const struct uniform *u, size_t topic)
{
    int32_t best = NOBODY;
    for (size_t i = 0; i < u->readers_count[topic]; i++) {
        int32_t reader = u->readers[topic][i];
        if (best == NOBODY || u->load[reader] < u->load[best]) {
            best = reader;
        }
    }
    return best;
}

static void give(struct uniform *u, struct slot *slot, int32_t member)
{
    if (slot->owner != NOBODY) {
        u->load[slot->owner]--;
    }
    slot->owner = member;
    u->load[member]++;
}

/* Moves one partition at a time from a member to one that has at least two less, which brings the
 * sum of the squares down, so that it ends. */
static bool balance_once(struct uniform *u)
{
    bool moved = false;
    for (size_t i = 0; i < u->slots_count; i++) {
        struct slot *slot = &u->slots[i];
        int32_t to = least_loaded(u, slot->topic);
        if (u->load[to] + 1 < u->load[slot->owner]) {
            give(u, slot, to);
            moved = true;
        }
    }
    return moved;
}

void consumer_assign_uniform(struct consumer_subscriber *members, size_t count)
{
    struct uniform u;
    init(&u, members, count);
    keep(&u);
    for (size_t i = 0; i < u.slots_count; i++) {
        if (u.slots[i].owner == NOBODY) {
            give(&u, &u.slots[i], least_loaded(&u, u.slots[i].topic));
        }
    }
    while (balance_once(&u)) {
    }
    for (size_t i = 0; i < u.slots_count; i++) {
        const struct slot *slot = &u.slots[i];
        consumer_set_add(&members[slot->owner].target, u.topics[slot->topic].id, slot->index);
    }
    arena_fini(&u.arena);
}
