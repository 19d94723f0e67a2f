/* xoshiro256** seeded through splitmix64 (Blackman and Vigna). */
#include "base/prng.h"

void prng_init(struct prng *p, uint64_t seed)
{
    for (size_t i = 0; i < ARRAY_LEN(p->s); i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        p->s[i] = z ^ (z >> 31);
    }
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t prng_next(struct prng *p)
{
    uint64_t *s = p->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *p, uint64_t bound)
{
    ASSERT(bound > 0);
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t v;
    do {
        v = prng_next(p);
    } while (v >= limit);
    return v % bound;
}

int64_t prng_range(struct prng *p, int64_t low, int64_t high)
{
    ASSERT(low <= high);
    uint64_t span = (uint64_t)high - (uint64_t)low;
    uint64_t above = span == UINT64_MAX ? prng_next(p) : prng_below(p, span + 1);
    return (int64_t)((uint64_t)low + above);
}

bool prng_chance(struct prng *p, uint64_t num, uint64_t den)
{
    return prng_below(p, den) < num;
}
