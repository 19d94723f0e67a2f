/* craft quorum recover: makes a stopped controller the only voter of a quorum that has lost its
 * majority for good. Shows first what that costs. */
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/dump.h"
#include "cli/node_settings.h"
#include "cli/times.h"
#include "daemon/daemon.h"
#include "metadata/metadata.h"
#include "net/net.h"
#include "raft/node/recover.h"

#define LOG_DIR "__cluster_metadata-0"

enum { LOST_SHOWN_MAX = 100, ANSWER_MAX = 64 };

struct recovery {
    struct cli *cli;
    struct settings *settings;
    struct net_loop *loop;
    struct log log;
    struct node *node;
    const char *dir;
    const char *log_dir;
    struct store_meta meta;
    int32_t node_id;
    struct node_advertised *listeners;
    int listener_count;
    struct node_survey_voters voters; /* those of the log */

    struct node_survey own;
    struct raft_epoch_start *epochs; /* of the own log */
    int epoch_count;
    int epoch_cap;
    bool another_is_better;
};

/* ---- this node ---- */

static void log_errors(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    if (level >= LOG_WARN) {
        fprintf(stderr, "%s\n", line);
    }
}

static enum err read_listeners(struct recovery *r)
{
    struct arena *arena = &r->cli->arena;
    struct metadata_listener *all;
    TRY(metadata_listeners_read(r->settings, arena, &all, &r->listener_count, &r->cli->why));
    r->listeners = ARENA_ARRAY(arena, (size_t)r->listener_count, struct node_advertised);
    for (int i = 0; i < r->listener_count; i++) {
        const struct metadata_address *address = &all[i].advertised;
        if (address->host[0] == '\0' || address->port == 0) {
            buf_printf(&r->cli->why,
                       "listeners: set advertised.listeners to the host and port by which the "
                       "others will reach %s",
                       all[i].name);
            return ERR_CONFIG;
        }
        r->listeners[i] =
            (struct node_advertised){all[i].name, address->host, (uint16_t)address->port};
    }
    return ERR_NONE;
}

static enum err read_identity(struct recovery *r)
{
    struct cli *cli = r->cli;
    TRY(node_settings_read(cli, r->settings));
    char **roles = settings_list(r->settings, "process.roles", &cli->arena);
    r->node_id = settings_int(r->settings, "node.id");
    r->dir = daemon_metadata_dir(r->settings, &cli->arena);
    if (!metadata_names_contain(roles, "controller") || r->node_id < 0 || r->dir == NULL) {
        buf_put_str(&cli->why, "these are not the settings of a controller: process.roles, node.id "
                               "and log.dirs have to be set");
        return ERR_CONFIG;
    }
    struct store_error problem = {{0}};
    enum err e = store_meta_read(store_fs_posix(), r->dir, &r->meta, &problem);
    if (e != ERR_NONE) {
        buf_printf(&cli->why, "%s",
                   e == ERR_NOT_FOUND ? "log.dirs: there is no meta.properties" : problem.text);
        return e;
    }
    r->log_dir = arena_printf(&cli->arena, "%s/" LOG_DIR, r->dir);
    if (r->meta.node_id != r->node_id) {
        buf_printf(&cli->why, "%s/" STORE_META_FILE " is of node %" PRId32 ", not %" PRId32, r->dir,
                   r->meta.node_id, r->node_id);
        return ERR_CONFIG;
    }
    return read_listeners(r);
}

static enum err open_node(struct recovery *r)
{
    struct arena *arena = &r->cli->arena;
    struct metadata_quorum_address *all;
    int count;
    TRY(metadata_quorum_read(r->settings, arena, &all, &count, &r->cli->why));
    struct node_voter *voters = ARENA_ARRAY(arena, (size_t)count, struct node_voter);
    for (int i = 0; i < count; i++) {
        voters[i] = (struct node_voter){
            .id = all[i].id, .host = all[i].address.host, .port = (uint16_t)all[i].address.port};
    }
    r->loop = net_loop_new(NULL);
    struct node_options options = {.loop = r->loop,
                                   .fs = store_fs_posix(),
                                   .dir = r->dir,
                                   .node_id = r->node_id,
                                   .directory_id = r->meta.directory_id,
                                   .cluster_id = r->meta.cluster_id,
                                   .is_controller = true,
                                   .listener_name = r->listeners[0].name,
                                   .voters = voters,
                                   .voter_count = count,
                                   .log = &r->log};
    enum err e = node_new(&options, &r->node);
    if (e == ERR_LOCKED) {
        buf_put_str(&r->cli->why, "the controller runs: stop it first");
    } else if (e != ERR_NONE) {
        buf_printf(&r->cli->why, "the metadata log in %s cannot be opened: %s", r->dir,
                   err_text(e));
    }
    return e;
}

