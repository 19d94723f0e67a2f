/* One member, one step towards its target assignment (KIP-848, "Reconciliation").
 *
 *     STABLE ──target moved──▶ UNREVOKED ──member gave up──▶ UNRELEASED ──others gave up──▶ STABLE
 *
 * A member keeps its epoch until it has given up what it must, then it has the target's. */
#include "broker/group/consumer/consumer.h"

static bool is_free(const struct consumer_member *m, const struct consumer_partition *p)
{
    const struct consumer_owner *owner = map_get(&m->group->owners, slice_of(p, sizeof *p));
    return owner == NULL || owner->member == m;
}

/* Of what is new in the target, what nobody has; `*unreleased`: somebody has the rest. */
static struct consumer_set free_part(const struct consumer_member *m,
                                     const struct consumer_set *wanted, bool *unreleased)
{
    struct consumer_set out = {0};
    for (size_t i = 0; i < wanted->count; i++) {
        /* What it gives up itself is not free before it has. */
        if (is_free(m, &wanted->at[i])) {
            consumer_set_add(&out, wanted->at[i].topic, (int32_t)wanted->at[i].index);
        } else {
            *unreleased = true;
        }
    }
    return out;
}

static bool still_owns(const struct consumer_set *owned, const struct consumer_set *revoking)
{
    return owned == NULL || consumer_set_meets(owned, revoking);
}

static void take(struct consumer_member *m, int32_t epoch, enum consumer_member_state state)
{
    consumer_member_set_epoch(m, epoch);
    m->state = state;
}

static void next_assignment(struct consumer_member *m, int32_t epoch,
                            const struct consumer_set *owned)
{
    int32_t target_epoch = m->group->target_epoch;
    struct consumer_set kept = consumer_set_and(&m->assigned, &m->target);
    struct consumer_set revoking = consumer_set_minus(&m->assigned, &m->target);
    struct consumer_set wanted = consumer_set_minus(&m->target, &kept);
    bool unreleased = false;
    struct consumer_set taken = free_part(m, &wanted, &unreleased);
    if (revoking.count > 0 && still_owns(owned, &revoking)) {
        take(m, epoch, CONSUMER_MEMBER_UNREVOKED);
    } else {
        take(m, target_epoch, unreleased ? CONSUMER_MEMBER_UNRELEASED : CONSUMER_MEMBER_STABLE);
        for (size_t i = 0; i < taken.count; i++) {
            consumer_set_add(&kept, taken.at[i].topic, (int32_t)taken.at[i].index);
        }
        consumer_set_sort(&kept);
        consumer_set_free(&revoking);
    }
    consumer_member_set_partitions(m, kept, revoking);
    consumer_set_free(&wanted);
    consumer_set_free(&taken);
}

static void step_from_state(struct consumer_member *m, const struct consumer_set *owned)
{
    switch (m->state) {
    case CONSUMER_MEMBER_STABLE:
        if (m->epoch != m->group->target_epoch) {
            next_assignment(m, m->epoch, owned);
        }
        return;
    case CONSUMER_MEMBER_UNREVOKED:
        if (!still_owns(owned, &m->revoking)) {
            next_assignment(m, (int32_t)min_i64(m->epoch + 1, m->group->target_epoch), owned);
        }
        return;
    case CONSUMER_MEMBER_UNRELEASED:
        next_assignment(m, m->epoch, owned);
        return;
    case CONSUMER_MEMBER_UNKNOWN:
        next_assignment(m, m->group->target_epoch, owned);
        return;
    }
    UNREACHABLE();
}

bool consumer_reconcile(struct consumer_member *m, const struct consumer_set *owned)
{
    int32_t epoch = m->epoch;
    int32_t previous = m->previous_epoch;
    enum consumer_member_state state = m->state;
    struct consumer_set assigned = consumer_set_copy(&m->assigned);
    struct consumer_set revoking = consumer_set_copy(&m->revoking);
    step_from_state(m, owned);
    bool same = epoch == m->epoch && state == m->state && previous == m->previous_epoch &&
                consumer_set_eq(&assigned, &m->assigned) &&
                consumer_set_eq(&revoking, &m->revoking);
    consumer_set_free(&assigned);
    consumer_set_free(&revoking);
    return !same;
}
