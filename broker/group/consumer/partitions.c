/* Sorted sets of partitions. */
#include <stdlib.h>

#include "broker/group/consumer/consumer.h"

int consumer_partition_cmp(const void *a, const void *b)
{
    const struct consumer_partition *x = a;
    const struct consumer_partition *y = b;
    int by_topic = uuid_cmp(x->topic, y->topic);
    if (by_topic != 0) {
        return by_topic;
    }
    return x->index == y->index ? 0 : x->index < y->index ? -1 : 1;
}

void consumer_set_add(struct consumer_set *set, struct uuid topic, int32_t index)
{
    if (set->count == set->cap) {
        set->cap = max_size(8, set->cap * 2);
        set->at = mem_realloc(set->at, set->cap * sizeof *set->at);
    }
    set->at[set->count++] = (struct consumer_partition){topic, index};
}

void consumer_set_sort(struct consumer_set *set)
{
    if (set->count < 2) {
        return;
    }
    qsort(set->at, set->count, sizeof *set->at, consumer_partition_cmp);
    size_t kept = 1;
    for (size_t i = 1; i < set->count; i++) {
        if (consumer_partition_cmp(&set->at[kept - 1], &set->at[i]) != 0) {
            set->at[kept++] = set->at[i];
        }
    }
    set->count = kept;
}

void consumer_set_free(struct consumer_set *set)
{
    mem_free(set->at);
    *set = (struct consumer_set){0};
}

bool consumer_set_has(const struct consumer_set *set, const struct consumer_partition *p)
{
    return set->count > 0 &&
           bsearch(p, set->at, set->count, sizeof *set->at, consumer_partition_cmp) != NULL;
}

bool consumer_set_within(const struct consumer_set *part, const struct consumer_set *whole)
{
    for (size_t i = 0; i < part->count; i++) {
        if (!consumer_set_has(whole, &part->at[i])) {
            return false;
        }
    }
    return true;
}

bool consumer_set_eq(const struct consumer_set *a, const struct consumer_set *b)
{
    return a->count == b->count && consumer_set_within(a, b);
}

bool consumer_set_meets(const struct consumer_set *a, const struct consumer_set *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (consumer_set_has(b, &a->at[i])) {
            return true;
        }
    }
    return false;
}

/* Those of `a` that are in `b`, or those that are not. */
static struct consumer_set filter(const struct consumer_set *a, const struct consumer_set *b,
                                  bool present)
{
    struct consumer_set out = {0};
    for (size_t i = 0; i < a->count; i++) {
        if (consumer_set_has(b, &a->at[i]) == present) {
            consumer_set_add(&out, a->at[i].topic, (int32_t)a->at[i].index);
        }
    }
    return out;
}

struct consumer_set consumer_set_copy(const struct consumer_set *set)
{
    return filter(set, set, true);
}

struct consumer_set consumer_set_and(const struct consumer_set *a, const struct consumer_set *b)
{
    return filter(a, b, true);
}

struct consumer_set consumer_set_minus(const struct consumer_set *a, const struct consumer_set *b)
{
    return filter(a, b, false);
}

size_t consumer_set_run(const struct consumer_set *set, size_t at)
{
    size_t end = at;
    while (end < set->count && uuid_eq(set->at[end].topic, set->at[at].topic)) {
        end++;
    }
    return end - at;
}
