/* Disks that are damaged or new: who may lose what, and the operator who replaces them. */
#include "sim/cluster/check.h"
#include "sim/cluster/world.h"

/* ---- who may ---- */

/* Does it lack what it once had, or may it come to? */
static bool is_doubtful(const struct sim_machine *m)
{
    return m->tainted || m->doomed || m->unsound || m->replacing || m->renewed;
}

/* The voters as the leader knows them; 0: nobody leads. */
static int find_voters(struct sim_world *world, const struct node_voter **out)
{
    struct sim_machine *active = sim_active_controller(world);
    return active == NULL ? 0 : node_voters(sim_machine_quorum_node(active), out);
}

bool sim_may_lose(const struct sim_machine *m)
{
    struct sim_world *world = m->world;
    const struct node_voter *all = NULL;
    int others = 0;
    for (int i = 0; i < world->count; i++) {
        const struct sim_machine *other = &world->machines[i];
        others += other->kind == m->kind && other != m && is_doubtful(other) ? 1 : 0;
    }
    if (m->kind != SIM_CONTROLLER) {
        return others == 0;
    }
    if (world->scenario->voters == 0) {
        return others + 1 <= (world->scenario->controllers - 1) / 2;
    }
    int voters = find_voters(world, &all);
    bool votes = false;
    for (int i = 0; i < voters; i++) {
        votes = votes || all[i].id == m->node_id;
    }
    return voters > 0 && (!votes || others + 1 <= (voters - 1) / 2);
}

bool sim_others_in_sync(struct sim_machine *m, size_t others)
{
    struct metadata_partition_iter it =
        metadata_partition_set(sim_checks_image(m->world->checks), METADATA_SET_BROKER(m->node_id));
    const struct metadata_partition *p;
    while ((p = metadata_partition_set_next(&it)) != NULL) {
        struct metadata_ids isr = metadata_isr(p);
        if (isr.count - (metadata_ids_contain(isr, m->node_id) ? 1 : 0) < others) {
            return false;
        }
    }
    return true;
}

/* Is the broker in no ISR, and fenced, so that it comes into none before it is started again? */
static bool is_out_of_all(struct sim_machine *m)
{
    const struct metadata_image *image = sim_checks_image(m->world->checks);
    const struct metadata_broker *broker = metadata_broker(image, m->node_id);
    if (broker != NULL && !broker->fenced) {
        return false;
    }
    struct metadata_partition_iter it =
        metadata_partition_set(image, METADATA_SET_BROKER(m->node_id));
    const struct metadata_partition *p;
    while ((p = metadata_partition_set_next(&it)) != NULL) {
        if (metadata_ids_contain(metadata_isr(p), m->node_id)) {
            return false;
        }
    }
    return true;
}

/* Do all other controllers follow one leader, and have synced all that is committed? Then the votes
 * of this one are of the past, and nobody needs its log. */
static bool others_follow(struct sim_machine *m)
{
    struct sim_world *world = m->world;
    struct sim_machine *active = sim_active_controller(world);
    int64_t committed = metadata_image_offset(sim_checks_image(world->checks)) + 1;
    struct node_glance leader;
    if (active == NULL || active == m) {
        return false;
    }
    node_glance(sim_machine_quorum_node(active), &leader);
    if (m->epoch > leader.epoch) {
        return false;
    }
    for (int i = 0; i < world->count; i++) {
        struct sim_machine *other = &world->machines[i];
        struct node_glance glance;
        if (other->kind != SIM_CONTROLLER || other == m || other->replacing) {
            continue;
        }
        if (other->controller == NULL) {
            return false;
        }
        node_glance(controller_server_node(other->controller), &glance);
        if (glance.leader_id != active->node_id || glance.epoch != leader.epoch ||
            glance.flushed_offset < committed) {
            return false;
        }
    }
    return true;
}

bool sim_may_be_damaged(struct sim_machine *m)
{
    return sim_may_lose(m) && (m->kind == SIM_CONTROLLER || sim_others_in_sync(m, 1));
}

bool sim_may_be_new(struct sim_machine *m, bool hurried)
{
    enum { OTHERS = 2 };
    if (!sim_may_lose(m)) {
        return false;
    }
    /* A new disk has a new directory id: it is another voter. If nobody can tell, the votes of the
     * old one must be of the past. */
    bool is_static = m->world->scenario->voters == 0;
    return m->kind == SIM_CONTROLLER
               ? sim_active_controller(m->world) != m && (!is_static || others_follow(m))
           : hurried ? sim_others_in_sync(m, OTHERS)
                     : is_out_of_all(m);
}

/* ---- new disks ---- */

