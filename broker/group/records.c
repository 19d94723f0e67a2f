/* Encoding and decoding of the records of `__consumer_offsets`. */
#include "broker/group/records.h"

#include "broker/group/private.h"
#include "wire/wire.h"

/* Versions. Value 3 of both came with Kafka 2.1 and 2.3 and is what Kafka still writes; value 4 is
 * flexible and reserved for a later time (KIP-915). */
enum {
    KEY_OFFSET_MAX = 1, /* 0 and 1 are the same */
    KEY_GROUP = 2,
    KEY_CONSUMER_FIRST = 3,
    KEY_CONSUMER_LAST = 8,
    KEY_CONSUMER_REGEX = 16,
    VALUE_OFFSET = 3,
    VALUE_OFFSET_EXPIRES = 1, /* the only one with an explicit expiry */
    VALUE_GROUP = 3,
};

/* What we encode came in through the same limits, so that it cannot fail. */
struct slice group_records_encode(const struct wire_message *m, int16_t version, const void *in,
                                  struct arena *arena)
{
    struct buf out = {0};
    buf_put_i16(&out, version);
    enum err error = wire_encode(m, version, in, &out);
    ASSERT(error == ERR_NONE);
    struct slice bytes = arena_dup(arena, buf_slice(&out));
    buf_fini(&out);
    return bytes;
}

enum err group_records_decode(const struct wire_message *m, struct slice bytes, struct arena *arena,
                              void *out)
{
    struct reader r = reader_of(bytes);
    int16_t version = reader_i16(&r);
    if (r.bad) {
        return ERR_CORRUPT;
    }
    /* Bytes behind the end are let pass, as Kafka's reader lets them. */
    return wire_decode_prefix(m, version, &r, arena, out) == ERR_NONE ? ERR_NONE : ERR_CORRUPT;
}

enum err group_records_decode_key(const struct wire_message *m, struct slice bytes,
                                  struct arena *arena, void *out)
{
    struct reader r = reader_of(bytes);
    reader_i16(&r);
    return wire_decode_prefix(m, wire_version_min(m), &r, arena, out) == ERR_NONE ? ERR_NONE
                                                                                  : ERR_CORRUPT;
}

/* ---- keys ---- */

static bool is_of_consumer_group(int16_t version)
{
    return (version >= KEY_CONSUMER_FIRST && version <= KEY_CONSUMER_LAST) ||
           version == KEY_CONSUMER_REGEX;
}

enum err group_records_key(struct slice key, struct arena *arena, struct group_key *out)
{
    *out = (struct group_key){.kind = GROUP_KEY_OTHER};
    struct reader r = reader_of(key);
    int16_t version = reader_i16(&r);
    if (r.bad || version < 0) {
        return ERR_CORRUPT;
    }
    if (version <= KEY_OFFSET_MAX) {
        struct wire_offset_commit_key k;
        TRY(group_records_decode(&wire_msg_offset_commit_key, key, arena, &k));
        *out = (struct group_key){
            .kind = GROUP_KEY_OFFSET, .group = k.group, .topic = k.topic, .partition = k.partition};
    } else if (version == KEY_GROUP) {
        struct wire_group_metadata_key k;
        TRY(group_records_decode(&wire_msg_group_metadata_key, key, arena, &k));
        *out = (struct group_key){.kind = GROUP_KEY_GROUP, .group = k.group};
    } else if (is_of_consumer_group(version)) {
        struct wire_consumer_group_metadata_key k; /* all of them begin with the group's id */
        TRY(group_records_decode_key(&wire_msg_consumer_group_metadata_key, key, arena, &k));
        *out = (struct group_key){.kind = GROUP_KEY_CONSUMER, .group = k.group_id, .type = version};
    }
    return ERR_NONE;
}

static struct slice encode_offset_key(const struct group_key *key, struct arena *arena)
{
    struct wire_offset_commit_key k = {key->group, key->topic, key->partition};
    return group_records_encode(&wire_msg_offset_commit_key, KEY_OFFSET_MAX, &k, arena);
}

static struct slice encode_group_key(struct slice group_id, struct arena *arena)
{
    struct wire_group_metadata_key k = {group_id};
    return group_records_encode(&wire_msg_group_metadata_key, KEY_GROUP, &k, arena);
}

/* ---- offsets ---- */

enum err group_records_offset_value(struct slice value, struct arena *arena,
                                    struct group_offset_value *out)
{
    struct wire_offset_commit_value v;
    TRY(group_records_decode(&wire_msg_offset_commit_value, value, arena, &v));
    *out = (struct group_offset_value){.offset = v.offset,
                                       .leader_epoch = v.leader_epoch,
                                       .metadata = v.metadata,
                                       .commit_ms = v.commit_timestamp,
                                       .expire_ms = v.expire_timestamp};
    return ERR_NONE;
}

struct group_record group_records_offset(const struct group_key *key,
                                         const struct group_offset_value *value,
                                         struct arena *arena)
{
    struct wire_offset_commit_value v = {.offset = value->offset,
                                         .leader_epoch = value->leader_epoch,
                                         .metadata = value->metadata,
                                         .commit_timestamp = value->commit_ms,
                                         .expire_timestamp = value->expire_ms};
    int16_t version = value->expire_ms >= 0 ? VALUE_OFFSET_EXPIRES : VALUE_OFFSET;
    return (struct group_record){
        encode_offset_key(key, arena),
        group_records_encode(&wire_msg_offset_commit_value, version, &v, arena)};
}

struct group_record group_records_offset_tombstone(const struct group_key *key, struct arena *arena)
{
    return (struct group_record){encode_offset_key(key, arena), SLICE_NULL};
}

/* ---- groups ---- */

enum err group_records_group_value(struct slice value, struct arena *arena,
                                   struct wire_group_metadata_value *out)
{
    return group_records_decode(&wire_msg_group_metadata_value, value, arena, out);
}

struct group_record group_records_group(const struct group *g, struct arena *arena)
{
    struct wire_group_metadata_value v;
    wire_init(&wire_msg_group_metadata_value, &v);
    v.protocol_type = slice_is_null(g->protocol_type) ? slice_str("") : g->protocol_type;
    v.generation = g->generation;
    v.protocol = g->protocol_name;
    v.leader = g->leader == NULL ? SLICE_NULL : g->leader->id;
    v.current_state_timestamp = g->state_since_ms;
    v.members = ARENA_ARRAY(arena, g->members.count, struct wire_group_metadata_value_members);
    v.members_count = 0;
    size_t at = 0;
    for (const struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        v.members[v.members_count++] = (struct wire_group_metadata_value_members){
            .member_id = m->id,
            .group_instance_id = m->instance_id,
            .client_id = m->client_id,
            .client_host = m->client_host,
            .rebalance_timeout = m->rebalance_timeout_ms,
            .session_timeout = m->session_timeout_ms,
            .subscription = group_protocols_metadata(m->protocols, g->protocol_name),
            .assignment = slice_is_null(m->assignment) ? slice_str("") : m->assignment,
        };
    }
    return (struct group_record){
        encode_group_key(g->id, arena),
        group_records_encode(&wire_msg_group_metadata_value, VALUE_GROUP, &v, arena)};
}

struct group_record group_records_group_tombstone(struct slice group_id, struct arena *arena)
{
    return (struct group_record){encode_group_key(group_id, arena), SLICE_NULL};
}
