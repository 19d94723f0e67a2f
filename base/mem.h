/* The allocation seam.
 *
 * Small allocations never fail: when the system has no memory left for them the process ends with
 * a message, as no request can be refused without memory. What a peer can make large (frames,
 * decoded arrays, queues) is bounded by budgets before it is allocated. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/base.h"

/* `size` bytes, not cleared; `size` may be 0. The caller frees with mem_free(). */
void *mem_alloc(size_t size);

/* `count` elements of `size` bytes, zeroed. The product must not overflow (asserted). */
void *mem_zalloc(size_t count, size_t size);

/* Like realloc(); `ptr` may be NULL. */
void *mem_realloc(void *ptr, size_t size);

/* A NUL-terminated copy of `text`; NULL for NULL. */
char *mem_strdup(const char *text);

/* Frees; NULL is allowed. */
void mem_free(void *ptr);

/* A zeroed structure on the heap. */
#define MEM_NEW(type) ((type *)mem_zalloc(1, sizeof(type)))

#endif
