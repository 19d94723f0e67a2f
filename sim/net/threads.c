/* Threads of work queues: each does one job after the other, at a simulated time. */
#include "base/mem.h"
#include "sim/net/world.h"

struct thread {
    struct os_threads *threads;
    struct sim_event event; /* its job is to be done, or it is free again */
    struct os_job *job;     /* NULL: none */
    bool busy;
    int number;
};

struct os_threads {
    struct sim_host *host;
    struct os_job *first;
    struct os_job **last;
    int count;
    struct thread *all;
};

static struct os_job *take_job(struct os_threads *threads)
{
    struct os_job *job = threads->first;
    if (job != NULL) {
        threads->first = job->next;
        if (threads->first == NULL) {
            threads->last = &threads->first;
        }
    }
    return job;
}

/* The free threads take jobs. */
static void hand_out(struct os_threads *threads)
{
    struct sim_host *host = threads->host;
    struct sim_net *net = host->net;
    for (int i = 0; i < threads->count && threads->first != NULL && host->up; i++) {
        struct thread *thread = &threads->all[i];
        if (!thread->busy) {
            thread->busy = true;
            thread->job = take_job(threads);
            sim_event_set(net, &thread->event,
                          sim_net_now_us(net) + sim_delay_draw(&net->prng, &host->work));
        }
    }
}

/* The job is done at the end of its time. What it takes itself comes on top of that: the thread is
 * free later. */
static void on_job(struct sim_event *event)
{
    struct thread *thread = container_of(event, struct thread, event);
    struct os_threads *threads = thread->threads;
    struct sim_net *net = threads->host->net;
    struct os_job *job = thread->job;
    thread->job = NULL;
    if (job != NULL) {
        sim_note(net, threads->host, SIM_NOTE_JOB, thread->number, 0);
        net->stats.jobs++;
        job->fn(job->arg);
        if (net->spent_us > 0) {
            sim_event_set(net, &thread->event, sim_net_now_us(net));
            return;
        }
    }
    thread->busy = false;
    hand_out(threads);
}

struct os_threads *os_threads_new(struct os_poll *poll, const char *name, int count)
{
    (void)poll;
    (void)name;
    ASSERT(count > 0);
    struct os_threads *threads = MEM_NEW(struct os_threads);
    threads->host = sim_here();
    threads->last = &threads->first;
    threads->count = count;
    threads->all = mem_zalloc((size_t)count, sizeof(struct thread));
    for (int i = 0; i < count; i++) {
        struct thread *thread = &threads->all[i];
        thread->threads = threads;
        thread->number = i;
        sim_event_init(&thread->event, threads->host, on_job);
    }
    return threads;
}

int os_threads_run(struct os_threads *threads, struct os_job *job)
{
    job->next = NULL;
    *threads->last = job;
    threads->last = &job->next;
    hand_out(threads);
    return 0;
}

void os_threads_free(struct os_threads *threads)
{
    if (threads == NULL) {
        return;
    }
    /* Who frees them waits for them. */
    for (int i = 0; i < threads->count; i++) {
        struct thread *thread = &threads->all[i];
        sim_event_stop(threads->host->net, &thread->event);
        if (thread->job != NULL) {
            thread->job->fn(thread->job->arg);
        }
    }
    struct os_job *job;
    while ((job = take_job(threads)) != NULL) {
        job->fn(job->arg);
    }
    mem_free(threads->all);
    mem_free(threads);
}
