/* What a reload restores, as text. */
#include "broker/group/consumer/consumer.h"

#include <stdlib.h>

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_hex(struct buf *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        buf_printf(out, "%02x", bytes.data[i]);
    }
}

struct lines {
    struct buf text; /* the line being made */
    char **at;
    size_t count;
    size_t cap;
};

static void end_line(struct lines *l)
{
    if (l->count == l->cap) {
        l->cap = max_size(16, l->cap * 2);
        l->at = mem_realloc(l->at, l->cap * sizeof(char *));
    }
    l->at[l->count++] = slice_dup_str(buf_slice(&l->text));
    buf_reset(&l->text);
}

static void dump_members(struct lines *l, const struct group *g)
{
    size_t at = 0;
    for (const struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        buf_printf(&l->text,
                   "member %.*s of %.*s instance=%.*s client=%.*s host=%.*s session=%d "
                   "rebalance=%d subscription=",
                   SLICE_ARG(m->id), SLICE_ARG(g->id), SLICE_ARG(m->instance_id),
                   SLICE_ARG(m->client_id), SLICE_ARG(m->client_host), m->session_timeout_ms,
                   m->rebalance_timeout_ms);
        put_hex(&l->text, group_protocols_metadata(m->protocols, g->protocol_name));
        buf_put_str(&l->text, " assignment=");
        put_hex(&l->text, m->assignment);
        end_line(l);
    }
}

static void dump_offsets(struct lines *l, const struct group *g)
{
    size_t at = 0;
    for (const struct group_topic *t; (t = map_next(&g->topics, &at)) != NULL;) {
        size_t o_at = 0;
        for (const struct group_offset *o; (o = map_next(&t->offsets, &o_at)) != NULL;) {
            if (o->committed) {
                buf_printf(&l->text,
                           "offset %.*s %.*s-%d = %" PRId64 " epoch=%d metadata=%.*s "
                           "commit=%" PRId64 " expire=%" PRId64,
                           SLICE_ARG(g->id), SLICE_ARG(t->name), o->partition, o->offset,
                           o->leader_epoch, SLICE_ARG(o->metadata), o->commit_ms, o->expire_ms);
                end_line(l);
            }
        }
    }
}

static void dump_set(struct lines *l, const char *what, const struct consumer_set *set)
{
    buf_printf(&l->text, " %s=", what);
    for (size_t i = 0; i < set->count; i++) {
        buf_printf(&l->text, "%s-%" PRId64 ",", uuid_text(set->at[i].topic).text, set->at[i].index);
    }
}

static void dump_consumer_group(struct lines *l, const struct consumer_group *cg)
{
    buf_printf(&l->text, "group %.*s state=%s epoch=%d target_epoch=%d hash=%" PRId64,
               SLICE_ARG(cg->group->id), consumer_group_state(cg), cg->epoch, cg->target_epoch,
               cg->metadata_hash);
    end_line(l);
    size_t at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        buf_printf(&l->text,
                   "member %.*s of %.*s instance=%.*s rack=%.*s client=%.*s host=%.*s "
                   "rebalance=%d regex=%.*s assignor=%.*s classic=%d epoch=%d previous=%d state=%d",
                   SLICE_ARG(m->id), SLICE_ARG(cg->group->id), SLICE_ARG(m->instance_id),
                   SLICE_ARG(m->rack_id), SLICE_ARG(m->client_id), SLICE_ARG(m->client_host),
                   m->rebalance_timeout_ms, SLICE_ARG(m->regex), SLICE_ARG(m->assignor),
                   m->classic_protocols != NULL, m->epoch, m->previous_epoch, (int)m->state);
        for (size_t i = 0; i < m->topics_count; i++) {
            buf_printf(&l->text, " reads=%.*s", SLICE_ARG(m->topics[i]));
        }
        dump_set(l, "assigned", &m->assigned);
        dump_set(l, "revoking", &m->revoking);
        dump_set(l, "target", &m->target);
        end_line(l);
    }
}

void group_shard_dump(const struct group_shard *shard, struct buf *out)
{
    struct lines l = {0};
    size_t at = 0;
    for (const struct group *g; (g = map_next(&shard->groups, &at)) != NULL;) {
        if (g->consumer != NULL) {
            dump_consumer_group(&l, g->consumer);
        } else if (g->persisted) {
            buf_printf(&l.text,
                       "group %.*s state=%s generation=%d type=%.*s protocol=%.*s leader=%.*s",
                       SLICE_ARG(g->id), group_state_name(g->state), g->generation,
                       SLICE_ARG(g->protocol_type), SLICE_ARG(g->protocol_name),
                       SLICE_ARG(g->leader == NULL ? SLICE_NULL : g->leader->id));
            end_line(&l);
            dump_members(&l, g);
        }
        dump_offsets(&l, g);
    }
    if (l.count > 0) {
        qsort(l.at, l.count, sizeof(char *), by_text);
    }
    for (size_t i = 0; i < l.count; i++) {
        buf_printf(out, "%s\n", l.at[i]);
        mem_free(l.at[i]);
    }
    mem_free(l.at);
    buf_fini(&l.text);
}
