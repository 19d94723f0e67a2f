/* The assignment protocols of members, the vote among them, and the topics they subscribe to. */
#include "broker/group/consumer/consumer.h"

/* ---- lists ---- */

static struct group_protocols *protocols_alloc(size_t count, size_t bytes, uint8_t **strings)
{
    struct group_protocols *p =
        mem_zalloc(1, sizeof *p + count * sizeof(struct group_protocol) + bytes);
    *strings = (uint8_t *)&p->at[count];
    return p;
}

static struct slice put_string(uint8_t **strings, struct slice s)
{
    uint8_t *at = *strings;
    if (s.len > 0) {
        memcpy(at, s.data, s.len);
    }
    *strings += s.len;
    return slice_of(at, s.len);
}

static const struct group_protocol *find_protocol(const struct group_protocols *p,
                                                  struct slice name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (slice_eq(p->at[i].name, name)) {
            return &p->at[i];
        }
    }
    return NULL;
}

struct group_protocols *group_protocols_copy(const struct wire_join_group_request *body)
{
    size_t count = (size_t)max_i64(body->protocols_count, 0);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += body->protocols[i].name.len + body->protocols[i].metadata.len;
    }
    uint8_t *strings;
    struct group_protocols *p = protocols_alloc(count, bytes, &strings);
    for (size_t i = 0; i < count; i++) {
        p->at[i].name = put_string(&strings, body->protocols[i].name);
        p->at[i].metadata = put_string(&strings, body->protocols[i].metadata);
    }
    p->count = count;
    return p;
}

struct group_protocols *group_protocols_clone(const struct group_protocols *p)
{
    size_t bytes = 0;
    for (size_t i = 0; i < p->count; i++) {
        bytes += p->at[i].name.len + p->at[i].metadata.len;
    }
    uint8_t *strings;
    struct group_protocols *copy = protocols_alloc(p->count, bytes, &strings);
    for (size_t i = 0; i < p->count; i++) {
        copy->at[i].name = put_string(&strings, p->at[i].name);
        copy->at[i].metadata = put_string(&strings, p->at[i].metadata);
    }
    copy->count = p->count;
    return copy;
}

struct group_protocols *group_protocols_one(struct slice name, struct slice metadata)
{
    uint8_t *strings;
    struct group_protocols *p = protocols_alloc(1, name.len + metadata.len, &strings);
    p->at[0].name = put_string(&strings, name);
    p->at[0].metadata = put_string(&strings, metadata);
    p->count = 1;
    return p;
}

bool group_protocols_equal(const struct group_protocols *p,
                           const struct wire_join_group_request *body)
{
    if (p->count != (size_t)max_i64(body->protocols_count, 0)) {
        return false;
    }
    for (size_t i = 0; i < p->count; i++) {
        if (!slice_eq(p->at[i].name, body->protocols[i].name) ||
            !slice_eq(p->at[i].metadata, body->protocols[i].metadata)) {
            return false;
        }
    }
    return true;
}

struct slice group_protocols_metadata(const struct group_protocols *p, struct slice name)
{
    const struct group_protocol *found = find_protocol(p, name);
    return found == NULL ? slice_str("") : found->metadata;
}

/* ---- the vote ---- */

static void count_one(struct group *g, struct slice name, int change)
{
    struct group_protocol_count *c = map_get(&g->protocols, name);
    if (c == NULL) {
        ASSERT(change > 0);
        c = MEM_NEW(struct group_protocol_count);
        c->name = group_own(name);
        map_put(&g->protocols, c->name, c);
    }
    ASSERT(change > 0 || c->members > 0);
    c->members += (size_t)change;
    if (c->members == 0) {
        map_remove(&g->protocols, c->name);
        group_disown(&c->name);
        mem_free(c);
    }
}

void group_protocols_count(struct group *g, const struct group_protocols *p, int change)
{
    for (size_t i = 0; i < p->count; i++) {
        /* A name that comes twice counts once, or it would outvote the number of members. */
        if (find_protocol(p, p->at[i].name) == &p->at[i]) {
            count_one(g, p->at[i].name, change);
        }
    }
}

