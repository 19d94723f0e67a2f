/* Members of a consumer group: their place, their partitions, their timers. */
#include <stdlib.h>

#include "broker/group/consumer/consumer.h"

struct consumer_member *consumer_member_new(struct slice id)
{
    struct consumer_member *m = MEM_NEW(struct consumer_member);
    m->id = group_own(id);
    m->client_id = group_own(slice_str(""));
    m->client_host = group_own(slice_str(""));
    m->rebalance_timeout_ms = -1;
    return m;
}

void consumer_member_free(struct consumer_member *m)
{
    ASSERT(!group_timer_armed(&m->session));
    ASSERT(!group_timer_armed(&m->rebalance));
    group_disown_array(&m->topics, &m->topics_count);
    group_disown(&m->id);
    group_disown(&m->instance_id);
    group_disown(&m->rack_id);
    group_disown(&m->client_id);
    group_disown(&m->client_host);
    group_disown(&m->regex);
    group_disown(&m->assignor);
    mem_free(m->classic_protocols);
    consumer_set_free(&m->assigned);
    consumer_set_free(&m->revoking);
    consumer_set_free(&m->target);
    mem_free(m);
}

struct consumer_member *consumer_member_find(const struct consumer_group *cg, struct slice id)
{
    return map_get(&cg->members, id);
}

struct consumer_member *consumer_member_of_instance(const struct consumer_group *cg,
                                                    struct slice instance_id)
{
    return map_get(&cg->statics, instance_id);
}

void consumer_member_add(struct consumer_group *cg, struct consumer_member *m)
{
    m->group = cg;
    void *twin = map_put(&cg->members, m->id, m);
    ASSERT(twin == NULL);
    if (!slice_is_null(m->instance_id)) {
        map_put(&cg->statics, m->instance_id, m);
    }
}

/* ---- partitions ---- */

static void disown_all(struct consumer_member *m, const struct consumer_set *set)
{
    struct map *owners = &m->group->owners;
    for (size_t i = 0; i < set->count; i++) {
        struct consumer_owner *owner = map_get(owners, MAP_KEY(set->at[i]));
        if (owner != NULL && owner->member == m) {
            map_remove(owners, MAP_KEY(set->at[i]));
            mem_free(owner);
        }
    }
}

static void own_all(struct consumer_member *m, const struct consumer_set *set)
{
    struct map *owners = &m->group->owners;
    for (size_t i = 0; i < set->count; i++) {
        struct consumer_owner *owner = map_get(owners, MAP_KEY(set->at[i]));
        if (owner == NULL) {
            owner = MEM_NEW(struct consumer_owner);
            owner->partition = set->at[i];
            map_put(owners, MAP_KEY(owner->partition), owner);
        }
        owner->member = m;
    }
}

void consumer_member_set_partitions(struct consumer_member *m, struct consumer_set take_assigned,
                                    struct consumer_set take_revoking)
{
    disown_all(m, &m->assigned);
    disown_all(m, &m->revoking);
    consumer_set_free(&m->assigned);
    consumer_set_free(&m->revoking);
    m->assigned = take_assigned;
    m->revoking = take_revoking;
    own_all(m, &m->assigned);
    own_all(m, &m->revoking);
}

void consumer_member_set_epoch(struct consumer_member *m, int32_t epoch)
{
    m->previous_epoch = m->epoch;
    m->epoch = epoch;
}

bool consumer_member_is_reconciled(const struct consumer_member *m)
{
    return m->state == CONSUMER_MEMBER_STABLE && m->epoch == m->group->target_epoch;
}

/* ---- what it says of itself ---- */

void consumer_member_set_text(struct slice *field, struct slice value)
{
    struct slice copy = group_own(value);
    group_disown(field);
    *field = copy;
}

static int by_bytes(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

bool consumer_member_set_topics(struct consumer_member *m, const struct slice *names, size_t count)
{
    struct slice *sorted = mem_zalloc(count, sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = names[i];
    }
    if (count > 1) {
        qsort(sorted, count, sizeof *sorted, by_bytes);
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !slice_eq(sorted[kept - 1], sorted[i])) {
            sorted[kept++] = sorted[i];
        }
    }
    bool same = kept == m->topics_count;
    for (size_t i = 0; i < kept && same; i++) {
        same = slice_eq(sorted[i], m->topics[i]);
    }
    if (same) {
        mem_free(sorted);
        return false;
    }
    for (size_t i = 0; i < kept; i++) {
        sorted[i] = group_own(sorted[i]);
    }
    group_disown_array(&m->topics, &m->topics_count);
    m->topics = sorted;
    m->topics_count = kept;
    return true;
}

