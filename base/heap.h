/* A heap of items that are embedded in their owners: the least key first, and of equal keys the one
 * that was added first. An item knows its place, so that it can be taken out. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include "base/base.h"

struct heap_item {
    int64_t key; /* not to be changed while the item is in a heap */
    uint64_t order;
    size_t at; /* place + 1; 0: in no heap */
};

/* An item's key beside the item: sifting compares many and touches few of their owners. */
struct heap_slot {
    int64_t key;
    uint64_t order;
    struct heap_item *item;
};

/* `struct heap h = {0};` … heap_fini(&h) */
struct heap {
    struct heap_slot *slots;
    size_t len;
    size_t cap;
    uint64_t order; /* of the next item */
};

/* Frees the heap; the items that are still in it count as taken out. */
void heap_fini(struct heap *heap);

void heap_add(struct heap *heap, struct heap_item *item);
void heap_remove(struct heap *heap, struct heap_item *item);

/* The least, or NULL. */
static inline struct heap_item *heap_first(const struct heap *heap)
{
    return heap->len == 0 ? NULL : heap->slots[0].item;
}

static inline bool heap_has(const struct heap_item *item)
{
    return item->at != 0;
}

#endif
