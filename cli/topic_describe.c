/* craft topic describe: partitions, replicas and settings of topics. */
#include <stdio.h>

#include "base/uuid.h"
#include "cli/configs.h"
#include "cli/topics.h"

/* ---- which topics ---- */

static enum cli_exit refresh(struct cli *cli, struct cluster *cluster)
{
    int count = cli->args.word_count;
    struct slice *names = ARENA_ARRAY(&cli->arena, (size_t)count + 1, struct slice);
    for (int i = 0; i < count; i++) {
        names[i] = slice_str(cli->args.words[i]);
    }
    enum err e = cluster_refresh(cluster, count == 0 ? NULL : names, count);
    if (e != ERR_NONE) {
        return client_fail(cli, cluster->client, e);
    }
    enum cli_exit code = CLI_OK;
    for (int i = 0; i < count; i++) {
        const struct wire_metadata_response_topics *topic = cluster_topic(cluster, names[i]);
        enum err error =
            topic == NULL ? ERR_UNKNOWN_TOPIC_OR_PARTITION : (enum err)topic->error_code;
        if (error != ERR_NONE) {
            code = cli_fail_with(cli, cli->args.words[i], error, SLICE_NULL);
        }
    }
    return code;
}

/* ---- settings ---- */

/* Settings of all topics; NULL if the cluster does not tell. */
static const struct wire_describe_configs_response *ask_configs(const struct cluster *cluster,
                                                                struct arena *arena)
{
    int32_t count = cluster->metadata->topics_count;
    struct configs_resource *resources =
        ARENA_ARRAY(arena, (size_t)count + 1, struct configs_resource);
    struct configs_question question = {.resources = resources};
    for (int32_t i = 0; i < count; i++) {
        if (cluster->metadata->topics[i].error_code == 0) {
            resources[question.count++] =
                (struct configs_resource){METADATA_CONFIG_TOPIC, cluster->metadata->topics[i].name};
        }
    }
    const struct wire_describe_configs_response *response;
    enum err e = configs_describe(cluster->client, &question, &response);
    return e == ERR_NONE ? response : NULL;
}

/* Those that were set for this topic. */
static json_t *configs_of(const struct wire_describe_configs_response *configs, struct slice name)
{
    json_t *json = json_object();
    for (int32_t i = 0; configs != NULL && i < configs->results_count; i++) {
        const struct wire_describe_configs_response_results *result = &configs->results[i];
        if (!slice_eq(result->resource_name, name)) {
            continue;
        }
        for (int32_t k = 0; k < result->configs_count; k++) {
            const struct wire_describe_configs_response_results_configs *config =
                &result->configs[k];
            if (config->config_source == SETTINGS_SOURCE_TOPIC) {
                json_t *key = table_json_text(config->name);
                json_object_set_new(json, json_string_value(key), table_json_text(config->value));
                json_decref(key);
            }
        }
    }
    return json;
}

/* ---- rows ---- */

static const struct table_column columns[] = {
    {"TOPIC", "topic", TABLE_TEXT},
    {"PARTITION", "partition", TABLE_NUMBER},
    {"LEADER", "leader", TABLE_NUMBER},
    {"EPOCH", "leaderEpoch", TABLE_NUMBER},
    {"REPLICAS", "replicas", TABLE_LIST},
    {"ISR", "isr", TABLE_LIST},
    {"OFFLINE", "offlineReplicas", TABLE_LIST},
};

static void add_partition(struct table *t, const struct wire_metadata_response_topics_partitions *p)
{
    table_number(t, p->partition_index);
    table_number(t, p->leader_id);
    table_number(t, p->leader_epoch);
    table_list(t, p->replica_nodes, p->replica_nodes_count);
    table_list(t, p->isr_nodes, p->isr_nodes_count);
    table_list(t, p->offline_replicas, p->offline_replicas_count);
}

static bool is_wanted(const struct cli *cli,
                      const struct wire_metadata_response_topics_partitions *p)
{
    if (args_has(&cli->args, "unavailable")) {
        return p->leader_id < 0;
    }
    return !args_has(&cli->args, "under-replicated") || p->isr_nodes_count < p->replica_nodes_count;
}

