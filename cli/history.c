/* The metadata log of a directory; see history.h. */
#include "cli/history.h"

#include <stdio.h>

#include "cli/times.h"
#include "raft/node/log_reader.h"

enum { PATH_BYTES_MAX = 4096 };

#define LOG_DIR "__cluster_metadata-0"

/* ---- the directory ---- */

static bool ends_with(const char *text, const char *suffix)
{
    size_t len = strlen(text);
    size_t suffix_len = strlen(suffix);
    return len >= suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

/* The cluster's id is in the directory above; a copy of the log alone has none. */
static void read_cluster_id(struct history *h)
{
    const char *root = arena_printf(&h->cli->arena, "%s/..", h->dir);
    struct store_meta meta;
    if (store_meta_read(h->fs, root, &meta, NULL) == ERR_NONE) {
        h->cluster_id = arena_dup(&h->cli->arena, slice_str(meta.cluster_id));
        store_meta_fini(&meta);
    }
}

bool history_open(struct cli *cli, const char *dir, struct history *out)
{
    *out = (struct history){.cli = cli, .fs = store_fs_posix(), .cluster_id = slice_str("")};
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/') {
        len--;
    }
    out->dir = arena_str(&cli->arena, slice_of(dir, len));
    if (!ends_with(out->dir, LOG_DIR)) {
        out->dir = arena_printf(&cli->arena, "%s/" LOG_DIR, out->dir);
    }
    if (!store_fs_exists(out->fs, out->dir)) {
        cli_complain(cli,
                     "%s: there is no such directory; name one of log.dirs of a controller or "
                     "broker",
                     out->dir);
        return false;
    }
    enum err e = node_snapshot_list(out->fs, out->dir, &out->snapshots);
    if (e != ERR_NONE) {
        cli_complain(cli, "%s cannot be read: %s", out->dir, err_text(e));
        return false;
    }
    read_cluster_id(out);
    return true;
}

void history_close(struct history *h)
{
    node_snapshot_list_fini(&h->snapshots);
    if (h->temporary != NULL) {
        (void)!store_fs_remove_tree(h->fs, h->temporary);
    }
}

/* ---- points ---- */

bool history_parse_point(struct slice text, struct history_point *out)
{
    *out = HISTORY_END;
    if (args_parse_number(text, &out->offset)) {
        return out->offset >= 0;
    }
    out->offset = -1;
    return times_parse_date(text, &out->time_ms);
}

/* Is what was written then behind the point? */
static bool is_behind(struct history_point point, int64_t offset, int64_t time_ms)
{
    return (point.offset >= 0 && offset > point.offset) ||
           (point.time_ms >= 0 && time_ms > point.time_ms);
}

static bool is_end(struct history_point point)
{
    return point.offset < 0 && point.time_ms < 0;
}

/* ---- snapshots ---- */

static struct metadata_image *complain_of(struct history *h, const char *problem)
{
    cli_complain(h->cli, "%s", problem);
    return NULL;
}

static enum err load_batches(struct node_snapshot_reader *reader, struct metadata_delta *delta,
                             int64_t offset, struct buf *why)
{
    for (;;) {
        struct node_batch batch;
        struct arena arena = {0};
        bool got;
        enum err e = node_snapshot_next(reader, &batch, &got);
        if (e != ERR_NONE) {
            buf_put_str(why, node_snapshot_problem(reader));
        }
        if (e != ERR_NONE || !got) {
            return e;
        }
        for (int i = 0; e == ERR_NONE && i < batch.count; i++) {
            e = metadata_replay_value(delta, offset, batch.record_values[i], &arena, why);
        }
        arena_fini(&arena);
        if (e != ERR_NONE) {
            return e;
        }
    }
}

/* The image of that snapshot; NULL: it is damaged, and that is told. */
static struct metadata_image *load_snapshot(struct history *h, struct raft_position place)
{
    char name[NODE_SNAPSHOT_NAME_MAX];
    node_snapshot_name(place, name);
    const char *path = arena_printf(&h->cli->arena, "%s/%s", h->dir, name);
    struct store_error problem = {""};
    struct node_snapshot_reader *reader;
    if (node_snapshot_open(h->fs, path, &reader, &problem) != ERR_NONE) {
        return complain_of(h, problem.text);
    }
    struct metadata_image *empty = metadata_image_new(h->cluster_id);
    struct metadata_delta *delta = metadata_delta_begin(empty);
    struct metadata_image *image = NULL;
    struct buf why = {0};
    if (load_batches(reader, delta, place.offset - 1, &why) == ERR_NONE) {
        metadata_delta_advance(delta, place.offset - 1, place.epoch,
                               node_snapshot_timestamp_ms(reader));
        image = metadata_delta_finish(delta);
    } else {
        metadata_delta_drop(delta);
        cli_complain(h->cli, "%.*s", SLICE_ARG(buf_slice(&why)));
    }
    buf_fini(&why);
    metadata_image_unref(empty);
    node_snapshot_close(reader);
    return image;
}

/* Where to begin: the state of the newest snapshot before the point (NULL: of the oldest) from
 * which the log goes on, or of the oldest if the point is older than all; or the empty state if the
 * log has its beginning. NULL: there is none. */
