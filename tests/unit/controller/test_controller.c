/* Decide, append, answer at commit: the controller over a log in memory. */
#include "tests/unit/controller/world.h"

#include "base/mem.h"
#include "controller/batches.h"
#include "controller/controller.h"

/* ---- a log in memory ---- */

enum { LOG_MAX = 20000, BATCH_MAX = 200 };

struct fake_batch {
    int64_t base;
    int count;
    struct buf bytes;
    size_t ends[64]; /* of small batches only */
};

struct fake_log {
    struct controller *controller;
    struct metadata_supported supported;
    int64_t end;
    int64_t committed;
    struct fake_batch batches[BATCH_MAX];
    int batch_count;
    int delivered;
    enum err next_append; /* ERR_NONE: append */
    int appends_until_error;
    enum err next_raise;
    bool hold_reads; /* else they are confirmed at once */
    void (*read_done)(void *op, enum err e);
    void *reading;
    int resigned;
    int activated;
    int deactivated;
    int failed;
};

static int64_t fake_end(void *arg)
{
    return ((struct fake_log *)arg)->end;
}

static enum err fake_append(void *arg, int32_t epoch, const struct node_records *records,
                            int64_t *base)
{
    struct fake_log *log = arg;
    (void)epoch;
    if (log->next_append != ERR_NONE && log->appends_until_error-- == 0) {
        return log->next_append;
    }
    struct fake_batch *batch = &log->batches[log->batch_count++];
    batch->base = log->end;
    batch->count = records->count;
    for (int i = 0; i < records->count; i++) {
        buf_put_slice(&batch->bytes, records->values[i]);
        if (i < (int)ARRAY_LEN(batch->ends)) {
            batch->ends[i] = batch->bytes.len;
        }
    }
    *base = log->end;
    log->end += records->count;
    return ERR_NONE;
}

static void fake_resign(void *arg, int32_t epoch)
{
    struct fake_log *log = arg;
    log->resigned++;
    controller_on_resign(log->controller, epoch);
}

/* The quorum's own records, before everything that is appended from now on. */
static enum err fake_raise(void *arg, int32_t epoch, int64_t *offset)
{
    struct fake_log *log = arg;
    ck_assert_int_eq(epoch, 1);
    if (log->next_raise == ERR_NONE) {
        *offset = log->end + 1;
    }
    return log->next_raise;
}

static void fake_read(void *arg, void (*done)(void *op, enum err e), void *op)
{
    struct fake_log *log = arg;
    if (!log->hold_reads) {
        done(op, ERR_NONE);
        return;
    }
    ck_assert_ptr_null(log->reading);
    log->read_done = done;
    log->reading = op;
}

static void end_read(struct fake_log *log, enum err e)
{
    void *op = log->reading;
    ck_assert_ptr_nonnull(op);
    log->reading = NULL;
    log->read_done(op, e);
}

static void on_activated(void *arg)
{
    ((struct fake_log *)arg)->activated++;
}

static void on_deactivated(void *arg)
{
    ((struct fake_log *)arg)->deactivated++;
}

static void on_failed(void *arg, const char *what)
{
    ck_assert(what[0] != '\0');
    ((struct fake_log *)arg)->failed++;
}

static int64_t fake_wall(void *arg)
{
    return ((struct fake_log *)arg)->end;
}

/* Commits the next batch. */
static void commit_one(struct fake_log *log)
{
    struct fake_batch *batch = &log->batches[log->delivered++];
    struct slice values[ARRAY_LEN(batch->ends)];
    ck_assert_int_le(batch->count, (int)ARRAY_LEN(batch->ends));
    for (int i = 0; i < batch->count; i++) {
        size_t start = i == 0 ? 0 : batch->ends[i - 1];
        values[i] = slice_of(batch->bytes.data + start, batch->ends[i] - start);
    }
    controller_on_commit(log->controller,
                         &(struct node_batch){.base_offset = batch->base,
                                              .last_offset = batch->base + batch->count - 1,
                                              .epoch = 1,
                                              .append_timestamp_ms = 1,
                                              .record_values = values,
                                              .count = batch->count});
}

static void commit_control(struct fake_log *log)
{
    controller_on_commit(log->controller, &(struct node_batch){.base_offset = log->end,
                                                               .last_offset = log->end,
                                                               .epoch = 1,
                                                               .control = true});
    log->end++;
}

/* ---- an operation ---- */

