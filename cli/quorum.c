/* craft quorum: the controllers that keep the metadata of a cluster. */
#include <stdio.h>

#include "base/uuid.h"
#include "cli/client.h"

#define METADATA_TOPIC "__cluster_metadata"

enum { ENDPOINT_BROKERS = 1, ENDPOINT_CONTROLLERS = 2 };

struct quorum {
    struct slice cluster_id;
    const struct wire_describe_quorum_response_topics_partitions *partition;
};

/* A voter or an observer; the protocol has a structure for each. */
struct replica {
    int32_t id;
    struct uuid directory_id;
    int64_t log_end_offset;
    int64_t last_fetch_ms;
    int64_t last_caught_up_ms;
};

/* ---- asking ---- */

/* The cluster's id, and the addresses of the controllers where controllers are asked. */
static enum err describe_cluster(struct client *client, struct quorum *out)
{
    struct wire_describe_cluster_request request;
    wire_init(&wire_msg_describe_cluster_request, &request);
    bool of_controllers = client_asks_controllers(client);
    request.endpoint_type = of_controllers ? ENDPOINT_CONTROLLERS : ENDPOINT_BROKERS;
    const void *answer;
    TRY(client_call(client,
                    &(struct client_call){CLIENT_ANY, WIRE_API_DESCRIBE_CLUSTER, 1, &request, 0},
                    &answer));
    const struct wire_describe_cluster_response *response = answer;
    out->cluster_id = response->cluster_id;
    for (int32_t i = 0; i < response->brokers_count && of_controllers; i++) {
        const struct wire_describe_cluster_response_brokers *node = &response->brokers[i];
        client_set_node(client, node->broker_id, node->host, node->port);
    }
    return (enum err)response->error_code;
}

static enum err describe_quorum(struct client *client, int32_t node, struct quorum *out)
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
    out->partition = response->topics->partitions;
    return (enum err)out->partition->error_code;
}

/* Only the leader knows how far the others are. */
static enum err ask(struct client *client, struct quorum *out)
{
    enum err e;
    do {
        e = describe_cluster(client, out);
        if (e == ERR_NONE) {
            e = describe_quorum(client, CLIENT_ANY, out);
        }
        if (e == ERR_NOT_LEADER_OR_FOLLOWER && client_has_node(client, out->partition->leader_id)) {
            e = describe_quorum(client, out->partition->leader_id, out);
        }
        if (e != ERR_NONE) {
            client_turn(client);
        }
    } while (client_retry(client, e));
    return e;
}

/* ---- printing ---- */

static struct replica voter_at(const struct quorum *quorum, int32_t i)
{
    const struct wire_describe_quorum_response_topics_partitions_current_voters *v =
        &quorum->partition->current_voters[i];
    return (struct replica){v->replica_id, v->replica_directory_id, v->log_end_offset,
                            v->last_fetch_timestamp, v->last_caught_up_timestamp};
}

static struct replica observer_at(const struct quorum *quorum, int32_t i)
{
    const struct wire_describe_quorum_response_topics_partitions_observers *o =
        &quorum->partition->observers[i];
    return (struct replica){o->replica_id, o->replica_directory_id, o->log_end_offset,
                            o->last_fetch_timestamp, o->last_caught_up_timestamp};
}

static int64_t leader_end(const struct quorum *quorum)
{
    int64_t end = quorum->partition->high_watermark;
    for (int32_t i = 0; i < quorum->partition->current_voters_count; i++) {
        struct replica voter = voter_at(quorum, i);
        if (voter.id == quorum->partition->leader_id) {
            end = voter.log_end_offset;
        }
    }
    return end;
}

/* Null when the replica's end is not known. */
static void put_lag(struct table *t, const struct quorum *quorum, const struct replica *replica)
{
    if (replica->log_end_offset < 0) {
        table_null(t);
    } else {
        table_number(t, max_i64(leader_end(quorum) - replica->log_end_offset, 0));
    }
}

static void put_directory(struct table *t, struct uuid id)
{
    table_text(t, uuid_is_zero(id) ? SLICE_NULL : slice_str(uuid_text(id).text));
}

static const struct table_column json_columns[] = {
    {"ID", "id", TABLE_NUMBER},
    {"DIRECTORY", "directoryId", TABLE_TEXT},
    {"LOG END", "logEndOffset", TABLE_NUMBER},
    {"LAG", "lag", TABLE_NUMBER},
    {"LAST FETCH", "lastFetchTimestamp", TABLE_NUMBER},
    {"LAST CAUGHT UP", "lastCaughtUpTimestamp", TABLE_NUMBER},
};

static json_t *replicas_json(const struct quorum *quorum, bool voters)
{
    struct table t;
    table_init(&t, json_columns, ARRAY_LEN(json_columns));
    int32_t count =
        voters ? quorum->partition->current_voters_count : quorum->partition->observers_count;
    for (int32_t i = 0; i < count; i++) {
        struct replica replica = voters ? voter_at(quorum, i) : observer_at(quorum, i);
        table_number(&t, replica.id);
        put_directory(&t, replica.directory_id);
        table_number(&t, replica.log_end_offset);
        put_lag(&t, quorum, &replica);
        table_number(&t, replica.last_fetch_ms);
        table_number(&t, replica.last_caught_up_ms);
    }
    table_sort(&t);
    json_t *json = table_json(&t);
    table_fini(&t);
    return json;
}

