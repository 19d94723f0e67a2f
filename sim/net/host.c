/* Machines: whose code runs, their clocks, and how their processes end. */
#include <stdio.h>

#include "base/mem.h"
#include "base/system.h"
#include "sim/net/world.h"

enum {
    HOSTS_OF_A_NET = 250, /* 10.0.0.1 … 10.0.0.250, 10.0.1.1 … */
    UPTIME_MAX_S = 1000 * 1000,
    MILLION = 1000 * 1000
};

static const struct sim_delay usual_work = {.min_us = 20, .max_us = 200};

/* The one global: see sim_net.h. */
static _Thread_local struct sim_host *current;

struct sim_host *sim_host_current(void)
{
    return current;
}

struct sim_host *sim_here(void)
{
    ASSERT(current != NULL);
    return current;
}

struct sim_host *sim_set_current(struct sim_host *host)
{
    struct sim_host *before = current;
    current = host;
    return before;
}

void sim_host_enter(struct sim_host *host)
{
    struct sim_net *net = host->net;
    ASSERT(current == NULL);
    current = host;
    /* It begins when the processor is free. */
    net->spent_us = max_i64(0, host->busy_until_us - net->now_us);
}

void sim_host_leave(void)
{
    struct sim_host *host = sim_here();
    struct sim_net *net = host->net;
    host->busy_until_us = max_i64(host->busy_until_us, sim_net_now_us(net));
    net->spent_us = 0;
    current = NULL;
    sim_polls_kick(host);
}

/* ---- clocks ---- */

static int64_t clock_us(const struct sim_host *host)
{
    int64_t passed_us = sim_net_now_us(host->net) - host->clock_at_us;
    return host->clock_us + passed_us + passed_us / MILLION * host->drift_ppm +
           passed_us % MILLION * host->drift_ppm / MILLION;
}

int64_t sim_host_now_us(const struct sim_host *host)
{
    return clock_us(host) - host->booted_us;
}

int64_t sim_host_when_us(const struct sim_host *host, int64_t due_us)
{
    if (due_us > INT64_MAX / (2 * MILLION)) {
        return INT64_MAX;
    }
    int64_t left_us = due_us + host->booted_us - host->clock_us;
    int64_t passed_us = left_us * MILLION / (MILLION + host->drift_ppm);
    /* Rounding must not make it early. */
    int64_t shown_us = passed_us + passed_us / MILLION * host->drift_ppm +
                       passed_us % MILLION * host->drift_ppm / MILLION;
    return host->clock_at_us + passed_us + max_i64(0, left_us - shown_us);
}

int64_t sim_host_wall_ms(const struct sim_host *host)
{
    return host->net->options.wall_ms + (clock_us(host) + host->wall_offset_us) / 1000;
}

void sim_host_set_drift(struct sim_host *host, int32_t ppm)
{
    ASSERT(ppm > -MILLION);
    host->clock_us = clock_us(host);
    host->clock_at_us = sim_net_now_us(host->net);
    host->drift_ppm = ppm;
    sim_note(host->net, host, SIM_NOTE_DRIFT, ppm, 0);
    if (ppm != 0) {
        sim_net_fault(host->net, "clock drift");
    }
    sim_polls_kick(host);
}

void sim_host_jump_wall(struct sim_host *host, int64_t by_ms)
{
    host->wall_offset_us += by_ms * 1000;
    sim_note(host->net, host, SIM_NOTE_WALL, by_ms, 0);
    sim_net_fault(host->net, "clock jump");
}

/* ---- what base/ asks the system ---- */

void system_random(void *out, size_t len)
{
    struct prng *prng = &sim_here()->prng;
    for (size_t done = 0; done < len;) {
        uint64_t bits = prng_next(prng);
        size_t n = min_size(sizeof bits, len - done);
        memcpy((char *)out + done, &bits, n);
        done += n;
    }
}

int64_t system_wall_ms(void)
{
    return sim_host_wall_ms(sim_here());
}

int system_process_id(void)
{
    return 1000 + sim_here()->index;
}

/* ---- life ---- */

