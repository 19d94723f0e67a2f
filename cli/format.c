/* craft format: makes the log directories of a node its own (daemon/format.h). */
#include <stdio.h>

#include "cli/node_settings.h"
#include "daemon/daemon.h"
#include "metadata/metadata.h"
#include "store/store.h"

static void print_notes(struct cli *cli, const struct settings *settings)
{
    struct slice rest = settings_notes(settings);
    struct slice line;
    while (args_item(&rest, '\n', &line)) {
        if (line.len > 0) {
            cli_complain(cli, "note: %.*s", SLICE_ARG(line));
        }
    }
}

static void print_line(void *arg, const char *line)
{
    (void)arg;
    puts(line);
}

static enum daemon_format_quorum quorum_of(const struct cli *cli)
{
    return args_has(&cli->args, "standalone")               ? DAEMON_FORMAT_STANDALONE
           : args_has(&cli->args, "initial-controllers")    ? DAEMON_FORMAT_INITIAL
           : args_has(&cli->args, "no-initial-controllers") ? DAEMON_FORMAT_JOIN
                                                            : DAEMON_FORMAT_STATIC;
}

static enum cli_exit format_with(struct cli *cli, struct settings *settings)
{
    const char **features =
        ARENA_ARRAY(&cli->arena, (size_t)args_times(&cli->args, "feature"), const char *);
    int count = 0;
    int at = 0;
    const char *feature;
    while ((feature = args_next(&cli->args, "feature", &at)) != NULL) {
        features[count++] = feature;
    }
    struct daemon_format_options options = {
        .fs = store_fs_posix(),
        .settings = settings,
        .cluster_id = slice_str(args_text(&cli->args, "cluster-id")),
        .quorum = quorum_of(cli),
        .initial_controllers = args_text(&cli->args, "initial-controllers"),
        .release_version = args_text(&cli->args, "release-version"),
        .features = features,
        .feature_count = count,
        .tell = print_line};
    enum err e = node_settings_read(cli, settings);
    if (e == ERR_NONE) {
        print_notes(cli, settings);
        e = daemon_format(&options, &cli->why);
    }
    return e == ERR_NONE ? CLI_OK : cli_fail(cli, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
}

static enum cli_exit run_format(struct cli *cli)
{
    if (args_has(&cli->args, "new-id")) {
        puts(uuid_text(uuid_random()).text);
        return CLI_OK;
    }
    if (args_text(&cli->args, "config") == NULL) {
        return cli_misuse(cli, "--config is missing");
    }
    const char *text = args_text(&cli->args, "cluster-id");
    struct uuid id;
    if (text == NULL) {
        return cli_misuse(cli, "--cluster-id is missing; `craft format --new-id` makes one");
    }
    if (!uuid_parse(slice_str(text), &id) || uuid_is_zero(id) || text[0] == '-') {
        return cli_misuse(cli,
                          "--cluster-id \"%s\" is no cluster id: it has 22 characters of URL-safe "
                          "base64 and does not begin with '-'; `craft format --new-id` makes one",
                          text);
    }
    int ways = args_has(&cli->args, "standalone") + args_has(&cli->args, "initial-controllers") +
               args_has(&cli->args, "no-initial-controllers");
    if (ways > 1) {
        return cli_misuse(cli, "--standalone, --initial-controllers and --no-initial-controllers "
                               "exclude each other");
    }
    struct settings *settings = settings_new();
    enum cli_exit code = format_with(cli, settings);
    settings_free(settings);
    return code;
}

static const struct args_option options[] = {
    NODE_SETTINGS_OPTIONS,
    {"cluster-id", "ID", "the same for all nodes of a cluster"},
    {"standalone", NULL, "this controller is the first voter, others are added later"},
    {"initial-controllers", "VOTERS",
     "the first voters, the same on each of them:\nid@host:port:directory-id,…"},
    {"no-initial-controllers", NULL, "this controller joins a quorum that exists"},
    {"release-version", "VERSION",
     "the levels of features that a release of Kafka begins with,\nlike 3.9 or 3.9-IV0"},
    {"feature", "NAME=LEVEL", "the level of one feature, like group.version=0; may be repeated"},
    {"new-id", NULL, "print a new id, of a cluster or a directory, and nothing else"},
    {0}};

const struct cli_verb cli_format = {
    .noun = "format",
    .words = "",
    .about = "Prepares the log directories of a node",
    .more =
        "Every node is formatted once, with the same cluster id, before its first start. To do "
        "it again\nchanges nothing. Data is never removed: a directory of another cluster or "
        "node is refused.\n\nA controller says where its quorum begins, unless "
        "controller.quorum.voters is set, which is\nfor static voters. One that "
        "has lost its disk is another voter: format it with\n--no-initial-controllers and "
        "use `craft quorum replace`.\n\n--release-version and --feature say with which levels of "
        "features the cluster begins, the\nsame on each controller. Without them these are the "
        "highest; `craft feature` changes them later.",
    .examples = "craft format --new-id\n"
                "craft format --config controller.properties --cluster-id 4L6g3nShT-eMCtK--X86sw "
                "--standalone\n"
                "craft format --config c.properties --cluster-id 4L6g3nShT-eMCtK--X86sw "
                "--initial-controllers 1@h1:9093:pMyjhhPRSNaOYp0PMSGYFw\n"
                "craft format --config broker.properties --cluster-id 4L6g3nShT-eMCtK--X86sw "
                "--override log.dirs=/data/1",
    .options = options,
    .run = run_format,
};
