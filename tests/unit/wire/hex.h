/* Bytes written as text. */
#ifndef TESTS_UNIT_WIRE_HEX_H
#define TESTS_UNIT_WIRE_HEX_H

#include <check.h>
#include <string.h>

#include "base/arena.h"

static inline uint8_t unhex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = strchr(digits, c);
    ck_assert(c != '\0' && at != NULL);
    return (uint8_t)(at - digits);
}

static inline struct slice unhex(struct arena *arena, const char *hex)
{
    size_t len = strlen(hex) / 2;
    uint8_t *bytes = arena_alloc(arena, len);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(unhex_digit(hex[2 * i]) << 4 | unhex_digit(hex[2 * i + 1]));
    }
    return slice_of(bytes, len);
}

#endif
