/* Batches on their way; see outgoing.h. */
#include "cli/outgoing.h"

#include "base/mem.h"

struct outgoing *outgoing_new(enum wire_compression compression, int64_t deadline_ms)
{
    struct outgoing *batch = MEM_NEW(struct outgoing);
    struct wire_builder_options options = {.compression = compression, WIRE_BUILDER_DEFAULTS};
    batch->deadline_ms = deadline_ms;
    wire_builder_init(&batch->builder, &options, &batch->bytes);
    return batch;
}

void outgoing_free(struct outgoing *batch)
{
    buf_fini(&batch->bytes);
    mem_free(batch);
}

void outgoing_add(struct outgoing *batch, const struct wire_record *record)
{
    ASSERT(!batch->is_closed);
    wire_builder_add(&batch->builder, record);
    batch->records++;
    batch->payload += (int64_t)(record->key.len + record->value.len);
}

void outgoing_close(struct outgoing *batch, const struct producer_id *producer, int32_t sequence)
{
    struct wire_builder_options *options = &batch->builder.options;
    ASSERT(!batch->is_closed);
    if (producer->id >= 0) {
        options->producer_id = producer->id;
        options->producer_epoch = producer->epoch;
        options->base_sequence = sequence;
    }
    batch->producer = producer->id;
    batch->sequence = sequence;
    wire_builder_finish(&batch->builder);
    batch->is_closed = batch->is_full = true;
}

struct outgoing *outgoing_part(const struct outgoing *whole, int part, int parts)
{
    struct outgoing *out = outgoing_new(whole->builder.options.compression, whole->deadline_ms);
    int64_t from = whole->records * part / parts;
    int64_t to = whole->records * (part + 1) / parts;
    struct arena arena = {0};
    struct wire_batch batch;
    struct wire_records records;
    ASSERT(whole->is_closed);
    enum err e = wire_batch_parse(buf_slice(&whole->bytes), &batch);
    if (e == ERR_NONE) {
        e = wire_records_open(&records, &batch, SIZE_MAX, &arena);
    }
    for (int64_t i = 0; i < to && e == ERR_NONE; i++) {
        struct wire_record record;
        bool got;
        e = wire_record_next(&records, &record, &got);
        if (e == ERR_NONE && i >= from) {
            outgoing_add(out, &record);
        }
    }
    ASSERT(e == ERR_NONE); /* we wrote it */
    out->is_full = true;
    arena_fini(&arena);
    return out;
}
