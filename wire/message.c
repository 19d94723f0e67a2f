/* What is known of messages and APIs, and structures with their defaults. */
#include "wire/table.h"

/* Keys ascend from 0 with few gaps: a key is its own slot, or little more than it. */
int wire_api_slot(int16_t key)
{
    int slot = key < WIRE_API_SLOTS ? key : WIRE_API_SLOTS - 1;
    while (slot >= 0 && wire_apis[slot].key > key) {
        slot--;
    }
    return slot >= 0 && wire_apis[slot].key == key ? slot : -1;
}

const struct wire_api_info *wire_api_at(int slot)
{
    ASSERT(slot >= 0);
    ASSERT(slot < WIRE_API_SLOTS);
    return &wire_apis[slot];
}

const struct wire_api_info *wire_api(int16_t key)
{
    int slot = wire_api_slot(key);
    return slot < 0 ? NULL : &wire_apis[slot];
}

const struct wire_message *wire_request(int16_t api_key)
{
    const struct wire_api_info *api = wire_api(api_key);
    return api == NULL ? NULL : api->request;
}

const struct wire_message *wire_response(int16_t api_key)
{
    const struct wire_api_info *api = wire_api(api_key);
    return api == NULL ? NULL : api->response;
}

const char *wire_name(const struct wire_message *m)
{
    return m->name;
}

int16_t wire_version_min(const struct wire_message *m)
{
    return m->versions.first;
}

int16_t wire_version_max(const struct wire_message *m)
{
    return m->versions.last;
}

size_t wire_element_size(enum wire_type type, const struct wire_message *nested)
{
    switch (type) {
    case WIRE_BOOL:
        return sizeof(bool);
    case WIRE_INT8:
        return 1;
    case WIRE_INT16:
    case WIRE_UINT16:
        return 2;
    case WIRE_INT32:
        return 4;
    case WIRE_INT64:
    case WIRE_FLOAT64:
        return 8;
    case WIRE_UUID:
        return sizeof(struct uuid);
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        return sizeof(struct slice);
    case WIRE_STRUCT:
        return nested->size;
    }
    UNREACHABLE();
}

size_t wire_size(const struct wire_message *m)
{
    return m->size;
}

void wire_init(const struct wire_message *m, void *out)
{
    memcpy(out, m->defaults, m->size);
}

void *wire_new(const struct wire_message *m, struct arena *arena)
{
    return wire_new_array(m, arena, 1);
}

void *wire_new_array(const struct wire_message *m, struct arena *arena, int32_t count)
{
    ASSERT(count >= 0);
    char *items = arena_array(arena, (size_t)count, m->size);
    for (int32_t i = 0; i < count; i++) {
        wire_init(m, items + (size_t)i * m->size);
    }
    return items;
}

const struct wire_record_type *wire_record_type_find(const struct wire_record_type *rows,
                                                     int16_t type)
{
    for (; rows->name != NULL; rows++) {
        if (rows->type == type) {
            return rows;
        }
    }
    return NULL;
}
