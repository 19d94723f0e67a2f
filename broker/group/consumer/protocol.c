/* The bytes that consumers of the classic protocol put into JoinGroup and SyncGroup. */
#include "broker/group/consumer/consumer.h"
#include "metadata/image.h"
#include "wire/wire.h"

/* A version that we do not know yet is read as the highest that we do; the rest is ignored. */
static enum err read(const struct wire_message *m, struct slice bytes, struct arena *arena,
                     void *out)
{
    struct reader r = reader_of(bytes);
    int16_t version = reader_i16(&r);
    if (r.bad || version < 0) {
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    }
    version = (int16_t)min_i64(version, wire_version_max(m));
    return wire_decode_prefix(m, version, &r, arena, out) == ERR_NONE
               ? ERR_NONE
               : ERR_INCONSISTENT_GROUP_PROTOCOL;
}

enum err consumer_read_subscription(struct slice bytes, struct arena *arena,
                                    struct wire_consumer_protocol_subscription *out)
{
    return read(&wire_msg_consumer_protocol_subscription, bytes, arena, out);
}

static void add_by_name(struct consumer_set *set, const struct group_shard *shard,
                        struct slice topic, const int32_t *partitions, int32_t count)
{
    const struct metadata_topic *t =
        shard->image == NULL ? NULL : metadata_topic_by_name(shard->image, topic);
    for (int32_t i = 0; t != NULL && i < count; i++) {
        consumer_set_add(set, t->id, partitions[i]);
    }
}

enum err consumer_read_assignment(struct slice bytes, const struct group_shard *shard,
                                  struct consumer_set *out)
{
    *out = (struct consumer_set){0};
    if (bytes.len == 0) {
        return ERR_NONE; /* the leader forgot it */
    }
    struct arena arena = {0};
    struct wire_consumer_protocol_assignment a;
    enum err e = read(&wire_msg_consumer_protocol_assignment, bytes, &arena, &a);
    for (int32_t i = 0; e == ERR_NONE && i < a.assigned_partitions_count; i++) {
        add_by_name(out, shard, a.assigned_partitions[i].topic, a.assigned_partitions[i].partitions,
                    a.assigned_partitions[i].partitions_count);
    }
    consumer_set_sort(out);
    arena_fini(&arena);
    return e;
}

struct consumer_set
consumer_owned_of(const struct wire_consumer_protocol_subscription *subscription,
                  const struct group_shard *shard)
{
    struct consumer_set set = {0};
    for (int32_t i = 0; i < subscription->owned_partitions_count; i++) {
        add_by_name(&set, shard, subscription->owned_partitions[i].topic,
                    subscription->owned_partitions[i].partitions,
                    subscription->owned_partitions[i].partitions_count);
    }
    consumer_set_sort(&set);
    return set;
}

struct slice consumer_write_assignment(const struct consumer_member *m, struct arena *arena)
{
    const struct metadata_image *image = m->group->group->shard->image;
    const struct consumer_set *set = &m->assigned;
    struct wire_consumer_protocol_assignment a;
    wire_init(&wire_msg_consumer_protocol_assignment, &a);
    a.assigned_partitions = ARENA_ARRAY(
        arena, set->count, struct wire_consumer_protocol_assignment_assigned_partitions);
    size_t run;
    for (size_t at = 0; at < set->count; at += run) {
        run = consumer_set_run(set, at);
        const struct metadata_topic *t =
            image == NULL ? NULL : metadata_topic_by_id(image, set->at[at].topic);
        if (t == NULL) {
            continue; /* deleted meanwhile */
        }
        struct wire_consumer_protocol_assignment_assigned_partitions *to =
            &a.assigned_partitions[a.assigned_partitions_count++];
        to->topic = t->name;
        to->partitions = ARENA_ARRAY(arena, run, int32_t);
        for (size_t i = 0; i < run; i++) {
            to->partitions[to->partitions_count++] = (int32_t)set->at[at + i].index;
        }
    }
    struct reader own = reader_of(m->classic_protocols->at[0].metadata);
    int16_t version = (int16_t)min_i64(max_i64(reader_i16(&own), 0),
                                       wire_version_max(&wire_msg_consumer_protocol_assignment));
    struct buf out = {0};
    buf_put_i16(&out, version);
    enum err e = wire_encode(&wire_msg_consumer_protocol_assignment, version, &a, &out);
    ASSERT(e == ERR_NONE);
    struct slice bytes = arena_dup(arena, buf_slice(&out));
    buf_fini(&out);
    return bytes;
}
