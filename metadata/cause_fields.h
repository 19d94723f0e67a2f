/* Causes inside of a record's line: (event=session-ended node=3 …). */
#ifndef METADATA_CAUSE_FIELDS_H
#define METADATA_CAUSE_FIELDS_H

#include "base/arena.h"
#include "base/slice.h"
#include "metadata/cause.h"

void metadata_cause_print_fields(const struct metadata_cause *cause, struct buf *out);

/* Reads what the above wrote, the cursor at the parenthesis. Texts are in the arena or borrowed.
 * False: it is none. */
bool metadata_cause_parse_fields(struct reader *r, struct arena *arena, struct metadata_cause *out);

#endif
