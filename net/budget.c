/* Bytes held by requests, counted over all loops, and the loops that wait for room. */
#include "net/budget.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "net/loop_struct.h"

struct net_budget {
    int64_t bytes_max;
    int64_t parts_max; /* of unfinished frames */
    _Atomic int64_t used;
    _Atomic int64_t parts;    /* of `used`, or a little more for a moment */
    _Atomic bool has_waiting; /* so that a release need not take the lock */
    pthread_mutex_t lock;
    struct list waiting; /* seats */
};

struct net_budget *net_budget_new(int64_t bytes_max)
{
    ASSERT(bytes_max > 0);
    struct net_budget *budget = MEM_NEW(struct net_budget);
    budget->bytes_max = bytes_max;
    budget->parts_max = bytes_max - bytes_max / 4;
    pthread_mutex_init(&budget->lock, NULL);
    list_init(&budget->waiting);
    return budget;
}

void net_budget_free(struct net_budget *budget)
{
    if (budget == NULL) {
        return;
    }
    ASSERT(list_empty(&budget->waiting));
    pthread_mutex_destroy(&budget->lock);
    mem_free(budget);
}

int64_t net_budget_used(const struct net_budget *budget)
{
    return budget->used;
}

struct budget_seat *budget_seat_new(struct net_budget *budget, struct net_loop *loop, net_fn *feed)
{
    struct budget_seat *seat = MEM_NEW(struct budget_seat);
    list_init(&seat->link);
    list_init(&seat->waiting);
    list_init(&seat->unfinished);
    list_init(&seat->hungry);
    seat->loop = loop;
    seat->budget = budget;
    seat->feed = feed;
    return seat;
}

void budget_seat_free(struct budget_seat *seat)
{
    pthread_mutex_lock(&seat->budget->lock);
    list_remove(&seat->waiting);
    pthread_mutex_unlock(&seat->budget->lock);
    list_remove(&seat->link);
    mem_free(seat);
}

bool budget_has_room(const struct net_budget *budget)
{
    return budget == NULL || budget->used < budget->bytes_max;
}

bool budget_has_room_inside(const struct net_budget *budget)
{
    return budget == NULL ||
           (budget->used < budget->bytes_max && budget->parts < budget->parts_max);
}

void budget_charge(struct net_budget *budget, size_t bytes)
{
    if (budget != NULL) {
        budget->used += (int64_t)bytes;
    }
}

/* Something was given back: those who wait look again. */
static void wake(struct net_budget *budget)
{
    if (!budget->has_waiting || !budget_has_room(budget)) {
        return;
    }
    pthread_mutex_lock(&budget->lock);
    budget->has_waiting = false;
    LIST_EACH(node, &budget->waiting)
    {
        struct budget_seat *seat = LIST_ENTRY(node, struct budget_seat, waiting);
        list_remove(node);
        mailbox_post(&seat->loop->mailbox, (struct task){.fn = seat->feed, .arg = seat});
    }
    pthread_mutex_unlock(&budget->lock);
}

void budget_release(struct net_budget *budget, size_t bytes)
{
    if (budget == NULL) {
        return;
    }
    int64_t before = atomic_fetch_sub(&budget->used, (int64_t)bytes);
    ASSERT(before >= (int64_t)bytes);
    wake(budget);
}

void budget_charge_part(struct net_budget *budget, size_t bytes)
{
    if (budget != NULL) {
        budget->parts += (int64_t)bytes;
        budget->used += (int64_t)bytes;
    }
}

void budget_end_part(struct net_budget *budget, size_t bytes)
{
    if (budget == NULL) {
        return;
    }
    int64_t before = atomic_fetch_sub(&budget->parts, (int64_t)bytes);
    ASSERT(before >= (int64_t)bytes);
    wake(budget);
}

bool budget_offers_pass(const struct budget_seat *seat)
{
    return !seat->passed && seat->budget->parts >= seat->budget->parts_max;
}

void budget_take_pass(struct budget_seat *seat)
{
    ASSERT(!seat->passed);
    seat->passed = true;
}

void budget_return_pass(struct budget_seat *seat)
{
    ASSERT(seat->passed);
    seat->passed = false;
    if (!list_empty(&seat->unfinished)) {
        mailbox_post(&seat->loop->mailbox, (struct task){.fn = seat->feed, .arg = seat});
    }
}

bool budget_wait(struct budget_seat *seat, bool inside)
{
    struct net_budget *budget = seat->budget;
    pthread_mutex_lock(&budget->lock);
    budget->has_waiting = true;
    /* Looked at after has_waiting is set: a release in between either sees the flag or is seen
     * here. */
    bool waits = inside ? !budget_has_room_inside(budget) && !budget_offers_pass(seat)
                        : !budget_has_room(budget);
    if (waits && list_empty(&seat->waiting)) {
        list_add_tail(&budget->waiting, &seat->waiting);
    }
    pthread_mutex_unlock(&budget->lock);
    return waits;
}
