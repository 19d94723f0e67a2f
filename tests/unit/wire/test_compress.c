/* The four codecs: what they refuse, and that what goes in comes out. */
#include "wire/compress.h"

#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/prng.h"
#include "tests/unit/wire/hex.h"

enum { SEED = 7, BYTES_MAX = 8 << 20 };

static struct arena arena;
static struct buf packed;
static struct buf plain;
static struct prng prng;

static void setup(void)
{
    arena = (struct arena){0};
    packed = (struct buf){0};
    plain = (struct buf){0};
    prng_init(&prng, SEED);
}

static void teardown(void)
{
    arena_fini(&arena);
    buf_fini(&packed);
    buf_fini(&plain);
}

/* Half noise, half repetition. */
static struct slice sample(size_t len)
{
    uint8_t *bytes = arena_alloc(&arena, len + 1);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i / 1000 % 2 == 0 ? prng_next(&prng) : i / 7);
    }
    return slice_of(bytes, len);
}

#define FOR_CODECS(codec) \
    for (enum wire_compression codec = WIRE_COMPRESSION_GZIP; codec <= WIRE_COMPRESSION_ZSTD; \
         codec++)

START_TEST(refuses_what_it_does_not_know)
{
    enum wire_compression codec;
    ck_assert(!wire_compression_parse(slice_str("brotli"), &codec));
    ck_assert(!wire_compression_parse(SLICE_NULL, &codec));
    ck_assert_int_eq(wire_decompress((enum wire_compression)5, slice_str("x"), 10, &plain),
                     ERR_UNSUPPORTED_COMPRESSION_TYPE);
}
END_TEST

START_TEST(refuses_every_truncation)
{
    struct slice in = sample(3000);
    FOR_CODECS(codec)
    {
        buf_reset(&packed);
        wire_compress(codec, WIRE_LEVEL_DEFAULT, in, &packed);
        for (size_t len = 0; len < packed.len; len++) {
            uint8_t *cut = mem_alloc(len);
            memcpy(cut, packed.data, len);
            buf_put_str(&plain, "kept");
            enum err e = wire_decompress(codec, slice_of(cut, len), BYTES_MAX, &plain);
            /* What snappy's frame holds ends with any block. */
            bool whole_blocks = codec == WIRE_COMPRESSION_SNAPPY && len == 16;
            ck_assert_msg(e == (whole_blocks ? ERR_NONE : ERR_CORRUPT_MESSAGE), "%s at %zu",
                          wire_compression_name(codec), len);
            ck_assert(slice_eq_str(buf_slice(&plain), "kept"));
            buf_reset(&plain);
            mem_free(cut);
        }
    }
}
END_TEST

START_TEST(refuses_garbage_behind)
{
    FOR_CODECS(codec)
    {
        buf_reset(&packed);
        wire_compress(codec, WIRE_LEVEL_DEFAULT, sample(100), &packed);
        buf_put_str(&packed, "??");
        ck_assert_int_eq(wire_decompress(codec, buf_slice(&packed), BYTES_MAX, &plain),
                         ERR_CORRUPT_MESSAGE);
    }
}
END_TEST

START_TEST(output_is_bounded_exactly)
{
    static const size_t lengths[] = {1, 4095, 4096, 4097, 100000};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct slice in = sample(lengths[i]);
        FOR_CODECS(codec)
        {
            buf_reset(&packed);
            wire_compress(codec, WIRE_LEVEL_DEFAULT, in, &packed);
            ck_assert_int_eq(wire_decompress(codec, buf_slice(&packed), in.len - 1, &plain),
                             ERR_MESSAGE_TOO_LARGE);
            ck_assert_uint_eq(plain.len, 0);
            ck_assert_int_eq(wire_decompress(codec, buf_slice(&packed), in.len, &plain), ERR_NONE);
            ck_assert(slice_eq(buf_slice(&plain), in));
            buf_reset(&plain);
        }
    }
}
END_TEST

