/* One record of the log becomes state: at load every one, later those of offsets and tombstones
 * when they commit. */
#include "broker/group/consumer/consumer.h"
#include "broker/group/records.h"

static enum err replay_offset(struct group_shard *shard, const struct group_key *key,
                              uint64_t sequence, struct group_record record)
{
    struct arena arena = {0};
    struct group_offset_value value = {0};
    bool tombstone = slice_is_null(record.value);
    enum err error =
        tombstone ? ERR_NONE : group_records_offset_value(record.value, &arena, &value);
    if (error == ERR_NONE) {
        struct group *g = group_find_or_create(shard, key->group);
        struct group_offset *o = group_offset_find_or_create(g, key->topic, key->partition);
        if (sequence > o->sequence) {
            shard->offsets_count += (size_t)!tombstone - (size_t)o->committed;
            group_disown(&o->metadata);
            o->sequence = sequence;
            o->committed = !tombstone;
            o->offset = value.offset;
            o->leader_epoch = value.leader_epoch;
            o->commit_ms = value.commit_ms;
            o->expire_ms = value.expire_ms;
            o->metadata = group_own(value.metadata);
        }
        group_offset_maybe_drop(g, key->topic, key->partition);
        group_maybe_forget(g);
    }
    arena_fini(&arena);
    return error;
}

void group_make_blank(struct group *g)
{
    struct step nobody = {.shard = g->shard};
    size_t at = 0;
    for (struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        ASSERT(!m->join.waiting);
        ASSERT(!m->sync.waiting);
        group_member_remove(&nobody, m);
    }
    group_subscriptions_clear(g);
    group_disown(&g->protocol_type);
    group_disown(&g->protocol_name);
    g->generation = 0;
    g->state = GROUP_STATE_EMPTY;
    g->previous = GROUP_STATE_DEAD;
    g->state_since_ms = -1;
    g->persisted = false;
}

static void replay_member(struct group *g, struct slice protocol,
                          const struct wire_group_metadata_value_members *from)
{
    struct group_member *m = MEM_NEW(struct group_member);
    m->id = group_own(from->member_id);
    m->instance_id = group_own(from->group_instance_id);
    m->client_id = group_own(from->client_id);
    m->client_host = group_own(from->client_host);
    m->session_timeout_ms = from->session_timeout;
    m->rebalance_timeout_ms =
        from->rebalance_timeout < 0 ? from->session_timeout : from->rebalance_timeout;
    m->protocols = group_protocols_one(protocol, from->subscription);
    m->assignment = group_own(from->assignment);
    group_member_add(g, m);
}

/* What would break our own invariants; a record that Kafka or we wrote has none of it. */
static enum err check_group_value(const struct wire_group_metadata_value *value)
{
    struct map ids = {0};
    struct map instances = {0};
    enum err error = ERR_NONE;
    for (int64_t i = 0; i < value->members_count; i++) {
        struct wire_group_metadata_value_members *m = &value->members[i];
        if (m->member_id.len == 0 || map_put(&ids, m->member_id, m) != NULL ||
            (!slice_is_null(m->group_instance_id) &&
             map_put(&instances, m->group_instance_id, m) != NULL)) {
            error = ERR_CORRUPT;
        }
    }
    if (value->generation < 0 || (value->members_count > 0 && slice_is_null(value->protocol))) {
        error = ERR_CORRUPT;
    }
    map_fini(&ids);
    map_fini(&instances);
    return error;
}

static void apply_group_value(struct group *g, const struct wire_group_metadata_value *value)
{
    group_make_blank(g);
    g->persisted = true;
    g->generation = value->generation;
    g->state_since_ms = value->current_state_timestamp;
    g->protocol_type = value->protocol_type.len == 0 ? SLICE_NULL : group_own(value->protocol_type);
    g->protocol_name = group_own(value->protocol);
    for (int64_t i = 0; i < value->members_count; i++) {
        replay_member(g, value->protocol, &value->members[i]);
    }
    if (g->members.count > 0) {
        g->state = GROUP_STATE_STABLE;
        struct group_member *leader = group_member_find(g, value->leader);
        if (leader != NULL) {
            g->leader = leader;
        }
    }
    group_subscriptions_update(g);
}

static enum err replay_group(struct group_shard *shard, const struct group_key *key,
                             struct group_record record)
{
    if (slice_is_null(record.value)) {
        struct group *g = group_find(shard, key->group);
        if (g != NULL && g->consumer == NULL) {
            group_make_blank(g);
            group_maybe_forget(g);
        }
        return ERR_NONE;
    }
    struct arena arena = {0};
    struct wire_group_metadata_value value;
    enum err error = group_records_group_value(record.value, &arena, &value);
    if (error == ERR_NONE) {
        error = check_group_value(&value);
    }
    struct group *g = error == ERR_NONE ? group_find_or_create(shard, key->group) : NULL;
    if (g != NULL && g->consumer == NULL) {
        apply_group_value(g, &value);
    } else if (g != NULL) {
        error = ERR_CORRUPT; /* two protocols at once */
    }
    arena_fini(&arena);
    return error;
}

enum err group_replay_record(struct group_shard *shard, int64_t producer_id, uint64_t sequence,
                             struct group_record record)
{
    struct arena arena = {0};
    struct group_key key;
    enum err error = group_records_key(record.key, &arena, &key);
    if (error == ERR_NONE && key.kind == GROUP_KEY_GROUP) {
        error = replay_group(shard, &key, record);
    } else if (error == ERR_NONE && key.kind == GROUP_KEY_CONSUMER) {
        error = consumer_replay(shard, key.type, record);
    } else if (error == ERR_NONE && key.kind == GROUP_KEY_OFFSET) {
        if (producer_id >= 0 && !slice_is_null(record.value)) {
            error = group_txn_hold(shard, producer_id, sequence, record);
        } else {
            error = replay_offset(shard, &key, sequence, record);
        }
    }
    arena_fini(&arena);
    return error;
}

enum err group_shard_replay(struct group_shard *shard, int64_t producer_id, struct slice key,
                            struct slice value)
{
    ASSERT(shard->phase == GROUP_SHARD_LOADING);
    struct group_record record = {key, value};
    enum err error = group_replay_record(shard, producer_id, shard->next_sequence++, record);
    if (error != ERR_NONE) {
        log_error(shard->log, "group", "record is not readable",
                  "record=%" PRIu64 " key_bytes=%zu value_bytes=%zu", shard->next_sequence - 1,
                  key.len, value.len);
    }
    return error;
}
