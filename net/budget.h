/* The memory budget that connections of several loops share. Private to net/.
 *
 * A frame takes room as its bytes come: announcing much takes none. So several large ones may come
 * to a stop half-way, with no room left for any of them to end. Against that, large frames that are
 * not whole may have three quarters of the budget together, and when they do one of them for each
 * loop has a pass: it goes on, and what it still reads is counted when it is whole. The rest of the
 * budget is for small frames, which always go on, and for what is whole. */
#ifndef NET_BUDGET_H
#define NET_BUDGET_H

#include "net/loop.h"

/* A loop's place in the queue for room; one for each loop and budget, kept by the loop. */
struct budget_seat {
    struct list link;       /* in the loop's list */
    struct list waiting;    /* in the budget's list, under its lock; alone when not waiting */
    struct list unfinished; /* the loop's streams that wait inside a large frame; fed first */
    struct list hungry;     /* those that wait between two frames */
    bool passed;            /* a stream of the loop has the pass */
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

/* The same for bytes of a large frame that is not whole; then budget_end_part() when it is whole or
 * dropped, in the latter case after budget_release(). */
void budget_charge_part(struct net_budget *budget, size_t bytes);
void budget_end_part(struct net_budget *budget, size_t bytes);

/* True if a new frame may begin. */
bool budget_has_room(const struct net_budget *budget);

/* True if a large frame that is not whole may take more. */
bool budget_has_room_inside(const struct net_budget *budget);

/* True if the seat's pass is there to be taken, and needed. */
bool budget_offers_pass(const struct budget_seat *seat);

/* Takes the pass, or gives it back: then those who wait are fed. */
void budget_take_pass(struct budget_seat *seat);
void budget_return_pass(struct budget_seat *seat);

/* Asks for a call of `feed` when there may be room; `inside` a large frame, else for a
 * new one. False: there is room already, or the pass. */
bool budget_wait(struct budget_seat *seat, bool inside);

#endif
