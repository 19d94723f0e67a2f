/* Names that match a regular expression, in the form that Java's tools take: POSIX's extended
 * expressions, and of Java's own \d, \w, \s and (?:…). */
#ifndef CLI_PATTERN_H
#define CLI_PATTERN_H

#include "base/err.h"
#include "base/slice.h"

struct pattern;

/* NULL: this is no regular expression. The whole name must match. Free it. */
struct pattern *pattern_new(struct slice text);

/* As Kafka reads a list of topics: "a,b" is "a|b", blanks and quotes around it do not count. */
struct pattern *pattern_new_topics(struct slice text);

/* NULL is allowed. */
void pattern_free(struct pattern *pattern);

/* NULL matches everything. */
bool pattern_matches(const struct pattern *pattern, struct slice name);

#endif
