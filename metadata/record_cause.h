/* Causes as protobuf messages, for the files that encode and decode records. */
#ifndef METADATA_RECORD_CAUSE_H
#define METADATA_RECORD_CAUSE_H

#include "metadata/cause.h"
#include "proto/metadata.pb-c.h"

/* Initialises `out`; borrows the texts. Long ones are cut. */
void metadata_cause_fill(const struct metadata_cause *cause, Craft__Cause *out);

/* The texts are the message's. */
struct metadata_cause metadata_cause_read(const Craft__Cause *m);

#endif
