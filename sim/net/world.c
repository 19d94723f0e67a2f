/* The world: time, and the queue of what will happen. */
#include "sim/net/world.h"

#include "base/mem.h"

static const int64_t world_begins_ms = INT64_C(1767225600000); /* 2026-01-01T00:00:00Z */

/* One call of sim_net_at(). */
struct call {
    struct sim_event event;
    struct list link;
    struct sim_net *net;
    void (*fn)(void *arg);
    void *arg;
};

/* ---- events ---- */

void sim_event_init(struct sim_event *event, struct sim_host *host,
                    void (*fn)(struct sim_event *event))
{
    *event = (struct sim_event){.fn = fn, .host = host};
    list_init(&event->held);
}

void sim_event_stop(struct sim_net *net, struct sim_event *event)
{
    if (heap_has(&event->item)) {
        heap_remove(&net->queue, &event->item);
    }
    list_remove(&event->held);
}

void sim_event_set(struct sim_net *net, struct sim_event *event, int64_t at_us)
{
    sim_event_stop(net, event);
    event->item.key = max_i64(at_us, net->now_us);
    heap_add(&net->queue, &event->item);
}

/* Calls the event's function with the clock at its time. */
static void run_event(struct sim_net *net, struct sim_event *event)
{
    struct sim_host *before = sim_set_current(event->host);
    net->spent_us = 0;
    net->in_event = true;
    event->fn(event);
    net->in_event = false;
    net->spent_us = 0;
    sim_set_current(before);
}

bool sim_net_step(struct sim_net *net)
{
    ASSERT(!net->in_event);
    struct heap_item *first = heap_first(&net->queue);
    if (first == NULL) {
        return false;
    }
    heap_remove(&net->queue, first);
    struct sim_event *event = container_of(first, struct sim_event, item);
    net->now_us = max_i64(net->now_us, first->key);
    struct sim_host *host = event->host;
    net->last = host;
    if (host != NULL && !host->up) {
        return true; /* its process is gone: nobody waits for it */
    }
    if (host != NULL && host->paused) {
        list_add_tail(&host->held, &event->held);
        return true;
    }
    net->stats.events++;
    run_event(net, event);
    return true;
}

const struct sim_host *sim_net_last(const struct sim_net *net)
{
    return net->last;
}

int64_t sim_net_next_us(const struct sim_net *net)
{
    const struct heap_item *first = heap_first(&net->queue);
    return first == NULL ? INT64_MAX : max_i64(net->now_us, first->key);
}

void sim_net_run_until(struct sim_net *net, int64_t until_us)
{
    while (sim_net_next_us(net) <= until_us) {
        sim_net_step(net);
    }
    net->now_us = max_i64(net->now_us, until_us);
}

int64_t sim_net_now_us(const struct sim_net *net)
{
    return net->now_us + net->spent_us;
}

void sim_spend(int64_t us)
{
    ASSERT(us >= 0);
    sim_here()->net->spent_us += us;
}

/* ---- calls ---- */

static void on_call(struct sim_event *event)
{
    struct call *call = container_of(event, struct call, event);
    void (*fn)(void *arg) = call->fn;
    void *arg = call->arg;
    sim_note(call->net, NULL, SIM_NOTE_CALL, 0, 0);
    list_remove(&call->link);
    mem_free(call);
    fn(arg);
}

void sim_net_at(struct sim_net *net, int64_t at_us, void (*fn)(void *arg), void *arg)
{
    struct call *call = MEM_NEW(struct call);
    call->net = net;
    call->fn = fn;
    call->arg = arg;
    list_add_tail(&net->calls, &call->link);
    sim_event_init(&call->event, NULL, on_call);
    sim_event_set(net, &call->event, at_us);
}

/* ---- chance ---- */

/* FNV-1a. */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    }
    return hash;
}

struct prng sim_net_prng(const struct sim_net *net, const char *purpose)
{
    struct prng prng;
    prng_init(&prng, net->options.seed ^ hash_text(purpose));
    return prng;
}

int64_t sim_delay_draw(struct prng *prng, const struct sim_delay *delay)
{
    int64_t max_us = max_i64(delay->min_us, delay->max_us);
    if (delay->tail_ppm > 0 && prng_chance(prng, delay->tail_ppm, 1000000)) {
        return prng_range(prng, max_us, max_i64(max_us, delay->tail_us));
    }
    return max_us == 0 ? 0 : prng_range(prng, delay->min_us, max_us);
}

/* ---- life ---- */

struct sim_net *sim_net_new(const struct sim_net_options *options)
{
    struct sim_net *net = MEM_NEW(struct sim_net);
    net->options = *options;
    if (net->options.wall_ms == 0) {
        net->options.wall_ms = world_begins_ms;
    }
    net->prng = sim_net_prng(net, "network");
    net->free_first = -1;
    net->free_last = -1;
    list_init(&net->faults);
    list_init(&net->names);
    list_init(&net->calls);
    list_init(&net->conns);
    return net;
}

static void free_hosts(struct sim_net *net)
{
    for (int i = 0; i < net->host_count; i++) {
        struct sim_host *host = net->hosts[i];
        ASSERT(list_empty(&host->polls));
        mem_free(host->name);
        mem_free(host);
    }
    mem_free(net->hosts);
    mem_free(net->links);
}

void sim_net_free(struct sim_net *net)
{
    if (net == NULL) {
        return;
    }
    sim_sockets_fini(net);
    free_hosts(net);
    LIST_EACH(node, &net->faults)
    {
        mem_free(LIST_ENTRY(node, struct sim_fault_count, link));
    }
    LIST_EACH(node, &net->names)
    {
        struct sim_name *name = LIST_ENTRY(node, struct sim_name, link);
        mem_free(name->name);
        mem_free(name);
    }
    heap_fini(&net->queue);
    LIST_EACH(node, &net->calls)
    {
        mem_free(LIST_ENTRY(node, struct call, link));
    }
    mem_free(net);
}

struct sim_net_stats sim_net_stats(const struct sim_net *net)
{
    return net->stats;
}
