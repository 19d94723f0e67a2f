/* What base/ asks of the operating system. A file of its own, so that a simulated system (sim/net)
 * can take its place at link time. Not for pure code. */
#ifndef BASE_SYSTEM_H
#define BASE_SYSTEM_H

#include "base/base.h"

/* Bytes from the operating system's generator. */
void system_random(void *out, size_t len);

/* Milliseconds since 1970, for those who have no loop to ask (net_wall_ms()). */
int64_t system_wall_ms(void);

/* The number of this process, for people. */
int system_process_id(void);

#endif
