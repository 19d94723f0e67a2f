/* The growing list of records of one decision, and small things that all decisions need. */
#include "controller/decide/decision.h"

#include <stdarg.h>
#include <stdio.h>

void decision_init(struct decision *out, struct arena *arena)
{
    *out = (struct decision){.arena = arena};
}

struct metadata_record *decision_add(struct decision *out, enum metadata_record_type type)
{
    if (out->count == out->cap) {
        size_t cap = out->cap == 0 ? 8 : 2 * out->cap;
        struct metadata_record *records = ARENA_ARRAY(out->arena, cap, struct metadata_record);
        bool *joined = ARENA_ARRAY(out->arena, cap, bool);
        if (out->count > 0) {
            memcpy(records, out->records, out->count * sizeof records[0]);
            memcpy(joined, out->joined, out->count * sizeof joined[0]);
        }
        out->records = records;
        out->joined = joined;
        out->cap = cap;
    }
    struct metadata_record *record = &out->records[out->count];
    memset(record, 0, sizeof *record);
    record->type = type;
    out->joined[out->count] = out->joining;
    out->joining = out->joining || out->atomic_open;
    out->count++;
    return record;
}

void decision_atomic_begin(struct decision *out)
{
    ASSERT(!out->atomic_open);
    out->atomic_open = true;
    out->joining = false;
}

void decision_atomic_end(struct decision *out)
{
    ASSERT(out->atomic_open);
    out->atomic_open = false;
    out->joining = false;
}

void decision_cut(struct decision *out, size_t count)
{
    ASSERT(count <= out->count);
    out->count = count;
}

int16_t decide_level(const struct metadata_image *image)
{
    int16_t level = metadata_feature_level(image, slice_str(METADATA_VERSION_FEATURE));
    return level == 0 ? METADATA_LEVEL_4_0_IV3 : level;
}

struct slice decide_text(struct arena *arena, const char *fmt, ...)
{
    char small[256];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    ASSERT(len >= 0);
    size_t need = (size_t)len;
    if (need < sizeof small) {
        return arena_dup(arena, slice_of(small, need));
    }
    char *text = arena_alloc(arena, need + 1);
    va_start(args, fmt);
    (void)vsnprintf(text, need + 1, fmt, args);
    va_end(args);
    return slice_of(text, need);
}

bool decide_unclean_enabled(const struct decide_input *in, struct slice topic)
{
    struct settings_view view = {in->settings, in->image, in->node_id};
    return settings_topic_bool(&view, topic, "unclean.leader.election.enable");
}

struct uuid decide_new_id(struct prng *prng)
{
    struct uuid id;
    while (!uuid_from_random(prng_next(prng), prng_next(prng), &id)) {
    }
    return id;
}
