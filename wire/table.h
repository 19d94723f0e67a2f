/* The tables that describe messages: made by wire/generate.py, walked by decode.c, encode.c and
 * print.c.
 *
 * Private to wire/ and its tests. */
#ifndef WIRE_TABLE_H
#define WIRE_TABLE_H

#include "wire/wire.h"

enum wire_type {
    WIRE_BOOL,
    WIRE_INT8,
    WIRE_INT16,
    WIRE_UINT16,
    WIRE_INT32,
    WIRE_INT64,
    WIRE_FLOAT64,
    WIRE_UUID,
    WIRE_STRING,
    WIRE_BYTES,
    WIRE_RECORDS,
    WIRE_STRUCT,
};

enum wire_flag {
    WIRE_ARRAY = 1,      /* a pointer to elements, an int32_t count right behind it */
    WIRE_POINTER = 2,    /* a structure that may be null: a pointer to it */
    WIRE_IGNORABLE = 4,  /* dropped in versions that do not have it */
    WIRE_INFLEXIBLE = 8, /* keeps the old form of its length in flexible versions */
    WIRE_SECRET = 16,    /* not printed */
};

/* Versions first to last; none when last < first. */
struct wire_range {
    int8_t first;
    int8_t last;
};

struct wire_field {
    const char *name;                  /* Kafka's, e.g. "TopicId" */
    const struct wire_message *nested; /* of WIRE_STRUCT */
    uint16_t offset;                   /* in the structure */
    uint8_t type;                      /* enum wire_type, of the elements if it is an array */
    uint8_t flags;                     /* enum wire_flag */
    struct wire_range versions;
    struct wire_range nullable;
    struct wire_range tagged;
    int8_t tag; /* ascending over the fields of a structure; -1: none */
};

/* A message or a structure nested in one, which shares the message's numbering of versions. */
struct wire_message {
    const char *name;
    const struct wire_field *fields;
    const void *defaults; /* a structure with all defaults */
    uint32_t size;        /* of the structure */
    uint16_t field_count;
    uint16_t tags_from; /* the first field that is tagged in some version; field_count: none */
    uint16_t bytes_min; /* the least that it takes encoded, over all versions */
    int16_t api_key;    /* -1: neither request nor response */
    struct wire_range versions;
    int8_t flexible; /* first flexible version; 127: none */
};

/* Kafka's limit of a string, also where the form would allow more. */
enum { WIRE_STRING_MAX = INT16_MAX };

/* By key. */
extern const struct wire_api_info wire_apis[WIRE_API_SLOTS];

/* Bytes of one value in memory; `nested` as in a field. */
size_t wire_element_size(enum wire_type type, const struct wire_message *nested);

static inline bool wire_in_range(struct wire_range range, int16_t version)
{
    return version >= range.first && version <= range.last;
}

/* Does the field stand among the tagged ones? */
static inline bool wire_is_tagged(const struct wire_field *f, int16_t version)
{
    return wire_in_range(f->tagged, version);
}

/* Is a tagged field of `in` written, or does it hold its default? */
bool wire_is_written(const struct wire_message *m, const struct wire_field *f, const void *in);

/* The array of a field, whatever its elements are. */
struct wire_items {
    void *items;
    int32_t count;
};

static inline struct wire_items wire_items_get(const struct wire_field *f, const void *in)
{
    struct wire_items a;
    const char *at = (const char *)in + f->offset;
    memcpy(&a.items, at, sizeof a.items);
    memcpy(&a.count, at + sizeof a.items, sizeof a.count);
    return a;
}

static inline void wire_items_set(const struct wire_field *f, void *out, struct wire_items a)
{
    char *at = (char *)out + f->offset;
    memcpy(at, &a.items, sizeof a.items);
    memcpy(at + sizeof a.items, &a.count, sizeof a.count);
}

/* The structure that a WIRE_POINTER field points to. */
static inline void *wire_pointer_get(const struct wire_field *f, const void *in)
{
    void *p;
    memcpy(&p, (const char *)in + f->offset, sizeof p);
    return p;
}

static inline void wire_pointer_set(const struct wire_field *f, void *out, void *p)
{
    memcpy((char *)out + f->offset, &p, sizeof p);
}

#endif
