/* The state of the quorum, for people and for DescribeQuorum (KIP-595, KIP-836). */
#include "raft/node/private.h"

#include "base/mem.h"

/* ---- node_describe ---- */

static struct node_replica_state state_of(const struct raft_replica *replica, int64_t wall_ms)
{
    struct node_replica_state state = {
        .id = replica->key.id,
        .directory_id = replica->key.directory_id,
        .log_end_offset = replica->end_offset,
        .last_fetch_ms = -1,
        .last_caught_up_ms = -1,
    };
    /* The core's clock is the loop's; `wall_ms` is what to add to it. */
    if (replica->last_fetch_ms >= 0) {
        state.last_fetch_ms = wall_ms + replica->last_fetch_ms;
    }
    if (replica->last_caught_up_ms >= 0) {
        state.last_caught_up_ms = wall_ms + replica->last_caught_up_ms;
    }
    return state;
}

static int collect(struct node *node, bool voters, struct node_replica_state *out)
{
    int64_t wall_ms = net_wall_ms(node->options.loop) - net_now_ms(node->options.loop);
    int count = 0;
    struct raft_replica replica;
    bool voter;
    for (int i = 0; raft_replica_at(node->raft, i, &replica, &voter); i++) {
        if (voter == voters) {
            out[count++] = state_of(&replica, wall_ms);
        }
    }
    return count;
}

void node_describe(struct node *node, struct node_state *out)
{
    const struct raft *raft = node->raft;
    int count = 0;
    struct raft_replica replica;
    bool voter;
    while (raft_replica_at(raft, count, &replica, &voter)) {
        count++;
    }
    mem_free(node->replicas);
    node->replicas = mem_zalloc((size_t)count + 1, sizeof *node->replicas);
    *out = (struct node_state){
        .role = raft_role_name(raft_role(raft)),
        .leader_id = raft_leader(raft),
        .epoch = raft_epoch(raft),
        .high_watermark = raft_high_watermark(raft),
        .log_end_offset = raft_log_end(raft),
        .flushed_offset = raft_flushed(raft),
        .log_start_offset = raft_log_start(raft).offset,
        .snapshot_offset = raft_snapshot(raft).offset,
    };
    out->voters = node->replicas;
    out->voter_count = collect(node, true, node->replicas);
    out->observers = node->replicas + out->voter_count;
    out->observer_count = collect(node, false, node->replicas + out->voter_count);
}

void node_glance(const struct node *node, struct node_glance *out)
{
    const struct node_view *view = &node->view;
    *out = (struct node_glance){
        .leads = view->role == RAFT_ROLE_LEADER,
        .leader_id = view->leader_id,
        .epoch = view->epoch,
        .high_watermark = view->high_watermark,
        .log_end_offset = store_log_end_offset(node->log.store),
        .flushed_offset = node->log.synced,
        .wanted_end = raft_log_end(node->raft),
        .log = node->log.store,
        .saved_epoch = node->saved.epoch,
        .saved_vote = node->saved.voted.id,
        .directory_id = node->options.directory_id,
        .snapshot_offset = raft_snapshot(node->raft).offset,
        .snapshot_epoch = raft_snapshot(node->raft).epoch,
    };
}

int node_voters(struct node *node, const struct node_voter **out)
{
    const struct raft_voter_set *set = raft_voters(node->raft);
    for (int i = 0; i < set->count; i++) {
        const struct node_address *address = node_address_find(&node->addresses, set->voters[i].id);
        node->voters[i] = (struct node_voter){.id = set->voters[i].id,
                                              .directory_id = set->voters[i].directory_id};
        if (address != NULL) {
            node->voters[i].host = address->host;
            node->voters[i].port = address->port;
        }
    }
    *out = node->voters;
    return set->count;
}

/* ---- DescribeQuorum ---- */

/* Has directories and addresses of nodes (KIP-853). */
enum { DESCRIBE_VERSION_NODES = 2 };

static void fill_replicas(struct wire_describe_quorum_response_topics_partitions *partition,
                          const struct node_state *state, int16_t version, struct arena *arena)
{
    bool has_directories = version >= DESCRIBE_VERSION_NODES;
    partition->current_voters =
        wire_new_array(&wire_msg_describe_quorum_response_topics_partitions_current_voters, arena,
                       state->voter_count);
    partition->current_voters_count = state->voter_count;
    for (int i = 0; i < state->voter_count; i++) {
        const struct node_replica_state *voter = &state->voters[i];
        partition->current_voters[i] =
            (struct wire_describe_quorum_response_topics_partitions_current_voters){
                voter->id, has_directories ? voter->directory_id : UUID_ZERO, voter->log_end_offset,
                voter->last_fetch_ms, voter->last_caught_up_ms};
    }
    partition->observers =
        wire_new_array(&wire_msg_describe_quorum_response_topics_partitions_observers, arena,
                       state->observer_count);
    partition->observers_count = state->observer_count;
    for (int i = 0; i < state->observer_count; i++) {
        const struct node_replica_state *observer = &state->observers[i];
        partition->observers[i] =
            (struct wire_describe_quorum_response_topics_partitions_observers){
                observer->id, has_directories ? observer->directory_id : UUID_ZERO,
                observer->log_end_offset, observer->last_fetch_ms, observer->last_caught_up_ms};
    }
}