struct op {
    struct controller_op op;
    struct arena arena;
    const char *feature; /* one record of this feature; NULL: no records */
    int16_t level;
    int records;
    bool joined;
    const char *reason;
    int16_t kraft_version;
    size_t value_bytes; /* a configuration of this size instead */
    int seen;           /* level that the decision saw */
    int calls;
    enum err result;
};

static void op_decide(struct controller_op *op, const struct decide_input *in, struct decision *out)
{
    struct op *o = container_of(op, struct op, op);
    o->seen = metadata_feature_level(in->image, slice_str("f"));
    out->reason = slice_str(o->reason);
    out->kraft_version = o->kraft_version;
    if (o->joined) {
        decision_atomic_begin(out);
    }
    for (int i = 0; i < o->records; i++) {
        if (o->value_bytes > 0) {
            uint8_t *value = arena_alloc(in->arena, o->value_bytes);
            decision_add(out, METADATA_RECORD_CONFIG)->config =
                (struct metadata_config_record){METADATA_CONFIG_GROUP, slice_str("g"),
                                                slice_str("n"), slice_of(value, o->value_bytes)};
        } else if (o->feature == NULL) {
            /* Cannot be replayed. */
            decision_add(out, METADATA_RECORD_REMOVE_TOPIC)->remove_topic.topic_id =
                (struct uuid){1, 2};
        } else {
            decision_add(out, METADATA_RECORD_FEATURE_LEVEL)->feature_level =
                (struct metadata_feature_level){slice_str(o->feature), (int16_t)(o->level + i)};
        }
    }
    if (o->joined) {
        decision_atomic_end(out);
    }
    out->response = o;
}

static void op_done(struct controller_op *op, enum err e)
{
    struct op *o = container_of(op, struct op, op);
    o->calls++;
    o->result = e;
    arena_fini(&o->arena);
}

static void submit(struct controller *c, struct op *o)
{
    o->op.decide = op_decide;
    o->op.done = op_done;
    o->op.arena = &o->arena;
    controller_submit(c, &o->op);
}

static void set_up(struct fake_log *log, struct settings **settings)
{
    *log = (struct fake_log){0};
    metadata_supported_init(&log->supported);
    log->supported.rows[log->supported.count++] =
        (struct metadata_supported_feature){"f", 0, INT16_MAX, 0};
    *settings = settings_new();
    log->controller = controller_new(&(struct controller_options){
        .node_id = 3000,
        .cluster_id = slice_str(CLUSTER_ID),
        .settings = *settings,
        .supported = &log->supported,
        .seed = 1,
        .raft = {log, fake_end, fake_append, fake_resign, fake_read, fake_raise},
        .hooks = {log, on_activated, on_deactivated, NULL, on_failed},
        .wall_ms = fake_wall,
    });
}

static void tear_down(struct fake_log *log, struct settings *settings)
{
    controller_free(log->controller);
    for (int i = 0; i < log->batch_count; i++) {
        buf_fini(&log->batches[i].bytes);
    }
    settings_free(settings);
}

static void activate(struct fake_log *log)
{
    commit_control(log);
    controller_on_claim(log->controller, 1, log->end);
    while (log->delivered < log->batch_count) {
        commit_one(log);
    }
}

#define LEVEL(image) metadata_feature_level(image, slice_str("f"))

START_TEST(a_standby_refuses_and_replays)
{
    struct fake_log log;
    struct settings *settings;
    struct op o = {.feature = "f", .level = 3, .records = 1};
    set_up(&log, &settings);
    submit(log.controller, &o);
    ck_assert_int_eq(o.calls, 1);
    ck_assert_int_eq(o.result, ERR_NOT_CONTROLLER);
    struct buf value = {0};
    struct metadata_record record = {.type = METADATA_RECORD_FEATURE_LEVEL,
                                     .feature_level = {slice_str("f"), 9}};
    metadata_record_encode(&record, &value);
    struct slice values = buf_slice(&value);
    controller_on_commit(
        log.controller,
        &(struct node_batch){
            .base_offset = 0, .last_offset = 0, .epoch = 1, .record_values = &values, .count = 1});
    ck_assert_int_eq(LEVEL(controller_committed(log.controller)), 9);
    values = slice_str("garbage");
    controller_on_commit(
        log.controller,
        &(struct node_batch){
            .base_offset = 1, .last_offset = 1, .epoch = 1, .record_values = &values, .count = 1});
    ck_assert_int_eq(log.failed, 1);
    values = buf_slice(&value); /* what comes after is not applied to half a state */
    controller_on_commit(
        log.controller,
        &(struct node_batch){
            .base_offset = 2, .last_offset = 2, .epoch = 1, .record_values = &values, .count = 1});
    ck_assert_int_eq(metadata_image_offset(controller_committed(log.controller)), 0);
    ck_assert_int_eq(log.failed, 1);
    controller_on_claim(log.controller, 2, 3);
    ck_assert(!controller_is_active(log.controller));
    buf_fini(&value);
    tear_down(&log, settings);
}
END_TEST

