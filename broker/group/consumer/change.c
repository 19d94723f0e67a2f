/* One change of a consumer group: its records in one batch, its answer when they are committed. */
#include "broker/group/consumer/consumer.h"
#include "broker/group/records.h"

void consumer_change_begin(struct consumer_change *c, struct step *s, struct group *g)
{
    *c = (struct consumer_change){.s = s, .cg = g->consumer, .append = group_append_new(s->shard)};
    c->append->group_id = arena_dup(&c->append->arena, g->id);
}

/* The whole group as it is, behind the tombstones of what it was. */
static void rewrite(struct consumer_group *cg, struct group_pending_append *p)
{
    group_lost_take(cg->group, p);
    consumer_record_all(cg, p);
    cg->rewrite = false;
}

/* The fate of the group's batch is known. */
static void settled(struct step *s, struct group_pending_append *p, enum err error)
{
    struct group *g = group_find(s->shard, p->group_id);
    if (g == NULL) {
        return;
    }
    if (g->consumer != NULL && g->consumer->last_append == p->id) {
        g->consumer->last_append = 0;
    }
    if (error != ERR_NONE) {
        group_lost_keep(g, p);
    }
    if (error != ERR_NONE && g->consumer != NULL) {
        g->consumer->rewrite = true;
    }
}

void consumer_change_finish(struct consumer_change *c, const struct group_request *rq, void *body)
{
    struct group_pending_append *p = c->append;
    struct consumer_group *cg = c->cg;
    /* An answer tells what memory says, also if this heartbeat changed nothing of it. */
    if (cg != NULL && cg->rewrite && (rq != NULL || p->effect.records_count > 0)) {
        rewrite(cg, p);
    }
    if (p->effect.records_count == 0) {
        uint64_t before = cg == NULL ? 0 : cg->last_append;
        if (rq == NULL) {
            group_append_discard(c->s, p);
        } else {
            group_append_answer_after(c->s, before, rq, p, body);
        }
        return;
    }
    p->settled = settled;
    if (rq != NULL) {
        group_append_submit_or_answer(c->s, rq, p, body);
    } else {
        group_append_submit(c->s, p);
    }
    if (cg != NULL) {
        cg->group->persisted = true;
        cg->last_append = p->id;
    }
}

void consumer_change_drop(struct consumer_change *c)
{
    group_append_discard(c->s, c->append);
}

static void bump_epoch(struct consumer_change *c)
{
    consumer_subscriptions_changed(c->cg); /* the record has the hash of this epoch */
    c->cg->epoch++;
    group_append_record(c->append, consumer_record_group(c->cg, &c->append->arena));
}

void consumer_change_member(struct consumer_change *c, const struct consumer_member *m)
{
    group_append_record(c->append, consumer_record_member(m, &c->append->arena));
}

void consumer_change_current(struct consumer_change *c, const struct consumer_member *m)
{
    group_append_record(c->append, consumer_record_current(m, &c->append->arena));
}

void consumer_change_remove(struct consumer_change *c, struct consumer_member *m)
{
    consumer_tombstones_member(m, c->append);
    consumer_member_remove(m);
    bump_epoch(c);
}

/* ---- the steps that follow a heartbeat ---- */

static void arm_timers(struct step *s, struct consumer_member *m)
{
    if (m->classic_protocols != NULL) {
        return; /* classic.c says what it waits for */
    }
    if (m->state == CONSUMER_MEMBER_UNREVOKED) {
        consumer_member_await(s, m, CONSUMER_AWAIT_REVOKE);
    } else {
        group_timer_cancel(&s->shard->timers, &m->rebalance);
    }
}

void consumer_change_advance(struct consumer_change *c, struct consumer_member *m,
                             const struct consumer_set *owned, bool bump)
{
    struct consumer_group *cg = c->cg;
    struct group_shard *shard = c->s->shard;
    if (cg->metadata_seen != shard->metadata_serial) {
        bump = consumer_subscriptions_changed(cg) || bump;
    }
    if (bump) {
        bump_epoch(c);
    }
    if (cg->epoch > cg->target_epoch) {
        consumer_target_update(c);
    }
    if (consumer_reconcile(m, owned)) {
        consumer_change_current(c, m);
        log_debug(shard->log, "group", "member moves",
                  "group=%.*s member=%.*s epoch=%d assigned=%zu "
                  "revoking=%zu",
                  SLICE_ARG(cg->group->id), SLICE_ARG(m->id), m->epoch, m->assigned.count,
                  m->revoking.count);
    }
    arm_timers(c->s, m);
}
