/* craft format: makes the log directories of a node its own.
 *
 * meta.properties is written last, so that a directory with one is complete. */
#include <stdio.h>
#include <time.h>

#include "cli/cli.h"
#include "metadata/metadata.h"
#include "raft/node/node.h"
#include "store/store.h"

enum { CONFIG_BYTES_MAX = 1 << 20, DIRS_MAX = 64 };

/* What the settings say about the node that is formatted. */
struct plan {
    struct cli *cli;
    const struct store_fs *fs;
    struct settings *settings;
    const char *config; /* path of the file */
    struct uuid_text cluster_id;
    int32_t node_id;
    bool is_controller;
    const char *dirs[DIRS_MAX]; /* that of the metadata log first */
    bool is_done[DIRS_MAX];     /* formatted already */
    int dir_count;
    const char *listener_name; /* of the controllers */
    struct node_voter *voters; /* none: they are learned from the log */
    int voter_count;
};

/* Derived, not drawn, as every first controller has to write down the ids of all of them. */
static struct uuid directory_id_of(const struct plan *plan, int32_t node_id, int dir)
{
    const char *text =
        arena_printf(&plan->cli->arena, "%s/%" PRId32 "/%d", plan->cluster_id.text, node_id, dir);
    return uuid_derive(slice_str(text));
}

/* ---- reading the settings ---- */

static bool read_file(struct plan *plan)
{
    struct buf text = {0};
    struct buf *why = &plan->cli->why;
    struct store_error problem = {""};
    enum err e = store_fs_read_file(plan->fs, plan->config, CONFIG_BYTES_MAX, &text);
    if (e != ERR_NONE) {
        (void)store_fail_errno(&problem, e, "read", plan->config);
        buf_put_str(why, problem.text);
    } else {
        e = settings_parse(plan->settings, buf_slice(&text), plan->config, why);
    }
    buf_fini(&text);
    const char *pair;
    int at = 0;
    while (e == ERR_NONE && (pair = args_next(&plan->cli->args, "override", &at)) != NULL) {
        e = settings_set_pair(plan->settings, pair, why);
    }
    return e == ERR_NONE;
}

static bool add_dir(struct plan *plan, const char *dir)
{
    if (dir == NULL || dir[0] == '\0') {
        return true;
    }
    for (int i = 0; i < plan->dir_count; i++) {
        if (strcmp(plan->dirs[i], dir) == 0) {
            return true;
        }
    }
    if (plan->dir_count == DIRS_MAX) {
        buf_printf(&plan->cli->why, "log.dirs names more than %d directories", DIRS_MAX);
        return false;
    }
    plan->dirs[plan->dir_count++] = dir;
    return true;
}

static bool read_dirs(struct plan *plan)
{
    if (!add_dir(plan, settings_str(plan->settings, "metadata.log.dir"))) {
        return false;
    }
    const char *name = settings_is_set(plan->settings, "log.dirs") ? "log.dirs" : "log.dir";
    char **dirs = settings_list(plan->settings, name, &plan->cli->arena);
    for (; *dirs != NULL; dirs++) {
        if (!add_dir(plan, *dirs)) {
            return false;
        }
    }
    if (plan->dir_count == 0) {
        buf_put_str(&plan->cli->why, "log.dirs is not set: name the directory of the data");
        return false;
    }
    return true;
}

static bool read_voters(struct plan *plan)
{
    struct arena *arena = &plan->cli->arena;
    struct metadata_quorum_address *all;
    int count;
    if (metadata_quorum_read(plan->settings, arena, &all, &count, &plan->cli->why) != ERR_NONE) {
        return false;
    }
    plan->voters = ARENA_ARRAY(arena, (size_t)count, struct node_voter);
    for (int i = 0; i < count && all[i].id >= 0; i++) {
        plan->voters[plan->voter_count++] =
            (struct node_voter){.id = all[i].id,
                                .directory_id = directory_id_of(plan, all[i].id, 0),
                                .host = all[i].address.host,
                                .port = (uint16_t)all[i].address.port};
    }
    return true;
}

static bool is_voter(const struct plan *plan)
{
    for (int i = 0; i < plan->voter_count; i++) {
        if (plan->voters[i].id == plan->node_id) {
            return true;
        }
    }
    return false;
}

