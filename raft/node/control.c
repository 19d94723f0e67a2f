/* Control records: leader changes, versions and voters (KIP-595, KIP-853). */
#include "raft/node/private.h"

#include "base/mem.h"

/* Voters are records of the log, which is version 1 of KRaft. */
enum { KRAFT_VERSION = 1 };

static void add_record(struct wire_builder *builder, enum wire_control_type type,
                       struct slice value)
{
    struct buf key = {0};
    wire_control_key_encode(type, &key);
    wire_builder_add(builder, &(struct wire_record){.timestamp = builder->base_timestamp,
                                                    .key = buf_slice(&key),
                                                    .value = value});
    buf_fini(&key);
}

void node_control_add(struct wire_builder *builder, enum wire_control_type type,
                      const struct wire_message *message, const void *value)
{
    /* The record's own first field says in which version it is written. */
    int16_t version = *(const int16_t *)value;
    struct buf bytes = {0};
    enum err e = wire_encode(message, version, value, &bytes);
    ASSERT(e == ERR_NONE);
    add_record(builder, type, buf_slice(&bytes));
    buf_fini(&bytes);
}

static void add_kraft_version(struct wire_builder *builder)
{
    struct wire_kraft_version_record version = {.kraft_version = KRAFT_VERSION};
    node_control_add(builder, WIRE_CONTROL_KRAFT_VERSION, &wire_msg_kraft_version_record, &version);
}

void node_control_add_voters(struct wire_builder *builder, const struct node_voter *voters,
                             int count, const char *listener_name)
{
    add_kraft_version(builder);
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

void node_control_repeat_voters(struct wire_builder *builder, struct slice value)
{
    add_kraft_version(builder);
    add_record(builder, WIRE_CONTROL_KRAFT_VOTERS, value);
}

/* ---- the leader's own batches ---- */

static struct wire_builder begin_control(struct node *node, const struct raft_append *append,
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
    return builder;
}

static void add_voters(struct wire_builder *builder, struct node *node,
                       const struct raft_append *append)
{
    struct buf value = {0};
    node_voters_build(node, &append->voters, &value);
    add_record(builder, WIRE_CONTROL_KRAFT_VOTERS, buf_slice(&value));
    buf_fini(&value);
}

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
    struct wire_builder builder = begin_control(node, append, out);
    add_leader_change(&builder, node, append);
    if (append->with_voters) {
        add_kraft_version(&builder);
        add_voters(&builder, node, append);
    }
    wire_builder_finish(&builder);
}

void node_control_voters(struct node *node, const struct raft_append *append, struct buf *out)
{
    struct wire_builder builder = begin_control(node, append, out);
    add_voters(&builder, node, append);
    wire_builder_finish(&builder);
}

void node_control_upgrade(struct node *node, const struct raft_append *append, struct buf *out)
{
    struct wire_builder builder = begin_control(node, append, out);
    add_kraft_version(&builder);
    add_voters(&builder, node, append);
    wire_builder_finish(&builder);
}
