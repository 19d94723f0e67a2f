/* Loading a snapshot; see load.h. */
#include "metadata/load.h"

#include "base/mem.h"
#include "metadata/batch.h"
#include "metadata/delta.h"

struct metadata_load {
    struct metadata_delta *delta;
    int64_t last_offset;
};

struct metadata_load *metadata_load_begin(struct slice cluster_id, int64_t end_offset)
{
    ASSERT(end_offset >= 0);
    struct metadata_load *load = MEM_NEW(struct metadata_load);
    struct metadata_image *empty = metadata_image_new(cluster_id);
    load->delta = metadata_delta_begin(empty);
    load->last_offset = end_offset - 1;
    metadata_image_unref(empty);
    return load;
}

enum err metadata_load_values(struct metadata_load *load, const struct slice *values, int count,
                              struct buf *why)
{
    struct arena arena = {0};
    enum err e = ERR_NONE;
    for (int i = 0; i < count && e == ERR_NONE; i++) {
        e = metadata_replay_value(load->delta, load->last_offset, values[i], &arena, why);
        arena_reset(&arena);
    }
    arena_fini(&arena);
    return e;
}

struct metadata_image *metadata_load_end(struct metadata_load *load, int32_t epoch,
                                         int64_t timestamp_ms)
{
    if (load->last_offset >= 0) {
        metadata_delta_advance(load->delta, load->last_offset, epoch, timestamp_ms);
    }
    struct metadata_image *image = metadata_delta_finish(load->delta);
    mem_free(load);
    return image;
}

void metadata_load_drop(struct metadata_load *load)
{
    if (load != NULL) {
        metadata_delta_drop(load->delta);
        mem_free(load);
    }
}