/* As the record of the voters has them; the static ones have but an address. */
static void fill_listeners(struct wire_describe_quorum_response_nodes *entry,
                           const struct wire_voters_record_voters *voter, struct arena *arena)
{
    entry->listeners_count = voter->endpoints_count;
    entry->listeners = wire_new_array(&wire_msg_describe_quorum_response_nodes_listeners, arena,
                                      voter->endpoints_count);
    for (int i = 0; i < voter->endpoints_count; i++) {
        entry->listeners[i] = (struct wire_describe_quorum_response_nodes_listeners){
            voter->endpoints[i].name, voter->endpoints[i].host, voter->endpoints[i].port};
    }
}

static void fill_nodes(struct node *node, struct wire_describe_quorum_response *response,
                       struct arena *arena)
{
    const struct node_voter *voters;
    int count = node_voters(node, &voters);
    const struct wire_voters_record *record = node_voters_newest(&node->voter_records, arena);
    response->nodes = wire_new_array(&wire_msg_describe_quorum_response_nodes, arena, count);
    response->nodes_count = count;
    for (int i = 0; i < count; i++) {
        struct wire_describe_quorum_response_nodes *entry = &response->nodes[i];
        entry->node_id = voters[i].id;
        const struct wire_voters_record_voters *voter =
            node_voters_entry(record, (struct raft_key){voters[i].id, voters[i].directory_id});
        if (voter != NULL) {
            fill_listeners(entry, voter, arena);
        } else if (voters[i].host != NULL) {
            entry->listeners =
                wire_new_array(&wire_msg_describe_quorum_response_nodes_listeners, arena, 1);
            entry->listeners_count = 1;
            entry->listeners->name = slice_str(node->options.listener_name);
            entry->listeners->host = slice_str(voters[i].host);
            entry->listeners->port = voters[i].port;
        }
    }
}

/* What is asked about is not the metadata log. */
static void refuse_topics(struct net_request *request)
{
    const struct wire_describe_quorum_request *wire = request->body;
    struct arena *arena = &request->arena;
    struct wire_describe_quorum_response *response =
        wire_new(&wire_msg_describe_quorum_response, arena);
    response->topics =
        wire_new_array(&wire_msg_describe_quorum_response_topics, arena, wire->topics_count);
    response->topics_count = wire->topics_count;
    for (int i = 0; i < wire->topics_count; i++) {
        const struct wire_describe_quorum_request_topics *asked = &wire->topics[i];
        struct wire_describe_quorum_response_topics *topic = &response->topics[i];
        topic->topic_name = asked->topic_name;
        topic->partitions = wire_new_array(&wire_msg_describe_quorum_response_topics_partitions,
                                           arena, asked->partitions_count);
        topic->partitions_count = asked->partitions_count;
        for (int k = 0; k < asked->partitions_count; k++) {
            topic->partitions[k].partition_index = asked->partitions[k].partition_index;
            topic->partitions[k].error_code = err_wire(ERR_UNKNOWN_TOPIC_OR_PARTITION);
        }
    }
    net_reply(request, response);
}

void node_serve_describe(struct node *node, struct net_request *request)
{
    const struct wire_describe_quorum_request *wire = request->body;
    struct arena *arena = &request->arena;
    int16_t version = request->header.api_version;
    if (wire->topics_count != 1 || wire->topics->partitions_count != 1 ||
        !slice_eq_str(wire->topics->topic_name, NODE_TOPIC) ||
        wire->topics->partitions->partition_index != 0) {
        refuse_topics(request);
        return;
    }
    struct node_state state;
    node_describe(node, &state);
    struct wire_describe_quorum_response *response =
        wire_new(&wire_msg_describe_quorum_response, arena);
    response->topics = wire_new_array(&wire_msg_describe_quorum_response_topics, arena, 1);
    response->topics_count = 1;
    response->topics->topic_name = slice_str(NODE_TOPIC);
    response->topics->partitions =
        wire_new_array(&wire_msg_describe_quorum_response_topics_partitions, arena, 1);
    response->topics->partitions_count = 1;
    struct wire_describe_quorum_response_topics_partitions *partition =
        response->topics->partitions;
    partition->leader_id = state.leader_id;
    partition->leader_epoch = state.epoch;
    if (raft_role(node->raft) != RAFT_ROLE_LEADER) {
        partition->error_code = err_wire(ERR_NOT_LEADER_OR_FOLLOWER);
    } else {
        partition->high_watermark = state.high_watermark;
        fill_replicas(partition, &state, version, arena);
        if (version >= DESCRIBE_VERSION_NODES) {
            fill_nodes(node, response, arena);
        }
    }
    net_reply(request, response);
}
