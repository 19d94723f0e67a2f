/* craft cluster describe: a cluster in a few numbers. */
#include <stdio.h>

#include "cli/cluster.h"
#include "cli/nodes.h"
#include "cli/quorum.h"

struct summary {
    struct slice cluster_id;
    int32_t brokers; /* that serve */
    int32_t fenced;  /* −1: not told */
    int32_t controllers;
    int32_t leader_id;
    int32_t leader_epoch;
    int64_t topics;
    int64_t partitions;
    int64_t replicas;
    int64_t under_replicated;
    int64_t without_leader;
};

/* ---- asking ---- */

static enum err ask_brokers(struct client *client, struct summary *s)
{
    const struct wire_describe_cluster_response *response;
    TRY(nodes_ask(client, CLIENT_ANY, NODES_BROKERS_AND_FENCED, &response));
    for (int32_t i = 0; i < response->brokers_count; i++) {
        s->fenced += response->brokers[i].is_fenced;
        s->brokers += !response->brokers[i].is_fenced;
    }
    s->cluster_id = response->cluster_id;
    return ERR_NONE;
}

static enum err ask_topics(struct client *client, struct summary *s)
{
    struct cluster cluster = {.client = client};
    TRY(cluster_refresh(&cluster, NULL, 0));
    s->cluster_id = cluster.metadata->cluster_id;
    s->topics = cluster.metadata->topics_count;
    for (int32_t i = 0; i < cluster.metadata->topics_count; i++) {
        const struct wire_metadata_response_topics *topic = &cluster.metadata->topics[i];
        s->partitions += topic->partitions_count;
        for (int32_t k = 0; k < topic->partitions_count; k++) {
            const struct wire_metadata_response_topics_partitions *p = &topic->partitions[k];
            s->replicas += p->replica_nodes_count;
            s->under_replicated += p->isr_nodes_count < p->replica_nodes_count;
            s->without_leader += p->leader_id < 0;
        }
    }
    if (s->fenced < 0) {
        s->brokers = cluster.metadata->brokers_count;
    }
    cluster_fini(&cluster);
    return ERR_NONE;
}

static enum err ask(struct client *client, struct summary *s)
{
    enum err e = ask_brokers(client, s);
    if (e == ERR_UNSUPPORTED_VERSION) {
        s->fenced = -1;
        e = ERR_NONE;
    }
    TRY(e);
    TRY(ask_topics(client, s));
    return ERR_NONE;
}

/* False: nobody leads, or nobody knows. */
static bool ask_quorum(struct cli *cli, struct client *client, struct summary *s)
{
    struct quorum quorum;
    client_restart_clock(client);
    bool is_led = quorum_ask(client, &cli->arena, &quorum) == ERR_NONE;
    s->leader_id = is_led ? quorum.leader_id : -1;
    s->leader_epoch = is_led ? quorum.epoch : -1;
    s->controllers = is_led ? quorum.voter_count : -1;
    return is_led;
}

/* ---- printing ---- */

static const struct table_column columns[] = {
    {"CLUSTER ID", "clusterId", TABLE_TEXT},
    {"CONTROLLER", "controllerId", TABLE_NUMBER},
    {"EPOCH", "controllerEpoch", TABLE_NUMBER},
    {"CONTROLLERS", "controllers", TABLE_NUMBER},
    {"BROKERS", "brokers", TABLE_NUMBER},
    {"FENCED", "fencedBrokers", TABLE_NUMBER},
    {"TOPICS", "topics", TABLE_NUMBER},
    {"PARTITIONS", "partitions", TABLE_NUMBER},
    {"REPLICAS", "replicas", TABLE_NUMBER},
    {"UNDER-REPLICATED", "underReplicated", TABLE_NUMBER},
    {"WITHOUT LEADER", "withoutLeader", TABLE_NUMBER},
};

static void put(struct table *t, int64_t number)
{
    if (number < 0) {
        table_null(t);
    } else {
        table_number(t, number);
    }
}

static void print(const struct summary *s, enum table_format format, struct buf *out)
{
    struct table t;
    table_init(&t, columns, ARRAY_LEN(columns));
    table_text(&t, s->cluster_id);
    const int64_t numbers[] = {s->leader_id,        s->leader_epoch,  s->controllers, s->brokers,
                               s->fenced,           s->topics,        s->partitions,  s->replicas,
                               s->under_replicated, s->without_leader};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        put(&t, numbers[i]);
    }
    if (format == TABLE_JSON) {
        json_t *rows = table_json(&t);
        json_t *row = json_incref(json_array_get(rows, 0));
        json_decref(rows);
        table_print_json(row, out);
    } else {
        table_print(&t, format, out);
    }
    table_fini(&t);
}

static enum cli_exit run_describe(struct cli *cli)
{
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    struct summary summary = {.cluster_id = SLICE_NULL};
    enum err e = ask(client, &summary);
    if (e == ERR_NONE) {
        struct buf out = {0};
        bool is_led = ask_quorum(cli, client, &summary);
        print(&summary, cli->format, &out);
        code = cli_print(&out);
        if (!is_led) {
            code = cli_fail(cli, "no controller that leads was found; see craft quorum status");
        }
    } else {
        code = client_fail(cli, client, e);
    }
    client_close(client);
    return code;
}

const struct cli_verb cli_cluster_describe = {
    .noun = "cluster",
    .name = "describe",
    .words = "",
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Shows a cluster in a few numbers",
    .more = "`craft broker list`, `craft quorum status` and `craft topic describe "
            "--under-replicated` show\nmore of what is not well.",
    .examples = "craft cluster describe --bootstrap-server 127.0.0.1:9092\n"
                "craft cluster describe --bootstrap-server 127.0.0.1:9092 --format json",
    .run = run_describe,
};