/* What a running controller has changes while it is looked at. Starting one to look would cut its
 * log where a batch is damaged, though what is behind may be all that is left of it. */
static enum err check_stopped(struct recovery *r)
{
    const struct store_fs *fs = store_fs_posix();
    const char *path = arena_printf(&r->cli->arena, "%s/" STORE_LOCK_FILE, r->dir);
    int fd;
    if (!store_fs_exists(fs, path)) {
        return ERR_NONE;
    }
    enum err e = store_fs_lock(fs, path, &fd);
    if (e == ERR_NONE) {
        store_fs_close(fs, fd);
    } else {
        buf_put_str(&r->cli->why, e == ERR_LOCKED ? "the controller runs: stop it first"
                                                  : "its " STORE_LOCK_FILE " cannot be opened");
    }
    return e;
}

/* ---- what there is ---- */

static void note_epoch(void *arg, const struct wire_batch *batch, const char *path,
                       int64_t position)
{
    struct recovery *r = arg;
    (void)path;
    (void)position;
    if (r->epoch_count > 0 && r->epochs[r->epoch_count - 1].epoch == batch->leader_epoch) {
        return;
    }
    if (r->epoch_count == r->epoch_cap) {
        r->epoch_cap = r->epoch_cap == 0 ? 16 : r->epoch_cap * 2;
        r->epochs = mem_realloc(r->epochs, (size_t)r->epoch_cap * sizeof *r->epochs);
    }
    r->epochs[r->epoch_count++] =
        (struct raft_epoch_start){batch->leader_epoch, batch->base_offset};
}

/* Of a record that this log has, the epoch; else 0. What is older than the log is in its snapshot.
 */
static bool has_record(const struct recovery *r, int64_t offset, int32_t epoch)
{
    if (offset < r->own.start_offset) {
        return true;
    }
    int32_t found = 0;
    for (int i = 0; i < r->epoch_count && r->epochs[i].start <= offset; i++) {
        found = r->epochs[i].epoch;
    }
    return offset < r->own.end_offset && found == epoch;
}

static const char *voters_text(const struct recovery *r, bool with_addresses)
{
    struct arena *arena = &r->cli->arena;
    const char *text = "";
    for (int i = 0; i < r->voters.count; i++) {
        const struct node_voter *voter = &r->voters.items[i];
        text = arena_printf(arena, "%s%s%" PRId32, text, i == 0 ? "" : ", ", voter->id);
        if (with_addresses && voter->host != NULL) {
            text = arena_printf(arena, "%s at %s:%d", text, voter->host, voter->port);
        }
    }
    return text;
}

static const char *date_text(const struct recovery *r, int64_t ms)
{
    char *text = arena_alloc(&r->cli->arena, TIMES_DATE_BYTES);
    if (ms < 0) {
        return "never";
    }
    times_put_date(ms, text);
    return text;
}

static void show_own(const struct recovery *r)
{
    printf("controller %" PRId32 " of cluster %s, %s\n", r->node_id, r->meta.cluster_id, r->dir);
    printf("  its log ends at offset %" PRId64 ", epoch %" PRId32 ", last written %s\n",
           r->own.end_offset, r->own.last_epoch, date_text(r, r->own.last_timestamp_ms));
    if (r->own.unread_bytes > 0) {
        printf("  behind that, %" PRIu64 " bytes are torn or damaged; starting cuts them off\n",
               r->own.unread_bytes);
    }
    if (r->own.snapshot.offset > 0) {
        printf("  its newest snapshot ends at offset %" PRId64 "\n", r->own.snapshot.offset);
    }
    printf("  voters now:        %s\n", voters_text(r, true));
    printf("  voters afterwards: %" PRId32 " at %s:%d\n", r->node_id, r->listeners[0].host,
           r->listeners[0].port);
}

