/* craft group reset-offsets: lets a group go on elsewhere. */
#include <stdio.h>

#include "cli/coordinator.h"
#include "cli/reset.h"
#include "cli/selection.h"
#include "cli/times.h"
#include "store/store.h"

enum { FILE_BYTES_MAX = 64 << 20 };

struct job {
    struct cli *cli;
    struct cluster cluster;
    struct reset reset;
    struct group_partitions partitions; /* named ones */
    struct group_partitions topics;
    struct reset_rows plan; /* of --from-file */
    struct table table;
    struct buf csv;
};

/* ---- the command line ---- */

static const struct {
    const char *option;
    enum reset_kind kind;
} ways[] = {
    {"to-earliest", RESET_TO_EARLIEST}, {"to-latest", RESET_TO_LATEST},
    {"to-current", RESET_TO_CURRENT},   {"to-offset", RESET_TO_OFFSET},
    {"shift-by", RESET_SHIFT_BY},       {"to-datetime", RESET_TO_TIME},
    {"by-duration", RESET_TO_TIME},     {"from-file", RESET_FROM_FILE},
};

#define WAYS \
    "--to-earliest, --to-latest, --to-current, --to-offset, --shift-by, --to-datetime, " \
    "--by-duration or --from-file"

static bool read_way(struct job *job)
{
    struct cli *cli = job->cli;
    int count = 0;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        if (args_has(&cli->args, ways[i].option)) {
            job->reset.kind = ways[i].kind;
            count++;
        }
    }
    if (count != 1) {
        buf_put_str(&cli->why, "give one of " WAYS);
        return false;
    }
    const struct args_range offsets = {0, INT64_MAX};
    const struct args_range shifts = {INT64_MIN, INT64_MAX};
    const char *date = args_text(&cli->args, "to-datetime");
    const char *span = args_text(&cli->args, "by-duration");
    if (date != NULL && !times_parse_date(slice_str(date), &job->reset.number)) {
        buf_printf(&cli->why, "--to-datetime takes e.g. 2026-11-21T14:50:00.000Z, not \"%s\"",
                   date);
        return false;
    }
    if (span != NULL && !times_parse_duration(slice_str(span), &job->reset.number)) {
        buf_printf(&cli->why, "--by-duration takes e.g. P1D or PT2H30M, not \"%s\"", span);
        return false;
    }
    return cli_number(cli, "to-offset", offsets, &job->reset.number) &&
           cli_number(cli, "shift-by", shifts, &job->reset.number);
}

static bool read_scope(struct job *job)
{
    struct cli *cli = job->cli;
    int count = args_times(&cli->args, "topic");
    if (selection_of_option(cli, &job->partitions, &job->topics) != ERR_NONE) {
        return false;
    }
    bool all = args_has(&cli->args, "all-topics");
    bool from_file = job->reset.kind == RESET_FROM_FILE;
    if (from_file ? (count > 0 || all) : ((count > 0) == all)) {
        buf_put_str(&cli->why, from_file ? "the file of --from-file says which partitions are meant"
                                         : "give --topic TOPIC[:PARTITION,…] or --all-topics");
        return false;
    }
    if (args_has(&cli->args, "dry-run") == args_has(&cli->args, "execute")) {
        buf_put_str(&cli->why, "give --dry-run to see what would change, or --execute");
        return false;
    }
    return true;
}

static bool read_file(struct job *job)
{
    struct cli *cli = job->cli;
    const char *path = args_text(&cli->args, "from-file");
    if (path == NULL) {
        return true;
    }
    struct buf text = {0};
    enum err e = store_fs_read_file(store_fs_posix(), path, FILE_BYTES_MAX, &text);
    if (e != ERR_NONE) {
        buf_printf(&cli->why, "%s cannot be read: %s", path, err_text(e));
    } else {
        struct slice kept = arena_dup(&cli->arena, buf_slice(&text));
        buf_printf(&cli->why, "%s: ", path);
        e = reset_read_csv(kept, cli->args.word_count > 1, &cli->arena, &job->plan, &cli->why);
    }
    buf_fini(&text);
    if (e == ERR_NONE) {
        buf_reset(&cli->why);
    }
    return e == ERR_NONE;
}

/* ---- one group ---- */

