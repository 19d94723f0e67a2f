/* What a node finds when it starts, and what formatting leaves for it: the bootstrap snapshots
 * (KIP-630, KIP-853), the voters and epochs of the log. */
#include <stdio.h>

#include "base/mem.h"
#include "raft/node/private.h"
#include "raft/node/snapshot.h"

#define RECORDS_FILE "bootstrap.checkpoint"
#define VOTERS_FILE "00000000000000000000-0000000000.checkpoint"

/* ---- reading ---- */

static void add_voters(struct node_boot *boot, int64_t offset, const struct raft_voter_set *set)
{
    if (boot->boot.voters_count == boot->voters_cap) {
        boot->voters_cap = boot->voters_cap == 0 ? 4 : boot->voters_cap * 2;
        boot->voters = mem_realloc(boot->voters, (size_t)boot->voters_cap * sizeof *boot->voters);
        boot->boot.voters = boot->voters;
    }
    boot->voters[boot->boot.voters_count++] = (struct raft_voters_at){offset, *set};
}

static enum err read_snapshot(struct node *node, const char *path, struct node_boot *boot,
                              struct store_error *why)
{
    struct node_snapshot_reader *reader;
    TRY(node_snapshot_open(node->options.fs, path, &reader, why));
    enum err e = node_snapshot_read_all(reader);
    if (e != ERR_NONE) {
        store_fail(why, e, "%s; restore the file from another controller",
                   node_snapshot_problem(reader));
    } else if (node_snapshot_voters(reader) != NULL) {
        boot->boot.voters_count = 0; /* the same, from the other file */
        add_voters(boot, -1, node_snapshot_voters(reader));
        node_voters_take(node, -1, node_snapshot_voters_value(reader));
    }
    node_snapshot_close(reader);
    return e;
}

void node_bootstrap_path(const struct node *node, char path[NODE_PATH_MAX])
{
    snprintf(path, NODE_PATH_MAX, "%.*s/" RECORDS_FILE, NODE_PATH_MAX - 64, node->options.dir);
}

