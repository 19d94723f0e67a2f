/* Offsets that a transaction holds back until its marker. */
#include "broker/group/private.h"
#include "broker/group/records.h"

static struct group_offset *entry_of(struct group_shard *shard, const struct group_key *key)
{
    return group_offset_find_or_create(group_find_or_create(shard, key->group), key->topic,
                                       key->partition);
}

static void record_free(struct group_txn_record *r)
{
    list_remove(&r->node);
    group_disown(&r->key);
    group_disown(&r->value);
    mem_free(r);
}

void group_txn_free(struct group_txn *t)
{
    LIST_EACH(node, &t->records)
    {
        record_free(LIST_ENTRY(node, struct group_txn_record, node));
    }
    mem_free(t);
}

enum err group_txn_hold(struct group_shard *shard, int64_t producer_id, uint64_t sequence,
                        struct group_record record)
{
    struct arena arena = {0};
    struct group_key key;
    struct group_offset_value value;
    /* Read now: the marker cannot fail any more. */
    enum err error = group_records_key(record.key, &arena, &key);
    if (error == ERR_NONE) {
        error = group_records_offset_value(record.value, &arena, &value);
    }
    if (error == ERR_NONE) {
        struct group_txn *t = map_get(&shard->transactions, MAP_KEY(producer_id));
        if (t == NULL) {
            t = MEM_NEW(struct group_txn);
            t->producer_id = producer_id;
            list_init(&t->records);
            map_put(&shard->transactions, MAP_KEY(t->producer_id), t);
        }
        struct group_txn_record *r = MEM_NEW(struct group_txn_record);
        r->sequence = sequence;
        r->key = group_own(record.key);
        r->value = group_own(record.value);
        list_add_tail(&t->records, &r->node);
        entry_of(shard, &key)->pending++;
    }
    arena_fini(&arena);
    return error;
}

/* A commit or tombstone that came later in the log than the held record stays: replaying goes by
 * the sequence. */
static void release(struct group_shard *shard, struct group_txn_record *r, bool commit)
{
    struct arena arena = {0};
    struct group_key key;
    enum err error = group_records_key(r->key, &arena, &key);
    ASSERT(error == ERR_NONE);
    struct group_offset *o = entry_of(shard, &key);
    ASSERT(o->pending > 0);
    o->pending--;
    if (commit) {
        struct group_record record = {r->key, r->value};
        error = group_replay_record(shard, -1, r->sequence, record);
        ASSERT(error == ERR_NONE);
    } else {
        struct group *g = group_find(shard, key.group);
        group_offset_maybe_drop(g, key.topic, key.partition);
        group_maybe_forget(g);
    }
    arena_fini(&arena);
}

void group_shard_end_transaction(struct group_shard *shard, int64_t producer_id, bool commit)
{
    struct group_txn *t = map_get(&shard->transactions, MAP_KEY(producer_id));
    if (t == NULL || shard->phase == GROUP_SHARD_UNLOADED) {
        return;
    }
    map_remove(&shard->transactions, MAP_KEY(producer_id));
    LIST_EACH(node, &t->records)
    {
        release(shard, LIST_ENTRY(node, struct group_txn_record, node), commit);
    }
    group_txn_free(t);
}
