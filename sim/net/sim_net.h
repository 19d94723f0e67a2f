/* A simulated system for net/: machines, the network between them, and time.
 *
 * net/ asks the operating system through net/os/os.h alone. A program that links sim/net in place
 * of net/os runs any number of real nodes on one thread, in simulated time, and everything that
 * happens follows from one seed. Sockets are simulated at the level of TCP's byte streams: what the
 * real net/ encodes, buffers, times out and closes is not replaced by anything.
 *
 *     struct sim_net *net = sim_net_new(&(struct sim_net_options){.seed = seed});
 *     struct sim_host *host = sim_host_new(net, &(struct sim_host_options){.name = "c1"});
 *     sim_host_enter(host);                     what follows happens on that machine
 *     struct net_loop *loop = net_loop_new(NULL);
 *     … controller_server_new(… loop …), controller_server_start() …
 *     sim_host_leave();
 *     while (sim_net_now_us(net) < end_us && sim_net_step(net)) {
 *         … look at invariants …
 *     }
 *
 * A loop made on a host is turned by the world whenever it has something to do; it is never run by
 * net_loop_run(). (On a world that is not being stepped, net_loop_run() and net_loop_step() step it
 * themselves, so that what is written for a real loop runs unchanged.)
 *
 * Who the current host is, is the one global of this folder, one for each thread: net_loop_new()
 * and random numbers have no argument to find their world by. The world sets it around every
 * callback; the owner sets it around what it calls itself.
 *
 * Threading: a world belongs to one thread. Several worlds may run on threads of their own. */
#ifndef SIM_NET_SIM_NET_H
#define SIM_NET_SIM_NET_H

#include "base/err.h"
#include "base/log.h"
#include "base/prng.h"

struct sim_net;
struct sim_host;

/* ---- the world ---- */

/* Draws from `min_us` to `max_us`, all equally likely; `tail_ppm` times in a million from there to
 * `tail_us`. */
struct sim_delay {
    int64_t min_us;
    int64_t max_us;
    uint32_t tail_ppm;
    int64_t tail_us;
};

/* Up to `len` bytes at `pos` of a file. */
struct sim_read {
    int fd;
    int64_t pos;
    void *to;
    size_t len;
};

/* Where net/ reads the ranges of net_reply_files(): descriptors of the simulated file system.
 * `*got` is 0 at the end of the file. Errors break the connection. */
struct sim_files {
    enum err (*read)(void *arg, const struct sim_read *read, size_t *got);
    void *arg;
};

/* Zero means the default. */
struct sim_net_options {
    uint64_t seed;
    int64_t wall_ms; /* since 1970, when the world begins; default 2026-01-01 */
    struct sim_files files;
    /* One line an event, "<µs> <host> <what>", for people; may be NULL. The hash of the trace is
     * kept in any case (sim_net_hash()). */
    void (*trace)(void *arg, const char *line);
    void *trace_arg;
};

struct sim_net *sim_net_new(const struct sim_net_options *options);

/* After all loops of its hosts are freed. Frees the hosts. NULL is allowed. */
void sim_net_free(struct sim_net *net);

/* Microseconds since the beginning. During an event, with what sim_spend() has added to it. */
int64_t sim_net_now_us(const struct sim_net *net);

/* Goes to the next event and lets it happen: one turn of a loop, one segment, one job, one call of
 * sim_net_at(). False: nothing will ever happen. */
bool sim_net_step(struct sim_net *net);

/* The machine on which the last event happened; NULL: none, as of the network or of sim_net_at().
 */
const struct sim_host *sim_net_last(const struct sim_net *net);

/* Lets happen what happens until then, and makes it then. */
void sim_net_run_until(struct sim_net *net, int64_t until_us);

/* When the next event will be; INT64_MAX: never. */
int64_t sim_net_next_us(const struct sim_net *net);

/* Calls fn(arg) at a time (a past one counts as now), outside of every host. */
void sim_net_at(struct sim_net *net, int64_t at_us, void (*fn)(void *arg), void *arg);

/* A stream of random numbers of its own that depends on the seed and `purpose` only, so that what
 * one part of a simulation draws does not change what another draws. */
struct prng sim_net_prng(const struct sim_net *net, const char *purpose);

/* The same for the same seed and the same program, or something is not deterministic. */
uint64_t sim_net_hash(const struct sim_net *net);

