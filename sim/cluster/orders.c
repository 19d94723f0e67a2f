/* Carries out the lines of a scenario; see orders.h. */
#include "sim/cluster/orders.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/cluster/check.h"
#include "sim/cluster/load.h"

/* ---- who is meant ---- */

/* "TOPIC-N" in the newest metadata that is committed. */
static const struct metadata_partition *word_partition(struct sim_world *world, const char *word)
{
    const struct metadata_image *image = sim_checks_image(world->checks);
    const char *dash = strrchr(word, '-');
    int64_t index;
    if (dash == NULL || !sim_parse_number(dash + 1, &index)) {
        return NULL;
    }
    const struct metadata_topic *topic =
        metadata_topic_by_name(image, slice_of(word, (size_t)(dash - word)));
    return topic == NULL || index >= topic->partition_count
               ? NULL
               : metadata_partition(topic, (int32_t)index);
}

static const char *const role_leader = "leader-of:";
static const char *const role_follower = "follower-of:";

static bool is_role(const char *word)
{
    return strcmp(word, "active") == 0 || strncmp(word, role_leader, strlen(role_leader)) == 0 ||
           strncmp(word, role_follower, strlen(role_follower)) == 0;
}

struct sim_machine *sim_word_machine(struct sim_world *world, const char *word)
{
    if (!is_role(word)) {
        return sim_machine_find(world, word);
    }
    if (strcmp(word, "active") == 0) {
        return sim_active_controller(world);
    }
    const struct metadata_partition *p = word_partition(world, strchr(word, ':') + 1);
    if (p == NULL || p->leader < 0) {
        return NULL;
    }
    if (strncmp(word, role_leader, strlen(role_leader)) == 0) {
        return sim_machine_of_node(world, p->leader);
    }
    struct metadata_ids replicas = metadata_replicas(p);
    for (size_t i = 0; i < replicas.count; i++) {
        if (replicas.items[i] != p->leader) {
            return sim_machine_of_node(world, replicas.items[i]);
        }
    }
    return NULL;
}

static void add_machine(struct sim_machines *list, struct sim_machine *m)
{
    for (int i = 0; i < list->count; i++) {
        if (list->at[i] == m) {
            return;
        }
    }
    if (m != NULL) {
        list->at[list->count++] = m;
    }
}

static bool contains(const struct sim_machines *list, const struct sim_machine *m)
{
    for (int i = 0; list != NULL && i < list->count; i++) {
        if (list->at[i] == m) {
            return true;
        }
    }
    return false;
}

static bool add_group(struct sim_world *world, const char *word, const struct sim_machines *besides,
                      struct sim_machines *out)
{
    static const char *const groups[] = {"controllers", "brokers", "clients", "all", "others"};
    size_t group = 0;
    while (group < ARRAY_LEN(groups) && strcmp(groups[group], word) != 0) {
        group++;
    }
    for (int i = 0; group < ARRAY_LEN(groups) && i < world->count; i++) {
        struct sim_machine *m = &world->machines[i];
        bool others = group == 4 && !contains(besides, m);
        if (others || group == 3 || (group < 3 && m->kind == (enum sim_kind)group)) {
            add_machine(out, m);
        }
    }
    return group < ARRAY_LEN(groups);
}

void sim_word_machines(struct sim_world *world, const char *word,
                       const struct sim_machines *besides, struct sim_machines *out)
{
    out->count = 0;
    while (*word != '\0') {
        char name[64];
        size_t len = strcspn(word, ",");
        snprintf(name, sizeof name, "%.*s", (int)len, word);
        if (!add_group(world, name, besides, out)) {
            add_machine(out, sim_word_machine(world, name));
        }
        word += len + (word[len] == ',' ? 1 : 0);
    }
}

/* Could the word ever name a machine? */
static bool may_name(struct sim_world *world, const char *word)
{
    struct sim_machines list;
    while (*word != '\0') {
        char name[64];
        size_t len = strcspn(word, ",");
        snprintf(name, sizeof name, "%.*s", (int)len, word);
        list.count = 0;
        if (!is_role(name) && !add_group(world, name, NULL, &list) &&
            sim_machine_find(world, name) == NULL) {
            return false;
        }
        word += len + (word[len] == ',' ? 1 : 0);
    }
    return true;
}

/* ---- processes ---- */

/* Has another broker lost something that it has not got back from the others? Then this one must
 * stay: acknowledged records are in the memories of as many machines as min.insync.replicas says,
 * two here, and Kafka promises no more. (If it went down in any way, the other, which comes back
 * first, could be all that is left of the ISR.) */
