/* The heap: sifting up and down. */
#include "base/heap.h"

#include "base/mem.h"

enum { HEAP_CAP_MIN = 64 };

void heap_fini(struct heap *heap)
{
    for (size_t i = 0; i < heap->len; i++) {
        heap->items[i]->at = 0;
    }
    mem_free(heap->items);
    *heap = (struct heap){0};
}

static bool is_before(const struct heap_item *a, const struct heap_item *b)
{
    return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void put_at(struct heap *heap, size_t i, struct heap_item *item)
{
    heap->items[i] = item;
    item->at = i + 1;
}

static void sift_up(struct heap *heap, size_t i)
{
    struct heap_item *item = heap->items[i];
    while (i > 0 && is_before(item, heap->items[(i - 1) / 2])) {
        put_at(heap, i, heap->items[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put_at(heap, i, item);
}

static void sift_down(struct heap *heap, size_t i)
{
    struct heap_item *item = heap->items[i];
    for (size_t child = 2 * i + 1; child < heap->len; child = 2 * i + 1) {
        if (child + 1 < heap->len && is_before(heap->items[child + 1], heap->items[child])) {
            child++;
        }
        if (!is_before(heap->items[child], item)) {
            break;
        }
        put_at(heap, i, heap->items[child]);
        i = child;
    }
    put_at(heap, i, item);
}

void heap_add(struct heap *heap, struct heap_item *item)
{
    ASSERT(item->at == 0);
    if (heap->len == heap->cap) {
        heap->cap = max_size(HEAP_CAP_MIN, heap->cap * 2);
        heap->items = mem_realloc(heap->items, heap->cap * sizeof(struct heap_item *));
    }
    item->order = heap->order++;
    put_at(heap, heap->len++, item);
    sift_up(heap, heap->len - 1);
}

void heap_remove(struct heap *heap, struct heap_item *item)
{
    size_t i = item->at - 1;
    ASSERT(i < heap->len);
    ASSERT(heap->items[i] == item);
    item->at = 0;
    struct heap_item *last = heap->items[--heap->len];
    if (last == item) {
        return;
    }
    put_at(heap, i, last);
    sift_up(heap, i);
    sift_down(heap, last->at - 1);
}
