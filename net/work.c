/* Work queues: jobs on threads of the system, with completions posted to the loop. */
#include <stdio.h>

#include "base/mem.h"
#include "net/loop_struct.h"

enum { QUEUE_NAME_MAX = 16 };

struct job {
    struct os_job os;
    struct net_work_queue *queue;
    net_fn *work;
    net_fn *done;
    void *arg;
    bool duty; /* `done` runs even when the loop is freed */
};

struct job_list {
    struct os_job *first;
    struct os_job **last;
};

struct net_work_queue {
    struct net_loop *loop;
    char name[QUEUE_NAME_MAX];
    struct os_threads *threads; /* NULL: the loop runs the jobs */
    struct net_timer turn;      /* then */
    struct job_list inlined;
    bool ended;      /* its owner has freed it: it stays until nothing refers to it */
    bool drops;      /* then: completions that are no duties are dropped */
    bool delivering; /* deliver() is on the stack */

    pthread_mutex_t lock; /* for the threads; protects what follows */
    struct job_list done; /* jobs that are done, and their completions have not run */
    bool posted;          /* deliver() comes */
};

static void run_inline(void *arg);

static void list_start(struct job_list *list)
{
    *list = (struct job_list){.last = &list->first};
}

static void list_put(struct job_list *list, struct os_job *job)
{
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
}

static struct os_job *list_take(struct job_list *list)
{
    struct os_job *job = list->first;
    if (job != NULL) {
        list->first = job->next;
        if (list->first == NULL) {
            list->last = &list->first;
        }
    }
    return job;
}

struct net_work_queue *net_work_queue_new(struct net_loop *loop, const char *name, int threads)
{
    ASSERT(threads > 0);
    struct net_work_queue *queue = MEM_NEW(struct net_work_queue);
    queue->loop = loop;
    snprintf(queue->name, sizeof queue->name, "%s", name);
    list_start(&queue->inlined);
    list_start(&queue->done);
    pthread_mutex_init(&queue->lock, NULL);
    net_timer_init(&queue->turn, loop, run_inline, queue);
    if (!loop->options.work_inline) {
        queue->threads = os_threads_new(loop->poll, name, threads);
    }
    return queue;
}

/* ---- completions ---- */

static struct job *take_done(struct net_work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    struct os_job *job = list_take(&queue->done);
    pthread_mutex_unlock(&queue->lock);
    return job == NULL ? NULL : container_of(job, struct job, os);
}

static void complete(struct net_work_queue *queue)
{
    for (struct job *job = take_done(queue); job != NULL; job = take_done(queue)) {
        struct job now = *job;
        mem_free(job);
        if (now.duty || !queue->drops) {
            now.done(now.arg);
        }
    }
}

static void maybe_free(struct net_work_queue *queue)
{
    if (queue->ended && !queue->posted && !queue->delivering) {
        ASSERT(queue->done.first == NULL);
        pthread_mutex_destroy(&queue->lock);
        mem_free(queue);
    }
}

/* On the loop. A completion may free the queue. */
static void deliver(void *arg)
{
    struct net_work_queue *queue = arg;
    pthread_mutex_lock(&queue->lock);
    queue->posted = false;
    pthread_mutex_unlock(&queue->lock);
    queue->delivering = true;
    complete(queue);
    queue->delivering = false;
    maybe_free(queue);
}

/* On a thread. */
static void run_job(void *arg)
{
    struct job *job = arg;
    struct net_work_queue *queue = job->queue;
    job->work(job->arg);
    if (job->done == NULL) {
        mem_free(job);
        return;
    }
    pthread_mutex_lock(&queue->lock);
    list_put(&queue->done, &job->os);
    if (!queue->posted) {
        queue->posted = true;
        loop_post_duty(queue->loop, deliver, queue);
    }
    pthread_mutex_unlock(&queue->lock);
}

/* ---- jobs ---- */

/* In place of threads: the loop's timer runs the jobs at the end of the iteration. */
static void run_inline(void *arg)
{
    struct net_work_queue *queue = arg;
    for (struct os_job *job = list_take(&queue->inlined); job != NULL;
         job = list_take(&queue->inlined)) {
        job->fn(job->arg);
    }
}

static void queue_job(struct net_work_queue *queue, struct job job)
{
    struct job *copy = mem_alloc(sizeof *copy);
    *copy = job;
    copy->queue = queue;
    copy->os = (struct os_job){.fn = run_job, .arg = copy};
    if (queue->threads == NULL) {
        list_put(&queue->inlined, &copy->os);
        net_timer_set(&queue->turn, 0);
        return;
    }
    int error = os_threads_run(queue->threads, &copy->os);
    if (error != 0) {
        log_error(queue->loop->log, "net", "thread refused", "queue=%s reason=\"%s\"", queue->name,
                  strerror(error));
    }
}

void net_work_on(struct net_work_queue *queue, net_fn *work, net_fn *done, void *arg)
{
    queue_job(queue, (struct job){.work = work, .done = done, .arg = arg});
}

/* The default queue, made when first needed. */
static struct net_work_queue *default_queue(struct net_loop *loop)
{
    pthread_mutex_lock(&loop->work_lock);
    if (loop->work == NULL) {
        loop->work = net_work_queue_new(loop, "work", loop->options.work_threads);
    }
    struct net_work_queue *queue = loop->work;
    pthread_mutex_unlock(&loop->work_lock);
    return queue;
}

void net_work(struct net_loop *loop, net_fn *work, net_fn *done, void *arg)
{
    net_work_on(default_queue(loop), work, done, arg);
}

void work_on_duty(struct net_work_queue *queue, net_fn *work, net_fn *done, void *arg)
{
    queue_job(queue, (struct job){.work = work, .done = done, .arg = arg, .duty = true});
}

void loop_work_duty(struct net_loop *loop, net_fn *work, net_fn *done, void *arg)
{
    work_on_duty(default_queue(loop), work, done, arg);
}

/* ---- the end ---- */

static void finish_work(struct net_work_queue *queue)
{
    os_threads_free(queue->threads);
    queue->threads = NULL;
    run_inline(queue);
}

void net_work_queue_free(struct net_work_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    finish_work(queue);
    while (queue->done.first != NULL) {
        complete(queue);
        run_inline(queue); /* what completions queued */
    }
    net_timer_stop(&queue->turn);
    queue->ended = true;
    maybe_free(queue);
}

void work_queue_end(struct net_work_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    finish_work(queue);
    net_timer_stop(&queue->turn);
    queue->drops = true;
    queue->ended = true;
    maybe_free(queue);
}
