/* Appends on their way to the log, and what happens when their fate is known. */
#include "broker/group/consumer/consumer.h"
#include "broker/group/records.h"

struct group_pending_append *group_append_new(struct group_shard *shard)
{
    struct group_pending_append *p = MEM_NEW(struct group_pending_append);
    p->shard = shard;
    p->effect.producer_id = -1;
    p->effect.producer_epoch = -1;
    list_init(&p->node);
    list_init(&p->waiters);
    return p;
}

void group_append_free(struct group_pending_append *p)
{
    ASSERT(!group_timer_armed(&p->timer));
    arena_fini(&p->arena);
    mem_free(p->effect.records);
    mem_free(p);
}

void group_append_record(struct group_pending_append *p, struct group_record record)
{
    if (p->effect.records_count == p->records_cap) {
        p->records_cap = max_size(4, p->records_cap * 2);
        p->effect.records =
            mem_realloc(p->effect.records, p->records_cap * sizeof(struct group_record));
    }
    p->effect.records[p->effect.records_count++] = record;
}

/* Every offset that a record is about counts as undecided until the append is settled. */
static void mark_pending(struct group_pending_append *p, int change)
{
    for (size_t i = 0; i < p->effect.records_count; i++) {
        struct group_key key;
        enum err error = group_records_key(p->effect.records[i].key, &p->arena, &key);
        ASSERT(error == ERR_NONE);
        if (key.kind == GROUP_KEY_OFFSET) {
            struct group *g = group_find_or_create(p->shard, key.group);
            struct group_offset *o = group_offset_find_or_create(g, key.topic, key.partition);
            ASSERT(change > 0 || o->pending > 0);
            o->pending += (uint32_t)change;
        }
    }
}

/* The driver gets a copy: its fate may be known, and ours be forgotten, while the driver still
 * walks through the effects. */
static void hand_out(struct step *s, const struct group_pending_append *p)
{
    struct arena *arena = &s->out->arena;
    struct group_append *effect = ARENA_NEW(arena, struct group_append);
    *effect = p->effect;
    effect->records = ARENA_ARRAY(arena, p->effect.records_count, struct group_record);
    for (size_t i = 0; i < p->effect.records_count; i++) {
        effect->records[i].key = arena_dup(arena, p->effect.records[i].key);
        effect->records[i].value = arena_dup(arena, p->effect.records[i].value);
    }
    if (s->out->appends_last == NULL) {
        s->out->appends = effect;
    } else {
        s->out->appends_last->next = effect;
    }
    s->out->appends_last = effect;
}

void group_append_submit(struct step *s, struct group_pending_append *p)
{
    struct group_shard *shard = s->shard;
    ASSERT(p->effect.records_count > 0);
    p->id = shard->next_append_id++;
    p->sequence = shard->next_sequence;
    shard->next_sequence += p->effect.records_count;
    p->effect.id = p->id;
    list_add_tail(&shard->appends, &p->node);
    mark_pending(p, 1);
    if (p->answer != NULL || p->settled != NULL) {
        group_timer_arm(&shard->timers, &p->timer, GROUP_TIMER_COMMIT,
                        s->now.mono_ms + shard->config.commit_timeout_ms);
    }
    hand_out(s, p);
}

static void answer_request(struct step *s, struct group_pending_append *p, enum err error)
{
    if (error != ERR_NONE) {
        group_refusal_spoil(p->api_key, p->body, group_append_client_error(error));
    }
    group_reply_send(s, &p->reply, p->api_key, p->body);
}

void group_append_submit_or_answer(struct step *s, const struct group_request *rq,
                                   struct group_pending_append *take, void *body)
{
    if (take->effect.records_count == 0) {
        group_reply_now(s, rq, body);
        group_append_discard(s, take);
        return;
    }
    take->reply = group_reply_park(rq);
    take->api_key = rq->api_key;
    take->body = body;
    take->answer = answer_request;
    group_append_submit(s, take);
}

