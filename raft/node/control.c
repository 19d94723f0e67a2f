/* Control records: leader changes, versions and voters (KIP-595, KIP-853). */
#include "raft/node/private.h"

#include "base/mem.h"

/* Voters are records of the log, which is version 1 of KRaft. */
enum { KRAFT_VERSION = 1, CONTROL_BYTES_MAX = 1 << 20 };

void node_control_add(struct wire_builder *builder, enum wire_control_type type,
                      const struct wire_message *message, const void *value)
{
    /* The record's own first field says in which version it is written. */
    int16_t version = *(const int16_t *)value;
    struct buf key = {0};
    struct buf bytes = {0};
    wire_control_key_encode(type, &key);
    enum err e = wire_encode(message, version, value, &bytes);
    ASSERT(e == ERR_NONE);
    wire_builder_add(builder, &(struct wire_record){.timestamp = builder->base_timestamp,
                                                    .key = buf_slice(&key),
                                                    .value = buf_slice(&bytes)});
    buf_fini(&key);
    buf_fini(&bytes);
}

void node_control_add_voters(struct wire_builder *builder, const struct node_voter *voters,
                             int count, const char *listener_name)
{
    struct wire_kraft_version_record version = {.kraft_version = KRAFT_VERSION};
    node_control_add(builder, WIRE_CONTROL_KRAFT_VERSION, &wire_msg_kraft_version_record, &version);

    struct arena arena = {0};
    struct wire_voters_record record = {.voters_count = count};
    record.voters = wire_new_array(&wire_msg_voters_record_voters, &arena, count);
    for (int i = 0; i < count; i++) {
        struct wire_voters_record_voters *voter = &record.voters[i];
        voter->voter_id = voters[i].id;
        voter->voter_directory_id = voters[i].directory_id;
        voter->kraft_version_feature.max_supported_version = KRAFT_VERSION;
        if (voters[i].host != NULL) {
            voter->endpoints = wire_new_array(&wire_msg_voters_record_voters_endpoints, &arena, 1);
            voter->endpoints_count = 1;
            voter->endpoints[0].name = slice_str(listener_name);
            voter->endpoints[0].host = slice_str(voters[i].host);
            voter->endpoints[0].port = voters[i].port;
        }
    }
    node_control_add(builder, WIRE_CONTROL_KRAFT_VOTERS, &wire_msg_voters_record, &record);
    arena_fini(&arena);
}

/* ---- the leader's first batch ---- */

static void add_leader_change(struct wire_builder *builder, const struct node *node,
                              const struct raft_append *append)
{
    struct arena arena = {0};
    int n = append->voters.count;
    struct wire_leader_change_message message;
    wire_init(&wire_msg_leader_change_message, &message);
    /* Kafka up to 4.1 reads every LeaderChange as version 0, whatever version it says it has. So no
     * directory ids. */
    message.version = 0;
    message.leader_id = node->options.node_id;
    message.voters = wire_new_array(&wire_msg_leader_change_message_voters, &arena, n);
    message.voters_count = n;
    message.granting_voters =
        wire_new_array(&wire_msg_leader_change_message_granting_voters, &arena, n);
    message.granting_voters_count = 0;
    for (int i = 0; i < n; i++) {
        int32_t id = append->voters.voters[i].id;
        message.voters[i].voter_id = id;
        if ((append->granted >> i & 1) != 0) {
            message.granting_voters[message.granting_voters_count++].voter_id = id;
        }
    }
    node_control_add(builder, WIRE_CONTROL_LEADER_CHANGE, &wire_msg_leader_change_message,
                     &message);
    arena_fini(&arena);
}

void node_control_leader_change(struct node *node, const struct raft_append *append,
                                struct buf *out)
{
    struct wire_builder_options options = {.base_offset = append->base_offset,
                                           WIRE_BUILDER_DEFAULTS};
    options.leader_epoch = append->epoch;
    options.attributes = WIRE_BATCH_CONTROL;
    struct wire_builder builder;
    wire_builder_init(&builder, &options, out);
    int64_t now_ms = net_wall_ms(node->options.loop);
    wire_builder_set_timestamps(&builder, now_ms, now_ms);
    add_leader_change(&builder, node, append);
    if (append->with_voters) {
        const struct node_voter *voters;
        int count = node_voters(node, &voters);
        node_control_add_voters(&builder, voters, count, node->options.listener_name);
    }
    wire_builder_finish(&builder);
}

/* ---- reading ---- */

static enum err decode_voters(struct node_addresses *addresses, struct slice value,
                              struct raft_voter_set *out)
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
        const struct wire_voters_record_voters *voter = &record.voters[i];
        out->voters[i] = (struct raft_key){voter->voter_id, voter->voter_directory_id};
        if (voter->endpoints_count > 0) {
            node_address_learn(addresses, voter->voter_id, voter->endpoints[0].host,
                               voter->endpoints[0].port);
        }
    }
    arena_fini(&arena);
    return ERR_NONE;
}

enum err node_control_voters(struct node_addresses *addresses, const struct wire_batch *batch,
                             struct raft_voters_at *out, bool *found)
{
    *found = false;
    if (!wire_batch_has(batch, WIRE_BATCH_CONTROL)) {
        return ERR_NONE;
    }
    struct arena arena = {0};
    struct wire_records records;
    enum err e = wire_records_open(&records, batch, CONTROL_BYTES_MAX, &arena);
    while (e == ERR_NONE) {
        struct wire_record record;
        bool got;
        int16_t type = -1;
        e = wire_record_next(&records, &record, &got);
        if (e != ERR_NONE || !got) {
            break;
        }
        e = wire_control_key_decode(record.key, &type);
        if (e == ERR_NONE && type == WIRE_CONTROL_KRAFT_VOTERS) {
            e = decode_voters(addresses, record.value, &out->set);
            out->offset = record.offset;
            *found = e == ERR_NONE;
        }
    }
    arena_fini(&arena);
    return e;
}
