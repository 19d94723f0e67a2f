/* A snapshot from the leader: gathered in a `.part`, synced and checked on a worker, given its name
 * when the core says so. */
#include <stdio.h>

#include "base/mem.h"
#include "raft/node/private.h"
#include "raft/node/snapshot.h"

/* ---- pieces ---- */

static void close_part(struct node_download *download, const struct store_fs *fs)
{
    if (download->fd >= 0) {
        store_fs_close(fs, download->fd);
        download->fd = -1;
    }
}

/* Its file goes, too: behind what a worker may be doing with it. */
struct removal {
    const struct store_fs *fs;
    char path[NODE_PATH_MAX];
};

static void run_remove(void *arg)
{
    struct removal *removal = arg;
    (void)!store_fs_unlink(removal->fs, removal->path);
    mem_free(removal);
}

void node_snapshots_unlink(struct node *node, const char *path)
{
    struct removal *removal = MEM_NEW(struct removal);
    removal->fs = node->options.fs;
    snprintf(removal->path, sizeof removal->path, "%s", path);
    net_work_on(node->snapshots.queue, run_remove, NULL, removal);
}

static void drop(struct node *node)
{
    struct node_download *download = &node->snapshots.download;
    if (!download->open) {
        return;
    }
    close_part(download, node->options.fs);
    node_snapshots_unlink(node, download->part);
    download->open = false;
}

static enum err begin(struct node *node, struct raft_position place)
{
    struct node_download *download = &node->snapshots.download;
    drop(node);
    char path[NODE_PATH_MAX];
    download->place = place;
    /* Another name for each: the one before may still wait to be removed. */
    download->number++;
    node_snapshot_path(node, place, path, NULL);
    snprintf(download->part, sizeof download->part, "%.*s-%" PRIu64 ".part", NODE_PATH_MAX - 32,
             path, download->number);
    uint32_t flags = STORE_OPEN_WRITE | STORE_OPEN_CREATE | STORE_OPEN_TRUNCATE;
    enum err e = store_fs_open(node->options.fs, download->part, flags, &download->fd);
    download->open = e == ERR_NONE;
    return e;
}

static void check(struct node *node);

static void write_piece(struct node *node, const struct raft_download *piece, struct slice bytes)
{
    struct node_download *download = &node->snapshots.download;
    ASSERT((size_t)piece->length == bytes.len);
    enum err e = piece->position == 0 ? begin(node, piece->snapshot) : ERR_NONE;
    if (e == ERR_NONE) {
        ASSERT(download->open);
        e = store_fs_pwrite(node->options.fs, download->fd, bytes, (uint64_t)piece->position);
    }
    if (e != ERR_NONE) {
        node_break(node, e, "a snapshot of the leader cannot be written");
    } else if (piece->last) {
        check(node);
    }
}

void node_download_obey(struct node *node, const struct raft_download *download, struct slice bytes)
{
    switch (download->kind) {
    case RAFT_DOWNLOAD_NOTHING:
        break;
    case RAFT_DOWNLOAD_WRITE:
        write_piece(node, download, bytes);
        break;
    case RAFT_DOWNLOAD_DROP:
        drop(node);
        break;
    }
}

void node_download_close(struct node *node)
{
    close_part(&node->snapshots.download, node->options.fs);
    buf_fini(&node->snapshots.download.voters);
}

/* ---- the check ---- */

struct inspection {
    struct node *node;
    const struct store_fs *fs;
    int fd;
    uint64_t number; /* of the download */
    char part[NODE_PATH_MAX];
    struct node_snapshot_reader *reader;
    struct store_error why;
    enum err disk; /* the sync failed: nobody knows what is in the file */
    enum err result;
};

