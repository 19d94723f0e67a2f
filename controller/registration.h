/* A controller registers itself with the active one (possibly itself), so that its endpoints and
 * features are in the image (KIP-919). Once per process: each start is a new incarnation. */
#ifndef CONTROLLER_REGISTRATION_H
#define CONTROLLER_REGISTRATION_H

#include "controller/config.h"
#include "controller/controller.h"
#include "net/net.h"
#include "wire/wire.h"

struct registration {
    struct net_loop *loop;
    struct log *log;
    struct controller *controller;
    const struct controller_config *config;
    struct uuid incarnation_id;

    /* Private. */
    struct net_client *client; /* to the leader; NULL: none known, or it is us */
    struct net_timer timer;    /* next attempt */
    struct arena arena;        /* of `request` */
    struct wire_controller_registration_request request;
    bool asking;  /* an attempt is under way */
    bool closing; /* fini was called; what ends now begins nothing new */
    struct controller_op op;
    struct arena op_arena;
};

/* The caller has set the members above the private ones; listeners' ports are known. */
void controller_registration_init(struct registration *r);
/* The controller may still end the operation of this registration afterwards; the structure must
 * live until then. */
void controller_registration_fini(struct registration *r);

/* The leader is known (NULL: not any more, or it is this node). */
void controller_registration_leader(struct registration *r, const char *host, uint16_t port);

/* Something happened that may let the registration succeed or show that it did. */
void controller_registration_poke(struct registration *r);

#endif
