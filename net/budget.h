/* The memory budget that connections of several loops share. Private to net/. */
#ifndef NET_BUDGET_H
#define NET_BUDGET_H

#include "net/loop.h"

/* A loop's place in the queue for room; one for each loop and budget, kept by the loop. */
struct budget_seat {
    struct list link;    /* in the loop's list */
    struct list waiting; /* in the budget's list, under its lock; alone when not waiting */
    struct list hungry;  /* the loop's connections that wait */
    struct net_loop *loop;
    struct net_budget *budget;
    net_fn *feed; /* called with the seat, on the loop, when there is room again */
};

struct budget_seat *budget_seat_new(struct net_budget *budget, struct net_loop *loop, net_fn *feed);

/* Frees; called on the seat's loop, when no `feed` can be under way any more. */
void budget_seat_free(struct budget_seat *seat);

/* Takes `bytes` even if that goes over the bound. NULL budgets have no bound. */
void budget_charge(struct net_budget *budget, size_t bytes);

void budget_release(struct net_budget *budget, size_t bytes);

/* True if a new frame may begin. */
bool budget_has_room(const struct net_budget *budget);

/* Asks for a call of `feed` when there is room. False: there is room already. */
bool budget_wait(struct budget_seat *seat);

#endif
