/* Bump allocation in a chain of blocks. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

struct arena_block {
    struct arena_block *next;
    size_t size;
    _Alignas(max_align_t) uint8_t bytes[];
};

/* The first block is one that malloc() keeps in the thread's cache: most requests need no other. */
enum {
    ARENA_BLOCK_MIN = 1024 - sizeof(struct arena_block),
    ARENA_ALIGN = _Alignof(max_align_t),
};

void *arena_alloc(struct arena *a, size_t size)
{
    ASSERT(size <= SIZE_MAX / 4);
    size = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (a->head == NULL || size > a->head->size - a->used) {
        size_t grown = a->head == NULL ? ARENA_BLOCK_MIN : min_size(a->head->size * 2, 1 << 20);
        size_t block_size = max_size(size, grown);
        struct arena_block *block = mem_alloc(sizeof *block + block_size);
        block->next = a->head;
        block->size = block_size;
        a->head = block;
        a->used = 0;
        a->total += block_size;
    }
    void *at = a->head->bytes + a->used;
    a->used += size;
    return memset(at, 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    ASSERT(size == 0 || count <= SIZE_MAX / 4 / size);
    return arena_alloc(a, count * size);
}

struct slice arena_dup(struct arena *a, struct slice s)
{
    return slice_of(arena_str(a, s), s.len);
}

char *arena_str(struct arena *a, struct slice s)
{
    if (s.data == NULL) {
        return NULL;
    }
    char *text = arena_alloc(a, s.len + 1);
    memcpy(text, s.data, s.len);
    return text;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    ASSERT(len >= 0);
    char *text = arena_alloc(a, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}

static void free_blocks(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *next = block->next;
        mem_free(block);
        block = next;
    }
}

void arena_reset(struct arena *a)
{
    if (a->head != NULL) {
        free_blocks(a->head->next);
        a->head->next = NULL;
        a->used = 0;
        a->total = a->head->size;
    }
}

void arena_fini(struct arena *a)
{
    free_blocks(a->head);
    *a = (struct arena){0};
}
