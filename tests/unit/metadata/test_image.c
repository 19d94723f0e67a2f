/* Images against each other: random histories, old versions, sets, snapshots, memory, threads. */
#include "random_records.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>

/* Everything an image says, as text: two images that say the same give the same bytes. */
static void print_image(const struct metadata_image *image, struct buf *out)
{
    struct metadata_snapshot *s = metadata_snapshot_begin(image);
    struct metadata_record r;
    buf_reset(out);
    while (metadata_snapshot_next(s, &r)) {
        metadata_record_print_json(&r, out);
        buf_put_str(out, "\n");
    }
    metadata_snapshot_end(s);
}

/* The image that a snapshot of `image` builds, through bytes. */
static struct metadata_image *rebuild(const struct metadata_image *image)
{
    struct metadata_load *load =
        metadata_load_begin(metadata_image_cluster_id(image), metadata_image_offset(image) + 1);
    struct metadata_snapshot *s = metadata_snapshot_begin(image);
    struct metadata_record r;
    while (metadata_snapshot_next(s, &r)) {
        struct buf b = {0};
        metadata_record_encode(&r, &b);
        struct slice value = buf_slice(&b);
        ck_assert_int_eq(metadata_load_values(load, &value, 1, NULL), ERR_NONE);
        buf_fini(&b);
    }
    metadata_snapshot_end(s);
    struct metadata_image *built =
        metadata_load_end(load, metadata_image_epoch(image), metadata_image_timestamp_ms(image));
    ck_assert_int_eq(metadata_image_offset(built), metadata_image_offset(image));
    ck_assert_int_eq(metadata_image_epoch(built), metadata_image_epoch(image));
    ck_assert_int_eq(metadata_image_timestamp_ms(built), metadata_image_timestamp_ms(image));
    return built;
}

static bool in_set(const struct metadata_partition *p, int64_t set)
{
    switch (set) {
    case METADATA_SET_NO_LEADER:
        return p->leader == METADATA_NO_LEADER;
    case METADATA_SET_NOT_PREFERRED:
        return p->leader != METADATA_NO_LEADER && p->leader != metadata_replicas(p).items[0];
    case METADATA_SET_REASSIGNING:
        return metadata_adding_replicas(p).count + metadata_removing_replicas(p).count > 0;
    default:
        return metadata_ids_contain(metadata_replicas(p), (int32_t)set);
    }
}

/* The reverse index says what a scan over all partitions says. */
static void check_sets(const struct metadata_image *image)
{
    size_t all = 0;
    for (int64_t set = METADATA_SET_REASSIGNING; set < RANDOM_BROKERS; set++) {
        size_t expected = 0;
        all = 0;
        struct metadata_iter it = metadata_topics(image);
        for (const struct metadata_topic *t; (t = metadata_topic_next(&it)) != NULL;) {
            for (int32_t i = 0; i < t->partition_count; i++) {
                expected += in_set(metadata_partition(t, i), set);
                all++;
            }
        }
        size_t seen = 0;
        struct metadata_partition_iter pit = metadata_partition_set(image, set);
        for (const struct metadata_partition *p; (p = metadata_partition_set_next(&pit));) {
            ck_assert(in_set(p, set));
            ck_assert_ptr_eq(p, metadata_partition(pit.topic, pit.index));
            seen++;
        }
        ck_assert_uint_eq(seen, expected);
        ck_assert_uint_eq(metadata_partition_set_count(image, set), expected);
    }
    ck_assert_uint_eq(metadata_partition_count(image), all);
}

/* Some records on top of `base`, in a transaction that ends well, or not, or not at all. */
static struct metadata_image *grow(const struct metadata_image *base, struct prng *rng,
                                   uint64_t records)
{
    struct metadata_delta *d = metadata_delta_begin(base);
    for (uint64_t i = 0; i < records; i++) {
        struct arena a = {0};
        struct metadata_record r = random_record(rng, &a, metadata_delta_image(d));
        must_replay(d, metadata_image_offset(metadata_delta_image(d)) + 1, &r);
        arena_fini(&a);
    }
    return metadata_delta_finish(d);
}

