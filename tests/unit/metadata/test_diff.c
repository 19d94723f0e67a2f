/* Differences of images against a full comparison, and what they mean for one broker. */
#include "random_records.h"

#include <stdio.h>

/* What a walk told, as text, and whether it kept its promises. */
struct told {
    struct buf text;
    bool topic_created; /* no topic may be reported gone after one is there */
    const struct metadata_topic *topic;
};

static void tell_topic(void *arg, const struct metadata_topic *before,
                       const struct metadata_topic *after)
{
    struct told *t = arg;
    ck_assert(before != NULL || after != NULL);
    ck_assert(after != NULL || !t->topic_created);
    t->topic_created = t->topic_created || after != NULL;
    t->topic = after != NULL ? after : before;
    buf_printf(&t->text, "%s %.*s\n",
               before == NULL  ? "created"
               : after == NULL ? "deleted"
                               : "changed",
               SLICE_ARG(t->topic->name));
}

static void tell_partition(void *arg, const struct metadata_partition_diff *d)
{
    struct told *t = arg;
    ck_assert_ptr_eq(d->topic, t->topic);
    buf_printf(&t->text, " %" PRId32 " leader %" PRId32 " -> %" PRId32 "\n", d->index,
               d->before == NULL ? -9 : d->before->leader,
               d->after == NULL ? -9 : d->after->leader);
}

static void tell_broker(void *arg, const struct metadata_broker *before,
                        const struct metadata_broker *after)
{
    struct told *t = arg;
    buf_printf(&t->text, "broker %" PRId32 " %d -> %d\n", before != NULL ? before->id : after->id,
               before == NULL ? -1 : before->fenced, after == NULL ? -1 : after->fenced);
}

static void tell_config(void *arg, const struct metadata_config_resource *before,
                        const struct metadata_config_resource *after)
{
    struct told *t = arg;
    const struct metadata_config_resource *either = before != NULL ? before : after;
    buf_printf(&t->text, "config %d %.*s %zu -> %zu\n", either->key.type,
               SLICE_ARG(either->key.name), before == NULL ? 0 : before->count,
               after == NULL ? 0 : after->count);
}

static void expect_diff(const struct metadata_image *before, const struct metadata_image *after,
                        const char *expected)
{
    struct told t = {.topic = NULL};
    struct metadata_visitor v = {.arg = &t,
                                 .topic = tell_topic,
                                 .partition = tell_partition,
                                 .broker = tell_broker,
                                 .config = tell_config};
    metadata_diff(before, after, &v);
    buf_put(&t.text, "", 1);
    ck_assert_str_eq((char *)t.text.data, expected);
    buf_fini(&t.text);
}

static struct metadata_image *replay_all(const struct metadata_image *base,
                                         const struct metadata_record *records, size_t count)
{
    struct metadata_delta *d = metadata_delta_begin(base);
    for (size_t i = 0; i < count; i++) {
        must_replay(d, metadata_image_offset(base) + 1 + (int64_t)i, &records[i]);
    }
    return metadata_delta_finish(d);
}

static struct metadata_record topic_record(const char *name, uint64_t id)
{
    return (struct metadata_record){.type = METADATA_RECORD_TOPIC,
                                    .topic = {slice_str(name), {id, id}}};
}

static struct metadata_record partition_record(uint64_t topic, int32_t index,
                                               const int32_t *replicas)
{
    return (struct metadata_record){.type = METADATA_RECORD_PARTITION,
                                    .partition = {.partition_id = index,
                                                  .topic_id = {topic, topic},
                                                  .replicas = {replicas, 2},
                                                  .isr = {replicas, 2},
                                                  .leader = replicas[0]}};
}

static struct metadata_record leader_record(uint64_t topic, int32_t index, int32_t leader)
{
    struct metadata_record r = {.type = METADATA_RECORD_PARTITION_CHANGE};
    r.partition_change = METADATA_PARTITION_CHANGE(((struct uuid){topic, topic}), index);
    r.partition_change.leader = leader;
    return r;
}

static struct metadata_record remove_record(uint64_t topic)
{
    return (struct metadata_record){.type = METADATA_RECORD_REMOVE_TOPIC,
                                    .remove_topic = {{topic, topic}}};
}

static const int32_t on_1_2[] = {1, 2};
static const int32_t on_2_3[] = {2, 3};
static const int32_t on_3_1[] = {3, 1};

