/* Progress; see progress.h. */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>

enum { EVERY_MS = 500 };

static double per_second(int64_t count, int64_t ms)
{
    return ms > 0 ? (double)count * 1000 / (double)ms : 0;
}

/* The rate is that since the last time, at the end that of all. */
static void show(struct progress *p, int64_t now_ms, int64_t records, int64_t bytes,
                 const char *end)
{
    int64_t all_ms = now_ms - p->start_ms;
    bool is_end = end[0] != '\0';
    double rate = is_end ? per_second(records, all_ms)
                         : per_second(records - p->last_records, now_ms - p->last_ms);
    fprintf(stderr, "\r%" PRId64 " records, %.1f s, %.0f records/s, %.1f MiB/s\033[K%s", records,
            (double)all_ms / 1000, rate, per_second(bytes, all_ms) / (1 << 20), end);
    p->last_ms = now_ms;
    p->last_records = records;
}

void progress_maybe_show(struct progress *p, int64_t now_ms, int64_t records, int64_t bytes)
{
    p->last_ms = p->last_ms == 0 ? p->start_ms : p->last_ms;
    if (p->is_shown && now_ms - p->last_ms >= EVERY_MS) {
        show(p, now_ms, records, bytes, "");
    }
}

void progress_end(struct progress *p, int64_t now_ms, int64_t records, int64_t bytes)
{
    if (p->is_shown) {
        show(p, now_ms, records, bytes, "\n");
    }
}