/* A small block that says it is 1 GiB must not cost that much memory. */
START_TEST(lies_about_the_length_cost_nothing)
{
    ck_assert_int_eq(
        wire_decompress(WIRE_COMPRESSION_SNAPPY, unhex(&arena, "808080800400"), SIZE_MAX, &plain),
        ERR_CORRUPT_MESSAGE);
    ck_assert_uint_lt(plain.cap, 1 << 16);
}
END_TEST

START_TEST(survives_any_flipped_byte)
{
    struct slice in = sample(2500);
    FOR_CODECS(codec)
    {
        buf_reset(&packed);
        wire_compress(codec, WIRE_LEVEL_DEFAULT, in, &packed);
        for (size_t at = 0; at < packed.len; at++) {
            uint8_t old = packed.data[at];
            packed.data[at] = (uint8_t)prng_next(&prng);
            (void)!wire_decompress(codec, buf_slice(&packed), 1 << 16, &plain);
            buf_reset(&plain);
            packed.data[at] = old;
        }
    }
}
END_TEST

START_TEST(what_goes_in_comes_out)
{
    static const size_t lengths[] = {0, 1, 100, 32767, 32768, 32769, 65537, 3000000};
    static const int levels[] = {WIRE_LEVEL_DEFAULT, -100, 1, 5, 9, 12, 100};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct slice in = sample(lengths[i]);
        for (size_t k = 0; k < (in.len > 1 << 20 ? 1 : ARRAY_LEN(levels)); k++) {
            FOR_CODECS(codec)
            {
                buf_reset(&packed);
                buf_reset(&plain);
                wire_compress(codec, levels[k], in, &packed);
                enum err e = wire_decompress(codec, buf_slice(&packed), BYTES_MAX, &plain);
                ck_assert_int_eq(e, ERR_NONE);
                ck_assert(slice_eq(buf_slice(&plain), in));
            }
        }
    }
}
END_TEST

/* gzip members, snappy frames and zstd frames may follow one another; some clients send raw
 * snappy. */
START_TEST(reads_other_forms)
{
    struct slice a = sample(5000);
    static const enum wire_compression chained[] = {WIRE_COMPRESSION_GZIP, WIRE_COMPRESSION_SNAPPY,
                                                    WIRE_COMPRESSION_ZSTD};
    for (size_t i = 0; i < ARRAY_LEN(chained); i++) {
        buf_reset(&packed);
        buf_reset(&plain);
        wire_compress(chained[i], WIRE_LEVEL_DEFAULT, a, &packed);
        wire_compress(chained[i], WIRE_LEVEL_DEFAULT, slice_str("second"), &packed);
        ck_assert_int_eq(wire_decompress(chained[i], buf_slice(&packed), BYTES_MAX, &plain),
                         ERR_NONE);
        ck_assert_uint_eq(plain.len, a.len + 6);
        ck_assert_mem_eq(plain.data + a.len, "second", 6);
    }
    buf_reset(&plain);
    struct slice raw = unhex(&arena, "05106162636465");
    ck_assert_int_eq(wire_decompress(WIRE_COMPRESSION_SNAPPY, raw, BYTES_MAX, &plain), ERR_NONE);
    ck_assert(slice_eq_str(buf_slice(&plain), "abcde"));
}
END_TEST

START_TEST(names)
{
    enum wire_compression codec;
    FOR_CODECS(each)
    {
        ck_assert(wire_compression_parse(slice_str(wire_compression_name(each)), &codec));
        ck_assert_int_eq(codec, each);
    }
    ck_assert(wire_compression_parse(slice_str("uncompressed"), &codec));
    ck_assert_int_eq(codec, WIRE_COMPRESSION_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("compress");
    TCase *tc = tcase_create("compress");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, refuses_what_it_does_not_know);
    tcase_add_test(tc, refuses_every_truncation);
    tcase_add_test(tc, refuses_garbage_behind);
    tcase_add_test(tc, output_is_bounded_exactly);
    tcase_add_test(tc, lies_about_the_length_cost_nothing);
    tcase_add_test(tc, survives_any_flipped_byte);
    tcase_add_test(tc, what_goes_in_comes_out);
    tcase_add_test(tc, reads_other_forms);
    tcase_add_test(tc, names);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
