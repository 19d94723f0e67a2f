/* Properties of Kafka's clients: of a file, and "name=value" of the command line, which goes
 * before. */
#ifndef CLI_KAFKA_PROPERTIES_H
#define CLI_KAFKA_PROPERTIES_H

#include "cli/kafka/tool.h"

struct properties {
    struct cli *cli; /* its arena has the texts */
    struct slice *names;
    struct slice *values;
    size_t count;
    size_t room;
};

/* Adds what the file of `option` says, if that was given. False: the sentence is in cli->why. */
bool properties_add_file(struct properties *p, const char *option);

/* Adds the pairs that `option` was given with; one without "=" has an empty value. */
void properties_add_pairs(struct properties *p, const char *option);

/* Adds one; NULL or an empty text: nothing. */
void properties_add_value(struct properties *p, const char *name, const char *value);

/* The value that was added last; null: there is none. */
struct slice properties_get(const struct properties *p, const char *name);

/* "true", whatever its case; `usual` if there is none. Anything else is false, as in Java. */
bool properties_is_true(const struct properties *p, const char *name, bool usual);

/* Left alone if there is none. False: this is no number that is at least `min`; the sentence is in
 * cli->why. */
bool properties_number(const struct properties *p, const char *name, int64_t min, int64_t *out);

/* False, with the sentence in cli->why: the properties ask for a protocol other than PLAINTEXT or
 * for one of `refused`, names with NULL at the end; or a number or boolean is none. */
bool properties_check(const struct properties *p, const char *const *refused);

#endif