/* a: 0 on 1,2; 1 on 2,3; 2 on 3,1.   b: 0 on 1,2. */
static struct metadata_image *base_image(void)
{
    struct metadata_image *empty = metadata_image_new(slice_str("c"));
    struct metadata_record records[] = {
        topic_record("a", 1000),           partition_record(1000, 0, on_1_2),
        partition_record(1000, 1, on_2_3), partition_record(1000, 2, on_3_1),
        topic_record("b", 2000),           partition_record(2000, 0, on_1_2),
    };
    struct metadata_image *image = replay_all(empty, records, ARRAY_LEN(records));
    metadata_image_unref(empty);
    return image;
}

START_TEST(changes_are_told_in_order)
{
    struct metadata_image *base = base_image();
    struct metadata_image *empty = metadata_image_new(slice_str("c"));
    expect_diff(base, base, "");
    expect_diff(empty, base,
                "created a\n 0 leader -9 -> 1\n 1 leader -9 -> 2\n 2 leader -9 -> 3\n"
                "created b\n 0 leader -9 -> 1\n");
    /* "b" is deleted and created again; its old id sorts behind the new one. */
    struct metadata_record records[] = {
        remove_record(2000),
        topic_record("b", 500),
        partition_record(500, 0, on_2_3),
        leader_record(1000, 1, 3),
        leader_record(1000, 2, -1),
        {.type = METADATA_RECORD_REGISTER_BROKER,
         .register_broker = {.broker_id = 1, .fenced = true}},
        {.type = METADATA_RECORD_CONFIG,
         .config = {2, slice_str("a"), slice_str("k"), slice_str("v")}},
    };
    struct metadata_image *next = replay_all(base, records, ARRAY_LEN(records));
    expect_diff(base, next,
                "broker 1 -1 -> 1\n"
                "deleted b\n 0 leader 1 -> -9\n"
                "created b\n 0 leader -9 -> 2\n"
                "changed a\n 1 leader 2 -> 3\n 2 leader 3 -> -1\n"
                "config 2 a 0 -> 1\n");
    expect_diff(next, base,
                "broker 1 1 -> -1\n"
                "deleted b\n 0 leader 2 -> -9\n"
                "changed a\n 1 leader 3 -> 2\n 2 leader -1 -> 3\n"
                "created b\n 0 leader -9 -> 1\n"
                "config 2 a 1 -> 0\n");
    metadata_image_unref(empty);
    metadata_image_unref(base);
    metadata_image_unref(next);
}
END_TEST

/* The same through an image that shares nothing with the first: only real differences are told. */
START_TEST(unrelated_images_are_compared_by_content)
{
    struct metadata_image *a = base_image();
    struct metadata_image *b = base_image();
    expect_diff(a, b, "");
    struct metadata_record r = leader_record(1000, 1, 3);
    struct metadata_image *c = replay_all(b, &r, 1);
    expect_diff(a, c, "changed a\n 1 leader 2 -> 3\n");
    metadata_image_unref(a);
    metadata_image_unref(b);
    metadata_image_unref(c);
}
END_TEST

/* ---- one broker's view ---- */

static void print_changes(struct buf *out, const char *what,
                          const struct metadata_local_change *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s %.*s-%" PRId32 "%s%s%s\n", what, SLICE_ARG(list[i].topic),
                   list[i].index, list[i].topic_deleted ? " topic gone" : "",
                   list[i].leader_epoch_changed ? " new epoch" : "",
                   list[i].before == NULL ? " was not here" : "");
        ck_assert_int_eq(list[i].after == NULL, strcmp(what, "delete") == 0);
    }
}

static void expect_local(const struct metadata_image *before, const struct metadata_image *after,
                         int32_t broker, const char *expected)
{
    struct arena a = {0};
    struct buf out = {0};
    struct metadata_local_changes c = metadata_local_changes(before, after, broker, &a);
    print_changes(&out, "delete", c.deletes, c.delete_count);
    print_changes(&out, "lead", c.leaders, c.leader_count);
    print_changes(&out, "follow", c.followers, c.follower_count);
    buf_put(&out, "", 1);
    ck_assert_str_eq((char *)out.data, expected);
    buf_fini(&out);
    arena_fini(&a);
}

