/* Asking for the quorum. */
#include "cli/quorum.h"

#include <stdlib.h>

#include "cli/nodes.h"

#define METADATA_TOPIC "__cluster_metadata"

/* The cluster's id, and the addresses of the controllers where controllers are asked. */
static enum err describe_cluster(struct client *client, struct quorum *out)
{
    const struct wire_describe_cluster_response *response;
    bool of_controllers = client_asks_controllers(client);
    TRY(nodes_ask(client, CLIENT_ANY, of_controllers ? NODES_CONTROLLERS : NODES_BROKERS,
                  &response));
    out->cluster_id = response->cluster_id;
    if (of_controllers) {
        nodes_learn(client, response);
    }
    return ERR_NONE;
}

/* ---- the answer ---- */

static void add_address(struct quorum_replica *replica)
{
    const struct wire_describe_quorum_response_nodes *node = replica->node;
    if (node != NULL && node->listeners_count > 0) {
        replica->listener = node->listeners[0].name;
        replica->host = node->listeners[0].host;
        replica->port = node->listeners[0].port;
    }
}

static const struct wire_describe_quorum_response_nodes *
find_node(const struct wire_describe_quorum_response *response, int32_t id)
{
    for (int32_t i = 0; i < response->nodes_count; i++) {
        if (response->nodes[i].node_id == id) {
            return &response->nodes[i];
        }
    }
    return NULL;
}

static int by_id(const void *a, const void *b)
{
    const struct quorum_replica *one = a;
    const struct quorum_replica *other = b;
    return one->id < other->id ? -1 : one->id > other->id;
}

/* A voter and an observer have structures of their own, which are the same. */
static void read_voters(const struct wire_describe_quorum_response *response, struct arena *arena,
                        struct quorum *out)
{
    const struct wire_describe_quorum_response_topics_partitions *partition =
        response->topics->partitions;
    out->voter_count = partition->current_voters_count < 0 ? 0 : partition->current_voters_count;
    out->voters = ARENA_ARRAY(arena, (size_t)out->voter_count + 1, struct quorum_replica);
    for (int i = 0; i < out->voter_count; i++) {
        const struct wire_describe_quorum_response_topics_partitions_current_voters *v =
            &partition->current_voters[i];
        out->voters[i] = (struct quorum_replica){v->replica_id,
                                                 v->replica_directory_id,
                                                 v->log_end_offset,
                                                 v->last_fetch_timestamp,
                                                 v->last_caught_up_timestamp,
                                                 find_node(response, v->replica_id),
                                                 SLICE_NULL,
                                                 SLICE_NULL,
                                                 0};
        add_address(&out->voters[i]);
        if (v->replica_id == partition->leader_id) {
            out->leader_end = v->log_end_offset;
        }
    }
    qsort(out->voters, (size_t)out->voter_count, sizeof *out->voters, by_id);
}

static void read_observers(const struct wire_describe_quorum_response *response,
                           struct arena *arena, struct quorum *out)
{
    const struct wire_describe_quorum_response_topics_partitions *partition =
        response->topics->partitions;
    out->observer_count = partition->observers_count < 0 ? 0 : partition->observers_count;
    out->observers = ARENA_ARRAY(arena, (size_t)out->observer_count + 1, struct quorum_replica);
    for (int i = 0; i < out->observer_count; i++) {
        const struct wire_describe_quorum_response_topics_partitions_observers *o =
            &partition->observers[i];
        out->observers[i] = (struct quorum_replica){o->replica_id,
                                                    o->replica_directory_id,
                                                    o->log_end_offset,
                                                    o->last_fetch_timestamp,
                                                    o->last_caught_up_timestamp,
                                                    find_node(response, o->replica_id),
                                                    SLICE_NULL,
                                                    SLICE_NULL,
                                                    0};
    }
    qsort(out->observers, (size_t)out->observer_count, sizeof *out->observers, by_id);
}

