/* Plans of moves; see move_plan.h. */
#include "cli/move_plan.h"

#include <stdlib.h>

struct planner {
    struct move_plan *plan;
    int32_t *loads; /* replicas of each broker, by its place in the list */
    int32_t *leads; /* preferred leaders of each broker */
    int32_t *racks; /* a number for each rack */
    int32_t rack_count;
};

static int32_t place_of(const struct planner *p, int32_t id)
{
    for (int32_t i = 0; i < p->plan->broker_count; i++) {
        if (p->plan->brokers[i].id == id) {
            return i;
        }
    }
    return -1;
}

static bool contains(const int32_t *ids, int32_t count, int32_t id)
{
    for (int32_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

static void number_racks(struct planner *p)
{
    for (int32_t i = 0; i < p->plan->broker_count; i++) {
        p->racks[i] = -1;
        for (int32_t k = 0; k < i && p->racks[i] < 0; k++) {
            if (slice_eq(p->plan->brokers[i].rack, p->plan->brokers[k].rack)) {
                p->racks[i] = p->racks[k];
            }
        }
        p->racks[i] = p->racks[i] < 0 ? p->rack_count++ : p->racks[i];
    }
}

/* How many replicas of the partition, but for the one at `but`, are in the broker's rack. */
static int32_t in_rack(const struct planner *p, const struct move_partition *part, int32_t broker,
                       int32_t but)
{
    int32_t count = 0;
    for (int32_t i = 0; i < part->target_count; i++) {
        count += i != but && p->racks[place_of(p, part->target[i])] == p->racks[broker];
    }
    return count;
}

/* ---- which replicas stay ---- */

static int32_t wanted_count(const struct planner *p, const struct move_partition *part)
{
    return p->plan->replication_factor > 0 ? p->plan->replication_factor : part->replica_count;
}

/* Of replicas that are too many, those go that share a rack with others, then those at the end. */
static void drop_surplus(struct planner *p, struct move_partition *part, int32_t wanted)
{
    while (part->target_count > wanted) {
        int32_t worst = part->target_count - 1;
        int32_t worst_rack = -1;
        for (int32_t i = part->target_count - 1; i >= 0; i--) {
            int32_t rack = in_rack(p, part, place_of(p, part->target[i]), i);
            if (rack > worst_rack) {
                worst = i;
                worst_rack = rack;
            }
        }
        memmove(part->target + worst, part->target + worst + 1,
                (size_t)(part->target_count - worst - 1) * sizeof *part->target);
        part->target_count--;
    }
}

static void keep(struct planner *p, struct move_partition *part)
{
    part->target_count = 0;
    for (int32_t i = 0; i < part->replica_count; i++) {
        int32_t id = part->replicas[i];
        if (place_of(p, id) >= 0 && !contains(part->target, part->target_count, id)) {
            part->target[part->target_count++] = id;
        }
    }
    drop_surplus(p, part, wanted_count(p, part));
    for (int32_t i = 0; i < part->target_count; i++) {
        p->loads[place_of(p, part->target[i])]++;
    }
}

/* ---- where the others go ---- */

/* The broker that may have one more replica: the fewest in its rack, then the fewest replicas. */
static int32_t choose(const struct planner *p, const struct move_partition *part)
{
    int32_t best = -1;
    int32_t best_rack = 0;
    for (int32_t i = 0; i < p->plan->broker_count; i++) {
        if (contains(part->target, part->target_count, p->plan->brokers[i].id)) {
            continue;
        }
        int32_t rack = in_rack(p, part, i, -1);
        bool is_better =
            best < 0 || rack < best_rack || (rack == best_rack && p->loads[i] < p->loads[best]);
        if (is_better) {
            best = i;
            best_rack = rack;
        }
    }
    return best;
}

static void fill(struct planner *p, struct move_partition *part)
{
    while (part->target_count < wanted_count(p, part)) {
        int32_t broker = choose(p, part);
        part->target[part->target_count++] = p->plan->brokers[broker].id;
        p->loads[broker]++;
    }
}

/* ---- equal shares ---- */

/* May the replica at `at` go to this broker, without sharing a rack more than now? */
static bool may_go(const struct planner *p, const struct move_partition *part, int32_t at,
                   int32_t to)
{
    int32_t from = place_of(p, part->target[at]);
    return !contains(part->target, part->target_count, p->plan->brokers[to].id) &&
           in_rack(p, part, to, at) <= in_rack(p, part, from, at);
}

/* Moves one replica of the partition from a broker with two more than the other; false: none. */
static bool level_one(struct planner *p, struct move_partition *part)
{
    for (int32_t at = part->target_count - 1; at >= 0; at--) {
        int32_t from = place_of(p, part->target[at]);
        int32_t best = -1;
        for (int32_t to = 0; to < p->plan->broker_count; to++) {
            if (p->loads[from] - p->loads[to] >= 2 && may_go(p, part, at, to) &&
                (best < 0 || p->loads[to] < p->loads[best])) {
                best = to;
            }
        }
        if (best >= 0) {
            part->target[at] = p->plan->brokers[best].id;
            p->loads[from]--;
            p->loads[best]++;
            return true;
        }
    }
    return false;
}

/* Every move makes the loads more equal, so there is an end. */
static void level(struct planner *p)
{
    bool has_moved = true;
    while (has_moved) {
        has_moved = false;
        for (int32_t i = 0; i < p->plan->partition_count; i++) {
            has_moved = level_one(p, &p->plan->partitions[i]) || has_moved;
        }
    }
}

/* ---- leaders ---- */

static void lead(struct move_partition *part, int32_t at)
{
    int32_t id = part->target[at];
    memmove(part->target + 1, part->target, (size_t)at * sizeof *part->target);
    part->target[0] = id;
}

/* A change of order copies nothing. */
static void level_leaders(struct planner *p)
{
    bool has_changed = true;
    while (has_changed) {
        has_changed = false;
        for (int32_t i = 0; i < p->plan->partition_count; i++) {
            struct move_partition *part = &p->plan->partitions[i];
            int32_t now = part->target_count == 0 ? -1 : place_of(p, part->target[0]);
            for (int32_t at = 1; at < part->target_count; at++) {
                int32_t other = place_of(p, part->target[at]);
                if (p->leads[now] - p->leads[other] >= 2) {
                    p->leads[now]--;
                    p->leads[other]++;
                    lead(part, at);
                    has_changed = true;
                    break;
                }
            }
        }
    }
}

/* ---- the plan ---- */

static enum err check(const struct move_plan *plan, struct buf *why)
{
    for (int32_t i = 0; i < plan->partition_count; i++) {
        const struct move_partition *part = &plan->partitions[i];
        int32_t wanted =
            plan->replication_factor > 0 ? plan->replication_factor : part->replica_count;
        if (wanted > plan->broker_count) {
            buf_printf(why,
                       "%.*s-%" PRId32 " shall have %" PRId32
                       " replicas, and there are only %" PRId32 " brokers for them",
                       SLICE_ARG(part->topic), part->partition, wanted, plan->broker_count);
            return ERR_INVALID_REQUEST;
        }
    }
    return ERR_NONE;
}

enum err move_plan_make(struct move_plan *plan, struct arena *arena, struct buf *why)
{
    TRY(check(plan, why));
    size_t brokers = (size_t)plan->broker_count + 1;
    struct planner p = {.plan = plan,
                        .loads = ARENA_ARRAY(arena, brokers, int32_t),
                        .leads = ARENA_ARRAY(arena, brokers, int32_t),
                        .racks = ARENA_ARRAY(arena, brokers, int32_t)};
    number_racks(&p);
    for (int32_t i = 0; i < plan->partition_count; i++) {
        struct move_partition *part = &plan->partitions[i];
        size_t room = (size_t)max_i64(part->replica_count, plan->replication_factor) + 1;
        part->target = ARENA_ARRAY(arena, room, int32_t);
        keep(&p, part);
    }
    for (int32_t i = 0; i < plan->partition_count; i++) {
        fill(&p, &plan->partitions[i]);
    }
    level(&p);
    for (int32_t i = 0; i < plan->partition_count; i++) {
        if (plan->partitions[i].target_count > 0) {
            p.leads[place_of(&p, plan->partitions[i].target[0])]++;
        }
    }
    level_leaders(&p);
    return ERR_NONE;
}

int32_t move_plan_copies(const struct move_partition *part)
{
    int32_t copies = 0;
    for (int32_t i = 0; i < part->target_count; i++) {
        copies += !contains(part->replicas, part->replica_count, part->target[i]);
    }
    return copies;
}
