/* kafka-metadata-quorum: its command line, and describe. */
#include "cli/kafka/metadata_quorum.h"

#include <stdio.h>

/* ---- both forms ---- */

bool metadata_quorum_ask(struct cli *cli, struct client *client, struct quorum *out)
{
    enum err e = quorum_ask(client, &cli->arena, out);
    if (e != ERR_NONE) {
        struct admin_result result = {e, SLICE_NULL};
        tool_fail(cli, "%s", tool_sentence(cli, client, &result));
        return false;
    }
    if (quorum_voter(out, out->leader_id) == NULL) {
        tool_fail(cli, "The leader %" PRId32 " is not one of the voters", out->leader_id);
        return false;
    }
    return true;
}

void metadata_quorum_put_endpoint(struct buf *out, struct slice listener, struct slice host,
                                  int32_t port)
{
    bool is_v6 = host.len > 0 && memchr(host.data, ':', host.len) != NULL;
    buf_printf(out, "%.*s://%s%.*s%s:%" PRId32, SLICE_ARG(listener), is_v6 ? "[" : "",
               SLICE_ARG(host), is_v6 ? "]" : "", port);
}

/* ---- describe --status ---- */

static void put_replica(struct buf *out, const struct quorum_replica *replica)
{
    buf_printf(out, "{\"id\": %" PRId32, replica->id);
    if (!uuid_is_zero(replica->directory_id)) {
        buf_printf(out, ", \"directoryId\": \"%s\"", uuid_text(replica->directory_id).text);
    }
    const struct wire_describe_quorum_response_nodes *node = replica->node;
    for (int32_t i = 0; node != NULL && i < node->listeners_count; i++) {
        buf_put_str(out, i == 0 ? ", \"endpoints\": [\"" : ", \"");
        metadata_quorum_put_endpoint(out, node->listeners[i].name, node->listeners[i].host,
                                     node->listeners[i].port);
        buf_put_str(out, i + 1 == node->listeners_count ? "\"]" : "\"");
    }
    buf_put_str(out, "}");
}

static void put_replicas(struct buf *out, const struct quorum_replica *replicas, int count)
{
    buf_put_str(out, "[");
    for (int i = 0; i < count; i++) {
        buf_put_str(out, i == 0 ? "" : ", ");
        put_replica(out, &replicas[i]);
    }
    buf_put_str(out, "]\n");
}

static enum cli_exit print_status(const struct quorum *quorum)
{
    const struct quorum_replica *leader = quorum_voter(quorum, quorum->leader_id);
    const struct quorum_replica *last = &quorum->voters[0];
    for (int i = 1; i < quorum->voter_count; i++) {
        last = quorum->voters[i].log_end_offset < last->log_end_offset ? &quorum->voters[i] : last;
    }
    bool is_known = leader->last_caught_up_ms >= 0 && last->last_caught_up_ms >= 0;
    int64_t lag_ms = leader == last ? 0
                     : is_known     ? leader->last_caught_up_ms - last->last_caught_up_ms
                                    : -1;
    struct buf out = {0};
    buf_printf(&out, "ClusterId:              %.*s\n", SLICE_ARG(quorum->cluster_id));
    buf_printf(&out, "LeaderId:               %" PRId32 "\n", quorum->leader_id);
    buf_printf(&out, "LeaderEpoch:            %" PRId32 "\n", quorum->epoch);
    buf_printf(&out, "HighWatermark:          %" PRId64 "\n", quorum->high_watermark);
    buf_printf(&out, "MaxFollowerLag:         %" PRId64 "\n",
               leader->log_end_offset - last->log_end_offset);
    buf_printf(&out, "MaxFollowerLagTimeMs:   %" PRId64 "\n", lag_ms);
    buf_put_str(&out, "CurrentVoters:          ");
    put_replicas(&out, quorum->voters, quorum->voter_count);
    buf_put_str(&out, "CurrentObservers:       ");
    put_replicas(&out, quorum->observers, quorum->observer_count);
    return cli_print(&out);
}

/* ---- describe --replication ---- */

enum { COLUMNS = 7 };

struct grid {
    struct arena *arena;
    const char *(*rows)[COLUMNS];
    int count;
    bool is_for_people;
    int64_t now_ms;
};

