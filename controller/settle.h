/* Answers that wait until brokers have applied what was decided.
 *
 * An operation is committed, and so decided for good, before brokers have read it. A client that is
 * told at once that its topic exists, and asks a broker for it, may be faster than the broker
 * (KAFKA-15780). So some answers are kept back: as long as the request's own timeout allows until
 * the brokers that lead what was made say that they have applied it, and a moment for all others.
 * Brokers say so by their heartbeats, which they send at once when topics, leaders or settings have
 * changed. Fenced brokers are not waited for. The answer is the same however the wait ends. */
#ifndef CONTROLLER_SETTLE_H
#define CONTROLLER_SETTLE_H

#include "controller/heartbeats.h"

struct rpc;

/* How long brokers are waited for that lead nothing of what was made: long enough for one that is
 * busy, and short enough when one hangs that its hanging does not become the client's. */
enum { CONTROLLER_SETTLE_OTHERS_MS = 100 };

struct settle {
    struct net_loop *loop;
    const struct heartbeats *heartbeats;
    struct list waits;
};

void controller_settle_init(struct settle *s, struct net_loop *loop,
                            const struct heartbeats *heartbeats);

/* Answers everything. */
void controller_settle_fini(struct settle *s);

/* Answers a request whose operation has committed, now or later; the rpc is gone then. */
void controller_settle(struct settle *s, struct rpc *rpc, int64_t timeout_ms);

/* A broker has applied more, or is not waited for any more. */
void controller_settle_look(struct settle *s);

#endif
