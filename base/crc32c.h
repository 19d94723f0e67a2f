/* CRC-32C (Castagnoli), the checksum of Kafka's record batches; uses the SSE4.2
 * instruction where there is one. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include "base/base.h"

/* Checksum of `len` bytes, continuing from `crc` (0 to begin). */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* The portable table version, for tests and machines without the instruction. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t len);

#endif
