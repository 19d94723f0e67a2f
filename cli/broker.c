/* craft broker: the brokers of a cluster. */
#include <stdio.h>

#include "cli/client.h"

static const struct table_column columns[] = {
    {"ID", "id", TABLE_NUMBER},   {"HOST", "host", TABLE_TEXT},     {"PORT", "port", TABLE_NUMBER},
    {"RACK", "rack", TABLE_TEXT}, {"FENCED", "fenced", TABLE_BOOL},
};

static void add_row(struct table *t, int32_t id, struct slice host, int32_t port)
{
    table_number(t, id);
    table_text(t, host);
    table_number(t, port);
}

static enum err describe_cluster(struct client *client, struct table *t)
{
    struct wire_describe_cluster_request request;
    wire_init(&wire_msg_describe_cluster_request, &request);
    request.include_fenced_brokers = true;
    request.endpoint_type = 1;
    const void *answer;
    TRY(client_call(client,
                    &(struct client_call){CLIENT_ANY, WIRE_API_DESCRIBE_CLUSTER, 2, &request, 0},
                    &answer));
    const struct wire_describe_cluster_response *response = answer;
    if (response->error_code != 0) {
        return (enum err)response->error_code;
    }
    for (int32_t i = 0; i < response->brokers_count; i++) {
        const struct wire_describe_cluster_response_brokers *broker = &response->brokers[i];
        add_row(t, broker->broker_id, broker->host, broker->port);
        table_text(t, broker->rack);
        table_bool(t, broker->is_fenced);
    }
    return ERR_NONE;
}

/* Servers before DescribeCluster version 2 (Kafka 4.0) tell only of brokers that are not fenced. */
static enum err describe_by_metadata(struct client *client, struct table *t)
{
    struct wire_metadata_request request;
    wire_init(&wire_msg_metadata_request, &request);
    request.allow_auto_topic_creation = false;
    const void *answer;
    TRY(client_call(client, &(struct client_call){CLIENT_ANY, WIRE_API_METADATA, 12, &request, 0},
                    &answer));
    const struct wire_metadata_response *response = answer;
    for (int32_t i = 0; i < response->brokers_count; i++) {
        const struct wire_metadata_response_brokers *broker = &response->brokers[i];
        add_row(t, broker->node_id, broker->host, broker->port);
        table_text(t, broker->rack);
        table_bool(t, false);
    }
    return ERR_NONE;
}

static enum cli_exit run_list(struct cli *cli)
{
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    struct table t;
    table_init(&t, columns, ARRAY_LEN(columns));
    enum err e = describe_cluster(client, &t);
    if (e == ERR_UNSUPPORTED_VERSION) {
        e = describe_by_metadata(client, &t);
    }
    if (e != ERR_NONE) {
        code = client_fail(cli, client, e);
    } else {
        struct buf out = {0};
        table_sort(&t);
        table_print(&t, cli->format, &out);
        code = cli_print(&out);
    }
    table_fini(&t);
    client_close(client);
    return code;
}

const struct cli_verb cli_broker_list = {
    .noun = "broker",
    .name = "list",
    .words = "",
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Lists the brokers and whether they are fenced",
    .examples = "craft broker list --bootstrap-server 127.0.0.1:9092\n"
                "craft broker list --bootstrap-server 127.0.0.1:9092 --format json",
    .run = run_list,
};
