/* Decoding and encoding of every message in every version. */
#include "wire/wire.h"

#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/unit/wire/random.h"

enum { SEED = 20241, ROUNDS = 12 };

struct fixture {
    struct arena arena;
    struct buf out;
    struct prng prng;
};

static struct fixture fx;

static void setup(void)
{
    fx = (struct fixture){0};
    prng_init(&fx.prng, SEED);
}

static void teardown(void)
{
    arena_fini(&fx.arena);
    buf_fini(&fx.out);
}

/* An exact heap copy, so that a read behind the end is seen by the sanitizer. */
static struct slice exact(struct slice s)
{
    uint8_t *copy = mem_alloc(s.len);
    memcpy(copy, s.data, s.len);
    return slice_of(copy, s.len);
}

static void drop(struct slice s)
{
    mem_free((void *)(uintptr_t)s.data);
}

static enum err decode_exact(const struct wire_message *m, int16_t version, struct slice in)
{
    struct arena arena = {0};
    void *out = wire_new(m, &arena);
    struct slice copy = exact(in);
    enum err e = wire_decode(m, version, copy, &arena, out);
    drop(copy);
    arena_fini(&arena);
    return e;
}

#define FOR_ALL(m, version) \
    for (size_t at_ = 0; at_ < wire_messages_count; at_++) \
        for (const struct wire_message *m = wire_messages[at_]; m != NULL; m = NULL) \
            for (int16_t version = m->versions.first; version <= m->versions.last; version++)

/* ---- refusals ---- */

START_TEST(refuses_versions_it_does_not_know)
{
    struct wire_metadata_request request;
    const struct wire_message *m = &wire_msg_metadata_request;
    wire_init(m, &request);
    ck_assert_int_eq(wire_decode(m, -1, slice_of("", 0), &fx.arena, &request),
                     ERR_UNSUPPORTED_VERSION);
    ck_assert_int_eq(wire_decode(m, 14, slice_of("", 0), &fx.arena, &request),
                     ERR_UNSUPPORTED_VERSION);
    ck_assert_int_eq(wire_encode(m, 14, &request, &fx.out), ERR_UNSUPPORTED_VERSION);
    ck_assert_uint_eq(fx.out.len, 0);
    ck_assert_ptr_null(wire_request(4));
    ck_assert_ptr_null(wire_response(-1));
    ck_assert_ptr_null(wire_api(INT16_MAX));
}
END_TEST

START_TEST(refuses_every_truncation_and_garbage_behind)
{
    FOR_ALL(m, version)
    {
        void *in = wire_new(m, &fx.arena);
        wire_random(m, version, &fx.prng, &fx.arena, in);
        buf_reset(&fx.out);
        ck_assert_int_eq(wire_encode(m, version, in, &fx.out), ERR_NONE);
        for (size_t len = 0; len < fx.out.len; len++) {
            enum err e = decode_exact(m, version, slice_of(fx.out.data, len));
            ck_assert_msg(e == ERR_MALFORMED, "%s v%d: %zu of %zu bytes", m->name, version, len,
                          fx.out.len);
        }
        buf_put_i8(&fx.out, 0);
        ck_assert_int_eq(decode_exact(m, version, buf_slice(&fx.out)), ERR_MALFORMED);
    }
}
END_TEST

START_TEST(survives_any_flipped_byte)
{
    FOR_ALL(m, version)
    {
        void *in = wire_new(m, &fx.arena);
        wire_random(m, version, &fx.prng, &fx.arena, in);
        buf_reset(&fx.out);
        ck_assert_int_eq(wire_encode(m, version, in, &fx.out), ERR_NONE);
        for (size_t at = 0; at < fx.out.len; at++) {
            uint8_t old = fx.out.data[at];
            fx.out.data[at] = (uint8_t)prng_next(&fx.prng);
            (void)!decode_exact(m, version, buf_slice(&fx.out));
            fx.out.data[at] = old;
        }
    }
}
END_TEST

static void malformed(const struct wire_message *m, int16_t version, const char *bytes, size_t len)
{
    ck_assert_int_eq(decode_exact(m, version, slice_of(bytes, len)), ERR_MALFORMED);
}