/* The directory of the voter with the machine's id; zero: there is none. */
static struct uuid voter_directory(struct sim_machine *m)
{
    const struct node_voter *voters;
    int count = m->world->scenario->voters == 0 ? 0 : find_voters(m->world, &voters);
    for (int i = 0; i < count; i++) {
        if (voters[i].id == m->node_id) {
            return voters[i].directory_id;
        }
    }
    return UUID_ZERO;
}

static void renew(struct sim_machine *m)
{
    struct buf why = {0};
    m->old_directory = voter_directory(m);
    sim_disk_heal(m->disk); /* the faults were the old one's */
    sim_disk_wipe(m->disk);
    m->unsound = false;
    m->replacing = false;
    m->renewed = true;
    m->tainted = m->kind == SIM_BROKER;
    enum err e = sim_machine_format(m, &why);
    if (e != ERR_NONE) {
        sim_fail(m->world, "Scenario: a new disk cannot be formatted", "%.*s",
                 SLICE_ARG(buf_slice(&why)));
    }
    sim_net_trace(m->world->net, "%s has a new disk", m->name);
    buf_fini(&why);
}

void sim_machine_swap_disk(struct sim_machine *m)
{
    if (m->kind == SIM_CLIENT || m->replacing || !sim_may_be_new(m, true)) {
        sim_net_trace(m->world->net, "%s keeps its disk", m->name);
        return;
    }
    sim_machine_crash(m, SIM_CRASH_KILL);
    renew(m);
    sim_machine_restart_later(m);
}

void sim_machine_join(struct sim_machine *m)
{
    m->held = false;
    if (sim_may_be_new(m, false)) {
        renew(m);
        sim_tally(m->world->report, "brokers joined", 1);
    }
    sim_machine_start(m);
}

void sim_machine_replace(struct sim_machine *m)
{
    if (m->kind == SIM_CLIENT || m->replacing || !sim_may_lose(m) ||
        (m->kind == SIM_BROKER && !sim_others_in_sync(m, 1))) {
        sim_net_trace(m->world->net, "%s keeps its disk", m->name);
        return;
    }
    sim_machine_crash(m, SIM_CRASH_KILL);
    m->replacing = true;
}

/* A controller whose disk was new has all that is committed, and is not counted as the old one. */
static bool has_caught_up(struct sim_machine *m)
{
    struct node_glance glance;
    if (m->controller == NULL || sim_active_controller(m->world) == NULL ||
        (!uuid_is_zero(m->old_directory) && uuid_eq(m->old_directory, voter_directory(m)))) {
        return false;
    }
    node_glance(controller_server_node(m->controller), &glance);
    return glance.flushed_offset > metadata_image_offset(sim_checks_image(m->world->checks));
}

/* Does the broker go on without a log directory that has failed? It does not try that again before
 * its next start. */
static bool lacks_a_dir(const struct sim_machine *m)
{
    const struct metadata_broker *broker =
        metadata_broker(sim_checks_image(m->world->checks), m->node_id);
    size_t dirs = 1;
    for (const char *at = settings_str(m->settings, "log.dirs"); *at != '\0'; at++) {
        dirs += *at == ',' ? 1 : 0;
    }
    return m->broker != NULL && broker != NULL && !broker->fenced && broker->log_dirs.count < dirs;
}

void sim_replace_all(struct sim_world *world)
{
    for (int i = 0; i < world->count && !world->failed; i++) {
        struct sim_machine *m = &world->machines[i];
        if (world->healed_us >= 0 && m->kind == SIM_BROKER && !m->stopping && lacks_a_dir(m)) {
            sim_net_trace(world->net, "%s: its directory is mended", m->name);
            sim_machine_stop(m);
        }
        if (m->unsound && world->healed_us >= 0) {
            sim_machine_replace(m);
        }
        if (m->replacing && sim_may_be_new(m, false)) {
            renew(m);
            sim_machine_start(m);
        } else if (m->replacing && !m->unsound && m->kind == SIM_BROKER &&
                   !sim_others_in_sync(m, 1)) {
            /* The others fell behind meanwhile: its disk is good, and needed. */
            m->replacing = false;
            sim_machine_start(m);
        }
        if (m->renewed && (m->kind == SIM_BROKER ? !m->tainted : has_caught_up(m))) {
            m->renewed = false;
        }
    }
}

void sim_look_at_isr(struct sim_world *world, const char *partition, struct metadata_ids isr)
{
    for (size_t i = 0; i < isr.count; i++) {
        const struct sim_machine *m = sim_machine_of_node(world, isr.items[i]);
        if (m == NULL || !(m->unsound || m->renewed)) {
            return;
        }
    }
    sim_net_trace(world->net, "given up: all that is left of the ISR of %s is on a bad disk",
                  partition);
    if (!world->done) {
        sim_tally(world->report, "given up: an ISR on bad disks", 1);
    }
    world->done = true;
}
