/* Values that nobody should see by chance. */
#ifndef METADATA_REDACT_H
#define METADATA_REDACT_H

#include "metadata/record.h"

#define METADATA_REDACTED "(redacted)"

/* Is the value of this setting a secret: a password, or of a name that this version does not know
 * and that may be one? `type` is METADATA_CONFIG_…; a broker's setting may be of one listener and
 * one mechanism (listener.name.<listener>.<mechanism>.<name>). */
bool metadata_config_is_sensitive(int8_t type, struct slice name);

/* Puts METADATA_REDACTED in the place of a secret value; records of other kinds stay. */
void metadata_record_redact(struct metadata_record *record);

#endif
