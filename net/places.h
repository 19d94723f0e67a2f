/* How many connections a listener has and may have. Private to net/.
 *
 * Connections of one listener live on several loops: who calls holds the listener's lock. */
#ifndef NET_PLACES_H
#define NET_PLACES_H

#include "base/map.h"
#include "net/address.h"
#include "net/server.h"

struct places {
    struct net_listener_limits limits; /* without the text of the overrides */
    struct map overrides;              /* ip_count: what one address may have */
    struct map per_ip;                 /* ip_count: what it has */
    int open;
    int64_t credit; /* thousandths of connections that may be accepted now */
    int64_t credit_ms;
};

/* Frees; also what is still counted. */
void places_fini(struct places *places);

/* Other limits from now on. Errors: ERR_CONFIG (overrides that cannot be read; `why` says which);
 * unchanged then. */
enum err places_set_limits(struct places *places, const struct net_listener_limits *limits,
                           struct net_error *why) MUST_USE;

/* Milliseconds until the next connection may be accepted. */
int64_t places_turn_ms(struct places *places, int64_t now_ms);

/* One is. */
void places_accepted(struct places *places);

/* Takes a place for a connection from `host`; NULL, or the limit in the way. */
const char *places_take(struct places *places, const struct address_text *host);

void places_give_back(struct places *places, const struct address_text *host);

#endif