START_TEST(local_changes_of_a_broker)
{
    struct metadata_image *empty = metadata_image_new(slice_str("c"));
    struct metadata_image *base = base_image();
    expect_local(empty, base, 1,
                 "lead a-0 new epoch was not here\nlead b-0 new epoch was not here\n"
                 "follow a-2 new epoch was not here\n");
    expect_local(empty, base, 9, "");
    expect_local(base, base, 1, "");

    struct metadata_record records[] = {
        remove_record(2000), leader_record(1000, 0, 2), /* 1 was the leader, follows now */
        leader_record(1000, 2, 1),                      /* 1 takes over */
    };
    struct metadata_image *next = replay_all(base, records, ARRAY_LEN(records));
    expect_local(base, next, 1,
                 "delete b-0 topic gone\nlead a-2 new epoch\nfollow a-0 new epoch\n");
    expect_local(base, next, 3, "follow a-2 new epoch\n");

    /* 1 leaves a-0 by reassignment, and an ISR change of a-2 keeps its leader epoch. */
    struct metadata_record more[2] = {leader_record(1000, 0, METADATA_LEADER_UNCHANGED),
                                      leader_record(1000, 2, METADATA_LEADER_UNCHANGED)};
    static const int32_t only_1[] = {1};
    more[0].partition_change.has_replicas = more[0].partition_change.has_isr = true;
    more[0].partition_change.replicas = (struct metadata_ids){on_2_3, 2};
    more[0].partition_change.isr = (struct metadata_ids){on_2_3, 2};
    more[1].partition_change.has_isr = true;
    more[1].partition_change.isr = (struct metadata_ids){only_1, 1};
    struct metadata_image *last = replay_all(next, more, 2);
    expect_local(next, last, 1, "delete a-0\nlead a-2\n");
    expect_local(next, last, 3, "follow a-0 new epoch was not here\nfollow a-2\n");
    expect_local(next, last, 2, "lead a-0\n");
    metadata_image_unref(empty);
    metadata_image_unref(base);
    metadata_image_unref(next);
    metadata_image_unref(last);
}
END_TEST

/* ---- random: applying what was told to a copy of the old facts gives the new facts ---- */

enum { MODEL_PARTITIONS = 4096 };

struct facts {
    struct {
        struct uuid topic;
        int32_t index;
        int32_t partition_epoch;
    } rows[MODEL_PARTITIONS];
    size_t count;
    size_t told;
};

static size_t find_row(const struct facts *f, struct uuid topic, int32_t index)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->rows[i].index == index && uuid_eq(f->rows[i].topic, topic)) {
            return i;
        }
    }
    return f->count;
}

static void apply(void *arg, const struct metadata_partition_diff *d)
{
    struct facts *f = arg;
    size_t at = find_row(f, d->topic->id, d->index);
    f->told++;
    if (d->after == NULL) {
        ck_assert_uint_lt(at, f->count);
        f->rows[at] = f->rows[--f->count];
        return;
    }
    ck_assert_int_eq(d->before == NULL, at == f->count);
    if (at == f->count) {
        ck_assert_uint_lt(f->count, MODEL_PARTITIONS);
        f->count++;
        f->rows[at].topic = d->topic->id;
        f->rows[at].index = d->index;
    } else {
        ck_assert_int_eq(f->rows[at].partition_epoch, d->before->partition_epoch);
    }
    f->rows[at].partition_epoch = d->after->partition_epoch;
}

static void expect_facts(const struct facts *f, const struct metadata_image *image)
{
    ck_assert_uint_eq(f->count, metadata_partition_count(image));
    for (size_t i = 0; i < f->count; i++) {
        const struct metadata_topic *t = metadata_topic_by_id(image, f->rows[i].topic);
        ck_assert_ptr_nonnull(t);
        ck_assert_int_eq(metadata_partition(t, f->rows[i].index)->partition_epoch,
                         f->rows[i].partition_epoch);
    }
}

START_TEST(random_differences_lead_from_old_to_new)
{
    uint64_t seed = 0xd1 + (uint64_t)_i;
    printf("seed %" PRIu64 "\n", seed);
    struct prng rng;
    prng_init(&rng, seed);
    struct facts *f = calloc(1, sizeof *f);
    struct metadata_image *image = metadata_image_new(slice_str("c"));
    struct metadata_visitor v = {.arg = f, .partition = apply};
    for (int round = 0; round < 60; round++) {
        struct metadata_delta *d = metadata_delta_begin(image);
        uint64_t records = prng_below(&rng, 40);
        for (uint64_t i = 0; i < records; i++) {
            struct arena a = {0};
            struct metadata_record r = random_record(&rng, &a, metadata_delta_image(d));
            must_replay(d, metadata_image_offset(metadata_delta_image(d)) + 1, &r);
            arena_fini(&a);
        }
        struct metadata_image *next = metadata_delta_finish(d);
        metadata_diff(image, next, &v);
        expect_facts(f, next);
        metadata_image_unref(image);
        image = next;
    }
    metadata_image_unref(image);
    free(f);
}
END_TEST

static void fill(TCase *tc)
{
    tcase_add_test(tc, changes_are_told_in_order);
    tcase_add_test(tc, unrelated_images_are_compared_by_content);
    tcase_add_test(tc, local_changes_of_a_broker);
    tcase_add_loop_test(tc, random_differences_lead_from_old_to_new, 0, 3);
}

int main(void)
{
    return run_suite("diff", fill);
}
