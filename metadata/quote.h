/* Text in quotation marks. */
#ifndef METADATA_QUOTE_H
#define METADATA_QUOTE_H

#include "base/buf.h"

/* A JSON string. Bytes above 127 pass as they are (UTF-8 by agreement). */
void metadata_quote(struct buf *out, struct slice s);

#endif
