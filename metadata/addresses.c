/* Listeners and controllers, read from the settings. */
#include "metadata/addresses.h"

enum { PORT_DIGITS_MAX = 5, QUORUM_MAX = 15, SERVERS_MAX = 32 };

/* Where the setting is, its name, and what is wrong with it. */
#define REFUSE(settings, name, why, ...) \
    (settings_put_origin(settings, name, why), buf_printf(why, name __VA_ARGS__), ERR_CONFIG)

bool metadata_names_contain(char **names, const char *name)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int list_length(char **items)
{
    int count = 0;
    while (items[count] != NULL) {
        count++;
    }
    return count;
}

static bool parse_number(struct slice digits, int64_t max, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
        *out = *out * 10 + (digits.data[i] - '0');
        if (*out > max) {
            return false;
        }
    }
    return digits.len > 0;
}

bool metadata_address_parse(struct arena *arena, struct slice text, struct metadata_address *out)
{
    size_t colon = text.len;
    while (colon > 0 && text.data[colon - 1] != ':') {
        colon--;
    }
    int64_t port;
    if (colon == 0 || text.len - colon > PORT_DIGITS_MAX ||
        !parse_number(slice_of(text.data + colon, text.len - colon), UINT16_MAX, &port)) {
        return false;
    }
    struct slice host = slice_of(text.data, colon - 1);
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']') {
        host = slice_of(host.data + 1, host.len - 2);
    }
    *out = (struct metadata_address){arena_str(arena, host), (int)port};
    return true;
}

/* ---- listeners ---- */