static void run_check(void *arg)
{
    struct inspection *work = arg;
    work->disk = store_fs_sync(work->fs, work->fd);
    if (work->disk != ERR_NONE) {
        return;
    }
    work->result = node_snapshot_open(work->fs, work->part, &work->reader, &work->why);
    if (work->result == ERR_NONE) {
        work->result = node_snapshot_read_all(work->reader);
        if (work->result != ERR_NONE) {
            store_fail(&work->why, work->result, "%s", node_snapshot_problem(work->reader));
        }
    }
}

static void tell_core(struct node *node, const struct inspection *work)
{
    struct node_download *download = &node->snapshots.download;
    if (!download->open || download->number != work->number) {
        return; /* dropped meanwhile */
    }
    if (work->disk != ERR_NONE) {
        node_break(node, work->disk, "a snapshot of the leader cannot be synced");
        return;
    }
    if (work->result == ERR_UNSUPPORTED) {
        node_break(node, work->result, NODE_TOO_NEW);
        return;
    }
    struct raft_event event = {.type = RAFT_EVENT_SNAPSHOT_CHECKED,
                               .u.checked = {.snapshot = download->place, .error = work->result}};
    if (work->result == ERR_NONE) {
        buf_reset(&download->voters);
        buf_put_slice(&download->voters, node_snapshot_voters_value(work->reader));
        event.u.checked.voters = node_snapshot_voters(work->reader);
        download->kept =
            (struct node_kept){.place = download->place,
                               .bytes = node_snapshot_size(work->reader),
                               .timestamp_ms = node_snapshot_timestamp_ms(work->reader)};
    } else {
        log_warn(node->options.log, "raft", "a snapshot of the leader is damaged",
                 "node=%d reason=\"%s\"", node->options.node_id, work->why.text);
    }
    node_step(node, &event, SLICE_NULL);
}

static void finish_check(void *arg)
{
    struct inspection *work = arg;
    struct node *node = work->node;
    if (!node->closed) {
        tell_core(node, work);
    }
    node_snapshot_close(work->reader);
    store_fs_close(work->fs, work->fd);
    mem_free(work);
    node_unref(node);
}

static void check(struct node *node)
{
    struct node_download *download = &node->snapshots.download;
    struct inspection *work = MEM_NEW(struct inspection);
    work->node = node;
    work->fs = node->options.fs;
    work->fd = download->fd;
    work->number = download->number;
    snprintf(work->part, sizeof work->part, "%s", download->part);
    download->fd = -1;
    node_ref(node);
    net_work_on(node->snapshots.queue, run_check, finish_check, work);
}

/* ---- the name ---- */

struct naming {
    struct node *node;
    const struct store_fs *fs;
    char dir[NODE_PATH_MAX];
    char part[NODE_PATH_MAX];
    char path[NODE_PATH_MAX];
    enum err result;
};

static void run_name(void *arg)
{
    struct naming *work = arg;
    work->result = node_snapshot_name_part(work->fs, work->dir, work->part, work->path);
}

static void finish_name(void *arg)
{
    struct naming *work = arg;
    struct node *node = work->node;
    enum err result = work->result;
    mem_free(work);
    node->snapshots.naming = false;
    if (!node->closed) {
        node->snapshots.download.open = false;
        if (result != ERR_NONE) {
            node_break(node, result, "a snapshot of the leader cannot be given its name");
        } else {
            node_effects_installed(node);
        }
    }
    node_unref(node);
}

void node_download_name(struct node *node)
{
    struct node_download *download = &node->snapshots.download;
    ASSERT(!node->snapshots.naming);
    ASSERT(download->open);
    node->snapshots.naming = true;
    struct naming *work = MEM_NEW(struct naming);
    work->node = node;
    work->fs = node->options.fs;
    snprintf(work->dir, sizeof work->dir, "%s", node->log_dir);
    snprintf(work->part, sizeof work->part, "%s", download->part);
    node_snapshot_path(node, download->place, work->path, NULL);
    node_ref(node);
    /* Not behind a snapshot of this node's own, which may take long. */
    net_work_on(node->log.queue, run_name, finish_name, work);
}
