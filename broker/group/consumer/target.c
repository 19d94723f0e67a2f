/* The target assignment: what every member should have, computed for a group epoch. */
#include <stdlib.h>

#include "broker/group/consumer/consumer.h"

static const struct consumer_assignor ASSIGNORS[] = {
    {"uniform", consumer_assign_uniform},
    {"range", consumer_assign_range},
};

const struct consumer_assignor *consumer_assignor_find(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(ASSIGNORS); i++) {
        if (slice_eq_str(name, ASSIGNORS[i].name)) {
            return &ASSIGNORS[i];
        }
    }
    return NULL;
}

static int by_member_id(const void *a, const void *b)
{
    return slice_cmp((*(struct consumer_member *const *)a)->id,
                     (*(struct consumer_member *const *)b)->id);
}

static struct consumer_member **sorted_members(const struct consumer_group *cg, struct arena *arena)
{
    struct consumer_member **members =
        ARENA_ARRAY(arena, cg->members.count, struct consumer_member *);
    size_t count = 0;
    size_t at = 0;
    for (struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL;) {
        members[count++] = m;
    }
    if (count > 1) {
        qsort(members, count, sizeof *members, by_member_id);
    }
    return members;
}

void consumer_target_update(struct consumer_change *c)
{
    struct consumer_group *cg = c->cg;
    struct arena arena = {0};
    size_t count = cg->members.count;
    struct consumer_member **members = sorted_members(cg, &arena);
    struct consumer_subscriber *subscribers =
        ARENA_ARRAY(&arena, count, struct consumer_subscriber);
    for (size_t i = 0; i < count; i++) {
        const struct consumer_member *m = members[i];
        subscribers[i].name = slice_is_null(m->instance_id) ? m->id : m->instance_id;
        subscribers[i].topics = consumer_member_topics(m, &arena, &subscribers[i].topics_count);
        subscribers[i].before = &m->target;
    }
    const struct consumer_assignor *assignor = consumer_assignor_find(consumer_group_assignor(cg));
    ASSERT(assignor != NULL);
    assignor->assign(subscribers, count);
    for (size_t i = 0; i < count; i++) {
        consumer_set_sort(&subscribers[i].target);
        if (consumer_set_eq(&members[i]->target, &subscribers[i].target)) {
            consumer_set_free(&subscribers[i].target);
            continue;
        }
        consumer_set_free(&members[i]->target);
        members[i]->target = subscribers[i].target;
        group_append_record(c->append, consumer_record_target(members[i], &c->append->arena));
    }
    cg->target_epoch = cg->epoch;
    group_append_record(c->append, consumer_record_target_epoch(cg, &c->append->arena));
    log_info(c->s->shard->log, "group", "assignment", "group=%.*s epoch=%d members=%zu assignor=%s",
             SLICE_ARG(cg->group->id), cg->target_epoch, count, assignor->name);
    arena_fini(&arena);
}
