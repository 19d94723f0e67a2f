/* The invariants of consumer groups, as code. */
#include "broker/group/consumer/consumer.h"

static size_t verify_owned(const struct consumer_member *m, const struct consumer_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct consumer_owner *owner = map_get(&m->group->owners, MAP_KEY(set->at[i]));
        ASSERT(owner != NULL); /* nobody else may read it */
        ASSERT(owner->member == m);
        ASSERT(i == 0 || consumer_partition_cmp(&set->at[i - 1], &set->at[i]) < 0);
    }
    return set->count;
}

static size_t verify_member(const struct consumer_group *cg, const struct consumer_member *m)
{
    ASSERT(m->group == cg);
    ASSERT(consumer_member_find(cg, m->id) == m);
    ASSERT(slice_is_null(m->instance_id) || consumer_member_of_instance(cg, m->instance_id) == m);
    ASSERT(slice_is_null(m->regex) || map_get(&cg->regexes, m->regex) != NULL);
    ASSERT(m->epoch <= cg->epoch);
    ASSERT(m->epoch <= cg->target_epoch);
    ASSERT(group_timer_armed(&m->session)); /* somebody looks after it */
    ASSERT((m->state == CONSUMER_MEMBER_UNREVOKED) == (m->revoking.count > 0));
    ASSERT(!consumer_set_meets(&m->assigned, &m->revoking));
    return verify_owned(m, &m->assigned) + verify_owned(m, &m->revoking);
}

void consumer_group_verify(const struct consumer_group *cg)
{
    ASSERT(cg->group->consumer == cg);
    ASSERT(cg->group->members.count == 0);
    ASSERT(cg->target_epoch <= cg->epoch);
    size_t owned = 0;
    size_t statics = 0;
    size_t at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        owned += verify_member(cg, m);
        statics += !slice_is_null(m->instance_id);
    }
    ASSERT(owned == cg->owners.count);
    ASSERT(statics == cg->statics.count);
}
