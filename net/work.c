/* Work queues: threads that run what may block, with completions posted to the loop. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/mem.h"
#include "net/loop_struct.h"

enum { THREAD_NAME_MAX = 16 };

struct job {
    struct job *next;
    net_fn *work;
    net_fn *done;
    void *arg;
    bool duty; /* `done` runs even when the loop is freed */
};

struct net_work_queue {
    struct net_loop *loop;
    struct net_timer turn; /* runs the jobs on a loop without threads */
    char name[THREAD_NAME_MAX];
    int threads_max;
    pthread_t *threads;

    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t wake;
    struct job *first;
    struct job **last;
    int started;
    int idle;
    size_t queued;
    bool closing;
};

static void run_inline(void *arg);

struct net_work_queue *net_work_queue_new(struct net_loop *loop, const char *name, int threads)
{
    ASSERT(threads > 0);
    struct net_work_queue *queue = MEM_NEW(struct net_work_queue);
    queue->loop = loop;
    net_timer_init(&queue->turn, loop, run_inline, queue);
    snprintf(queue->name, sizeof queue->name, "%s", name);
    queue->threads_max = threads;
    queue->threads = mem_zalloc((size_t)threads, sizeof(pthread_t));
    queue->last = &queue->first;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->wake, NULL);
    return queue;
}

static struct job *next_job(struct net_work_queue *queue)
{
    struct job *job = queue->first;
    if (job != NULL) {
        queue->first = job->next;
        queue->queued--;
        if (queue->first == NULL) {
            queue->last = &queue->first;
        }
    }
    return job;
}

static void run_job(struct net_work_queue *queue, struct job *job)
{
    job->work(job->arg);
    if (job->done != NULL) {
        mailbox_post(&queue->loop->mailbox,
                     (struct task){.fn = job->done, .arg = job->arg, .duty = job->duty});
    }
    mem_free(job);
}

static void *run_thread(void *arg)
{
    struct net_work_queue *queue = arg;
    pthread_mutex_lock(&queue->lock);
    for (;;) {
        struct job *job = next_job(queue);
        if (job != NULL) {
            pthread_mutex_unlock(&queue->lock);
            run_job(queue, job);
            pthread_mutex_lock(&queue->lock);
        } else if (queue->closing) {
            break;
        } else {
            queue->idle++;
            pthread_cond_wait(&queue->wake, &queue->lock);
            queue->idle--;
        }
    }
    pthread_mutex_unlock(&queue->lock);
    return NULL;
}

/* Under the lock. Signals are for the thread that runs the loop. */
static void start_thread(struct net_work_queue *queue)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t *thread = &queue->threads[queue->started];
    int rc = pthread_create(thread, NULL, run_thread, queue);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        pthread_setname_np(*thread, queue->name);
        queue->started++;
    } else {
        log_error(queue->loop->log, "net", "thread refused", "queue=%s reason=\"%s\"", queue->name,
                  strerror(rc));
        /* Without a single thread the work would never be done. */
        ASSERT(queue->started > 0);
    }
}

/* In place of threads: the loop's timer runs the jobs at the end of the iteration. */
static void run_inline(void *arg)
{
    struct net_work_queue *queue = arg;
    struct job *job;
    while ((job = next_job(queue)) != NULL) {
        run_job(queue, job);
    }
}

static void queue_job(struct net_work_queue *queue, struct job job)
{
    struct job *copy = mem_alloc(sizeof *copy);
    *copy = job;
    pthread_mutex_lock(&queue->lock);
    ASSERT(!queue->closing);
    *queue->last = copy;
    queue->last = &copy->next;
    queue->queued++;
    if (queue->loop->options.work_inline) {
        net_timer_set(&queue->turn, 0);
    } else if (queue->queued > (size_t)queue->idle && queue->started < queue->threads_max) {
        start_thread(queue);
    } else {
        pthread_cond_signal(&queue->wake);
    }
    pthread_mutex_unlock(&queue->lock);
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
    pthread_mutex_lock(&queue->lock);
    queue->closing = true;
    pthread_cond_broadcast(&queue->wake);
    pthread_mutex_unlock(&queue->lock);
    for (int i = 0; i < queue->started; i++) {
        pthread_join(queue->threads[i], NULL);
    }
    net_timer_stop(&queue->turn);
    run_inline(queue);
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->wake);
    mem_free(queue->threads);
    mem_free(queue);
}
