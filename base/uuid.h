/* Kafka's 128-bit ids: topics, log directories, incarnations, clusters.
 *
 * Text form: 22 characters of URL-safe base64 without padding (KIP-516). */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/slice.h"

struct uuid {
    uint64_t hi;
    uint64_t lo;
};

enum { UUID_TEXT_LEN = 22 };

struct uuid_text {
    char text[UUID_TEXT_LEN + 1];
};

#define UUID_ZERO ((struct uuid){0, 0})

/* The topic id of `__cluster_metadata`: uuid(0,1), AAAAAAAAAAAAAAAAAAAAAQ. */
#define UUID_METADATA_TOPIC ((struct uuid){0, 1})

static inline bool uuid_eq(struct uuid a, struct uuid b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

static inline bool uuid_is_zero(struct uuid u)
{
    return u.hi == 0 && u.lo == 0;
}

static inline int uuid_cmp(struct uuid a, struct uuid b)
{
    if (a.hi != b.hi) {
        return a.hi < b.hi ? -1 : 1;
    }
    return a.lo == b.lo ? 0 : a.lo < b.lo ? -1 : 1;
}

/* By value, for use inside printf: uuid_text(u).text. */
struct uuid_text uuid_text(struct uuid u);

/* Parses exactly 22 characters; false for anything else, spare bits that are not zero included
 * (two texts must not name one id). */
bool uuid_parse(struct slice text, struct uuid *out);

/* Makes a version-4 id of 128 given random bits that is not reserved (its value is ≥ 100 as a
 * number) and whose text does not start with '-' (KAFKA-15754). False: draw again. */
bool uuid_from_random(uint64_t hi, uint64_t lo, struct uuid *out);

/* A random id from the operating system's generator. Not for pure code. */
struct uuid uuid_random(void);

#endif