enum { VERSIONS = 24 };

START_TEST(old_images_stay_as_they_were)
{
    uint64_t seed = 0x01d + (uint64_t)_i;
    printf("seed %" PRIu64 "\n", seed);
    struct prng rng;
    prng_init(&rng, seed);
    struct metadata_image *image[VERSIONS] = {metadata_image_new(slice_str("cluster"))};
    struct buf text[VERSIONS] = {{0}};
    struct buf now = {0};
    print_image(image[0], &text[0]);
    for (int i = 1; i < VERSIONS; i++) {
        image[i] = grow(image[i - 1], &rng, prng_below(&rng, 300));
        print_image(image[i], &text[i]);
        check_sets(image[i]);
        struct metadata_image *back = rebuild(image[i]);
        ck_assert(images_equal(image[i], back));
        ck_assert(images_equal(back, image[i]));
        print_image(back, &now);
        ck_assert(slice_eq(buf_slice(&now), buf_slice(&text[i])));
        metadata_image_unref(back);
    }
    for (int i = VERSIONS - 1; i >= 0; i--) {
        print_image(image[i], &now);
        ck_assert(slice_eq(buf_slice(&now), buf_slice(&text[i])));
        buf_fini(&text[i]);
        metadata_image_unref(image[i]);
    }
    buf_fini(&now);
}
END_TEST

START_TEST(aborted_transaction_leaves_nothing)
{
    struct prng rng;
    prng_init(&rng, 0xab0);
    struct metadata_image *image = metadata_image_new(slice_str("cluster"));
    for (int i = 0; i < 10; i++) {
        struct metadata_image *base = grow(image, &rng, 100);
        struct metadata_delta *d = metadata_delta_begin(base);
        struct metadata_record begin = {.type = METADATA_RECORD_BEGIN_TRANSACTION};
        struct metadata_record abort = {.type = METADATA_RECORD_ABORT_TRANSACTION};
        must_replay(d, 1000000, &begin);
        struct metadata_image *open = metadata_delta_finish(d);
        struct metadata_image *grown = grow(open, &rng, 100);
        ck_assert(images_equal(metadata_image_stable(grown), base));
        d = metadata_delta_begin(grown);
        must_replay(d, 2000000, &abort);
        struct metadata_image *aborted = metadata_delta_finish(d);
        ck_assert(images_equal(aborted, base));
        check_sets(aborted);
        metadata_image_unref(image);
        metadata_image_unref(open);
        metadata_image_unref(grown);
        metadata_image_unref(aborted);
        image = base;
    }
    metadata_image_unref(image);
}
END_TEST

/* ---- memory ---- */

/* Documented in docs/metadata.md. */
enum { PARTITION_BYTES_MAX = 100 };

/* `topics` topics of `partitions` partitions with three replicas on `brokers` brokers. */
static struct metadata_image *big_image(size_t topics, int32_t partitions, int32_t brokers)
{
    struct metadata_image *empty = metadata_image_new(slice_str("cluster"));
    struct metadata_delta *d = metadata_delta_begin(empty);
    struct prng rng;
    prng_init(&rng, 1);
    for (size_t t = 0; t < topics; t++) {
        char name[32];
        snprintf(name, sizeof name, "topic-%08zu", t);
        struct metadata_record r = {.type = METADATA_RECORD_TOPIC};
        r.topic.name = slice_str(name);
        r.topic.topic_id = random_uuid(&rng);
        struct uuid id = r.topic.topic_id;
        must_replay(d, 0, &r);
        for (int32_t i = 0; i < partitions; i++) {
            int32_t first = (int32_t)prng_below(&rng, (uint64_t)brokers);
            int32_t replicas[3] = {first, (first + 1) % brokers, (first + 2) % brokers};
            struct uuid dirs[3];
            for (int k = 0; k < 3; k++) {
                dirs[k] = dir_of(replicas[k], prng_below(&rng, 4));
            }
            r = (struct metadata_record){.type = METADATA_RECORD_PARTITION,
                                         .partition = {.partition_id = i,
                                                       .topic_id = id,
                                                       .replicas = {replicas, 3},
                                                       .isr = {replicas, 3},
                                                       .leader = first,
                                                       .directories = {dirs, 3}}};
            must_replay(d, 0, &r);
        }
    }
    metadata_image_unref(empty);
    return metadata_delta_finish(d);
}

