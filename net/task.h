/* Lists of tasks, and a mailbox of tasks that any thread can fill. Private to net/. */
#ifndef NET_TASK_H
#define NET_TASK_H

#include <pthread.h>

#include "net/loop.h"
#include "net/os/os.h"

struct task {
    net_fn *fn;
    void *arg;
    bool duty; /* net/'s own: it must run even when the loop is freed */
};

struct task_list {
    struct task *tasks;
    size_t len;
    size_t cap;
};

void task_list_add(struct task_list *list, struct task task);

/* Runs what `list` holds now in order; what the tasks add is left for the next time. `spare` is an
 * empty list whose memory is used in turn with the list's; meanwhile it holds what is being run.
 * True if something was run. */
bool task_list_run(struct task_list *list, struct task_list *spare);

/* Takes out the tasks that would call fn(arg). */
void task_list_forget(struct task_list *list, net_fn *fn, void *arg);

/* Runs the duties and drops the other tasks; false if there was none of either. */
bool task_list_run_duties(struct task_list *list);

void task_list_fini(struct task_list *list);

/* Tasks from any thread. The owner says when it goes to sleep, so that only a post to a sleeping
 * owner costs a system call. */
struct mailbox {
    pthread_mutex_t lock;
    struct task_list tasks; /* under `lock` */
    bool sleeping;          /* under `lock` */
    struct os_poll *poll;   /* woken when a sleeping owner gets a task */
    struct task_list taken; /* the owner's */
};

void mailbox_init(struct mailbox *box, struct os_poll *poll);

/* Tasks that have not run are dropped. */
void mailbox_fini(struct mailbox *box);

/* Any thread. */
void mailbox_post(struct mailbox *box, struct task task);

/* False if there are tasks; else whoever posts from now on wakes the owner. */
bool mailbox_sleep(struct mailbox *box);

/* Runs all tasks posted so far. */
void mailbox_run(struct mailbox *box);

/* Runs the duties and drops the other tasks. */
void mailbox_run_duties(struct mailbox *box);

#endif
