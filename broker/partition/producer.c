/* Idempotent producers: the window of five batches. */
#include "broker/partition/producer.h"

#include "base/mem.h"

int32_t producer_sequence_add(int32_t sequence, int32_t delta)
{
    ASSERT(sequence >= 0);
    ASSERT(delta >= 0);
    return (int32_t)(((int64_t)sequence + delta) % ((int64_t)INT32_MAX + 1));
}

static const struct producer_batch *last_batch(const struct producer *producer)
{
    return producer->batches_count == 0 ? NULL : &producer->batches[producer->batches_count - 1];
}

static const struct producer_batch *find_duplicate(const struct producer *producer,
                                                   const struct producer_batch *batch)
{
    for (int i = 0; i < producer->batches_count; i++) {
        const struct producer_batch *known = &producer->batches[i];
        if (known->producer_epoch == batch->producer_epoch &&
            known->first_sequence == batch->first_sequence &&
            known->last_sequence == batch->last_sequence) {
            return known;
        }
    }
    return NULL;
}

static enum err check_sequence(const struct producer *producer, const struct producer_batch *batch)
{
    if (batch->producer_epoch > producer->epoch) {
        return batch->first_sequence == 0 ? ERR_NONE : ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    }
    const struct producer_batch *last = last_batch(producer);
    if (last == NULL) {
        return ERR_NONE;
    }
    return batch->first_sequence == producer_sequence_add(last->last_sequence, 1)
               ? ERR_NONE
               : ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

enum err producer_check(const struct producers *ps, const struct producer_batch *batch,
                        const struct producer_batch **known)
{
    *known = NULL;
    const struct producer *producer = map_get(&ps->by_id, MAP_KEY(batch->producer_id));
    if (producer == NULL) {
        /* Its state may have been lost with retention: any sequence may begin it (KIP-360). */
        return ERR_NONE;
    }
    if (batch->producer_epoch < producer->epoch) {
        return ERR_INVALID_PRODUCER_EPOCH;
    }
    *known = find_duplicate(producer, batch);
    return *known != NULL ? ERR_DUPLICATE_SEQUENCE_NUMBER : check_sequence(producer, batch);
}

static struct producer *find_or_add(struct producers *ps, int64_t id)
{
    struct producer *producer = map_get(&ps->by_id, MAP_KEY(id));
    if (producer == NULL) {
        producer = MEM_NEW(struct producer);
        producer->id = id;
        producer->epoch = -1;
        map_put(&ps->by_id, MAP_KEY(producer->id), producer);
    }
    return producer;
}

void producer_append(struct producers *ps, const struct producer_batch *batch, int64_t now_ms)
{
    ASSERT(batch->producer_id >= 0);
    struct producer *producer = find_or_add(ps, batch->producer_id);
    if (batch->producer_epoch != producer->epoch) {
        producer->epoch = batch->producer_epoch;
        producer->batches_count = 0;
    }
    if (producer->batches_count == PRODUCER_BATCHES) {
        memmove(producer->batches, producer->batches + 1,
                sizeof producer->batches[0] * (PRODUCER_BATCHES - 1));
        producer->batches_count--;
    }
    producer->batches[producer->batches_count++] = *batch;
    producer->last_used_ms = now_ms;
}

void producer_restore(struct producers *ps, const struct producer_batch *last, int64_t now_ms)
{
    struct producer *producer = find_or_add(ps, last->producer_id);
    producer->epoch = last->producer_epoch;
    producer->batches_count = 0;
    if (last->last_sequence >= 0) {
        producer->batches[producer->batches_count++] = *last;
    }
    producer->last_used_ms = now_ms;
}

bool producer_known(const struct producers *ps, int64_t producer_id)
{
    return map_get(&ps->by_id, MAP_KEY(producer_id)) != NULL;
}

void producers_expire(struct producers *ps, int64_t before_ms)
{
    size_t at = 0;
    for (struct producer *p = map_next(&ps->by_id, &at); p != NULL; p = map_next(&ps->by_id, &at)) {
        if (p->last_used_ms < before_ms) {
            map_remove(&ps->by_id, MAP_KEY(p->id));
            mem_free(p);
        }
    }
}

void producers_clear(struct producers *ps)
{
    producers_expire(ps, INT64_MAX);
}

void producers_fini(struct producers *ps)
{
    producers_clear(ps);
    map_fini(&ps->by_id);
}

const struct producer *producers_next(const struct producers *ps, size_t *at)
{
    return map_next(&ps->by_id, at);
}
