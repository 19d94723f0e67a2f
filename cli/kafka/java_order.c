/* Order of hash maps; see java_order.h. */
#include "cli/kafka/java_order.h"

#include <stdlib.h>

uint32_t java_hash(struct slice text)
{
    uint32_t hash = 0;
    for (size_t i = 0; i < text.len; i++) {
        hash = hash * 31 + text.data[i];
    }
    return hash;
}

uint32_t java_hash_partition(struct slice topic, int32_t partition)
{
    uint32_t hash = 31 + (uint32_t)partition;
    return hash * 31 + java_hash(topic);
}

struct slot {
    uint32_t bucket;
    size_t key;
};

static int compare(const void *a, const void *b)
{
    const struct slot *x = a;
    const struct slot *y = b;
    if (x->bucket != y->bucket) {
        return x->bucket < y->bucket ? -1 : 1;
    }
    return x->key < y->key ? -1 : x->key > y->key;
}

/* A map doubles when more than three quarters of its buckets would be full; doubling keeps the
 * order within a bucket. */
size_t *java_order(const uint32_t *hashes, size_t count, size_t capacity, struct arena *arena)
{
    size_t buckets = 1;
    while (buckets < capacity || count * 4 > buckets * 3) {
        buckets *= 2;
    }
    struct slot *slots = ARENA_ARRAY(arena, count + 1, struct slot);
    size_t *order = ARENA_ARRAY(arena, count + 1, size_t);
    for (size_t i = 0; i < count; i++) {
        uint32_t spread = hashes[i] ^ (hashes[i] >> 16);
        slots[i] = (struct slot){spread & (uint32_t)(buckets - 1), i};
    }
    qsort(slots, count, sizeof *slots, compare);
    for (size_t i = 0; i < count; i++) {
        order[i] = slots[i].key;
    }
    return order;
}
