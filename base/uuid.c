/* 128-bit ids and their base64 text. */
#include "base/uuid.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/system.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct uuid_text uuid_text(struct uuid u)
{
    struct uuid_text out = {{0}};
    for (int i = 0; i < UUID_TEXT_LEN; i++) {
        /* Character i holds bits [6i, 6i+6) counted from the top; the last one only two. */
        int low = 128 - 6 * (i + 1);
        uint64_t bits;
        if (low >= 64) {
            bits = u.hi >> (low - 64);
        } else if (low > 58) {
            bits = (u.hi << (64 - low)) | (u.lo >> low);
        } else if (low >= 0) {
            bits = u.lo >> low;
        } else {
            bits = u.lo << -low;
        }
        out.text[i] = alphabet[bits & 63];
    }
    return out;
}

bool uuid_parse(struct slice text, struct uuid *out)
{
    *out = UUID_ZERO;
    if (text.data == NULL || text.len != UUID_TEXT_LEN) {
        return false;
    }
    struct uuid u = UUID_ZERO;
    for (size_t i = 0; i < UUID_TEXT_LEN; i++) {
        const char *at = text.data[i] == 0 ? NULL : strchr(alphabet, text.data[i]);
        if (at == NULL) {
            return false;
        }
        uint64_t v = (uint64_t)(at - alphabet);
        unsigned width = i + 1 < UUID_TEXT_LEN ? 6 : 2;
        if (width == 2) {
            if ((v & 15) != 0) {
                return false;
            }
            v >>= 4;
        }
        u.hi = (u.hi << width) | (u.lo >> (64 - width));
        u.lo = (u.lo << width) | v;
    }
    *out = u;
    return true;
}

bool uuid_from_random(uint64_t hi, uint64_t lo, struct uuid *out)
{
    out->hi = (hi & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    out->lo = (lo & ~(UINT64_C(3) << 62)) | (UINT64_C(2) << 62);
    return uuid_text(*out).text[0] != '-';
}

struct uuid uuid_random(void)
{
    struct uuid u;
    uint64_t bits[2];
    do {
        system_random(bits, sizeof bits);
    } while (!uuid_from_random(bits[0], bits[1], &u));
    return u;
}