START_TEST(refuses_lengths_that_cannot_be)
{
    /* MetadataRequest v1: an array of 2^31 - 1 topics, of -2, null in v0. */
    malformed(&wire_msg_metadata_request, 1, "\x7f\xff\xff\xff", 4);
    malformed(&wire_msg_metadata_request, 1, "\xff\xff\xff\xfe", 4);
    malformed(&wire_msg_metadata_request, 0, "\xff\xff\xff\xff", 4);
    /* A topic name of -2 and of -1 bytes. */
    malformed(&wire_msg_metadata_request, 1, "\0\0\0\1\xff\xfe", 6);
    malformed(&wire_msg_metadata_request, 1, "\0\0\0\1\xff\xff", 6);
    /* A compact array of 2^32 - 2 topics; one whose length is a varint of six bytes. */
    malformed(&wire_msg_metadata_request, 9, "\xff\xff\xff\xff\x0f\0\0\0\0", 9);
    malformed(&wire_msg_metadata_request, 9, "\x80\x80\x80\x80\x80\1\0\0\0\0", 10);
    /* ApiVersionsRequest: a tagged field longer than what is left; more tags than bytes. */
    malformed(&wire_msg_api_versions_request, 3, "\1\1\1\0\5\1", 6);
    malformed(&wire_msg_api_versions_request, 3, "\1\1\xff\xff\xff\xff\x0f", 7);
}
END_TEST

START_TEST(refuses_a_tagged_field_that_is_not_as_long_as_it_says)
{
    /* ApiVersionsResponse v3 with FinalizedFeaturesEpoch (tag 1) of 8, 7 and 9 bytes. */
    static const char head[] = "\0\0\1\0\0\0\0\1\1";
    for (char len = 7; len <= 9; len++) {
        buf_reset(&fx.out);
        buf_put(&fx.out, head, sizeof head - 1);
        buf_put_i8(&fx.out, len);
        buf_put(&fx.out, "\0\0\0\0\0\0\0\0\0", (size_t)len);
        enum err e = decode_exact(&wire_msg_api_versions_response, 3, buf_slice(&fx.out));
        ck_assert_int_eq(e, len == 8 ? ERR_NONE : ERR_MALFORMED);
    }
}
END_TEST

/* Strings have at most 32,767 bytes, also where the form would allow more. */
START_TEST(refuses_strings_that_are_too_long)
{
    static char text[INT16_MAX + 1];
    struct wire_api_versions_request request;
    const struct wire_message *m = &wire_msg_api_versions_request;
    wire_init(m, &request);
    request.client_software_name = slice_of(text, sizeof text);
    buf_put_str(&fx.out, "kept");
    ck_assert_int_eq(wire_encode(m, 3, &request, &fx.out), ERR_MESSAGE_TOO_LARGE);
    ck_assert(slice_eq_str(buf_slice(&fx.out), "kept"));
    request.client_software_name.len--;
    buf_reset(&fx.out);
    ck_assert_int_eq(wire_encode(m, 3, &request, &fx.out), ERR_NONE);
    ck_assert_int_eq(decode_exact(m, 3, buf_slice(&fx.out)), ERR_NONE);
}
END_TEST

START_TEST(refuses_what_a_version_cannot_carry)
{
    struct wire_delete_topics_request by_id;
    wire_init(&wire_msg_delete_topics_request, &by_id);
    by_id.topics = wire_new_array(&wire_msg_delete_topics_request_topics, &fx.arena, 1);
    by_id.topics_count = 1;
    ck_assert_int_eq(wire_encode(&wire_msg_delete_topics_request, 5, &by_id, &fx.out),
                     ERR_UNSUPPORTED_VERSION);
    ck_assert_int_eq(wire_encode(&wire_msg_delete_topics_request, 6, &by_id, &fx.out), ERR_NONE);
    /* Null where the version has no null. */
    struct wire_metadata_request all;
    wire_init(&wire_msg_metadata_request, &all);
    all.topics_count = -1;
    ck_assert_int_eq(wire_encode(&wire_msg_metadata_request, 0, &all, &fx.out),
                     ERR_UNSUPPORTED_VERSION);
    ck_assert_int_eq(wire_encode(&wire_msg_metadata_request, 1, &all, &fx.out), ERR_NONE);
}
END_TEST

