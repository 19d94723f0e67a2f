/* Batches of the log into images. */
#include "metadata/batch.h"

#include "metadata/private.h"
#include "metadata/supported.h"

enum err metadata_replay_value(struct metadata_delta *delta, int64_t offset, struct slice value,
                               struct arena *arena, struct buf *why)
{
    struct metadata_record record;
    struct buf text = {0};
    enum err e = metadata_record_decode(value, arena, &record, &text);
    if (e == ERR_NONE) {
        e = metadata_delta_replay(delta, offset, &record);
        if (e != ERR_NONE) {
            buf_put_str(&text, metadata_delta_error(delta));
        }
    }
    if (e != ERR_NONE) {
        buf_printf(why, "the metadata record at offset %" PRId64 " cannot be applied: %.*s", offset,
                   SLICE_ARG(buf_slice(&text)));
    }
    buf_fini(&text);
    return e;
}

/* A cause that cannot be read is no reason not to apply the records: it only informs. */
static struct metadata_cause cause_of(const struct metadata_batch *batch, struct arena *arena)
{
    struct metadata_cause cause;
    bool got;
    if (batch->count > 0 &&
        metadata_cause_find(batch->values[0], arena, &cause, &got) == ERR_NONE && got) {
        return cause;
    }
    return metadata_cause_of(METADATA_EVENT_UNKNOWN, -1);
}

static enum err apply(struct metadata_delta *delta, const struct metadata_batch *batch,
                      struct buf *why)
{
    struct arena of_cause = {0};
    struct arena arena = {0};
    struct metadata_cause cause = cause_of(batch, &of_cause);
    enum err e = ERR_NONE;
    metadata_delta_batch(delta, batch->timestamp_ms, &cause);
    for (int i = 0; i < batch->count && e == ERR_NONE; i++) {
        e = metadata_replay_value(delta, batch->base_offset + i, batch->values[i], &arena, why);
        arena_reset(&arena);
    }
    if (e == ERR_NONE && batch->supported != NULL) {
        e = metadata_supported_check(batch->supported, metadata_delta_image(delta), why);
    }
    if (e == ERR_NONE) {
        metadata_delta_advance(delta, batch->last_offset, batch->epoch, batch->timestamp_ms);
    }
    arena_fini(&arena);
    arena_fini(&of_cause);
    return e;
}

enum err metadata_replay_batch(const struct metadata_image *base,
                               const struct metadata_batch *batch, struct metadata_image **out,
                               struct buf *why)
{
    struct metadata_delta *delta = metadata_delta_begin(base);
    enum err e = apply(delta, batch, why);
    *out = e == ERR_NONE ? metadata_image_ref(metadata_delta_image(delta)) : NULL;
    metadata_delta_drop(delta);
    return e;
}

enum err metadata_replay_batch_onto(struct metadata_image **image,
                                    const struct metadata_batch *batch, struct buf *why)
{
    if (!ref_shared(&(*image)->refs)) {
        struct metadata_delta *delta = metadata_delta_begin_in_place(*image);
        enum err e = apply(delta, batch, why);
        metadata_delta_drop(delta);
        return e;
    }
    struct metadata_image *next;
    TRY(metadata_replay_batch(*image, batch, &next, why));
    metadata_image_unref(*image);
    *image = next;
    return ERR_NONE;
}
