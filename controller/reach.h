/* Does a process still listen at a broker's address?
 *
 * A connection that closed does not say whether the process is gone or the network hiccuped. A dial
 * does: it is refused only when nobody listens there any more. That is proof only of an address
 * that this controller can reach at all (an advertised "localhost" of another machine is refused
 * while its broker is well), so the address is tried once when the broker is unfenced and listens;
 * if it never answered, nothing is concluded from it later.
 *
 * A hint about time, as everything here: epochs keep a broker that was fenced by mistake from
 * acting, and it is unfenced with its next heartbeat. */
#ifndef CONTROLLER_REACH_H
#define CONTROLLER_REACH_H

#include "net/net.h"

struct reach {
    struct net_client *client; /* private; NULL: there is no address to ask at */
    net_fn *gone;
    void *arg;
    int attempts_left; /* to find out whether the address answers */
    bool answered;     /* it did, once */
    bool lost;         /* the question is: is the process gone? */
    bool calling;
};

/* Asks at `host`:`port` whether the address answers at all. `gone(arg)` is called, once and from
 * the loop, if it did and, after controller_reach_lost(), is refused. */
void controller_reach_begin(struct reach *reach, struct net_loop *loop, const char *host, int port);

/* The broker's connection closed: is somebody there? Nothing happens if somebody is. */
void controller_reach_lost(struct reach *reach);

/* It is back: the answer does not matter any more. */
void controller_reach_back(struct reach *reach);

/* No more questions; `gone` and `arg` stay. May be called in `gone`. */
void controller_reach_end(struct reach *reach);

#endif
