/* The checksum: known values, and that every way of computing it agrees. */
#include "base/crc32c.h"

#include "base/prng.h"
#include "tests/unit/unit.h"

enum { SIZE = 20000 };

/* Bit by bit, as the definition has it. */
static uint32_t slowly(uint32_t crc, const uint8_t *p, size_t len)
{
    crc = ~crc;
    for (; len > 0; len--, p++) {
        crc ^= *p;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
        }
    }
    return ~crc;
}

/* RFC 3720, B.4. */
START_TEST(known_values)
{
    uint8_t bytes[32];
    memset(bytes, 0, sizeof bytes);
    ck_assert_uint_eq(crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    ck_assert_uint_eq(crc32c(0, bytes, 32), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    ck_assert_uint_eq(crc32c(0, bytes, 32), 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = 31 - i;
    }
    ck_assert_uint_eq(crc32c(0, bytes, 32), 0x113fdb5c);
    ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
    ck_assert_uint_eq(crc32c_portable(0, "123456789", 9), 0xe3069283);
}
END_TEST

START_TEST(nothing_changes_nothing)
{
    ck_assert_uint_eq(crc32c(0, NULL, 0), 0);
    ck_assert_uint_eq(crc32c(0x1234, NULL, 0), 0x1234);
    ck_assert_uint_eq(crc32c_portable(0x1234, NULL, 0), 0x1234);
}
END_TEST

/* Lengths around the strides of eight bytes and of three streams, at any alignment. */
START_TEST(all_ways_agree)
{
    static uint8_t bytes[SIZE];
    struct prng p;
    prng_init(&p, 3);
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (uint8_t)prng_next(&p);
    }
    for (int round = 0; round < 400; round++) {
        size_t at = (size_t)prng_below(&p, 64);
        size_t len = round < 200 ? (size_t)round : (size_t)prng_below(&p, SIZE - 64);
        if (round % 10 == 0) {
            len = 3072 * (size_t)prng_range(&p, 1, 6) - 1 + (size_t)prng_below(&p, 3);
        }
        uint32_t seed = (uint32_t)prng_next(&p);
        uint32_t expected = slowly(seed, bytes + at, len);
        ck_assert_msg(crc32c(seed, bytes + at, len) == expected, "%zu bytes at %zu", len, at);
        ck_assert_msg(crc32c_portable(seed, bytes + at, len) == expected, "%zu portable", len);
        size_t cut = (size_t)prng_below(&p, len + 1);
        uint32_t part = crc32c(seed, bytes + at, cut);
        ck_assert_uint_eq(crc32c(part, bytes + at + cut, len - cut), expected);
    }
}
END_TEST

START_TEST(one_bit_makes_a_difference)
{
    uint8_t bytes[100] = {0};
    uint32_t before = crc32c(0, bytes, sizeof bytes);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        ck_assert_uint_ne(crc32c(0, bytes, sizeof bytes), before);
        bytes[bit / 8] ^= (uint8_t)(1 << (bit % 8));
    }
}
END_TEST

UNIT_MAIN("crc32c", known_values, nothing_changes_nothing, all_ways_agree,
          one_bit_makes_a_difference)
