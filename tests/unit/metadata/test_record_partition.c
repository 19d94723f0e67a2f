/* Partition records are read by hand where there are many: whatever the bytes, the outcome is that
 * of protobuf-c. */
#include "metadata/record_partition.h"

#include "metadata/record_frame.h"
#include "proto/metadata.pb-c.h"
#include "random_records.h"

enum { ROUNDS = 3000 };

static bool same_ids(struct metadata_ids a, const int32_t *items, size_t count)
{
    return metadata_ids_equal(a, (struct metadata_ids){.items = items, .count = count});
}

static bool same_dirs(struct metadata_dirs dirs, ProtobufCBinaryData bytes)
{
    bool same = bytes.len == dirs.count * 16;
    for (size_t i = 0; same && i < dirs.count; i++) {
        same = load_u64(bytes.data + 16 * i) == dirs.items[i].hi &&
               load_u64(bytes.data + 16 * i + 8) == dirs.items[i].lo;
    }
    return same;
}

/* What was read by hand is what protobuf-c reads. */
static void check_same(const struct metadata_partition_record *r, struct slice message)
{
    Craft__MetadataRecord *m = craft__metadata_record__unpack(NULL, message.len, message.data);
    ck_assert_ptr_nonnull(m);
    ck_assert_int_eq(m->kind_case, CRAFT__METADATA_RECORD__KIND_PARTITION);
    const Craft__PartitionRecord *p = m->partition;
    ck_assert_int_eq(r->partition_id, p->partition_id);
    ck_assert_int_eq(r->leader, p->leader);
    ck_assert_int_eq((int)r->leader_recovery, p->leader_recovery);
    ck_assert_int_eq(r->leader_epoch, p->leader_epoch);
    ck_assert_int_eq(r->partition_epoch, p->partition_epoch);
    ck_assert(p->topic_id.len == 0
                  ? uuid_is_zero(r->topic_id)
                  : same_dirs((struct metadata_dirs){&r->topic_id, 1}, p->topic_id));
    ck_assert(same_dirs(r->directories, p->directories));
    ck_assert(same_ids(r->replicas, p->replicas, p->n_replicas));
    ck_assert(same_ids(r->isr, p->isr, p->n_isr));
    ck_assert(same_ids(r->removing_replicas, p->removing_replicas, p->n_removing_replicas));
    ck_assert(same_ids(r->adding_replicas, p->adding_replicas, p->n_adding_replicas));
    ck_assert(same_ids(r->elr, p->eligible_leader_replicas, p->n_eligible_leader_replicas));
    ck_assert(same_ids(r->last_known_elr, p->last_known_elr, p->n_last_known_elr));
    craft__metadata_record__free_unpacked(m, NULL);
}

/* The message of a random partition record, in `out`. */
static struct slice random_message(struct prng *rng, struct arena *a, struct buf *out)
{
    struct metadata_topic topic = {.id = random_uuid(rng),
                                   .partition_count = (int32_t)prng_below(rng, 1 << 24)};
    struct metadata_record record = random_partition(rng, a, &topic);
    record.partition.leader = (int32_t)prng_range(rng, -1, 300);
    record.partition.leader_epoch = (int32_t)prng_range(rng, 0, INT32_MAX);
    struct metadata_frame frame;
    buf_reset(out);
    metadata_record_encode(&record, out);
    ck_assert_int_eq(metadata_frame_open(buf_slice(out), &frame, NULL), ERR_NONE);
    return frame.record;
}

START_TEST(what_is_written_is_read_by_hand)
{
    struct prng rng;
    struct buf bytes = {0};
    struct arena a = {0};
    prng_init(&rng, 3);
    for (int i = 0; i < ROUNDS; i++) {
        struct metadata_partition_record record;
        struct slice message = random_message(&rng, &a, &bytes);
        ck_assert(metadata_partition_read(message, &a, &record));
        check_same(&record, message);
        arena_reset(&a);
    }
    buf_fini(&bytes);
    arena_fini(&a);
}
END_TEST

/* Bytes changed, cut, doubled: it is read as protobuf-c does, or left to it. */
START_TEST(anything_else_is_left_alone)
{
    struct prng rng;
    struct buf bytes = {0};
    struct arena a = {0};
    int read = 0;
    prng_init(&rng, 4);
    for (int i = 0; i < 20 * ROUNDS; i++) {
        struct metadata_partition_record record;
        struct slice message = random_message(&rng, &a, &bytes);
        uint8_t *copy = arena_alloc(&a, message.len);
        memcpy(copy, message.data, message.len);
        size_t length = message.len;
        if (prng_chance(&rng, 1, 4)) {
            length = prng_below(&rng, length + 1);
        }
        for (int k = 0; k < 2 && length > 0; k++) {
            copy[prng_below(&rng, length)] = (uint8_t)prng_below(&rng, 256);
        }
        /* In memory of its own size, so that a byte too far is seen. */
        struct slice changed = arena_dup(&a, slice_of(copy, length));
        if (metadata_partition_read(changed, &a, &record)) {
            check_same(&record, changed);
            read++;
        }
        arena_reset(&a);
    }
    ck_assert_int_gt(read, ROUNDS);
    buf_fini(&bytes);
    arena_fini(&a);
}
END_TEST

START_TEST(other_records_are_not_its_business)
{
    struct metadata_record record = {.type = METADATA_RECORD_TOPIC,
                                     .topic = {.name = slice_str("t"), .topic_id = {1, 2}}};
    struct metadata_partition_record out;
    struct metadata_frame frame;
    struct buf bytes = {0};
    struct arena a = {0};
    metadata_record_encode(&record, &bytes);
    ck_assert_int_eq(metadata_frame_open(buf_slice(&bytes), &frame, NULL), ERR_NONE);
    ck_assert(!metadata_partition_read(frame.record, &a, &out));
    ck_assert(!metadata_partition_read(slice_of("", 0), &a, &out));
    ck_assert(!metadata_partition_read(slice_of("\x22", 1), &a, &out));
    ck_assert(!metadata_partition_read(slice_of("\x22\x80", 2), &a, &out));
    buf_fini(&bytes);
    arena_fini(&a);
}
END_TEST

static void fill(TCase *tc)
{
    tcase_add_test(tc, what_is_written_is_read_by_hand);
    tcase_add_test(tc, anything_else_is_left_alone);
    tcase_add_test(tc, other_records_are_not_its_business);
}

int main(void)
{
    return run_suite("record_partition", fill);
}
