/* What a node finds when it starts, and what formatting leaves for it: the bootstrap snapshots
 * (KIP-630, KIP-853), the voters and epochs of the log. */
#include "raft/node/private.h"

#include <stdio.h>

#include "base/mem.h"

#define RECORDS_FILE "bootstrap.checkpoint"
#define VOTERS_FILE "00000000000000000000-0000000000.checkpoint"

enum { SNAPSHOT_BYTES_MAX = 16 << 20, EPOCHS_FIRST = 16 };

/* ---- reading ---- */

void node_boot_add_voters(struct node_boot *boot, int64_t offset, const struct raft_voter_set *set)
{
    if (boot->boot.voters_count == boot->voters_cap) {
        boot->voters_cap = boot->voters_cap == 0 ? 4 : boot->voters_cap * 2;
        boot->voters = mem_realloc(boot->voters, (size_t)boot->voters_cap * sizeof *boot->voters);
        boot->boot.voters = boot->voters;
    }
    boot->voters[boot->boot.voters_count++] = (struct raft_voters_at){offset, *set};
}

/* Control batches give voters, the others go to node->first as they are. */
static enum err read_batches(struct node *node, struct slice bytes, struct node_boot *boot,
                             struct arena *arena)
{
    struct wire_batches it = wire_batches_of(bytes);
    for (;;) {
        struct wire_batch batch;
        bool got;
        TRY(wire_batch_next(&it, &batch, &got));
        if (!got) {
            return it.rest.len == 0 ? ERR_NONE : ERR_CORRUPT_MESSAGE;
        }
        TRY(wire_batch_check_crc(&batch)); /* KAFKA-14104 */
        struct raft_voters_at voters;
        struct slice value;
        TRY(node_voters_find(&batch, &voters, &value, arena));
        if (!slice_is_null(value)) {
            boot->boot.voters_count = 0; /* the same, from the other file */
            node_boot_add_voters(boot, -1, &voters.set);
            node_voters_take(node, -1, value);
        } else if (!wire_batch_has(&batch, WIRE_BATCH_CONTROL)) {
            buf_put_slice(&node->first, batch.bytes);
        }
    }
}

static enum err read_snapshot(struct node *node, const char *path, struct node_boot *boot,
                              struct store_error *why)
{
    struct buf bytes = {0};
    struct arena arena = {0};
    enum err e = store_fs_read_file(node->options.fs, path, SNAPSHOT_BYTES_MAX, &bytes);
    if (e == ERR_NOT_FOUND) {
        e = ERR_NONE;
    } else if (e != ERR_NONE) {
        e = store_fail_errno(why, e, "read", path);
    } else if (read_batches(node, buf_slice(&bytes), boot, &arena) != ERR_NONE) {
        e = store_fail(why, ERR_CORRUPT,
                       "%s is not a snapshot, or is damaged; restore it from another controller",
                       path);
    }
    arena_fini(&arena);
    buf_fini(&bytes);
    return e;
}

enum err node_bootstrap_read(struct node *node, struct node_boot *boot, struct store_error *why)
{
    char path[NODE_PATH_MAX];
    snprintf(path, sizeof path, "%.*s/" RECORDS_FILE, NODE_PATH_MAX - 64, node->options.dir);
    TRY(read_snapshot(node, path, boot, why));
    snprintf(path, sizeof path, "%.*s/" VOTERS_FILE, NODE_PATH_MAX - 64, node->log_dir);
    return read_snapshot(node, path, boot, why);
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
    if (!slice_is_null(value)) {
        node_boot_add_voters(scan->boot, voters.offset, &voters.set);
        node_voters_take(scan->node, voters.offset, value);
    }
    arena_fini(&arena);
    buf_fini(&bytes);
    scan->boot->error = e;
    return e == ERR_NONE;
}

enum err node_boot_scan(struct node *node, struct node_boot *boot, struct store_error *why)
{
    const struct store_log *store = node->log.store;
    uint32_t count = store_log_epoch_count(store);
    boot->epochs = mem_zalloc((size_t)count + 1, sizeof *boot->epochs);
    for (uint32_t i = 0; i < count; i++) {
        store_log_epoch_get(store, i, &boot->epochs[i].epoch, &boot->epochs[i].start);
    }
    boot->boot.epochs = boot->epochs;
    boot->boot.epoch_count = (int)count;
    boot->boot.log_end = store_log_end_offset(store);
    struct scan scan = {node, boot};
    enum err e = store_log_scan(node->log.store, 0, scan_batch, &scan);
    if (e == ERR_NONE) {
        e = boot->error;
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

static struct wire_builder begin_batch(struct buf *out, int64_t offset, bool control,
                                       int64_t now_ms)
{
    struct wire_builder_options options = {.base_offset = offset, WIRE_BUILDER_DEFAULTS};
    options.leader_epoch = 0;
    options.attributes = control ? WIRE_BATCH_CONTROL : 0;
    struct wire_builder builder;
    wire_builder_init(&builder, &options, out);
    wire_builder_set_timestamps(&builder, now_ms, now_ms);
    return builder;
}

static void add_header(struct wire_builder *builder)
{
    struct wire_snapshot_header_record header = {0};
    node_control_add(builder, WIRE_CONTROL_SNAPSHOT_HEADER, &wire_msg_snapshot_header_record,
                     &header);
}

static void add_footer(struct buf *out, int64_t offset, int64_t now_ms)
{
    struct wire_builder builder = begin_batch(out, offset, true, now_ms);
    struct wire_snapshot_footer_record footer = {0};
    node_control_add(&builder, WIRE_CONTROL_SNAPSHOT_FOOTER, &wire_msg_snapshot_footer_record,
                     &footer);
    wire_builder_finish(&builder);
}

static void build_records(const struct node_format_options *options, struct buf *out)
{
    struct wire_builder builder = begin_batch(out, 0, true, options->now_ms);
    add_header(&builder);
    wire_builder_finish(&builder);
    int64_t offset = 1;
    if (options->record_count > 0) {
        builder = begin_batch(out, offset, false, options->now_ms);
        for (int i = 0; i < options->record_count; i++) {
            wire_builder_add(&builder, &(struct wire_record){.timestamp = options->now_ms,
                                                             .key = SLICE_NULL,
                                                             .value = options->records[i]});
        }
        wire_builder_finish(&builder);
        offset += options->record_count;
    }
    add_footer(out, offset, options->now_ms);
}

static void build_voters(const struct node_format_options *options, struct buf *out)
{
    const char *listener = options->listener_name == NULL ? "CONTROLLER" : options->listener_name;
    struct wire_builder builder = begin_batch(out, 0, true, options->now_ms);
    add_header(&builder);
    node_control_add_voters(&builder, options->voters, options->voter_count, listener);
    wire_builder_finish(&builder);
    add_footer(out, 3, options->now_ms);
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
