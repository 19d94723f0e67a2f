/* The records: exact bytes, all versions, bad ones; and what a reload makes of them. */
#include "tests/unit/broker/test_group_fixture.h"

static const struct fix_who SIMPLE = {.generation = -1};

static enum err replay(struct fix *f, struct slice key, struct slice value)
{
    return group_shard_replay(f->shard, -1, key, value);
}

static struct fix *loading(void)
{
    struct fix *f = fix_raw();
    f->shard = group_shard_new(&f->config, NULL);
    return f;
}

static void put_string(struct buf *b, const char *text)
{
    buf_put_i16(b, text == NULL ? -1 : (int16_t)strlen(text));
    buf_put_str(b, text == NULL ? "" : text);
}

static void put_bytes(struct buf *b, const char *text)
{
    buf_put_i32(b, (int32_t)strlen(text));
    buf_put_str(b, text);
}

static struct buf offset_key(int16_t version, const char *group, int32_t partition)
{
    struct buf b = {0};
    buf_put_i16(&b, version);
    put_string(&b, group);
    put_string(&b, "t");
    buf_put_i32(&b, partition);
    return b;
}

static struct buf group_key(const char *group)
{
    struct buf b = {0};
    buf_put_i16(&b, 2);
    put_string(&b, group);
    return b;
}

/* GroupMetadata of one member "m", written out by hand, any version. */
static struct buf group_value(int16_t version, int32_t generation, const char *member)
{
    struct buf b = {0};
    buf_put_i16(&b, version);
    put_string(&b, "consumer");
    buf_put_i32(&b, generation);
    put_string(&b, "range");
    put_string(&b, member);
    if (version >= 2) {
        buf_put_i64(&b, 1600000000000);
    }
    buf_put_i32(&b, 1);
    put_string(&b, member);
    if (version >= 3) {
        put_string(&b, "instance");
    }
    put_string(&b, "client");
    put_string(&b, "/10.0.0.1");
    if (version >= 1) {
        buf_put_i32(&b, 300000);
    }
    buf_put_i32(&b, 45000);
    put_bytes(&b, "subscription");
    put_bytes(&b, "assignment");
    return b;
}

START_TEST(refuses_bad_bytes)
{
    struct fix *f = loading();
    ck_assert_int_eq(replay(f, slice_str(""), SLICE_NULL), ERR_CORRUPT);
    ck_assert_int_eq(replay(f, SLICE_NULL, SLICE_NULL), ERR_CORRUPT);
    ck_assert_int_eq(replay(f, slice_of("\xff\xff", 2), SLICE_NULL), ERR_CORRUPT);
    struct buf key = offset_key(1, "g", 0);
    for (size_t len = 0; len < key.len; len++) {
        ck_assert_int_eq(replay(f, slice_of(key.data, len), SLICE_NULL), ERR_CORRUPT);
    }
    ck_assert_int_eq(replay(f, buf_slice(&key), slice_str("")), ERR_CORRUPT);
    ck_assert_int_eq(replay(f, buf_slice(&key), slice_of("\x00\x63", 2)), ERR_CORRUPT);
    struct buf gkey = group_key("g");
    for (int16_t version = 0; version <= 3; version++) {
        struct buf value = group_value(version, 1, "m");
        for (size_t len = 0; len < value.len; len++) {
            ck_assert_int_eq(replay(f, buf_slice(&gkey), slice_of(value.data, len)), ERR_CORRUPT);
        }
        buf_fini(&value);
    }
    struct buf negative = group_value(3, -5, "m");
    ck_assert_int_eq(replay(f, buf_slice(&gkey), buf_slice(&negative)), ERR_CORRUPT);
    struct buf nameless = group_value(3, 1, "");
    ck_assert_int_eq(replay(f, buf_slice(&gkey), buf_slice(&nameless)), ERR_CORRUPT);
    struct group_shard_stats stats;
    group_shard_stats(f->shard, &stats);
    ck_assert_msg(stats.groups == 0, "a bad record changes nothing");
    buf_fini(&key);
    buf_fini(&gkey);
    buf_fini(&negative);
    buf_fini(&nameless);
    fix_free(f);
}
END_TEST

