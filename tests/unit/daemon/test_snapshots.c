/* When snapshots of an image are written, and when not (daemon/snapshots.c): a real node that is
 * the only voter, over a directory that is removed at the end. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "daemon/snapshots.h"
#include "metadata/metadata.h"
#include "net/net.h"
#include "raft/node/node.h"
#include "raft/node/snapshot.h"
#include "store/store.h"
#include "tests/unit/unit.h"

enum { WAIT_MS = 10000 };

struct fixture {
    char dir[64];
    struct net_loop *loop;
    struct log log;
    struct settings *settings;
    struct node *node;
    struct daemon_snapshots snapshots;
    struct metadata_image *image;
    struct metadata_load *load;
    int32_t claimed;
    int loads;
    int topics;
};

/* ---- what the node tells ---- */

static void on_begin(void *arg, const struct node_snapshot_place *place)
{
    ((struct fixture *)arg)->load = metadata_load_begin(slice_str("c"), place->end_offset);
}

static void on_snapshot(void *arg, const struct node_batch *batch)
{
    struct fixture *f = arg;
    ck_assert_int_eq(metadata_load_values(f->load, batch->record_values, batch->count, NULL),
                     ERR_NONE);
}

static void on_end(void *arg, const struct node_snapshot_place *place)
{
    struct fixture *f = arg;
    metadata_image_unref(f->image);
    f->image = metadata_load_end(f->load, place->epoch, place->append_timestamp_ms);
    f->loads += place->end_offset > 0;
    daemon_snapshots_loaded(&f->snapshots);
}

static void on_commit(void *arg, const struct node_batch *batch)
{
    struct fixture *f = arg;
    struct metadata_batch records = {.base_offset = batch->base_offset,
                                     .last_offset = batch->last_offset,
                                     .epoch = batch->epoch,
                                     .timestamp_ms = batch->append_timestamp_ms,
                                     .values = batch->record_values,
                                     .count = batch->count};
    struct metadata_image *next;
    struct buf why = {0};
    enum err e = metadata_replay_batch(f->image, &records, &next, &why);
    buf_fini(&why);
    if (e != ERR_NONE) {
        daemon_snapshots_disable(&f->snapshots);
        return;
    }
    metadata_image_unref(f->image);
    f->image = next;
    daemon_snapshots_committed(&f->snapshots, f->node, batch, f->image);
}

static void on_claim(void *arg, int32_t epoch, int64_t next_offset)
{
    (void)next_offset;
    ((struct fixture *)arg)->claimed = epoch;
}

/* ---- life ---- */

