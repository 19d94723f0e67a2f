/* Partitions: sixteen of a topic packed into one allocation, and reading them. */
#include "metadata/private.h"

#include "base/mem.h"

/* Flags of a packed partition: what is so common that it is not stored. */
enum {
    ISR_IS_REPLICAS = 1, /* same brokers in the same order */
    HAS_DIRS = 2,        /* else all directories are unassigned */
};

/* The reserved ids are their own numbers; real directories come after them. */
enum { DIR_MIGRATING = 0, DIR_UNASSIGNED = 1, DIR_LOST = 2, DIR_FIRST = 3 };

_Static_assert(_Alignof(struct metadata_partition) == _Alignof(int32_t), "packed as words");

/* ---- reading ---- */

const struct metadata_partition *metadata_partition(const struct metadata_topic *topic,
                                                    int32_t index)
{
    if (index < 0 || index >= topic->partition_count) {
        return NULL;
    }
    uint32_t number = (uint32_t)index / METADATA_CHUNK_PARTITIONS;
    const struct metadata_chunk *chunk = pmap_get(&topic->chunks, &number);
    ASSERT(chunk != NULL);
    size_t start = chunk->start[index % METADATA_CHUNK_PARTITIONS];
    return (const struct metadata_partition *)&chunk->words[start];
}

/* How many words of each array are stored, in their order. */
struct layout {
    size_t dirs;
    size_t isr;
};

static struct layout layout_of(const struct metadata_partition *p)
{
    return (struct layout){.dirs = (p->flags & HAS_DIRS) != 0 ? p->replica_count : 0,
                           .isr = (p->flags & ISR_IS_REPLICAS) != 0 ? 0 : p->isr_count};
}

struct metadata_ids metadata_replicas(const struct metadata_partition *p)
{
    return (struct metadata_ids){.items = p->data, .count = p->replica_count};
}

struct metadata_ids metadata_isr(const struct metadata_partition *p)
{
    if ((p->flags & ISR_IS_REPLICAS) != 0) {
        return metadata_replicas(p);
    }
    struct layout l = layout_of(p);
    return (struct metadata_ids){.items = p->data + p->replica_count + l.dirs,
                                 .count = p->isr_count};
}

struct metadata_ids metadata_removing_replicas(const struct metadata_partition *p)
{
    struct layout l = layout_of(p);
    return (struct metadata_ids){.items = p->data + p->replica_count + l.dirs + l.isr,
                                 .count = p->removing_count};
}

struct metadata_ids metadata_adding_replicas(const struct metadata_partition *p)
{
    struct metadata_ids before = metadata_removing_replicas(p);
    return (struct metadata_ids){.items = before.items + before.count, .count = p->adding_count};
}

struct metadata_ids metadata_elr(const struct metadata_partition *p)
{
    struct metadata_ids before = metadata_adding_replicas(p);
    return (struct metadata_ids){.items = before.items + before.count, .count = p->elr_count};
}

struct metadata_ids metadata_last_known_elr(const struct metadata_partition *p)
{
    struct metadata_ids before = metadata_elr(p);
    return (struct metadata_ids){.items = before.items + before.count,
                                 .count = p->last_known_elr_count};
}

static struct uuid dir_uuid(const struct metadata_image *image, int32_t number)
{
    if (number < DIR_FIRST) {
        return (struct uuid){0, (uint64_t)number};
    }
    const struct metadata_dir *dir = pmap_get(&image->dirs_by_number, &number);
    ASSERT(dir != NULL);
    return dir->id;
}

struct uuid metadata_directory(const struct metadata_image *image,
                               const struct metadata_partition *p, size_t replica)
{
    ASSERT(replica < p->replica_count);
    if ((p->flags & HAS_DIRS) == 0) {
        return METADATA_DIR_UNASSIGNED;
    }
    return dir_uuid(image, p->data[p->replica_count + replica]);
}

struct uuid metadata_directory_of(const struct metadata_image *image,
                                  const struct metadata_partition *p, int32_t broker_id)
{
    struct metadata_ids replicas = metadata_replicas(p);
    for (size_t i = 0; i < replicas.count; i++) {
        if (replicas.items[i] == broker_id) {
            return metadata_directory(image, p, i);
        }
    }
    return METADATA_DIR_UNASSIGNED;
}