START_TEST(skips_records_of_other_protocols)
{
    struct fix *f = loading();
    for (int16_t version = 9; version < 20; version++) {
        if (version == 16) {
            continue; /* of consumer groups */
        }
        uint8_t key[4] = {0, (uint8_t)version, 1, 2};
        ck_assert_int_eq(replay(f, slice_of(key, sizeof key), slice_str("whatever")), ERR_NONE);
        ck_assert_int_eq(replay(f, slice_of(key, sizeof key), SLICE_NULL), ERR_NONE);
    }
    fix_free(f);
}
END_TEST

START_TEST(reads_every_version_of_a_group)
{
    for (int16_t version = 0; version <= 3; version++) {
        struct fix *f = loading();
        struct buf key = group_key("g");
        struct buf value = group_value(version, 17, "m");
        ck_assert_int_eq(replay(f, buf_slice(&key), buf_slice(&value)), ERR_NONE);
        group_shard_loaded(f->shard, f->now, &f->out);
        group_shard_verify(f->shard);
        struct buf dump = {0};
        group_shard_dump(f->shard, &dump);
        buf_put_i8(&dump, 0);
        ck_assert_ptr_nonnull(strstr((char *)dump.data, "state=Stable generation=17 "
                                                        "type=consumer protocol=range leader=m"));
        ck_assert_ptr_nonnull(
            strstr((char *)dump.data, version >= 3 ? "instance=instance" : "instance=null"));
        ck_assert_ptr_nonnull(
            strstr((char *)dump.data, version >= 1 ? "rebalance=300000" : "rebalance=45000"));
        struct fix_who w = {
            .member = "m", .instance = version >= 3 ? "instance" : NULL, .generation = 17};
        ck_assert_int_eq(fix_heartbeat(f, w), ERR_NONE);
        fix_pass(f, 45000);
        ck_assert_str_eq(fix_state(f, "g"), "Empty");
        buf_fini(&dump);
        buf_fini(&key);
        buf_fini(&value);
        fix_free(f);
    }
}
END_TEST

START_TEST(reads_every_version_of_an_offset)
{
    for (int16_t version = 0; version <= 4; version++) {
        struct fix *f = loading();
        struct buf key = offset_key(version % 2, "g", 3);
        struct buf value = {0};
        buf_put_i16(&value, version);
        buf_put_i64(&value, 1234);
        if (version >= 3) {
            buf_put_i32(&value, 8);
        }
        if (version >= 4) {
            buf_put_uvarint(&value, 2);
            buf_put_str(&value, "m");
        } else {
            put_string(&value, "m");
        }
        buf_put_i64(&value, f->now.wall_ms);
        if (version == 1) {
            buf_put_i64(&value, f->now.wall_ms + 1000);
        }
        if (version >= 4) {
            buf_put_uvarint(&value, 0);
        }
        ck_assert_int_eq(replay(f, buf_slice(&key), buf_slice(&value)), ERR_NONE);
        group_shard_loaded(f->shard, f->now, &f->out);
        ck_assert_int_eq(fix_fetch(f, "g", "t", 3, true), 1234);
        fix_pass(f, 600000);
        ck_assert_int_eq(fix_fetch(f, "g", "t", 3, true), version == 1 ? -1 : 1234);
        buf_fini(&key);
        buf_fini(&value);
        fix_free(f);
    }
}
END_TEST

