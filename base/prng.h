/* A seeded pseudo-random generator (xoshiro256**), integers only, so that a seed replays exactly.
 */
#ifndef BASE_PRNG_H
#define BASE_PRNG_H

#include "base/base.h"

struct prng {
    uint64_t s[4];
};

void prng_init(struct prng *p, uint64_t seed);
uint64_t prng_next(struct prng *p);

/* Uniform in [0, bound); bound must be > 0. */
uint64_t prng_below(struct prng *p, uint64_t bound);

/* Uniform in [low, high]. */
int64_t prng_range(struct prng *p, int64_t low, int64_t high);

/* True `num` times out of `den`. */
bool prng_chance(struct prng *p, uint64_t num, uint64_t den);

#endif
