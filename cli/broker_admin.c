/* craft broker log-dirs, unregister. */
#include <stdio.h>

#include "cli/admin.h"
#include "cli/log_dirs.h"

enum { UNREGISTER_VERSION = 0 };

/* Ids of brokers in the words. */
static bool read_ids(struct cli *cli, int32_t *ids)
{
    for (int i = 0; i < cli->args.word_count; i++) {
        int64_t id;
        if (!args_parse_number(slice_str(cli->args.words[i]), &id) || id < 0 || id > INT32_MAX) {
            buf_printf(&cli->why, "a broker is named by its id, not \"%s\"", cli->args.words[i]);
            return false;
        }
        ids[i] = (int32_t)id;
    }
    return true;
}

/* ---- log-dirs ---- */

static const struct table_column dir_columns[] = {
    {"BROKER", "broker", TABLE_NUMBER},    {"DIRECTORY", "logDir", TABLE_TEXT},
    {"STATUS", "status", TABLE_TEXT},      {"PARTITIONS", "partitions", TABLE_NUMBER},
    {"BYTES", "bytes", TABLE_NUMBER},      {"DISK", "totalBytes", TABLE_NUMBER},
    {"FREE", "usableBytes", TABLE_NUMBER},
};

static const struct table_column partition_columns[] = {
    {"BROKER", "broker", TABLE_NUMBER}, {"DIRECTORY", "logDir", TABLE_TEXT},
    {"TOPIC", "topic", TABLE_TEXT},     {"PARTITION", "partition", TABLE_NUMBER},
    {"BYTES", "bytes", TABLE_NUMBER},   {"LAG", "offsetLag", TABLE_NUMBER},
    {"FUTURE", "future", TABLE_BOOL},
};

static void put_known(struct table *t, int64_t number)
{
    if (number < 0) {
        table_null(t);
    } else {
        table_number(t, number);
    }
}

static void add_dir(struct table *t, int32_t broker, const struct log_dir *dir)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < dir->partition_count; i++) {
        bytes += dir->partitions[i].size;
    }
    table_number(t, broker);
    table_text(t, dir->path);
    table_text(t, slice_str(dir->error == ERR_NONE ? "online" : err_name(dir->error)));
    table_number(t, dir->partition_count);
    table_number(t, bytes);
    put_known(t, dir->total_bytes);
    put_known(t, dir->usable_bytes);
}

static void add_partitions(struct table *t, int32_t broker, const struct log_dir *dir,
                           const char *topic)
{
    for (int32_t i = 0; i < dir->partition_count; i++) {
        const struct log_dir_partition *p = &dir->partitions[i];
        if (topic[0] != '\0' && !slice_eq_str(p->topic, topic)) {
            continue;
        }
        table_number(t, broker);
        table_text(t, dir->path);
        table_text(t, p->topic);
        table_number(t, p->partition);
        table_number(t, p->size);
        table_number(t, p->offset_lag);
        table_bool(t, p->is_future);
    }
}

/* All brokers if none is named. */
static int32_t choose_brokers(const struct cli *cli, const struct cluster *cluster, int32_t *ids)
{
    if (cli->args.word_count > 0) {
        return cli->args.word_count;
    }
    for (int32_t i = 0; i < cluster->metadata->brokers_count; i++) {
        ids[i] = cluster->metadata->brokers[i].node_id;
    }
    return cluster->metadata->brokers_count;
}

static enum cli_exit print_dirs(struct cli *cli, struct client *client, const int32_t *ids,
                                int32_t count)
{
    const char *topic = args_text(&cli->args, "topic");
    if (topic == NULL && args_has(&cli->args, "partitions")) {
        topic = ""; /* all of them */
    }
    struct table t;
    struct buf out = {0};
    enum cli_exit code = CLI_OK;
    if (topic == NULL) {
        table_init(&t, dir_columns, ARRAY_LEN(dir_columns));
    } else {
        table_init(&t, partition_columns, ARRAY_LEN(partition_columns));
    }
    for (int32_t i = 0; i < count; i++) {
        struct log_dirs dirs;
        enum err e = log_dirs_describe(client, ids[i], &cli->arena, &dirs);
        if (e != ERR_NONE) {
            code = client_fail(cli, client, e);
            continue;
        }
        for (int32_t k = 0; k < dirs.count; k++) {
            if (topic == NULL) {
                add_dir(&t, ids[i], &dirs.items[k]);
            } else {
                add_partitions(&t, ids[i], &dirs.items[k], topic);
            }
        }
    }
    table_print(&t, cli->format, &out);
    table_fini(&t);
    enum cli_exit printed = cli_print(&out);
    return code == CLI_OK ? printed : code;
}

