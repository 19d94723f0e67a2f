/* Snapshots of an image by size and by time; see snapshots.h. */
#include "daemon/snapshots.h"

#include "base/mem.h"
#include "metadata/metadata.h"
#include "net/net.h"
#include "raft/node/node.h"

void daemon_snapshots_init(struct daemon_snapshots *snapshots, struct net_loop *loop,
                           const struct settings *settings, const struct log *log)
{
    *snapshots = (struct daemon_snapshots){
        .loop = loop,
        .log = log,
        .bytes_max = settings_long(settings, "metadata.log.max.record.bytes.between.snapshots"),
        .interval_ms = settings_long(settings, "metadata.log.max.snapshot.interval.ms"),
        .since_ms = net_now_ms(loop),
    };
}

enum err daemon_snapshots_retention(const struct settings *settings, struct node_retention *out,
                                    struct buf *why)
{
    int32_t segment_bytes = settings_int(settings, "metadata.log.segment.bytes");
    int32_t segment_min = settings_int(settings, "metadata.log.segment.min.bytes");
    if (segment_bytes < segment_min) {
        buf_printf(why,
                   "metadata.log.segment.bytes=%d is below metadata.log.segment.min.bytes=%d: make "
                   "it %d or larger",
                   segment_bytes, segment_min, segment_min);
        return ERR_CONFIG;
    }
    int64_t bytes = settings_long(settings, "metadata.max.retention.bytes");
    int64_t ms = settings_long(settings, "metadata.max.retention.ms");
    *out = (struct node_retention){
        /* To the node 0 is the default; here it keeps as little as can be. */
        .bytes = bytes == 0 ? 1 : bytes,
        .ms = ms == 0 ? 1 : ms,
        .segment_bytes = segment_bytes,
        .segment_ms = settings_long(settings, "metadata.log.segment.ms"),
    };
    return ERR_NONE;
}

/* ---- the records of an image, on the node's worker ---- */

struct source {
    struct metadata_snapshot *snapshot;
    struct buf value;
};

static bool next_value(void *arg, struct slice *value)
{
    struct source *source = arg;
    struct metadata_record record;
    if (!metadata_snapshot_next(source->snapshot, &record)) {
        return false;
    }
    buf_reset(&source->value);
    metadata_record_encode(&record, &source->value);
    *value = buf_slice(&source->value);
    return true;
}

/* Here, since it may be the last reference to an image, and then there is much to free. */
static void close_source(void *arg)
{
    struct source *source = arg;
    metadata_snapshot_end(source->snapshot);
    buf_fini(&source->value);
    mem_free(source);
}

/* ---- when ---- */

/* A disk that is full now may not be so for long; were it tried with the next batch, its log would
 * have to share the rest of the disk with what is thrown away. */
enum { RETRY_MS = 60 * 1000 };

static void reset(struct daemon_snapshots *snapshots)
{
    snapshots->failed = NULL;
    snapshots->lowered = false;
    snapshots->bytes = 0;
    snapshots->since_ms = net_now_ms(snapshots->loop);
}

static void note_level(struct daemon_snapshots *snapshots, const struct metadata_image *image)
{
    int16_t level = metadata_feature_level(image, slice_str(METADATA_VERSION_FEATURE));
    snapshots->lowered |= level < snapshots->level;
    snapshots->level = level;
}

static const char *why_now(const struct daemon_snapshots *snapshots)
{
    if (snapshots->failed != NULL) {
        return net_now_ms(snapshots->loop) >= snapshots->retry_ms ? snapshots->failed : NULL;
    }
    if (snapshots->lowered) {
        return METADATA_VERSION_FEATURE;
    }
    if (snapshots->bytes >= snapshots->bytes_max) {
        return "metadata.log.max.record.bytes.between.snapshots";
    }
    int64_t age_ms = net_now_ms(snapshots->loop) - snapshots->since_ms;
    bool timed = snapshots->interval_ms > 0 && age_ms >= snapshots->interval_ms;
    return timed ? "metadata.log.max.snapshot.interval.ms" : NULL;
}

static void written(void *owner, enum err e)
{
    struct daemon_snapshots *snapshots = owner;
    if (e != ERR_NONE) {
        snapshots->failed = snapshots->begun;
        snapshots->retry_ms = net_now_ms(snapshots->loop) + RETRY_MS;
    }
}

static void begin(struct daemon_snapshots *snapshots, struct node *node,
                  const struct metadata_image *image, const char *why)
{
    struct source *source = MEM_NEW(struct source);
    source->snapshot = metadata_snapshot_begin(image);
    struct node_snapshot_place place = {.end_offset = metadata_image_offset(image) + 1,
                                        .epoch = metadata_image_epoch(image),
                                        .append_timestamp_ms = metadata_image_timestamp_ms(image)};
    struct node_snapshot_source from = {.arg = source,
                                        .next = next_value,
                                        .close = close_source,
                                        .done = written,
                                        .owner = snapshots};
    enum err e = node_snapshot_write(node, &place, &from);
    if (e != ERR_NONE) {
        close_source(source);
    }
    if (e == ERR_BUSY) {
        return; /* with the next batch */
    }
    reset(snapshots);
    snapshots->begun = why;
    if (e == ERR_NONE) {
        log_info(snapshots->log, "snapshots", "snapshot begun",
                 "end=%" PRId64 " epoch=%d reason=%s", place.end_offset, place.epoch, why);
    } else if (e != ERR_EXISTS) {
        log_warn(snapshots->log, "snapshots", "snapshot refused",
                 "end=%" PRId64 " epoch=%d error=%s", place.end_offset, place.epoch, err_name(e));
    }
}

void daemon_snapshots_committed(struct daemon_snapshots *snapshots, struct node *node,
                                const struct node_batch *batch, const struct metadata_image *image)
{
    snapshots->bytes += batch->bytes;
    note_level(snapshots, image);
    if (snapshots->disabled || metadata_image_in_transaction(image)) {
        return;
    }
    const char *why = why_now(snapshots);
    if (why != NULL) {
        begin(snapshots, node, image, why);
    }
}

void daemon_snapshots_loaded(struct daemon_snapshots *snapshots)
{
    reset(snapshots);
}

void daemon_snapshots_disable(struct daemon_snapshots *snapshots)
{
    if (!snapshots->disabled) {
        log_warn(snapshots->log, "snapshots", "no more snapshots are written",
                 "reason=\"a record could not be applied\"");
        snapshots->disabled = true;
    }
}
