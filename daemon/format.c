/* Formatting of log directories. */
#include "daemon/format.h"

#include "base/system.h"
#include "daemon/format_voters.h"
#include "metadata/metadata.h"
#include "raft/node/node.h"
#include "store/store.h"

enum { DIRS_MAX = 64 };

/* What the settings say about the node that is formatted. */
struct plan {
    const struct daemon_format_options *options;
    const struct store_fs *fs;
    const struct settings *settings;
    struct arena arena;
    struct buf *why;
    char cluster_id[UUID_TEXT_LEN + 1];
    int32_t node_id;
    bool is_controller;
    const char *dirs[DIRS_MAX]; /* that of the metadata log first */
    bool is_done[DIRS_MAX];     /* formatted already */
    int dir_count;
    const char *listener_name;   /* of the controllers */
    struct format_voters voters; /* a controller's */
    struct metadata_first_levels levels;
};

#define REFUSE(plan, e, ...) (buf_printf((plan)->why, __VA_ARGS__), (e))

static enum err refuse_disk(struct plan *plan, enum err e, const char *verb, const char *path)
{
    struct store_error problem = {""};
    (void)store_fail_errno(&problem, e, verb, path);
    return REFUSE(plan, e, "%s", problem.text);
}

/* ---- what the settings say ---- */

static enum err read_cluster_id(struct plan *plan)
{
    struct slice text = plan->options->cluster_id;
    struct uuid id;
    if (!uuid_parse(text, &id) || uuid_is_zero(id) || text.data[0] == '-') {
        return REFUSE(plan, ERR_CONFIG,
                      "\"%.*s\" is no cluster id: it has 22 characters of URL-safe base64 and does "
                      "not begin with '-'; `craft format --new-id` makes one",
                      SLICE_ARG(text));
    }
    memcpy(plan->cluster_id, uuid_text(id).text, sizeof plan->cluster_id);
    return ERR_NONE;
}

static enum err add_dir(struct plan *plan, const char *dir)
{
    if (dir == NULL || dir[0] == '\0') {
        return ERR_NONE;
    }
    for (int i = 0; i < plan->dir_count; i++) {
        if (strcmp(plan->dirs[i], dir) == 0) {
            return ERR_NONE;
        }
    }
    if (plan->dir_count == DIRS_MAX) {
        return REFUSE(plan, ERR_CONFIG, "log.dirs names more than %d directories", DIRS_MAX);
    }
    plan->dirs[plan->dir_count++] = dir;
    return ERR_NONE;
}

static enum err read_dirs(struct plan *plan)
{
    TRY(add_dir(plan, settings_str(plan->settings, "metadata.log.dir")));
    const char *name = settings_is_set(plan->settings, "log.dirs") ? "log.dirs" : "log.dir";
    for (char **dirs = settings_list(plan->settings, name, &plan->arena); *dirs != NULL; dirs++) {
        TRY(add_dir(plan, *dirs));
    }
    if (plan->dir_count == 0) {
        return REFUSE(plan, ERR_CONFIG, "log.dirs is not set: name the directory of the data");
    }
    return ERR_NONE;
}

/* What the quorum is formatted for, the level must be said to be. */
static enum err check_kraft_version(struct plan *plan)
{
    bool records = plan->options->quorum != DAEMON_FORMAT_STATIC;
    int16_t said = plan->levels.kraft_version;
    int16_t version = metadata_first_levels_version(&plan->levels);
    if (said == 0 && records) {
        return REFUSE(
            plan, ERR_CONFIG,
            "--feature kraft.version=0 is for static voters: set controller.quorum.voters "
            "and leave out --standalone, --initial-controllers and "
            "--no-initial-controllers");
    }
    if (said > 0 && !records) {
        return REFUSE(plan, ERR_CONFIG,
                      "--feature kraft.version=%d needs --standalone, --initial-controllers or "
                      "--no-initial-controllers; static voters begin at 0 (later: craft feature "
                      "upgrade kraft.version=1)",
                      said);
    }
    if (records && version < METADATA_LEVEL_3_9_IV0) {
        return REFUSE(plan, ERR_CONFIG,
                      "voters that are records of the log (kraft.version 1) need metadata.version "
                      "%d (%s), but %d is asked for",
                      METADATA_LEVEL_3_9_IV0, metadata_level_name(METADATA_LEVEL_3_9_IV0), version);
    }
    return ERR_NONE;
}