#define UNTIL(f, cond) \
    do { \
        int64_t until_ms_ = net_now_ms((f)->loop) + WAIT_MS; \
        while (!(cond)) { \
            ck_assert_msg(net_now_ms((f)->loop) < until_ms_, "never: %s", #cond); \
            net_loop_step((f)->loop, 5); \
        } \
    } while (0)

static void set(struct fixture *f, const char *pair)
{
    struct buf why = {0};
    ck_assert_int_eq(settings_set_pair(f->settings, pair, &why), ERR_NONE);
    buf_fini(&why);
}

static void start(struct fixture *f)
{
    struct node_voter self = {.id = 1, .host = "127.0.0.1", .port = 19999};
    struct node_options options = {.loop = f->loop,
                                   .fs = store_fs_posix(),
                                   .dir = f->dir,
                                   .node_id = 1,
                                   .cluster_id = "c",
                                   .is_controller = true,
                                   .voters = &self,
                                   .voter_count = 1,
                                   .timers = {.election_timeout_ms = 50},
                                   .log = &f->log,
                                   .listener = {.arg = f,
                                                .on_snapshot_begin = on_begin,
                                                .on_snapshot = on_snapshot,
                                                .on_snapshot_end = on_end,
                                                .on_commit = on_commit,
                                                .on_claim = on_claim}};
    struct buf why = {0};
    ck_assert_int_eq(daemon_snapshots_retention(f->settings, &options.retention, &why), ERR_NONE);
    daemon_snapshots_init(&f->snapshots, f->loop, f->settings, &f->log);
    f->image = metadata_image_new(slice_str("c"));
    f->claimed = 0;
    f->loads = 0;
    ck_assert_int_eq(node_new(&options, &f->node), ERR_NONE);
    node_start(f->node);
    UNTIL(f, f->claimed > 0);
}

static void stop(struct fixture *f)
{
    node_free(f->node);
    metadata_image_unref(f->image);
}

static void set_up(struct fixture *f, const char *setting)
{
    *f = (struct fixture){.log = {LOG_ERROR, log_to_stderr, NULL}};
    snprintf(f->dir, sizeof f->dir, "/tmp/craft-snapshots-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->dir));
    f->loop = net_loop_new(NULL);
    f->settings = settings_new();
    set(f, setting);
    start(f);
}

static void tear_down(struct fixture *f)
{
    stop(f);
    for (int i = 0; i < 20; i++) {
        net_loop_step(f->loop, 1);
    }
    net_loop_free(f->loop);
    settings_free(f->settings);
    ck_assert_int_eq(store_fs_remove_tree(store_fs_posix(), f->dir), ERR_NONE);
}

/* ---- what is done ---- */

static void append(struct fixture *f, const struct metadata_record *records, int count)
{
    struct slice values[4];
    struct buf bytes[4] = {{0}};
    int64_t offset;
    for (int i = 0; i < count; i++) {
        metadata_record_encode(&records[i], &bytes[i]);
        values[i] = buf_slice(&bytes[i]);
    }
    struct node_records batch = {values, count, net_wall_ms(f->loop)};
    ck_assert_int_eq(node_append(f->node, f->claimed, &batch, &offset), ERR_NONE);
    for (int i = 0; i < count; i++) {
        buf_fini(&bytes[i]);
    }
    UNTIL(f, metadata_image_offset(f->image) >= offset + count - 1 || f->snapshots.disabled);
}

static void add_topic(struct fixture *f)
{
    char name[32];
    snprintf(name, sizeof name, "topic-%d", ++f->topics);
    struct metadata_record record = {
        .type = METADATA_RECORD_TOPIC,
        .topic = {.name = slice_str(name), .topic_id = {77, (uint64_t)f->topics}}};
    append(f, &record, 1);
}

static int64_t snapshot_end(struct fixture *f)
{
    struct node_state state;
    node_describe(f->node, &state);
    return state.snapshot_offset;
}

/* Time for one to be written, had it been begun. */
static void turn(struct fixture *f)
{
    for (int i = 0; i < 40; i++) {
        net_loop_step(f->loop, 5);
    }
}

/* ---- the cases ---- */

START_TEST(contradicting_settings_are_refused)
{
    struct settings *settings = settings_new();
    struct buf why = {0};
    struct node_retention retention;
    ck_assert_int_eq(settings_set_pair(settings, "metadata.log.segment.bytes=1000", &why),
                     ERR_NONE);
    ck_assert_int_eq(daemon_snapshots_retention(settings, &retention, &why), ERR_CONFIG);
    ck_assert_ptr_nonnull(memmem(why.data, why.len, "metadata.log.segment.min.bytes", 30));
    ck_assert_int_eq(settings_set_pair(settings, "metadata.log.segment.min.bytes=500", &why),
                     ERR_NONE);
    ck_assert_int_eq(daemon_snapshots_retention(settings, &retention, &why), ERR_NONE);
    ck_assert_int_eq(retention.segment_bytes, 1000);
    ck_assert_int_eq(retention.bytes, 100 << 20);
    buf_fini(&why);
    settings_free(settings);
}
END_TEST

START_TEST(by_size)
{
    struct fixture f;
    set_up(&f, "metadata.log.max.record.bytes.between.snapshots=1000");
    add_topic(&f);
    turn(&f);
    ck_assert_int_eq(snapshot_end(&f), 0);
    for (int i = 0; i < 12; i++) {
        add_topic(&f);
    }
    UNTIL(&f, snapshot_end(&f) > 0);
    int64_t first = snapshot_end(&f);
    add_topic(&f);
    turn(&f);
    ck_assert_int_eq(snapshot_end(&f), first); /* counted anew */

    /* What was written is what was there. */
    stop(&f);
    start(&f);
    ck_assert_int_eq(f.loads, 1);
    ck_assert_uint_eq(metadata_topic_count(f.image), 14);
    tear_down(&f);
}
END_TEST

START_TEST(by_time)
{
    struct fixture f;
    set_up(&f, "metadata.log.max.snapshot.interval.ms=100");
    add_topic(&f);
    turn(&f);
    ck_assert_int_eq(snapshot_end(&f), 0); /* nothing was committed since it was time */
    add_topic(&f);
    UNTIL(&f, snapshot_end(&f) > 0);
    tear_down(&f);
}
END_TEST

START_TEST(not_by_time_when_it_is_off)
{
    struct fixture f;
    set_up(&f, "metadata.log.max.snapshot.interval.ms=0");
    add_topic(&f);
    turn(&f);
    add_topic(&f);
    turn(&f);
    ck_assert_int_eq(snapshot_end(&f), 0);
    tear_down(&f);
}
END_TEST

START_TEST(not_in_a_transaction)
{
    struct fixture f;
    struct metadata_record begin = {.type = METADATA_RECORD_BEGIN_TRANSACTION};
    struct metadata_record end = {.type = METADATA_RECORD_END_TRANSACTION};
    set_up(&f, "metadata.log.max.record.bytes.between.snapshots=500");
    append(&f, &begin, 1);
    for (int i = 0; i < 12; i++) {
        add_topic(&f);
    }
    turn(&f);
    ck_assert_int_eq(snapshot_end(&f), 0);
    append(&f, &end, 1);
    UNTIL(&f, snapshot_end(&f) > 0);
    ck_assert_int_eq(snapshot_end(&f), metadata_image_offset(f.image) + 1);
    tear_down(&f);
}
END_TEST

/* What could not be replayed stays in the log, for those who can. */
START_TEST(not_after_a_replay_fault)
{
    struct fixture f;
    struct metadata_record wrong = {.type = METADATA_RECORD_REMOVE_TOPIC,
                                    .remove_topic = {.topic_id = {1, 2}}};
    set_up(&f, "metadata.log.max.record.bytes.between.snapshots=500");
    add_topic(&f);
    append(&f, &wrong, 1);
    ck_assert(f.snapshots.disabled);
    for (int i = 0; i < 12; i++) {
        add_topic(&f);
    }
    turn(&f);
    ck_assert_int_eq(snapshot_end(&f), 0);
    tear_down(&f);
}
END_TEST

static void drop_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

/* Directories where the next snapshots would be written, or none any more. */
static void block(struct fixture *f, bool blocked)
{
    struct node_state state;
    node_describe(f->node, &state);
    for (int64_t end = 1; end < 60; end++) {
        char name[NODE_SNAPSHOT_NAME_MAX];
        char path[200];
        node_snapshot_name((struct raft_position){end, state.epoch}, name);
        snprintf(path, sizeof path, "%s/__cluster_metadata-0/%s.part", f->dir, name);
        if (blocked) {
            ck_assert_int_eq(store_fs_mkdir(store_fs_posix(), path), ERR_NONE);
        } else {
            ck_assert_int_eq(store_fs_remove_tree(store_fs_posix(), path), ERR_NONE);
        }
    }
}

START_TEST(one_that_failed_is_tried_again)
{
    struct fixture f;
    set_up(&f, "metadata.log.max.record.bytes.between.snapshots=500");
    f.log.write = drop_line; /* it is an error, and wanted here */
    block(&f, true);
    for (int i = 0; i < 12; i++) {
        add_topic(&f);
    }
    UNTIL(&f, f.snapshots.failed != NULL);
    ck_assert_str_eq(f.snapshots.failed, "metadata.log.max.record.bytes.between.snapshots");
    block(&f, false);
    for (int i = 0; i < 12; i++) {
        add_topic(&f); /* that would be enough for another, but not so soon */
    }
    turn(&f);
    ck_assert_int_eq(snapshot_end(&f), 0);
    ck_assert_int_gt(f.snapshots.retry_ms, net_now_ms(f.loop) + 30 * 1000);
    f.snapshots.retry_ms = net_now_ms(f.loop);
    add_topic(&f);
    UNTIL(&f, snapshot_end(&f) > 0);
    ck_assert_ptr_null(f.snapshots.failed);
    tear_down(&f);
}
END_TEST

UNIT_MAIN("snapshots", contradicting_settings_are_refused, by_size, by_time,
          not_by_time_when_it_is_off, not_in_a_transaction, not_after_a_replay_fault,
          one_that_failed_is_tried_again)