/* "NAME://host:port". */
static bool parse_listener(struct arena *arena, const char *text, char **name,
                           struct metadata_address *address)
{
    const char *mark = strstr(text, "://");
    if (mark == NULL || mark == text) {
        return false;
    }
    *name = arena_str(arena, slice_of(text, (size_t)(mark - text)));
    return metadata_address_parse(arena, slice_str(mark + 3), address);
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

static enum err read_bind(const struct settings *settings, struct arena *arena, char **items,
                          struct metadata_listener *out, struct buf *why)
{
    for (int i = 0; items[i] != NULL; i++) {
        struct metadata_listener *l = &out[i];
        if (!parse_listener(arena, items[i], &l->name, &l->bind)) {
            return REFUSE(settings, "listeners", why,
                          ": \"%s\" is not of the form NAME://host:port, for example "
                          "PLAINTEXT://127.0.0.1:9092",
                          items[i]);
        }
        if (!is_plaintext(settings, l->name, arena)) {
            return REFUSE(settings, "listener.security.protocol.map", why,
                          ": %s must be PLAINTEXT, the only protocol "
                          "of this version",
                          l->name);
        }
        l->advertised = l->bind;
        for (int k = 0; k < i; k++) {
            if (strcmp(out[k].name, l->name) == 0) {
                return REFUSE(settings, "listeners", why, ": %s is given twice", l->name);
            }
        }
    }
    return ERR_NONE;
}

static enum err read_advertised(const struct settings *settings, struct arena *arena,
                                struct metadata_listener *all, int count, struct buf *why)
{
    char **items = settings_list(settings, "advertised.listeners", arena);
    for (int i = 0; items[i] != NULL; i++) {
        char *name;
        struct metadata_address address;
        if (!parse_listener(arena, items[i], &name, &address)) {
            return REFUSE(settings, "advertised.listeners", why,
                          ": \"%s\" is not of the form NAME://host:port", items[i]);
        }
        int at = 0;
        while (at < count && strcmp(all[at].name, name) != 0) {
            at++;
        }
        if (at == count) {
            return REFUSE(settings, "advertised.listeners", why, ": %s is not one of `listeners`",
                          name);
        }
        all[at].advertised = address;
    }
    return ERR_NONE;
}

enum err metadata_listeners_read(const struct settings *settings, struct arena *arena,
                                 struct metadata_listener **out, int *count, struct buf *why)
{
    char **items = settings_list(settings, "listeners", arena);
    *count = list_length(items);
    if (*count == 0) {
        return REFUSE(settings, "listeners", why,
                      " is empty: name at least one, for example "
                      "PLAINTEXT://127.0.0.1:9092");
    }
    *out = ARENA_ARRAY(arena, (size_t)*count, struct metadata_listener);
    TRY(read_bind(settings, arena, items, *out, why));
    if (settings_is_set(settings, "advertised.listeners")) {
        TRY(read_advertised(settings, arena, *out, *count, why));
    }
    for (int i = 0; i < *count; i++) {
        struct metadata_address *a = &(*out)[i].advertised;
        if (strcmp(a->host, "0.0.0.0") == 0 || strcmp(a->host, "::") == 0) {
            return REFUSE(settings, "advertised.listeners", why,
                          ": %s would advertise %s, which no client can reach: "
                          "set advertised.listeners to an address that clients can",
                          (*out)[i].name, a->host);
        }
    }
    return ERR_NONE;
}

/* ---- the quorum ---- */

/* "id@host:port". */
static bool parse_voter(struct arena *arena, const char *text, struct metadata_quorum_address *out)
{
    const char *at = strchr(text, '@');
    int64_t id;
    if (at == NULL || !parse_number(slice_of(text, (size_t)(at - text)), INT32_MAX, &id) ||
        !metadata_address_parse(arena, slice_str(at + 1), &out->address)) {
        return false;
    }
    out->id = (int32_t)id;
    return out->address.port > 0 && out->address.host[0] != '\0';
}

static enum err read_voters(const struct settings *settings, struct arena *arena, char **items,
                            struct metadata_quorum_address *out, struct buf *why)
{
    for (int i = 0; items[i] != NULL; i++) {
        if (!parse_voter(arena, items[i], &out[i])) {
            return REFUSE(settings, "controller.quorum.voters", why,
                          ": \"%s\" is not of the form id@host:port, for "
                          "example 3001@10.0.0.1:9093",
                          items[i]);
        }
        for (int k = 0; k < i; k++) {
            if (out[k].id == out[i].id) {
                return REFUSE(settings, "controller.quorum.voters", why, ": id %d is given twice",
                              out[i].id);
            }
        }
    }
    return ERR_NONE;
}

static enum err read_servers(const struct settings *settings, struct arena *arena, char **items,
                             struct metadata_quorum_address *out, struct buf *why)
{
    for (int i = 0; items[i] != NULL; i++) {
        out[i].id = -1;
        if (!metadata_address_parse(arena, slice_str(items[i]), &out[i].address) ||
            out[i].address.port == 0) {
            return REFUSE(settings, "controller.quorum.bootstrap.servers", why,
                          ": \"%s\" is not host:port", items[i]);
        }
    }
    return ERR_NONE;
}

enum err metadata_quorum_read(const struct settings *settings, struct arena *arena,
                              struct metadata_quorum_address **out, int *count, struct buf *why)
{
    char **voters = settings_list(settings, "controller.quorum.voters", arena);
    char **servers = settings_list(settings, "controller.quorum.bootstrap.servers", arena);
    int named = list_length(voters);
    *count = named + list_length(servers);
    if (*count == 0) {
        return REFUSE(settings, "controller.quorum.voters", why,
                      " is not set, and neither is controller.quorum.bootstrap.servers: name some "
                      "controllers there as host:port,host:port,…");
    }
    if (named > QUORUM_MAX) {
        return REFUSE(settings, "controller.quorum.voters", why,
                      " names %d controllers, at most %d are allowed", named, QUORUM_MAX);
    }
    if (*count - named > SERVERS_MAX) {
        return REFUSE(settings, "controller.quorum.bootstrap.servers", why,
                      " names %d controllers, at most %d are allowed", *count - named, SERVERS_MAX);
    }
    *out = ARENA_ARRAY(arena, (size_t)*count, struct metadata_quorum_address);
    TRY(read_voters(settings, arena, voters, *out, why));
    return read_servers(settings, arena, servers, *out + named, why);
}
