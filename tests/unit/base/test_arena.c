/* Memory of one request. */
#include "base/arena.h"

#include "tests/unit/unit.h"

START_TEST(an_array_that_overflows)
{
    struct arena a = {0};
    arena_array(&a, SIZE_MAX / 8, 16);
}
END_TEST

START_TEST(more_than_there_can_be)
{
    struct arena a = {0};
    arena_alloc(&a, SIZE_MAX - 8);
}
END_TEST

START_TEST(pieces_are_zeroed_aligned_and_apart)
{
    struct arena a = {0};
    uint8_t *pieces[500];
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        size_t size = i * 7 % 300;
        pieces[i] = arena_alloc(&a, size);
        ck_assert_uint_eq((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < size; j++) {
            ck_assert_uint_eq(pieces[i][j], 0);
        }
        memset(pieces[i], (int)(i % 255) + 1, size);
    }
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        for (size_t j = 0; j < i * 7 % 300; j++) {
            ck_assert_uint_eq(pieces[i][j], i % 255 + 1);
        }
    }
    arena_fini(&a);
}
END_TEST

START_TEST(large_pieces_have_their_own_block)
{
    struct arena a = {0};
    arena_alloc(&a, 1);
    uint8_t *large = arena_alloc(&a, 10 << 20);
    memset(large, 1, 10 << 20);
    arena_alloc(&a, 1);
    ck_assert_uint_le(a.total, 12 << 20);
    arena_fini(&a);
    ck_assert_uint_eq(a.total, 0);
}
END_TEST

START_TEST(can_be_used_again)
{
    struct arena a = {0};
    arena_fini(&a);
    for (int round = 0; round < 3; round++) {
        ck_assert_str_eq(arena_printf(&a, "round %d", round) + 6, round == 0   ? "0"
                                                                  : round == 1 ? "1"
                                                                               : "2");
        arena_fini(&a);
        ck_assert_ptr_null(a.head);
    }
}
END_TEST

/* The newest block is used again, zeroed, and what was before it is gone. */
START_TEST(reset_keeps_one_block)
{
    struct arena a = {0};
    arena_reset(&a);
    arena_alloc(&a, 100000);
    uint8_t *large = arena_alloc(&a, 200000);
    memset(large, 1, 200000);
    size_t total = a.total;
    arena_reset(&a);
    ck_assert_uint_lt(a.total, total);
    ck_assert_uint_ge(a.total, 200000);
    uint8_t *again = arena_alloc(&a, 1000);
    ck_assert_ptr_eq(again, large);
    ck_assert_int_eq(again[999], 0);
    arena_fini(&a);
}
END_TEST

START_TEST(null_stays_null)
{
    struct arena a = {0};
    ck_assert_ptr_null(arena_str(&a, SLICE_NULL));
    ck_assert(slice_is_null(arena_dup(&a, SLICE_NULL)));
    ck_assert_ptr_null(a.head);
    arena_fini(&a);
}
END_TEST

START_TEST(copies_are_copies_and_end_with_a_nul)
{
    struct arena a = {0};
    char text[] = "some\0text";
    struct slice copy = arena_dup(&a, slice_of(text, 9));
    memset(text, 'x', sizeof text);
    ck_assert(slice_eq(copy, slice_of("some\0text", 9)));
    ck_assert_int_eq(copy.data[9], '\0');
    ck_assert(!slice_is_null(arena_dup(&a, slice_of("", 0))));
    ck_assert_str_eq(arena_str(&a, slice_of("abc", 2)), "ab");
    arena_fini(&a);
}
END_TEST

START_TEST(arrays_and_structures)
{
    struct arena a = {0};
    int64_t *numbers = ARENA_ARRAY(&a, 1000, int64_t);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(numbers[i], 0);
        numbers[i] = i;
    }
    ck_assert_ptr_nonnull(ARENA_ARRAY(&a, 0, int64_t));
    struct slice *s = ARENA_NEW(&a, struct slice);
    ck_assert(slice_is_null(*s));
    arena_fini(&a);
}
END_TEST

UNIT_MAIN_ABORTS("arena", (an_array_that_overflows, more_than_there_can_be),
                 pieces_are_zeroed_aligned_and_apart, large_pieces_have_their_own_block,
                 can_be_used_again, reset_keeps_one_block, null_stays_null,
                 copies_are_copies_and_end_with_a_nul, arrays_and_structures)
