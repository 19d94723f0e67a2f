/* Encoding and cutting; see batches.h. */
#include "controller/batches.h"

#include "raft/node/node.h"

/* Headers of a record (attributes, deltas, lengths: at most 20 bytes) and of the batch (61). */
enum { RECORD_OVERHEAD = 32, BATCH_OVERHEAD = 128 };

/* A cause has five texts and some numbers. */
enum { CAUSE_BYTES_MAX = 5 * METADATA_CAUSE_TEXT_MAX + 64 };
enum { BATCH_BYTES_MAX = NODE_APPEND_BYTES_MAX - BATCH_OVERHEAD - CAUSE_BYTES_MAX };

static void encode(struct batches *b, const struct decision *decision)
{
    size_t *ends = ARENA_ARRAY(&b->arena, decision->count, size_t);
    for (size_t i = 0; i < decision->count; i++) {
        metadata_record_encode(&decision->records[i], &b->bytes);
        ends[i] = b->bytes.len;
    }
    /* Only now, as the buffer moves while it grows. */
    b->values = ARENA_ARRAY(&b->arena, decision->count, struct slice);
    for (size_t i = 0; i < decision->count; i++) {
        size_t start = i == 0 ? 0 : ends[i - 1];
        b->values[i] = slice_of(b->bytes.data + start, ends[i] - start);
    }
}

/* The end of the records that must be in one batch with `first`, and their size. */
static size_t run_end(const struct batches *b, const struct decision *decision, size_t first,
                      size_t *bytes)
{
    size_t end = first;
    *bytes = 0;
    do {
        *bytes += b->values[end].len + RECORD_OVERHEAD;
        end++;
    } while (end < decision->count && decision->joined[end]);
    return end;
}

/* Every batch says why it was written. */
static void add_cause(struct batches *b)
{
    struct buf bytes = {0};
    struct buf value = {0};
    metadata_cause_encode(&b->now.cause, &bytes);
    ASSERT(bytes.len <= CAUSE_BYTES_MAX);
    for (size_t i = 0; i < b->count; i++) {
        struct slice *first = &b->values[b->items[i].first];
        buf_reset(&value);
        metadata_cause_attach(*first, buf_slice(&bytes), &value);
        *first = arena_dup(&b->arena, buf_slice(&value));
    }
    buf_fini(&value);
    buf_fini(&bytes);
}

enum err controller_batches_make(struct batches *out, const struct decision *decision,
                                 const struct metadata_since *now)
{
    *out = (struct batches){.now = *now};
    encode(out, decision);
    out->items = ARENA_ARRAY(&out->arena, decision->count, struct batch);
    size_t used = 0; /* bytes of the last batch */
    for (size_t at = 0; at < decision->count;) {
        size_t bytes;
        size_t end = run_end(out, decision, at, &bytes);
        if (bytes > BATCH_BYTES_MAX) {
            return ERR_POLICY_VIOLATION;
        }
        struct batch *last = out->count == 0 ? NULL : &out->items[out->count - 1];
        if (last != NULL && used + bytes <= BATCH_BYTES_MAX &&
            last->count + (end - at) <= BATCH_RECORDS_MAX) {
            last->count += end - at;
            used += bytes;
        } else {
            out->items[out->count++] = (struct batch){at, end - at};
            used = bytes;
        }
        at = end;
    }
    add_cause(out);
    return ERR_NONE;
}

void controller_batches_fini(struct batches *b)
{
    buf_fini(&b->bytes);
    arena_fini(&b->arena);
}
