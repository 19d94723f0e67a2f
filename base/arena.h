/* Memory that lives as long as one request and is freed at once.
 *
 * `struct arena a = {0};` … arena_fini(&a). Nothing taken from an arena is freed by itself. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *head; /* newest block first */
    size_t used;              /* bytes taken in the newest block */
    size_t total;             /* bytes of all blocks */
};

/* `size` zeroed bytes aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);

/* `count` zeroed elements; the product must not overflow (asserted). */
void *arena_array(struct arena *a, size_t count, size_t size);

/* A copy of the bytes (null stays null), followed by a NUL that is not counted. */
struct slice arena_dup(struct arena *a, struct slice s);

/* A NUL-terminated copy; NULL for null. */
char *arena_str(struct arena *a, struct slice s);

/* Formatted, NUL-terminated text. */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Forgets everything, but keeps the newest block: for a loop that needs a little memory in each
 * turn. */
void arena_reset(struct arena *a);

/* Frees everything; the arena can be used again. */
void arena_fini(struct arena *a);

#define ARENA_NEW(arena, type) ((type *)arena_alloc(arena, sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_array(arena, count, sizeof(type)))

#endif