/* Rows of one topic; `with_name`: the first column is its name. */
static void add_rows(const struct cli *cli, struct table *t,
                     const struct wire_metadata_response_topics *topic, bool with_name)
{
    const struct wire_metadata_response_topics_partitions **at =
        topics_partitions(topic, &t->arena);
    for (; *at != NULL; at++) {
        if (!is_wanted(cli, *at)) {
            continue;
        }
        if (with_name) {
            table_text(t, topic->name);
        }
        add_partition(t, *at);
    }
}

/* ---- printing ---- */

static json_t *topic_json(const struct cli *cli, const struct wire_metadata_response_topics *topic,
                          const struct wire_describe_configs_response *configs)
{
    struct table t;
    table_init(&t, columns + 1, ARRAY_LEN(columns) - 1);
    add_rows(cli, &t, topic, false);
    json_t *json = json_object();
    json_object_set_new(json, "name", table_json_text(topic->name));
    json_object_set_new(json, "topicId", json_string(uuid_text(topic->topic_id).text));
    json_object_set_new(json, "internal", json_boolean(topic->is_internal));
    json_object_set_new(json, "configs", configs_of(configs, topic->name));
    json_object_set_new(json, "partitions", table_json(&t));
    table_fini(&t);
    return json;
}

static void print_for_people(const struct cli *cli,
                             const struct wire_metadata_response_topics *topic,
                             const struct wire_describe_configs_response *configs, struct buf *out)
{
    buf_printf(out, "%s%.*s  id %s", out->len == 0 ? "" : "\n", SLICE_ARG(topic->name),
               uuid_text(topic->topic_id).text);
    json_t *json = configs_of(configs, topic->name);
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        buf_printf(out, "  %s=%s", key,
                   json_is_string(value) ? json_string_value(value) : "(not shown)");
    }
    json_decref(json);
    buf_put_str(out, "\n");
    struct table t;
    table_init(&t, columns + 1, ARRAY_LEN(columns) - 1);
    add_rows(cli, &t, topic, false);
    table_print(&t, TABLE_FOR_PEOPLE, out);
    table_fini(&t);
}

static void print(struct cli *cli, const struct cluster *cluster, struct buf *out)
{
    const struct wire_describe_configs_response *configs =
        cli->format == TABLE_TSV ? NULL : ask_configs(cluster, &cli->arena);
    const struct wire_metadata_response_topics **topics = topics_sorted(cluster, &cli->arena);
    json_t *root = json_array();
    struct table all;
    table_init(&all, columns, ARRAY_LEN(columns));
    for (; *topics != NULL; topics++) {
        if ((*topics)->error_code != 0) {
            continue;
        }
        switch (cli->format) {
        case TABLE_JSON:
            json_array_append_new(root, topic_json(cli, *topics, configs));
            break;
        case TABLE_TSV:
            add_rows(cli, &all, *topics, true);
            break;
        case TABLE_FOR_PEOPLE:
            print_for_people(cli, *topics, configs, out);
            break;
        }
    }
    if (cli->format == TABLE_JSON) {
        table_print_json(root, out);
    } else {
        json_decref(root);
    }
    if (cli->format == TABLE_TSV) {
        table_print(&all, TABLE_TSV, out);
    }
    table_fini(&all);
}

/* ---- the command ---- */

static enum cli_exit run_describe(struct cli *cli)
{
    struct cluster cluster;
    enum cli_exit code = cluster_open(&cluster, cli);
    if (code != CLI_OK) {
        return code;
    }
    code = refresh(cli, &cluster);
    if (cluster.metadata != NULL) {
        struct buf out = {0};
        print(cli, &cluster, &out);
        cli_print(&out);
    }
    cluster_close(&cluster);
    return code;
}

static const struct args_option options[] = {
    {"under-replicated", NULL, "only partitions with a replica that is not in sync"},
    {"unavailable", NULL, "only partitions without a leader"},
    {0}};

const struct cli_verb cli_topic_describe = {
    .noun = "topic",
    .name = "describe",
    .words = "[NAME…]",
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Shows partitions, leaders, replicas and settings of topics",
    .more = "Without a name all topics are shown. Settings are those set for the topic itself.",
    .examples = "craft topic describe clicks --bootstrap-server 127.0.0.1:9092\n"
                "craft topic describe --under-replicated --bootstrap-server 127.0.0.1:9092 "
                "--format tsv",
    .options = options,
    .run = run_describe,
};