bool metadata_ids_contain(struct metadata_ids ids, int32_t id)
{
    for (size_t i = 0; i < ids.count; i++) {
        if (ids.items[i] == id) {
            return true;
        }
    }
    return false;
}

bool metadata_ids_equal(struct metadata_ids a, struct metadata_ids b)
{
    return a.count == b.count &&
           (a.count == 0 || memcmp(a.items, b.items, a.count * sizeof *a.items) == 0);
}

/* ---- packing ---- */

/* All unassigned is not stored, so that the same state always packs to the same words. */
static bool dirs_needed(struct metadata_ids dirs)
{
    for (size_t i = 0; i < dirs.count; i++) {
        if (dirs.items[i] != DIR_UNASSIGNED) {
            return true;
        }
    }
    return false;
}

static int32_t *put_ids(int32_t *at, struct metadata_ids ids)
{
    if (ids.count > 0) {
        memcpy(at, ids.items, ids.count * sizeof *ids.items);
    }
    return at + ids.count;
}

size_t metadata_partition_pack(const struct metadata_partition_state *state, int32_t *words)
{
    ASSERT(state->dirs.count == 0 || state->dirs.count == state->replicas.count);
    struct metadata_partition *p = (struct metadata_partition *)words;
    bool same = metadata_ids_equal(state->isr, state->replicas);
    bool dirs = dirs_needed(state->dirs);
    *p = (struct metadata_partition){
        .leader = state->leader,
        .leader_epoch = state->leader_epoch,
        .partition_epoch = state->partition_epoch,
        .recovering = state->recovering,
        .replica_count = (uint8_t)state->replicas.count,
        .isr_count = (uint8_t)state->isr.count,
        .removing_count = (uint8_t)state->removing.count,
        .adding_count = (uint8_t)state->adding.count,
        .elr_count = (uint8_t)state->elr.count,
        .last_known_elr_count = (uint8_t)state->last_known_elr.count,
        .flags = (uint8_t)((same ? ISR_IS_REPLICAS : 0) | (dirs ? HAS_DIRS : 0)),
    };
    int32_t *at = put_ids(p->data, state->replicas);
    at = dirs ? put_ids(at, state->dirs) : at;
    at = same ? at : put_ids(at, state->isr);
    at = put_ids(at, state->removing);
    at = put_ids(at, state->adding);
    at = put_ids(at, state->elr);
    at = put_ids(at, state->last_known_elr);
    return (size_t)(at - words);
}

struct metadata_partition_state metadata_partition_unpack(const struct metadata_partition *p)
{
    return (struct metadata_partition_state){
        .leader = p->leader,
        .leader_epoch = p->leader_epoch,
        .partition_epoch = p->partition_epoch,
        .recovering = p->recovering != 0,
        .replicas = metadata_replicas(p),
        .dirs = {.items = p->data + p->replica_count, .count = layout_of(p).dirs},
        .isr = metadata_isr(p),
        .removing = metadata_removing_replicas(p),
        .adding = metadata_adding_replicas(p),
        .elr = metadata_elr(p),
        .last_known_elr = metadata_last_known_elr(p),
    };
}

/* ---- chunks ---- */

static size_t chunk_size(size_t words)
{
    return sizeof(struct metadata_chunk) + words * sizeof(int32_t);
}

/* A chunk of our own at `slot`, with room for `words`, the old words kept. */
static struct metadata_chunk *chunk_own(struct metadata_chunk **slot, size_t words)
{
    struct metadata_chunk *old = *slot;
    words = max_size(words, old->used);
    if (ref_shared(&old->refs)) {
        *slot = mem_alloc(chunk_size(words));
        memcpy(*slot, old, chunk_size(old->used));
        ref_init(&(*slot)->refs);
        metadata_chunk_ops.unref(old);
    } else if (words > old->used) {
        *slot = mem_realloc(old, chunk_size(words));
    }
    return *slot;
}

