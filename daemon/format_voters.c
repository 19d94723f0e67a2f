/* The first voters of a quorum. */
#include "daemon/format_voters.h"

#include <stdlib.h>

#include "metadata/metadata.h"

#define REFUSE(why, ...) (buf_printf(why, __VA_ARGS__), ERR_CONFIG)

/* ---- "id@host:port:directory-id,…" ---- */

static size_t find_last(struct slice text, char byte)
{
    size_t at = text.len;
    while (at > 0 && text.data[at - 1] != (uint8_t)byte) {
        at--;
    }
    return at;
}

static bool parse_id(struct slice text, int32_t *out)
{
    int64_t id = 0;
    for (size_t i = 0; i < text.len && id <= INT32_MAX; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        id = id * 10 + (text.data[i] - '0');
    }
    *out = (int32_t)id;
    return text.len > 0 && id <= INT32_MAX;
}

static bool parse_voter(struct slice text, struct arena *arena, struct node_voter *out)
{
    const uint8_t *sign = memchr(text.data, '@', text.len);
    size_t colon = find_last(text, ':');
    if (sign == NULL || colon == 0) {
        return false;
    }
    size_t id_len = (size_t)(sign - text.data);
    if (colon - 1 <= id_len) {
        return false;
    }
    struct metadata_address address;
    struct slice where = slice_of(sign + 1, colon - 1 - id_len - 1);
    struct slice directory = slice_of(text.data + colon, text.len - colon);
    if (!parse_id(slice_of(text.data, id_len), &out->id) ||
        !metadata_address_parse(arena, where, &address) || address.port == 0 ||
        address.host[0] == '\0' || !uuid_parse(directory, &out->directory_id) ||
        uuid_is_zero(out->directory_id)) {
        return false;
    }
    out->host = address.host;
    out->port = (uint16_t)address.port;
    return true;
}

static enum err check_unique(const struct node_voter *voters, int count, struct buf *why)
{
    const struct node_voter *last = &voters[count - 1];
    for (int i = 0; i < count - 1; i++) {
        if (voters[i].id == last->id) {
            return REFUSE(why, "--initial-controllers: id %d is given twice", last->id);
        }
        if (uuid_eq(voters[i].directory_id, last->directory_id)) {
            return REFUSE(why,
                          "--initial-controllers: %d and %d have the same directory id; make one "
                          "for each with `craft format --new-id`",
                          voters[i].id, last->id);
        }
    }
    return ERR_NONE;
}

/* "id@host:port:directory-id,…" (Kafka's DynamicVoters). Errors: ERR_CONFIG. */
static enum err parse(const char *text, struct arena *arena, struct node_voter **out, int *count,
                      struct buf *why)
{
    struct slice rest = slice_str(text);
    *out = ARENA_ARRAY(arena, NODE_VOTERS_MAX, struct node_voter);
    *count = 0;
    for (bool more = true; more;) {
        const uint8_t *comma = memchr(rest.data, ',', rest.len);
        size_t len = comma == NULL ? rest.len : (size_t)(comma - rest.data);
        struct slice item = slice_of(rest.data, len);
        more = comma != NULL;
        if (*count == NODE_VOTERS_MAX) {
            return REFUSE(why, "--initial-controllers: more than %d voters only slow a quorum down",
                          NODE_VOTERS_MAX);
        }
        if (!parse_voter(item, arena, &(*out)[(*count)++])) {
            return REFUSE(
                why,
                "--initial-controllers: \"%.*s\" is not of the form "
                "id@host:port:directory-id, for example "
                "3001@10.0.0.1:9093:pMyjhhPRSNaOYp0PMSGYFw; `craft format --new-id` makes "
                "a directory id",
                SLICE_ARG(item));
        }
        TRY(check_unique(*out, *count, why));
        rest = more ? slice_of(comma + 1, rest.len - len - 1) : rest;
    }
    return ERR_NONE;
}

/* ---- each way to have voters ---- */

static enum err read_initial(const struct daemon_format_options *options, int32_t node_id,
                             struct arena *arena, struct format_voters *out, struct buf *why)
{
    TRY(parse(options->initial_controllers, arena, &out->items, &out->count, why));
    for (int i = 0; i < out->count; i++) {
        if (out->items[i].id == node_id) {
            out->directory_id = out->items[i].directory_id;
            return ERR_NONE;
        }
    }
    return REFUSE(why,
                  "--initial-controllers does not name node %" PRId32
                  "; format a controller that joins later with --no-initial-controllers",
                  node_id);
}

/* Where others reach this controller: its listener of that name. */
static enum err read_own_address(const struct settings *settings, struct arena *arena,
                                 struct node_voter *out, struct buf *why)
{
    char **names = settings_list(settings, "controller.listener.names", arena);
    struct metadata_listener *listeners;
    int count;
    TRY(metadata_listeners_read(settings, arena, &listeners, &count, why));
    for (int i = 0; i < count; i++) {
        const struct metadata_address *address = &listeners[i].advertised;
        bool of_controllers = names[0] != NULL && strcmp(listeners[i].name, names[0]) == 0;
        if (of_controllers && address->host[0] != '\0' && address->port != 0) {
            out->host = address->host;
            out->port = (uint16_t)address->port;
            return ERR_NONE;
        }
    }
    return REFUSE(why,
                  "--standalone: set listeners, or advertised.listeners, to the host and port by "
                  "which other controllers will reach the listener %s",
                  names[0] == NULL ? "of controller.listener.names" : names[0]);
}

static enum err read_standalone(const struct settings *settings, int32_t node_id,
                                struct arena *arena, struct format_voters *out, struct buf *why)
{
    out->items = ARENA_NEW(arena, struct node_voter);
    out->count = 1;
    *out->items = (struct node_voter){.id = node_id, .directory_id = out->directory_id};
    return read_own_address(settings, arena, out->items, why);
}

static enum err check_static(const struct settings *settings, int32_t node_id, struct arena *arena,
                             struct buf *why)
{
    struct metadata_quorum_address *all;
    int count;
    TRY(metadata_quorum_read(settings, arena, &all, &count, why));
    for (int i = 0; i < count; i++) {
        if (all[i].id == node_id) {
            return ERR_NONE;
        }
    }
    return REFUSE(
        why, "controller.quorum.voters does not name node %" PRId32 ", which is to be a controller",
        node_id);
}

enum err format_voters_read(const struct daemon_format_options *options, int32_t node_id,
                            struct arena *arena, struct format_voters *out, struct buf *why)
{
    const struct settings *settings = options->settings;
    bool names_voters = settings_list(settings, "controller.quorum.voters", arena)[0] != NULL;
    *out = (struct format_voters){.directory_id = uuid_random()};
    if (options->quorum == DAEMON_FORMAT_STATIC) {
        return names_voters
                   ? check_static(settings, node_id, arena, why)
                   : REFUSE(why,
                            "a controller has to know where its quorum begins: say --standalone "
                            "(this one is the first voter), --initial-controllers "
                            "id@host:port:directory-id,… (the same on all of them) or "
                            "--no-initial-controllers (it joins a quorum that exists)");
    }
    if (names_voters) {
        return REFUSE(why,
                      "controller.quorum.voters is set, which is for static voters: "
                      "take it out of the settings and set controller.quorum.bootstrap.servers");
    }
    if (options->quorum == DAEMON_FORMAT_STANDALONE) {
        return read_standalone(settings, node_id, arena, out, why);
    }
    return options->quorum == DAEMON_FORMAT_INITIAL
               ? read_initial(options, node_id, arena, out, why)
               : ERR_NONE;
}
