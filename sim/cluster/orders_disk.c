/* Orders about disks; see orders.h. */
#include <stdlib.h>

#include "sim/cluster/orders.h"

enum { ARG_MACHINE = 1, ARG_WHAT, ARG_VALUE, ARG_ERROR, ARG_TIMES, ARG_MORE };

static uint32_t ops_of(const char *text)
{
    static const struct {
        const char *name;
        uint32_t ops;
    } names[] = {{"open", SIM_OP_OPEN},
                 {"read", SIM_OP_READ},
                 {"write", SIM_OP_WRITE},
                 {"sync", SIM_OP_SYNC},
                 {"truncate", SIM_OP_TRUNCATE},
                 {"rename", SIM_OP_RENAME},
                 {"unlink", SIM_OP_UNLINK},
                 {"mkdir", SIM_OP_MKDIR},
                 {"list", SIM_OP_LIST},
                 {"syncdir", SIM_OP_SYNC_DIR},
                 {"all", SIM_OP_ALL}};
    uint32_t ops = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, "+");
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            if (strlen(names[i].name) == len && strncmp(names[i].name, text, len) == 0) {
                ops |= names[i].ops;
            }
        }
        text += len + (text[len] == '+' ? 1 : 0);
    }
    return ops;
}

/* Does some other machine of this kind hold what this one is about to lose? Faults that take data
 * away strike a minority only, one broker at a time, until it is whole again. */
static bool may_lose(struct sim_world *world, const struct sim_machine *m)
{
    int others = 0;
    int machines = 0;
    for (int i = 0; i < world->count; i++) {
        const struct sim_machine *other = &world->machines[i];
        if (other->kind == m->kind) {
            machines++;
            others += other != m && (other->tainted || other->doomed || other->unsound) ? 1 : 0;
        }
    }
    return m->kind == SIM_CONTROLLER ? others + 1 <= (machines - 1) / 2 : others == 0;
}

static void fail(struct sim_world *world, struct sim_machine *m, const struct sim_order *order)
{
    struct sim_rule rule = {.ops = ops_of(order->argv[ARG_VALUE]), .times = 1, .error = ERR_IO};
    if (order->argc > ARG_ERROR && strcmp(order->argv[ARG_ERROR], "full") == 0) {
        rule.error = ERR_NO_SPACE;
    }
    if (order->argc > ARG_TIMES) {
        rule.times = (uint32_t)strtoul(order->argv[ARG_TIMES], NULL, 10);
    }
    for (int i = ARG_MORE; i + 1 < order->argc; i += 2) {
        if (strcmp(order->argv[i], "after") == 0) {
            rule.after = (uint32_t)strtoul(order->argv[i + 1], NULL, 10);
        } else if (strcmp(order->argv[i], "path") == 0) {
            rule.path = order->argv[i + 1];
        }
    }
    bool loses = (rule.ops & SIM_OP_SYNC) != 0 && m->kind == SIM_BROKER;
    if (loses && !world->flushed && !may_lose(world, m)) {
        sim_net_trace(world->net, "%s keeps its syncs: another one has lost something", m->name);
        return;
    }
    m->tainted = m->tainted || (loses && !world->flushed);
    (void)sim_disk_fail(m->disk, &rule);
}

static void damage(struct sim_world *world, struct sim_machine *m, const struct sim_order *order)
{
    if (!may_lose(world, m)) {
        sim_net_trace(world->net, "%s stays whole: another one has lost something", m->name);
        return;
    }
    bool rot = strcmp(order->argv[ARG_WHAT], "rot") == 0;
    const char *path = order->argv[ARG_VALUE];
    bool done = rot ? sim_disk_rot(m->disk, path) : sim_disk_spoil(m->disk, path);
    m->unsound = m->unsound || done;
    m->tainted = m->tainted || (done && m->kind == SIM_BROKER);
}

static void wipe(struct sim_world *world, struct sim_machine *m)
{
    struct buf why = {0};
    if (sim_machine_is_up(m) || !may_lose(world, m)) {
        sim_net_trace(world->net, "%s keeps its disk", m->name);
        return;
    }
    sim_disk_wipe(m->disk);
    m->unsound = false;
    m->tainted = m->kind == SIM_BROKER;
    enum err e = sim_machine_format(m, &why);
    if (e != ERR_NONE) {
        sim_fail(world, "Scenario: a wiped disk cannot be formatted", "%.*s",
                 SLICE_ARG(buf_slice(&why)));
    }
    buf_fini(&why);
}

void sim_order_disk(struct sim_world *world, const struct sim_order *order)
{
    struct sim_machine *m = sim_word_machine(world, order->argv[ARG_MACHINE]);
    const char *what = order->argv[ARG_WHAT];
    const char *value = order->argc > ARG_VALUE ? order->argv[ARG_VALUE] : "";
    int64_t low;
    int64_t high;
    if (m == NULL) {
        return;
    }
    if (strcmp(what, "fail") == 0) {
        fail(world, m, order);
    } else if (strcmp(what, "full") == 0) {
        sim_disk_set_free(m->disk, strtoull(value, NULL, 10));
    } else if (strcmp(what, "slow") == 0 && sim_parse_times(value, &low, &high)) {
        sim_disk_set_speed(m->disk, low, high);
    } else if (strcmp(what, "rot") == 0 || strcmp(what, "spoil") == 0) {
        damage(world, m, order);
    } else if (strcmp(what, "writeback") == 0) {
        sim_disk_write_back(m->disk);
    } else if (strcmp(what, "heal") == 0) {
        sim_disk_heal(m->disk);
    } else if (strcmp(what, "wipe") == 0) {
        wipe(world, m);
    } else {
        sim_fail(world, "Scenario: no such order to a disk", "%s", what);
    }
}
