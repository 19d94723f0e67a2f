/* Names that match a regular expression. It is one of PCRE2, which has what Java's expressions
 * have, and with which the brokers read the expressions of consumer groups. */
#ifndef CLI_PATTERN_H
#define CLI_PATTERN_H

#include "base/buf.h"

struct pattern;

/* NULL: this is no regular expression, and `why` (NULL is allowed) has the reason. The whole name
 * must match. Free it. */
struct pattern *pattern_new(struct slice text, struct buf *why);

/* As Kafka reads a list of topics: "a,b" is "a|b", blanks and quotes around it do not count. */
struct pattern *pattern_new_topics(struct slice text);

/* NULL is allowed. */
void pattern_free(struct pattern *pattern);

/* NULL matches everything. */
bool pattern_matches(const struct pattern *pattern, struct slice name);

#endif
