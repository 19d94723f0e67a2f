/* Appending: check the headers, roll if need be, one write, then the notes in memory. */
#include "store/log_private.h"

/* What is to be appended. */
struct incoming {
    int64_t first_offset;
    int64_t last_offset;
    int64_t max_timestamp;
    uint64_t bytes;
    uint32_t batches;
};

/* Calls for each batch of a part; stops at the first that is no v2 batch. */
static enum err next_batch(struct slice *rest, struct store_batch *batch)
{
    TRY(store_batch_parse(*rest, batch));
    if (batch->magic != 2 || batch->size > rest->len) {
        return ERR_CORRUPT;
    }
    *rest = slice_of(rest->data + batch->size, rest->len - batch->size);
    return ERR_NONE;
}

static enum err look_at(struct slice part, int64_t *expected, struct incoming *in)
{
    while (part.len > 0) {
        struct store_batch batch;
        if (next_batch(&part, &batch) != ERR_NONE) {
            return ERR_CORRUPT_MESSAGE;
        }
        if (batch.base_offset < *expected) {
            return ERR_OFFSET_OUT_OF_RANGE;
        }
        if (in->batches == 0) {
            in->first_offset = batch.base_offset;
        }
        *expected = batch.last_offset + 1;
        in->last_offset = batch.last_offset;
        in->max_timestamp = max_i64(in->max_timestamp, batch.max_timestamp);
        in->bytes += batch.size;
        in->batches++;
    }
    return ERR_NONE;
}

/* How long the active segment has gone on, by its batches' clock if they have one. */
static enum err segment_age(struct segment *seg, const struct incoming *in, int64_t now_ms,
                            int64_t *age)
{
    int64_t first = -1;
    TRY(segment_first_timestamp(seg, &first));
    *age =
        first >= 0 && in->max_timestamp >= 0 ? in->max_timestamp - first : now_ms - seg->created_ms;
    return ERR_NONE;
}

static bool indexes_full(const struct store_log *log, const struct segment *seg)
{
    int64_t bytes = log->config.index_bytes_max;
    /* One entry of the time index is kept for the close. */
    return index_count(&seg->offsets) >= bytes / INDEX_OFFSET_ENTRY ||
           index_count(&seg->times) >= bytes / INDEX_TIME_ENTRY - 1;
}

static enum err should_roll(struct store_log *log, const struct incoming *in, int64_t now_ms,
                            bool *out)
{
    struct segment *seg = log_active(log);
    *out = in->last_offset - seg->base > INT32_MAX;
    if (seg->size == 0 || *out) {
        return ERR_NONE;
    }
    int64_t age = 0;
    TRY(segment_age(seg, in, now_ms, &age));
    *out = seg->size + in->bytes > (uint64_t)log->config.segment_bytes ||
           age > log->config.segment_ms - log->config.segment_jitter_ms || indexes_full(log, seg);
    return ERR_NONE;
}

enum err log_roll(struct store_log *log, int64_t base, int64_t now_ms)
{
    ASSERT(base >= log->end);
    if (log_active(log)->base == base) {
        return ERR_NONE;
    }
    TRY(segment_load(log, log_active(log)));
    TRY(segment_cut_ahead(log, log_active(log)));
    TRY(segment_finish(log_active(log)));
    TRY(segment_create(log, base, now_ms));
    log_recent_clear(log);
    log_debug(log->log, "store", "rolled", "dir=%s base=%" PRId64, log->dir, base);
    if (log->on_roll != NULL) {
        log->on_roll(log->arg, base);
    }
    return ERR_NONE;
}

enum err store_log_roll(struct store_log *log, int64_t now_ms)
{
    if (log->offline) {
        return ERR_IO;
    }
    return log_active(log)->size == 0 ? ERR_NONE : log_roll(log, log->end, now_ms);
}

/* Takes back what a failed write left, so that the next one finds the file as it was; if that fails
 * too, nobody knows what the file has. */
static enum err take_back(struct store_log *log, struct segment *seg, enum err e)
{
    log_warn(log->log, "store", "append failed", "dir=%s segment=%" PRId64 " error=%s", log->dir,
             seg->base, err_name(e));
    enum err back = store_fs_truncate(log->fs, store_file_fd(seg->file), seg->size);
    seg->file_size = seg->size;
    return back == ERR_NONE ? e : log_go_offline(log, "take back a failed append", back);
}

/* Writes behind the last good byte. On a disk that is nearly full the batches come before the room
 * behind them. */
static enum err write_parts(struct store_log *log, const struct slice *parts, size_t count,
                            uint32_t bytes)
{
    struct segment *seg = log_active(log);
    TRY(store_file_pin(seg->file, STORE_OPEN_WRITE));
    enum err e;
    do {
        e = segment_write(log, seg, parts, count, bytes);
        if (e != ERR_NONE) {
            e = take_back(log, seg, e);
        }
    } while (e == ERR_NO_SPACE && segment_give_up_room(log));
    store_file_unpin(seg->file);
    return e;
}

