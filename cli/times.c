/* ISO 8601; see times.h. */
#include "cli/times.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#include "cli/args.h"

enum { MS_PER_SECOND = 1000, SECONDS_PER_MINUTE = 60, SECONDS_PER_HOUR = 3600 };
enum { SECONDS_PER_DAY = 86400, YEAR_MAX = 9999 };

/* What is left of the text. */
struct cursor {
    const char *p;
    const char *end;
};

static bool take_char(struct cursor *c, char wanted)
{
    if (c->p < c->end && *c->p == wanted) {
        c->p++;
        return true;
    }
    return false;
}

/* Exactly `digits` of them. */
static bool take_digits(struct cursor *c, int digits, int *out)
{
    *out = 0;
    for (int i = 0; i < digits; i++) {
        if (c->p >= c->end || *c->p < '0' || *c->p > '9') {
            return false;
        }
        *out = *out * 10 + (*c->p++ - '0');
    }
    return true;
}

/* Behind the point: one to nine digits, of which three count. */
static bool take_fraction(struct cursor *c, int *ms)
{
    int scale = 100;
    int digits = 0;
    *ms = 0;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++, digits++) {
        *ms += (*c->p - '0') * scale;
        scale /= 10;
    }
    return digits >= 1 && digits <= 9;
}

static bool take_zone(struct cursor *c, int *seconds)
{
    *seconds = 0;
    if (c->p == c->end || take_char(c, 'Z')) {
        return true;
    }
    int sign = take_char(c, '+') ? 1 : take_char(c, '-') ? -1 : 0;
    int hours;
    int minutes = 0;
    if (sign == 0 || !take_digits(c, 2, &hours)) {
        return false;
    }
    if (c->p < c->end) {
        (void)take_char(c, ':');
        if (!take_digits(c, 2, &minutes)) {
            return false;
        }
    }
    *seconds = sign * (hours * SECONDS_PER_HOUR + minutes * SECONDS_PER_MINUTE);
    return hours < 24 && minutes < 60;
}

static bool take_clock(struct cursor *c, struct tm *tm, int *ms)
{
    if (!take_digits(c, 2, &tm->tm_hour) || !take_char(c, ':') || !take_digits(c, 2, &tm->tm_min)) {
        return false;
    }
    if (take_char(c, ':')) {
        if (!take_digits(c, 2, &tm->tm_sec) || (take_char(c, '.') && !take_fraction(c, ms))) {
            return false;
        }
    }
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

bool times_parse_date(struct slice text, int64_t *out_ms)
{
    struct cursor c = {(const char *)text.data, (const char *)text.data + text.len};
    struct tm tm = {0};
    int ms = 0;
    int zone = 0;
    if (text.len == 0 || !take_digits(&c, 4, &tm.tm_year) || !take_char(&c, '-') ||
        !take_digits(&c, 2, &tm.tm_mon) || !take_char(&c, '-') ||
        !take_digits(&c, 2, &tm.tm_mday)) {
        return false;
    }
    if (take_char(&c, 'T') && !take_clock(&c, &tm, &ms)) {
        return false;
    }
    if (!take_zone(&c, &zone) || c.p != c.end) {
        return false;
    }
    struct tm asked = tm;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    time_t seconds = timegm(&tm);
    /* The 31st of April would be the 1st of May. */
    if (tm.tm_mon + 1 != asked.tm_mon || tm.tm_mday != asked.tm_mday) {
        return false;
    }
    *out_ms = ((int64_t)seconds - zone) * MS_PER_SECOND + ms;
    return true;
}

bool times_parse_moment(struct slice text, int64_t *out_ms)
{
    return args_parse_number(text, out_ms) || times_parse_date(text, out_ms);
}

/* ---- spans ---- */

/* The letters of a span may be small ones. */
static bool take_letter(struct cursor *c, char wanted)
{
    return take_char(c, wanted) || take_char(c, (char)tolower((unsigned char)wanted));
}

/* A number, perhaps below zero, and a unit of a span; false: there is none. */
static bool take_amount(struct cursor *c, int64_t *whole, int *ms, char *unit)
{
    int digits = 0;
    int sign = take_char(c, '-') ? -1 : 1;
    (void)(sign > 0 && take_char(c, '+'));
    *whole = 0;
    *ms = 0;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9' && digits < 10; c->p++, digits++) {
        *whole = *whole * 10 + (*c->p - '0');
    }
    if (digits == 0 || (take_char(c, '.') && !take_fraction(c, ms)) || c->p == c->end) {
        return false;
    }
    *whole *= sign;
    *ms *= sign;
    *unit = (char)toupper((unsigned char)*c->p++);
    return true;
}

bool times_parse_duration(struct slice text, int64_t *out_ms)
{
    static const struct {
        char name;
        bool is_time; /* stands behind the T */
        int64_t seconds;
    } units[] = {{'D', false, SECONDS_PER_DAY},
                 {'H', true, SECONDS_PER_HOUR},
                 {'M', true, SECONDS_PER_MINUTE},
                 {'S', true, 1}};
    struct cursor c = {(const char *)text.data, (const char *)text.data + text.len};
    int sign = take_char(&c, '-') ? -1 : 1;
    (void)(sign > 0 && take_char(&c, '+'));
    if (!take_letter(&c, 'P') || c.p == c.end) {
        return false;
    }
    bool is_time = false;
    size_t next = 0;
    int64_t total = 0;
    while (c.p < c.end) {
        if (!is_time && take_letter(&c, 'T')) {
            is_time = true;
        }
        int64_t whole;
        int ms;
        char unit;
        if (!take_amount(&c, &whole, &ms, &unit)) {
            return false;
        }
        while (next < ARRAY_LEN(units) && units[next].name != unit) {
            next++;
        }
        if (next == ARRAY_LEN(units) || units[next].is_time != is_time ||
            (ms != 0 && units[next].seconds != 1)) {
            return false;
        }
        total += whole * units[next].seconds * MS_PER_SECOND + ms;
        next++;
    }
    *out_ms = sign * total;
    return true;
}

void times_put_date(int64_t ms, char *out)
{
    int64_t seconds = ms / MS_PER_SECOND;
    int64_t rest = ms % MS_PER_SECOND;
    if (rest < 0) {
        rest += MS_PER_SECOND;
        seconds--;
    }
    struct tm tm;
    time_t time = (time_t)seconds;
    if (gmtime_r(&time, &tm) == NULL || tm.tm_year + 1900 > YEAR_MAX) {
        snprintf(out, TIMES_DATE_BYTES, "%" PRId64, ms);
        return;
    }
    size_t len = strftime(out, TIMES_DATE_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + len, TIMES_DATE_BYTES - len, ".%03uZ", (unsigned)rest % MS_PER_SECOND);
}
