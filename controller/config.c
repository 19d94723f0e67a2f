/* Settings of a controller; see config.h. */
#include "controller/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

/* ---- addresses ---- */

struct address {
    char *host;
    int port;
};

/* "host:port", "[::1]:port", ":port". False: that is no address. */
static bool parse_address(struct arena *arena, struct slice text, struct address *out)
{
    size_t colon = text.len;
    while (colon > 0 && text.data[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0 || colon == text.len || text.len - colon > 5) {
        return false;
    }
    int port = 0;
    for (size_t i = colon; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        port = port * 10 + (text.data[i] - '0');
    }
    struct slice host = slice_of(text.data, colon - 1);
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']') {
        host = slice_of(host.data + 1, host.len - 2);
    }
    *out = (struct address){arena_str(arena, host), port};
    return port <= UINT16_MAX;
}

/* "NAME://host:port". */
static bool parse_listener(struct arena *arena, const char *text, char **name,
                           struct address *address)
{
    const char *mark = strstr(text, "://");
    if (mark == NULL || mark == text) {
        return false;
    }
    *name = arena_str(arena, slice_of(text, (size_t)(mark - text)));
    return parse_address(arena, slice_str(mark + 3), address);
}

/* ---- voters ---- */

/* "id@host:port". */
static bool parse_voter(struct arena *arena, const char *text, struct node_voter *out)
{
    char *end = NULL;
    long id = strtol(text, &end, 10);
    struct address address;
    if (end == text || *end != '@' || id < 0 || id > INT32_MAX ||
        !parse_address(arena, slice_str(end + 1), &address)) {
        return false;
    }
    *out = (struct node_voter){
        .id = (int32_t)id, .host = address.host, .port = (uint16_t)address.port};
    return address.port > 0 && address.host[0] != '\0';
}

static int list_length(char **items)
{
    int count = 0;
    while (items[count] != NULL) {
        count++;
    }
    return count;
}

static enum err read_static_voters(struct controller_config *config, char **items, struct buf *why)
{
    for (int i = 0; items[i] != NULL; i++) {
        struct node_voter *voter = &config->voters[config->voter_count++];
        if (!parse_voter(&config->arena, items[i], voter)) {
            return refuse(why,
                          "controller.quorum.voters: \"%s\" is not of the form id@host:port, for "
                          "example 3001@10.0.0.1:9093",
                          items[i]);
        }
        for (int k = 0; k < i; k++) {
            if (config->voters[k].id == voter->id) {
                return refuse(why, "controller.quorum.voters: id %d is given twice", voter->id);
            }
        }
    }
    return ERR_NONE;
}

static enum err read_bootstrap_servers(struct controller_config *config, char **items,
                                       struct buf *why)
{
    for (int i = 0; items[i] != NULL; i++) {
        struct address address;
        if (!parse_address(&config->arena, slice_str(items[i]), &address) || address.port == 0) {
            return refuse(why, "controller.quorum.bootstrap.servers: \"%s\" is not host:port",
                          items[i]);
        }
        config->voters[config->voter_count++] =
            (struct node_voter){.id = -1, .host = address.host, .port = (uint16_t)address.port};
    }
    return ERR_NONE;
}

static enum err read_voters(struct controller_config *config, const struct settings *settings,
                            struct buf *why)
{
    char **voters = settings_list(settings, "controller.quorum.voters", &config->arena);
    char **servers = settings_list(settings, "controller.quorum.bootstrap.servers", &config->arena);
    bool is_static = list_length(voters) > 0;
    int count = is_static ? list_length(voters) : list_length(servers);
    if (count == 0) {
        return refuse(why, "controller.quorum.voters is not set: name all controllers as "
                           "id@host:port,id@host:port,…");
    }
    if (count > NODE_VOTERS_MAX) {
        return refuse(why, "controller.quorum.voters names %d controllers, at most %d are allowed",
                      count, NODE_VOTERS_MAX);
    }
    config->voters = ARENA_ARRAY(&config->arena, (size_t)count, struct node_voter);
    return is_static ? read_static_voters(config, voters, why)
                     : read_bootstrap_servers(config, servers, why);
}

/* ---- listeners ---- */

static bool names_contain(char **names, const char *name)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Security of a listener: what the map says, else what the name says (KIP-103). */
static bool is_plaintext(const struct settings *settings, const char *name, struct arena *arena)
{
    char **items = settings_list(settings, "listener.security.protocol.map", arena);
    size_t len = strlen(name);
    for (int i = 0; items[i] != NULL; i++) {
        if (strncmp(items[i], name, len) == 0 && items[i][len] == ':') {
            return strcmp(items[i] + len + 1, "PLAINTEXT") == 0;
        }
    }
    return true;
}