START_TEST(an_empty_log_begins_with_feature_levels)
{
    struct fake_log log;
    struct settings *settings;
    set_up(&log, &settings);
    activate(&log);
    ck_assert_int_eq(log.activated, 1);
    ck_assert_int_gt(
        metadata_feature_level(controller_committed(log.controller), slice_str("metadata.version")),
        0);
    /* Not a second time. */
    controller_on_resign(log.controller, 1);
    ck_assert_int_eq(log.deactivated, 1);
    int batches = log.batch_count;
    activate(&log);
    ck_assert_int_eq(log.batch_count, batches);
    tear_down(&log, settings);
}
END_TEST

START_TEST(bootstrap_records_come_from_the_snapshot)
{
    struct fake_log log;
    struct settings *settings;
    set_up(&log, &settings);
    struct buf value = {0};
    struct metadata_record record = {.type = METADATA_RECORD_FEATURE_LEVEL,
                                     .feature_level = {slice_str("metadata.version"), 17}};
    metadata_record_encode(&record, &value);
    struct slice values = buf_slice(&value);
    controller_on_snapshot(log.controller,
                           &(struct node_batch){.record_values = &values, .count = 1});
    buf_fini(&value);
    activate(&log);
    ck_assert_int_eq(
        metadata_feature_level(controller_committed(log.controller), slice_str("metadata.version")),
        17);
    tear_down(&log, settings);
}
END_TEST

START_TEST(answers_come_at_commit_and_in_order)
{
    struct fake_log log;
    struct settings *settings;
    struct op a = {.feature = "f", .level = 1, .records = 1};
    struct op reads = {0};
    struct op b = {.feature = "f", .level = 2, .records = 1};
    struct op idle = {0};
    set_up(&log, &settings);
    activate(&log);
    submit(log.controller, &a);
    submit(log.controller, &reads);
    submit(log.controller, &b);
    ck_assert_int_eq(a.calls + reads.calls + b.calls, 0);
    ck_assert_msg(b.seen == 1 && reads.seen == 1, "decisions see what is not committed");
    ck_assert_int_eq(LEVEL(controller_latest(log.controller)), 2);
    ck_assert_int_eq(LEVEL(controller_committed(log.controller)), 0);
    commit_one(&log);
    ck_assert_int_eq(a.calls, 1);
    ck_assert_msg(reads.calls == 1, "what it saw is committed now");
    ck_assert_int_eq(b.calls, 0);
    ck_assert_int_eq(LEVEL(controller_committed(log.controller)), 1);
    commit_one(&log);
    ck_assert_int_eq(b.calls, 1);
    ck_assert_int_eq(b.result, ERR_NONE);
    submit(log.controller, &idle);
    ck_assert_msg(idle.calls == 1, "nothing is pending");
    tear_down(&log, settings);
}
END_TEST

START_TEST(resigning_fails_what_is_parked_and_forgets_it)
{
    struct fake_log log;
    struct settings *settings;
    struct op a = {.feature = "f", .level = 1, .records = 1};
    struct op b = {.feature = "f", .level = 2, .records = 1};
    set_up(&log, &settings);
    activate(&log);
    submit(log.controller, &a);
    commit_one(&log);
    submit(log.controller, &b);
    controller_on_resign(log.controller, 99);
    ck_assert_int_eq(b.calls, 0);
    controller_on_resign(log.controller, 1);
    ck_assert_int_eq(b.calls, 1);
    ck_assert_int_eq(b.result, ERR_NOT_CONTROLLER);
    ck_assert_ptr_null(controller_latest(log.controller));
    ck_assert_int_eq(LEVEL(controller_committed(log.controller)), 1);
    /* It survived after all: the log says so. */
    commit_one(&log);
    ck_assert_int_eq(LEVEL(controller_committed(log.controller)), 2);
    ck_assert_int_eq(b.calls, 1);
    tear_down(&log, settings);
}
END_TEST

