/* Record batches for tests: see batches.h. */
#include "tests/lib/batches.h"

#include "base/mem.h"
#include "wire/batch.h"

size_t batch_put(struct buf *out, const struct batch_spec *spec)
{
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
    struct wire_builder builder;
    size_t before = out->len;
    uint8_t *value = mem_alloc(max_size(spec->value_size, 1));
    options.base_offset = spec->base_offset;
    options.leader_epoch = spec->leader_epoch;
    wire_builder_init(&builder, &options, out);
    for (int32_t i = 0; i < spec->records; i++) {
        memset(value, (int)(spec->base_offset + i + spec->leader_epoch), spec->value_size);
        struct wire_record record = {.timestamp = spec->timestamp,
                                     .key = SLICE_NULL,
                                     .value = slice_of(value, spec->value_size)};
        wire_builder_add(&builder, &record);
    }
    (void)wire_builder_finish(&builder);
    mem_free(value);
    return out->len - before;
}
