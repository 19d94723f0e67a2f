/* Batches of the log: applied as a whole or not at all, with when and why. */
#include "tests/unit/unit.h"

#include "metadata/metadata.h"

enum { VALUES_MAX = 4, VALUE_BYTES_MAX = 512 };

/* Record values, encoded one by one; the first with a cause. */
struct values {
    struct buf bytes[VALUES_MAX];
    struct slice items[VALUES_MAX];
    int count;
};

static void add(struct values *v, const struct metadata_record *record,
                const struct metadata_cause *cause)
{
    struct buf *out = &v->bytes[v->count];
    struct buf bare = {0};
    struct buf bytes = {0};
    metadata_record_encode(record, &bare);
    if (cause == NULL) {
        buf_put_slice(out, buf_slice(&bare));
    } else {
        metadata_cause_encode(cause, &bytes);
        metadata_cause_attach(buf_slice(&bare), buf_slice(&bytes), out);
    }
    v->items[v->count++] = buf_slice(out);
    buf_fini(&bytes);
    buf_fini(&bare);
}

static void add_bytes(struct values *v, const void *bytes, size_t len)
{
    buf_put(&v->bytes[v->count], bytes, len);
    v->items[v->count] = buf_slice(&v->bytes[v->count]);
    v->count++;
}

static void values_fini(struct values *v)
{
    for (int i = 0; i < v->count; i++) {
        buf_fini(&v->bytes[i]);
    }
    *v = (struct values){0};
}

static struct metadata_batch batch_of(const struct values *v, int64_t offset, int64_t timestamp_ms)
{
    return (struct metadata_batch){.base_offset = offset,
                                   .last_offset = offset + max_i64(v->count, 1) - 1,
                                   .epoch = 1,
                                   .timestamp_ms = timestamp_ms,
                                   .values = v->items,
                                   .count = v->count};
}

/* Applies and frees `base` and the values; must succeed. */
static struct metadata_image *apply(struct metadata_image *base, struct values *v,
                                    int64_t timestamp_ms)
{
    struct metadata_image *next;
    struct buf why = {0};
    struct metadata_batch batch = batch_of(v, metadata_image_offset(base) + 1, timestamp_ms);
    enum err e = metadata_replay_batch(base, &batch, &next, &why);
    ck_assert_msg(e == ERR_NONE, "%.*s", SLICE_ARG(buf_slice(&why)));
    metadata_image_unref(base);
    values_fini(v);
    buf_fini(&why);
    return next;
}

static struct metadata_record level_record(int16_t level)
{
    return (struct metadata_record){.type = METADATA_RECORD_FEATURE_LEVEL,
                                    .feature_level = {slice_str("f"), level}};
}

static struct metadata_record registration(int32_t id, int64_t epoch, bool fenced)
{
    return (struct metadata_record){
        .type = METADATA_RECORD_REGISTER_BROKER,
        .register_broker = {.broker_id = id, .broker_epoch = epoch, .fenced = fenced}};
}

static struct metadata_record fencing(int32_t id, int64_t epoch, int8_t fenced)
{
    return (struct metadata_record){
        .type = METADATA_RECORD_BROKER_REGISTRATION_CHANGE,
        .broker_registration_change = {.broker_id = id, .broker_epoch = epoch, .fenced = fenced}};
}

/* A NoOpRecord with our field, which holds a message of record kind 4710. */
static const uint8_t newer_kind[] = {0x01, 0x14, 0x00, 0x01, 0x0c, 0x04, 0xba, 0xa6, 0x02, 0x00};