static struct metadata_chunk **chunk_slot(struct metadata_topic *topic, int32_t index)
{
    uint32_t number = (uint32_t)index / METADATA_CHUNK_PARTITIONS;
    void **slot = pmap_edit(&topic->chunks, &number);
    if (slot == NULL) {
        struct metadata_chunk *chunk = mem_zalloc(1, sizeof *chunk);
        ref_init(&chunk->refs);
        chunk->number = number;
        pmap_put(&topic->chunks, chunk);
        slot = pmap_edit(&topic->chunks, &number);
    }
    return (struct metadata_chunk **)slot;
}

void metadata_topic_put_partition(struct metadata_topic *topic, int32_t index, const int32_t *words,
                                  size_t count)
{
    ASSERT(index >= 0);
    ASSERT(index <= topic->partition_count);
    struct metadata_chunk **slot = chunk_slot(topic, index);
    size_t i = (size_t)index % METADATA_CHUNK_PARTITIONS;
    size_t begin = i < (*slot)->count ? (*slot)->start[i] : (*slot)->used;
    size_t end = i + 1 < (*slot)->count ? (*slot)->start[i + 1] : (*slot)->used;
    size_t total = (*slot)->used - (end - begin) + count;
    struct metadata_chunk *chunk = chunk_own(slot, total);
    memmove(&chunk->words[begin + count], &chunk->words[end],
            (chunk->used - end) * sizeof(int32_t));
    memcpy(&chunk->words[begin], words, count * sizeof(int32_t));
    for (size_t j = i + 1; j < chunk->count; j++) {
        chunk->start[j] = (uint16_t)(chunk->start[j] + count - (end - begin));
    }
    chunk->start[i] = (uint16_t)begin;
    chunk->count = (uint16_t)max_size(chunk->count, i + 1);
    chunk->used = (uint16_t)total;
    if (index == topic->partition_count) {
        topic->partition_count++;
    }
}

/* ---- directories ---- */

static int32_t find_or_add_dir(struct metadata_image *image, struct uuid id)
{
    const struct metadata_dir *known = pmap_get(&image->dirs_by_id, &id);
    if (known != NULL) {
        return known->number;
    }
    struct metadata_dir *dir = MEM_NEW(struct metadata_dir);
    ref_init(&dir->refs);
    dir->number = (int32_t)image->dirs_by_id.count + DIR_FIRST;
    dir->id = id;
    ref_get(&dir->refs);
    pmap_put(&image->dirs_by_id, dir);
    pmap_put(&image->dirs_by_number, dir);
    return dir->number;
}

int32_t metadata_dir_number(struct metadata_delta *d, struct uuid id)
{
    if (id.hi == 0 && id.lo < DIR_FIRST) {
        return (int32_t)id.lo;
    }
    struct metadata_recent_dir *recent =
        &metadata_recent(d)->dirs[(id.hi ^ id.lo) % METADATA_RECENT];
    if (!uuid_eq(recent->id, id)) {
        *recent = (struct metadata_recent_dir){id, find_or_add_dir(d->image, id)};
    }
    return recent->number;
}

static bool dirs_equal(const struct metadata_image *image_a, const struct metadata_partition *a,
                       const struct metadata_image *image_b, const struct metadata_partition *b)
{
    for (size_t i = 0; i < a->replica_count; i++) {
        if (!uuid_eq(metadata_directory(image_a, a, i), metadata_directory(image_b, b, i))) {
            return false;
        }
    }
    return true;
}

bool metadata_partition_equal(const struct metadata_image *image_a,
                              const struct metadata_partition *a,
                              const struct metadata_image *image_b,
                              const struct metadata_partition *b)
{
    return a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->partition_epoch == b->partition_epoch && a->recovering == b->recovering &&
           metadata_ids_equal(metadata_replicas(a), metadata_replicas(b)) &&
           metadata_ids_equal(metadata_isr(a), metadata_isr(b)) &&
           metadata_ids_equal(metadata_removing_replicas(a), metadata_removing_replicas(b)) &&
           metadata_ids_equal(metadata_adding_replicas(a), metadata_adding_replicas(b)) &&
           metadata_ids_equal(metadata_elr(a), metadata_elr(b)) &&
           metadata_ids_equal(metadata_last_known_elr(a), metadata_last_known_elr(b)) &&
           dirs_equal(image_a, a, image_b, b);
}
