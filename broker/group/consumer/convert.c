/* A group changes its protocol while it runs (KIP-848, "Migration"): up with the first member of
 * the new protocol, down when the last one of them leaves members of the classic one behind. */
#include "broker/group/consumer/consumer.h"
#include "broker/group/records.h"

/* ---- without members ---- */

void consumer_forget_empty_classic(struct consumer_change *c, struct group *g)
{
    ASSERT(g->members.count == 0);
    group_lost_take(g, c->append);
    if (g->persisted) {
        group_append_record(c->append, group_records_group_tombstone(g->id, &c->append->arena));
    }
    group_make_blank(g);
}

void consumer_forget_empty_consumer(struct step *s, struct group *g)
{
    ASSERT(g->consumer->members.count == 0);
    struct group_pending_append *p = group_append_new(s->shard);
    group_lost_take(g, p);
    consumer_tombstones_group(g->id, p);
    consumer_group_free(g->consumer);
    group_append_submit(s, p);
}

/* ---- up ---- */

static enum err take_subscription(struct consumer_member *m, const struct group_shard *shard,
                                  const struct group_member *from)
{
    struct arena arena = {0};
    struct wire_consumer_protocol_subscription subscription;
    enum err e = consumer_read_subscription(from->protocols->at[0].metadata, &arena, &subscription);
    if (e == ERR_NONE) {
        e = consumer_read_assignment(from->assignment, shard, &m->target);
    }
    if (e == ERR_NONE) {
        consumer_member_set_topics(m, subscription.topics,
                                   (size_t)max_i64(subscription.topics_count, 0));
        consumer_member_set_text(&m->rack_id, subscription.rack_id);
    }
    arena_fini(&arena);
    return e;
}

/* NULL: its bytes are not those of a consumer. */
static struct consumer_member *copy_member(const struct group_member *from)
{
    struct consumer_member *m = consumer_member_new(from->id);
    if (take_subscription(m, from->group->shard, from) != ERR_NONE) {
        consumer_member_free(m);
        return NULL;
    }
    consumer_member_set_text(&m->instance_id, from->instance_id);
    consumer_member_set_text(&m->client_id, from->client_id);
    consumer_member_set_text(&m->client_host, from->client_host);
    m->rebalance_timeout_ms = from->rebalance_timeout_ms;
    m->classic_session_timeout_ms = from->session_timeout_ms;
    m->classic_protocols = group_protocols_clone(from->protocols);
    m->epoch = from->group->generation;
    m->previous_epoch = m->epoch;
    m->state = CONSUMER_MEMBER_STABLE;
    return m;
}

static size_t copy_members(const struct group *g, struct consumer_member **out)
{
    size_t count = 0;
    size_t at = 0;
    for (const struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        out[count] = copy_member(m);
        if (out[count] == NULL) {
            break;
        }
        count++;
    }
    return count;
}

/* Who waits for the old protocol is sent to join again. */
static void leave_classic(struct consumer_change *c, struct group *g)
{
    size_t at = 0;
    for (struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        group_member_refuse(c->s, m, m->id, ERR_REBALANCE_IN_PROGRESS);
    }
    at = 0;
    for (struct group_pending_member *p; (p = map_next(&g->pending, &at)) != NULL;) {
        group_pending_member_remove(p);
    }
    group_timer_cancel(&c->s->shard->timers, &g->join_timer);
    group_timer_cancel(&c->s->shard->timers, &g->sync_timer);
    g->assign_append_id = 0;
    g->new_member_added = false;
    if (g->persisted) {
        group_append_record(c->append, group_records_group_tombstone(g->id, &c->append->arena));
    }
    group_make_blank(g);
}

