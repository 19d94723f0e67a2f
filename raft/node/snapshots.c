/* The snapshots of a running node: which there are, and how long they and the log stay.
 *
 * Kafka's rule: as long as log and snapshots together are larger than metadata.max.retention.bytes,
 * or the oldest snapshot is older than metadata.max.retention.ms, the oldest goes, and the log
 * begins at the next one. The newest stays whatever the limits say. */
#include "raft/node/snapshot.h"

#include <stdio.h>

#include "base/mem.h"
#include "raft/node/private.h"

enum { CLEAN_EVERY_MS = 60 * 1000 };

/* ---- files ---- */

void node_snapshot_path(const struct node *node, struct raft_position place,
                        char path[NODE_PATH_MAX], char *part)
{
    char name[NODE_SNAPSHOT_NAME_MAX];
    node_snapshot_name(place, name);
    int room = NODE_PATH_MAX - 2 * NODE_SNAPSHOT_NAME_MAX;
    snprintf(path, NODE_PATH_MAX, "%.*s/%s", room, node->log_dir, name);
    if (part != NULL) {
        snprintf(part, NODE_PATH_MAX, "%.*s/%s.part", room, node->log_dir, name);
    }
}

enum err node_snapshot_name_part(const struct store_fs *fs, const char *dir, const char *part,
                                 const char *path)
{
    TRY(store_fs_rename(fs, part, path));
    return store_fs_sync_dir(fs, dir);
}

/* ---- the list ---- */

void node_snapshots_insert(struct node_snapshots *snapshots, const struct node_kept *kept)
{
    if (snapshots->count == snapshots->cap) {
        snapshots->cap = snapshots->cap == 0 ? 8 : snapshots->cap * 2;
        snapshots->kept =
            mem_realloc(snapshots->kept, (size_t)snapshots->cap * sizeof *snapshots->kept);
    }
    int at = snapshots->count++;
    for (; at > 0 && snapshots->kept[at - 1].place.offset > kept->place.offset; at--) {
        snapshots->kept[at] = snapshots->kept[at - 1];
    }
    snapshots->kept[at] = *kept;
}

void node_snapshots_forget(struct node *node, int64_t before)
{
    struct node_snapshots *snapshots = &node->snapshots;
    int gone = 0;
    while (gone < snapshots->count && snapshots->kept[gone].place.offset < before) {
        char path[NODE_PATH_MAX];
        node_snapshot_path(node, snapshots->kept[gone++].place, path, NULL);
        node_snapshots_unlink(node, path);
    }
    snapshots->count -= gone;
    if (gone > 0) {
        memmove(snapshots->kept, snapshots->kept + gone,
                (size_t)snapshots->count * sizeof *snapshots->kept);
    }
}

void node_snapshots_add(struct node *node, const struct node_kept *kept)
{
    struct raft_event event = {.type = RAFT_EVENT_SNAPSHOT_TAKEN,
                               .u.taken = {.snapshot = kept->place}};
    if (kept->place.offset <= raft_snapshot(node->raft).offset) {
        /* A later one was loaded while this was written. */
        char path[NODE_PATH_MAX];
        node_snapshot_path(node, kept->place, path, NULL);
        node_snapshots_unlink(node, path);
        return;
    }
    node_snapshots_insert(&node->snapshots, kept);
    node_step(node, &event, SLICE_NULL);
    node_log_roll(node);
    node_snapshots_clean(node);
}

void node_snapshots_installed(struct node *node)
{
    struct node_snapshots *snapshots = &node->snapshots;
    node_snapshots_insert(snapshots, &snapshots->download.kept);
    node_snapshots_forget(node, snapshots->download.kept.place.offset);
    node_load_wanted(node, snapshots->download.kept.place);
    node_voters_fini(&node->voter_records);
    if (snapshots->download.voters.len > 0) {
        node_voters_take(node, snapshots->download.kept.place.offset - 1,
                         buf_slice(&snapshots->download.voters));
    }
}

/* ---- retention ---- */

/* Is it time for the oldest, and if so, why? */
static const char *is_too_much(const struct node *node)
{
    const struct node_snapshots *snapshots = &node->snapshots;
    const struct node_retention *limits = &node->options.retention;
    int64_t bytes = (int64_t)store_log_size(node->log.store);
    for (int i = 0; i < snapshots->count; i++) {
        bytes += snapshots->kept[i].bytes;
    }
    if (limits->bytes >= 0 && bytes > limits->bytes) {
        return "metadata.max.retention.bytes";
    }
    int64_t age_ms = net_wall_ms(node->options.loop) - snapshots->kept[0].timestamp_ms;
    bool timed = limits->ms >= 0 && snapshots->kept[0].timestamp_ms >= 0;
    return timed && age_ms > limits->ms ? "metadata.max.retention.ms" : NULL;
}

void node_snapshots_clean(struct node *node)
{
    struct node_snapshots *snapshots = &node->snapshots;
    while (!node->broken && snapshots->count > 1) {
        const char *why = is_too_much(node);
        if (why == NULL) {
            break;
        }
        struct raft_position to = snapshots->kept[1].place;
        log_info(node->options.log, "raft", "removes an old snapshot",
                 "node=%d end=%" PRId64 " log_start=%" PRId64 " reason=%s", node->options.node_id,
                 snapshots->kept[0].place.offset, to.offset, why);
        int count = snapshots->count;
        struct raft_event event = {.type = RAFT_EVENT_TRIM, .u.trim = {.to = to}};
        node_step(node, &event, SLICE_NULL);
        if (snapshots->count == count) {
            break; /* it waits for the effects before it */
        }
    }
    net_timer_set(&snapshots->clean, CLEAN_EVERY_MS);
}

static void on_clean(void *arg)
{
    node_snapshots_clean(arg);
}

/* ---- life ---- */

void node_snapshots_init(struct node *node)
{
    struct node_snapshots *snapshots = &node->snapshots;
    snapshots->download.fd = -1;
    snapshots->queue = net_work_queue_new(node->options.loop, "raft-snapshot", 1);
    net_timer_init(&snapshots->clean, node->options.loop, on_clean, node);
}

void node_snapshots_close(struct node *node)
{
    struct node_snapshots *snapshots = &node->snapshots;
    net_timer_stop(&snapshots->clean);
    node_snapshot_cancel(node);
    node_download_close(node);
    node_snapshot_close(snapshots->reader);
    snapshots->reader = NULL;
    net_work_queue_free(snapshots->queue);
    snapshots->queue = NULL;
    mem_free(snapshots->kept);
    snapshots->kept = NULL;
}
