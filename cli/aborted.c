/* Aborted transactions; see aborted.h. */
#include "cli/aborted.h"

/* A marker is a record of a few bytes. */
enum { MARKER_BYTES_MAX = 1 << 20 };

void aborted_init(struct aborted *aborted,
                  const struct wire_fetch_response_responses_partitions *of)
{
    int64_t count = max_i64(of->aborted_transactions_count, 0);
    *aborted = (struct aborted){.of = of};
    aborted->producers = ARENA_ARRAY(&aborted->arena, (size_t)count + 1, int64_t);
}

void aborted_fini(struct aborted *aborted)
{
    arena_fini(&aborted->arena);
}

static bool is_aborted(const struct aborted *aborted, int64_t producer)
{
    for (int32_t i = 0; i < aborted->count; i++) {
        if (aborted->producers[i] == producer) {
            return true;
        }
    }
    return false;
}

static void forget_producer(struct aborted *aborted, int64_t producer)
{
    for (int32_t i = 0; i < aborted->count; i++) {
        if (aborted->producers[i] == producer) {
            aborted->producers[i--] = aborted->producers[--aborted->count];
        }
    }
}

/* An abort marker ends the transaction of its producer. */
static enum err take_marker(struct aborted *aborted, const struct wire_batch *batch)
{
    struct arena arena = {0};
    struct wire_records records;
    struct wire_record record;
    int16_t type = -1;
    bool got = false;
    enum err e = wire_records_open(&records, batch, MARKER_BYTES_MAX, &arena);
    if (e == ERR_NONE) {
        e = wire_record_next(&records, &record, &got);
    }
    if (e == ERR_NONE && got) {
        e = wire_control_key_decode(record.key, &type);
    }
    if (e == ERR_NONE && got && type == WIRE_CONTROL_ABORT) {
        forget_producer(aborted, batch->producer_id);
    }
    arena_fini(&arena);
    return e;
}

enum err aborted_hides(struct aborted *aborted, const struct wire_batch *batch, bool *hidden)
{
    while (aborted->next < aborted->of->aborted_transactions_count &&
           aborted->of->aborted_transactions[aborted->next].first_offset <=
               wire_batch_last_offset(batch)) {
        aborted->producers[aborted->count++] =
            aborted->of->aborted_transactions[aborted->next++].producer_id;
    }
    *hidden = true;
    if (wire_batch_has(batch, WIRE_BATCH_CONTROL)) { /* it tells of transactions */
        return aborted->count > 0 ? take_marker(aborted, batch) : ERR_NONE;
    }
    *hidden =
        wire_batch_has(batch, WIRE_BATCH_TRANSACTIONAL) && is_aborted(aborted, batch->producer_id);
    return ERR_NONE;
}