static bool read_identity(struct plan *plan)
{
    bool has_node_id = settings_is_set(plan->settings, "node.id");
    plan->node_id = settings_int(plan->settings, has_node_id ? "node.id" : "broker.id");
    if (plan->node_id < 0) {
        buf_put_str(&plan->cli->why, "node.id is not set: give every node of the cluster a number "
                                     "of its own, 0 or more");
        return false;
    }
    if (!read_dirs(plan) || !read_voters(plan)) {
        return false;
    }
    char **roles = settings_list(plan->settings, "process.roles", &plan->cli->arena);
    plan->is_controller =
        roles[0] == NULL ? is_voter(plan) : metadata_names_contain(roles, "controller");
    char **names = settings_list(plan->settings, "controller.listener.names", &plan->cli->arena);
    plan->listener_name = names[0];
    if (plan->is_controller && plan->voter_count > 0 && !is_voter(plan)) {
        buf_printf(&plan->cli->why,
                   "controller.quorum.voters does not name node %" PRId32
                   ", which is to be a controller",
                   plan->node_id);
        return false;
    }
    return true;
}

/* ---- looking at what is there ---- */

static enum cli_exit refuse_other(const struct plan *plan, const char *dir,
                                  const struct store_meta *meta)
{
    const char *mine = plan->cluster_id.text;
    if (strcmp(meta->cluster_id, mine) != 0) {
        return cli_fail(plan->cli,
                        "%s/" STORE_META_FILE " is of cluster %s, not of %s. To keep the data, "
                        "format with --cluster-id %s; to give it up, remove the directory first",
                        dir, meta->cluster_id, mine, meta->cluster_id);
    }
    return cli_fail(plan->cli,
                    "%s/" STORE_META_FILE " is of node %" PRId32 ", but %s says node.id=%" PRId32
                    ". Give each node log.dirs of its own; to give the data up, remove the "
                    "directory first",
                    dir, meta->node_id, plan->config, plan->node_id);
}

static enum cli_exit look_at(struct plan *plan, int i)
{
    struct store_meta meta;
    struct store_error problem = {""};
    enum err e = store_meta_read(plan->fs, plan->dirs[i], &meta, &problem);
    if (e == ERR_NOT_FOUND) {
        return CLI_OK;
    }
    if (e != ERR_NONE) {
        return cli_fail(plan->cli, "%s", problem.text);
    }
    plan->is_done[i] = true;
    bool is_same =
        meta.node_id == plan->node_id && strcmp(meta.cluster_id, plan->cluster_id.text) == 0;
    enum cli_exit code = is_same ? CLI_OK : refuse_other(plan, plan->dirs[i], &meta);
    store_meta_fini(&meta);
    return code;
}

/* ---- writing ---- */

/* Makes the directory with all above it. */
static enum cli_exit make_dir(const struct plan *plan, const char *dir)
{
    char *path = arena_str(&plan->cli->arena, slice_str(dir));
    for (char *at = path + 1; at[-1] != '\0'; at++) {
        if (*at != '/' && *at != '\0') {
            continue;
        }
        char kept = *at;
        *at = '\0';
        enum err e = store_fs_exists(plan->fs, path) ? ERR_NONE : store_fs_mkdir(plan->fs, path);
        if (e != ERR_NONE && e != ERR_EXISTS) {
            struct store_error problem;
            (void)store_fail_errno(&problem, e, "make", path);
            return cli_fail(plan->cli, "%s", problem.text);
        }
        *at = kept;
        if (kept == '\0') {
            break;
        }
    }
    return CLI_OK;
}

static enum cli_exit write_snapshots(const struct plan *plan)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct node_format_options options = {
        .fs = plan->fs,
        .dir = plan->dirs[0],
        .listener_name = plan->listener_name,
        .voters = plan->voters,
        .voter_count = plan->voter_count,
        .now_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000,
    };
    enum err e = node_format(&options);
    if (e == ERR_EXISTS) {
        return cli_fail(plan->cli,
                        "%s holds the beginning of a metadata log, but no " STORE_META_FILE
                        ": restore that file, or remove the directory if its data are not needed",
                        plan->dirs[0]);
    }
    if (e != ERR_NONE) {
        struct store_error problem;
        (void)store_fail_errno(&problem, e, "write the bootstrap snapshots in", plan->dirs[0]);
        return cli_fail(plan->cli, "%s", problem.text);
    }
    return CLI_OK;
}

