/* A sparse index file: entries of 8 bytes (offset → position) or 12 (timestamp → offset), in rising
 * order of their first field.
 *
 * The newest entries wait in memory (`tail`) and go to the file when some have gathered; older ones
 * are read from the file when asked for, nothing is mapped. While its segment is active the file is
 * extended to the size that Kafka gives it, without taking room; finish() cuts it. */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "store/files_private.h"

enum { INDEX_OFFSET_ENTRY = 8, INDEX_TIME_ENTRY = 12, INDEX_TAIL_MAX = 64 };

struct index {
    struct store_file *file;
    uint8_t *tail; /* entries behind those in the file */
    uint32_t in_file;
    uint32_t in_tail;
    uint32_t tail_cap;
    uint32_t hint; /* where in the file the last search ended */
    uint8_t entry_size;
    bool loaded;    /* in_file is known */
    bool exact;     /* the file has all entries and nothing else */
    bool allocated; /* the file was extended */
};

void index_init(struct index *x, struct store_file *take_file, uint8_t entry_size);
void index_fini(struct index *x);

/* Finds out how many entries the file has. ERR_NOT_FOUND: no file; ERR_CORRUPT: not an index. */
enum err index_load(struct index *x) MUST_USE;

/* Forgets all entries; the file is cut by finish(). */
void index_clear(struct index *x);

static inline uint32_t index_count(const struct index *x)
{
    ASSERT(x->loaded);
    return x->in_file + x->in_tail;
}

/* Copies the i-th entry. */
enum err index_get(struct index *x, uint32_t i, uint8_t *entry) MUST_USE;

/* The last entry whose first field is ≤ `key` (an offset relative to the base, or a timestamp), or
 * −1. */
enum err index_floor(struct index *x, int64_t key, int64_t *slot) MUST_USE;

/* Adds to the tail; cannot fail. */
void index_add(struct index *x, const uint8_t *entry);

/* Keeps the first `count` entries. */
void index_truncate(struct index *x, uint32_t count);

/* Writes the tail to the file if it has grown; `bytes_max` is the size to extend the file to. */
enum err index_maybe_write(struct index *x, uint32_t bytes_max) MUST_USE;

/* Writes everything and cuts the file to its entries. */
enum err index_finish(struct index *x) MUST_USE;

#endif
