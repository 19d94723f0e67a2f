/* craft records delete: the oldest records of partitions. */
#include <stdio.h>

#include "cli/partition_file.h"
#include "cli/records.h"
#include "cli/selection.h"
#include "cli/times.h"

struct job {
    struct cli *cli;
    struct cluster cluster;
    struct records_deletion *items;
    int32_t count;
    int64_t before; /* an offset, or RECORDS_ALL */
    int64_t time_ms;
};

static bool read_options(struct job *job)
{
    struct cli *cli = job->cli;
    const char *date = args_text(&cli->args, "before-datetime");
    bool from_file = args_has(&cli->args, "from-file");
    int ways = args_has(&cli->args, "before-offset") + (date != NULL) +
               args_has(&cli->args, "all") + from_file;
    if (ways != 1) {
        buf_put_str(&cli->why,
                    "give one of --before-offset, --before-datetime, --all or --from-file");
        return false;
    }
    if (from_file == (cli->args.word_count > 0)) {
        buf_put_str(&cli->why, from_file ? "the file of --from-file says which partitions are meant"
                                         : "TOPIC[:PARTITION,…] is missing");
        return false;
    }
    if (date != NULL && !times_parse_date(slice_str(date), &job->time_ms)) {
        buf_printf(&cli->why, "--before-datetime takes e.g. 2026-11-21T14:50:00.000Z, not \"%s\"",
                   date);
        return false;
    }
    job->before = RECORDS_ALL;
    return cli_number(cli, "before-offset", (struct args_range){0, INT64_MAX}, &job->before);
}

static enum cli_exit read_file(struct job *job)
{
    struct cli *cli = job->cli;
    struct partition_file file;
    if (partition_file_load(args_text(&cli->args, "from-file"), PARTITION_FILE_OFFSET, &cli->arena,
                            &file, &cli->why) != ERR_NONE) {
        return cli_refuse(cli);
    }
    job->items = ARENA_ARRAY(&cli->arena, (size_t)file.count + 1, struct records_deletion);
    job->count = file.count;
    for (int32_t i = 0; i < file.count; i++) {
        job->items[i] = (struct records_deletion){.topic = file.items[i].topic,
                                                  .partition = file.items[i].partition,
                                                  .before = file.items[i].offset};
    }
    return CLI_OK;
}

/* Where the first record is that is not older; where there is none, all records go. */
static enum cli_exit find_offsets(struct job *job)
{
    struct cli *cli = job->cli;
    struct cluster_offset *items =
        ARENA_ARRAY(&cli->arena, (size_t)job->count + 1, struct cluster_offset);
    for (int32_t i = 0; i < job->count; i++) {
        items[i] = (struct cluster_offset){.topic = job->items[i].topic,
                                           .partition = job->items[i].partition,
                                           .timestamp = job->time_ms};
    }
    enum err e = cluster_offsets(&job->cluster, items, job->count);
    if (e != ERR_NONE) {
        return client_fail(cli, job->cluster.client, e);
    }
    for (int32_t i = 0; i < job->count; i++) {
        if (items[i].error != ERR_NONE) {
            return cli_fail(cli, "%.*s-%" PRId32 ": %s", SLICE_ARG(items[i].topic),
                            items[i].partition, err_text(items[i].error));
        }
        job->items[i].before = items[i].offset < 0 ? RECORDS_ALL : items[i].offset;
    }
    return CLI_OK;
}

static enum cli_exit find_partitions(struct job *job)
{
    struct cli *cli = job->cli;
    if (args_has(&cli->args, "from-file")) {
        return read_file(job);
    }
    struct group_partitions partitions;
    enum cli_exit code = selection_of_words(cli, &job->cluster, &partitions);
    if (code != CLI_OK) {
        return code;
    }
    job->items = ARENA_ARRAY(&cli->arena, (size_t)partitions.count + 1, struct records_deletion);
    job->count = partitions.count;
    for (int32_t i = 0; i < job->count; i++) {
        job->items[i] = (struct records_deletion){.topic = partitions.items[i].topic,
                                                  .partition = partitions.items[i].partition,
                                                  .before = job->before};
    }
    return args_has(&cli->args, "before-datetime") ? find_offsets(job) : CLI_OK;
}

static const struct table_column columns[] = {
    {"TOPIC", "topic", TABLE_TEXT},
    {"PARTITION", "partition", TABLE_NUMBER},
    {"BEGINS AT", "lowWatermark", TABLE_NUMBER},
    {"STATUS", "status", TABLE_TEXT},
};

static enum cli_exit print(struct job *job)
{
    struct table t;
    struct buf out = {0};
    int failed = 0;
    table_init(&t, columns, ARRAY_LEN(columns));
    for (int32_t i = 0; i < job->count; i++) {
        const struct records_deletion *item = &job->items[i];
        table_text(&t, item->topic);
        table_number(&t, item->partition);
        if (item->error == ERR_NONE) {
            table_number(&t, item->low_watermark);
        } else {
            table_null(&t);
        }
        table_text(&t, slice_str(item->error == ERR_NONE ? "deleted" : err_name(item->error)));
        failed += item->error != ERR_NONE;
    }
    table_print(&t, job->cli->format, &out);
    table_fini(&t);
    enum cli_exit code = cli_print(&out);
    return failed == 0
               ? code
               : cli_fail(job->cli, "%d of %" PRId32 " partitions failed", failed, job->count);
}

static enum cli_exit run_delete(struct cli *cli)
{
    struct job job = {.cli = cli};
    if (!read_options(&job)) {
        return cli_refuse(cli);
    }
    enum cli_exit code = cluster_open(&job.cluster, cli);
    if (code != CLI_OK) {
        return code;
    }
    code = find_partitions(&job);
    if (code == CLI_OK) {
        enum err e = records_delete(&job.cluster, job.items, job.count);
        code = e == ERR_NONE ? print(&job) : client_fail(cli, job.cluster.client, e);
    }
    cluster_close(&job.cluster);
    return code;
}

static const struct args_option options[] = {
    {"before-offset", "N", "records in front of this offset"},
    {"before-datetime", "TIME", "records in front of the first that is not older"},
    {"all", NULL, "all records that are there now"},
    {"from-file", "FILE", "JSON, as kafka-delete-records takes it"},
    {0}};

const struct cli_verb cli_records_delete = {
    .noun = "records",
    .name = "delete",
    .words = "[TOPIC[:P,…]…]",
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Deletes the oldest records of partitions",
    .more = "They are gone for every reader at once; their space comes back a segment at a time.",
    .examples = "craft records delete clicks:0,1 --before-offset 5000 --bootstrap-server "
                "127.0.0.1:9092\n"
                "craft records delete clicks --before-datetime 2026-11-01T00:00:00Z "
                "--bootstrap-server 127.0.0.1:9092",
    .options = options,
    .run = run_delete,
};