static enum err describe_quorum(struct client *client, int32_t node, struct arena *arena,
                                struct quorum *out)
{
    struct wire_describe_quorum_request_topics_partitions partition = {.partition_index = 0};
    struct wire_describe_quorum_request_topics topic = {
        .topic_name = slice_str(METADATA_TOPIC), .partitions = &partition, .partitions_count = 1};
    struct wire_describe_quorum_request request = {.topics = &topic, .topics_count = 1};
    struct client_call call = {node, WIRE_API_DESCRIBE_QUORUM, 2, &request, 0};
    const void *answer;
    /* A leader that was named and does not answer may have died: ask again who leads. */
    TRY(node == CLIENT_ANY ? client_call(client, &call, &answer)
                           : client_call_once(client, &call, &answer));
    const struct wire_describe_quorum_response *response = answer;
    if (response->error_code != 0) {
        return (enum err)response->error_code;
    }
    if (response->topics_count < 1 || response->topics->partitions_count < 1) {
        return ERR_MALFORMED;
    }
    const struct wire_describe_quorum_response_topics_partitions *found =
        response->topics->partitions;
    out->leader_id = found->leader_id;
    out->epoch = found->leader_epoch;
    out->high_watermark = out->leader_end = found->high_watermark;
    read_voters(response, arena, out);
    read_observers(response, arena, out);
    return (enum err)found->error_code;
}

/* Only the leader knows how far the others are. */
enum err quorum_ask_once(struct client *client, struct arena *arena, struct quorum *out)
{
    *out = (struct quorum){.cluster_id = SLICE_NULL, .leader_id = -1, .epoch = -1};
    enum err e = describe_cluster(client, out);
    if (e == ERR_NONE) {
        e = describe_quorum(client, CLIENT_ANY, arena, out);
    }
    if (e == ERR_NOT_LEADER_OR_FOLLOWER && client_has_node(client, out->leader_id)) {
        e = describe_quorum(client, out->leader_id, arena, out);
    }
    if (e != ERR_NONE) {
        client_turn(client);
    }
    return e;
}

enum err quorum_ask(struct client *client, struct arena *arena, struct quorum *out)
{
    struct quorum leaderless;
    bool is_leaderless = false;
    enum err e;
    do {
        e = quorum_ask_once(client, arena, out);
        if (e == ERR_NOT_LEADER_OR_FOLLOWER) {
            leaderless = *out;
            is_leaderless = true;
        }
    } while (client_retry(client, e));
    /* That one lives and knows no leader says more than that another does not answer. */
    if (e != ERR_NONE && is_leaderless && out->leader_id < 0) {
        *out = leaderless;
        e = ERR_NOT_LEADER_OR_FOLLOWER;
    }
    return e;
}

enum err quorum_call(struct client *client, const struct quorum *quorum, int16_t api,
                     const void *request, const void **response)
{
    bool direct = client_asks_controllers(client) && client_has_node(client, quorum->leader_id);
    struct client_call call = {.node = direct ? quorum->leader_id : CLIENT_ANY,
                               .api = api,
                               .request = request,
                               .wait_ms = client_left_ms(client)};
    return client_call_once(client, &call, response);
}

enum cli_exit quorum_fail(const struct cli *cli, const struct client *client,
                          const struct quorum *quorum, enum err e)
{
    if (e != ERR_NOT_LEADER_OR_FOLLOWER) {
        return client_fail(cli, client, e);
    }
    return cli_fail(cli, "no leader was found: epoch %" PRId32 ", leader %" PRId32 "%s",
                    quorum->epoch, quorum->leader_id,
                    quorum->leader_id < 0 ? "; is a majority of the controllers running?"
                                          : ", whose address is not known; name more controllers");
}

/* ---- looking at it ---- */

const struct quorum_replica *quorum_voter(const struct quorum *quorum, int32_t id)
{
    for (int i = 0; i < quorum->voter_count; i++) {
        if (quorum->voters[i].id == id) {
            return &quorum->voters[i];
        }
    }
    return NULL;
}

const struct quorum_replica *quorum_observer(const struct quorum *quorum, int32_t id,
                                             struct uuid but)
{
    const struct quorum_replica *found = NULL;
    for (int i = 0; i < quorum->observer_count; i++) {
        const struct quorum_replica *observer = &quorum->observers[i];
        if (observer->id == id && !uuid_eq(observer->directory_id, but) &&
            (found == NULL || observer->last_fetch_ms > found->last_fetch_ms)) {
            found = observer;
        }
    }
    return found;
}

const char *quorum_voters_text(const struct quorum *quorum, struct arena *arena)
{
    const char *text = "";
    for (int i = 0; i < quorum->voter_count; i++) {
        text = arena_printf(arena, "%s%s%" PRId32, text, i == 0 ? "" : ", ", quorum->voters[i].id);
    }
    return text;
}