START_TEST(a_newer_record_leaves_its_batch_undone)
{
    struct metadata_image *base = metadata_image_new(slice_str("c"));
    struct metadata_image *next;
    struct values v = {0};
    struct buf why = {0};
    struct metadata_record level = level_record(9);
    add(&v, &level, NULL);
    add_bytes(&v, newer_kind, sizeof newer_kind);
    struct metadata_batch batch = batch_of(&v, 40, 1);
    ck_assert_int_eq(metadata_replay_batch(base, &batch, &next, &why), ERR_UNSUPPORTED);
    ck_assert_ptr_null(next);
    buf_put(&why, "", 1);
    ck_assert_str_eq((const char *)why.data,
                     "the metadata record at offset 41 cannot be applied: record kind 4710 is not "
                     "known to this version; upgrade it");
    ck_assert_int_eq(metadata_feature_level(base, slice_str("f")), 0);
    ck_assert_int_eq(metadata_image_offset(base), -1);
    buf_fini(&why);
    values_fini(&v);
    metadata_image_unref(base);
}
END_TEST

START_TEST(a_record_that_contradicts_leaves_its_batch_undone)
{
    struct metadata_image *base = metadata_image_new(slice_str("c"));
    struct metadata_image *next;
    struct values v = {0};
    struct buf why = {0};
    struct metadata_record level = level_record(9);
    struct metadata_record change = fencing(3, 7, 1);
    add(&v, &level, NULL);
    add(&v, &change, NULL);
    struct metadata_batch batch = batch_of(&v, 0, 1);
    ck_assert_int_eq(metadata_replay_batch(base, &batch, &next, &why), ERR_CORRUPT);
    ck_assert_ptr_null(next);
    unit_says(&why, "offset 1");
    buf_fini(&why);
    values_fini(&v);
    metadata_image_unref(base);
}
END_TEST

static void apply_onto(struct metadata_image **image, struct metadata_record record,
                       enum err wanted)
{
    struct values v = {0};
    struct buf why = {0};
    add(&v, &record, NULL);
    struct metadata_batch batch = batch_of(&v, metadata_image_offset(*image) + 1, 1);
    ck_assert_int_eq(metadata_replay_batch_onto(image, &batch, &why), wanted);
    ck_assert_uint_eq(why.len > 0, wanted != ERR_NONE);
    buf_fini(&why);
    values_fini(&v);
}

START_TEST(what_nobody_else_has_is_changed_in_place)
{
    struct metadata_image *image = metadata_image_new(slice_str("c"));
    const struct metadata_image *first = image;
    apply_onto(&image, registration(3, 7, true), ERR_NONE);
    ck_assert_ptr_eq(image, first);
    ck_assert_int_eq(metadata_image_offset(image), 0);
    ck_assert(metadata_broker(image, 3)->fenced);

    struct metadata_image *kept = metadata_image_ref(image);
    apply_onto(&image, fencing(3, 7, -1), ERR_NONE);
    ck_assert_ptr_ne(image, kept);
    ck_assert(metadata_broker(kept, 3)->fenced && !metadata_broker(image, 3)->fenced);
    ck_assert_int_eq(metadata_image_offset(kept), 0);

    /* What was shared with the image that was kept is not changed either. */
    const struct metadata_image *second = image;
    apply_onto(&image, fencing(3, 7, 1), ERR_NONE);
    ck_assert_ptr_eq(image, second);
    apply_onto(&image, registration(4, 8, true), ERR_NONE);
    ck_assert_ptr_null(metadata_broker(kept, 4));
    ck_assert_ptr_nonnull(metadata_broker(image, 4));
    metadata_image_unref(kept);
    metadata_image_unref(image);
}
END_TEST

START_TEST(what_cannot_be_applied_leaves_the_image_of_others)
{
    struct metadata_image *image = metadata_image_new(slice_str("c"));
    struct metadata_image *kept = metadata_image_ref(image);
    apply_onto(&image, fencing(3, 7, 1), ERR_CORRUPT);
    ck_assert_ptr_eq(image, kept);
    metadata_image_unref(kept);
    apply_onto(&image, fencing(3, 7, 1), ERR_CORRUPT);
    ck_assert_int_eq(metadata_image_offset(image), -1);
    metadata_image_unref(image);
}
END_TEST

START_TEST(control_batches_move_the_position)
{
    struct metadata_image *image = metadata_image_new(slice_str("c"));
    struct values none = {0};
    image = apply(image, &none, 77);
    ck_assert_int_eq(metadata_image_offset(image), 0);
    ck_assert_int_eq(metadata_image_timestamp_ms(image), 77);
    metadata_image_unref(image);
}
END_TEST

