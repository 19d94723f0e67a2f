/* The KRaftVoters records of the log, as they stand there. The core knows who is a voter; the
 * record also has the listeners and the versions of each, which the next record must repeat. */
#include "base/mem.h"
#include "raft/node/change.h"
#include "raft/node/private.h"

void node_voters_fini(struct node_voters *voters)
{
    for (int i = 0; i < voters->count; i++) {
        mem_free(voters->items[i].value);
    }
    mem_free(voters->items);
    *voters = (struct node_voters){0};
}

/* Forgets the newest. */
static void drop_last(struct node_voters *voters)
{
    mem_free(voters->items[--voters->count].value);
}

void node_voters_truncate(struct node_voters *voters, int64_t end)
{
    while (voters->count > 0 && voters->items[voters->count - 1].offset >= end) {
        drop_last(voters);
    }
}

void node_voters_put(struct node_voters *voters, int64_t offset, struct slice value)
{
    node_voters_truncate(voters, offset);
    if (voters->count == voters->cap) {
        voters->cap = voters->cap == 0 ? 4 : voters->cap * 2;
        voters->items = mem_realloc(voters->items, (size_t)voters->cap * sizeof *voters->items);
    }
    struct node_voters_at *entry = &voters->items[voters->count++];
    *entry = (struct node_voters_at){offset, mem_alloc(value.len), value.len};
    memcpy(entry->value, value.data, value.len);
}

struct slice node_voters_value(const struct node_voters *voters, int64_t end)
{
    for (int i = voters->count - 1; i >= 0; i--) {
        if (voters->items[i].offset < end) {
            return slice_of(voters->items[i].value, voters->items[i].len);
        }
    }
    return SLICE_NULL;
}

struct wire_voters_record *node_voters_newest(const struct node_voters *voters, struct arena *arena)
{
    struct slice value = node_voters_value(voters, INT64_MAX);
    if (slice_is_null(value)) {
        return NULL;
    }
    struct wire_voters_record *record = wire_new(&wire_msg_voters_record, arena);
    enum err e = wire_decode(&wire_msg_voters_record, 0, value, arena, record);
    ASSERT(e == ERR_NONE); /* it was decoded before it was put */
    return record;
}

struct wire_voters_record_voters *node_voters_entry(const struct wire_voters_record *record,
                                                    struct raft_key key)
{
    for (int i = 0; record != NULL && i < record->voters_count; i++) {
        struct wire_voters_record_voters *voter = &record->voters[i];
        struct raft_key own = {voter->voter_id, voter->voter_directory_id};
        if (raft_key_matches(own, key)) {
            return voter;
        }
    }
    return NULL;
}

/* ---- reading ---- */

enum {
    CONTROL_BYTES_MAX = 1 << 20,
    VOTER_LISTENERS_MAX = 32, /* a controller has one or two */
};

static bool endpoint_fits(const struct wire_voters_record_voters_endpoints *endpoint)
{
    return endpoint->name.len <= NODE_HOST_MAX && endpoint->host.len > 0 &&
           endpoint->host.len <= NODE_HOST_MAX && endpoint->port > 0;
}

const struct wire_voters_record_voters_endpoints *
node_voters_listener(const struct wire_voters_record_voters *voter, const char *listener_name)
{
    const struct wire_voters_record_voters_endpoints *found = NULL;
    for (int i = 0; i < voter->endpoints_count; i++) {
        if (voter->endpoints_count > VOTER_LISTENERS_MAX || !endpoint_fits(&voter->endpoints[i])) {
            return NULL;
        }
        if (slice_eq_str(voter->endpoints[i].name, listener_name)) {
            found = &voter->endpoints[i];
        }
    }
    return found;
}

const struct wire_voters_record_voters_endpoints *
node_voters_endpoint(const struct wire_voters_record_voters *voter, const char *listener_name)
{
    for (int i = 0; i < voter->endpoints_count; i++) {
        if (slice_eq_str(voter->endpoints[i].name, listener_name)) {
            return &voter->endpoints[i];
        }
    }
    return voter->endpoints_count > 0 ? &voter->endpoints[0] : NULL;
}

