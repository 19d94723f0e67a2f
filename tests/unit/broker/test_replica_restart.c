/* A hosted partition across a restart of its broker: what idempotent producers may still retry. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "broker/fetcher.h"
#include "broker/isr.h"
#include "broker/replicas.h"
#include "broker/replicas_private.h"
#include "wire/batch.h"

enum { PRODUCER = 42, BATCHES = 7 };

static const struct uuid topic_id = {7, 7000};
static const struct uuid dir_id = {8, 8000};

struct fixture {
    char dir[64];
    struct settings *settings;
    struct broker broker;
};

static void on_failed(void *arg, const char *what)
{
    (void)arg;
    ck_abort_msg("the broker failed: %s", what);
}

/* An image in which broker 1 alone hosts and leads partition 0 of the topic. */
static const struct metadata_image *make_image(void)
{
    static const int32_t one[] = {1};
    struct metadata_image *empty = metadata_image_new(slice_str("cluster"));
    struct metadata_delta *delta = metadata_delta_begin(empty);
    struct metadata_record topic = {.type = METADATA_RECORD_TOPIC,
                                    .topic = {slice_str("t"), topic_id}};
    struct metadata_record partition = {.type = METADATA_RECORD_PARTITION,
                                        .partition = {.topic_id = topic_id,
                                                      .replicas = {one, 1},
                                                      .isr = {one, 1},
                                                      .leader = 1,
                                                      .directories = {&dir_id, 1}}};
    ck_assert_int_eq(metadata_delta_replay(delta, 0, &topic), ERR_NONE);
    ck_assert_int_eq(metadata_delta_replay(delta, 1, &partition), ERR_NONE);
    struct metadata_image *image = metadata_delta_finish(delta);
    metadata_image_unref(empty);
    return image;
}

static struct replica *start(struct fixture *f)
{
    struct broker *b = &f->broker;
    *b = (struct broker){.settings = f->settings,
                         .given = f->settings,
                         .loop = net_loop_new(NULL),
                         .fs = store_fs_posix(),
                         .id = 1,
                         .epoch = 5,
                         .failed = on_failed};
    struct metadata_image *before = metadata_image_new(slice_str("cluster"));
    b->image = make_image();
    broker_dirs_add(b, f->dir, dir_id);
    broker_fetchers_start(b);
    broker_isr_start(b);
    broker_replicas_start(b);
    broker_replicas_apply(b, before, b->image);
    metadata_image_unref(before);
    struct replica *r = broker_replica(b, topic_id, 0);
    ck_assert_ptr_nonnull(r);
    ck_assert_int_eq(r->part.role, PARTITION_ROLE_LEADER);
    return r;
}

static void stop(struct fixture *f, bool clean)
{
    struct broker *b = &f->broker;
    if (clean) {
        broker_replicas_close(b);
    }
    broker_fetchers_free(b);
    broker_isr_free(b);
    broker_replicas_free(b);
    broker_dirs_free(b);
    metadata_image_unref(b->image);
    net_loop_free(b->loop);
}

/* Records of the producer's batch number `n`: each batch is smaller than the one before. */
static int records_of(int n)
{
    return n < BATCHES ? 100 >> n : 1;
}

/* The first record of batch number `n`, by offset and by sequence number. */
static int first_of(int n)
{
    int first = 0;
    for (int i = 0; i < n; i++) {
        first += records_of(i);
    }
    return first;
}

static enum err append(struct replica *r, int n, int64_t *base_offset)
{
    struct buf bytes = {0};
    struct wire_builder builder;
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
    options.producer_id = PRODUCER;
    options.producer_epoch = 0;
    options.base_sequence = first_of(n);
    wire_builder_init(&builder, &options, &bytes);
    for (int i = 0; i < records_of(n); i++) {
        struct wire_record record = {.timestamp = 1000, .value = slice_str("v")};
        wire_builder_add(&builder, &record);
    }
    struct replica_append wanted = {
        .batches = wire_builder_finish(&builder), .acks = 1, .from_client = true};
    enum err e = replica_append(r, &wanted);
    *base_offset = wanted.base_offset;
    buf_fini(&bytes);
    return e;
}