static enum cli_exit run_log_dirs(struct cli *cli)
{
    int32_t *given = ARENA_ARRAY(&cli->arena, (size_t)cli->args.word_count + 1, int32_t);
    if (!read_ids(cli, given)) {
        return cli_refuse(cli);
    }
    struct cluster cluster;
    enum cli_exit code = cluster_open(&cluster, cli);
    if (code != CLI_OK) {
        return code;
    }
    enum err e = cluster_refresh(&cluster, &SLICE_NULL, 0);
    if (e != ERR_NONE) {
        code = client_fail(cli, cluster.client, e);
    } else {
        size_t room = (size_t)max_i64(cluster.metadata->brokers_count, cli->args.word_count) + 1;
        int32_t *ids = ARENA_ARRAY(&cli->arena, room, int32_t);
        memcpy(ids, given, (size_t)cli->args.word_count * sizeof *ids);
        code = print_dirs(cli, cluster.client, ids, choose_brokers(cli, &cluster, ids));
    }
    cluster_close(&cluster);
    return code;
}

static const struct args_option log_dirs_options[] = {
    {"partitions", NULL, "a line for each partition"},
    {"topic", "NAME", "a line for each partition of this topic"},
    {0}};

const struct cli_verb cli_broker_log_dirs = {
    .noun = "broker",
    .name = "log-dirs",
    .words = "[ID…]",
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Shows the log directories of brokers, how much lies in them and how much is free",
    .examples = "craft broker log-dirs --bootstrap-server 127.0.0.1:9092\n"
                "craft broker log-dirs 1 2 --topic clicks --bootstrap-server 127.0.0.1:9092",
    .options = log_dirs_options,
    .run = run_log_dirs,
};

/* ---- unregister ---- */

static enum err unregister(struct client *client, int32_t id, struct admin_result *result)
{
    struct wire_unregister_broker_request request = {.broker_id = id};
    *result = (struct admin_result){ERR_NONE, SLICE_NULL};
    do {
        const void *answer;
        TRY(admin_call(
            client, &(struct admin_call){WIRE_API_UNREGISTER_BROKER, UNREGISTER_VERSION, &request},
            &answer));
        const struct wire_unregister_broker_response *response = answer;
        *result = (struct admin_result){(enum err)response->error_code, response->error_message};
    } while (admin_retry(client, result->error));
    return result->error;
}

static enum cli_exit run_unregister(struct cli *cli)
{
    enum cli_exit code;
    int32_t *ids = ARENA_ARRAY(&cli->arena, (size_t)cli->args.word_count + 1, int32_t);
    if (!read_ids(cli, ids)) {
        return cli_refuse(cli);
    }
    struct client *client = client_open(cli, &code);
    for (int i = 0; client != NULL && i < cli->args.word_count; i++) {
        struct admin_result result;
        enum err e = unregister(client, ids[i], &result);
        if (e == ERR_NONE) {
            printf("unregistered broker %" PRId32 "\n", ids[i]);
        } else if (client_why(client)[0] != '\0') {
            code = client_fail(cli, client, e);
        } else {
            code = cli_fail_with(cli, arena_printf(&cli->arena, "broker %" PRId32, ids[i]), e,
                                 result.message);
        }
    }
    client_close(client);
    return code;
}

const struct cli_verb cli_broker_unregister = {
    .noun = "broker",
    .name = "unregister",
    .words = "ID…",
    .words_min = 1,
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS,
    .about = "Forgets brokers that are gone for good",
    .more = "The broker must not be running, or it registers again. Its replicas stay assigned to "
            "it; move\nthem first.",
    .examples = "craft broker unregister 4 --bootstrap-server 127.0.0.1:9092",
    .run = run_unregister,
};
