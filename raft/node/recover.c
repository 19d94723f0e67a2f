/* A voter set by force; see recover.h. */
#include "raft/node/recover.h"

#include "base/mem.h"
#include "raft/node/private.h"

/* This controller as a voter. */
static void build_set(const struct node *node, const struct node_forced *forced, struct buf *out)
{
    struct arena arena = {0};
    struct wire_voters_record record = {.voters_count = 1};
    record.voters = wire_new_array(&wire_msg_voters_record_voters, &arena, 1);
    record.voters->voter_id = node->options.node_id;
    record.voters->voter_directory_id = node->options.directory_id;
    record.voters->kraft_version_feature.max_supported_version = NODE_KRAFT_VERSION_MAX;
    record.voters->endpoints_count = forced->listener_count;
    record.voters->endpoints =
        wire_new_array(&wire_msg_voters_record_voters_endpoints, &arena, forced->listener_count);
    for (int i = 0; i < forced->listener_count; i++) {
        record.voters->endpoints[i] = (struct wire_voters_record_voters_endpoints){
            slice_str(forced->listeners[i].name), slice_str(forced->listeners[i].host),
            forced->listeners[i].port};
    }
    enum err e = wire_encode(&wire_msg_voters_record, 0, &record, out);
    ASSERT(e == ERR_NONE);
    arena_fini(&arena);
}

/* What a leader of that epoch would have begun with, then the records. */
static void build_batches(struct node *node, const struct node_forced *forced, int32_t epoch,
                          struct buf *out)
{
    int64_t base = raft_log_end(node->raft);
    struct raft_key self = {node->options.node_id, node->options.directory_id};
    struct raft_append append = {
        .kind = RAFT_APPEND_LEADER_CHANGE,
        .base_offset = base,
        .end_offset = base + 3,
        .epoch = epoch,
        .voters = {1, {self}},
        .granted = 1,
        .with_voters = true,
    };
    struct buf value = {0};
    build_set(node, forced, &value);
    node_voters_put(&node->voter_records, base + 2, buf_slice(&value));
    node_control_leader_change(node, &append, out);
    buf_fini(&value);

    if (forced->record_count > 0) {
        struct wire_builder_options options = {.base_offset = append.end_offset,
                                               WIRE_BUILDER_DEFAULTS};
        options.leader_epoch = epoch;
        struct wire_builder builder;
        wire_builder_init(&builder, &options, out);
        int64_t now_ms = net_wall_ms(node->options.loop);
        for (int i = 0; i < forced->record_count; i++) {
            wire_builder_add(&builder, &(struct wire_record){.timestamp = now_ms,
                                                             .key = SLICE_NULL,
                                                             .value = forced->records[i]});
        }
        wire_builder_finish(&builder);
    }
}

static enum err append_synced(struct node *node, struct slice batches, struct store_error *why)
{
    struct store_log *store = node->log.store;
    enum err e = store_log_append(store, &batches, 1, net_wall_ms(node->options.loop));
    if (e == ERR_NONE) {
        e = store_log_flush(store);
    }
    return e == ERR_NONE ? e : store_fail_errno(why, e, "write", node->log_dir);
}

enum err node_force_voter(struct node *node, const struct node_forced *forced,
                          struct store_error *why)
{
    ASSERT(!node->started);
    if (node_kraft_version(node) == 0) {
        return store_fail(why, ERR_UNSUPPORTED,
                          "the voters of %s are static: they are those of controller.quorum.voters "
                          "and can be changed there, on all nodes that are left",
                          node->log_dir);
    }
    int32_t epoch = raft_epoch(node->raft);
    if (epoch > INT32_MAX / 2) {
        return store_fail(why, ERR_UNSUPPORTED, "%s has come to epoch %d, which leaves no room",
                          node->log_dir, epoch);
    }
    epoch += NODE_FORCED_EPOCHS;
    struct buf batches = {0};
    build_batches(node, forced, epoch, &batches);
    enum err e = batches.len > NODE_APPEND_BYTES_MAX
                     ? store_fail(why, ERR_MESSAGE_TOO_LARGE, "the records are too large")
                     : append_synced(node, buf_slice(&batches), why);
    buf_fini(&batches);
    if (e != ERR_NONE) {
        return e;
    }
    struct raft_hard_state state = {epoch, RAFT_NOBODY, {RAFT_NOBODY, UUID_ZERO}};
    e = node_state_write(node, &state);
    return e == ERR_NONE ? e : store_fail_errno(why, e, "write quorum-state in", node->log_dir);
}
