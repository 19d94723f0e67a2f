/* What a loop is made of. Private to net/. */
#ifndef NET_LOOP_STRUCT_H
#define NET_LOOP_STRUCT_H

#include <stdatomic.h>

#include "net/budget.h"
#include "net/frame.h"
#include "net/os/os.h"
#include "net/task.h"

enum {
    SCRATCH_IN_BYTES = 128 << 10,  /* one read from a socket */
    SCRATCH_OUT_BYTES = 256 << 10, /* file bytes on their way to a socket */
    OUT_IOV_MAX = 128              /* pieces of one write */
};

struct net_loop {
    struct os_poll *poll;
    const struct log *log;
    struct net_loop_options options; /* defaults filled in */

    int64_t now_ms;
    bool now_known; /* false: the clock must be read */
    atomic_bool stopped;
    bool freeing;

    struct mailbox mailbox;
    struct task_list deferred;
    struct task_list deferred_spare;

    struct heap timers;

    struct net_work_queue *work;       /* NULL until used */
    pthread_mutex_t work_lock;         /* protects the pointer: net_work() is for any thread */
    struct net_work_queue *warm_queue; /* NULL until a file is cold */
    struct list signals;

    struct list streams;   /* all open ones */
    struct list lingering; /* closed ones that their owners still hold */
    struct list service;   /* streams with output or held input, at the end of the iteration */
    struct list seats;     /* budget_seat */
    struct frame_pool pool;
    struct frame_buf *scratch_in; /* NULL: taken from the pool when needed */
    uint8_t *scratch_out;         /* NULL until used */
};

/* At the beginning of a callback from the poll: time has passed. */
static inline void loop_entered(struct net_loop *loop)
{
    loop->now_known = false;
}

/* A deferred task that runs even when the loop is freed. */
static inline void loop_defer_duty(struct net_loop *loop, net_fn *fn, void *arg)
{
    task_list_add(&loop->deferred, (struct task){.fn = fn, .arg = arg, .duty = true});
}

/* A posted task that runs even when the loop is freed. Any thread. */
static inline void loop_post_duty(struct net_loop *loop, net_fn *fn, void *arg)
{
    mailbox_post(&loop->mailbox, (struct task){.fn = fn, .arg = arg, .duty = true});
}

/* Like net_work() and net_work_on(), with a `done` that runs even when the loop is freed. */
void loop_work_duty(struct net_loop *loop, net_fn *work, net_fn *done, void *arg);
void work_on_duty(struct net_work_queue *queue, net_fn *work, net_fn *done, void *arg);

/* Like net_work_queue_free() for a queue of the loop's own, when the loop is freed: what is no duty
 * is dropped, duties run with the mailbox's. */
void work_queue_end(struct net_work_queue *queue);

/* The loop's seat at a budget. */
struct budget_seat *loop_seat(struct net_loop *loop, struct net_budget *budget);

#endif
