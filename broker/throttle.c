/* An allowance of bytes that grows with time; see throttle.h. */
#include "broker/throttle.h"

enum { SECOND_MS = 1000 };

static void grow(struct broker_throttle *t, int64_t now_ms)
{
    int64_t elapsed_ms = min_i64(max_i64(now_ms - t->at_ms, 0), SECOND_MS);
    int64_t more = t->rate / SECOND_MS * elapsed_ms + t->rate % SECOND_MS * elapsed_ms / SECOND_MS;
    if (more == 0 && elapsed_ms < SECOND_MS) {
        return; /* a slow rate must not be rounded away */
    }
    /* The allowance is at most the rate, and negative or small where the sum could overflow. */
    t->allowance = t->allowance >= t->rate - more ? t->rate : t->allowance + more;
    t->at_ms = now_ms;
}

void broker_throttle_set_rate(struct broker_throttle *t, int64_t rate)
{
    if (rate != t->rate) {
        t->rate = rate;
        t->allowance = min_i64(t->allowance, rate);
    }
}

bool broker_throttle_exceeded(struct broker_throttle *t, int64_t now_ms)
{
    if (t->rate == INT64_MAX) {
        return false;
    }
    grow(t, now_ms);
    return t->allowance <= 0;
}

void broker_throttle_take(struct broker_throttle *t, int64_t bytes, int64_t now_ms)
{
    if (t->rate != INT64_MAX) {
        grow(t, now_ms);
        t->allowance -= bytes;
    }
}