/* The sanitizers' allocator does not count. */
#if defined(__SANITIZE_ADDRESS__)
enum { MEASURED = false };
#else
enum { MEASURED = true };
#endif

static size_t heap_used(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

START_TEST(a_partition_costs_little)
{
    static const struct {
        size_t topics;
        int32_t partitions;
        int32_t brokers;
    } shapes[] = {{1000, 100, 100}, {100, 1000, 9}, {5000, 20, 50}};
    size_t before = heap_used();
    struct metadata_image *image =
        big_image(shapes[_i].topics, shapes[_i].partitions, shapes[_i].brokers);
    size_t count = metadata_partition_count(image);
    ck_assert_uint_eq(count, 100000);
    if (MEASURED) {
        size_t each = (heap_used() - before) / count;
        printf("%zu topics of %" PRId32 " partitions on %" PRId32 " brokers: %zu B a partition\n",
               shapes[_i].topics, shapes[_i].partitions, shapes[_i].brokers, each);
        ck_assert_uint_le(each, PARTITION_BYTES_MAX);
    }
    /* A change of one partition shares everything else. */
    size_t used = heap_used();
    struct metadata_delta *d = metadata_delta_begin(image);
    struct metadata_iter it = metadata_topics(image);
    struct metadata_record r = {.type = METADATA_RECORD_PARTITION_CHANGE};
    r.partition_change = METADATA_PARTITION_CHANGE(metadata_topic_next(&it)->id, 7);
    r.partition_change.leader = METADATA_NO_LEADER;
    must_replay(d, 1, &r);
    struct metadata_image *next = metadata_delta_finish(d);
    if (MEASURED) {
        printf("a changed partition: %zu B more\n", heap_used() - used);
        ck_assert_uint_le(heap_used() - used, 16384);
    }
    struct diff_count c = diff_counts(image, next);
    ck_assert_uint_eq(c.topics, 1);
    ck_assert_uint_eq(c.partitions, 1);
    metadata_image_unref(image);
    metadata_image_unref(next);
}
END_TEST

/* ---- threads ---- */

/* Reads an image of its own while others come and go. */
static void *reader(void *arg)
{
    const struct metadata_image *image = arg;
    for (int i = 0; i < 20; i++) {
        check_sets(image);
    }
    metadata_image_unref(image);
    return NULL;
}

START_TEST(readers_on_other_threads)
{
    struct prng rng;
    prng_init(&rng, 0x7ead);
    struct metadata_image *image = metadata_image_new(slice_str("cluster"));
    pthread_t threads[6];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        struct metadata_image *next = grow(image, &rng, 200);
        metadata_image_unref(image);
        image = next;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, reader, metadata_image_ref(image)), 0);
    }
    for (int i = 0; i < 20; i++) {
        struct metadata_image *next = grow(image, &rng, 50);
        metadata_image_unref(image);
        image = next;
    }
    metadata_image_unref(image);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
}
END_TEST

static void fill(TCase *tc)
{
    tcase_add_loop_test(tc, old_images_stay_as_they_were, 0, 3);
    tcase_add_test(tc, aborted_transaction_leaves_nothing);
    tcase_add_loop_test(tc, a_partition_costs_little, 0, 3);
    tcase_add_test(tc, readers_on_other_threads);
}

int main(void)
{
    return run_suite("image", fill);
}
