/* craft topic list, delete: all topics, and their end. */
#include <stdio.h>

#include "base/uuid.h"
#include "cli/topics.h"

/* ---- list ---- */

static const struct table_column list_columns[] = {
    {"NAME", "name", TABLE_TEXT},
    {"PARTITIONS", "partitions", TABLE_NUMBER},
    {"REPLICATION", "replicationFactor", TABLE_NUMBER},
    {"INTERNAL", "internal", TABLE_BOOL},
    {"ID", "topicId", TABLE_TEXT},
};

static void add_topic(struct table *t, const struct wire_metadata_response_topics *topic)
{
    table_text(t, topic->name);
    table_number(t, topic->partitions_count);
    if (topic->partitions_count > 0) {
        table_number(t, topic->partitions[0].replica_nodes_count);
    } else {
        table_null(t);
    }
    table_bool(t, topic->is_internal);
    table_text(t, slice_str(uuid_text(topic->topic_id).text));
}

static enum cli_exit run_list(struct cli *cli)
{
    struct cluster cluster;
    enum cli_exit code = cluster_open(&cluster, cli);
    if (code != CLI_OK) {
        return code;
    }
    enum err e = cluster_refresh(&cluster, NULL, 0);
    if (e != ERR_NONE) {
        code = client_fail(cli, cluster.client, e);
    } else {
        struct table t;
        struct buf out = {0};
        table_init(&t, list_columns, ARRAY_LEN(list_columns));
        for (int32_t i = 0; i < cluster.metadata->topics_count; i++) {
            add_topic(&t, &cluster.metadata->topics[i]);
        }
        table_sort(&t);
        table_print(&t, cli->format, &out);
        table_fini(&t);
        code = cli_print(&out);
    }
    cluster_close(&cluster);
    return code;
}

const struct cli_verb cli_topic_list = {
    .noun = "topic",
    .name = "list",
    .words = "",
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Lists all topics",
    .examples = "craft topic list --bootstrap-server 127.0.0.1:9092\n"
                "craft topic list --bootstrap-server 127.0.0.1:9092 --format tsv | cut -f 1",
    .run = run_list,
};

/* ---- delete ---- */

static enum cli_exit run_delete(struct cli *cli)
{
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    code = CLI_OK;
    for (int i = 0; i < cli->args.word_count; i++) {
        const char *name = cli->args.words[i];
        struct admin_result result;
        enum err e = topics_delete(client, slice_str(name), &result);
        if (client_why(client)[0] != '\0') {
            code = client_fail(cli, client, e);
            break; /* the cluster is out of reach for the others, too */
        }
        bool is_gone = e == ERR_UNKNOWN_TOPIC_OR_PARTITION && args_has(&cli->args, "if-exists");
        if (e != ERR_NONE && !is_gone) {
            code = cli_fail_with(cli, name, e, result.message);
        } else if (e == ERR_NONE) {
            printf("deleted %s\n", name);
        }
    }
    client_close(client);
    return code;
}

static const struct args_option delete_options[] = {
    {"if-exists", NULL, "a topic that does not exist is no failure"}, {0}};

const struct cli_verb cli_topic_delete = {
    .noun = "topic",
    .name = "delete",
    .words = "NAME…",
    .words_min = 1,
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER,
    .about = "Deletes topics and all their records",
    .examples = "craft topic delete clicks --bootstrap-server 127.0.0.1:9092\n"
                "craft topic delete clicks payments --if-exists --bootstrap-server 127.0.0.1:9092",
    .options = delete_options,
    .run = run_delete,
};