START_TEST(writes_kafkas_bytes)
{
    struct fix *f = fix_new();
    f->now.wall_ms = 1700000000123;
    fix_commit(f,
               (struct fix_commit){.who = SIMPLE, .partition = 2, .offset = 77, .metadata = "x"});
    struct buf key = offset_key(1, "g", 2);
    ck_assert(slice_eq(f->written[0].key, buf_slice(&key)));
    struct buf value = {0};
    buf_put_i16(&value, 3);
    buf_put_i64(&value, 77);
    buf_put_i32(&value, -1);
    put_string(&value, "x");
    buf_put_i64(&value, 1700000000123);
    ck_assert(slice_eq(f->written[0].value, buf_slice(&value)));
    buf_fini(&key);
    buf_fini(&value);

    size_t join = fix_join_now(
        f, (struct fix_join){
               .group = "h", .instance = "instance", .session_ms = 45000, .rebalance_ms = 300000});
    const char *id = fix_str(f, fix_joined(f, join)->member_id);
    const char *assignment[] = {id, "assignment", NULL};
    fix_sync(f, (struct fix_who){"h", id, "instance", 1}, assignment);
    key = group_key("h");
    ck_assert(slice_eq(f->written[1].key, buf_slice(&key)));
    buf_put_i16(&value, 3);
    put_string(&value, "consumer");
    buf_put_i32(&value, 1);
    put_string(&value, "range");
    put_string(&value, id);
    buf_put_i64(&value, 1700000000123);
    buf_put_i32(&value, 1);
    put_string(&value, id);
    put_string(&value, "instance");
    put_string(&value, "client");
    put_string(&value, "/127.0.0.1");
    buf_put_i32(&value, 300000);
    buf_put_i32(&value, 45000);
    struct slice subscription = fix_subscription(f, "t");
    buf_put_i32(&value, (int32_t)subscription.len);
    buf_put_slice(&value, subscription);
    put_bytes(&value, "assignment");
    ck_assert(slice_eq(f->written[1].value, buf_slice(&value)));
    buf_fini(&key);
    buf_fini(&value);
    fix_free(f);
}
END_TEST

START_TEST(later_records_replace_earlier_ones)
{
    struct fix *f = loading();
    struct buf key = group_key("g");
    struct buf first = group_value(3, 1, "old");
    struct buf second = group_value(3, 2, "new");
    ck_assert_int_eq(replay(f, buf_slice(&key), buf_slice(&first)), ERR_NONE);
    ck_assert_int_eq(replay(f, buf_slice(&key), buf_slice(&second)), ERR_NONE);
    group_shard_loaded(f->shard, f->now, &f->out);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, "old", NULL, 1}),
                     ERR_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, "new", NULL, 2}), ERR_NONE);
    buf_fini(&key);
    buf_fini(&first);
    buf_fini(&second);
    fix_free(f);
}
END_TEST

START_TEST(tombstone_removes_the_group_but_not_its_offsets)
{
    struct fix *f = loading();
    struct buf gkey = group_key("g");
    struct buf gvalue = group_value(3, 5, "m");
    ck_assert_int_eq(replay(f, buf_slice(&gkey), buf_slice(&gvalue)), ERR_NONE);
    ck_assert_int_eq(replay(f, buf_slice(&gkey), SLICE_NULL), ERR_NONE);
    ck_assert_int_eq(replay(f, buf_slice(&gkey), SLICE_NULL), ERR_NONE);
    group_shard_loaded(f->shard, f->now, &f->out);
    ck_assert_str_eq(fix_state(f, "g"), "Dead");
    fix_free(f);
    buf_fini(&gkey);
    buf_fini(&gvalue);
}
END_TEST

/* The text of what a reload restores. */
static char *dump(struct fix *f)
{
    struct buf b = {0};
    group_shard_dump(f->shard, &b);
    char *text = slice_dup_str(buf_slice(&b));
    buf_fini(&b);
    return text;
}