static bool is_last_memory(struct sim_world *world, const struct sim_machine *m, bool power)
{
    for (int i = 0; i < world->count && m->kind == SIM_BROKER && !world->flushed; i++) {
        const struct sim_machine *other = &world->machines[i];
        /* Bad and new disks strike only where others are in sync (replace.c). */
        bool forgot = other->tainted && !other->unsound && !other->renewed;
        if (other != m && (forgot || other->doomed || (power && other->tainted))) {
            return true;
        }
    }
    return false;
}

/* Is somebody in sync with what this one would lose? */
static bool others_hold(const struct sim_world *world, struct sim_machine *m)
{
    return m->kind != SIM_BROKER || world->flushed || sim_others_in_sync(m, 1);
}

static void on_halted(void *arg)
{
    struct sim_machine *m = arg;
    m->end = m->halt_how == SIM_CRASH_POWER ? SIM_END_POWER : SIM_END_KILLED;
    sim_host_crash(m->host, m->halt_how);
}

static void crash(struct sim_world *world, const struct sim_order *order)
{
    struct sim_machine *m = sim_word_machine(world, order->argv[1]);
    bool power = strcmp(order->argv[2], "power") == 0;
    if (m == NULL || !sim_machine_is_up(m)) {
        return;
    }
    if (is_last_memory(world, m, power) || (power && !others_hold(world, m))) {
        sim_net_trace(world->net, "%s goes on: it may have what others lost", m->name);
        return;
    }
    int64_t within = 0;
    if (order->argc == 5 && sim_parse_number(order->argv[4], &within) && within > 0) {
        m->halt_how = power ? SIM_CRASH_POWER : SIM_CRASH_KILL;
        m->doomed = power;
        sim_disk_halt_after(m->disk, (uint32_t)within, on_halted, m);
        return;
    }
    sim_machine_crash(m, power ? SIM_CRASH_POWER : SIM_CRASH_KILL);
    if (!m->held) {
        sim_machine_restart_later(m);
    }
}

static void hold(struct sim_world *world, const struct sim_order *order)
{
    struct sim_machine *m = sim_word_machine(world, order->argv[1]);
    if (m != NULL) {
        m->held = true;
        m->restart_us = INT64_MAX;
    }
}

static void start(struct sim_world *world, const struct sim_order *order)
{
    struct sim_machine *m = sim_word_machine(world, order->argv[1]);
    if (m != NULL) {
        sim_machine_start(m);
    }
}

static void stop(struct sim_world *world, const struct sim_order *order)
{
    struct sim_machine *m = sim_word_machine(world, order->argv[1]);
    if (m != NULL && !m->paused) {
        sim_machine_stop(m);
    }
}

static void pause_machine(struct sim_world *world, const struct sim_order *order)
{
    struct sim_machine *m = sim_word_machine(world, order->argv[1]);
    if (m != NULL && sim_machine_is_up(m) && !m->paused) {
        m->paused = true;
        sim_host_pause(m->host);
    }
}

static void resume_machine(struct sim_machine *m)
{
    if (m->paused) {
        m->paused = false;
        sim_host_resume(m->host);
    }
}

/* Roles may have moved meanwhile: whoever is paused. */
static void resume(struct sim_world *world, const struct sim_order *order)
{
    if (strcmp(order->argv[1], "all") == 0) {
        for (int i = 0; i < world->count; i++) {
            resume_machine(&world->machines[i]);
        }
        return;
    }
    struct sim_machine *m = sim_word_machine(world, order->argv[1]);
    if (m != NULL) {
        resume_machine(m);
    }
}

/* ---- time ---- */

static void slow(struct sim_world *world, const struct sim_order *order)
{
    struct sim_machine *m = sim_word_machine(world, order->argv[1]);
    int64_t us;
    if (m != NULL && sim_parse_time(order->argv[2], &us)) {
        sim_host_set_turn(m->host, us);
    }
}

static void work(struct sim_world *world, const struct sim_order *order)
{
    struct sim_machine *m = sim_word_machine(world, order->argv[1]);
    struct sim_delay delay = {0};
    if (m != NULL && sim_parse_times(order->argv[2], &delay.min_us, &delay.max_us)) {
        sim_host_set_work(m->host, delay);
    }
}

static void clock_order(struct sim_world *world, const struct sim_order *order)
{
    struct sim_machine *m = sim_word_machine(world, order->argv[1]);
    int64_t value = strtoll(order->argv[3], NULL, 10);
    if (m == NULL) {
        return;
    }
    if (strcmp(order->argv[2], "jump") == 0) {
        sim_host_jump_wall(m->host, value);
    } else {
        sim_host_set_drift(m->host, (int32_t)value);
    }
}

/* ---- names and descriptors ---- */