START_TEST(drops_what_is_ignorable)
{
    struct wire_fetch_response response;
    const struct wire_message *m = &wire_msg_fetch_response;
    wire_init(m, &response);
    response.throttle_time_ms = 7;
    ck_assert_int_eq(wire_encode(m, 0, &response, &fx.out), ERR_NONE);
    ck_assert_int_eq(wire_decode(m, 0, buf_slice(&fx.out), &fx.arena, &response), ERR_NONE);
    ck_assert_int_eq(response.throttle_time_ms, 0);
}
END_TEST

/* The promise of WIRE_MEMORY_PER_BYTE, for bytes made to take as much as they can. */
START_TEST(memory_is_bounded_by_the_bytes)
{
    FOR_ALL(m, version)
    {
        uint8_t bytes[4096];
        for (int fill = 0; fill < 3; fill++) {
            for (size_t i = 0; i < sizeof bytes; i++) {
                bytes[i] = fill == 0 ? 1 : fill == 1 ? 2 : (uint8_t)prng_below(&fx.prng, 4);
            }
            struct arena arena = {0};
            struct reader r = reader_of(slice_of(bytes, sizeof bytes));
            void *out = wire_new(m, &fx.arena);
            (void)!wire_decode_prefix(m, version, &r, &arena, out);
            /* The arena's blocks double, so at most half of them is not used. */
            ck_assert_uint_le(arena.total, 2 * WIRE_MEMORY_PER_BYTE * sizeof bytes + 4096);
            arena_fini(&arena);
        }
    }
}
END_TEST

/* ---- identity ---- */

START_TEST(what_is_encoded_decodes_to_the_same)
{
    struct buf again = {0};
    for (int round = 0; round < ROUNDS; round++) {
        FOR_ALL(m, version)
        {
            struct arena arena = {0};
            void *in = wire_new(m, &arena);
            void *back = wire_new(m, &arena);
            wire_random(m, version, &fx.prng, &arena, in);
            buf_reset(&fx.out);
            buf_reset(&again);
            ck_assert_int_eq(wire_encode(m, version, in, &fx.out), ERR_NONE);
            enum err e = wire_decode(m, version, buf_slice(&fx.out), &arena, back);
            ck_assert_msg(e == ERR_NONE, "%s v%d", m->name, version);
            ck_assert_int_eq(wire_encode(m, version, back, &again), ERR_NONE);
            ck_assert(slice_eq(buf_slice(&fx.out), buf_slice(&again)));
            /* Every field of the version, by its printed form. */
            buf_reset(&again);
            wire_print(m, version, in, &again);
            size_t half = again.len;
            wire_print(m, version, back, &again);
            ck_assert_uint_eq(again.len, 2 * half);
            ck_assert_mem_eq(again.data, again.data + half, half);
            arena_fini(&arena);
        }
    }
    buf_fini(&again);
}
END_TEST

START_TEST(fields_that_a_version_lacks_get_their_defaults)
{
    struct wire_fetch_request request;
    memset(&request, 0x55, sizeof request);
    static const char bytes[] = "\xff\xff\xff\xff\0\0\0\1\0\0\0\2\0\0\0\0";
    struct slice in = slice_of(bytes, sizeof bytes - 1);
    ck_assert_int_eq(wire_decode(&wire_msg_fetch_request, 0, in, &fx.arena, &request), ERR_NONE);
    ck_assert_int_eq(request.replica_id, -1);
    ck_assert_int_eq(request.min_bytes, 2);
    ck_assert_int_eq(request.max_bytes, 0x7fffffff);
    ck_assert_int_eq(request.session_epoch, -1);
    ck_assert_int_eq(request.replica_state.replica_epoch, -1);
    ck_assert(slice_is_null(request.cluster_id));
    ck_assert(slice_eq_str(request.rack_id, ""));
    ck_assert_int_eq(request.forgotten_topics_data_count, 0);
}
END_TEST

