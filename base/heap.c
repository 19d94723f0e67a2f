/* The heap: sifting up and down. */
#include "base/heap.h"

#include "base/mem.h"

enum { HEAP_CAP_MIN = 64, HEAP_CHILDREN = 4 };

void heap_fini(struct heap *heap)
{
    for (size_t i = 0; i < heap->len; i++) {
        heap->slots[i].item->at = 0;
    }
    mem_free(heap->slots);
    *heap = (struct heap){0};
}

static bool is_before(const struct heap_slot *a, const struct heap_slot *b)
{
    /* Without branches: nothing could foretell them. */
    return (a->key < b->key) | ((a->key == b->key) & (a->order < b->order));
}

static void put_at(struct heap *heap, size_t i, struct heap_slot slot)
{
    heap->slots[i] = slot;
    slot.item->at = i + 1;
}

/* Puts the slot where it belongs, at `i` or above it. */
static void sift_up(struct heap *heap, size_t i, struct heap_slot slot)
{
    while (i > 0 && is_before(&slot, &heap->slots[(i - 1) / HEAP_CHILDREN])) {
        put_at(heap, i, heap->slots[(i - 1) / HEAP_CHILDREN]);
        i = (i - 1) / HEAP_CHILDREN;
    }
    put_at(heap, i, slot);
}

static size_t least_child(const struct heap *heap, size_t i)
{
    size_t least = HEAP_CHILDREN * i + 1;
    size_t end = min_size(least + HEAP_CHILDREN, heap->len);
    for (size_t child = least + 1; child < end; child++) {
        if (is_before(&heap->slots[child], &heap->slots[least])) {
            least = child;
        }
    }
    return least;
}

/* Puts the slot where it belongs, at `i` or below it. */
static void sift_down(struct heap *heap, size_t i, struct heap_slot slot)
{
    while (HEAP_CHILDREN * i + 1 < heap->len) {
        size_t child = least_child(heap, i);
        if (!is_before(&heap->slots[child], &slot)) {
            break;
        }
        put_at(heap, i, heap->slots[child]);
        i = child;
    }
    put_at(heap, i, slot);
}

void heap_add(struct heap *heap, struct heap_item *item)
{
    ASSERT(item->at == 0);
    if (heap->len == heap->cap) {
        heap->cap = max_size(HEAP_CAP_MIN, heap->cap * 2);
        heap->slots = mem_realloc(heap->slots, heap->cap * sizeof *heap->slots);
    }
    item->order = heap->order++;
    sift_up(heap, heap->len++, (struct heap_slot){item->key, item->order, item});
}

void heap_remove(struct heap *heap, struct heap_item *item)
{
    size_t i = item->at - 1;
    ASSERT(i < heap->len);
    ASSERT(heap->slots[i].item == item);
    item->at = 0;
    struct heap_slot last = heap->slots[--heap->len];
    if (i == heap->len) {
        return;
    }
    if (i > 0 && is_before(&last, &heap->slots[(i - 1) / HEAP_CHILDREN])) {
        sift_up(heap, i, last);
    } else {
        sift_down(heap, i, last);
    }
}
