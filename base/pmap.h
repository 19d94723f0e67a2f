/* A persistent ordered map: a copy costs O(1), and a change to one copy is not seen by the others.
 *
 * A B-tree of reference-counted nodes. A change copies the nodes on its path that are shared and
 * writes in place those that are not, so that a long series of changes to a fresh copy costs little
 * more than to a plain tree. Items are pointers (or 64-bit numbers in their place); the key lives
 * in the item. One `struct pmap` belongs to one thread while it is changed; copies may be read,
 * copied and freed on any thread.
 *
 *     struct pmap m, old;
 *     pmap_init(&m, &ops);
 *     pmap_put(&m, item);                // takes over one reference of the item
 *     old = pmap_copy(&m);               // O(1)
 *     pmap_remove(&m, &key);             // `old` still has it
 *     pmap_fini(&m); pmap_fini(&old); */
#ifndef BASE_PMAP_H
#define BASE_PMAP_H

#include "base/base.h"

struct pmap_ops {
    /* Order of `key` against the key of `item`: <0, 0, >0. */
    int (*compare)(const void *key, const void *item);
    /* The key of `item`, in the form that compare takes. */
    const void *(*key)(const void *item);
    /* References of an item; both NULL when items need none. */
    void (*ref)(void *item);
    void (*unref)(void *item);
};

struct pmap_node;

struct pmap {
    const struct pmap_ops *ops;
    struct pmap_node *root; /* NULL: empty */
    size_t count;
};

/* Depth of a tree of 2^48 items, and more than enough. */
enum { PMAP_DEPTH_MAX = 16 };

struct pmap_iter {
    uint32_t depth;
    struct {
        const struct pmap_node *node;
        uint32_t at;
    } path[PMAP_DEPTH_MAX];
};

/* An empty map. `ops` must outlive it. */
void pmap_init(struct pmap *m, const struct pmap_ops *ops);

/* Drops the contents. The map is then empty and can be used again. */
void pmap_fini(struct pmap *m);

/* Another map with the same contents, sharing everything. */
struct pmap pmap_copy(const struct pmap *m);

/* The item of `key`, borrowed, or NULL. */
void *pmap_get(const struct pmap *m, const void *key);

/* The place of the item of `key` in this copy alone, or NULL: the caller may put another item with
 * the same key there, moving references by itself. Everything between the root and the item is
 * unshared afterwards, so that an item with one reference belongs to this map only and may be
 * changed in place. Valid until the next change. */
void **pmap_edit(struct pmap *m, const void *key);

/* Adds the item, or replaces the one with the same key, whose reference is dropped. Takes over the
 * caller's reference of `item`. */
void pmap_put(struct pmap *m, void *item);

/* Takes the item of `key` out and drops its reference; false if there was none. */
bool pmap_remove(struct pmap *m, const void *key);

/* Iteration in order; the map must not change meanwhile. Seek starts at the first item ≥ key. */
struct pmap_iter pmap_first(const struct pmap *m);
struct pmap_iter pmap_seek(const struct pmap *m, const void *key);
bool pmap_next(struct pmap_iter *it, void **item);

/* Calls `visit`, in order of keys, for every key whose items are not the same pointer: before or
 * after is NULL when only one map has it. Parts that the maps share are skipped unread: O(changes ·
 * log n) for maps that came from each other. */
void pmap_diff(const struct pmap *before, const struct pmap *after,
               void (*visit)(void *arg, void *before, void *after), void *arg);

/* Bytes of the nodes, without the items; shared nodes count in full. */
size_t pmap_memory(const struct pmap *m);

/* Order, occupancy, depth, count: O(n), asserts. */
void pmap_verify(const struct pmap *m);

#endif