static struct metadata_image *load_start(struct history *h, const struct history_point *from,
                                         int64_t log_start)
{
    struct metadata_image *oldest = NULL;
    bool damaged = false;
    for (int i = h->snapshots.count - 1; i >= 0; i--) {
        struct raft_position place = h->snapshots.items[i];
        bool usable = place.offset > 0 && (log_start < 0 || place.offset >= log_start);
        struct metadata_image *image = usable ? load_snapshot(h, place) : NULL;
        damaged |= usable && image == NULL;
        if (image == NULL) {
            continue;
        }
        metadata_image_unref(oldest);
        oldest = image;
        if (from != NULL &&
            !is_behind(*from, place.offset - 1, metadata_image_timestamp_ms(image))) {
            return oldest;
        }
    }
    if (log_start == 0 || (log_start < 0 && oldest == NULL && !damaged)) {
        metadata_image_unref(oldest);
        return metadata_image_new(h->cluster_id);
    }
    if (oldest == NULL && log_start > 0) {
        cli_complain(h->cli,
                     "%s: the log begins at offset %" PRId64
                     " and there is no snapshot of what was before",
                     h->dir, log_start);
    }
    return oldest;
}

/* ---- replay ---- */

static struct metadata_cause cause_of(const struct node_batch *batch, struct arena *arena)
{
    struct metadata_cause cause;
    bool got;
    if (batch->count > 0 &&
        metadata_cause_find(batch->record_values[0], arena, &cause, &got) == ERR_NONE && got) {
        return cause;
    }
    return metadata_cause_of(METADATA_EVENT_UNKNOWN, -1);
}

static void show(const struct history_walk *walk, const struct node_batch *batch,
                 const struct metadata_image *before, const struct metadata_image *after)
{
    struct arena arena = {0};
    struct metadata_cause cause = cause_of(batch, &arena);
    struct history_step step = {batch, &cause, before, after};
    walk->see(walk->arg, &step);
    arena_fini(&arena);
}

static bool is_shown(const struct history_walk *walk, const struct node_batch *batch)
{
    return walk->see != NULL && (is_end(walk->from) || is_behind(walk->from, batch->base_offset,
                                                                 batch->append_timestamp_ms));
}

/* Applies the batch to `*image`; false: told. */
static bool apply(struct history *h, const struct history_walk *walk,
                  const struct node_batch *batch, struct metadata_image **image)
{
    struct buf why = {0};
    struct metadata_image *next;
    struct metadata_batch records = {.base_offset = batch->base_offset,
                                     .last_offset = batch->last_offset,
                                     .epoch = batch->epoch,
                                     .timestamp_ms = batch->append_timestamp_ms,
                                     .values = batch->record_values,
                                     .count = batch->count};
    enum err e = metadata_replay_batch(*image, &records, &next, &why);
    if (e == ERR_NONE) {
        if (is_shown(walk, batch)) {
            show(walk, batch, *image, next);
        }
        metadata_image_unref(*image);
        *image = next;
    } else {
        cli_complain(h->cli, "%s: %.*s", h->dir, SLICE_ARG(buf_slice(&why)));
    }
    buf_fini(&why);
    return e == ERR_NONE;
}

/* From the image on, up to the point. False: told. */
static bool replay(struct history *h, const struct history_walk *walk,
                   struct node_log_reader *reader, struct metadata_image **image)
{
    int64_t next = metadata_image_offset(*image) + 1;
    node_log_reader_seek(reader, next);
    for (;;) {
        struct node_batch batch;
        bool got;
        if (node_log_reader_next(reader, &batch, &got) != ERR_NONE) {
            cli_complain(h->cli, "%s", node_log_reader_problem(reader));
            return false;
        }
        if (!got || is_behind(walk->to, batch.base_offset, batch.append_timestamp_ms)) {
            return true;
        }
        if (batch.base_offset != metadata_image_offset(*image) + 1) {
            cli_complain(h->cli,
                         "%s: the records from offset %" PRId64 " to %" PRId64 " are missing",
                         h->dir, metadata_image_offset(*image) + 1, batch.base_offset - 1);
            return false;
        }
        if (!apply(h, walk, &batch, image)) {
            return false;
        }
    }
}

struct metadata_image *history_replay(struct history *h, const struct history_walk *walk)
{
    struct node_log_reader *reader;
    struct store_error why = {""};
    if (node_log_reader_open(h->fs, h->dir, &reader, &why) != ERR_NONE) {
        return complain_of(h, why.text);
    }
    const struct history_point *start = walk->see == NULL    ? &walk->to
                                        : is_end(walk->from) ? NULL
                                                             : &walk->from;
    struct metadata_image *image = load_start(h, start, node_log_reader_start(reader));
    if (image != NULL &&
        is_behind(walk->to, metadata_image_offset(image), metadata_image_timestamp_ms(image))) {
        cli_complain(h->cli,
                     "%s: that is older than the oldest snapshot, which ends at offset %" PRId64,
                     h->dir, metadata_image_offset(image));
        metadata_image_unref(image);
        image = NULL;
    }
    if (image != NULL && walk->see_start != NULL) {
        struct history_step step = {.after = image};
        walk->see_start(walk->arg, &step);
    }
    if (image != NULL && !replay(h, walk, reader, &image)) {
        metadata_image_unref(image);
        image = NULL;
    }
    node_log_reader_close(reader);
    return image;
}

struct metadata_image *history_image(struct history *h, struct history_point at)
{
    return history_replay(h, &(struct history_walk){.from = HISTORY_END, .to = at});
}
