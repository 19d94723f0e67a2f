/* Task lists and the mailbox. */
#include "net/task.h"

#include "base/mem.h"

enum {
    TASKS_MIN = 16,
    TASKS_KEPT = 1024 /* a list that once was longer gives its memory back */
};

void task_list_add(struct task_list *list, struct task task)
{
    if (list->len == list->cap) {
        list->cap = max_size(TASKS_MIN, list->cap * 2);
        list->tasks = mem_realloc(list->tasks, list->cap * sizeof(struct task));
    }
    list->tasks[list->len++] = task;
}

void task_list_fini(struct task_list *list)
{
    mem_free(list->tasks);
    *list = (struct task_list){0};
}

static void run_all(struct task_list *list)
{
    for (size_t i = 0; i < list->len; i++) {
        list->tasks[i].fn(list->tasks[i].arg);
    }
    list->len = 0;
    if (list->cap > TASKS_KEPT) {
        task_list_fini(list);
    }
}

bool task_list_run(struct task_list *list, struct task_list *spare)
{
    ASSERT(spare->len == 0);
    if (list->len == 0) {
        return false;
    }
    struct task_list now = *list;
    *list = *spare;
    *spare = now;
    run_all(spare);
    return true;
}

static void nothing(void *arg)
{
    (void)arg;
}

void task_list_forget(struct task_list *list, net_fn *fn, void *arg)
{
    for (size_t i = 0; i < list->len; i++) {
        if (list->tasks[i].fn == fn && list->tasks[i].arg == arg) {
            list->tasks[i].fn = nothing;
        }
    }
}

bool task_list_run_duties(struct task_list *list)
{
    struct task_list now = *list;
    *list = (struct task_list){0};
    for (size_t i = 0; i < now.len; i++) {
        if (now.tasks[i].duty) {
            now.tasks[i].fn(now.tasks[i].arg);
        }
    }
    bool any = now.len > 0;
    task_list_fini(&now);
    return any;
}

void mailbox_init(struct mailbox *box, struct os_poll *poll)
{
    *box = (struct mailbox){.poll = poll};
    pthread_mutex_init(&box->lock, NULL);
}

void mailbox_fini(struct mailbox *box)
{
    pthread_mutex_destroy(&box->lock);
    task_list_fini(&box->tasks);
    task_list_fini(&box->taken);
}

void mailbox_post(struct mailbox *box, struct task task)
{
    pthread_mutex_lock(&box->lock);
    task_list_add(&box->tasks, task);
    if (box->sleeping) {
        box->sleeping = false;
        /* Inside the lock, as the owner may free the mailbox once it has run the task. */
        os_poll_wake(box->poll);
    }
    pthread_mutex_unlock(&box->lock);
}

bool mailbox_sleep(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    box->sleeping = box->tasks.len == 0;
    bool sleeping = box->sleeping;
    pthread_mutex_unlock(&box->lock);
    return sleeping;
}

static struct task_list take_all(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    box->sleeping = false;
    struct task_list now = box->tasks;
    box->tasks = box->taken;
    box->taken = (struct task_list){0};
    pthread_mutex_unlock(&box->lock);
    return now;
}

void mailbox_run(struct mailbox *box)
{
    struct task_list now = take_all(box);
    run_all(&now);
    box->taken = now;
}

void mailbox_run_duties(struct mailbox *box)
{
    struct task_list now = take_all(box);
    task_list_run_duties(&now);
}