static void check_since(const struct metadata_image *image, int32_t id, int64_t timestamp_ms,
                        enum metadata_event event)
{
    const struct metadata_broker *broker = metadata_broker(image, id);
    ck_assert_ptr_nonnull(broker);
    ck_assert_int_eq(broker->since.timestamp_ms, timestamp_ms);
    ck_assert_int_eq(broker->since.cause.event, event);
}

START_TEST(brokers_know_since_when_and_why)
{
    struct metadata_image *image = metadata_image_new(slice_str("c"));
    struct values v = {0};
    struct metadata_cause cause = metadata_cause_of(METADATA_EVENT_REQUEST, 3);
    struct metadata_record r = registration(3, 0, true);
    add(&v, &r, &cause);
    image = apply(image, &v, 100);
    check_since(image, 3, 100, METADATA_EVENT_REQUEST);

    r = fencing(3, 0, -1);
    add(&v, &r, NULL); /* an older version wrote it */
    image = apply(image, &v, 200);
    check_since(image, 3, 200, METADATA_EVENT_UNKNOWN);

    cause = metadata_cause_of(METADATA_EVENT_CONNECTION_LOST, 3);
    struct metadata_record level = level_record(1);
    r = fencing(3, 0, 1);
    add(&v, &level, &cause); /* the first record speaks for the batch */
    add(&v, &r, NULL);
    image = apply(image, &v, 300);
    check_since(image, 3, 300, METADATA_EVENT_CONNECTION_LOST);

    r = registration(3, 0, true); /* the same process again: nothing is new */
    add(&v, &r, NULL);
    image = apply(image, &v, 400);
    check_since(image, 3, 300, METADATA_EVENT_CONNECTION_LOST);

    r = registration(3, 9, true);
    add(&v, &r, NULL);
    image = apply(image, &v, 500);
    check_since(image, 3, 500, METADATA_EVENT_UNKNOWN);
    metadata_image_unref(image);
}
END_TEST

START_TEST(snapshots_keep_since_when_and_why)
{
    struct metadata_image *image = metadata_image_new(slice_str("c"));
    struct values v = {0};
    struct metadata_cause cause = metadata_cause_of(METADATA_EVENT_SESSION_ENDED, 3);
    cause.reason = slice_str("because");
    struct metadata_record r = registration(3, 0, true);
    add(&v, &r, &cause);
    image = apply(image, &v, 100);

    struct metadata_snapshot *snapshot = metadata_snapshot_begin(image);
    struct metadata_image *empty = metadata_image_new(slice_str("c"));
    struct metadata_delta *delta = metadata_delta_begin(empty);
    struct arena arena = {0};
    struct buf why = {0};
    struct metadata_record record;
    while (metadata_snapshot_next(snapshot, &record)) {
        struct buf value = {0};
        metadata_record_encode(&record, &value);
        enum err e = metadata_replay_value(delta, metadata_image_offset(image), buf_slice(&value),
                                           &arena, &why);
        ck_assert_int_eq(e, ERR_NONE);
        buf_fini(&value);
    }
    metadata_snapshot_end(snapshot);
    struct metadata_image *back = metadata_delta_finish(delta);
    check_since(back, 3, 100, METADATA_EVENT_SESSION_ENDED);
    ck_assert(slice_eq_str(metadata_broker(back, 3)->since.cause.reason, "because"));
    arena_fini(&arena);
    buf_fini(&why);
    metadata_image_unref(empty);
    metadata_image_unref(back);
    metadata_image_unref(image);
}
END_TEST

UNIT_MAIN("batch", a_newer_record_leaves_its_batch_undone,
          a_record_that_contradicts_leaves_its_batch_undone,
          what_nobody_else_has_is_changed_in_place,
          what_cannot_be_applied_leaves_the_image_of_others, control_batches_move_the_position,
          brokers_know_since_when_and_why, snapshots_keep_since_when_and_why)