static void print_json(const struct quorum *quorum, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "clusterId", table_json_text(quorum->cluster_id));
    json_object_set_new(root, "leaderId", json_integer(quorum->partition->leader_id));
    json_object_set_new(root, "leaderEpoch", json_integer(quorum->partition->leader_epoch));
    json_object_set_new(root, "highWatermark", json_integer(quorum->partition->high_watermark));
    json_object_set_new(root, "voters", replicas_json(quorum, true));
    json_object_set_new(root, "observers", replicas_json(quorum, false));
    table_print_json(root, out);
}

static const struct table_column columns[] = {
    {"ID", "id", TABLE_NUMBER},
    {"STATUS", "status", TABLE_TEXT},
    {"LOG END", "logEndOffset", TABLE_NUMBER},
    {"LAG", "lag", TABLE_NUMBER},
    {"LAST FETCH", "lastFetchTimestamp", TABLE_NUMBER},
    {"LAST CAUGHT UP", "lastCaughtUpTimestamp", TABLE_NUMBER},
    {"DIRECTORY", "directoryId", TABLE_TEXT},
};

/* People read how long ago it was. */
static const struct table_column columns_for_people[] = {
    {"ID", "", TABLE_NUMBER},      {"STATUS", "", TABLE_TEXT},  {"LOG END", "", TABLE_NUMBER},
    {"LAG", "", TABLE_NUMBER},     {"FETCHED", "", TABLE_TEXT}, {"CAUGHT UP", "", TABLE_TEXT},
    {"DIRECTORY", "", TABLE_TEXT},
};

static void put_time(struct table *t, struct arena *arena, int64_t time_ms, int64_t now_ms)
{
    if (now_ms == 0) {
        table_number(t, time_ms);
    } else if (time_ms < 0) {
        table_null(t);
    } else {
        int64_t age_ms = max_i64(now_ms - time_ms, 0);
        table_text(t, slice_str(arena_printf(arena, "%.1f s ago", (double)age_ms / 1000.0)));
    }
}

/* `now_ms` 0: times are shown as they are. */
static void add_replica(struct table *t, const struct quorum *quorum, const struct replica *replica,
                        const char *status, int64_t now_ms)
{
    table_number(t, replica->id);
    table_text(t, slice_str(status));
    table_number(t, replica->log_end_offset);
    put_lag(t, quorum, replica);
    put_time(t, &t->arena, replica->last_fetch_ms, now_ms);
    put_time(t, &t->arena, replica->last_caught_up_ms, now_ms);
    put_directory(t, replica->directory_id);
}

static void print_rows(const struct quorum *quorum, int64_t now_ms, enum table_format format,
                       struct buf *out)
{
    struct table t;
    table_init(&t, now_ms == 0 ? columns : columns_for_people, ARRAY_LEN(columns));
    for (int32_t i = 0; i < quorum->partition->current_voters_count; i++) {
        struct replica voter = voter_at(quorum, i);
        bool leads = voter.id == quorum->partition->leader_id;
        add_replica(&t, quorum, &voter, leads ? "leader" : "follower", now_ms);
    }
    for (int32_t i = 0; i < quorum->partition->observers_count; i++) {
        struct replica observer = observer_at(quorum, i);
        add_replica(&t, quorum, &observer, "observer", now_ms);
    }
    table_sort(&t);
    table_print(&t, format, out);
    table_fini(&t);
}

static void print(struct client *client, const struct quorum *quorum, enum table_format format,
                  struct buf *out)
{
    switch (format) {
    case TABLE_JSON:
        print_json(quorum, out);
        break;
    case TABLE_TSV:
        print_rows(quorum, 0, format, out);
        break;
    case TABLE_FOR_PEOPLE:
        buf_printf(out,
                   "cluster %.*s, leader %" PRId32 ", epoch %" PRId32 ", high watermark %" PRId64
                   "\n\n",
                   SLICE_ARG(quorum->cluster_id), quorum->partition->leader_id,
                   quorum->partition->leader_epoch, quorum->partition->high_watermark);
        print_rows(quorum, net_wall_ms(client_loop(client)), format, out);
        break;
    }
}

/* ---- the command ---- */

static enum cli_exit run_status(struct cli *cli)
{
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    struct quorum quorum = {.cluster_id = SLICE_NULL};
    enum err e = ask(client, &quorum);
    if (e == ERR_NOT_LEADER_OR_FOLLOWER) {
        code = cli_fail(cli, "no leader was found: epoch %" PRId32 ", leader %" PRId32 "%s",
                        quorum.partition->leader_epoch, quorum.partition->leader_id,
                        quorum.partition->leader_id < 0
                            ? "; is a majority of the controllers running?"
                            : ", whose address is not known; name more controllers");
    } else if (e != ERR_NONE) {
        code = client_fail(cli, client, e);
    } else {
        struct buf out = {0};
        print(client, &quorum, cli->format, &out);
        code = cli_print(&out);
    }
    client_close(client);
    return code;
}

const struct cli_verb cli_quorum_status = {
    .noun = "quorum",
    .name = "status",
    .words = "",
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS | CLI_USES_FORMAT,
    .about = "Shows who leads the controllers, and how far the others are",
    .more = "Observers are the brokers, which follow the same log.",
    .examples = "craft quorum status --bootstrap-controller 127.0.0.1:10092\n"
                "craft quorum status --bootstrap-server 127.0.0.1:9092 --format json",
    .run = run_status,
};
