/* A snapshot made without a node: the beginning of a log that goes on from a state that was written
 * down. */
#include <stdio.h>

#include "raft/node/private.h"
#include "raft/node/snapshot.h"

enum { BATCH_BYTES = 256 << 10 };

/* The voters that were written down when the directory was formatted, as the record; null: none. */
static enum err read_voters(const struct store_fs *fs, const char *dir, struct buf *out,
                            struct store_error *why)
{
    char name[NODE_SNAPSHOT_NAME_MAX];
    char path[NODE_PATH_MAX];
    struct node_snapshot_reader *reader;
    node_snapshot_name((struct raft_position){0, 0}, name);
    snprintf(path, sizeof path, "%.*s/%s", NODE_PATH_MAX - 64, dir, name);
    if (!store_fs_exists(fs, path)) {
        return ERR_NONE;
    }
    TRY(node_snapshot_open(fs, path, &reader, why));
    enum err e = node_snapshot_read_all(reader);
    if (e != ERR_NONE) {
        e = store_fail(why, e, "%s", node_snapshot_problem(reader));
    } else {
        buf_put_slice(out, node_snapshot_voters_value(reader));
    }
    node_snapshot_close(reader);
    return e;
}

static struct wire_builder begin(struct buf *out, const struct node_snapshot_contents *c,
                                 int64_t offset, bool control)
{
    struct raft_position at = {offset, c->place.epoch};
    return node_snapshot_begin_batch(out, at, control, c->place.append_timestamp_ms);
}

/* Everything but the footer; returns its offset. */
static int64_t put_batches(const struct node_snapshot_contents *c, struct slice voters,
                           struct buf *out)
{
    int64_t next = 1;
    struct wire_builder builder = begin(out, c, 0, true);
    node_snapshot_add_header(&builder, c->place.append_timestamp_ms);
    if (voters.len > 0) {
        node_control_repeat_voters(&builder, voters);
        next += 2;
    }
    wire_builder_finish(&builder);
    for (size_t i = 0; i < c->count;) {
        builder = begin(out, c, next, false);
        do {
            struct wire_record record = {.timestamp = c->place.append_timestamp_ms,
                                         .key = SLICE_NULL,
                                         .value = c->values[i]};
            wire_builder_add(&builder, &record);
            next++;
            i++;
        } while (i < c->count && wire_builder_size(&builder) < BATCH_BYTES);
        wire_builder_finish(&builder);
    }
    return next;
}

enum err node_snapshot_create(const struct store_fs *fs, const char *dir,
                              const struct node_snapshot_contents *contents,
                              struct store_error *why)
{
    ASSERT(contents->place.end_offset > 0);
    char name[NODE_SNAPSHOT_NAME_MAX];
    char path[NODE_PATH_MAX];
    struct raft_position place = {contents->place.end_offset, contents->place.epoch};
    struct buf voters = {0};
    struct buf bytes = {0};
    node_snapshot_name(place, name);
    snprintf(path, sizeof path, "%.*s/%s", NODE_PATH_MAX - 64, dir, name);
    enum err e = read_voters(fs, dir, &voters, why);
    if (e == ERR_NONE) {
        int64_t next = put_batches(contents, buf_slice(&voters), &bytes);
        struct raft_position end = {next, place.epoch};
        node_snapshot_add_footer(&bytes, end, contents->place.append_timestamp_ms);
        e = store_fs_write_file(fs, path, buf_slice(&bytes), true);
        if (e != ERR_NONE) {
            e = store_fail_errno(why, e, "write", path);
        }
    }
    buf_fini(&bytes);
    buf_fini(&voters);
    return e;
}
