/* Threads that share one queue of jobs. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/mem.h"
#include "net/os/os.h"

enum { THREAD_NAME_MAX = 16 };

struct os_threads {
    char name[THREAD_NAME_MAX];
    int threads_max;
    pthread_t *threads;

    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t wake;
    struct os_job *first;
    struct os_job **last;
    int started;
    int idle;
    size_t queued;
    bool closing;
};

struct os_threads *os_threads_new(struct os_poll *poll, const char *name, int count)
{
    (void)poll; /* a simulated machine runs the jobs itself */
    ASSERT(count > 0);
    struct os_threads *threads = MEM_NEW(struct os_threads);
    snprintf(threads->name, sizeof threads->name, "%s", name);
    threads->threads_max = count;
    threads->threads = mem_zalloc((size_t)count, sizeof(pthread_t));
    threads->last = &threads->first;
    pthread_mutex_init(&threads->lock, NULL);
    pthread_cond_init(&threads->wake, NULL);
    return threads;
}

static struct os_job *next_job(struct os_threads *threads)
{
    struct os_job *job = threads->first;
    if (job != NULL) {
        threads->first = job->next;
        threads->queued--;
        if (threads->first == NULL) {
            threads->last = &threads->first;
        }
    }
    return job;
}

static void *run_thread(void *arg)
{
    struct os_threads *threads = arg;
    pthread_mutex_lock(&threads->lock);
    for (;;) {
        struct os_job *job = next_job(threads);
        if (job != NULL) {
            pthread_mutex_unlock(&threads->lock);
            job->fn(job->arg);
            pthread_mutex_lock(&threads->lock);
        } else if (threads->closing) {
            break;
        } else {
            threads->idle++;
            pthread_cond_wait(&threads->wake, &threads->lock);
            threads->idle--;
        }
    }
    pthread_mutex_unlock(&threads->lock);
    return NULL;
}

/* Under the lock. Signals are for the thread that runs the loop. */
static int start_thread(struct os_threads *threads)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t *thread = &threads->threads[threads->started];
    int error = pthread_create(thread, NULL, run_thread, threads);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0) {
        pthread_setname_np(*thread, threads->name);
        threads->started++;
    }
    /* Without a single thread the work would never be done. */
    ASSERT(threads->started > 0);
    return error;
}

int os_threads_run(struct os_threads *threads, struct os_job *job)
{
    int error = 0;
    job->next = NULL;
    pthread_mutex_lock(&threads->lock);
    ASSERT(!threads->closing);
    *threads->last = job;
    threads->last = &job->next;
    threads->queued++;
    bool starts =
        threads->queued > (size_t)threads->idle && threads->started < threads->threads_max;
    if (starts) {
        error = start_thread(threads);
    }
    pthread_mutex_unlock(&threads->lock);
    if (!starts) {
        pthread_cond_signal(&threads->wake); /* who wakes finds the lock free */
    }
    return error;
}

void os_threads_free(struct os_threads *threads)
{
    if (threads == NULL) {
        return;
    }
    pthread_mutex_lock(&threads->lock);
    threads->closing = true;
    pthread_cond_broadcast(&threads->wake);
    pthread_mutex_unlock(&threads->lock);
    for (int i = 0; i < threads->started; i++) {
        pthread_join(threads->threads[i], NULL);
    }
    pthread_mutex_destroy(&threads->lock);
    pthread_cond_destroy(&threads->wake);
    mem_free(threads->threads);
    mem_free(threads);
}