enum err node_bootstrap_read(struct node *node, struct node_boot *boot, struct store_error *why)
{
    char path[NODE_PATH_MAX];
    node_bootstrap_path(node, path);
    enum err e = read_snapshot(node, path, boot, why);
    if (e == ERR_NONE && boot->boot.snapshot.offset == 0) {
        node_load_wanted(node, boot->boot.snapshot);
    }
    if (e == ERR_NONE || e == ERR_NOT_FOUND) {
        snprintf(path, sizeof path, "%.*s/" VOTERS_FILE, NODE_PATH_MAX - 64, node->log_dir);
        e = read_snapshot(node, path, boot, why);
    }
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

/* ---- the log ---- */

struct scan {
    struct node *node;
    struct node_boot *boot;
};

static bool scan_batch(void *arg, const struct store_batch *head)
{
    struct scan *scan = arg;
    if ((head->attributes & WIRE_BATCH_CONTROL) == 0) {
        return true;
    }
    struct buf bytes = {0};
    struct wire_batch batch;
    struct raft_voters_at voters;
    struct arena arena = {0};
    struct slice value = SLICE_NULL;
    enum err e = store_file_pread(
        head->file, store_room(buf_extend(&bytes, head->size), head->size), head->position);
    if (e == ERR_NONE) {
        e = wire_batch_parse(buf_slice(&bytes), &batch);
    }
    if (e == ERR_NONE) {
        e = node_voters_find(&batch, &voters, &value, &arena);
    }
    if (!slice_is_null(value) && voters.offset >= scan->boot->boot.snapshot.offset) {
        add_voters(scan->boot, voters.offset, &voters.set);
        node_voters_take(scan->node, voters.offset, value);
    }
    arena_fini(&arena);
    buf_fini(&bytes);
    scan->boot->error = e;
    return e == ERR_NONE;
}

enum err node_boot_scan(struct node *node, struct node_boot *boot, struct store_error *why)
{
    struct store_log *store = node->log.store;
    uint32_t count = store_log_epoch_count(store);
    boot->epochs = mem_zalloc((size_t)count + 1, sizeof *boot->epochs);
    for (uint32_t i = 0; i < count; i++) {
        store_log_epoch_get(store, i, &boot->epochs[i].epoch, &boot->epochs[i].start);
    }
    /* A log that was emptied up to a snapshot keeps the last epoch, at its end. */
    if (count > 0 && boot->epochs[count - 1].start == store_log_end_offset(store)) {
        count--;
    }
    boot->boot.epochs = boot->epochs;
    boot->boot.epoch_count = (int)count;
    boot->boot.log_end = store_log_end_offset(store);
    if (boot->snapshot_voters.count > 0) {
        int64_t last = boot->boot.snapshot.offset - 1;
        add_voters(boot, last, &boot->snapshot_voters);
        node_voters_take(node, last, buf_slice(&boot->snapshot_voters_value));
    }
    struct scan scan = {node, boot};
    enum err e = store_log_scan(store, store_log_start_offset(store), scan_batch, &scan);
    if (e == ERR_NONE) {
        e = boot->error;
    }
    if (e == ERR_UNSUPPORTED) {
        return store_fail(why, e, "%s: " NODE_TOO_NEW, node->log_dir);
    }
    if (e != ERR_NONE) {
        return store_fail(why, ERR_CORRUPT,
                          "%s: a control record cannot be read (%s); remove the directory and let "
                          "the node copy the log anew under a new directory id",
                          node->log_dir, err_text(e));
    }
    return ERR_NONE;
}

/* ---- writing ---- */

static void build_records(const struct node_format_options *options, struct buf *out)
{
    struct raft_position at = {0, 0};
    struct wire_builder builder = node_snapshot_begin_batch(out, at, true, options->now_ms);
    node_snapshot_add_header(&builder, 0);
    wire_builder_finish(&builder);
    at.offset = 1;
    if (options->record_count > 0) {
        builder = node_snapshot_begin_batch(out, at, false, options->now_ms);
        for (int i = 0; i < options->record_count; i++) {
            wire_builder_add(&builder, &(struct wire_record){.timestamp = options->now_ms,
                                                             .key = SLICE_NULL,
                                                             .value = options->records[i]});
        }
        wire_builder_finish(&builder);
        at.offset += options->record_count;
    }
    node_snapshot_add_footer(out, at, options->now_ms);
}

static void build_voters(const struct node_format_options *options, struct buf *out)
{
    const char *listener = options->listener_name == NULL ? "CONTROLLER" : options->listener_name;
    struct raft_position at = {0, 0};
    struct wire_builder builder = node_snapshot_begin_batch(out, at, true, options->now_ms);
    node_snapshot_add_header(&builder, 0);
    node_control_add_voters(&builder, options->voters, options->voter_count, listener);
    wire_builder_finish(&builder);
    at.offset = 3; /* header, KRaftVersion, KRaftVoters */
    node_snapshot_add_footer(out, at, options->now_ms);
}

enum err node_format(const struct node_format_options *options)
{
    ASSERT(options->voter_count <= RAFT_VOTERS_MAX);
    const struct store_fs *fs = options->fs;
    char log_dir[NODE_PATH_MAX];
    char records_path[NODE_PATH_MAX];
    char voters_path[NODE_PATH_MAX];
    int room = NODE_PATH_MAX - 128;
    snprintf(log_dir, sizeof log_dir, "%.*s/" NODE_LOG_DIR, room, options->dir);
    snprintf(records_path, sizeof records_path, "%.*s/" RECORDS_FILE, room, options->dir);
    snprintf(voters_path, sizeof voters_path, "%.*s/" NODE_LOG_DIR "/" VOTERS_FILE, room,
             options->dir);
    if (store_fs_exists(fs, records_path) || store_fs_exists(fs, voters_path)) {
        return ERR_EXISTS;
    }
    struct buf bytes = {0};
    enum err e = ERR_NONE;
    if (options->voter_count > 0) {
        e = store_fs_mkdir(fs, log_dir);
        e = e == ERR_EXISTS ? ERR_NONE : e;
        if (e == ERR_NONE) {
            build_voters(options, &bytes);
            e = store_fs_write_file(fs, voters_path, buf_slice(&bytes), true);
        }
    }
    if (e == ERR_NONE) {
        buf_reset(&bytes);
        build_records(options, &bytes);
        /* Syncs the directory, and with it the name of the one made above. */
        e = store_fs_write_file(fs, records_path, buf_slice(&bytes), true);
    }
    buf_fini(&bytes);
    return e;
}
