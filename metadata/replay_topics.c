/* Replay of topics and partitions. */
#include "metadata/private.h"

#include "base/mem.h"

/* Topic ids below this are reserved (KIP-516), the metadata log's own among them. */
enum { TOPIC_ID_MIN = 100 };

static struct metadata_identity *identity_new(struct metadata_image *image,
                                              const struct metadata_topic_record *r)
{
    struct metadata_identity *identity = mem_alloc(sizeof *identity + r->name.len);
    ref_init(&identity->refs);
    identity->id = r->topic_id;
    identity->number = image->next_topic_number++;
    memcpy(identity->bytes, r->name.data, r->name.len);
    identity->name = slice_of(identity->bytes, r->name.len);
    return identity;
}

enum err metadata_replay_topic(struct metadata_delta *d, const struct metadata_topic_record *r)
{
    struct metadata_image *image = d->image;
    if (r->name.len == 0 || (r->topic_id.hi == 0 && r->topic_id.lo < TOPIC_ID_MIN)) {
        return metadata_delta_fail(d, ERR_CORRUPT, "a topic without a name or with a reserved id");
    }
    if (metadata_topic_by_name(image, r->name) != NULL) {
        return metadata_delta_fail(d, ERR_CORRUPT, "topic \"%.*s\" is created, but exists",
                                   SLICE_ARG(r->name));
    }
    if (metadata_topic_by_id(image, r->topic_id) != NULL) {
        return metadata_delta_fail(d, ERR_CORRUPT, "topic id %s of \"%.*s\" is in use already",
                                   uuid_text(r->topic_id).text, SLICE_ARG(r->name));
    }
    struct metadata_identity *identity = identity_new(image, r);
    struct metadata_topic *topic = MEM_NEW(struct metadata_topic);
    ref_init(&topic->refs);
    topic->id = identity->id;
    topic->name = identity->name;
    topic->identity = identity;
    pmap_init(&topic->chunks, &metadata_chunk_ops);
    pmap_put(&image->topics, topic);
    ref_get(&identity->refs);
    pmap_put(&image->topics_by_name, identity);
    ref_get(&identity->refs);
    pmap_put(&image->topics_by_number, identity);
    return ERR_NONE;
}

enum err metadata_replay_remove_topic(struct metadata_delta *d,
                                      const struct metadata_remove_topic *r)
{
    struct metadata_image *image = d->image;
    const struct metadata_topic *topic = metadata_topic_by_id(image, r->topic_id);
    if (topic == NULL) {
        return metadata_delta_fail(d, ERR_CORRUPT, "topic id %s is removed, but there is none",
                                   uuid_text(r->topic_id).text);
    }
    uint64_t number = topic->identity->number;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        metadata_sets_update(d, metadata_set_member(number, i), metadata_partition(topic, i), NULL);
    }
    image->partition_count -= (size_t)topic->partition_count;
    struct metadata_config_key config = {.type = METADATA_CONFIG_TOPIC, .name = topic->name};
    pmap_remove(&image->configs, &config);
    pmap_remove(&image->topics_by_name, &topic->name);
    pmap_remove(&image->topics_by_number, &number);
    pmap_remove(&image->topics, &r->topic_id);
    return ERR_NONE;
}

/* ---- partitions ---- */

/* Where a partition is, for messages and for storing it. */
struct place {
    const struct metadata_topic *topic;
    int32_t index;
    const struct metadata_partition *before; /* NULL: new */
};

static enum err fail_at(struct metadata_delta *d, const struct place *at, const char *what)
{
    return metadata_delta_fail(d, ERR_CORRUPT, "partition %.*s-%" PRId32 ": %s",
                               SLICE_ARG(at->topic->name), at->index, what);
}

static bool ids_valid(struct metadata_ids ids)
{
    for (size_t i = 0; i < ids.count; i++) {
        if (ids.items[i] < 0) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (ids.items[i] == ids.items[j]) {
                return false;
            }
        }
    }
    return ids.count <= METADATA_REPLICAS_MAX;
}

static bool ids_within(struct metadata_ids ids, struct metadata_ids all)
{
    for (size_t i = 0; i < ids.count; i++) {
        if (!metadata_ids_contain(all, ids.items[i])) {
            return false;
        }
    }
    return true;
}