static void dns(struct sim_world *world, const struct sim_order *order)
{
    struct sim_machine *m = sim_word_machine(world, order->argv[1]);
    if (m != NULL) {
        sim_host_set_dns_down(m->host, strcmp(order->argv[2], "down") == 0);
    }
}

static void accept_order(struct sim_world *world, const struct sim_order *order)
{
    struct sim_machine *m = sim_word_machine(world, order->argv[1]);
    if (m != NULL) {
        sim_host_fail_accepts(m->host, (uint32_t)strtoul(order->argv[3], NULL, 10));
    }
}

/* ---- the run ---- */

static void load(struct sim_world *world, const struct sim_order *order)
{
    sim_load_begin(world, order);
}

static void quiet(struct sim_world *world, const struct sim_order *order)
{
    (void)order;
    world->quiet = true;
}

static void note(struct sim_world *world, const struct sim_order *order)
{
    (void)world;
    (void)order;
}

static void heal(struct sim_world *world, const struct sim_order *order)
{
    (void)order;
    sim_heal(world);
}

void sim_heal(struct sim_world *world)
{
    sim_heal_net(world);
    for (int i = 0; i < world->count; i++) {
        struct sim_machine *m = &world->machines[i];
        sim_disk_heal(m->disk);
        m->doomed = false;
        sim_host_set_drift(m->host, 0);
        sim_host_set_turn(m->host, 0);
        sim_host_set_dns_down(m->host, false);
        sim_host_fail_accepts(m->host, 0);
        sim_host_set_work(m->host, (struct sim_delay){0});
        resume_machine(m);
        m->held = false;
        sim_machine_start(m);
    }
    world->healed_us = sim_now_us(world);
    world->quiet = true;
}

static const struct sim_order_kind kinds[] = {
    {"crash", 3, 5, crash},
    {"hold", 2, 2, hold},
    {"start", 2, 2, start},
    {"stop", 2, 2, stop},
    {"pause", 2, 2, pause_machine},
    {"resume", 2, 2, resume},
    {"cut", 4, 4, sim_order_cut},
    {"mend", 4, 4, sim_order_mend},
    {"link", 5, 7, sim_order_link},
    {"reset", 4, 4, sim_order_reset},
    {"stall", 4, 4, sim_order_stall},
    {"dns", 3, 3, dns},
    {"accept", 4, 4, accept_order},
    {"slow", 3, 3, slow},
    {"work", 3, 3, work},
    {"clock", 4, 4, clock_order},
    {"disk", 3, 10, sim_order_disk},
    {"load", 3, SIM_ARGS_MAX, load},
    {"quiet", 1, 1, quiet},
    {"heal", 1, 1, heal},
    {"note", 1, SIM_ARGS_MAX, note},
};

static const struct sim_order_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static enum err check_order(struct sim_world *world, const struct sim_order *order, struct buf *why)
{
    const struct sim_order_kind *kind = find_kind(order->argv[0]);
    if (kind == NULL || order->argc < kind->argc_min || order->argc > kind->argc_max) {
        buf_printf(why, "line %d: %s %s", order->line, order->argv[0],
                   kind == NULL ? "is no order" : "takes other words");
        return ERR_CONFIG;
    }
    bool two = kind->obey == sim_order_cut || kind->obey == sim_order_mend ||
               kind->obey == sim_order_link || kind->obey == sim_order_reset ||
               kind->obey == sim_order_stall;
    if (kind->obey != note && order->argc > 1 &&
        (!may_name(world, order->argv[1]) || (two && !may_name(world, order->argv[3])))) {
        buf_printf(why, "line %d: there is no machine %s", order->line, order->argv[1]);
        return ERR_CONFIG;
    }
    if (kind->obey == load) {
        struct sim_machine *m = sim_machine_find(world, order->argv[1]);
        if (m == NULL || m->kind != SIM_CLIENT) {
            buf_printf(why, "line %d: %s is no client", order->line, order->argv[1]);
            return ERR_CONFIG;
        }
        return sim_load_check(order, why);
    }
    return ERR_NONE;
}

enum err sim_orders_check(struct sim_world *world, struct buf *why)
{
    for (int i = 0; i < world->scenario->order_count; i++) {
        TRY(check_order(world, &world->scenario->orders[i], why));
    }
    return ERR_NONE;
}

void sim_order_obey(struct sim_world *world, const struct sim_order *order)
{
    char text[256] = "";
    size_t len = 0;
    for (int i = 0; i < order->argc && len < sizeof text; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, " %s", order->argv[i]);
    }
    sim_net_trace(world->net, "order:%s", text);
    char name[40];
    snprintf(name, sizeof name, "order %s", order->argv[0]);
    sim_tally(world->report, name, 1);
    find_kind(order->argv[0])->obey(world, order);
}
