/* kafka-delete-records. */
#include <stdio.h>

#include "cli/kafka/java_order.h"
#include "cli/kafka/tool.h"
#include "cli/partition_file.h"
#include "cli/records.h"

/* In the order of Java's map. */
static const size_t *order_of(const struct partition_file *file, struct arena *arena)
{
    size_t count = (size_t)file->count;
    uint32_t *hashes = ARENA_ARRAY(arena, count + 1, uint32_t);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = java_hash_partition(file->items[i].topic, file->items[i].partition);
    }
    return java_order(hashes, count, JAVA_CAPACITY, arena);
}

static void print_row(const struct records_deletion *item)
{
    printf("partition: %.*s-%" PRId32 "\t", SLICE_ARG(item->topic), item->partition);
    if (item->error == ERR_NONE) {
        printf("low_watermark: %" PRId64 "\n", item->low_watermark);
    } else {
        printf("error: org.apache.kafka.common.errors.%s: %s\n", tool_error_class(item->error),
               tool_error_text(item->error));
    }
}

static enum cli_exit delete_records(struct cli *cli, struct client *client,
                                    const struct partition_file *file)
{
    struct records_deletion *items =
        ARENA_ARRAY(&cli->arena, (size_t)file->count + 1, struct records_deletion);
    for (int32_t i = 0; i < file->count; i++) {
        items[i] = (struct records_deletion){.topic = file->items[i].topic,
                                             .partition = file->items[i].partition,
                                             .before = file->items[i].offset};
    }
    struct cluster cluster = {.client = client};
    puts("Executing records delete operation");
    enum err e = records_delete(&cluster, items, file->count);
    cluster_fini(&cluster);
    if (e != ERR_NONE) {
        struct admin_result result = {e, SLICE_NULL};
        return tool_fail(cli, "%s", tool_sentence(cli, client, &result));
    }
    puts("Records delete operation completed:");
    const size_t *order = order_of(file, &cli->arena);
    for (int32_t i = 0; i < file->count; i++) {
        print_row(&items[order[i]]);
    }
    return CLI_OK;
}

static enum cli_exit run(struct cli *cli)
{
    if (!tool_requires(cli, "bootstrap-server,offset-json-file")) {
        return tool_refuse(cli);
    }
    struct partition_file file;
    const char *path = args_text(&cli->args, "offset-json-file");
    if (partition_file_load(path, PARTITION_FILE_OFFSET, &cli->arena, &file, &cli->why) !=
        ERR_NONE) {
        return tool_fail(cli, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
    }
    const struct partition_file_item *twice = partition_file_duplicate(&file);
    if (twice != NULL) {
        return tool_fail(cli, "Offset json file contains duplicate topic partitions: %.*s-%" PRId32,
                         SLICE_ARG(twice->topic), twice->partition);
    }
    enum cli_exit code;
    struct client *client = tool_open(cli, &code);
    if (client != NULL) {
        code = delete_records(cli, client, &file);
        client_close(client);
    }
    return code;
}

static const struct args_option options[] = {
    {"bootstrap-server", "SERVERS", "host:port,… of brokers"},
    {"command-config", "FILE", "properties of the client"},
    {"offset-json-file", "FILE",
     "{\"version\": 1, \"partitions\": [{\"topic\": \"t\", \"partition\": 0, \"offset\": 7}]}"},
    {0}};

const struct cli_verb kafka_delete_records = {
    .noun = "kafka-delete-records",
    .words = "",
    .about = "Deletes records in front of an offset",
    .options = options,
    .run = run,
};
