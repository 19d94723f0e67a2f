/* What the active controller does without being asked: fences stale brokers, balances leaders,
 * looks after partitions without one, keeps an idle log moving. */
#ifndef CONTROLLER_PERIODIC_H
#define CONTROLLER_PERIODIC_H

#include "controller/controller.h"
#include "controller/heartbeats.h"

struct periodic;

/* One kind of work that comes round by a timer. */
struct periodic_task {
    struct periodic *owner;
    struct net_timer timer;
    int64_t interval_ms; /* ≤ 0: never */
    enum metadata_event event;
    void (*decide)(const struct decide_input *in, struct decision *out);
    bool running; /* an operation of it is not finished */
    bool again;   /* wanted meanwhile */
};

struct periodic {
    struct net_loop *loop;
    const struct log *log;
    struct controller *controller;
    struct heartbeats *heartbeats;

    /* Private. */
    struct periodic_task balance;
    struct periodic_task unled;
    struct net_timer idle_timer;
    int64_t idle_interval_ms;
    uint64_t idle_appends; /* append count when the idle timer was set */
    bool no_op_running;
};

/* The caller has set the members above the private ones. */
void controller_periodic_init(struct periodic *p, const struct settings *settings);

/* This controller is active, or is not any more. */
void controller_periodic_start(struct periodic *p);
void controller_periodic_stop(struct periodic *p);

/* A setting changed by which partitions without a leader may get one: looks at them now. */
void controller_periodic_elect(struct periodic *p);

/* The broker's session ended by that event: fences it. */
void controller_periodic_fence(struct periodic *p, int32_t broker_id, enum metadata_event event);

#endif
