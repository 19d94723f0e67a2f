/* The range assignor. */
#include "cli/range.h"

#include "base/prng.h"
#include "tests/unit/unit.h"

/* "orders:0,1 clicks:2" */
static void check(const struct range_member *member, const char *id, const char *want)
{
    struct buf text = {0};
    ck_assert(slice_eq_str(member->id, id));
    group_put_partitions(&member->assigned, &text);
    buf_put(&text, "", 1);
    ck_assert_str_eq((char *)text.data, want);
    buf_fini(&text);
}

static struct range_member member_of(const char *id, const char *instance,
                                     const struct slice *topics, int32_t count)
{
    return (struct range_member){slice_str(id), slice_str(instance), topics, count, {NULL, 0}};
}

/* The examples of Kafka's documentation: the first members have one more, topic by topic. */
START_TEST(first_members_have_more)
{
    struct arena arena = {0};
    struct slice both[] = {slice_str("t0"), slice_str("t1")};
    struct range_topic topics[] = {{both[0], 3}, {both[1], 3}};
    struct range_member members[] = {member_of("C1", NULL, both, 2),
                                     member_of("C0", NULL, both, 2)};
    range_assign(members, 2, topics, 2, &arena);
    check(&members[0], "C0", "t0:0,1 t1:0,1");
    check(&members[1], "C1", "t0:2 t1:2");
    arena_fini(&arena);
}
END_TEST

START_TEST(more_members_than_partitions)
{
    struct arena arena = {0};
    struct slice names[] = {slice_str("t"), slice_str("gone")};
    struct range_topic topics[] = {{names[0], 2}, {names[1], 0}};
    struct range_member members[] = {member_of("c", NULL, names, 2), member_of("a", NULL, names, 1),
                                     member_of("b", NULL, names, 2)};
    range_assign(members, 3, topics, 2, &arena);
    check(&members[0], "a", "t:0");
    check(&members[1], "b", "t:1");
    check(&members[2], "c", "");
    arena_fini(&arena);
}
END_TEST

/* Static members come first, in the order of their instances. */
START_TEST(static_members_come_first)
{
    struct arena arena = {0};
    struct slice name = slice_str("t");
    struct range_topic topic = {name, 3};
    struct range_member members[] = {member_of("a", NULL, &name, 1), member_of("b", "z", &name, 1),
                                     member_of("c", "y", &name, 1)};
    range_assign(members, 3, &topic, 1, &arena);
    check(&members[0], "c", "t:0");
    check(&members[1], "b", "t:1");
    check(&members[2], "a", "t:2");
    arena_fini(&arena);
}
END_TEST

/* Whatever they subscribe to: each partition that somebody wants has one owner who wants it, and
 * shares of a topic differ by one at most. */
START_TEST(every_partition_has_one_owner)
{
    enum { MEMBERS = 5, TOPICS = 4 };
    struct prng prng;
    prng_init(&prng, (uint64_t)_i);
    struct arena arena = {0};
    struct range_topic topics[TOPICS];
    struct range_member members[MEMBERS];
    int wanting[TOPICS] = {0};
    for (int t = 0; t < TOPICS; t++) {
        topics[t] = (struct range_topic){slice_str(arena_printf(&arena, "t%d", t)),
                                         (int32_t)prng_below(&prng, 9)};
    }
    for (int m = 0; m < MEMBERS; m++) {
        struct slice *names = ARENA_ARRAY(&arena, TOPICS, struct slice);
        int32_t count = 0;
        for (int t = 0; t < TOPICS; t++) {
            if (prng_below(&prng, 2) == 0) {
                names[count++] = topics[t].name;
                wanting[t]++;
            }
        }
        members[m] = member_of(arena_printf(&arena, "m%d", m), NULL, names, count);
    }
    range_assign(members, MEMBERS, topics, TOPICS, &arena);
    for (int t = 0; t < TOPICS; t++) {
        int owners[9] = {0};
        int32_t total = 0;
        for (int m = 0; m < MEMBERS; m++) {
            int32_t share = 0;
            for (int32_t i = 0; i < members[m].assigned.count; i++) {
                if (slice_eq(members[m].assigned.items[i].topic, topics[t].name)) {
                    ck_assert_int_eq(owners[members[m].assigned.items[i].partition]++, 0);
                    share++;
                }
            }
            ck_assert(share == 0 || share <= topics[t].partition_count / wanting[t] + 1);
            total += share;
        }
        ck_assert_int_eq(total, wanting[t] == 0 ? 0 : topics[t].partition_count);
    }
    arena_fini(&arena);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("range");
    tcase_add_test(tc, first_members_have_more);
    tcase_add_test(tc, more_members_than_partitions);
    tcase_add_test(tc, static_members_come_first);
    tcase_add_loop_test(tc, every_partition_has_one_owner, 0, 200);
    return unit_run(suite_create("range"), tc);
}