static enum cli_exit write_dir(const struct plan *plan, int i)
{
    enum cli_exit code = make_dir(plan, plan->dirs[i]);
    if (code == CLI_OK && i == 0 && plan->is_controller) {
        code = write_snapshots(plan);
    }
    if (code != CLI_OK) {
        return code;
    }
    struct store_meta meta = {.version = 1,
                              .node_id = plan->node_id,
                              .directory_id = directory_id_of(plan, plan->node_id, i)};
    memcpy(meta.cluster_id, plan->cluster_id.text, UUID_TEXT_LEN);
    struct store_error problem;
    if (store_meta_write(plan->fs, plan->dirs[i], &meta, &problem) != ERR_NONE) {
        return cli_fail(plan->cli, "%s", problem.text);
    }
    printf("formatted %s: cluster %s, node %" PRId32 ", directory %s\n", plan->dirs[i],
           meta.cluster_id, plan->node_id, uuid_text(meta.directory_id).text);
    return CLI_OK;
}

static void print_notes(const struct plan *plan)
{
    struct slice rest = settings_notes(plan->settings);
    struct slice line;
    while (args_item(&rest, '\n', &line)) {
        if (line.len > 0) {
            cli_complain(plan->cli, "note: %.*s", SLICE_ARG(line));
        }
    }
}

static enum cli_exit format_all(struct plan *plan)
{
    if (!read_file(plan) || !read_identity(plan)) {
        return cli_fail(plan->cli, "%.*s", SLICE_ARG(buf_slice(&plan->cli->why)));
    }
    print_notes(plan);
    enum cli_exit code = CLI_OK;
    for (int i = 0; i < plan->dir_count && code == CLI_OK; i++) {
        code = look_at(plan, i);
    }
    for (int i = 0; i < plan->dir_count && code == CLI_OK; i++) {
        if (plan->is_done[i]) {
            printf("%s: already formatted\n", plan->dirs[i]);
        } else {
            code = write_dir(plan, i);
        }
    }
    return code;
}

/* ---- the command ---- */

static bool read_cluster_id(struct cli *cli, struct uuid_text *out)
{
    const char *text = args_text(&cli->args, "cluster-id");
    if (text == NULL) {
        buf_put_str(&cli->why, "--cluster-id is missing; `craft format --new-id` makes one");
        return false;
    }
    struct uuid id;
    if (!uuid_parse(slice_str(text), &id) || uuid_is_zero(id) || text[0] == '-') {
        buf_printf(&cli->why,
                   "--cluster-id \"%s\" is no cluster id: it has 22 characters of URL-safe base64 "
                   "and does not begin with '-'; `craft format --new-id` makes one",
                   text);
        return false;
    }
    *out = uuid_text(id);
    return true;
}

static enum cli_exit run_format(struct cli *cli)
{
    if (args_has(&cli->args, "new-id")) {
        puts(uuid_text(uuid_random()).text);
        return CLI_OK;
    }
    struct plan plan = {
        .cli = cli, .fs = store_fs_posix(), .config = args_text(&cli->args, "config")};
    if (plan.config == NULL) {
        return cli_misuse(cli, "--config is missing");
    }
    if (!read_cluster_id(cli, &plan.cluster_id)) {
        return cli_refuse(cli);
    }
    plan.settings = settings_new();
    enum cli_exit code = format_all(&plan);
    settings_free(plan.settings);
    return code;
}

static const struct args_option options[] = {
    {"config", "FILE", "the settings of the node"},
    {"cluster-id", "ID", "the same for all nodes of a cluster"},
    {"override", "NAME=VALUE", "a setting that counts more than the file's; may be repeated"},
    {"new-id", NULL, "print a new cluster id, and nothing else"},
    {0}};

const struct cli_verb cli_format = {
    .noun = "format",
    .words = "",
    .about = "Prepares the log directories of a node",
    .more = "Every node is formatted once, with the same cluster id, before its first start. To do "
            "it again\nchanges nothing. Data is never removed: a directory of another cluster or "
            "node is refused.",
    .examples = "craft format --new-id\n"
                "craft format --config controller.properties --cluster-id 4L6g3nShT-eMCtK--X86sw\n"
                "craft format --config broker.properties --cluster-id 4L6g3nShT-eMCtK--X86sw "
                "--override log.dirs=/data/1",
    .options = options,
    .run = run_format,
};
