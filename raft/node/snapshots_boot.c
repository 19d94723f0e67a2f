/* What a node makes of the snapshots and the log that it finds when it starts.
 *
 * - A `.part` or a `.deleted`: removed. It never was a snapshot, or is none any more.
 * - The newest cannot be read: it is set aside as `.corrupt`, and the one before is taken. Where
 * the log does not reach the damaged one's end, records are missing.
 * - A snapshot and no log: the log begins at its end.
 * - A snapshot ahead of the log: the same. A crash came between the name of a loaded snapshot and
 *   the emptying of the log.
 * - A log that begins after its snapshots: records are missing. A controller does not start, as it
 *   may have promised to have them; a broker, which promises nothing, copies everything anew. */
#include <stdio.h>

#include "base/mem.h"
#include "raft/node/private.h"
#include "raft/node/snapshot.h"

/* ---- leftovers ---- */

struct leftovers {
    struct node *node;
    struct node_boot *boot;
    char (*names)[NODE_NAME_MAX];
    int count;
};

static bool ends_with(const char *name, const char *suffix)
{
    size_t length = strlen(name);
    size_t tail = strlen(suffix);
    return length >= tail && strcmp(name + length - tail, suffix) == 0;
}

#define CORRUPT_SUFFIX ".corrupt"

/* One that an earlier start has set aside. */
static void see_corrupt(struct node_boot *boot, const char *name)
{
    char of[NODE_NAME_MAX];
    struct raft_position place;
    snprintf(of, sizeof of, "%.*s", (int)(strlen(name) - strlen(CORRUPT_SUFFIX)), name);
    if (node_snapshot_parse_name(of, &place)) {
        boot->damaged_end = max_i64(boot->damaged_end, place.offset);
    }
}

static void see_leftover(void *arg, const char *name)
{
    struct leftovers *left = arg;
    if (ends_with(name, CORRUPT_SUFFIX) && strlen(name) < NODE_NAME_MAX) {
        see_corrupt(left->boot, name);
        return;
    }
    bool ours = strstr(name, ".checkpoint") != NULL && strlen(name) < NODE_NAME_MAX;
    if (ours && (ends_with(name, ".part") || ends_with(name, ".deleted"))) {
        left->names = mem_realloc(left->names, (size_t)(left->count + 1) * sizeof *left->names);
        snprintf(left->names[left->count++], NODE_NAME_MAX, "%s", name);
    }
}

static enum err remove_leftovers(struct node *node, struct node_boot *boot)
{
    struct leftovers left = {.node = node, .boot = boot};
    enum err e = store_fs_list(node->options.fs, node->log_dir, see_leftover, &left);
    for (int i = 0; i < left.count && e == ERR_NONE; i++) {
        char path[NODE_PATH_MAX];
        snprintf(path, sizeof path, "%.*s/%s", NODE_PATH_MAX - NODE_NAME_MAX - 1, node->log_dir,
                 left.names[i]);
        log_info(node->options.log, "raft", "removes what is left of a snapshot", "file=%s", path);
        e = store_fs_unlink(node->options.fs, path);
    }
    mem_free(left.names);
    return e;
}

/* ---- reading ---- */

/* It stays for whoever wants to know what happened to it, but is no snapshot any more. */
static enum err set_aside(struct node *node, const char *path, const char *problem)
{
    char to[NODE_PATH_MAX + 16];
    snprintf(to, sizeof to, "%s" CORRUPT_SUFFIX, path);
    log_error(node->options.log, "raft", "a snapshot is damaged and set aside",
              "node=%d now=%s reason=\"%s\"", node->options.node_id, to, problem);
    TRY(store_fs_rename(node->options.fs, path, to));
    return store_fs_sync_dir(node->options.fs, node->log_dir);
}

