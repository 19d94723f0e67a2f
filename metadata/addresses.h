/* Addresses in settings: listeners, advertised listeners, controllers.
 *
 * Pure text work; nothing is resolved. All strings come from the arena. */
#ifndef METADATA_ADDRESSES_H
#define METADATA_ADDRESSES_H

#include "base/arena.h"
#include "base/buf.h"
#include "metadata/settings.h"

struct metadata_address {
    char *host; /* "": every address */
    int port;   /* 0: chosen by the system */
};

/* "host:port", "[::1]:port", ":port". False: that is no address. */
bool metadata_address_parse(struct arena *arena, struct slice text, struct metadata_address *out);

struct metadata_listener {
    char *name;
    struct metadata_address bind;
    struct metadata_address advertised; /* what clients are told */
};

/* Reads `listeners` and `advertised.listeners` (which defaults to the former) and checks that each
 * name is PLAINTEXT by listener.security.protocol.map, the only protocol of this version. A
 * listener on every address must advertise a host. `*count` ≥ 1 on success.
 * Errors: ERR_CONFIG with a sentence in `why`. */
enum err MUST_USE metadata_listeners_read(const struct settings *settings, struct arena *arena,
                                          struct metadata_listener **out, int *count,
                                          struct buf *why);

struct metadata_quorum_address {
    int32_t id; /* −1: of controller.quorum.bootstrap.servers */
    struct metadata_address address;
};

/* controller.quorum.voters, then controller.quorum.bootstrap.servers; `*count` ≥ 1 on success.
 * Errors: ERR_CONFIG with a sentence in `why`. */
enum err MUST_USE metadata_quorum_read(const struct settings *settings, struct arena *arena,
                                       struct metadata_quorum_address **out, int *count,
                                       struct buf *why);

/* Is `name` an item of the list? */
bool metadata_names_contain(char **names, const char *name);

#endif