START_TEST(unknown_tags_are_skipped)
{
    struct wire_api_versions_request request;
    struct slice in = slice_of("\2a\2b\2\5\3xyz\x80\1\0", 13);
    ck_assert_int_eq(wire_decode(&wire_msg_api_versions_request, 3, in, &fx.arena, &request),
                     ERR_NONE);
    ck_assert(slice_eq_str(request.client_software_name, "a"));
    ck_assert(slice_eq_str(request.client_software_version, "b"));
}
END_TEST

START_TEST(a_prefix_ends_where_the_message_does)
{
    struct wire_api_versions_request request;
    struct slice in = slice_of("\2a\2b\0rest", 9);
    struct reader r = reader_of(in);
    const struct wire_message *m = &wire_msg_api_versions_request;
    ck_assert_int_eq(wire_decode_prefix(m, 3, &r, &fx.arena, &request), ERR_NONE);
    ck_assert_uint_eq(reader_left(&r), 4);
    r = reader_of(slice_of(in.data, 3));
    ck_assert_int_eq(wire_decode_prefix(m, 3, &r, &fx.arena, &request), ERR_MALFORMED);
    ck_assert_uint_eq(reader_left(&r), 3);
}
END_TEST

/* ---- gaps ---- */

START_TEST(external_records_leave_gaps)
{
    struct wire_fetch_response response;
    const struct wire_message *m = &wire_msg_fetch_response;
    wire_init(m, &response);
    response.responses = wire_new_array(&wire_msg_fetch_response_responses, &fx.arena, 1);
    response.responses_count = 1;
    response.responses[0].partitions =
        wire_new_array(&wire_msg_fetch_response_responses_partitions, &fx.arena, 20);
    response.responses[0].partitions_count = 20;
    static const char records[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (int16_t version = 0; version <= m->versions.last; version++) {
        struct wire_fetch_response_responses_partitions *p = response.responses[0].partitions;
        for (int i = 0; i < 20; i++) {
            p[i].diverging_epoch.epoch = i % 3 == 0 && version >= 12 ? i : -1;
            p[i].records = slice_of(records, (size_t)i);
        }
        struct buf whole = {0};
        ck_assert_int_eq(wire_encode(m, version, &response, &whole), ERR_NONE);
        for (int i = 0; i < 20; i++) {
            p[i].records = slice_of(i % 2 == 0 ? (const void *)WIRE_EXTERNAL : records, (size_t)i);
        }
        struct wire_gaps gaps = {.arena = &fx.arena};
        buf_reset(&fx.out);
        ck_assert_int_eq(wire_encode_gaps(m, version, &response, &fx.out, &gaps), ERR_NONE);
        ck_assert_uint_eq(gaps.count, 10);
        ck_assert_uint_eq(fx.out.len + gaps.bytes, whole.len);
        struct buf filled = {0};
        size_t at = 0;
        for (size_t i = 0; i < gaps.count; i++) {
            buf_put(&filled, fx.out.data + at, gaps.items[i].at - at);
            buf_put(&filled, records, gaps.items[i].len);
            at = gaps.items[i].at;
        }
        buf_put(&filled, fx.out.data + at, fx.out.len - at);
        ck_assert(slice_eq(buf_slice(&filled), buf_slice(&whole)));
        buf_fini(&filled);
        buf_fini(&whole);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("codec");
    TCase *tc = tcase_create("codec");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, refuses_versions_it_does_not_know);
    tcase_add_test(tc, refuses_every_truncation_and_garbage_behind);
    tcase_add_test(tc, survives_any_flipped_byte);
    tcase_add_test(tc, refuses_lengths_that_cannot_be);
    tcase_add_test(tc, refuses_a_tagged_field_that_is_not_as_long_as_it_says);
    tcase_add_test(tc, refuses_strings_that_are_too_long);
    tcase_add_test(tc, refuses_what_a_version_cannot_carry);
    tcase_add_test(tc, drops_what_is_ignorable);
    tcase_add_test(tc, memory_is_bounded_by_the_bytes);
    tcase_add_test(tc, what_is_encoded_decodes_to_the_same);
    tcase_add_test(tc, fields_that_a_version_lacks_get_their_defaults);
    tcase_add_test(tc, unknown_tags_are_skipped);
    tcase_add_test(tc, a_prefix_ends_where_the_message_does);
    tcase_add_test(tc, external_records_leave_gaps);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
