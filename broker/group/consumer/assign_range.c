/* The range assignor: of every topic each subscriber gets one run of partitions, the first ones of
 * the order one more if they do not come out even. Topics with as many partitions and the same
 * subscribers are cut alike. */
#include <stdlib.h>

#include "broker/group/consumer/consumer.h"

static int by_name(const void *a, const void *b)
{
    return slice_cmp((*(struct consumer_subscriber *const *)a)->name,
                     (*(struct consumer_subscriber *const *)b)->name);
}

static void assign_topic(struct consumer_subscriber **readers, size_t count,
                         const struct consumer_topic *topic)
{
    int32_t each = topic->partitions / (int32_t)count;
    int32_t extra = topic->partitions % (int32_t)count;
    int32_t next = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t end = next + each + ((int32_t)i < extra);
        for (; next < end; next++) {
            consumer_set_add(&readers[i]->target, topic->id, next);
        }
    }
}

void consumer_assign_range(struct consumer_subscriber *members, size_t count)
{
    struct arena arena = {0};
    size_t topics_count;
    struct consumer_topic *topics = consumer_topics_of_all(members, count, &arena, &topics_count);
    struct consumer_subscriber **readers = ARENA_ARRAY(&arena, count, struct consumer_subscriber *);
    for (size_t t = 0; t < topics_count; t++) {
        size_t readers_count = 0;
        for (size_t i = 0; i < count; i++) {
            if (consumer_subscriber_reads(&members[i], topics[t].id)) {
                readers[readers_count++] = &members[i];
            }
        }
        ASSERT(readers_count > 0);
        qsort(readers, readers_count, sizeof *readers, by_name);
        assign_topic(readers, readers_count, &topics[t]);
    }
    arena_fini(&arena);
}
