/* Retention of offsets (KIP-211): what nobody needs any more is forgotten, then its group. */
#include "broker/group/consumer/consumer.h"
#include "broker/group/records.h"

void group_expire_schedule(struct step *s)
{
    group_timer_arm(&s->shard->timers, &s->shard->expiry, GROUP_TIMER_EXPIRY,
                    s->now.mono_ms + max_i64(s->shard->config.offsets_retention_check_ms, 1));
}

/* Whether offsets of this group can expire at all, and the time since when they do: that of the
 * commit, or of the whole group's emptiness (`*since_ms`, -1 for the former). */
static bool can_expire(const struct group *g, int64_t *since_ms)
{
    *since_ms = -1;
    if (slice_is_null(g->protocol_type)) {
        return true; /* a simple consumer: nobody is ever a member; or a consumer group */
    }
    if (g->state == GROUP_STATE_EMPTY) {
        *since_ms = g->state_since_ms;
        return true;
    }
    /* Living consumers: topics that none of them reads any more. */
    return g->state == GROUP_STATE_STABLE && group_is_consumer(g) && g->subscribed_known;
}

static bool is_expired(const struct step *s, const struct group_offset *o, int64_t since_ms)
{
    if (o->expire_ms >= 0) {
        return s->now.wall_ms >= o->expire_ms;
    }
    int64_t base_ms = since_ms >= 0 ? since_ms : o->commit_ms;
    return s->now.wall_ms - base_ms >= s->shard->config.offsets_retention_ms;
}

/* True if no offset is left. */
static bool expire_offsets(struct tombstones *t, const struct group *g)
{
    int64_t since_ms;
    bool possible = can_expire(g, &since_ms);
    bool nothing_left = true;
    size_t t_at = 0;
    for (const struct group_topic *topic; (topic = map_next(&g->topics, &t_at)) != NULL;) {
        bool kept = !possible || group_subscriptions_include(g, topic->name);
        size_t o_at = 0;
        for (const struct group_offset *o; (o = map_next(&topic->offsets, &o_at)) != NULL;) {
            if (kept || o->pending > 0 || !is_expired(t->s, o, since_ms)) {
                nothing_left = false;
                continue;
            }
            group_tombstone_offset(t, &(struct group_key){.kind = GROUP_KEY_OFFSET,
                                                          .group = g->id,
                                                          .topic = topic->name,
                                                          .partition = o->partition});
            t->s->shard->offsets_expired++;
        }
    }
    return nothing_left;
}

void group_expire_run(struct step *s)
{
    struct tombstones t = {.s = s};
    size_t at = 0;
    for (struct group *g; (g = map_next(&s->shard->groups, &at)) != NULL;) {
        if (g->state == GROUP_STATE_DEAD) {
            continue;
        }
        if (expire_offsets(&t, g) && group_has_no_members(g) && g->pending.count == 0) {
            log_info(s->shard->log, "group", "expired", "group=%.*s generation=%d",
                     SLICE_ARG(g->id), g->generation);
            group_tombstone_group(&t, g);
        }
    }
    group_tombstones_finish(&t);
    group_expire_schedule(s);
}