/* Reads it whole, or only its header. */
static enum err read_kept(struct node *node, const char *path, bool whole,
                          struct node_snapshot_reader **reader, struct store_error *why)
{
    TRY(node_snapshot_open(node->options.fs, path, reader, why));
    struct node_batch batch;
    bool got;
    enum err e =
        whole ? node_snapshot_read_all(*reader) : node_snapshot_next(*reader, &batch, &got);
    if (e != ERR_NONE) {
        store_fail(why, e, "%s", node_snapshot_problem(*reader));
        node_snapshot_close(*reader);
        *reader = NULL;
    }
    return e;
}

/* The newest that is whole gives its voters; of those before it the header is enough. */
static enum err take(struct node *node, struct raft_position place, struct node_boot *boot,
                     struct store_error *why)
{
    bool newest = boot->boot.snapshot.offset == 0;
    char path[NODE_PATH_MAX];
    struct node_snapshot_reader *reader;
    node_snapshot_path(node, place, path, NULL);
    enum err e = read_kept(node, path, newest, &reader, why);
    if (e == ERR_CORRUPT) {
        boot->damaged_end = max_i64(boot->damaged_end, place.offset);
        e = set_aside(node, path, why->text);
        return e == ERR_NONE ? e : store_fail_errno(why, e, "set aside", path);
    }
    TRY(e);
    node_snapshots_insert(&node->snapshots,
                          &(struct node_kept){.place = place,
                                              .bytes = node_snapshot_size(reader),
                                              .timestamp_ms = node_snapshot_timestamp_ms(reader)});
    if (newest) {
        boot->boot.snapshot = place;
        const struct raft_voter_set *voters = node_snapshot_voters(reader);
        if (voters != NULL) {
            boot->snapshot_voters = *voters;
            buf_put_slice(&boot->snapshot_voters_value, node_snapshot_voters_value(reader));
        }
    }
    node_snapshot_close(reader);
    return ERR_NONE;
}

enum err node_snapshots_find(struct node *node, struct node_boot *boot, struct store_error *why)
{
    const struct store_fs *fs = node->options.fs;
    if (!store_fs_exists(fs, node->log_dir)) {
        return ERR_NONE;
    }
    struct node_snapshot_list list = {0};
    enum err e = remove_leftovers(node, boot);
    if (e == ERR_NONE) {
        e = node_snapshot_list(fs, node->log_dir, &list);
    }
    if (e != ERR_NONE) {
        return store_fail_errno(why, e, "look for snapshots in", node->log_dir);
    }
    /* From the newest on. Two of one offset cannot both be right; the later epoch is. */
    int64_t last = INT64_MAX;
    for (int i = list.count - 1; i >= 0 && e == ERR_NONE; i--) {
        if (list.items[i].offset > 0 && list.items[i].offset < last) {
            int count = node->snapshots.count;
            e = take(node, list.items[i], boot, why);
            last = node->snapshots.count > count ? list.items[i].offset : last;
        }
    }
    node_snapshot_list_fini(&list);
    return e;
}

/* ---- and the log ---- */

/* Does the log go on at the place: is the record before it there, in that epoch? */
static bool log_reaches(const struct node *node, struct raft_position place)
{
    const struct store_log *log = node->log.store;
    return place.offset >= store_log_start_offset(log) &&
           place.offset <= store_log_end_offset(log) &&
           (place.offset == store_log_start_offset(log) ||
            store_log_epoch_at(log, place.offset - 1) == place.epoch);
}

static enum err begin_log_at(struct node *node, struct raft_position place, struct store_error *why)
{
    enum err e = store_log_truncate_fully(node->log.store, place.offset);
    return e == ERR_NONE ? e : store_fail_errno(why, e, "empty the log in", node->log_dir);
}