START_TEST(what_cannot_be_replayed_is_never_written)
{
    struct fake_log log;
    struct settings *settings;
    struct op bad = {.records = 1};
    struct op good = {.feature = "f", .level = 1, .records = 1};
    set_up(&log, &settings);
    activate(&log);
    int batches = log.batch_count;
    submit(log.controller, &bad);
    ck_assert_int_eq(bad.result, ERR_UNKNOWN_SERVER_ERROR);
    ck_assert_int_eq(log.batch_count, batches);
    submit(log.controller, &good);
    commit_one(&log);
    ck_assert_int_eq(good.result, ERR_NONE);
    tear_down(&log, settings);
}
END_TEST

START_TEST(a_full_log_refuses_and_changes_nothing)
{
    struct fake_log log;
    struct settings *settings;
    struct op a = {.feature = "f", .level = 1, .records = 1};
    set_up(&log, &settings);
    activate(&log);
    log.next_append = ERR_BUSY;
    submit(log.controller, &a);
    ck_assert_int_eq(a.result, ERR_BUSY);
    ck_assert_int_eq(LEVEL(controller_latest(log.controller)), 0);
    ck_assert_int_eq(log.resigned, 0);
    tear_down(&log, settings);
}
END_TEST

START_TEST(large_operations_are_cut_where_they_may_be)
{
    struct fake_log log;
    struct settings *settings;
    struct op loose = {.feature = "f", .records = BATCH_RECORDS_MAX + 5};
    struct op tight = {.feature = "f", .records = BATCH_RECORDS_MAX + 5, .joined = true};
    struct op huge = {.records = 9, .value_bytes = 1 << 20, .joined = true};
    set_up(&log, &settings);
    activate(&log);
    int batches = log.batch_count;
    submit(log.controller, &loose);
    ck_assert_int_eq(log.batch_count, batches + 2);
    ck_assert_int_eq(log.batches[batches].count, BATCH_RECORDS_MAX);
    submit(log.controller, &tight);
    ck_assert_int_eq(log.batch_count, batches + 3);
    submit(log.controller, &huge);
    ck_assert_int_eq(huge.result, ERR_POLICY_VIOLATION);
    huge = (struct op){.records = 9, .value_bytes = 1 << 20};
    submit(log.controller, &huge);
    ck_assert_int_eq(log.batch_count, batches + 5);
    tear_down(&log, settings);
    ck_assert_int_eq(huge.result, ERR_NOT_CONTROLLER);
}
END_TEST

/* The cause of the first record of that batch; every batch has one. */
static struct metadata_cause cause_of_batch(const struct fake_log *log, int batch,
                                            struct arena *arena)
{
    const struct fake_batch *b = &log->batches[batch];
    struct metadata_cause cause;
    bool got;
    ck_assert_int_eq(metadata_cause_find(slice_of(b->bytes.data, b->ends[0]), arena, &cause, &got),
                     ERR_NONE);
    ck_assert(got);
    return cause;
}

START_TEST(every_batch_says_why_it_was_written)
{
    struct fake_log log;
    struct settings *settings;
    struct arena arena = {0};
    struct op a = {.feature = "f", .records = BATCH_RECORDS_MAX + 5, .reason = "because"};
    a.op.cause = metadata_cause_of(METADATA_EVENT_REQUEST, -1);
    a.op.cause.client_id = slice_str("someone");
    set_up(&log, &settings);
    activate(&log);
    ck_assert_int_eq(cause_of_batch(&log, 0, &arena).event, METADATA_EVENT_TAKEOVER);
    int first = log.batch_count;
    submit(log.controller, &a);
    ck_assert_int_eq(log.batch_count, first + 2);
    for (int i = first; i < log.batch_count; i++) {
        struct metadata_cause cause = cause_of_batch(&log, i, &arena);
        ck_assert(slice_eq_str(cause.client_id, "someone"));
        ck_assert(slice_eq_str(cause.reason, "because"));
        ck_assert_int_eq(cause.controller, 3000);
        const struct fake_batch *b = &log.batches[i];
        struct metadata_cause second;
        bool got;
        enum err e = metadata_cause_find(
            slice_of(b->bytes.data + b->ends[0], b->ends[1] - b->ends[0]), &arena, &second, &got);
        ck_assert_int_eq(e, ERR_NONE);
        ck_assert_msg(!got, "once a batch is enough");
    }
    arena_fini(&arena);
    tear_down(&log, settings);
}
END_TEST