static enum err add_listener(struct controller_config *config, const struct settings *settings,
                             const char *text, char **names, struct buf *why)
{
    struct controller_listener *l = &config->listeners[config->listener_count];
    struct address address;
    if (!parse_listener(&config->arena, text, &l->name, &address)) {
        return refuse(why,
                      "listeners: \"%s\" is not of the form NAME://host:port, for example "
                      "CONTROLLER://10.0.0.1:9093",
                      text);
    }
    if (!names_contain(names, l->name)) {
        return refuse(why,
                      "listeners: %s is not in controller.listener.names; a controller has no "
                      "other listeners",
                      l->name);
    }
    if (!is_plaintext(settings, l->name, &config->arena)) {
        return refuse(why,
                      "listener.security.protocol.map: %s must be PLAINTEXT, the only protocol "
                      "that controllers speak in this version",
                      l->name);
    }
    l->host = address.host;
    l->port = address.port;
    l->advertised_host = address.host;
    l->advertised_port = address.port;
    config->listener_count++;
    return ERR_NONE;
}

static struct controller_listener *find_listener(struct controller_config *config, const char *name)
{
    for (int i = 0; i < config->listener_count; i++) {
        if (strcmp(config->listeners[i].name, name) == 0) {
            return &config->listeners[i];
        }
    }
    return NULL;
}

static enum err read_advertised(struct controller_config *config, const struct settings *settings,
                                struct buf *why)
{
    if (!settings_is_set(settings, "advertised.listeners")) {
        return ERR_NONE;
    }
    char **items = settings_list(settings, "advertised.listeners", &config->arena);
    for (int i = 0; items[i] != NULL; i++) {
        char *name = NULL;
        struct address address;
        if (!parse_listener(&config->arena, items[i], &name, &address) || address.host[0] == '\0') {
            return refuse(why, "advertised.listeners: \"%s\" is not of the form NAME://host:port",
                          items[i]);
        }
        struct controller_listener *l = find_listener(config, name);
        if (l == NULL) {
            return refuse(why, "advertised.listeners: %s is not in listeners", name);
        }
        l->advertised_host = address.host;
        l->advertised_port = address.port;
    }
    return ERR_NONE;
}

/* Without `listeners`, a voter listens where the others expect it. */
static enum err default_listener(struct controller_config *config, char **names, struct buf *why)
{
    for (int i = 0; i < config->voter_count; i++) {
        const struct node_voter *voter = &config->voters[i];
        if (voter->id == config->node_id) {
            char *host = arena_str(&config->arena, slice_str(voter->host));
            config->listeners[config->listener_count++] =
                (struct controller_listener){names[0], host, voter->port, host, voter->port};
            return ERR_NONE;
        }
    }
    return refuse(why, "listeners is not set, and controller.quorum.voters does not name node %d",
                  config->node_id);
}

/* What is told to others when nothing was advertised and we listen on every address. */
static void default_advertised(struct controller_config *config)
{
    for (int i = 0; i < config->listener_count; i++) {
        struct controller_listener *l = &config->listeners[i];
        bool every = l->advertised_host[0] == '\0' || strcmp(l->advertised_host, "0.0.0.0") == 0 ||
                     strcmp(l->advertised_host, "::") == 0;
        for (int v = 0; v < config->voter_count && every; v++) {
            if (config->voters[v].id == config->node_id && i == 0) {
                l->advertised_host = arena_str(&config->arena, slice_str(config->voters[v].host));
                every = false;
            }
        }
        if (every) {
            l->advertised_host = arena_str(&config->arena, slice_str("localhost"));
        }
    }
}

static enum err read_listeners(struct controller_config *config, const struct settings *settings,
                               struct buf *why)
{
    char **names = settings_list(settings, "controller.listener.names", &config->arena);
    if (list_length(names) == 0) {
        return refuse(why, "controller.listener.names is not set: name the listener of the "
                           "controllers, for example CONTROLLER");
    }
    if (settings_is_set(settings, "listeners")) {
        char **items = settings_list(settings, "listeners", &config->arena);
        for (int i = 0; items[i] != NULL; i++) {
            if (i == CONTROLLER_LISTENERS_MAX) {
                return refuse(why, "listeners: more than %d", CONTROLLER_LISTENERS_MAX);
            }
            TRY(add_listener(config, settings, items[i], names, why));
        }
    }
    if (config->listener_count == 0) {
        TRY(default_listener(config, names, why));
    }
    TRY(read_advertised(config, settings, why));
    default_advertised(config);
    return ERR_NONE;
}

/* ---- the rest ---- */

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
    if (!settings_is_set(settings, "node.id") && settings_is_set(settings, "broker.id")) {
        config->node_id = settings_int(settings, "broker.id");
    }
    if (config->node_id < 0) {
        return refuse(why, "node.id is not set: give every node of the cluster a number of its "
                           "own, ≥ 0");
    }
    const char *dir = settings_str(settings, "metadata.log.dir");
    char **dirs = settings_list(settings, "log.dirs", &config->arena);
    if ((dir == NULL || dir[0] == '\0') && list_length(dirs) > 0) {
        dir = dirs[0];
    }
    if (dir == NULL || dir[0] == '\0') {
        dir = settings_str(settings, "log.dir");
    }
    if (dir == NULL || dir[0] == '\0') {
        return refuse(why, "log.dirs is not set: name the directory of the metadata log");
    }
    config->dir = arena_str(&config->arena, slice_str(dir));
    return ERR_NONE;
}

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
    TRY(read_listeners(config, settings, why));
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
