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

struct net_work_queue {
    struct net_loop *loop;
    char name[QUEUE_NAME_MAX];
    struct os_threads *threads; /* NULL: the loop runs the jobs */
    struct net_timer turn;      /* then */
    struct os_job *first;
    struct os_job **last;
};

static void run_inline(void *arg);

struct net_work_queue *net_work_queue_new(struct net_loop *loop, const char *name, int threads)
{
    ASSERT(threads > 0);
    struct net_work_queue *queue = MEM_NEW(struct net_work_queue);
    queue->loop = loop;
    snprintf(queue->name, sizeof queue->name, "%s", name);
    queue->last = &queue->first;
    net_timer_init(&queue->turn, loop, run_inline, queue);
    if (!loop->options.work_inline) {
        queue->threads = os_threads_new(loop->poll, name, threads);
    }
    return queue;
}

static void run_job(void *arg)
{
    struct job *job = arg;
    job->work(job->arg);
    if (job->done != NULL) {
        mailbox_post(&job->queue->loop->mailbox,
                     (struct task){.fn = job->done, .arg = job->arg, .duty = job->duty});
    }
    mem_free(job);
}

/* In place of threads: the loop's timer runs the jobs at the end of the iteration. */
static void run_inline(void *arg)
{
    struct net_work_queue *queue = arg;
    while (queue->first != NULL) {
        struct os_job *job = queue->first;
        queue->first = job->next;
        if (queue->first == NULL) {
            queue->last = &queue->first;
        }
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
        *queue->last = &copy->os;
        queue->last = &copy->os.next;
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

void net_work_queue_free(struct net_work_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    os_threads_free(queue->threads);
    net_timer_stop(&queue->turn);
    run_inline(queue);
    mem_free(queue);
}