START_TEST(reload_restores_the_stable_group)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    fix_stable_member(f, "h");
    fix_commit(f, (struct fix_commit){.who = {.member = a, .generation = 1}, .offset = 10});
    const char *b = fix_member_id(f, "g");
    size_t jb = fix_join_now(f, (struct fix_join){.member = b});
    fix_join_now(f, (struct fix_join){.member = a});
    const char *assignment[] = {a, "X", b, "Y", NULL};
    fix_sync(f, (struct fix_who){.member = a, .generation = 2}, assignment);
    fix_sync(f, (struct fix_who){.member = b, .generation = 2}, NULL);
    ck_assert_int_eq(fix_joined(f, jb)->generation_id, 2);
    char *before = dump(f);
    fix_failover(f);
    char *after = dump(f);
    ck_assert_str_eq(before, after);
    /* The members notice nothing. */
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, b, NULL, 2}), ERR_NONE);
    size_t s = fix_sync(f, (struct fix_who){.member = b, .generation = 2}, NULL);
    ck_assert(slice_eq_str(fix_synced(f, s)->assignment, "Y"));
    ck_assert_int_eq(fix_commit(f, (struct fix_commit){.who = {NULL, b, NULL, 2}, .offset = 11}),
                     ERR_NONE);
    mem_free(before);
    mem_free(after);
    fix_free(f);
}
END_TEST

START_TEST(reload_in_the_middle_sends_back_to_join)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    const char *b = fix_member_id(f, "g");
    size_t jb = fix_join_now(f, (struct fix_join){.member = b});
    fix_join_now(f, (struct fix_join){.member = a});
    size_t sb = fix_sync(f, (struct fix_who){.member = b, .generation = 2}, NULL);
    fix_failover(f);
    ck_assert_int_eq(fix_joined(f, jb)->error_code, 0);
    ck_assert_int_eq(fix_synced(f, sb)->error_code, ERR_NOT_COORDINATOR);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, a, NULL, 2}), ERR_ILLEGAL_GENERATION);
    ck_assert_int_eq(fix_heartbeat(f, (struct fix_who){NULL, b, NULL, 2}), ERR_UNKNOWN_MEMBER_ID);
    size_t ja = fix_join_now(f, (struct fix_join){.member = a});
    ck_assert_int_eq(fix_joined(f, ja)->generation_id, 2);
    fix_free(f);
}
END_TEST

START_TEST(loaded_group_over_the_limit_rebalances)
{
    struct fix *f = fix_new();
    const char *a = fix_stable_member(f, "g");
    const char *b = fix_member_id(f, "g");
    fix_join_now(f, (struct fix_join){.member = b});
    fix_join_now(f, (struct fix_join){.member = a});
    fix_sync(f, (struct fix_who){.member = a, .generation = 2}, NULL);
    f->config.max_size = 1;
    fix_failover(f);
    ck_assert_str_eq(fix_state(f, "g"), "PreparingRebalance");
    ck_assert_int_eq(fix_commit(f, (struct fix_commit){.who = {NULL, b, NULL, 2}, .offset = 1}),
                     ERR_NONE);
    size_t jb = fix_join_now(f, (struct fix_join){.member = b});
    size_t ja = fix_join_now(f, (struct fix_join){.member = a});
    ck_assert_int_eq(fix_joined(f, ja)->error_code, ERR_GROUP_MAX_SIZE_REACHED);
    ck_assert_int_eq(fix_joined(f, jb)->generation_id, 3);
    fix_free(f);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("replay");
    tcase_add_test(tc, refuses_bad_bytes);
    tcase_add_test(tc, skips_records_of_other_protocols);
    tcase_add_test(tc, reads_every_version_of_a_group);
    tcase_add_test(tc, reads_every_version_of_an_offset);
    tcase_add_test(tc, writes_kafkas_bytes);
    tcase_add_test(tc, later_records_replace_earlier_ones);
    tcase_add_test(tc, tombstone_removes_the_group_but_not_its_offsets);
    tcase_add_test(tc, reload_restores_the_stable_group);
    tcase_add_test(tc, reload_in_the_middle_sends_back_to_join);
    tcase_add_test(tc, loaded_group_over_the_limit_rebalances);
    return fix_run(tc);
}