static enum err read_levels(struct plan *plan)
{
    const struct daemon_format_options *options = plan->options;
    struct metadata_supported supported;
    TRY(metadata_supported_read(&supported, plan->settings, plan->why));
    metadata_first_levels_init(&plan->levels, &supported);
    if (options->release_version != NULL) {
        TRY(metadata_first_levels_release(&plan->levels, slice_str(options->release_version),
                                          plan->why));
    }
    for (int i = 0; i < options->feature_count; i++) {
        TRY(metadata_first_levels_feature(&plan->levels, slice_str(options->features[i]),
                                          plan->why));
    }
    return plan->is_controller ? check_kraft_version(plan) : ERR_NONE;
}

static enum err read_identity(struct plan *plan)
{
    bool has_node_id = settings_is_set(plan->settings, "node.id");
    plan->node_id = settings_int(plan->settings, has_node_id ? "node.id" : "broker.id");
    if (plan->node_id < 0) {
        return REFUSE(plan, ERR_CONFIG,
                      "node.id is not set: give every node of the cluster a number of its own, 0 "
                      "or more");
    }
    TRY(read_cluster_id(plan));
    TRY(read_dirs(plan));
    char **roles = settings_list(plan->settings, "process.roles", &plan->arena);
    char **names = settings_list(plan->settings, "controller.listener.names", &plan->arena);
    plan->is_controller = metadata_names_contain(roles, "controller");
    plan->listener_name = names[0];
    bool makes_voters = plan->options->quorum == DAEMON_FORMAT_STANDALONE ||
                        plan->options->quorum == DAEMON_FORMAT_INITIAL;
    if (!plan->is_controller && makes_voters) {
        return REFUSE(plan, ERR_CONFIG,
                      "node %" PRId32 " is no controller (process.roles): it is formatted without "
                      "--standalone and --initial-controllers",
                      plan->node_id);
    }
    return ERR_NONE;
}

/* ---- looking at what is there ---- */

static enum err check_owner(struct plan *plan, const char *dir, const struct store_meta *meta)
{
    if (strcmp(meta->cluster_id, plan->cluster_id) != 0) {
        return REFUSE(plan, ERR_EXISTS,
                      "%s/" STORE_META_FILE " is of cluster %s, not of %s. To keep the data, "
                      "format with --cluster-id %s; to give it up, remove the directory first",
                      dir, meta->cluster_id, plan->cluster_id, meta->cluster_id);
    }
    if (meta->node_id != plan->node_id) {
        return REFUSE(plan, ERR_EXISTS,
                      "%s/" STORE_META_FILE " is of node %" PRId32
                      ", but the settings say node.id=%" PRId32
                      ". Give each node log.dirs of its own; to give the data up, remove the "
                      "directory first",
                      dir, meta->node_id, plan->node_id);
    }
    return ERR_NONE;
}

/* The others have been told another id: to them this node would be nobody. */
static enum err check_directory(struct plan *plan, const struct store_meta *meta)
{
    const struct daemon_format_options *options = plan->options;
    if (!plan->is_controller || options->quorum != DAEMON_FORMAT_INITIAL) {
        return ERR_NONE;
    }
    TRY(format_voters_read(options, plan->node_id, &plan->arena, &plan->voters, plan->why));
    if (uuid_eq(meta->directory_id, plan->voters.directory_id)) {
        return ERR_NONE;
    }
    return REFUSE(plan, ERR_EXISTS,
                  "%s/" STORE_META_FILE " has directory.id=%s, --initial-controllers says %s",
                  plan->dirs[0], uuid_text(meta->directory_id).text,
                  uuid_text(plan->voters.directory_id).text);
}

static enum err look_at(struct plan *plan, int i)
{
    struct store_meta meta;
    struct store_error problem = {""};
    enum err e = store_meta_read(plan->fs, plan->dirs[i], &meta, &problem);
    if (e == ERR_NOT_FOUND) {
        return ERR_NONE;
    }
    if (e != ERR_NONE) {
        return REFUSE(plan, e, "%s", problem.text);
    }
    plan->is_done[i] = true;
    e = check_owner(plan, plan->dirs[i], &meta);
    if (e == ERR_NONE && i == 0) {
        e = check_directory(plan, &meta);
    }
    store_meta_fini(&meta);
    return e;
}

/* ---- writing ---- */

static enum err sync_parent(struct plan *plan, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *parent = slash == NULL ? "."
                         : slash == path
                             ? "/"
                             : arena_str(&plan->arena, slice_of(path, (size_t)(slash - path)));
    enum err e = store_fs_sync_dir(plan->fs, parent);
    return e == ERR_NONE ? e : refuse_disk(plan, e, "sync", parent);
}

