/* What net/ asks of the operating system, and nothing besides: clocks, waiting, sockets, names,
 * files to be sent, threads.
 *
 *   os.h       clocks, polls, watched descriptors, threads
 *   socket.h   sockets, addresses and names, files to be sent
 *
 * A folder of its own, so that a simulated system (sim/net) can take its place at link time.
 * Descriptors are numbers; what fails returns -1 and sets errno as the system calls do.
 *
 * Threading: a poll and its watches belong to one thread; what any thread may call says so. */
#ifndef NET_OS_OS_H
#define NET_OS_OS_H

#include "base/base.h"
#include "net/os/event_lib.h"
#include "net/os/socket.h"

struct os_poll;

typedef void os_fn(void *arg);

/* ---- polls ---- */

/* Where a loop waits. Never fails: without the descriptors for it the process ends with a message.
 * Makes the process ignore SIGPIPE.
 *
 * turn: does what there is to do without waiting; true: nothing is left until something happens.
 * It is for systems that call their loops; those that are called, by os_poll_wait(), do not need
 * it. */
struct os_poll *os_poll_new(bool (*turn)(void *arg), void *arg);

/* After its watches are stopped. */
void os_poll_free(struct os_poll *poll);

/* Calls the watches that are ready; with `wait`, waits first until one is, or the alarm is due, or
 * os_poll_wake() is called. It may return without any of these. */
void os_poll_wait(struct os_poll *poll, bool wait);

/* Any thread: ends the wait under way, or else the next one. */
void os_poll_wake(struct os_poll *poll);

/* Waiting ends at os_now_ms() >= due_ms; INT64_MAX: never. To be called before each wait. */
void os_poll_alarm(struct os_poll *poll, int64_t due_ms);

/* Calls fn(arg) from os_poll_wait() whenever the process gets `signo`. Only one poll of a process
 * may have signals. */
void os_poll_on_signal(struct os_poll *poll, int signo, os_fn *fn, void *arg);

/* ---- clocks ---- */

/* Milliseconds of a clock that never goes back. */
int64_t os_now_ms(const struct os_poll *poll);

/* Milliseconds since 1970. Any thread. */
int64_t os_wall_ms(const struct os_poll *poll);

/* ---- watched descriptors ---- */

enum os_ready {
    OS_READ,  /* there is something to read, a connection to accept, or an end */
    OS_WRITE, /* there is room, a connection is made, or it failed */
    OS_HANGUP /* the peer is gone, read or not */
};

/* Embedded in its owner; the fields belong to the system. A watch that was not stopped fires again
 * and again while it is ready. A descriptor has at most one watch for OS_WRITE and one for the
 * others; both are stopped before it is closed. */
struct os_watch {
    struct os_poll *poll;
    os_fn *fn;
    void *arg;
    int fd;
    enum os_ready ready;
    bool on;
    struct event event; /* libevent's */
};

void os_watch_init(struct os_watch *watch, struct os_poll *poll, os_fn *fn, void *arg);
void os_watch_start(struct os_watch *watch, int fd, enum os_ready ready);

/* A watch that is not on is left alone. */
void os_watch_stop(struct os_watch *watch);

/* ---- threads ---- */

/* Threads that run what may block. With one of them jobs keep their order. They start when first
 * needed. `name` is theirs (15 characters are kept). */
struct os_threads;
struct os_threads *os_threads_new(struct os_poll *poll, const char *name, int count);

/* Embedded in its owner, who may free it when `fn` is called. */
struct os_job {
    struct os_job *next;
    os_fn *fn;
    void *arg;
};

/* Any thread: runs job->fn(job->arg) on one of the threads. Returns 0, or the errno of a thread
 * that was refused by the system while others do the work. */
int os_threads_run(struct os_threads *threads, struct os_job *job);

/* Waits until all jobs are done. NULL is allowed. */
void os_threads_free(struct os_threads *threads);

#endif
