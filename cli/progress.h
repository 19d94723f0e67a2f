/* A line on a terminal that says how far a command is. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "base/base.h"

/* Zeroed: nothing is shown. `is_shown` is for who looks at a terminal only. */
struct progress {
    bool is_shown;
    int64_t start_ms;
    int64_t last_ms; /* when it was shown last */
    int64_t last_records;
};

/* Shows the line on stderr if it is time to; `now_ms` is the loop's. */
void progress_maybe_show(struct progress *p, int64_t now_ms, int64_t records, int64_t bytes);

/* Shows the totals, and ends the line. */
void progress_end(struct progress *p, int64_t now_ms, int64_t records, int64_t bytes);

#endif