/* Makes the directory with all above it, so that what is written there survives a power cut. */
static enum err make_dir(struct plan *plan, const char *dir)
{
    char *path = arena_str(&plan->arena, slice_str(dir));
    size_t len = strlen(path);
    for (size_t at = 1; at <= len; at++) {
        if (path[at] != '/' && path[at] != '\0') {
            continue;
        }
        char kept = path[at];
        path[at] = '\0';
        enum err e = store_fs_exists(plan->fs, path) ? ERR_EXISTS : store_fs_mkdir(plan->fs, path);
        if (e == ERR_NONE) {
            TRY(sync_parent(plan, path));
        } else if (e != ERR_EXISTS) {
            return refuse_disk(plan, e, "make", path);
        }
        path[at] = kept;
    }
    return ERR_NONE;
}

/* The records of the bootstrap snapshot; returns how many. */
static int make_records(struct plan *plan, struct slice values[METADATA_SUPPORTED_MAX])
{
    struct metadata_record records[METADATA_SUPPORTED_MAX];
    size_t count = metadata_first_levels_records(&plan->levels, records);
    for (size_t i = 0; i < count; i++) {
        struct buf value = {0};
        metadata_record_encode(&records[i], &value);
        values[i] = arena_dup(&plan->arena, buf_slice(&value));
        buf_fini(&value);
    }
    return (int)count;
}

static enum err write_snapshots(struct plan *plan)
{
    struct slice records[METADATA_SUPPORTED_MAX];
    struct node_format_options options = {.fs = plan->fs,
                                          .dir = plan->dirs[0],
                                          .listener_name = plan->listener_name,
                                          .voters = plan->voters.items,
                                          .voter_count = plan->voters.count,
                                          .records = records,
                                          .record_count = make_records(plan, records),
                                          .now_ms = system_wall_ms()};
    enum err e = node_format(&options);
    if (e == ERR_EXISTS) {
        return REFUSE(plan, e,
                      "%s holds the beginning of a metadata log, but no " STORE_META_FILE
                      ": restore that file, or remove the directory if its data are not needed",
                      plan->dirs[0]);
    }
    return e == ERR_NONE ? e
                         : refuse_disk(plan, e, "write the bootstrap snapshots in", plan->dirs[0]);
}

static void tell(const struct plan *plan, const char *line)
{
    if (plan->options->tell != NULL) {
        plan->options->tell(plan->options->arg, line);
    }
}

static enum err write_dir(struct plan *plan, int i)
{
    bool of_controller = plan->is_controller && i == 0;
    TRY(make_dir(plan, plan->dirs[i]));
    if (of_controller) {
        TRY(write_snapshots(plan));
    }
    struct store_meta meta = {.version = 1,
                              .node_id = plan->node_id,
                              .directory_id =
                                  of_controller ? plan->voters.directory_id : uuid_random()};
    memcpy(meta.cluster_id, plan->cluster_id, sizeof plan->cluster_id);
    struct store_error problem = {""};
    enum err e = store_meta_write(plan->fs, plan->dirs[i], &meta, &problem);
    if (e != ERR_NONE) {
        return REFUSE(plan, e, "%s", problem.text);
    }
    tell(plan,
         arena_printf(&plan->arena, "formatted %s: cluster %s, node %" PRId32 ", directory %s",
                      plan->dirs[i], meta.cluster_id, plan->node_id,
                      uuid_text(meta.directory_id).text));
    return ERR_NONE;
}

static enum err format_all(struct plan *plan)
{
    TRY(read_identity(plan));
    TRY(read_levels(plan));
    for (int i = 0; i < plan->dir_count; i++) {
        TRY(look_at(plan, i));
    }
    if (plan->is_controller && !plan->is_done[0]) {
        TRY(format_voters_read(plan->options, plan->node_id, &plan->arena, &plan->voters,
                               plan->why));
    }
    for (int i = 0; i < plan->dir_count; i++) {
        if (plan->is_done[i]) {
            tell(plan, arena_printf(&plan->arena, "%s: already formatted", plan->dirs[i]));
        } else {
            TRY(write_dir(plan, i));
        }
    }
    return ERR_NONE;
}

enum err daemon_format(const struct daemon_format_options *options, struct buf *why)
{
    struct plan plan = {
        .options = options, .fs = options->fs, .settings = options->settings, .why = why};
    enum err e = format_all(&plan);
    arena_fini(&plan.arena);
    return e;
}
