/* What a simulated world is made of. Private to sim/net/. */
#ifndef SIM_NET_WORLD_H
#define SIM_NET_WORLD_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "net/os/os.h"
#include "sim/net/sim_net.h"

/* ---- events ---- */

/* Something that will happen. Embedded in its owner. */
struct sim_event {
    struct heap_item item; /* the key is when, in µs */
    void (*fn)(struct sim_event *event);
    struct sim_host *host; /* whose process it is a matter of: not while that is stopped, never when
                              it is gone; NULL: of the network */
    struct list held;      /* in host->held */
};

void sim_event_init(struct sim_event *event, struct sim_host *host,
                    void (*fn)(struct sim_event *event));

/* At a time; a past one counts as now. An event that is set is moved. */
void sim_event_set(struct sim_net *net, struct sim_event *event, int64_t at_us);
void sim_event_stop(struct sim_net *net, struct sim_event *event);

static inline bool sim_event_is_set(const struct sim_event *event)
{
    return heap_has(&event->item) || event->held.next != &event->held;
}

/* ---- the trace ---- */

/* X(name, text of its two numbers) */
#define SIM_NOTES(X) \
    X(TURN, "turn of loop %" PRId64 "") \
    X(JOB, "job of thread %" PRId64 "") \
    X(CALL, "call") \
    X(BOOT, "boot") \
    X(KILLED, "killed") \
    X(POWER_CUT, "power cut") \
    X(PAUSED, "paused") \
    X(RESUMED, "resumed") \
    X(WALL, "wall clock moved by %" PRId64 " ms") \
    X(DRIFT, "drift %" PRId64 " ppm") \
    X(SIGNAL, "signal %" PRId64 "") \
    X(LISTENS, "listens on port %" PRId64 "") \
    X(DIALS, "connection %" PRId64 " dials port %" PRId64 "") \
    X(REFUSED, "connection %" PRId64 " is refused") \
    X(RETRIES, "connection %" PRId64 " dials again, time %" PRId64 "") \
    X(CONNECTED, "connection %" PRId64 " is made") \
    X(SEGMENT, "connection %" PRId64 " brings %" PRId64 " bytes") \
    X(LOST, "connection %" PRId64 " loses a segment, time %" PRId64 "") \
    X(END, "connection %" PRId64 " brings the end") \
    X(RESET, "connection %" PRId64 " is reset") \
    X(GIVEN_UP, "connection %" PRId64 " is given up") \
    X(STALLED, "connection %" PRId64 " carries nothing any more")

enum sim_note {
#define SIM_NOTE_ENUM(name, text) SIM_NOTE_##name,
    SIM_NOTES(SIM_NOTE_ENUM)
#undef SIM_NOTE_ENUM
};

void sim_note(struct sim_net *net, const struct sim_host *host, enum sim_note note, int64_t a,
              int64_t b);

/* Into the hash alone. */
void sim_hash(struct sim_net *net, uint64_t value);

/* ---- the world ---- */

struct sim_fault_count {
    struct list link;
    const char *name;
    uint64_t count;
};

struct sim_link_state {
    struct sim_link link;
    int64_t clog_at_us; /* when link.clog_us was so */
    int64_t free_us;    /* all that was sent before is on its way */
};

/* A name that is no host's own. */
struct sim_name {
    struct list link;
    char *name;
    const struct sim_host *host; /* NULL: not known any more */
};

struct sim_net {
    struct sim_net_options options;
    int64_t now_us;   /* of the event under way */
    int64_t spent_us; /* by it */
    bool in_event;
    struct sim_host *last; /* whose event was the last */
    struct heap queue;
    struct prng prng; /* of the network */
    uint64_t hash;
    struct list faults; /* sim_fault_count */
    struct sim_net_stats stats;

    struct sim_host **hosts;
    struct sim_link_state *links; /* [from * host_cap + to] */
    int host_count;
    int host_cap;
    struct list names;
    struct list calls; /* of sim_net_at() */

    struct socket_slot *slots; /* by the low bits of descriptors */
    int slot_count;
    int slot_cap;
    int free_first; /* -1: none; the one that is free for the longest time */
    int free_last;
    struct list conns;
    int64_t next_conn_id;
};

/* ---- hosts ---- */

struct sim_host {
    struct sim_net *net;
    int index;
    char *name;
    char address[24];
    struct prng prng; /* of its processes */
    bool up;          /* the process */
    bool powered;
    bool paused;
    bool dns_down;
    uint32_t accepts_fail; /* so many more */
    int64_t turn_us;
    struct sim_delay work;
    uint32_t cold_ppm;

    /* Its clock shows `clock_us` when the world's shows `clock_at_us`. */
    int64_t clock_us;
    int64_t clock_at_us;
    int32_t drift_ppm;
    int64_t booted_us; /* of its own clock: where the monotonic one began */
    int64_t wall_offset_us;
    int64_t busy_until_us; /* its processor, of the world's clock */

    struct list polls;
    struct list sockets; /* of the process */
    struct list held;    /* events that wait for the end of a pause */
    int next_port;
};

/* The monotonic clock. */
int64_t sim_host_now_us(const struct sim_host *host);

/* Whole milliseconds since 1970. */
int64_t sim_host_wall_ms(const struct sim_host *host);

enum { SIM_PORT_FIRST = 32768 };

/* A port that nobody of it listens on. */
int sim_host_next_port(struct sim_host *host);

/* When the monotonic clock will show `due_us`. */
int64_t sim_host_when_us(const struct sim_host *host, int64_t due_us);

/* The current host, which there must be. */
struct sim_host *sim_here(void);

/* Sets the current host (NULL: none); returns the one before. */
struct sim_host *sim_set_current(struct sim_host *host);

/* By address; NULL: nobody has it. 127.0.0.1 and the wildcard are the asking host's own. */
struct sim_host *sim_host_of(const struct sim_host *asks, const struct address *address);

/* Of its polls: a reason to turn has come, or times have changed. */
void sim_polls_kick(struct sim_host *host);

/* `socket` may have become ready. */
struct socket;
void sim_poll_notify(struct socket *socket);

void sim_polls_signal(struct sim_host *host, int signo);

/* ---- the network ---- */

int64_t sim_delay_draw(struct prng *prng, const struct sim_delay *delay);

/* Within one machine. */
struct sim_link sim_link_loopback(void);

struct sim_link_state *sim_link_between(struct sim_net *net, const struct sim_host *from,
                                        const struct sim_host *to);

/* When `bytes` that are sent now arrive. */
int64_t sim_link_arrival_us(struct sim_net *net, struct sim_link_state *link, size_t bytes);

/* Does what arrives now on this link arrive? Counts the fault if not. */
bool sim_link_passes(struct sim_net *net, const struct sim_link_state *link);

/* The system closes what the process has open, or all is gone. */
void sim_sockets_end(struct sim_host *host, enum sim_crash how);

/* For sim_net_free(). */
void sim_sockets_fini(struct sim_net *net);

#endif
