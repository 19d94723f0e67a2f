/* Points in time and spans as people write them (ISO 8601). Pure. */
#ifndef CLI_TIMES_H
#define CLI_TIMES_H

#include "base/slice.h"

/* "2026-11-21", "2026-11-21T14:50", "…:17", "….229", each perhaps with "Z", "+01", "+0100" or
 * "+01:00"; without a zone it is UTC. Milliseconds since 1970. */
bool times_parse_date(struct slice text, int64_t *out_ms);

/* Such a date, or milliseconds since 1970 as a number. */
bool times_parse_moment(struct slice text, int64_t *out_ms);

/* "P1DT2H3M4.5S", "pt15m", "-PT1H", "PT1H-6M": Java's durations. Milliseconds. */
bool times_parse_duration(struct slice text, int64_t *out_ms);

/* "2026-11-21T14:50:17.229Z"; the buffer must have TIMES_DATE_BYTES. */
enum { TIMES_DATE_BYTES = 40 };
void times_put_date(int64_t ms, char *out);

#endif