static void set_up(struct fixture *f)
{
    snprintf(f->dir, sizeof f->dir, "/tmp/craft-restart-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->dir));
    f->settings = settings_new();
}

static void tear_down(struct fixture *f)
{
    ck_assert_int_eq(store_fs_remove_tree(store_fs_posix(), f->dir), ERR_NONE);
    settings_free(f->settings);
}

static void retries_are_known_after(bool clean)
{
    struct fixture f;
    int64_t offset;
    set_up(&f);
    struct replica *r = start(&f);
    for (int n = 0; n < BATCHES; n++) {
        ck_assert_int_eq(append(r, n, &offset), ERR_NONE);
    }
    stop(&f, clean);
    r = start(&f);
    /* The last five may be retried, in order, and keep their offsets. */
    for (int n = BATCHES - PRODUCER_BATCHES; n < BATCHES; n++) {
        ck_assert_int_eq(append(r, n, &offset), ERR_NONE);
        ck_assert_int_eq(offset, first_of(n));
    }
    ck_assert_int_eq(store_log_end_offset(r->log), first_of(BATCHES));
    ck_assert_int_eq(append(r, BATCHES + 1, &offset), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(append(r, BATCHES, &offset), ERR_NONE);
    ck_assert_int_eq(offset, first_of(BATCHES));
    stop(&f, true);
    tear_down(&f);
}

START_TEST(retries_are_known_after_a_clean_restart)
{
    retries_are_known_after(true);
}
END_TEST

START_TEST(retries_are_known_after_a_crash)
{
    retries_are_known_after(false);
}
END_TEST

static void count_snapshot(void *arg, const char *name)
{
    size_t len = strlen(name);
    *(int *)arg += len > 9 && strcmp(name + len - 9, ".snapshot") == 0;
}

static int snapshots_of(const struct fixture *f)
{
    char path[96];
    int count = 0;
    snprintf(path, sizeof path, "%s/t-0", f->dir);
    ck_assert_int_eq(store_fs_list(store_fs_posix(), path, count_snapshot, &count), ERR_NONE);
    return count;
}

START_TEST(who_wrote_is_written_down_where_somebody_did)
{
    struct fixture f;
    int64_t offset;
    set_up(&f);
    start(&f);
    stop(&f, true);
    ck_assert_int_eq(snapshots_of(&f), 0);
    struct replica *r = start(&f);
    ck_assert_int_eq(append(r, 0, &offset), ERR_NONE);
    stop(&f, true);
    ck_assert_int_eq(snapshots_of(&f), 1);
    tear_down(&f);
}
END_TEST

START_TEST(the_high_watermark_is_checkpointed)
{
    struct fixture f;
    int64_t offset;
    set_up(&f);
    struct replica *r = start(&f);
    ck_assert_int_eq(append(r, 0, &offset), ERR_NONE);
    ck_assert_int_eq(r->part.high_watermark, records_of(0));
    stop(&f, true);
    r = start(&f);
    const struct replicas_checkpoint *c = replicas_checkpoint_find(f.broker.dirs->items[0], "t-0");
    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(c->high_watermark, records_of(0));
    ck_assert_int_eq(c->recovery_point, records_of(0));
    ck_assert_int_eq(r->part.high_watermark, records_of(0));
    stop(&f, true);
    tear_down(&f);
}
END_TEST

/* A process that wrote, deleted records, and left checkpoints that say so. */
static void leave_checkpoints(struct fixture *f)
{
    int64_t offset;
    struct replica *r = start(f);
    for (int n = 0; n < BATCHES; n++) {
        ck_assert_int_eq(append(r, n, &offset), ERR_NONE);
    }
    ck_assert_int_eq(store_log_set_start(r->log, first_of(3)), ERR_NONE);
    r->part.log_start_offset = first_of(3);
    stop(f, true);
}

static void nothing_is_checkpointed(const struct fixture *f)
{
    ck_assert_ptr_null(replicas_checkpoint_find(f->broker.dirs->items[0], "t-0"));
}

static void path_in(const struct fixture *f, const char *name, char path[96])
{
    snprintf(path, 96, "%s/%s", f->dir, name);
}

/* It was renamed for deletion when the machine lost its power: nobody wrote the checkpoints. */
START_TEST(checkpoints_of_a_partition_that_is_gone_are_not_those_of_the_next)
{
    struct fixture f;
    char path[96];
    set_up(&f);
    leave_checkpoints(&f);
    path_in(&f, "t-0", path);
    ck_assert_int_eq(store_fs_remove_tree(store_fs_posix(), path), ERR_NONE);
    struct replica *r = start(&f);
    ck_assert_int_eq(store_log_end_offset(r->log), 0);
    stop(&f, false);
    /* Torn, and no flush had synced it: the broker starts all the same. */
    path_in(&f, "t-0/partition.metadata", path);
    ck_assert_int_eq(store_fs_write_file(store_fs_posix(), path, slice_str(""), false), ERR_NONE);
    r = start(&f);
    nothing_is_checkpointed(&f);
    ck_assert_int_eq(store_log_start_offset(r->log), 0);
    stop(&f, true);
    tear_down(&f);
}
END_TEST

START_TEST(a_partition_made_again_survives_a_crash_whole)
{
    struct fixture f;
    int64_t offset;
    set_up(&f);
    leave_checkpoints(&f);
    start(&f);
    struct metadata_image *empty = metadata_image_new(slice_str("cluster"));
    broker_replicas_apply(&f.broker, f.broker.image, empty);
    broker_replicas_apply(&f.broker, empty, f.broker.image);
    metadata_image_unref(empty);
    struct replica *r = broker_replica(&f.broker, topic_id, 0);
    ck_assert_int_eq(append(r, 0, &offset), ERR_NONE);
    stop(&f, false);
    r = start(&f);
    ck_assert_int_eq(store_log_start_offset(r->log), 0);
    ck_assert_int_eq(store_log_end_offset(r->log), records_of(0));
    nothing_is_checkpointed(&f);
    stop(&f, true);
    tear_down(&f);
}
END_TEST

/* One that cannot be opened keeps what is known of it, whatever is written meanwhile. */
START_TEST(checkpoints_of_an_unopened_partition_stay)
{
    struct fixture f;
    set_up(&f);
    leave_checkpoints(&f);
    struct broker *b = &f.broker;
    *b = (struct broker){.settings = f.settings,
                         .loop = net_loop_new(NULL),
                         .fs = store_fs_posix(),
                         .failed = on_failed};
    struct broker_dir *dir = broker_dirs_add(b, f.dir, dir_id);
    broker_replicas_start(b);
    replicas_checkpoints_prune(dir);
    ck_assert_int_eq(replicas_checkpoints_write(dir), ERR_NONE);
    broker_replicas_free(b);
    broker_dirs_free(b);
    net_loop_free(b->loop);
    struct replica *r = start(&f);
    ck_assert_int_eq(store_log_start_offset(r->log), first_of(3));
    ck_assert_int_eq(r->part.high_watermark, first_of(BATCHES));
    stop(&f, true);
    tear_down(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replica_restart");
    TCase *tc = tcase_create("restart");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, retries_are_known_after_a_clean_restart);
    tcase_add_test(tc, who_wrote_is_written_down_where_somebody_did);
    tcase_add_test(tc, retries_are_known_after_a_crash);
    tcase_add_test(tc, the_high_watermark_is_checkpointed);
    tcase_add_test(tc, checkpoints_of_a_partition_that_is_gone_are_not_those_of_the_next);
    tcase_add_test(tc, a_partition_made_again_survives_a_crash_whole);
    tcase_add_test(tc, checkpoints_of_an_unopened_partition_stay);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
