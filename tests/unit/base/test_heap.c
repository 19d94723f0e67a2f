/* The heap, against a plain list. */
#include "base/heap.h"

#include <stdio.h>

#include "base/prng.h"
#include "tests/unit/unit.h"

enum { ITEMS = 200, STEPS = 20000 };

static struct heap_item *pop(struct heap *heap)
{
    struct heap_item *item = heap_first(heap);
    if (item != NULL) {
        heap_remove(heap, item);
    }
    return item;
}

START_TEST(pops_in_order_of_key_then_of_adding)
{
    struct heap heap = {0};
    struct heap_item t[4] = {{.key = 5}, {.key = 3}, {.key = 5}, {.key = 9}};
    ck_assert_ptr_null(heap_first(&heap));
    for (int i = 0; i < 4; i++) {
        heap_add(&heap, &t[i]);
    }
    ck_assert_ptr_eq(pop(&heap), &t[1]);
    ck_assert_ptr_eq(pop(&heap), &t[0]);
    ck_assert_ptr_eq(pop(&heap), &t[2]);
    ck_assert(!heap_has(&t[0]));
    ck_assert(heap_has(&t[3]));
    heap_fini(&heap);
    ck_assert(!heap_has(&t[3]));
}
END_TEST

static struct heap_item *least(struct heap_item *items)
{
    struct heap_item *best = NULL;
    for (int i = 0; i < ITEMS; i++) {
        struct heap_item *t = &items[i];
        if (heap_has(t) && (best == NULL || t->key < best->key ||
                            (t->key == best->key && t->order < best->order))) {
            best = t;
        }
    }
    return best;
}

START_TEST(agrees_with_a_list)
{
    uint64_t seed = 20261121;
    printf("seed %" PRIu64 "\n", seed);
    struct prng prng;
    prng_init(&prng, seed);
    struct heap heap = {0};
    struct heap_item items[ITEMS] = {0};
    for (int step = 0; step < STEPS; step++) {
        struct heap_item *t = &items[prng_below(&prng, ITEMS)];
        if (heap_has(t)) {
            heap_remove(&heap, t);
        } else if (prng_chance(&prng, 2, 3)) {
            t->key = (int64_t)prng_below(&prng, 50);
            heap_add(&heap, t);
        } else {
            struct heap_item *expected = least(items);
            ck_assert_ptr_eq(pop(&heap), expected);
        }
    }
    heap_fini(&heap);
}
END_TEST

UNIT_MAIN("heap", pops_in_order_of_key_then_of_adding, agrees_with_a_list)