static void count_regex(struct consumer_group *cg, struct slice text, int change)
{
    struct consumer_regex *r = map_get(&cg->regexes, text);
    if (r == NULL) {
        r = MEM_NEW(struct consumer_regex);
        r->text = group_own(text);
        map_put(&cg->regexes, r->text, r);
    }
    ASSERT(change > 0 || r->members > 0);
    r->members += (size_t)change;
    if (r->members == 0) {
        map_remove(&cg->regexes, r->text);
        group_disown_array(&r->topics, &r->topics_count);
        group_disown(&r->text);
        mem_free(r);
    }
}

bool consumer_member_set_regex(struct consumer_member *m, struct slice regex)
{
    if (slice_eq(m->regex, regex) && slice_is_null(m->regex) == slice_is_null(regex)) {
        return false;
    }
    if (!slice_is_null(regex)) {
        count_regex(m->group, regex, 1);
    }
    if (!slice_is_null(m->regex)) {
        count_regex(m->group, m->regex, -1);
    }
    consumer_member_set_text(&m->regex, regex);
    return true;
}

void consumer_member_remove(struct consumer_member *m)
{
    struct consumer_group *cg = m->group;
    struct group_timers *timers = &cg->group->shard->timers;
    group_timer_cancel(timers, &m->session);
    group_timer_cancel(timers, &m->rebalance);
    disown_all(m, &m->assigned);
    disown_all(m, &m->revoking);
    consumer_member_set_regex(m, SLICE_NULL);
    map_remove(&cg->members, m->id);
    if (!slice_is_null(m->instance_id) && map_get(&cg->statics, m->instance_id) == m) {
        map_remove(&cg->statics, m->instance_id);
    }
    consumer_member_free(m);
}

/* ---- time ---- */

void consumer_member_touch(struct step *s, struct consumer_member *m)
{
    int32_t timeout_ms = m->classic_protocols != NULL ? m->classic_session_timeout_ms
                                                      : consumer_group_session_timeout(m->group);
    group_timer_arm(&s->shard->timers, &m->session, GROUP_TIMER_CONSUMER_SESSION,
                    s->now.mono_ms + timeout_ms);
}

void consumer_member_await(struct step *s, struct consumer_member *m, enum consumer_awaited what)
{
    int32_t epoch = what == CONSUMER_AWAIT_JOIN ? m->group->epoch : m->epoch;
    if (group_timer_armed(&m->rebalance) && m->awaited == what && m->awaited_epoch == epoch) {
        return; /* asking again gives no more time */
    }
    m->awaited = what;
    m->awaited_epoch = epoch;
    group_timer_arm(&s->shard->timers, &m->rebalance, GROUP_TIMER_CONSUMER_REBALANCE,
                    s->now.mono_ms + m->rebalance_timeout_ms);
}

static void expel(struct step *s, struct consumer_member *m, const char *why)
{
    struct group *g = m->group->group;
    log_info(s->shard->log, "group", why, "group=%.*s member=%.*s epoch=%d", SLICE_ARG(g->id),
             SLICE_ARG(m->id), m->epoch);
    struct consumer_change c;
    consumer_change_begin(&c, s, g);
    consumer_change_remove(&c, m);
    consumer_change_maybe_downgrade(&c);
    consumer_change_finish(&c, NULL, NULL);
}

void consumer_member_session_expired(struct step *s, struct consumer_member *m)
{
    expel(s, m, "member expired");
}

void consumer_member_rebalance_expired(struct step *s, struct consumer_member *m)
{
    bool late = m->awaited == CONSUMER_AWAIT_JOIN ? m->epoch < m->group->epoch
                                                  : m->awaited_epoch == m->epoch;
    if (late) {
        expel(s, m, "member is too slow to rebalance");
    }
}