static bool all_support(const struct group *g, struct slice name)
{
    const struct group_protocol_count *c = map_get(&g->protocols, name);
    return (c == NULL ? 0 : c->members) == g->members.count;
}

bool group_protocols_fit(const struct group *g, const struct wire_join_group_request *body)
{
    if (body->protocols_count > GROUP_PROTOCOLS_MAX) {
        return false;
    }
    if (g->state == GROUP_STATE_EMPTY) {
        return body->protocol_type.len > 0 && body->protocols_count > 0;
    }
    if (!slice_eq(g->protocol_type, body->protocol_type)) {
        return false;
    }
    for (int64_t i = 0; i < body->protocols_count; i++) {
        if (all_support(g, body->protocols[i].name)) {
            return true;
        }
    }
    return false;
}

/* The first of its protocols that everybody supports. */
static struct slice vote(const struct group *g, const struct group_member *m)
{
    for (size_t i = 0; i < m->protocols->count; i++) {
        if (all_support(g, m->protocols->at[i].name)) {
            return m->protocols->at[i].name;
        }
    }
    UNREACHABLE();
}

struct slice group_protocols_select(const struct group *g)
{
    ASSERT(g->members.count > 0);
    struct tally {
        struct slice name;
        size_t votes;
    };
    struct tally *tallies = mem_zalloc(g->protocols.count, sizeof *tallies);
    size_t count = 0;
    size_t at = 0;
    for (const struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        struct slice name = vote(g, m);
        size_t i = 0;
        while (i < count && !slice_eq(tallies[i].name, name)) {
            i++;
        }
        if (i == count) {
            tallies[count++].name = name;
        }
        tallies[i].votes++;
    }
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        if (tallies[i].votes > tallies[best].votes) {
            best = i;
        }
    }
    struct slice name = tallies[best].name;
    mem_free(tallies);
    return name;
}

/* ---- subscriptions ---- */

struct subscribed_topic {
    struct slice name;
};

void group_subscriptions_clear(struct group *g)
{
    size_t at = 0;
    for (struct subscribed_topic *t; (t = map_next(&g->subscribed, &at)) != NULL;) {
        group_disown(&t->name);
        mem_free(t);
    }
    map_fini(&g->subscribed);
    g->subscribed_known = false;
}

/* The head that all versions of the consumer's subscription share: version, topics. */
static bool read_subscription(struct group *g, struct slice metadata)
{
    struct reader r = reader_of(metadata);
    reader_i16(&r);
    int32_t count = reader_i32(&r);
    for (int32_t i = 0; i < count && !r.bad; i++) {
        int16_t len = reader_i16(&r);
        struct slice name = reader_bytes(&r, len < 0 ? SIZE_MAX : (size_t)len);
        if (!r.bad && map_get(&g->subscribed, name) == NULL) {
            struct subscribed_topic *t = MEM_NEW(struct subscribed_topic);
            t->name = group_own(name);
            map_put(&g->subscribed, t->name, t);
        }
    }
    return !r.bad && count >= 0;
}

void group_subscriptions_update(struct group *g)
{
    group_subscriptions_clear(g);
    if (!group_is_consumer(g) || (g->members.count > 0 && slice_is_null(g->protocol_name))) {
        return;
    }
    g->subscribed_known = true;
    size_t at = 0;
    for (const struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        if (!read_subscription(g, group_protocols_metadata(m->protocols, g->protocol_name))) {
            log_warn(g->shard->log, "group", "subscription is not readable",
                     "group=%.*s protocol=%.*s", SLICE_ARG(g->id), SLICE_ARG(g->protocol_name));
            group_subscriptions_clear(g);
            return;
        }
    }
}

bool group_subscriptions_include(const struct group *g, struct slice topic)
{
    if (g->consumer != NULL) {
        return consumer_group_subscribes(g->consumer, topic);
    }
    return g->subscribed_known ? map_get(&g->subscribed, topic) != NULL : group_is_consumer(g);
}
