/* Escapes in what people type on a command line: "\t" for a tab. Pure. */
#ifndef CLI_ESCAPES_H
#define CLI_ESCAPES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* One escape at the begin of `text`, which starts with a backslash: \n \r \t \0 \\ \xNN. Returns
 * how many bytes of `text` it takes, 0 if there is no such escape. */
size_t escapes_take(struct slice text, char *out);

/* The text with its escapes resolved, followed by a NUL that is not counted; null stays null.
 * Errors: INVALID_REQUEST with a sentence in `why`. */
enum err escapes_resolve(struct slice text, struct arena *arena, struct slice *out,
                         struct buf *why) MUST_USE;

#endif
