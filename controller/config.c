/* Settings of a controller; see config.h. */
#include "controller/config.h"

#include "daemon/daemon.h"

#include <stdarg.h>
#include <stdio.h>

PRINTF_LIKE(2, 3) static enum err refuse(struct buf *why, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    buf_put_str(why, text);
    return ERR_CONFIG;
}

/* ---- identity ---- */

static enum err read_directory(struct controller_config *config, const struct settings *settings,
                               struct buf *why)
{
    config->dir = daemon_metadata_dir(settings, &config->arena);
    return config->dir != NULL
               ? ERR_NONE
               : refuse(why, "log.dirs is not set: name the directory of the metadata log");
}

static enum err read_identity(struct controller_config *config, const struct settings *settings,
                              struct buf *why)
{
    const char *roles = settings_str(settings, "process.roles");
    if (roles != NULL && roles[0] != '\0' && strcmp(roles, "controller") != 0) {
        return refuse(why,
                      "process.roles is \"%s\", but craft-controller is a controller and nothing "
                      "else: set process.roles=controller, and run craft-broker for brokers",
                      roles);
    }
    config->node_id = settings_int(settings, "node.id");
    if (config->node_id < 0) {
        return refuse(why, "node.id is not set: give every node of the cluster a number of its "
                           "own, ≥ 0");
    }
    return read_directory(config, settings, why);
}

/* ---- addresses ---- */

static enum err read_voters(struct controller_config *config, const struct settings *settings,
                            struct buf *why)
{
    struct metadata_quorum_address *all;
    TRY(metadata_quorum_read(settings, &config->arena, &all, &config->voter_count, why));
    config->voters = ARENA_ARRAY(&config->arena, (size_t)config->voter_count, struct node_voter);
    for (int i = 0; i < config->voter_count; i++) {
        config->voters[i] = (struct node_voter){
            .id = all[i].id, .host = all[i].address.host, .port = (uint16_t)all[i].address.port};
    }
    return ERR_NONE;
}

/* Where the others expect this node, or NULL. */
static const struct node_voter *own_entry(const struct controller_config *config)
{
    for (int i = 0; i < config->voter_count; i++) {
        if (config->voters[i].id == config->node_id) {
            return &config->voters[i];
        }
    }
    return NULL;
}

/* Without `listeners`, a voter listens where the others expect it. */
static enum err default_listener(struct controller_config *config, const char *name,
                                 struct buf *why)
{
    const struct node_voter *self = own_entry(config);
    if (self == NULL) {
        return refuse(why,
                      "listeners is not set, and controller.quorum.voters does not name node %d",
                      config->node_id);
    }
    struct arena *arena = &config->arena;
    struct metadata_address address = {arena_str(arena, slice_str(self->host)), self->port};
    config->listeners = ARENA_NEW(arena, struct metadata_listener);
    config->listeners[0] =
        (struct metadata_listener){arena_str(arena, slice_str(name)), address, address};
    config->listener_count = 1;
    return ERR_NONE;
}

static enum err read_listeners(struct controller_config *config, const struct settings *settings,
                               struct buf *why)
{
    struct arena *arena = &config->arena;
    char **names = settings_list(settings, "controller.listener.names", arena);
    if (names[0] == NULL) {
        return refuse(why, "controller.listener.names is not set: name the listener of the "
                           "controllers, for example CONTROLLER");
    }
    if (!settings_is_set(settings, "listeners")) {
        return default_listener(config, names[0], why);
    }
    TRY(metadata_listeners_read(settings, arena, &config->listeners, &config->listener_count, why));
    const struct node_voter *self = own_entry(config);
    for (int i = 0; i < config->listener_count; i++) {
        struct metadata_listener *l = &config->listeners[i];
        if (!metadata_names_contain(names, l->name)) {
            return refuse(why,
                          "listeners: %s is not in controller.listener.names; a controller has no "
                          "other listeners",
                          l->name);
        }
        if (l->advertised.host[0] == '\0') {
            /* It listens on every address and does not say by which it is reached. */
            l->advertised.host =
                arena_str(arena, slice_str(self == NULL ? "localhost" : self->host));
            config->host_is_guess |= self == NULL;
        }
    }
    return ERR_NONE;
}

/* ---- the rest ---- */

static enum err check_positive(const struct settings *settings, const char *name, struct buf *why)
{
    int32_t value = settings_int(settings, name);
    if (value <= 0) {
        return refuse(why, "%s is %d, it must be 1 or more", name, value);
    }
    return ERR_NONE;
}

static enum err read_timers(struct controller_config *config, const struct settings *settings,
                            struct buf *why)
{
    static const char *const positive[] = {
        "controller.quorum.election.timeout.ms",     "controller.quorum.fetch.timeout.ms",
        "controller.quorum.request.timeout.ms",      "controller.quorum.retry.backoff.ms",
        "controller.quorum.election.backoff.max.ms", "broker.session.timeout.ms",
    };
    for (size_t i = 0; i < ARRAY_LEN(positive); i++) {
        TRY(check_positive(settings, positive[i], why));
    }
    config->timers = (struct node_timers){
        .election_timeout_ms = settings_int(settings, positive[0]),
        .fetch_timeout_ms = settings_int(settings, positive[1]),
        .request_timeout_ms = settings_int(settings, positive[2]),
        .retry_backoff_ms = settings_int(settings, positive[3]),
        .election_backoff_max_ms = settings_int(settings, positive[4]),
    };
    return ERR_NONE;
}

enum err controller_config_read(struct controller_config *config, const struct settings *settings,
                                struct buf *why)
{
    *config = (struct controller_config){0};
    TRY(read_identity(config, settings, why));
    TRY(read_voters(config, settings, why));
    config->auto_join = settings_bool(settings, "controller.quorum.auto.join.enable");
    TRY(read_listeners(config, settings, why));
    TRY(metadata_supported_read(&config->supported, settings, why));
    return read_timers(config, settings, why);
}

enum err controller_config_read_meta(struct controller_config *config, const struct store_fs *fs,
                                     struct buf *why)
{
    struct store_meta meta;
    struct store_error problem = {{0}};
    enum err e = store_meta_read(fs, config->dir, &meta, &problem);
    if (e == ERR_NOT_FOUND) {
        return refuse(why,
                      "%s has no %s: format it first with `craft format --config FILE "
                      "--cluster-id ID`, with the same id on all nodes",
                      config->dir, STORE_META_FILE);
    }
    if (e != ERR_NONE) {
        buf_put_str(why, problem.text);
        return e;
    }
    if (meta.node_id != config->node_id) {
        e = refuse(why,
                   "%s/%s says node.id=%d, the settings say %d: is this another node's directory?",
                   config->dir, STORE_META_FILE, meta.node_id, config->node_id);
    } else if (meta.cluster_id[0] == '\0') {
        e = refuse(why, "%s/%s has no cluster.id", config->dir, STORE_META_FILE);
    } else {
        config->cluster_id = arena_str(&config->arena, slice_str(meta.cluster_id));
        config->directory_id = meta.directory_id;
    }
    store_meta_fini(&meta);
    return e;
}

void controller_config_fini(struct controller_config *config)
{
    arena_fini(&config->arena);
}