/* The rows of the file that are this group's, or of what was asked for. */
static enum err find_rows(struct job *job, const struct group *group, struct reset_rows *out,
                          struct slice *missing)
{
    struct arena *arena = &job->cli->arena;
    if (job->reset.kind == RESET_FROM_FILE) {
        *out = (struct reset_rows){
            .items = ARENA_ARRAY(arena, (size_t)job->plan.count + 1, struct reset_row)};
        for (int32_t i = 0; i < job->plan.count; i++) {
            const struct reset_row *row = &job->plan.items[i];
            if (slice_is_null(row->group) || slice_eq(row->group, group->name)) {
                out->items[out->count++] = *row;
            }
        }
        return ERR_NONE;
    }
    struct group_partitions partitions = job->partitions;
    if (args_has(&job->cli->args, "all-topics")) {
        partitions.items =
            ARENA_ARRAY(arena, (size_t)group->offset_count + 1, struct group_partition);
        for (int32_t i = 0; i < group->offset_count; i++) {
            partitions.items[partitions.count++] =
                (struct group_partition){group->offsets[i].topic, group->offsets[i].partition};
        }
    }
    TRY(selection_add_topics(&job->cluster, &job->topics, arena, &partitions, missing));
    *out = reset_rows_of(&partitions, arena);
    return ERR_NONE;
}

static const char *note_text(enum reset_note note)
{
    switch (note) {
    case RESET_AS_ASKED:
        return NULL;
    case RESET_CUT_TO_START:
        return "the log begins here";
    case RESET_CUT_TO_END:
        return "the log ends here";
    case RESET_NO_SUCH_TIME:
        return "no record is that young";
    }
    return NULL;
}

static void add_row(struct job *job, const struct group *group, const struct reset_row *row)
{
    struct table *t = &job->table;
    bool many = job->cli->args.word_count > 1;
    reset_put_csv(row, many ? group->name : SLICE_NULL, &job->csv);
    table_text(t, group->name);
    table_text(t, row->topic);
    table_number(t, row->partition);
    if (row->current < 0) {
        table_null(t);
    } else {
        table_number(t, row->current);
    }
    table_number(t, row->target);
    table_text(t, slice_str(note_text(row->note)));
}

static enum cli_exit commit(struct job *job, const struct group *group,
                            const struct reset_rows *rows)
{
    struct cli *cli = job->cli;
    struct client *client = job->cluster.client;
    const char *name = arena_str(&cli->arena, group->name);
    struct coordinator_offset *items =
        ARENA_ARRAY(&cli->arena, (size_t)rows->count + 1, struct coordinator_offset);
    for (int32_t i = 0; i < rows->count; i++) {
        items[i] = (struct coordinator_offset){.topic = rows->items[i].topic,
                                               .partition = rows->items[i].partition,
                                               .offset = rows->items[i].target};
    }
    enum err e = coordinator_commit(client, group->name, items, rows->count);
    if (e != ERR_NONE) {
        return group_fail(cli, client, name, e);
    }
    enum cli_exit code = CLI_OK;
    for (int32_t i = 0; i < rows->count; i++) {
        if (items[i].error != ERR_NONE) {
            code = cli_fail(cli, "%s: %.*s-%" PRId32 ": %s", name, SLICE_ARG(items[i].topic),
                            items[i].partition, err_text(items[i].error));
        }
    }
    return code;
}

static enum cli_exit fail_plan(struct job *job, const char *name, enum err e)
{
    struct cli *cli = job->cli;
    if (client_why(job->cluster.client)[0] != '\0') {
        return client_fail(cli, job->cluster.client, e);
    }
    if (e == ERR_INVALID_REQUEST) {
        return cli_fail(cli, "%s: %.*s", name, SLICE_ARG(buf_slice(&cli->why)));
    }
    return cli_fail(cli, "%s: %.*s: %s", name, SLICE_ARG(buf_slice(&cli->why)), err_text(e));
}

