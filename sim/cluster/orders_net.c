/* Orders about links between machines; see orders.h. */
#include <stdlib.h>

#include "sim/cluster/orders.h"

enum { ARG_FROM = 1, ARG_ARROW, ARG_TO, ARG_WHAT, ARG_VALUE, ARG_SECOND };

typedef void link_fn(struct sim_world *world, const struct sim_order *order,
                     const struct sim_machine *from, const struct sim_machine *to);

/* Calls `fn` for each pair, and for each pair the other way with "-". */
static void each_link(struct sim_world *world, const struct sim_order *order, link_fn *fn)
{
    struct sim_machines from;
    struct sim_machines to;
    bool both = strcmp(order->argv[ARG_ARROW], "-") == 0;
    sim_word_machines(world, order->argv[ARG_FROM], NULL, &from);
    sim_word_machines(world, order->argv[ARG_TO], &from, &to);
    for (int i = 0; i < from.count; i++) {
        for (int k = 0; k < to.count; k++) {
            if (from.at[i] != to.at[k]) {
                fn(world, order, from.at[i], to.at[k]);
                if (both) {
                    fn(world, order, to.at[k], from.at[i]);
                }
            }
        }
    }
}

static struct sim_link *link_of(struct sim_world *world, const struct sim_machine *from,
                                const struct sim_machine *to)
{
    return sim_net_link(world->net, from->host, to->host);
}

static void cut(struct sim_world *world, const struct sim_order *order,
                const struct sim_machine *from, const struct sim_machine *to)
{
    (void)order;
    link_of(world, from, to)->cut = true;
}

static void mend(struct sim_world *world, const struct sim_order *order,
                 const struct sim_machine *from, const struct sim_machine *to)
{
    (void)order;
    link_of(world, from, to)->cut = false;
}

/* Values that are no numbers or times leave the link as it is. */
static void change(struct sim_world *world, const struct sim_order *order,
                   const struct sim_machine *from, const struct sim_machine *to)
{
    struct sim_link *l = link_of(world, from, to);
    const char *what = order->argv[ARG_WHAT];
    const char *value = order->argc > ARG_VALUE ? order->argv[ARG_VALUE] : "0";
    const char *second = order->argc > ARG_SECOND ? order->argv[ARG_SECOND] : "0";
    int64_t low = 0;
    int64_t high = 0;
    if (strcmp(what, "default") == 0) {
        *l = sim_link_default();
    } else if (strcmp(what, "loss") == 0) {
        l->loss_ppm = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(what, "rate") == 0) {
        l->bytes_per_second = strtoll(value, NULL, 10);
    } else if (strcmp(what, "delay") == 0 && sim_parse_times(value, &low, &high)) {
        l->delay.min_us = low;
        l->delay.max_us = high;
    } else if (strcmp(what, "tail") == 0 && sim_parse_time(second, &high)) {
        l->delay.tail_ppm = (uint32_t)strtoul(value, NULL, 10);
        l->delay.tail_us = high;
    } else if (strcmp(what, "clog") == 0 && sim_parse_time(value, &low)) {
        l->clog_us = low;
    } else if (strcmp(what, "clogging") == 0 && sim_parse_time(second, &high)) {
        /* A negative speed unclogs. */
        bool shrinks = value[0] == '-';
        if (sim_parse_time(value + (shrinks ? 1 : 0), &low)) {
            l->clog_us_per_second = shrinks ? -low : low;
            l->clog_max_us = high;
        }
    } else if (strcmp(what, "refuse") == 0) {
        l->refuse = value[0] != '0';
    }
}

static void reset(struct sim_world *world, const struct sim_order *order,
                  const struct sim_machine *from, const struct sim_machine *to)
{
    (void)order;
    sim_net_reset(world->net, from->host, to->host);
}

static void stall(struct sim_world *world, const struct sim_order *order,
                  const struct sim_machine *from, const struct sim_machine *to)
{
    (void)order;
    sim_net_stall(world->net, from->host, to->host);
}

void sim_order_cut(struct sim_world *world, const struct sim_order *order)
{
    each_link(world, order, cut);
}

void sim_order_mend(struct sim_world *world, const struct sim_order *order)
{
    each_link(world, order, mend);
}

void sim_order_link(struct sim_world *world, const struct sim_order *order)
{
    each_link(world, order, change);
}

void sim_order_reset(struct sim_world *world, const struct sim_order *order)
{
    each_link(world, order, reset);
}

void sim_order_stall(struct sim_world *world, const struct sim_order *order)
{
    each_link(world, order, stall);
}

void sim_heal_net(struct sim_world *world)
{
    for (int i = 0; i < world->count; i++) {
        for (int k = 0; k < world->count; k++) {
            if (i != k) {
                *link_of(world, &world->machines[i], &world->machines[k]) = sim_link_default();
            }
        }
    }
}
