/* Bytes written as text. */
#ifndef TESTS_UNIT_WIRE_HEX_H
#define TESTS_UNIT_WIRE_HEX_H

#include <check.h>
#include <string.h>

#include "base/arena.h"

static inline unsigned unhex_digit(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                                  : 16;
}

static inline struct slice unhex(struct arena *arena, const char *hex)
{
    size_t len = strlen(hex) / 2;
    uint8_t *bytes = arena_alloc(arena, len);
    unsigned seen = 0; /* asserted once: an assertion of Check's costs more than a digit */
    for (size_t i = 0; i < len; i++) {
        unsigned high = unhex_digit(hex[2 * i]);
        unsigned low = unhex_digit(hex[2 * i + 1]);
        seen |= high | low;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    ck_assert_uint_lt(seen, 16);
    return slice_of(bytes, len);
}

#endif
