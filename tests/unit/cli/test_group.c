/* What members of a consumer group were given. */
#include "cli/group.h"

#include "tests/unit/unit.h"

START_TEST(nothing_of_bytes_that_are_none)
{
    static const char *const bad[] = {"", "\0", "\xff\xff", "\0\0\0\0\0\5", "\0\0\x7f\xff\xff\xff"};
    static const size_t sizes[] = {0, 1, 2, 6, 6};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena arena = {0};
        struct wire_consumer_protocol_assignment found;
        group_assignment(slice_of(bad[i], sizes[i]), &arena, &found);
        ck_assert_int_eq(found.assigned_partitions_count, 0);
        arena_fini(&arena);
    }
}
END_TEST

START_TEST(any_version_is_read)
{
    static const int16_t versions[] = {0, 1, 3, 9};
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        struct buf bytes = {0};
        struct arena arena = {0};
        int32_t partitions[] = {4, 2};
        struct wire_consumer_protocol_assignment_assigned_partitions topic = {slice_str("t"),
                                                                              partitions, 2};
        struct wire_consumer_protocol_assignment given = {&topic, 1, SLICE_NULL};
        struct wire_consumer_protocol_assignment found;
        buf_put_i16(&bytes, versions[i]);
        ck_assert_int_eq(wire_encode(&wire_msg_consumer_protocol_assignment,
                                     versions[i] > 3 ? 3 : versions[i], &given, &bytes),
                         ERR_NONE);
        buf_put_str(&bytes, "what later versions have");
        group_assignment(buf_slice(&bytes), &arena, &found);
        ck_assert_int_eq(found.assigned_partitions_count, 1);
        ck_assert_int_eq(found.assigned_partitions->partitions[1], 2);
        arena_fini(&arena);
        buf_fini(&bytes);
    }
}
END_TEST

static void check(const struct group *group, enum group_view view, enum table_format format,
                  const char *want)
{
    struct buf out = {0};
    group_print(group, view, format, &out);
    buf_put(&out, "", 1);
    ck_assert_str_eq((char *)out.data, want);
    buf_fini(&out);
}

START_TEST(printed)
{
    struct group_partition partitions[] = {
        {slice_str("t"), 0}, {slice_str("t"), 3}, {slice_str("u"), 1}};
    struct group_member member = {.id = slice_str("m"),
                                  .instance_id = SLICE_NULL,
                                  .client_id = slice_str("c"),
                                  .host = slice_str("/h"),
                                  .assigned = {partitions, 3}};
    struct group_offset offsets[] = {
        {.topic = slice_str("t"), .partition = 0, .committed = 5, .log_end = 9, .member = &member},
        {.topic = slice_str("t"), .partition = 1, .committed = -1, .log_end = 3},
        {.topic = slice_str("t"), .partition = 2, .committed = 5, .log_end = -1},
    };
    struct group group = {.name = slice_str("g"),
                          .type = "classic",
                          .state = slice_str("Stable"),
                          .protocol_type = slice_str("consumer"),
                          .assignor = slice_str("range"),
                          .coordinator = 3,
                          .members = &member,
                          .member_count = 1,
                          .offsets = offsets,
                          .offset_count = 3};
    check(&group, GROUP_ALL, TABLE_TSV,
          "topic\tpartition\toffset\tlogEndOffset\tlag\tmemberId\tmetadata\n"
          "t\t0\t5\t9\t4\tm\t\n"
          "t\t1\t\t3\t\t\t\n"
          "t\t2\t5\t\t\t\t\n");
    check(&group, GROUP_MEMBERS, TABLE_TSV,
          "memberId\tgroupInstanceId\tclientId\tclientHost\tpartitions\tassignment\n"
          "m\t\tc\t/h\t3\tt:0,3 u:1\n");
    check(&group, GROUP_ALL, TABLE_FOR_PEOPLE,
          "group g, state Stable, coordinator 3, assigned by range\n"
          "\n"
          "MEMBER  INSTANCE  CLIENT  HOST  PARTITIONS\n"
          "m       -         c       /h             3\n"
          "\n"
          "TOPIC  PARTITION  COMMITTED  LOG END  LAG  MEMBER  METADATA\n"
          "t              0          5        9    4  m       -\n"
          "t              1          -        3    -  -       -\n"
          "t              2          5        -    -  -       -\n");
}
END_TEST

UNIT_MAIN("group", nothing_of_bytes_that_are_none, any_version_is_read, printed)