/* ---- what would be lost ---- */

struct comparison {
    struct recovery *r;
    struct dump dump;
    int64_t lost; /* records, control records not counted */
};

static void show_lost(void *arg, const struct wire_batch *batch, const char *path, int64_t position)
{
    struct comparison *c = arg;
    if (wire_batch_has(batch, WIRE_BATCH_CONTROL) ||
        has_record(c->r, batch->base_offset, batch->leader_epoch)) {
        return;
    }
    if (c->lost < LOST_SHOWN_MAX) {
        c->dump.path = path;
        dump_records(&c->dump, batch, position);
        dump_flush(&c->dump);
    } else if (c->lost == LOST_SHOWN_MAX) {
        printf("  … and more\n");
    }
    c->lost += batch->record_count;
}

static enum err compare_with(struct recovery *r, const char *given)
{
    const struct store_fs *fs = store_fs_posix();
    const char *inner = arena_printf(&r->cli->arena, "%s/" LOG_DIR, given);
    const char *dir = store_fs_exists(fs, inner) ? inner : given;
    struct comparison c = {
        .r = r, .dump = {.cli = r->cli, .fs = fs, .is_metadata = true, .with_records = true}};
    struct store_error problem = {{0}};
    struct node_survey other;
    TRY(node_survey_log(fs, dir, NULL, &other, &problem) == ERR_NONE
            ? ERR_NONE
            : (buf_put_str(&r->cli->why, problem.text), ERR_IO));
    printf("compared with %s\n  it ends at offset %" PRId64 ", epoch %" PRId32 "\n", dir,
           other.end_offset, other.last_epoch);
    fflush(stdout);
    if (node_survey_log(fs, dir, &(struct node_survey_visitor){show_lost, &c}, &other, &problem) !=
        ERR_NONE) {
        buf_put_str(&r->cli->why, problem.text);
        return ERR_IO;
    }
    buf_fini(&c.dump.out);
    bool better = other.last_epoch > r->own.last_epoch ||
                  (other.last_epoch == r->own.last_epoch && other.end_offset > r->own.end_offset);
    printf("  %" PRId64 " records of it are not in the log of controller %" PRId32 "%s\n", c.lost,
           r->node_id, better ? ": it has more" : "");
    r->another_is_better |= better;
    return ERR_NONE;
}

static enum err compare_all(struct recovery *r)
{
    const char *dir;
    int at = 0;
    while ((dir = args_next(&r->cli->args, "compare", &at)) != NULL) {
        TRY(compare_with(r, dir));
    }
    return ERR_NONE;
}

/* ---- doing it ---- */

/* What will stand in the log for those who ask later. */
static void build_record(const struct recovery *r, struct buf *out)
{
    struct metadata_cause cause = metadata_cause_of(METADATA_EVENT_QUORUM_FORCED, r->node_id);
    const struct passwd *user = getpwuid(getuid());
    char host[64] = "";
    (void)gethostname(host, sizeof host - 1);
    cause.controller = r->node_id;
    cause.principal =
        slice_str(user == NULL ? arena_printf(&r->cli->arena, "uid:%u", (unsigned)getuid())
                               : arena_printf(&r->cli->arena, "unix:%s", user->pw_name));
    cause.host = slice_str(host);
    cause.reason = slice_str(arena_printf(
        &r->cli->arena, "the voters were %s; the log ended at %" PRId64 " in epoch %" PRId32,
        voters_text(r, false), r->own.end_offset, r->own.last_epoch));
    struct metadata_record record = {.type = METADATA_RECORD_NO_OP};
    struct buf plain = {0};
    struct buf encoded = {0};
    metadata_record_encode(&record, &plain);
    metadata_cause_encode(&cause, &encoded);
    metadata_cause_attach(buf_slice(&plain), buf_slice(&encoded), out);
    buf_fini(&plain);
    buf_fini(&encoded);
}