static enum err mend_gap(struct node *node, struct raft_position newest, struct store_error *why)
{
    int64_t start = store_log_start_offset(node->log.store);
    if (node->options.is_controller) {
        return store_fail(
            why, ERR_CORRUPT,
            "%s: the log begins at offset %" PRId64 " but the newest snapshot that can "
            "be read ends at %" PRId64 "; the records in between are missing. Put the "
            "snapshot file back, or remove the directory and let the node copy "
            "everything anew under a new directory id",
            node->log_dir, start, newest.offset);
    }
    log_warn(node->options.log, "raft", "copies the metadata anew, as some of it is missing here",
             "node=%d log_start=%" PRId64 " snapshot=%" PRId64, node->options.node_id, start,
             newest.offset);
    return begin_log_at(node, newest, why);
}

/* A log that lacks the snapshot's last record is behind it; one that has another record there in an
 * older epoch has what was never committed. */
static enum err mend_behind(struct node *node, struct raft_position newest, struct store_error *why)
{
    const struct store_log *log = node->log.store;
    bool inside = newest.offset <= store_log_end_offset(log);
    if (inside && store_log_epoch_at(log, newest.offset - 1) > newest.epoch) {
        return store_fail(
            why, ERR_CORRUPT,
            "%s: the record before offset %" PRId64 " is of epoch %d in the log but of "
            "epoch %d in the snapshot; they are not of one cluster. Restore the "
            "directory, or remove it and let the node copy everything anew under a "
            "new directory id",
            node->log_dir, newest.offset, store_log_epoch_at(log, newest.offset - 1), newest.epoch);
    }
    log_info(node->options.log, "raft", "the snapshot is ahead of the log, which is emptied",
             "node=%d snapshot=%" PRId64 " log_end=%" PRId64, node->options.node_id, newest.offset,
             store_log_end_offset(log));
    return begin_log_at(node, newest, why);
}

/* Where the core may let the log begin: at offset 0, or at the end of a snapshot, so that the epoch
 * of what was before it is known. */
static enum err choose_start(struct node *node, struct node_boot *boot, struct store_error *why)
{
    const struct node_snapshots *snapshots = &node->snapshots;
    boot->boot.log_start = (struct raft_position){0, 0};
    if (store_log_start_offset(node->log.store) == 0) {
        return ERR_NONE;
    }
    int i = 0;
    while (i + 1 < snapshots->count && !log_reaches(node, snapshots->kept[i].place)) {
        i++;
    }
    ASSERT(i < snapshots->count);
    boot->boot.log_start = snapshots->kept[i].place;
    enum err e = store_log_set_start(node->log.store, boot->boot.log_start.offset);
    return e == ERR_NONE ? e : store_fail_errno(why, e, "trim the log in", node->log_dir);
}

/* What only a damaged snapshot has may have been promised. */
static enum err check_damaged(const struct node *node, const struct node_boot *boot,
                              struct store_error *why)
{
    int64_t end = max_i64(store_log_end_offset(node->log.store), boot->boot.snapshot.offset);
    if (!node->options.is_controller || end >= boot->damaged_end) {
        return ERR_NONE;
    }
    return store_fail(why, ERR_CORRUPT,
                      "%s: the snapshot that ends at offset %" PRId64
                      " is damaged, and the log ends at "
                      "%" PRId64 ". Put a whole copy of the snapshot file in the place of the "
                      "one that has " CORRUPT_SUFFIX " behind its name, or remove the directory "
                      "and let the node copy everything anew under a new directory id",
                      node->log_dir, boot->damaged_end, end);
}

enum err node_snapshots_fit_log(struct node *node, struct node_boot *boot, struct store_error *why)
{
    struct raft_position newest = boot->boot.snapshot;
    enum err e = check_damaged(node, boot, why);
    if (e != ERR_NONE) {
        return e;
    }
    if (store_log_start_offset(node->log.store) > newest.offset) {
        e = mend_gap(node, newest, why);
    } else if (!log_reaches(node, newest)) {
        e = mend_behind(node, newest, why);
    }
    if (e == ERR_NONE) {
        e = choose_start(node, boot, why);
    }
    if (e == ERR_NONE) {
        node->log.synced = store_log_end_offset(node->log.store);
        node_snapshots_forget(node, boot->boot.log_start.offset);
    }
    return e;
}