/* Enters what was written: indexes, epochs, the places of the last batches, LEO. */
static void note_part(struct store_log *log, struct slice part)
{
    struct segment *seg = log_active(log);
    while (part.len > 0) {
        struct store_batch batch;
        enum err e = next_batch(&part, &batch);
        ASSERT(e == ERR_NONE);
        segment_note(log, seg, &batch, seg->size);
        log_recent_add(log, &batch, seg->size);
        if (batch.leader_epoch >= 0) {
            epochs_assign(&log->epochs, batch.leader_epoch, batch.base_offset);
        }
        seg->size += batch.size;
        log->size += batch.size;
        log->end = batch.last_offset + 1;
    }
}

/* The epoch file follows at the first batch of an epoch, without a sync: until the next flush all
 * that it says can be read from the batches behind the recovery point. */
static void maybe_write_epochs(struct store_log *log)
{
    if (!log->epochs.unwritten) {
        return;
    }
    enum err e = epochs_write(&log->epochs, log->fs, log->dir, false);
    if (e != ERR_NONE) {
        log_warn(log->log, "store", "leader epochs not written", "dir=%s error=%s", log->dir,
                 err_name(e));
    }
}

/* Takes the empty segment away that begins behind LEO, as what was to go into it did not. */
static enum err undo_far_roll(struct store_log *log, enum err e)
{
    int64_t base = log_active(log)->base;
    segment_fini(log_active(log));
    log->segment_count--;
    enum err back = segment_unlink(log, base);
    return back == ERR_NONE ? e : log_go_offline(log, "take back a new segment", back);
}

/* Appends what goes into one segment. */
static enum err append_run(struct store_log *log, const struct slice *parts, size_t count,
                           const struct incoming *in, int64_t now_ms)
{
    bool roll = false;
    TRY(segment_load(log, log_active(log)));
    TRY(should_roll(log, in, now_ms, &roll));
    if (roll) {
        bool near = in->last_offset - log->end <= INT32_MAX;
        TRY(log_roll(log, near ? log->end : in->first_offset, now_ms));
    }
    struct segment *seg = log_active(log);
    TRY(index_maybe_write(&seg->offsets, (uint32_t)log->config.index_bytes_max));
    TRY(index_maybe_write(&seg->times, (uint32_t)log->config.index_bytes_max));
    enum err e = write_parts(log, parts, count, (uint32_t)in->bytes);
    if (e != ERR_NONE) {
        return seg->base > log->end ? undo_far_roll(log, e) : e;
    }
    for (size_t i = 0; i < count; i++) {
        note_part(log, parts[i]);
    }
    maybe_write_epochs(log);
    return ERR_NONE;
}

/* Batch by batch, for what no single segment may hold. */
static enum err append_each(struct store_log *log, struct slice part, int64_t now_ms)
{
    while (part.len > 0) {
        struct slice one = part;
        struct store_batch batch;
        enum err e = next_batch(&part, &batch);
        ASSERT(e == ERR_NONE);
        one.len = batch.size;
        struct incoming in = {batch.base_offset, batch.last_offset, batch.max_timestamp, batch.size,
                              1};
        TRY(append_run(log, &one, 1, &in, now_ms));
    }
    return ERR_NONE;
}

enum err store_log_append(struct store_log *log, const struct slice *parts, size_t count,
                          int64_t now_ms)
{
    struct incoming in = {.max_timestamp = -1};
    int64_t expected = log->end;
    if (log->offline) {
        return ERR_IO;
    }
    for (size_t i = 0; i < count; i++) {
        TRY(look_at(parts[i], &expected, &in));
    }
    if (in.batches == 0) {
        return ERR_NONE;
    }
    if (in.bytes > INT32_MAX) {
        return ERR_RECORD_LIST_TOO_LARGE;
    }
    bool one_segment = in.bytes <= (uint64_t)log->config.segment_bytes &&
                       in.last_offset - in.first_offset <= INT32_MAX;
    if (one_segment || in.batches == 1) {
        return append_run(log, parts, count, &in, now_ms);
    }
    int64_t before = log->end;
    enum err e = ERR_NONE;
    for (size_t i = 0; i < count && e == ERR_NONE; i++) {
        e = append_each(log, parts[i], now_ms);
    }
    if (e != ERR_NONE && !log->offline && log->end > before) {
        enum err back = store_log_truncate_to(log, before);
        e = back == ERR_NONE ? e : log_go_offline(log, "take back a failed append", back);
    }
    return e;
}