static enum cli_exit force(struct recovery *r)
{
    struct buf value = {0};
    if (open_node(r) != ERR_NONE) {
        return cli_fail(r->cli, "%.*s", SLICE_ARG(buf_slice(&r->cli->why)));
    }
    build_record(r, &value);
    struct slice records[] = {buf_slice(&value)};
    struct node_forced forced = {r->listeners, r->listener_count, records, 1};
    struct store_error problem = {{0}};
    enum err e = node_force_voter(r->node, &forced, &problem);
    buf_fini(&value);
    if (e != ERR_NONE) {
        return cli_fail(r->cli, "%s", problem.text);
    }
    printf("controller %" PRId32 " is the only voter now. Start it; no other controller may come "
           "back with its old\ndirectory: empty them, format with --no-initial-controllers, start, "
           "craft quorum add.\n",
           r->node_id);
    return CLI_OK;
}

/* Somebody at a terminal, or in a pipe, has to write the cluster's id. */
static bool is_confirmed(const struct recovery *r)
{
    if (args_has(&r->cli->args, "yes")) {
        return true;
    }
    char answer[ANSWER_MAX] = "";
    printf("What the lost voters had committed beyond that is lost for good; this cannot be "
           "undone.\nTo go on, write the cluster's id: ");
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) == NULL) {
        answer[0] = '\0';
    }
    answer[strcspn(answer, "\r\n")] = '\0';
    return strcmp(answer, r->meta.cluster_id) == 0;
}

static enum cli_exit recover(struct recovery *r)
{
    struct cli *cli = r->cli;
    const struct store_fs *fs = store_fs_posix();
    struct store_error problem = {{0}};
    struct node_survey_visitor visitor = {note_epoch, r};
    if (node_survey_log(fs, r->log_dir, &visitor, &r->own, &problem) != ERR_NONE) {
        return cli_fail(cli, "%s", problem.text);
    }
    if (node_survey_read_voters(fs, r->log_dir, r->listeners[0].name, &cli->arena, &r->voters) !=
        ERR_NONE) {
        return cli_fail(cli, "%s: the records of the voters cannot be read", r->log_dir);
    }
    if (r->voters.count == 0) {
        return cli_fail(cli,
                        "the voters of %s are static: they are those of controller.quorum.voters "
                        "and can be changed there, on all nodes that are left",
                        r->log_dir);
    }
    show_own(r);
    if (compare_all(r) != ERR_NONE) {
        return cli_fail(cli, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
    }
    if (args_has(&cli->args, "show")) {
        return CLI_OK;
    }
    if (r->another_is_better && !args_has(&cli->args, "accept-loss")) {
        return cli_fail(cli, "another log has more: recover there, or copy that log; to give up "
                             "what only it has, say --accept-loss. Nothing was changed");
    }
    return is_confirmed(r) ? force(r) : cli_fail(cli, "not confirmed; nothing was changed");
}

static enum cli_exit run_recover(struct cli *cli)
{
    if (args_text(&cli->args, "config") == NULL) {
        return cli_misuse(cli, "--config is missing");
    }
    struct recovery r = {
        .cli = cli, .settings = settings_new(), .log = {LOG_INFO, log_errors, NULL}};
    enum err e = read_identity(&r);
    if (e == ERR_NONE) {
        e = check_stopped(&r);
    }
    enum cli_exit code =
        e == ERR_NONE ? recover(&r) : cli_fail(cli, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
    node_free(r.node);
    if (r.loop != NULL) {
        net_loop_step(r.loop, 0);
        net_loop_free(r.loop);
    }
    store_meta_fini(&r.meta);
    mem_free(r.epochs);
    settings_free(r.settings);
    return code;
}

static const struct args_option recover_options[] = {
    NODE_SETTINGS_OPTIONS,
    {"compare", "DIR", "show what another log has that this one lacks; may be repeated"},
    {"show", NULL, "show everything, change nothing"},
    {"accept-loss", NULL, "go on although another log has more"},
    {"yes", NULL, "do not ask"},
    {0}};

const struct cli_verb cli_quorum_recover = {
    .noun = "quorum",
    .name = "recover",
    .words = "",
    .about = "Makes a stopped controller the only voter, when the majority is lost for good",
    .more =
        "To be done once, on the controller whose log has the most. What that log lacks is lost. "
        "The\nforced change stands in the log, with who did it and when. "
        "docs/runbook-quorum-lost.md has all steps.",
    .examples = "craft quorum recover --config controller.properties --show\n"
                "craft quorum recover --config controller.properties --compare /mnt/broker-1/data",
    .options = recover_options,
    .run = run_recover,
};
