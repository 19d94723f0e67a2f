/* The form of the tables of settings, private to the settings*.c files.
 *
 * ACTS(name, type, default, range, mode, fallback, doc)   this product acts upon it
 * LATER(name, type, default, range, mode, fallback, doc)  it will, but does not yet
 * KNOWN(name, type, default, range, mode, fallback)       Kafka knows it; accepted without effect
 * …_INTERNAL                                              the same, not shown unasked
 *
 * Default: as Kafka writes it; NULL means null. Fallback: the setting whose value counts when this
 * one is not set; for a topic's or group's setting, that of the server. Between names in .hours,
 * .minutes and .ms the value is converted.
 *
 * Range, on top of what the type allows; NULL is everything:
 *     "1.."  "0..1"  "-1|1..9"   numbers: at least, between, several of them
 *     "a|b"   "~a|b"             words (each item of a list), in this case or in any
 *     "!"                        not empty
 *     "@voters"                  items id@host:port
 *     "@servers"                 items host:port
 *     "@throttled"               "*", or items partition:broker
 *     "@counts"                  items address:number */
#ifndef METADATA_SETTINGS_ROWS_H
#define METADATA_SETTINGS_ROWS_H

#include "metadata/settings.h"

#define SETTING_ROW(n, t, d, r, m, f, text, is_internal, acts) \
    { \
        .name = n, .type = SETTINGS_##t, .default_text = d, .range = r, .mode = SETTINGS_##m, \
        .fallback = f, .doc = text, .internal = is_internal, .has_effect = acts \
    }
#define ACTS(n, t, d, r, m, f, doc) SETTING_ROW(n, t, d, r, m, f, doc, false, true)
#define ACTS_INTERNAL(n, t, d, r, m, f, doc) SETTING_ROW(n, t, d, r, m, f, doc, true, true)
#define LATER(n, t, d, r, m, f, doc) SETTING_ROW(n, t, d, r, m, f, doc, false, false)
#define KNOWN(n, t, d, r, m, f) SETTING_ROW(n, t, d, r, m, f, "", false, false)
#define KNOWN_INTERNAL(n, t, d, r, m, f) SETTING_ROW(n, t, d, r, m, f, "", true, false)

extern const struct setting settings_server_rows[];
extern const size_t settings_server_rows_count;
extern const struct setting settings_topic_rows[];
extern const size_t settings_topic_rows_count;
extern const struct setting settings_group_rows[];
extern const size_t settings_group_rows_count;

/* Whether `value` (trimmed) is of the row's type and range. */
bool settings_value_allowed(const struct setting *row, struct slice value);

/* Appends what the row allows: "a whole number of at least 1". */
void settings_describe_allowed(const struct setting *row, struct buf *out);

/* Without white space at both ends. */
struct slice settings_trim(struct slice text);

/* The next comma-separated item of *rest, trimmed; false at the end. Empty items are skipped. */
bool settings_next_item(struct slice *rest, struct slice *item);

/* The text that the operator gave for the server's setting, or NULL. */
const char *settings_given(const struct settings *s, const struct setting *row);

/* A whole number as Java reads it. */
bool settings_parse_long(struct slice text, int64_t *out);

/* `value` of the setting `from` in the unit of `to`: hours and minutes become milliseconds. */
int64_t settings_scale(int64_t value, const char *from, const char *to);

#endif