/* A clock that is behind the leader's counts as "now". */
static const char *time_text(const struct grid *grid, int64_t time_ms)
{
    return time_ms < 0 || !grid->is_for_people ? arena_printf(grid->arena, "%" PRId64, time_ms)
                                               : arena_printf(grid->arena, "%" PRId64 " ms ago",
                                                              max_i64(grid->now_ms - time_ms, 0));
}

static void add_row(struct grid *grid, const struct quorum *quorum,
                    const struct quorum_replica *replica, const char *status)
{
    const char **row = grid->rows[grid->count++];
    int64_t end = quorum_voter(quorum, quorum->leader_id)->log_end_offset;
    row[0] = arena_printf(grid->arena, "%" PRId32, replica->id);
    row[1] = arena_printf(grid->arena, "%s", uuid_text(replica->directory_id).text);
    row[2] = arena_printf(grid->arena, "%" PRId64, replica->log_end_offset);
    row[3] = arena_printf(grid->arena, "%" PRId64, end - replica->log_end_offset);
    row[4] = time_text(grid, replica->last_fetch_ms);
    row[5] = time_text(grid, replica->last_caught_up_ms);
    row[6] = status;
}

/* Columns as wide as their longest text, with a tab behind each. */
static enum cli_exit print_grid(const struct grid *grid)
{
    struct buf out = {0};
    for (int row = 0; row < grid->count; row++) {
        for (int column = 0; column < COLUMNS; column++) {
            int width = 0;
            for (int i = 0; i < grid->count; i++) {
                int len = (int)strlen(grid->rows[i][column]);
                width = len > width ? len : width;
            }
            buf_printf(&out, "%-*s\t", width, grid->rows[row][column]);
        }
        buf_put_str(&out, "\n");
    }
    return cli_print(&out);
}

static enum cli_exit print_replication(struct cli *cli, const struct quorum *quorum, int64_t now_ms)
{
    static const char *const head[COLUMNS] = {
        "NodeId", "DirectoryId",        "LogEndOffset",
        "Lag",    "LastFetchTimestamp", "LastCaughtUpTimestamp",
        "Status"};
    size_t rows = (size_t)quorum->voter_count + (size_t)quorum->observer_count + 1;
    struct grid grid = {.arena = &cli->arena,
                        .rows = arena_alloc(&cli->arena, rows * sizeof *grid.rows),
                        .count = 1,
                        .is_for_people = tool_has(cli, "human-readable"),
                        .now_ms = now_ms};
    memcpy(grid.rows[0], head, sizeof head);
    add_row(&grid, quorum, quorum_voter(quorum, quorum->leader_id), "Leader");
    for (int i = 0; i < quorum->voter_count; i++) {
        if (quorum->voters[i].id != quorum->leader_id) {
            add_row(&grid, quorum, &quorum->voters[i], "Follower");
        }
    }
    for (int i = 0; i < quorum->observer_count; i++) {
        add_row(&grid, quorum, &quorum->observers[i], "Observer");
    }
    return print_grid(&grid);
}

static enum cli_exit run_describe(struct cli *cli, struct client *client)
{
    bool has_status = tool_has(cli, "status");
    bool has_replication = tool_has(cli, "replication");
    if (has_status == has_replication) {
        return tool_fail(cli, has_status ? "Only one of --status or --replication should be "
                                           "specified with describe sub-command"
                                         : "One of --status or --replication must be specified "
                                           "with describe sub-command");
    }
    if (has_status && tool_has(cli, "human-readable")) {
        return tool_fail(cli,
                         "The option --human-readable is only supported along with --replication");
    }
    struct quorum quorum;
    if (!metadata_quorum_ask(cli, client, &quorum)) {
        return CLI_FAILED;
    }
    return has_status ? print_status(&quorum)
                      : print_replication(cli, &quorum, net_wall_ms(client_loop(client)));
}

/* ---- the command line ---- */

struct command {
    const char *name;
    const char *options; /* that it takes */
    const char *required;
    enum cli_exit (*run)(struct cli *cli, struct client *client);
};