static void grow(struct sim_net *net)
{
    int cap = net->host_cap == 0 ? 8 : net->host_cap * 2;
    struct sim_link_state *links =
        mem_zalloc((size_t)cap * (size_t)cap, sizeof(struct sim_link_state));
    for (int from = 0; from < cap; from++) {
        for (int to = 0; to < cap; to++) {
            bool known = from < net->host_count && to < net->host_count;
            links[from * cap + to] =
                known ? net->links[from * net->host_cap + to]
                      : (struct sim_link_state){.link = from == to ? sim_link_loopback()
                                                                   : sim_link_default()};
        }
    }
    mem_free(net->links);
    net->links = links;
    net->hosts = mem_realloc(net->hosts, (size_t)cap * sizeof(struct sim_host *));
    net->host_cap = cap;
}

/* A machine has been up for some time. */
static void start_clock(struct sim_host *host)
{
    host->booted_us =
        clock_us(host) - (int64_t)prng_below(&host->prng, UPTIME_MAX_S) * MILLION - MILLION;
}

struct sim_host *sim_host_new(struct sim_net *net, const struct sim_host_options *options)
{
    if (net->host_count == net->host_cap) {
        grow(net);
    }
    struct sim_host *host = MEM_NEW(struct sim_host);
    host->net = net;
    host->index = net->host_count;
    net->hosts[net->host_count++] = host;
    host->name = mem_strdup(options->name);
    snprintf(host->address, sizeof host->address, "10.0.%d.%d", host->index / HOSTS_OF_A_NET,
             host->index % HOSTS_OF_A_NET + 1);
    host->prng = sim_net_prng(net, host->name);
    host->up = true;
    host->powered = true;
    host->turn_us = options->turn_us;
    host->work = options->work.max_us == 0 ? usual_work : options->work;
    host->cold_ppm = options->cold_ppm;
    host->drift_ppm = options->drift_ppm;
    host->clock_at_us = net->now_us;
    host->clock_us = net->now_us;
    host->wall_offset_us = options->wall_offset_ms * 1000;
    host->next_port = SIM_PORT_FIRST;
    list_init(&host->polls);
    list_init(&host->sockets);
    list_init(&host->held);
    start_clock(host);
    return host;
}

const char *sim_host_name(const struct sim_host *host)
{
    return host->name;
}

bool sim_host_is_up(const struct sim_host *host)
{
    return host->up;
}

void sim_host_set_turn(struct sim_host *host, int64_t us)
{
    host->turn_us = us;
    if (us > 0) {
        sim_net_fault(host->net, "slow node");
    }
}

void sim_host_set_work(struct sim_host *host, struct sim_delay work)
{
    host->work = work;
}

void sim_host_signal(struct sim_host *host, int signo)
{
    sim_note(host->net, host, SIM_NOTE_SIGNAL, signo, 0);
    sim_polls_signal(host, signo);
}

/* ---- pauses and crashes ---- */

void sim_host_pause(struct sim_host *host)
{
    if (host->paused || !host->up) {
        return;
    }
    host->paused = true;
    sim_note(host->net, host, SIM_NOTE_PAUSED, 0, 0);
    sim_net_fault(host->net, "pause");
}

static void release_held(struct sim_host *host)
{
    host->paused = false;
    while (!list_empty(&host->held)) {
        struct sim_event *event = LIST_ENTRY(host->held.next, struct sim_event, held);
        list_remove(&event->held);
        sim_event_set(host->net, event, host->net->now_us);
    }
}

void sim_host_resume(struct sim_host *host)
{
    if (host->paused) {
        sim_note(host->net, host, SIM_NOTE_RESUMED, 0, 0);
        release_held(host);
    }
}

void sim_host_crash(struct sim_host *host, enum sim_crash how)
{
    struct sim_net *net = host->net;
    if (!host->up) {
        return;
    }
    sim_note(net, host, how == SIM_CRASH_KILL ? SIM_NOTE_KILLED : SIM_NOTE_POWER_CUT, 0, 0);
    sim_net_fault(net, how == SIM_CRASH_KILL ? "kill" : "power cut");
    release_held(host); /* what waited is dropped when its time comes */
    host->up = false;
    host->powered = how == SIM_CRASH_KILL;
    sim_sockets_end(host, how);
}

void sim_host_boot(struct sim_host *host)
{
    ASSERT(!host->up);
    ASSERT(list_empty(&host->polls));
    host->up = true;
    if (!host->powered) {
        host->powered = true;
        host->booted_us = clock_us(host) - MILLION;
    }
    host->busy_until_us = 0;
    sim_note(host->net, host, SIM_NOTE_BOOT, 0, 0);
}