/* ---- lost batches ---- */

void group_lost_keep(struct group *g, const struct group_pending_append *p)
{
    for (size_t i = 0; i < p->effect.records_count; i++) {
        if (slice_is_null(p->effect.records[i].value)) {
            if (g->lost == NULL) {
                g->lost = group_append_new(p->shard);
            }
            struct slice key = arena_dup(&g->lost->arena, p->effect.records[i].key);
            group_append_record(g->lost, (struct group_record){key, SLICE_NULL});
        }
    }
}

void group_lost_write(const struct group *g, struct group_pending_append *p)
{
    for (size_t i = 0; g->lost != NULL && i < g->lost->effect.records_count; i++) {
        struct slice key = arena_dup(&p->arena, g->lost->effect.records[i].key);
        group_append_record(p, (struct group_record){key, SLICE_NULL});
    }
}

void group_lost_forget(struct group *g)
{
    if (g->lost != NULL) {
        group_append_free(g->lost);
        g->lost = NULL;
    }
}

static void settle_lost(struct step *s, struct group_pending_append *p, enum err error)
{
    struct group *g = group_find(s->shard, p->group_id);
    if (g != NULL && error != ERR_NONE) {
        group_lost_keep(g, p);
    }
}

void group_lost_take(struct group *g, struct group_pending_append *p)
{
    p->group_id = arena_dup(&p->arena, g->id);
    group_lost_write(g, p);
    group_lost_forget(g);
    if (p->settled == NULL) {
        p->settled = settle_lost;
    }
}

void group_append_classic(struct group *g, struct group_pending_append *p)
{
    if (g->lost != NULL) {
        group_lost_take(g, p);
    } else {
        p->group_id = arena_dup(&p->arena, g->id);
    }
    group_append_record(p, group_records_group(g, &p->arena));
}

/* ---- errors ---- */

enum err group_append_client_error(enum err error)
{
    /* Through the wire code, so that our own errors of the disk take the way of Kafka's. */
    int code = err_wire(error);
    switch (code) {
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_NOT_ENOUGH_REPLICAS:
    case ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ERR_REQUEST_TIMED_OUT:
        return ERR_COORDINATOR_NOT_AVAILABLE;
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_KAFKA_STORAGE_ERROR:
        return ERR_NOT_COORDINATOR;
    case ERR_MESSAGE_TOO_LARGE:
    case ERR_RECORD_LIST_TOO_LARGE:
    case ERR_INVALID_FETCH_SIZE:
        return ERR_UNKNOWN_SERVER_ERROR;
    default:
        return (enum err)code;
    }
}

/* The last tombstone of a group. */
static bool ends_group(const struct group_key *key, struct slice value)
{
    return slice_is_null(value) &&
           (key->kind == GROUP_KEY_GROUP ||
            (key->kind == GROUP_KEY_CONSUMER && key->type == GROUP_CONSUMER_KEY_EPOCH));
}

/* A tombstone of a group was decided while the group was Empty and kept it Dead since; or it was
 * that of the protocol which the group has left. */
static void settle_group_tombstone(struct step *s, struct group_pending_append *p, size_t at,
                                   const struct group_key *key, enum err error)
{
    struct group *g = group_find(s->shard, key->group);
    if (g == NULL || g->state != GROUP_STATE_DEAD) {
        return;
    }
    group_become(s, g, GROUP_STATE_EMPTY);
    if (error == ERR_NONE) {
        enum err replayed =
            group_replay_record(s->shard, -1, p->sequence + at, p->effect.records[at]);
        ASSERT(replayed == ERR_NONE);
    }
}

/* Offsets and tombstones become true by replaying their records; the records of living groups were
 * made from memory, which may be ahead of them by now, and are only for a reload. */
