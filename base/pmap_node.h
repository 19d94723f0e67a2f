/* The node of the persistent map, private to pmap.c and pmap_walk.c. */
#ifndef BASE_PMAP_NODE_H
#define BASE_PMAP_NODE_H

#include "base/pmap.h"
#include "base/ref.h"

/* Few enough that copying a node is cheap (a leaf is 256 bytes), many enough that it rarely is. */
enum { PMAP_NODE_MAX = 31, PMAP_NODE_MIN = 15 };

_Static_assert(sizeof(void *) == sizeof(uint64_t), "numbers are kept in place of pointers");

struct pmap_node {
    struct ref refs;
    uint8_t level; /* 0: a leaf */
    uint8_t count;
    uint8_t capacity; /* of items; an inner node always has PMAP_NODE_MAX */
    void *items[];    /* in an inner node, PMAP_NODE_MAX + 1 children follow */
};

static inline struct pmap_node **pmap_children(const struct pmap_node *n)
{
    ASSERT(n->level > 0);
    return (struct pmap_node **)&n->items[PMAP_NODE_MAX];
}

static inline size_t pmap_node_size(unsigned level, size_t capacity)
{
    size_t slots = level == 0 ? capacity : 2 * PMAP_NODE_MAX + 1;
    return sizeof(struct pmap_node) + slots * sizeof(void *);
}

/* Index of the first item whose key is ≥ `key`. */
static inline size_t pmap_lower_bound(const struct pmap_ops *ops, const struct pmap_node *n,
                                      const void *key, bool *found)
{
    size_t low = 0;
    size_t high = n->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = ops->compare(key, n->items[mid]);
        if (order == 0) {
            *found = true;
            return mid;
        }
        if (order < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    *found = false;
    return low;
}

#endif
