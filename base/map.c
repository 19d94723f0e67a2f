/* Insertion-ordered open-addressing hash map. */
#include "base/map.h"

#include "base/mem.h"

enum { MAP_SLOTS_MIN = 8 };

void map_fini(struct map *m)
{
    mem_free(m->entries);
    mem_free(m->index);
    *m = (struct map){0};
}

uint64_t map_hash(struct slice key)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < key.len; i++) {
        h = (h ^ key.data[i]) * 0x100000001b3u;
    }
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

/* A word at a time: keys are looked up much more often than they are written down. */
static uint64_t hash_of(struct slice key)
{
    uint64_t h = key.len;
    uint64_t word;
    for (; key.len >= sizeof word; key.data += sizeof word, key.len -= sizeof word) {
        memcpy(&word, key.data, sizeof word);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    for (word = 0; key.len > 0; key.len--) {
        word = word << 8 | key.data[key.len - 1];
    }
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

/* The slot that holds `key`, or the free slot where it would go. Removed entries keep their slot
 * until the next rebuild, so that probing stays unbroken. */
static size_t find_slot(const struct map *m, struct slice key, uint64_t hash)
{
    size_t mask = m->slots - 1;
    for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
        if (m->index[slot] == 0) {
            return slot;
        }
        const struct map_entry *e = &m->entries[m->index[slot] - 1];
        if (e->value != NULL && e->hash == hash && slice_eq(e->key, key)) {
            return slot;
        }
    }
}

/* Drops the holes. Half as many entries as there are fit in before the next time, so that a put
 * costs O(1) on average whatever comes and goes. */
static void rebuild(struct map *m)
{
    size_t slots = MAP_SLOTS_MIN;
    while (slots < (m->count + m->count / 2 + 1) * 2) {
        slots *= 2;
    }
    struct map fresh = {.slots = slots,
                        .entries = mem_zalloc(slots / 2 + 1, sizeof(struct map_entry)),
                        .index = mem_zalloc(slots, sizeof(uint32_t))};
    for (size_t i = 0; i < m->used; i++) {
        if (m->entries[i].value != NULL) {
            fresh.entries[fresh.used++] = m->entries[i];
            size_t slot = find_slot(&fresh, m->entries[i].key, m->entries[i].hash);
            fresh.index[slot] = (uint32_t)fresh.used;
        }
    }
    fresh.count = fresh.used;
    ASSERT(fresh.count == m->count);
    map_fini(m);
    *m = fresh;
}

void *map_get(const struct map *m, struct slice key)
{
    if (m->count == 0) {
        return NULL;
    }
    size_t slot = find_slot(m, key, hash_of(key));
    return m->index[slot] == 0 ? NULL : m->entries[m->index[slot] - 1].value;
}

void *map_put(struct map *m, struct slice key, void *value)
{
    ASSERT(value != NULL);
    uint64_t hash = hash_of(key);
    if (m->used >= m->slots / 2) {
        rebuild(m);
    }
    size_t slot = find_slot(m, key, hash);
    if (m->index[slot] != 0) {
        struct map_entry *e = &m->entries[m->index[slot] - 1];
        void *old = e->value;
        e->key = key;
        e->value = value;
        return old;
    }
    ASSERT(m->used < UINT32_MAX);
    m->entries[m->used++] = (struct map_entry){key, value, hash};
    m->index[slot] = (uint32_t)m->used;
    m->count++;
    return NULL;
}

void *map_remove(struct map *m, struct slice key)
{
    if (m->count == 0) {
        return NULL;
    }
    size_t slot = find_slot(m, key, hash_of(key));
    if (m->index[slot] == 0) {
        return NULL;
    }
    struct map_entry *e = &m->entries[m->index[slot] - 1];
    void *old = e->value;
    *e = (struct map_entry){0};
    m->count--;
    return old;
}

void *map_next(const struct map *m, size_t *at)
{
    while (*at < m->used) {
        void *value = m->entries[(*at)++].value;
        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}
