/* Metadata as text: random images there and back, and texts that are wrong. */
#include "cli/metadata_text.h"
#include "tests/unit/metadata/random_records.h"
#include "tests/unit/unit.h"

/* A random image with everything in it. */
static struct metadata_image *random_image(struct prng *rng, int records)
{
    struct metadata_image *image = metadata_image_new(slice_str("the-cluster"));
    for (int i = 0; i < records; i++) {
        struct arena a = {0};
        struct metadata_record r = random_record(rng, &a, image);
        struct metadata_delta *d = metadata_delta_begin(image);
        struct metadata_cause cause = metadata_cause_of(METADATA_EVENT_SESSION_ENDED, 3);
        cause.reason = random_text(rng, &a, 10);
        metadata_delta_batch(d, 1000 + i, &cause);
        if (metadata_delta_replay(d, i, &r) == ERR_NONE) {
            metadata_delta_advance(d, i, i / 10 + 1, 1000 + i);
            metadata_image_unref(image);
            image = metadata_delta_finish(d);
        } else {
            metadata_delta_drop(d);
        }
        arena_fini(&a);
    }
    return image;
}

static void check_values(const struct metadata_image *image,
                         const struct metadata_text_contents *contents)
{
    struct metadata_snapshot *s = metadata_snapshot_begin(image);
    struct metadata_record record;
    size_t i = 0;
    for (; metadata_snapshot_next(s, &record); i++) {
        struct buf value = {0};
        metadata_record_encode(&record, &value);
        ck_assert_uint_lt(i, contents->count);
        ck_assert(slice_eq(buf_slice(&value), contents->values[i]));
        buf_fini(&value);
    }
    ck_assert_uint_eq(i, contents->count);
    metadata_snapshot_end(s);
}

static struct slice line_break(struct slice text)
{
    const uint8_t *end = memchr(text.data, '\n', text.len);
    ck_assert_ptr_nonnull(end);
    return slice_of(end + 1, text.len - (size_t)(end + 1 - text.data));
}

START_TEST(texts_come_back_byte_for_byte)
{
    struct prng rng;
    prng_init(&rng, 0x7e47);
    for (int round = 0; round < 30; round++) {
        struct metadata_image *image = random_image(&rng, 1 + (int)prng_below(&rng, 400));
        struct metadata_text_contents contents;
        struct arena arena = {0};
        struct buf text = {0};
        struct buf again = {0};
        struct buf why = {0};
        metadata_text_put(metadata_image_stable(image), &text);
        enum err e = metadata_text_read(buf_slice(&text), &arena, &contents, &why);
        ck_assert_msg(e == ERR_NONE, "%.*s", SLICE_ARG(buf_slice(&why)));
        metadata_text_put(contents.image, &again);
        ck_assert(slice_eq(buf_slice(&text), buf_slice(&again)));
        check_values(metadata_image_stable(image), &contents);
        metadata_image_unref(contents.image);
        metadata_image_unref(image);
        buf_fini(&why);
        buf_fini(&again);
        buf_fini(&text);
        arena_fini(&arena);
    }
}
END_TEST

START_TEST(cut_texts_are_refused)
{
    struct prng rng;
    prng_init(&rng, 0xc07);
    struct metadata_image *image = random_image(&rng, 60);
    struct buf text = {0};
    metadata_text_put(metadata_image_stable(image), &text);
    for (size_t cut = 0; cut < text.len; cut += 37) {
        struct metadata_text_contents contents;
        struct arena arena = {0};
        struct buf why = {0};
        ck_assert_int_ne(metadata_text_read(slice_of(text.data, cut), &arena, &contents, &why),
                         ERR_NONE);
        ck_assert_ptr_null(contents.image);
        ck_assert_uint_gt(why.len, 0);
        buf_fini(&why);
        arena_fini(&arena);
    }
    buf_fini(&text);
    metadata_image_unref(image);
}
END_TEST

START_TEST(lines_must_be_all_there_and_in_order)
{
    struct prng rng;
    prng_init(&rng, 0x0de);
    struct metadata_image *image = random_image(&rng, 200);
    struct buf text = {0};
    struct buf twice = {0};
    struct metadata_text_contents contents;
    struct arena arena = {0};
    struct buf why = {0};
    metadata_text_put(metadata_image_stable(image), &text);
    /* The first record once more. */
    struct slice rest = line_break(buf_slice(&text));
    struct slice second = line_break(rest);
    buf_put(&twice, text.data, (size_t)(second.data - text.data));
    buf_put_slice(&twice, rest);
    ck_assert_int_ne(metadata_text_read(buf_slice(&twice), &arena, &contents, &why), ERR_NONE);
    buf_fini(&why);
    buf_fini(&twice);
    buf_fini(&text);
    arena_fini(&arena);
    metadata_image_unref(image);
}
END_TEST

UNIT_MAIN("metadata_text", texts_come_back_byte_for_byte, cut_texts_are_refused,
          lines_must_be_all_there_and_in_order)
