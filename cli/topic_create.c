/* craft topic create. */
#include <stdio.h>

#include "base/uuid.h"
#include "cli/topics.h"

enum { REPLICAS_MAX = 1000, PARTITIONS_MAX = 1000000 };

/* ---- the request ---- */

static bool read_configs(struct cli *cli, struct wire_create_topics_request_topics *topic)
{
    topic->configs = ARENA_ARRAY(&cli->arena, (size_t)cli->args.given_count + 1,
                                 struct wire_create_topics_request_topics_configs);
    const char *text;
    int at = 0;
    while ((text = args_next(&cli->args, "config", &at)) != NULL) {
        struct wire_create_topics_request_topics_configs *config =
            &topic->configs[topic->configs_count++];
        if (!args_pair(text, &config->name, &config->value)) {
            buf_printf(&cli->why, "--config takes NAME=VALUE, not \"%s\"", text);
            return false;
        }
    }
    return true;
}

static bool read_assignment(struct cli *cli, struct wire_create_topics_request_topics *topic)
{
    struct slice rest = slice_str(args_text(&cli->args, "assignment"));
    if (slice_is_null(rest)) {
        return true;
    }
    if (args_has(&cli->args, "partitions") || args_has(&cli->args, "replication-factor")) {
        buf_put_str(&cli->why, "--assignment says how many partitions and replicas there are: "
                               "--partitions and --replication-factor cannot be given, too");
        return false;
    }
    struct buf why = {0};
    enum err e = topics_read_assignment(rest, &cli->arena, &topic->assignments,
                                        &topic->assignments_count, &why);
    if (e != ERR_NONE) {
        buf_printf(&cli->why, "--assignment: %.*s", SLICE_ARG(buf_slice(&why)));
    }
    buf_fini(&why);
    return e == ERR_NONE;
}

static bool read_topic(struct cli *cli, struct wire_create_topics_request_topics *topic)
{
    int64_t partitions = -1; /* as the cluster thinks best (KIP-464) */
    int64_t replicas = -1;
    if (!cli_number(cli, "partitions", (struct args_range){1, PARTITIONS_MAX}, &partitions) ||
        !cli_number(cli, "replication-factor", (struct args_range){1, REPLICAS_MAX}, &replicas)) {
        return false;
    }
    wire_init(&wire_msg_create_topics_request_topics, topic);
    topic->name = slice_str(cli->args.words[0]);
    topic->num_partitions = (int32_t)partitions;
    topic->replication_factor = (int16_t)replicas;
    return read_configs(cli, topic) && read_assignment(cli, topic);
}

/* The topic exists; whoever goes on with it should find it. */
static void wait_until_known(struct client *client, struct slice name)
{
    struct cluster cluster = {.client = client};
    const struct wire_metadata_response_topics *topic;
    enum err e;
    do {
        e = cluster_find_topic(&cluster, name, &topic);
    } while (client_retry(client, e));
    cluster_fini(&cluster);
}

/* ---- the command ---- */

static const struct table_column columns[] = {
    {"NAME", "name", TABLE_TEXT},
    {"STATUS", "status", TABLE_TEXT},
    {"PARTITIONS", "partitions", TABLE_NUMBER},
    {"REPLICATION", "replicationFactor", TABLE_NUMBER},
    {"ID", "topicId", TABLE_TEXT},
};

static void put_count(struct table *t, int32_t count)
{
    if (count < 0) {
        table_null(t);
    } else {
        table_number(t, count);
    }
}

static enum cli_exit print(const struct cli *cli,
                           const struct wire_create_topics_response_topics *topic,
                           const char *status)
{
    struct table t;
    struct buf out = {0};
    table_init(&t, columns, ARRAY_LEN(columns));
    table_text(&t, topic->name);
    table_text(&t, slice_str(status));
    put_count(&t, topic->num_partitions);
    put_count(&t, topic->replication_factor);
    bool has_id = !uuid_is_zero(topic->topic_id);
    table_text(&t, has_id ? slice_str(uuid_text(topic->topic_id).text) : SLICE_NULL);
    table_print(&t, cli->format, &out);
    table_fini(&t);
    return cli_print(&out);
}

static enum cli_exit run_create(struct cli *cli)
{
    struct wire_create_topics_request_topics topic;
    if (!read_topic(cli, &topic)) {
        return cli_refuse(cli);
    }
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    struct wire_create_topics_request request = {.topics = &topic, .topics_count = 1};
    request.validate_only = args_has(&cli->args, "validate-only");
    const struct wire_create_topics_response_topics *result = NULL;
    enum err e = topics_create(client, &request, &result);
    if (e == ERR_NONE) {
        if (!request.validate_only) {
            wait_until_known(client, topic.name);
        }
        code = print(cli, result, request.validate_only ? "valid" : "created");
    } else if (e == ERR_TOPIC_ALREADY_EXISTS && args_has(&cli->args, "if-not-exists")) {
        code = print(cli, result, "exists");
    } else if (client_why(client)[0] != '\0' || result == NULL) {
        code = client_fail(cli, client, e);
    } else {
        code = cli_fail_with(cli, cli->args.words[0], e, result->error_message);
    }
    client_close(client);
    return code;
}

static const struct args_option options[] = {
    {"partitions", "N", "default: the cluster's num.partitions"},
    {"replication-factor", "N", "default: the cluster's default.replication.factor"},
    {"assignment", "A:B,C:D,…", "the brokers of each partition, the preferred leader first"},
    {"config", "NAME=VALUE", "a setting of the topic; may be repeated"},
    {"if-not-exists", NULL, "a topic that exists is no failure, and is left as it is"},
    {"validate-only", NULL, "find out whether it could be created"},
    {0}};

const struct cli_verb cli_topic_create = {
    .noun = "topic",
    .name = "create",
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Creates a topic",
    .examples = "craft topic create clicks --bootstrap-server 127.0.0.1:9092\n"
                "craft topic create clicks --partitions 12 --replication-factor 3 "
                "--config retention.ms=86400000 --bootstrap-server 127.0.0.1:9092\n"
                "craft topic create clicks --assignment 1:2,2:3 --bootstrap-server 127.0.0.1:9092",
    .options = options,
    .run = run_create,
};