static void settle(struct step *s, struct group_pending_append *p, enum err error)
{
    mark_pending(p, -1);
    for (size_t i = 0; i < p->effect.records_count; i++) {
        struct group_record record = p->effect.records[i];
        struct group_key key;
        enum err read = group_records_key(record.key, &p->arena, &key);
        ASSERT(read == ERR_NONE);
        if (ends_group(&key, record.value)) {
            settle_group_tombstone(s, p, i, &key, error);
        } else if (key.kind == GROUP_KEY_OFFSET && error == ERR_NONE) {
            read = group_replay_record(s->shard, p->effect.producer_id, p->sequence + i, record);
            ASSERT(read == ERR_NONE);
        }
        struct group *g = group_find(s->shard, key.group);
        if (g != NULL && key.kind == GROUP_KEY_OFFSET) {
            group_offset_maybe_drop(g, key.topic, key.partition);
            group_maybe_forget(g);
        }
    }
}

/* The reply may point into its arena. */
static void retire(struct step *s, struct group_pending_append *p)
{
    list_remove(&p->node);
    group_timer_cancel(&s->shard->timers, &p->timer);
    p->next_spent = s->out->spent;
    s->out->spent = p;
}

static void answer_waiters(struct step *s, struct group_pending_append *p, enum err error)
{
    LIST_EACH(node, &p->waiters)
    {
        struct group_pending_append *waiter = LIST_ENTRY(node, struct group_pending_append, node);
        answer_request(s, waiter, error);
        retire(s, waiter);
    }
}

void group_append_answer_after(struct step *s, uint64_t before, const struct group_request *rq,
                               struct group_pending_append *take, void *body)
{
    LIST_EACH(node, &s->shard->appends)
    {
        struct group_pending_append *p = LIST_ENTRY(node, struct group_pending_append, node);
        if (p->id == before) {
            take->reply = group_reply_park(rq);
            take->api_key = rq->api_key;
            take->body = body;
            list_add_tail(&p->waiters, &take->node);
            return;
        }
    }
    group_append_submit_or_answer(s, rq, take, body);
}

static void answer_once(struct step *s, struct group_pending_append *p, enum err error)
{
    if (p->answer != NULL && !p->answered) {
        p->answered = true;
        group_timer_cancel(&s->shard->timers, &p->timer);
        p->answer(s, p, error);
    }
}

void group_append_timeout(struct step *s, struct group_pending_append *p)
{
    log_warn(s->shard->log, "group", "append is slow, client gets an error",
             "append=%" PRIu64 " records=%zu", p->id, p->effect.records_count);
    answer_once(s, p, ERR_REQUEST_TIMED_OUT);
    answer_waiters(s, p, ERR_REQUEST_TIMED_OUT);
}

void group_append_discard(struct step *s, struct group_pending_append *p)
{
    ASSERT(p->effect.records_count == 0);
    retire(s, p);
}

void group_append_finish(struct step *s, uint64_t append_id, enum err error)
{
    LIST_EACH(node, &s->shard->appends)
    {
        struct group_pending_append *p = LIST_ENTRY(node, struct group_pending_append, node);
        if (p->id == append_id) {
            if (error != ERR_NONE) {
                log_warn(s->shard->log, "group", "append failed", "append=%" PRIu64 " error=%s",
                         append_id, err_name(error));
            }
            settle(s, p, error);
            if (p->settled != NULL) {
                p->settled(s, p, error);
            }
            answer_once(s, p, error);
            answer_waiters(s, p, error);
            retire(s, p);
            return;
        }
    }
}

void group_append_unload_all(struct step *s)
{
    LIST_EACH(node, &s->shard->appends)
    {
        struct group_pending_append *p = LIST_ENTRY(node, struct group_pending_append, node);
        if (p->reply.waiting) {
            answer_once(s, p, ERR_NOT_COORDINATOR);
        }
        answer_waiters(s, p, ERR_NOT_COORDINATOR);
        retire(s, p);
    }
}
