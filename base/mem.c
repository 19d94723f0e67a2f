/* malloc behind one door. */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { CACHED_BYTES_MAX = 1024 };

static void *checked(void *ptr, size_t size)
{
    if (ptr == NULL && size > 0) {
        fprintf(stderr, "craft: out of memory allocating %zu bytes\n", size);
        abort();
    }
    return ptr;
}

void *mem_alloc(size_t size)
{
    return checked(malloc(size), size);
}

/* glibc's calloc() passes the thread's cache of small blocks by, malloc() does not. What is large
 * may come from the system, which has cleared it. */
void *mem_zalloc(size_t count, size_t size)
{
    ASSERT(size == 0 || count <= SIZE_MAX / size);
    size_t bytes = count * size;
    if (bytes <= CACHED_BYTES_MAX) {
        return memset(mem_alloc(bytes), 0, bytes);
    }
    return checked(calloc(count, size), bytes);
}

void *mem_realloc(void *ptr, size_t size)
{
    return checked(realloc(ptr, size), size);
}

char *mem_strdup(const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    size_t size = strlen(text) + 1;
    return memcpy(mem_alloc(size), text, size);
}

void mem_free(void *ptr)
{
    free(ptr);
}
