/* The replay of records: where each goes, transactions, and the life of a delta. */
#include "metadata/delta.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "metadata/private.h"

static struct metadata_delta *delta_new(const struct metadata_image *take_base,
                                        struct metadata_image *take_image)
{
    struct metadata_delta *delta = MEM_NEW(struct metadata_delta);
    delta->base = take_base;
    delta->image = take_image;
    delta->now.timestamp_ms = -1;
    delta->now.cause = metadata_cause_of(METADATA_EVENT_UNKNOWN, -1);
    return delta;
}

struct metadata_delta *metadata_delta_begin(const struct metadata_image *base)
{
    return delta_new(metadata_image_ref(base), metadata_image_copy(base));
}

struct metadata_delta *metadata_delta_begin_in_place(struct metadata_image *image)
{
    ASSERT(!ref_shared(&image->refs));
    return delta_new(NULL, metadata_image_ref(image));
}

static void forget_recent(struct metadata_delta *delta)
{
    mem_free(delta->recent);
    delta->recent = NULL;
}

void metadata_delta_drop(struct metadata_delta *delta)
{
    if (delta != NULL) {
        metadata_image_unref(delta->base);
        metadata_image_unref(delta->image);
        forget_recent(delta);
        mem_free(delta);
    }
}

struct metadata_image *metadata_delta_finish(struct metadata_delta *delta)
{
    ASSERT(!delta->failed);
    struct metadata_image *image = metadata_image_ref(delta->image);
    metadata_delta_drop(delta);
    return image;
}

const struct metadata_image *metadata_delta_image(const struct metadata_delta *delta)
{
    return delta->image;
}

const char *metadata_delta_error(const struct metadata_delta *delta)
{
    return delta->error;
}

enum err metadata_delta_fail(struct metadata_delta *delta, enum err err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(delta->error, sizeof delta->error, fmt, args);
    va_end(args);
    delta->failed = true;
    return err;
}

void metadata_delta_batch(struct metadata_delta *delta, int64_t timestamp_ms,
                          const struct metadata_cause *cause)
{
    delta->now = (struct metadata_since){timestamp_ms, *cause};
}

void metadata_delta_advance(struct metadata_delta *delta, int64_t offset, int32_t epoch,
                            int64_t timestamp_ms)
{
    struct metadata_image *image = delta->image;
    ASSERT(offset >= image->offset);
    ASSERT(epoch >= image->epoch);
    image->offset = offset;
    image->epoch = epoch;
    image->timestamp_ms = max_i64(image->timestamp_ms, timestamp_ms);
}

/* ---- transactions: an open one keeps the image from before it (KIP-868) ---- */

static enum err replay_begin(struct metadata_delta *d)
{
    if (d->image->before_transaction != NULL) {
        return metadata_delta_fail(d, ERR_CORRUPT,
                                   "a metadata transaction begins inside another one");
    }
    d->image->before_transaction = metadata_image_copy(d->image);
    return ERR_NONE;
}

static enum err replay_end(struct metadata_delta *d)
{
    struct metadata_image *before = d->image->before_transaction;
    if (before == NULL) {
        return metadata_delta_fail(d, ERR_CORRUPT, "a metadata transaction ends that never began");
    }
    d->image->before_transaction = NULL;
    metadata_image_unref(before);
    return ERR_NONE;
}

static enum err replay_abort(struct metadata_delta *d)
{
    struct metadata_image *before = d->image->before_transaction;
    if (before == NULL) {
        return metadata_delta_fail(d, ERR_CORRUPT,
                                   "a metadata transaction is aborted that never began");
    }
    metadata_image_restore(d->image, before);
    return ERR_NONE;
}

/* ---- the switch ---- */

struct metadata_recent *metadata_recent(struct metadata_delta *delta)
{
    if (delta->recent == NULL) {
        delta->recent = MEM_NEW(struct metadata_recent);
    }
    return delta->recent;
}

static enum err replay(struct metadata_delta *d, const struct metadata_record *r)
{
    switch (r->type) {
    case METADATA_RECORD_REGISTER_BROKER:
        return metadata_replay_register_broker(d, &r->register_broker);
    case METADATA_RECORD_UNREGISTER_BROKER:
        return metadata_replay_unregister_broker(d, &r->unregister_broker);
    case METADATA_RECORD_BROKER_REGISTRATION_CHANGE:
        return metadata_replay_registration_change(d, &r->broker_registration_change);
    case METADATA_RECORD_REGISTER_CONTROLLER:
        return metadata_replay_register_controller(d, &r->register_controller);
    case METADATA_RECORD_TOPIC:
        return metadata_replay_topic(d, &r->topic);
    case METADATA_RECORD_REMOVE_TOPIC:
        return metadata_replay_remove_topic(d, &r->remove_topic);
    case METADATA_RECORD_PARTITION:
        return metadata_replay_partition(d, &r->partition);
    case METADATA_RECORD_PARTITION_CHANGE:
        return metadata_replay_partition_change(d, &r->partition_change);
    case METADATA_RECORD_CONFIG:
        return metadata_replay_config(d, &r->config);
    case METADATA_RECORD_FEATURE_LEVEL:
        return metadata_replay_feature_level(d, &r->feature_level);
    case METADATA_RECORD_PRODUCER_IDS:
        return metadata_replay_producer_ids(d, &r->producer_ids);
    case METADATA_RECORD_BEGIN_TRANSACTION:
        return replay_begin(d);
    case METADATA_RECORD_END_TRANSACTION:
        return replay_end(d);
    case METADATA_RECORD_ABORT_TRANSACTION:
        return replay_abort(d);
    case METADATA_RECORD_NO_OP:
        return ERR_NONE;
    }
    UNREACHABLE();
}

enum err metadata_delta_replay(struct metadata_delta *delta, int64_t offset,
                               const struct metadata_record *record)
{
    ASSERT(!delta->failed);
    ASSERT(offset >= delta->image->offset);
    delta->offset = offset;
    bool is_partition = record->type == METADATA_RECORD_PARTITION ||
                        record->type == METADATA_RECORD_PARTITION_CHANGE;
    if (!is_partition) {
        forget_recent(delta); /* things may go, or become shared */
    }
    TRY(replay(delta, record));
    delta->image->offset = offset;
    return ERR_NONE;
}
