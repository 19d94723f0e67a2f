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

/* Reads a word or a quoted text; null for the word "null". */
bool metadata_read_text(struct reader *r, struct arena *arena, struct slice *out);

#endif
