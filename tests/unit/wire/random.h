/* Random structures of any message, for encoding. They hold only what the version can carry. */
#ifndef TESTS_UNIT_WIRE_RANDOM_H
#define TESTS_UNIT_WIRE_RANDOM_H

#include "base/prng.h"
#include "wire/table.h"

enum { RANDOM_ITEMS_MAX = 3, RANDOM_BYTES_MAX = 40 };

/* What all values of one structure share. */
struct random {
    struct prng *prng;
    struct arena *arena;
    int16_t version;
};

static void random_struct(struct random *r, const struct wire_message *m, void *out);

/* Now and then a value at an edge. */
static int64_t random_integer(struct prng *prng)
{
    switch (prng_below(prng, 6)) {
    case 0:
        return 0;
    case 1:
        return -1;
    case 2:
        return INT64_MAX;
    case 3:
        return INT64_MIN;
    default:
        return (int64_t)prng_next(prng) >> prng_below(prng, 64);
    }
}

static struct slice random_slice(struct prng *prng, struct arena *arena, bool nullable,
                                 bool is_text)
{
    if (nullable && prng_chance(prng, 1, 3)) {
        return SLICE_NULL;
    }
    size_t len = (size_t)prng_below(prng, RANDOM_BYTES_MAX);
    len = prng_chance(prng, 1, 40) ? len + 300 : len; /* a length of two bytes */
    uint8_t *bytes = arena_alloc(arena, len + 1);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(is_text ? 'a' + prng_below(prng, 26) : prng_below(prng, 256));
    }
    return slice_of(bytes, len);
}

static void random_value(struct random *r, const struct wire_field *f, bool nullable, void *out)
{
    int64_t i = random_integer(r->prng);
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL:
        *(bool *)out = (i & 1) != 0;
        return;
    case WIRE_INT8:
        *(int8_t *)out = (int8_t)i;
        return;
    case WIRE_INT16:
        *(int16_t *)out = (int16_t)i;
        return;
    case WIRE_UINT16:
        *(uint16_t *)out = (uint16_t)i;
        return;
    case WIRE_INT32:
        *(int32_t *)out = (int32_t)i;
        return;
    case WIRE_INT64:
        *(int64_t *)out = i;
        return;
    case WIRE_FLOAT64:
        *(double *)out = (double)i / 7;
        return;
    case WIRE_UUID:
        *(struct uuid *)out = (struct uuid){prng_next(r->prng), prng_next(r->prng)};
        return;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        *(struct slice *)out = random_slice(r->prng, r->arena, nullable, f->type == WIRE_STRING);
        return;
    case WIRE_STRUCT:
        random_struct(r, f->nested, out);
        return;
    }
}

static void random_array(struct random *r, const struct wire_field *f, bool nullable, void *out)
{
    struct wire_items a = {NULL, (int32_t)prng_below(r->prng, RANDOM_ITEMS_MAX + 1)};
    if (nullable && prng_chance(r->prng, 1, 3)) {
        a.count = -1;
    }
    if (a.count > 0) {
        size_t size = wire_element_size((enum wire_type)f->type, f->nested);
        a.items = arena_array(r->arena, (size_t)a.count, size);
        for (int32_t i = 0; i < a.count; i++) {
            random_value(r, f, false, (char *)a.items + (size_t)i * size);
        }
    }
    wire_items_set(f, out, a);
}

static void random_field(struct random *r, const struct wire_field *f, void *out)
{
    bool nullable = wire_in_range(f->nullable, r->version);
    if ((f->flags & WIRE_ARRAY) != 0) {
        random_array(r, f, nullable, out);
    } else if ((f->flags & WIRE_POINTER) != 0) {
        bool is_null = nullable && prng_chance(r->prng, 1, 3);
        void *nested = is_null ? NULL : arena_alloc(r->arena, f->nested->size);
        wire_pointer_set(f, out, nested);
        if (nested != NULL) {
            random_struct(r, f->nested, nested);
        }
    } else {
        random_value(r, f, nullable, (char *)out + f->offset);
    }
}

static void random_struct(struct random *r, const struct wire_message *m, void *out)
{
    wire_init(m, out);
    for (uint16_t i = 0; i < m->field_count; i++) {
        const struct wire_field *f = &m->fields[i];
        bool keep_default = wire_is_tagged(f, r->version) && prng_chance(r->prng, 1, 2);
        if (wire_in_range(f->versions, r->version) && !keep_default) {
            random_field(r, f, out);
        }
    }
}

/* Fills `out`, a structure of `m`, with what the version can carry. */
static void wire_random(const struct wire_message *m, int16_t version, struct prng *prng,
                        struct arena *arena, void *out)
{
    struct random r = {prng, arena, version};
    random_struct(&r, m, out);
}

#endif
