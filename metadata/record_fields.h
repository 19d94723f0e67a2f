/* The fields of each kind of record, as tables: what prints records and what reads their text go by
 * them. Names are Kafka's. */
#ifndef METADATA_RECORD_FIELDS_H
#define METADATA_RECORD_FIELDS_H

#include "metadata/record.h"

enum metadata_field_kind {
    METADATA_FIELD_BOOL,
    METADATA_FIELD_INT8,
    METADATA_FIELD_INT16,
    METADATA_FIELD_INT32, /* and enumerations */
    METADATA_FIELD_INT64,
    METADATA_FIELD_TEXT, /* struct slice */
    METADATA_FIELD_UUID,
    METADATA_FIELD_IDS,
    METADATA_FIELD_DIRS,
    METADATA_FIELD_ENDPOINTS,
    METADATA_FIELD_FEATURES,
    METADATA_FIELD_SINCE, /* const struct metadata_since *; null: left out */
};

/* When a field is left out because it says nothing: a number that is `usual`, an empty list. */
enum metadata_field_shown {
    METADATA_SHOWN_ALWAYS,
    METADATA_SHOWN_IN_JSON, /* left out of the line */
    METADATA_SHOWN_IF_SAID,
};

struct metadata_field {
    const char *name;
    enum metadata_field_kind kind;
    enum metadata_field_shown shown;
    uint16_t offset; /* in struct metadata_record */
    uint16_t has;    /* of the bool that says whether it is there; 0: it always is */
    int32_t usual;   /* of a number that may be left out: what it is then */
};

/* By type, ended by a field without a name; NULL: there is no such type. */
const struct metadata_field *metadata_record_fields(enum metadata_record_type type);

/* The type of that name. False: there is none. */
bool metadata_record_type_parse(struct slice name, enum metadata_record_type *out);

#endif