/* Whatever the record says, these hold for every partition of an image. */
static enum err check_state(struct metadata_delta *d, const struct place *at,
                            const struct metadata_partition_state *s)
{
    if (!ids_valid(s->replicas) || s->replicas.count == 0) {
        return fail_at(d, at, "its replicas are none, too many, negative or doubled");
    }
    if (!ids_valid(s->isr) || !ids_within(s->isr, s->replicas)) {
        return fail_at(d, at, "its ISR is no set of its replicas");
    }
    if (!ids_valid(s->adding) || !ids_within(s->adding, s->replicas) || !ids_valid(s->removing) ||
        !ids_within(s->removing, s->replicas)) {
        return fail_at(d, at, "its adding or removing replicas are no set of its replicas");
    }
    if (!ids_valid(s->elr) || !ids_valid(s->last_known_elr)) {
        return fail_at(d, at, "its eligible leader replicas are too many, negative or doubled");
    }
    if (s->leader != METADATA_NO_LEADER && !metadata_ids_contain(s->isr, s->leader)) {
        return fail_at(d, at, "its leader is not in its ISR");
    }
    if (s->leader_epoch < 0 || s->partition_epoch < 0) {
        return fail_at(d, at, "an epoch is negative");
    }
    if (at->before != NULL && (s->leader_epoch < at->before->leader_epoch ||
                               s->partition_epoch < at->before->partition_epoch)) {
        return fail_at(d, at, "an epoch goes back");
    }
    return ERR_NONE;
}

/* Numbers of the record's directories, in `numbers`. */
static enum err read_dirs(struct metadata_delta *d, const struct place *at,
                          const struct metadata_dirs *dirs, struct metadata_partition_state *s,
                          int32_t *numbers)
{
    s->dirs = (struct metadata_ids){.items = numbers, .count = 0};
    if (dirs->count == 0) {
        return ERR_NONE;
    }
    if (dirs->count != s->replicas.count || dirs->count > METADATA_REPLICAS_MAX) {
        return fail_at(d, at, "it has not one directory per replica");
    }
    for (size_t i = 0; i < dirs->count; i++) {
        numbers[i] = metadata_dir_number(d, dirs->items[i]);
    }
    s->dirs.count = dirs->count;
    return ERR_NONE;
}

/* The topic in this image alone. */
static struct metadata_topic *own_topic(struct metadata_delta *d,
                                        const struct metadata_topic *topic)
{
    struct metadata_recent *recent = metadata_recent(d);
    if (topic == recent->topic) {
        return recent->topic;
    }
    struct uuid id = topic->id;
    struct metadata_topic **slot = (struct metadata_topic **)pmap_edit(&d->image->topics, &id);
    if (ref_shared(&(*slot)->refs)) {
        struct metadata_topic *copy = mem_alloc(sizeof *copy);
        *copy = **slot;
        ref_init(&copy->refs);
        ref_get(&copy->identity->refs);
        copy->chunks = pmap_copy(&(*slot)->chunks);
        metadata_topic_ops.unref(*slot);
        *slot = copy;
    }
    recent->topic = *slot;
    return *slot;
}

static enum err store(struct metadata_delta *d, const struct place *at,
                      const struct metadata_partition_state *state)
{
    TRY(check_state(d, at, state));
    int32_t words[METADATA_PARTITION_WORDS_MAX];
    size_t count = metadata_partition_pack(state, words);
    metadata_sets_update(d, metadata_set_member(at->topic->identity->number, at->index), at->before,
                         (const struct metadata_partition *)words);
    if (at->before == NULL) {
        d->image->partition_count++;
    }
    metadata_topic_put_partition(own_topic(d, at->topic), at->index, words, count);
    return ERR_NONE;
}

static enum err find_place(struct metadata_delta *d, struct uuid topic_id, int32_t index,
                           struct place *at)
{
    const struct metadata_topic *topic = metadata_recent(d)->topic;
    if (topic == NULL || !uuid_eq(topic->id, topic_id)) {
        topic = metadata_topic_by_id(d->image, topic_id);
    }
    if (topic == NULL) {
        return metadata_delta_fail(d, ERR_CORRUPT, "partition %" PRId32 " of unknown topic id %s",
                                   index, uuid_text(topic_id).text);
    }
    *at =
        (struct place){.topic = topic, .index = index, .before = metadata_partition(topic, index)};
    return ERR_NONE;
}