static const struct command commands[] = {
    {"describe", "status,replication,human-readable", "", run_describe},
    {"add-controller", "dry-run", "", metadata_quorum_add},
    {"remove-controller", "controller-id,controller-directory-id,dry-run",
     "controller-directory-id,controller-id", metadata_quorum_remove},
};

static const struct command *find_command(struct cli *cli)
{
    const struct args *args = &cli->args;
    if (args->word_count == 0) {
        buf_put_str(&cli->why, "too few arguments");
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(args->words[0], commands[i].name) == 0) {
            return &commands[i];
        }
    }
    buf_printf(&cli->why,
               "invalid choice: '%s' (choose from 'describe', 'add-controller', "
               "'remove-controller')",
               args->words[0]);
    return NULL;
}

static bool is_in(const char *names, struct slice name)
{
    struct slice rest = slice_str(names);
    struct slice item;
    while (args_item(&rest, ',', &item)) {
        if (slice_eq(item, name)) {
            return true;
        }
    }
    return false;
}

static bool check_options(struct cli *cli, const struct command *command)
{
    const char *common = "bootstrap-server,bootstrap-controller,command-config";
    for (int i = 0; i < cli->args.given_count; i++) {
        struct slice name = args_name(cli->args.given[i].option);
        if (!is_in(common, name) && !is_in(command->options, name)) {
            buf_printf(&cli->why, "unrecognized arguments: '--%.*s'", SLICE_ARG(name));
            return false;
        }
    }
    if (cli->args.word_count > 1) {
        buf_printf(&cli->why, "unrecognized arguments: '%s'", cli->args.words[1]);
        return false;
    }
    struct slice rest = slice_str(command->required);
    struct slice name;
    while (command->required[0] != '\0' && args_item(&rest, ',', &name)) {
        if (!tool_has(cli, arena_str(&cli->arena, name))) {
            buf_printf(&cli->why, "argument --%.*s is required", SLICE_ARG(name));
            return false;
        }
    }
    int servers = tool_count(cli, "bootstrap-server,bootstrap-controller");
    if (servers != 1) {
        buf_put_str(&cli->why, servers == 0 ? "one of the arguments --bootstrap-server "
                                              "--bootstrap-controller is required"
                                            : "argument --bootstrap-controller: not allowed with "
                                              "argument --bootstrap-server");
    }
    return servers == 1;
}

static enum cli_exit run(struct cli *cli)
{
    const struct command *command = find_command(cli);
    if (command == NULL || !check_options(cli, command)) {
        return tool_misuse(cli, "%s%.*s", cli->verb->more, SLICE_ARG(buf_slice(&cli->why)));
    }
    enum cli_exit code;
    struct client *client = tool_open(cli, &code);
    if (client != NULL) {
        code = command->run(cli, client);
        client_close(client);
    }
    return code;
}

static const struct args_option options[] = {
    {"bootstrap-server", "SERVERS", "host:port,… of brokers"},
    {"bootstrap-controller", "SERVERS", "host:port,… of controllers"},
    {"command-config", "FILE",
     "properties of the client; for add-controller\nthose of the controller, too"},
    {"status", NULL, "describe: the quorum in a few lines"},
    {"replication", NULL, "describe: how far each replica is"},
    {"human-readable", NULL, "with --replication: how long ago, not when"},
    {"controller-id,i", "ID", "remove-controller: its node id"},
    {"controller-directory-id,d", "ID", "remove-controller: the id of its log directory"},
    {"dry-run", NULL, "only say what would be done"},
    {0}};

const struct cli_verb kafka_metadata_quorum = {
    .noun = "kafka-metadata-quorum",
    .words = "describe|add-controller|remove-controller",
    .words_max = 1,
    .uses = CLI_USES_CONTROLLERS,
    .about = "Describes the quorum of the controllers, adds a voter, removes one",
    .more = "usage: kafka-metadata-quorum [-h] [--command-config COMMAND_CONFIG]\n"
            "                             (--bootstrap-server BOOTSTRAP_SERVER |\n"
            "                             --bootstrap-controller BOOTSTRAP_CONTROLLER)\n"
            "                             {describe,add-controller,remove-controller}\n"
            "                             ...\n"
            "kafka-metadata-quorum: error: ",
    .options = options,
    .run = run,
};
