/* Links: how long they take and what they lose. */
#include "sim/net/world.h"

struct sim_link sim_link_default(void)
{
    return (struct sim_link){
        .delay = {.min_us = 50, .max_us = 300, .tail_ppm = 1000, .tail_us = 5000},
    };
}

struct sim_link sim_link_loopback(void)
{
    return (struct sim_link){.delay = {.min_us = 5, .max_us = 30}};
}

struct sim_link_state *sim_link_between(struct sim_net *net, const struct sim_host *from,
                                        const struct sim_host *to)
{
    return &net->links[from->index * net->host_cap + to->index];
}

/* How clogged it is by now. */
static int64_t clog_us(struct sim_net *net, struct sim_link_state *state)
{
    struct sim_link *link = &state->link;
    int64_t passed_us = net->now_us - state->clog_at_us;
    if (link->clog_us_per_second != 0) {
        link->clog_us += link->clog_us_per_second * passed_us / 1000000;
        link->clog_us = max_i64(0, min_i64(link->clog_us, link->clog_max_us));
    }
    state->clog_at_us = net->now_us;
    return link->clog_us;
}

struct sim_link *sim_net_link(struct sim_net *net, const struct sim_host *from,
                              const struct sim_host *to)
{
    struct sim_link_state *state = sim_link_between(net, from, to);
    clog_us(net, state); /* what was set so far ends here */
    return &state->link;
}

int64_t sim_link_arrival_us(struct sim_net *net, struct sim_link_state *state, size_t bytes)
{
    const struct sim_link *link = &state->link;
    int64_t sent_us = sim_net_now_us(net);
    if (link->bytes_per_second > 0) {
        state->free_us =
            max_i64(sent_us, state->free_us) + (int64_t)bytes * 1000000 / link->bytes_per_second;
        sent_us = state->free_us;
    }
    int64_t clogged_us = clog_us(net, state);
    if (clogged_us > 0) {
        sim_net_fault(net, "clogged segment");
    }
    return sent_us + sim_delay_draw(&net->prng, &link->delay) + clogged_us;
}

bool sim_link_passes(struct sim_net *net, const struct sim_link_state *state)
{
    const struct sim_link *link = &state->link;
    if (link->cut) {
        sim_net_fault(net, "cut segment");
        return false;
    }
    if (link->loss_ppm > 0 && prng_chance(&net->prng, link->loss_ppm, 1000000)) {
        sim_net_fault(net, "lost segment");
        return false;
    }
    return true;
}
