/* After the faults: the cluster must become whole again, clients must finish, and all that was
 * acknowledged must be read back. */
#include <stdio.h>

#include "sim/cluster/check.h"
#include "sim/cluster/ledger.h"
#include "sim/cluster/load.h"

/* What is missing, or NULL. */
static const char *lacks_machines(struct sim_world *world)
{
    for (int i = 0; i < world->count; i++) {
        if (!sim_machine_is_up(&world->machines[i])) {
            return world->machines[i].name;
        }
    }
    return NULL;
}

/* One leader that all know, and whose records all have. */
static const char *lacks_quorum(struct sim_world *world)
{
    struct sim_machine *active = sim_active_controller(world);
    if (active == NULL) {
        return "no controller is active";
    }
    struct node_glance leader;
    node_glance(sim_machine_quorum_node(active), &leader);
    int64_t committed = metadata_image_offset(sim_checks_image(world->checks));
    for (int i = 0; i < world->count; i++) {
        struct node *node = sim_machine_quorum_node(&world->machines[i]);
        struct node_glance glance;
        if (node == NULL) {
            continue;
        }
        node_glance(node, &glance);
        /* The last records are on their way to whoever has all but a second's worth of them. */
        if (glance.leader_id != active->node_id || glance.epoch != leader.epoch ||
            glance.high_watermark + 4 <= committed) {
            return world->machines[i].name;
        }
    }
    return NULL;
}

static const char *lacks_brokers(struct sim_world *world)
{
    const struct metadata_image *image = sim_checks_image(world->checks);
    for (int i = 1; i <= world->scenario->brokers; i++) {
        const struct metadata_broker *broker = metadata_broker(image, i);
        if (broker == NULL || !metadata_broker_is_active(broker)) {
            return "a broker is fenced";
        }
    }
    return NULL;
}

static const char *lacks_replicas(struct sim_world *world)
{
    const struct metadata_image *image = sim_checks_image(world->checks);
    struct metadata_iter it = metadata_topics(image);
    const struct metadata_topic *topic;
    while ((topic = metadata_topic_next(&it)) != NULL) {
        for (int32_t i = 0; i < topic->partition_count; i++) {
            const struct metadata_partition *p = metadata_partition(topic, i);
            if (p->leader < 0) {
                return "a partition has no leader";
            }
            if (metadata_isr(p).count != metadata_replicas(p).count) {
                return "a replica is not in its ISR";
            }
        }
    }
    return NULL;
}

static const char *lacks_clients(struct sim_world *world)
{
    for (int i = 0; i < world->count; i++) {
        const struct sim_client *client = world->machines[i].client;
        if (client == NULL) {
            continue;
        }
        LIST_EACH(at, &client->workers)
        {
            const struct sim_worker *w = LIST_ENTRY(at, struct sim_worker, link);
            if (!sim_load_is_idle(w)) {
                return w->load->kind->name;
            }
        }
    }
    return NULL;
}

static const char *lacks(struct sim_world *world)
{
    static const char *(*const all[])(struct sim_world *) = {
        lacks_machines, lacks_quorum, lacks_brokers, lacks_replicas, lacks_clients,
    };
    const char *what = NULL;
    for (size_t i = 0; i < ARRAY_LEN(all) && what == NULL; i++) {
        what = all[i](world);
    }
    return what != NULL ? what : sim_check_logs_equal(world->checks);
}

/* A new reader of each topic that producers wrote to. */
static void read_back(struct sim_world *world)
{
    world->reading = true;
    sim_tally(world->report, "converged", 1);
    world->report->converged_us_max =
        max_i64(world->report->converged_us_max, sim_now_us(world) - world->healed_us);
    sim_net_trace(world->net, "converged after %" PRId64 " ms",
                  (sim_now_us(world) - world->healed_us) / SIM_MS);
    sim_ledger_read_all_again(world->ledger);
    sim_loads_read_back(world);
}

void sim_converge(struct sim_world *world)
{
    const char *what = lacks(world);
    if (what == NULL && !world->reading) {
        read_back(world);
    } else if (what == NULL) {
        sim_ledger_check_all_read(world->ledger);
        sim_loads_check(world, sim_checks_image(world->checks));
        sim_check_end(world->checks);
        world->done = true;
    } else if (sim_now_us(world) > world->healed_us + world->scenario->converge_us) {
        sim_fail(world, "Convergence: the cluster does not become whole again", "%s: %s",
                 world->reading ? "reading everything back" : "after all faults ended", what);
    }
}
