/* CRC-32C: three interleaved streams of the hardware instruction, or slicing by eight tables. */
#include "base/crc32c.h"

#include <pthread.h>

enum { TABLES = 8 };

static const uint32_t polynomial = 0x82f63b78u;

static uint32_t table[TABLES][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void table_init(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
        }
        table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int t = 1; t < TABLES; t++) {
            table[t][i] = (table[t - 1][i] >> 8) ^ table[0][table[t - 1][i] & 0xff];
        }
    }
}

uint32_t crc32c_portable(uint32_t crc, const void *data, size_t len)
{
    pthread_once(&table_once, table_init);
    const uint8_t *p = data;
    crc = ~crc;
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        word ^= crc;
        crc = 0;
        for (int t = 0; t < TABLES; t++) {
            crc ^= table[TABLES - 1 - t][(word >> (8 * t)) & 0xff];
        }
    }
    for (; len > 0; len--, p++) {
        crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xff];
    }
    return ~crc;
}

#if defined(__x86_64__)

enum { STREAM = 1024 }; /* bytes of each of the three streams in one round */

/* crc of `STREAM` zero bytes appended, as a linear map over the 4 bytes of a crc. */
static uint32_t shift_table[4][256];
static pthread_once_t shift_once = PTHREAD_ONCE_INIT;

static void shift_init(void)
{
    static const uint8_t zeros[STREAM];
    for (uint32_t byte = 0; byte < 4; byte++) {
        for (uint32_t i = 0; i < 256; i++) {
            /* The portable function inverts before and after: undo both to get the raw map. */
            shift_table[byte][i] = ~crc32c_portable(~(i << (8 * byte)), zeros, STREAM);
        }
    }
}

static uint32_t shift(uint32_t crc)
{
    return shift_table[0][crc & 0xff] ^ shift_table[1][(crc >> 8) & 0xff] ^
           shift_table[2][(crc >> 16) & 0xff] ^ shift_table[3][crc >> 24];
}

static uint64_t word_at(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *p,
                                                               size_t len)
{
    uint64_t a = ~crc & 0xffffffffu;
    for (; len >= 3 * STREAM; len -= 3 * STREAM, p += 3 * STREAM) {
        uint64_t b = 0;
        uint64_t c = 0;
        for (size_t i = 0; i < STREAM; i += 8) {
            a = __builtin_ia32_crc32di(a, word_at(p + i));
            b = __builtin_ia32_crc32di(b, word_at(p + STREAM + i));
            c = __builtin_ia32_crc32di(c, word_at(p + 2 * STREAM + i));
        }
        a = shift((uint32_t)a) ^ b;
        a = shift((uint32_t)a) ^ c;
    }
    for (; len >= 8; len -= 8, p += 8) {
        a = __builtin_ia32_crc32di(a, word_at(p));
    }
    uint32_t tail = (uint32_t)a;
    for (; len > 0; len--, p++) {
        tail = __builtin_ia32_crc32qi(tail, *p);
    }
    return ~tail;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    if (!__builtin_cpu_supports("sse4.2")) {
        return crc32c_portable(crc, data, len);
    }
    pthread_once(&shift_once, shift_init);
    return crc32c_sse42(crc, data, len);
}

#else

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    return crc32c_portable(crc, data, len);
}

#endif