START_TEST(answers_without_records_are_confirmed)
{
    struct fake_log log;
    struct settings *settings;
    struct op writes = {.feature = "f", .level = 1, .records = 1};
    struct op reads = {0};
    set_up(&log, &settings);
    activate(&log);
    log.hold_reads = true;
    submit(log.controller, &reads);
    ck_assert_int_eq(reads.calls, 0);
    end_read(&log, ERR_NONE);
    ck_assert_int_eq(reads.calls, 1);
    ck_assert_int_eq(reads.result, ERR_NONE);

    reads = (struct op){0}; /* it was replaced, and has not heard of it */
    submit(log.controller, &reads);
    end_read(&log, ERR_NOT_CONTROLLER);
    ck_assert_int_eq(reads.result, ERR_NOT_CONTROLLER);

    /* What it saw must be committed, too, whichever comes first. */
    for (int order = 0; order < 2; order++) {
        writes = (struct op){.feature = "f", .level = 2 + (int16_t)order, .records = 1};
        reads = (struct op){0};
        submit(log.controller, &writes);
        submit(log.controller, &reads);
        ck_assert_int_eq(reads.seen, 2 + order);
        if (order == 0) {
            end_read(&log, ERR_NONE);
            ck_assert_int_eq(reads.calls, 0);
            commit_one(&log);
        } else {
            commit_one(&log);
            ck_assert_int_eq(reads.calls, 0);
            end_read(&log, ERR_NONE);
        }
        ck_assert_int_eq(reads.calls, 1);
    }

    reads = (struct op){.op.unconfirmed = true};
    submit(log.controller, &reads);
    ck_assert_int_eq(reads.calls, 1);

    reads = (struct op){0};
    submit(log.controller, &reads);
    controller_on_resign(log.controller, 1);
    ck_assert_int_eq(reads.calls, 0); /* the log will say so */
    end_read(&log, ERR_NOT_CONTROLLER);
    ck_assert_int_eq(reads.calls, 1);
    tear_down(&log, settings);
}
END_TEST

START_TEST(half_an_operation_ends_the_leadership)
{
    struct fake_log log;
    struct settings *settings;
    struct op a = {.feature = "f", .records = BATCH_RECORDS_MAX + 5};
    set_up(&log, &settings);
    activate(&log);
    log.next_append = ERR_BUSY;
    log.appends_until_error = 1;
    submit(log.controller, &a);
    ck_assert_int_eq(a.result, ERR_NOT_CONTROLLER);
    ck_assert_int_eq(log.resigned, 1);
    ck_assert(!controller_is_active(log.controller));
    tear_down(&log, settings);
}
END_TEST

/* The level of the quorum is raised behind the records, and the answer waits for its commit. */
START_TEST(the_quorum_raises_its_own_level)
{
    struct fake_log log;
    struct settings *settings;
    struct op alone = {.kraft_version = 1};
    struct op both = {.feature = "f", .level = 1, .records = 1, .kraft_version = 1};
    struct op fails = {.feature = "f", .level = 2, .records = 1, .kraft_version = 1};
    set_up(&log, &settings);
    activate(&log);
    submit(log.controller, &alone);
    commit_control(&log);
    ck_assert_int_eq(alone.calls, 0); /* of two records */
    commit_control(&log);
    ck_assert_int_eq(alone.calls, 1);
    ck_assert_int_eq(alone.result, ERR_NONE);
    submit(log.controller, &both);
    commit_one(&log);
    ck_assert_int_eq(both.calls, 0);
    commit_control(&log);
    commit_control(&log);
    ck_assert_int_eq(both.calls, 1);
    ck_assert_int_eq(LEVEL(controller_committed(log.controller)), 1);
    log.next_raise = ERR_NOT_CONTROLLER;
    submit(log.controller, &fails);
    ck_assert_int_eq(fails.result, ERR_NOT_CONTROLLER);
    ck_assert_int_eq(log.resigned, 1);
    tear_down(&log, settings);
}
END_TEST

UNIT_MAIN("controller", a_standby_refuses_and_replays, an_empty_log_begins_with_feature_levels,
          bootstrap_records_come_from_the_snapshot, answers_come_at_commit_and_in_order,
          resigning_fails_what_is_parked_and_forgets_it, what_cannot_be_replayed_is_never_written,
          a_full_log_refuses_and_changes_nothing, large_operations_are_cut_where_they_may_be,
          every_batch_says_why_it_was_written, answers_without_records_are_confirmed,
          half_an_operation_ends_the_leadership, the_quorum_raises_its_own_level)