enum err metadata_replay_partition(struct metadata_delta *d,
                                   const struct metadata_partition_record *r)
{
    struct place at;
    int32_t numbers[METADATA_REPLICAS_MAX];
    TRY(find_place(d, r->topic_id, r->partition_id, &at));
    if (r->partition_id < 0 || r->partition_id > at.topic->partition_count) {
        return fail_at(d, &at, "it is created before the partitions in front of it");
    }
    if (r->partition_id >= METADATA_PARTITIONS_MAX) {
        return fail_at(d, &at, "a topic cannot have that many partitions");
    }
    struct metadata_partition_state state = {
        .leader = r->leader,
        .leader_epoch = r->leader_epoch,
        .partition_epoch = r->partition_epoch,
        .recovering = r->leader_recovery == METADATA_RECOVERING,
        .replicas = r->replicas,
        .isr = r->isr,
        .removing = r->removing_replicas,
        .adding = r->adding_replicas,
        .elr = r->elr,
        .last_known_elr = r->last_known_elr,
    };
    TRY(read_dirs(d, &at, &r->directories, &state, numbers));
    return store(d, &at, &state);
}

/* New replicas without new directories: who stays keeps its directory, who comes has none yet. */
static void carry_dirs(struct metadata_delta *d, const struct metadata_partition *before,
                       struct metadata_partition_state *s, int32_t *numbers)
{
    struct metadata_partition_state old = metadata_partition_unpack(before);
    if (old.dirs.count == 0) {
        return;
    }
    for (size_t i = 0; i < s->replicas.count; i++) {
        numbers[i] = metadata_dir_number(d, METADATA_DIR_UNASSIGNED);
        for (size_t j = 0; j < old.replicas.count; j++) {
            if (old.replicas.items[j] == s->replicas.items[i]) {
                numbers[i] = old.dirs.items[j];
            }
        }
    }
    s->dirs = (struct metadata_ids){.items = numbers, .count = s->replicas.count};
}

static void apply_lists(const struct metadata_partition_change *r,
                        struct metadata_partition_state *s)
{
    const struct {
        bool present;
        struct metadata_ids from;
        struct metadata_ids *to;
    } lists[] = {
        {r->has_isr, r->isr, &s->isr},
        {r->has_replicas, r->replicas, &s->replicas},
        {r->has_removing_replicas, r->removing_replicas, &s->removing},
        {r->has_adding_replicas, r->adding_replicas, &s->adding},
        {r->has_elr, r->elr, &s->elr},
        {r->has_last_known_elr, r->last_known_elr, &s->last_known_elr},
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (lists[i].present) {
            *lists[i].to = lists[i].from;
        }
    }
}

enum err metadata_replay_partition_change(struct metadata_delta *d,
                                          const struct metadata_partition_change *r)
{
    struct place at;
    int32_t numbers[METADATA_REPLICAS_MAX];
    TRY(find_place(d, r->topic_id, r->partition_id, &at));
    if (at.before == NULL) {
        return fail_at(d, &at, "it is changed, but there is none");
    }
    if (at.before->partition_epoch == INT32_MAX || at.before->leader_epoch == INT32_MAX) {
        return fail_at(d, &at, "its epochs are used up");
    }
    struct metadata_partition_state state = metadata_partition_unpack(at.before);
    apply_lists(r, &state);
    if (r->has_replicas && !r->has_directories && ids_valid(state.replicas)) {
        carry_dirs(d, at.before, &state, numbers);
    }
    if (r->has_directories) {
        TRY(read_dirs(d, &at, &r->directories, &state, numbers));
    }
    if (r->leader != METADATA_LEADER_UNCHANGED) {
        state.leader = r->leader;
        state.leader_epoch++;
    }
    if (r->leader_recovery != METADATA_RECOVERY_UNCHANGED) {
        state.recovering = r->leader_recovery == METADATA_RECOVERING;
    }
    state.partition_epoch++;
    return store(d, &at, &state);
}
