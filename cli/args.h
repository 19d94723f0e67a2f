/* The command line after noun and verb: options, which a table declares, and words.
 *
 * `--name VALUE`, `--name=VALUE`, `--flag`; options and words may be mixed, `--` ends the options.
 * An option may have a second name, as a rule a letter: `-f VALUE`, `-fVALUE`. Everything is
 * borrowed from argv; memory comes from the arena. Pure. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* A row of a table; the row {0} ends it. */
struct args_option {
    const char *name; /* without "--"; perhaps with a second name: "print,f" */
    const char
        *value; /* what is shown for the value, e.g. "N"; "[N]": may be left out; NULL: a flag */
    const char *help; /* one sentence without a period; may have lines */
};

struct args_given {
    const struct args_option *option;
    const char *value; /* "" for a flag */
};

/* How options are written. */
enum args_style {
    ARGS_GNU,
    /* As Kafka's own tools read them: "-name" is "--name", and there are no letters in a row. */
    ARGS_KAFKA,
};

struct args {
    enum args_style style;                   /* set it before args_parse() */
    const struct args_option *const *tables; /* ended by NULL */
    struct args_given *given;
    int given_count;
    const char **words;
    int word_count;
};

/* Reads a NULL-terminated `argv` in `args->style`; everything else in `args` is set. Errors:
 * INVALID_REQUEST with a sentence in `why`, which for ARGS_KAFKA is that of Kafka's tools. */
enum err args_parse(struct args *args, const struct args_option *const *tables, char **argv,
                    struct arena *arena, struct buf *why) MUST_USE;

/* The name of an option without its second one. */
struct slice args_name(const struct args_option *option);

/* An option that is in none of the tables must not be asked for (asserted). */

bool args_has(const struct args *args, const char *name);

/* The value of the option given last, or NULL; "" if it was left out. */
const char *args_text(const struct args *args, const char *name);

/* How often the option was given. */
int args_times(const struct args *args, const char *name);

/* Every value of an option that may be repeated: `int at = 0; while ((v = args_next(…, &at)))`. */
const char *args_next(const struct args *args, const char *name, int *at);

struct args_range {
    int64_t min;
    int64_t max;
};

/* Leaves `*out` alone when the option is not given. Errors: INVALID_REQUEST (not a number, or out
 * of the range) with a sentence in `why`. */
enum err args_number(const struct args *args, const char *name, struct args_range range,
                     int64_t *out, struct buf *why) MUST_USE;

/* "name=value"; false: there is no '=', or nothing in front of it. */
bool args_pair(const char *text, struct slice *name, struct slice *value);

/* A whole decimal number of 64 bits. */
bool args_parse_number(struct slice text, int64_t *out);

/* Takes the text up to `separator` (or the end) off the front of `rest`; false: nothing is left.
 * An empty text has one empty item unless it is null. */
bool args_item(struct slice *rest, char separator, struct slice *item);

#endif
