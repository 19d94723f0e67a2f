/* A consumer group as a whole. */
#include <stdlib.h>

#include "broker/group/consumer/consumer.h"
#include "metadata/image.h"

struct consumer_group *consumer_group_new(struct group *g)
{
    ASSERT(g->consumer == NULL);
    ASSERT(g->members.count == 0);
    struct consumer_group *cg = MEM_NEW(struct consumer_group);
    cg->group = g;
    g->consumer = cg;
    return cg;
}

void consumer_group_free(struct consumer_group *cg)
{
    size_t at = 0;
    for (struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        consumer_member_remove(m);
    }
    ASSERT(cg->owners.count == 0);
    ASSERT(cg->regexes.count == 0);
    map_fini(&cg->members);
    map_fini(&cg->statics);
    map_fini(&cg->owners);
    map_fini(&cg->regexes);
    cg->group->consumer = NULL;
    mem_free(cg);
}

/* ---- settings of one group ---- */

static int32_t own_setting(const struct consumer_group *cg, const char *name, int32_t otherwise)
{
    const struct metadata_image *image = cg->group->shard->image;
    struct slice text = image == NULL ? SLICE_NULL
                                      : metadata_config_get(image, METADATA_CONFIG_GROUP,
                                                            cg->group->id, slice_str(name));
    if (slice_is_null(text)) {
        return otherwise;
    }
    char *copy = slice_dup_str(text); /* the controller has checked that it is a number */
    long long value = strtoll(copy, NULL, 10);
    mem_free(copy);
    return (int32_t)max_i64(1, min_i64(value, INT32_MAX));
}

static int32_t within(int32_t value, int32_t low, int32_t high)
{
    return (int32_t)max_i64(low, min_i64(value, high));
}

int32_t consumer_group_session_timeout(const struct consumer_group *cg)
{
    const struct group_config *config = &cg->group->shard->config;
    int32_t ms = own_setting(cg, "consumer.session.timeout.ms", -1);
    return ms < 0 ? config->consumer_session_timeout_ms
                  : within(ms, config->consumer_min_session_timeout_ms,
                           config->consumer_max_session_timeout_ms);
}

int32_t consumer_group_heartbeat_interval(const struct consumer_group *cg)
{
    const struct group_config *config = &cg->group->shard->config;
    int32_t ms = own_setting(cg, "consumer.heartbeat.interval.ms", -1);
    return ms < 0 ? config->consumer_heartbeat_interval_ms
                  : within(ms, config->consumer_min_heartbeat_interval_ms,
                           config->consumer_max_heartbeat_interval_ms);
}

/* ---- the group ---- */

void consumer_group_loaded(struct step *s, struct consumer_group *cg)
{
    size_t at = 0;
    for (struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        consumer_member_touch(s, m);
        if (m->state == CONSUMER_MEMBER_UNREVOKED && m->classic_protocols == NULL) {
            consumer_member_await(s, m, CONSUMER_AWAIT_REVOKE);
        }
    }
}

const char *consumer_group_state(const struct consumer_group *cg)
{
    if (cg->members.count == 0) {
        return "Empty";
    }
    if (cg->epoch > cg->target_epoch) {
        return "Assigning";
    }
    size_t at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        if (!consumer_member_is_reconciled(m)) {
            return "Reconciling";
        }
    }
    return "Stable";
}

static size_t votes(const struct consumer_group *cg, struct slice assignor)
{
    size_t count = 0;
    size_t at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        count += !slice_is_null(m->assignor) && slice_eq(m->assignor, assignor);
    }
    return count;
}

struct slice consumer_group_assignor(const struct consumer_group *cg)
{
    struct slice best = slice_str(cg->group->shard->config.consumer_assignor);
    size_t best_votes = 0;
    size_t at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        if (!slice_is_null(m->assignor) && !slice_eq(m->assignor, best)) {
            size_t count = votes(cg, m->assignor);
            if (count > max_size(best_votes, votes(cg, best))) {
                best = m->assignor;
                best_votes = count;
            }
        }
    }
    return best;
}

static bool has(const struct slice *names, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(names[i], name)) {
            return true;
        }
    }
    return false;
}

bool consumer_group_subscribes(const struct consumer_group *cg, struct slice topic)
{
    size_t at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        if (has(m->topics, m->topics_count, topic)) {
            return true;
        }
    }
    at = 0;
    for (const struct consumer_regex *r; (r = map_next(&cg->regexes, &at)) != NULL;) {
        if (has(r->topics, r->topics_count, topic)) {
            return true;
        }
    }
    return false;
}

enum err consumer_offsets_allowed(const struct consumer_group *cg, struct slice member_id,
                                  int32_t epoch)
{
    if (epoch < 0 && cg->members.count == 0) {
        return ERR_NONE; /* an administrator */
    }
    const struct consumer_member *m = consumer_member_find(cg, member_id);
    if (m == NULL) {
        return ERR_UNKNOWN_MEMBER_ID;
    }
    if (epoch == m->epoch) {
        return ERR_NONE;
    }
    return m->classic_protocols != NULL ? ERR_ILLEGAL_GENERATION : ERR_STALE_MEMBER_EPOCH;
}
