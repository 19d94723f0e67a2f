/* Texts inside of a line: plain where that cannot be misread, else in quotation marks. */
#ifndef METADATA_QUOTE_H
#define METADATA_QUOTE_H

#include "base/arena.h"
#include "base/buf.h"

/* A JSON string. Bytes above 127 pass as they are (UTF-8 by agreement). */
void metadata_quote(struct buf *out, struct slice s);

/* May it stand without quotation marks: not empty, not "null", and without space, control, quote,
 * backslash and what separates the parts of lists? */
bool metadata_is_word(struct slice s);

/* Reads what metadata_quote() wrote (or any JSON string whose \u escapes are below 256), the
 * cursor at its first quotation mark. The text is in the arena. False: it is none. */
bool metadata_unquote(struct reader *r, struct arena *arena, struct slice *out);

/* Reads a word or a quoted text; null for the word "null". */
bool metadata_read_text(struct reader *r, struct arena *arena, struct slice *out);

#endif