/* Adds a line to the trace, and to the hash, at the current time and host. */
void sim_net_trace(struct sim_net *net, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Is somebody reading? So that costly lines need not be made for the hash alone. */
bool sim_net_traces(const struct sim_net *net);

/* Counts a fault that has struck, by its name (a literal). sim/net counts its own: when a cut link
 * drops a segment, not when it is cut. */
void sim_net_fault(struct sim_net *net, const char *name);

/* The table of faults in order of their first strike; false at its end. */
bool sim_net_fault_at(const struct sim_net *net, size_t at, const char **name, uint64_t *count);

struct sim_net_stats {
    uint64_t events;
    uint64_t turns; /* of loops */
    uint64_t connections;
    uint64_t segments;
    uint64_t bytes;
    uint64_t jobs; /* of work queues */
};

struct sim_net_stats sim_net_stats(const struct sim_net *net);

/* ---- machines ---- */

/* Zero means the default. */
struct sim_host_options {
    const char *name;      /* copied; resolves to its address */
    struct sim_delay work; /* how long a job of a work queue takes besides what it spends itself;
                              default 20–200 µs */
    int64_t wall_offset_ms;
    int32_t drift_ppm; /* how much faster its clocks run */
    int64_t turn_us;   /* what a turn of a loop costs, besides 1 µs: a slow processor */
    uint32_t cold_ppm; /* reads of files to be sent that must wait for the disk, in a million */
};

/* A machine that is up. Lives as long as the world. */
struct sim_host *sim_host_new(struct sim_net *net, const struct sim_host_options *options);

const char *sim_host_name(const struct sim_host *host);

/* From now on the caller's code runs on this machine, until sim_host_leave(); its loops are turned
 * after that. Not nested, and not inside of an event of another host. */
void sim_host_enter(struct sim_host *host);
void sim_host_leave(void);

/* NULL: the world itself. */
struct sim_host *sim_host_current(void);

/* The current event takes so much longer: its machine's loop, or the thread of the job, does
 * nothing else meanwhile, and its clock goes on. How a simulated disk takes its time. */
void sim_spend(int64_t us);

/* SIGSTOP: no loop turns and no job runs; the system goes on to fill its buffers and to accept. */
void sim_host_pause(struct sim_host *host);
void sim_host_resume(struct sim_host *host);

/* Moves the wall clock. */
void sim_host_jump_wall(struct sim_host *host, int64_t by_ms);

/* From now on; what has passed stays. */
void sim_host_set_drift(struct sim_host *host, int32_t ppm);
void sim_host_set_turn(struct sim_host *host, int64_t us);
void sim_host_set_work(struct sim_host *host, struct sim_delay work);

/* The handlers of net_signal() are called on its loops' next turn. */
void sim_host_signal(struct sim_host *host, int signo);

enum sim_crash {
    SIM_CRASH_KILL, /* kill -9: the system closes the sockets; dials are refused */
    SIM_CRASH_POWER /* power cut: silence; who waits for it must find out by itself */
};

/* The process is gone at once, even in the middle of an event: from now on nothing that its code
 * still does has an effect outside of its memory. Outside of its events the owner then frees what
 * ran there, within sim_host_enter(), and the loop as the last. */
void sim_host_crash(struct sim_host *host, enum sim_crash how);

/* A new process on it may begin. After its loops were freed. */
void sim_host_boot(struct sim_host *host);

/* Not crashed since it was booted. */
bool sim_host_is_up(const struct sim_host *host);

/* ---- the network ---- */

/* One direction between two machines, or within one (127.0.0.1). Settings may be changed at any
 * time and count for what arrives from then on; sim_link_default() has the values to return to.
 *
 * A segment that is lost is sent again after 200 ms, 400 ms, … 120 s, and what was written behind
 * it waits. After 15 times the connection ends with ETIMEDOUT at the sender. Acknowledgements need
 * the other direction: a one-way cut stops the one that works after ten segments. There is no
 * keep-alive: who waits in silence waits for ever. SYNs are sent
 * again after 1, 2, 4 … s. */
struct sim_link {
    struct sim_delay delay;     /* default 50–300 µs, 0.1 % up to 5 ms */
    uint32_t loss_ppm;          /* of segments and SYNs, besides a cut */
    int64_t bytes_per_second;   /* 0: no limit */
    int64_t clog_us;            /* so much longer now */
    int64_t clog_us_per_second; /* grows (< 0: shrinks) so fast, within 0 … clog_max_us */
    int64_t clog_max_us;
    bool cut;    /* nothing arrives */
    bool refuse; /* dials are refused as if nobody listened */
};

struct sim_link sim_link_default(void);

/* The link's settings, to be read and changed. */
struct sim_link *sim_net_link(struct sim_net *net, const struct sim_host *from,
                              const struct sim_host *to);

/* Resets all connections between the two, as a box in between may. */
void sim_net_reset(struct sim_net *net, const struct sim_host *a, const struct sim_host *b);

/* One connection between them, if there is any, carries nothing from now on, while others do. */
void sim_net_stall(struct sim_net *net, const struct sim_host *a, const struct sim_host *b);

/* A name besides the hosts' own; NULL: it is not known any more. */
void sim_net_set_name(struct sim_net *net, const char *name, const struct sim_host *host);

/* No name server answers this host: names do not resolve, addresses do. */
void sim_host_set_dns_down(struct sim_host *host, bool down);

/* So many connections are not accepted: the host has no descriptor left. Those that wait wait on.
 */
void sim_host_fail_accepts(struct sim_host *host, uint32_t times);

#endif