/* A group that has members would soon commit its own offsets again. */
static enum cli_exit reset_group(struct job *job, const char *name)
{
    struct cli *cli = job->cli;
    struct client *client = job->cluster.client;
    struct group group;
    enum err e = group_describe(client, slice_str(name), &cli->arena, &group);
    bool is_new = e == ERR_GROUP_ID_NOT_FOUND;
    if (!is_new && e == ERR_NONE && !slice_eq_str(group.state, "Empty") &&
        !slice_eq_str(group.state, "Dead")) {
        return cli_fail(cli,
                        "%s has members (its state is %.*s): stop them first, or they commit their "
                        "own offsets again",
                        name, SLICE_ARG(group.state));
    }
    if (is_new || e == ERR_NONE) {
        e = group_add_offsets(client, &cli->arena, &group);
    }
    if (e != ERR_NONE) {
        return group_fail(cli, client, name, e);
    }
    struct reset_rows rows = {0};
    struct slice missing = SLICE_NULL;
    e = find_rows(job, &group, &rows, &missing);
    if (e != ERR_NONE) {
        return cluster_fail_topic(cli, &job->cluster, arena_str(&cli->arena, missing), e);
    }
    reset_take_committed(&rows, &group);
    buf_reset(&cli->why);
    e = reset_plan(&job->cluster, &job->reset, &rows, &cli->why);
    if (e != ERR_NONE) {
        return fail_plan(job, name, e);
    }
    for (int32_t i = 0; i < rows.count; i++) {
        add_row(job, &group, &rows.items[i]);
    }
    return args_has(&cli->args, "execute") && rows.count > 0 ? commit(job, &group, &rows) : CLI_OK;
}

/* ---- the command ---- */

static const struct table_column columns[] = {
    {"GROUP", "groupId", TABLE_TEXT},          {"TOPIC", "topic", TABLE_TEXT},
    {"PARTITION", "partition", TABLE_NUMBER},  {"COMMITTED", "committed", TABLE_NUMBER},
    {"NEW OFFSET", "newOffset", TABLE_NUMBER}, {"NOTE", "note", TABLE_TEXT},
};

static enum cli_exit run_jobs(struct job *job)
{
    struct cli *cli = job->cli;
    enum cli_exit code = CLI_OK;
    for (int i = 0; i < cli->args.word_count; i++) {
        client_restart_clock(job->cluster.client);
        enum cli_exit group_code = reset_group(job, cli->args.words[i]);
        code = group_code == CLI_OK ? code : group_code;
    }
    struct buf out = {0};
    if (args_has(&cli->args, "export")) {
        buf_put_slice(&out, buf_slice(&job->csv));
    } else {
        table_sort(&job->table);
        table_print(&job->table, cli->format, &out);
    }
    enum cli_exit printed = cli_print(&out);
    return code == CLI_OK ? printed : code;
}

static enum cli_exit run_reset(struct cli *cli)
{
    struct job job = {.cli = cli};
    if (!read_way(&job) || !read_scope(&job) || !read_file(&job)) {
        return cli_refuse(cli);
    }
    enum cli_exit code = cluster_open(&job.cluster, cli);
    if (code != CLI_OK) {
        return code;
    }
    if (args_has(&cli->args, "by-duration")) {
        job.reset.number = net_wall_ms(client_loop(job.cluster.client)) - job.reset.number;
    }
    table_init(&job.table, columns, ARRAY_LEN(columns));
    code = run_jobs(&job);
    table_fini(&job.table);
    buf_fini(&job.csv);
    cluster_close(&job.cluster);
    return code;
}

static const struct args_option options[] = {
    {"topic", "TOPIC[:P,…]", "all partitions of a topic, or those named; may be repeated"},
    {"all-topics", NULL, "every partition that the group has an offset of"},
    {"to-earliest", NULL, "where the log begins"},
    {"to-latest", NULL, "where it ends: skip what is there"},
    {"to-current", NULL, "what is committed now; where nothing is, the end"},
    {"to-offset", "N", "this one"},
    {"shift-by", "N", "so many further, or (if negative) back"},
    {"to-datetime", "TIME", "the first record that is not older, e.g. 2026-11-21T14:50:00.000Z"},
    {"by-duration", "SPAN", "the same, so long ago, e.g. P1D or PT2H30M"},
    {"from-file", "FILE", "lines topic,partition,offset (of several groups: group,topic,…)"},
    {"dry-run", NULL, "only show what would change"},
    {"execute", NULL, "commit the new offsets"},
    {"export", NULL, "print lines for --from-file"},
    {0}};

const struct cli_verb cli_group_reset_offsets = {
    .noun = "group",
    .name = "reset-offsets",
    .words = "GROUP…",
    .words_min = 1,
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Commits other offsets for groups without members",
    .more = "An offset outside of the log becomes the log's begin or end.",
    .examples = "craft group reset-offsets billing --topic clicks --to-earliest --dry-run "
                "--bootstrap-server 127.0.0.1:9092\n"
                "craft group reset-offsets billing --all-topics --by-duration PT1H --execute "
                "--bootstrap-server 127.0.0.1:9092\n"
                "craft group reset-offsets billing --from-file offsets.csv --execute "
                "--bootstrap-server 127.0.0.1:9092",
    .options = options,
    .run = run_reset,
};
