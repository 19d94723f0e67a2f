/* A hash map from bytes to pointers, iterated in order of insertion.
 *
 * Keys are borrowed: they must live as long as the entry (usually inside the value). The order of
 * iteration depends only on the calls made, never on addresses, so that a simulation replays.
 * `struct map m = {0};` … map_fini(&m). */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/slice.h"

struct map_entry {
    struct slice key;
    void *value; /* NULL: removed */
    uint64_t hash;
};

struct map {
    struct map_entry *entries; /* in order of insertion, with holes */
    uint32_t *index;           /* hash slots: entry number + 1, 0 = free */
    size_t used;               /* entries in use, holes included */
    size_t count;              /* live entries */
    size_t slots;              /* a power of two, or 0 */
};

/* Frees the table, not the values. */
void map_fini(struct map *m);

/* The value, or NULL. */
void *map_get(const struct map *m, struct slice key);

/* Adds or replaces; returns the old value or NULL. `value` must not be NULL. A replaced entry
 * keeps its place but takes the new key pointer. */
void *map_put(struct map *m, struct slice key, void *value);

/* Takes the entry out; returns its value or NULL. */
void *map_remove(struct map *m, struct slice key);

/* Iteration: `size_t at = 0; while ((v = map_next(m, &at)) != NULL)`. Removing the entry just
 * returned is allowed, adding is not. */
void *map_next(const struct map *m, size_t *at);

/* FNV-1a with a final mix. It stays what it is on every machine: groups write it down. */
uint64_t map_hash(struct slice key);

/* A key made of the bytes of an integer or structure that lives in the value. */
#define MAP_KEY(lvalue) slice_of(&(lvalue), sizeof(lvalue))

#endif