enum err consumer_upgrade(struct consumer_change *c, struct group *g, struct slice *why)
{
    const struct group_config *config = &c->s->shard->config;
    size_t members = g->members.count;
    struct consumer_member **copies = mem_zalloc(members, sizeof *copies);
    size_t copied = config->consumer_upgrade && group_is_consumer(g) &&
                            members < (size_t)config->consumer_max_size
                        ? copy_members(g, copies)
                        : 0;
    if (copied < members) {
        for (size_t i = 0; i < copied; i++) {
            consumer_member_free(copies[i]);
        }
        mem_free(copies);
        *why = slice_str(arena_printf(&c->append->arena, "Group %.*s is not a consumer group.",
                                      SLICE_ARG(g->id)));
        return ERR_GROUP_ID_NOT_FOUND;
    }
    int32_t generation = g->generation;
    log_info(c->s->shard->log, "group", "changes to the consumer protocol",
             "group=%.*s generation=%d members=%zu", SLICE_ARG(g->id), generation, members);
    group_lost_take(g, c->append);
    leave_classic(c, g);
    struct consumer_group *cg = consumer_group_new(g);
    cg->epoch = generation;
    cg->target_epoch = generation;
    for (size_t i = 0; i < members; i++) {
        consumer_member_add(cg, copies[i]);
        consumer_member_set_partitions(copies[i], consumer_set_copy(&copies[i]->target),
                                       (struct consumer_set){0});
        consumer_member_touch(c->s, copies[i]);
    }
    consumer_record_all(cg, c->append);
    mem_free(copies);
    return ERR_NONE;
}

/* ---- down ---- */

static bool all_classic(const struct consumer_group *cg)
{
    size_t at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        if (m->classic_protocols == NULL) {
            return false;
        }
    }
    return cg->members.count > 0;
}

static struct group_member *copy_back(const struct consumer_member *from, struct arena *arena)
{
    struct group_member *m = MEM_NEW(struct group_member);
    m->id = group_own(from->id);
    m->instance_id = group_own(from->instance_id);
    m->client_id = group_own(from->client_id);
    m->client_host = group_own(from->client_host);
    m->rebalance_timeout_ms = from->rebalance_timeout_ms;
    m->session_timeout_ms = from->classic_session_timeout_ms;
    m->protocols = group_protocols_clone(from->classic_protocols);
    m->assignment = group_own(consumer_write_assignment(from, arena));
    return m;
}

/* Do the members have a protocol in common? Without one they cannot be a classic group. */
static bool have_common_protocol(const struct group *g)
{
    size_t at = 0;
    for (const struct group_protocol_count *p; (p = map_next(&g->protocols, &at)) != NULL;) {
        if (p->members == g->members.count) {
            return true;
        }
    }
    return false;
}

static void become_classic(struct consumer_change *c, struct group *g, int32_t generation)
{
    struct step *s = c->s;
    g->protocol_type = group_own(slice_str("consumer"));
    g->protocol_name = group_own(group_protocols_select(g));
    g->generation = generation;
    g->state = GROUP_STATE_STABLE;
    g->state_since_ms = s->now.wall_ms;
    g->persisted = true;
    group_subscriptions_update(g);
    group_append_record(c->append, group_records_group(g, &c->append->arena));
    size_t at = 0;
    for (struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        group_member_touch(s, m);
    }
    group_rebalance_prepare(s, g, "the last member of the consumer protocol left");
}

/* The generation of a classic group is what its members know: they are told to join again, not that
 * they are strangers. */
static int32_t newest_epoch(const struct consumer_group *cg)
{
    int32_t newest = 0;
    size_t at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        newest = (int32_t)max_i64(newest, m->epoch);
    }
    return newest;
}

void consumer_change_maybe_downgrade(struct consumer_change *c)
{
    struct consumer_group *cg = c->cg;
    struct group *g = cg->group;
    if (!c->s->shard->config.consumer_downgrade || !all_classic(cg) ||
        cg->members.count > (size_t)c->s->shard->config.max_size) {
        return;
    }
    log_info(c->s->shard->log, "group", "changes to the classic protocol",
             "group=%.*s epoch=%d members=%zu", SLICE_ARG(g->id), cg->epoch, cg->members.count);
    group_lost_take(g, c->append);
    struct group_member **copies = mem_zalloc(cg->members.count, sizeof *copies);
    size_t count = 0;
    size_t at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        consumer_tombstones_member(m, c->append);
        copies[count++] = copy_back(m, &c->append->arena);
    }
    consumer_tombstones_group(g->id, c->append);
    int32_t generation = newest_epoch(cg);
    consumer_group_free(cg);
    c->cg = NULL;
    for (size_t i = 0; i < count; i++) {
        group_member_add(g, copies[i]);
    }
    mem_free(copies);
    ASSERT(have_common_protocol(g));
    become_classic(c, g, generation);
}