static enum err decode_set(struct slice value, struct raft_voter_set *out)
{
    struct arena arena = {0};
    struct wire_voters_record record;
    enum err e = wire_decode(&wire_msg_voters_record, 0, value, &arena, &record);
    if (e != ERR_NONE || record.voters_count < 1 || record.voters_count > RAFT_VOTERS_MAX) {
        arena_fini(&arena);
        return ERR_INVALID_RECORD;
    }
    *out = (struct raft_voter_set){.count = record.voters_count};
    for (int i = 0; i < record.voters_count; i++) {
        out->voters[i] =
            (struct raft_key){record.voters[i].voter_id, record.voters[i].voter_directory_id};
    }
    arena_fini(&arena);
    return ERR_NONE;
}

/* A level that this release does not know: the records that follow may be another's, too. */
static enum err check_level(struct slice value, struct arena *arena)
{
    struct wire_kraft_version_record record;
    TRY(wire_decode(&wire_msg_kraft_version_record, 0, value, arena, &record));
    return record.kraft_version > NODE_KRAFT_VERSION_MAX ? ERR_UNSUPPORTED : ERR_NONE;
}

enum err node_voters_find(const struct wire_batch *batch, struct raft_voters_at *out,
                          struct slice *value, struct arena *arena)
{
    *value = SLICE_NULL;
    if (!wire_batch_has(batch, WIRE_BATCH_CONTROL)) {
        return ERR_NONE;
    }
    struct wire_records records;
    TRY(wire_records_open(&records, batch, CONTROL_BYTES_MAX, arena));
    for (;;) {
        struct wire_record record;
        bool got;
        int16_t type = -1;
        TRY(wire_record_next(&records, &record, &got));
        if (!got) {
            return ERR_NONE;
        }
        TRY(wire_control_key_decode(record.key, &type));
        if (type == WIRE_CONTROL_KRAFT_VERSION) {
            TRY(check_level(record.value, arena));
        }
        if (type == WIRE_CONTROL_KRAFT_VOTERS) {
            TRY(decode_set(record.value, &out->set));
            out->offset = record.offset;
            *value = record.value;
        }
    }
}

void node_voters_take(struct node *node, int64_t offset, struct slice value)
{
    node_voters_put(&node->voter_records, offset, value);
    struct arena arena = {0};
    const struct wire_voters_record *record = node_voters_newest(&node->voter_records, &arena);
    for (int i = 0; i < record->voters_count; i++) {
        const struct wire_voters_record_voters_endpoints *endpoint =
            node_voters_endpoint(&record->voters[i], node->options.listener_name);
        if (endpoint != NULL) {
            int32_t id = record->voters[i].voter_id;
            if (id == node->options.node_id && node->own_entry == NULL) {
                node_address_learn(&node->addresses, id, endpoint->host, endpoint->port);
            }
            node_learn_address(node, id, endpoint->host, endpoint->port);
        }
    }
    arena_fini(&arena);
    node_own_entry_poke(node);
}

void node_voters_appended(struct node *node, struct slice batches)
{
    struct wire_batches it = wire_batches_of(batches);
    struct arena arena = {0};
    for (;;) {
        struct wire_batch batch;
        struct raft_voters_at voters;
        struct slice value;
        bool got;
        enum err e = wire_batch_next(&it, &batch, &got);
        ASSERT(e == ERR_NONE); /* made here, or checked when it came */
        if (!got) {
            break;
        }
        e = node_voters_find(&batch, &voters, &value, &arena);
        ASSERT(e == ERR_NONE);
        if (!slice_is_null(value)) {
            node_voters_take(node, voters.offset, value);
        }
    }
    arena_fini(&arena);
}

/* ---- writing ---- */

void node_voters_build(struct node *node, const struct raft_voter_set *set, struct buf *out)
{
    struct arena arena = {0};
    const struct wire_voters_record *before = node_voters_newest(&node->voter_records, &arena);
    struct wire_voters_record record = {.voters_count = set->count};
    record.voters = wire_new_array(&wire_msg_voters_record_voters, &arena, set->count);
    for (int i = 0; i < set->count; i++) {
        const struct wire_voters_record_voters *entry = node_change_entry(node, set->voters[i]);
        if (entry == NULL) {
            entry = node_voters_entry(before, set->voters[i]);
        }
        if (entry == NULL) {
            entry = node_report_find(&node->reports, set->voters[i]);
        }
        ASSERT(entry != NULL);
        record.voters[i] = *entry;
    }
    enum err e = wire_encode(&wire_msg_voters_record, 0, &record, out);
    ASSERT(e == ERR_NONE);
    arena_fini(&arena);
}
