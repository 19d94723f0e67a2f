/* Sessions of brokers; see heartbeats.h. */
#include "controller/heartbeats.h"

#include "base/mem.h"
#include "controller/reach.h"

struct session {
    struct list node; /* in `silent` or `lost` while the broker is tracked */
    struct heartbeats *owner;
    int32_t id;
    int64_t epoch;
    int64_t contact_ms;      /* last heartbeat */
    int64_t lost_ms;         /* when the connection closed; only in `lost` */
    int64_t metadata_offset; /* last one reported, -1: none yet */
    int64_t committed;       /* at the last heartbeat */
    int64_t heartbeat_ms;    /* the last one, tracked or not; -1: none yet */
    int64_t caught_up_ms;    /* when it had all that was committed; -1: not yet */
    int64_t shutdown_offset; /* of the controlled shutdown; 0: as of when we became active */
    struct net_conn *conn;   /* of the last heartbeat; NULL: closed, or none yet */
    struct reach reach;      /* while the broker is tracked */
    bool tracked;            /* unfenced: has a deadline */
    bool shutting_down;
};

static struct session *find(const struct heartbeats *h, int32_t broker_id)
{
    return map_get(&h->sessions, slice_of(&broker_id, sizeof broker_id));
}

static void on_gone(void *arg);

static struct session *find_or_add(struct heartbeats *h, int32_t broker_id)
{
    struct session *s = find(h, broker_id);
    if (s == NULL) {
        s = MEM_NEW(struct session);
        s->owner = h;
        s->id = broker_id;
        s->epoch = -1;
        s->metadata_offset = -1;
        s->heartbeat_ms = -1;
        s->caught_up_ms = -1;
        s->reach = (struct reach){.gone = on_gone, .arg = s};
        list_init(&s->node);
        map_put(&h->sessions, MAP_KEY(s->id), s);
    }
    return s;
}

/* ---- the timer: at the nearest deadline of the two lists ---- */

static int64_t silent_deadline(const struct heartbeats *h)
{
    if (list_empty(&h->silent)) {
        return INT64_MAX;
    }
    return LIST_ENTRY(h->silent.next, struct session, node)->contact_ms + h->session_timeout_ms;
}

static int64_t lost_deadline(const struct heartbeats *h)
{
    if (list_empty(&h->lost)) {
        return INT64_MAX;
    }
    return LIST_ENTRY(h->lost.next, struct session, node)->lost_ms + h->grace_ms;
}

static void set_timer(struct heartbeats *h)
{
    int64_t due = min_i64(silent_deadline(h), lost_deadline(h));
    if (due == INT64_MAX) {
        net_timer_stop(&h->timer);
    } else if (!net_timer_is_set(&h->timer) || due != h->due_ms) {
        h->due_ms = due;
        net_timer_set(&h->timer, due - net_now_ms(h->loop));
    }
}

static void become_tracked(struct session *s)
{
    if (s->tracked) {
        return;
    }
    const struct metadata_endpoint *at = s->owner->address(s->owner->arg, s->id);
    s->tracked = true;
    if (at != NULL) {
        char *host = slice_dup_str(at->host);
        controller_reach_begin(&s->reach, s->owner->loop, host, at->port);
        mem_free(host);
    }
}

/* The deadline of a tracked session begins now. */
static void track(struct session *s)
{
    struct heartbeats *h = s->owner;
    list_remove(&s->node);
    become_tracked(s);
    s->contact_ms = net_now_ms(h->loop);
    list_add_tail(&h->silent, &s->node);
}

static void tell_progress(const struct heartbeats *h)
{
    if (h->progress != NULL) {
        h->progress(h->arg);
    }
}

static void untrack(struct session *s)
{
    bool was_tracked = s->tracked;
    list_remove(&s->node);
    controller_reach_end(&s->reach);
    s->tracked = false;
    if (was_tracked) {
        tell_progress(s->owner);
    }
}

static void touch_all(struct heartbeats *h)
{
    size_t at = 0;
    struct session *s;
    while ((s = map_next(&h->sessions, &at)) != NULL) {
        if (s->tracked) {
            track(s);
        }
    }
}

static void report(struct heartbeats *h, struct session *s, enum metadata_event event)
{
    const char *reason = event == METADATA_EVENT_SESSION_ENDED ? "no heartbeat"
                         : event == METADATA_EVENT_BROKER_GONE
                             ? "connection closed, a new one is refused"
                             : "connection closed";
    log_info(h->log, "controller", "broker is stale", "broker=%d reason=\"%s\"", s->id, reason);
    untrack(s);
    h->stale(h->arg, s->id, event);
}

static void on_timer(void *arg)
{
    struct heartbeats *h = arg;
    int64_t now = net_now_ms(h->loop);
    if (now - h->due_ms > h->session_timeout_ms / 2) {
        /* We were stopped or starved ourselves: the silence is not the brokers' fault. */
        log_warn(h->log, "controller", "sessions begin anew", "asleep_ms=%" PRId64,
                 now - h->due_ms);
        touch_all(h);
    } else if (lost_deadline(h) <= now) {
        report(h, LIST_ENTRY(h->lost.next, struct session, node), METADATA_EVENT_CONNECTION_LOST);
    } else if (silent_deadline(h) <= now) {
        report(h, LIST_ENTRY(h->silent.next, struct session, node), METADATA_EVENT_SESSION_ENDED);
    }
    set_timer(h);
}

/* ---- connections ---- */

/* The grace of a broker runs from `lost_ms` on; the list stays in that order. */
static void lose(struct session *s, int64_t lost_ms)
{
    struct list *before = &s->owner->lost;
    list_remove(&s->node);
    s->lost_ms = lost_ms;
    while (before->prev != &s->owner->lost &&
           LIST_ENTRY(before->prev, struct session, node)->lost_ms > lost_ms) {
        before = before->prev;
    }
    list_add_before(before, &s->node);
    become_tracked(s);
    set_timer(s->owner);
}

static void on_gone(void *arg)
{
    struct session *s = arg;
    struct heartbeats *h = s->owner;
    report(h, s, METADATA_EVENT_BROKER_GONE);
    set_timer(h);
}

static void on_close(void *arg)
{
    struct session *s = arg;
    s->conn = NULL;
    if (s->tracked) {
        lose(s, net_now_ms(s->owner->loop));
        controller_reach_lost(&s->reach);
    }
}

static void set_conn(struct session *s, struct net_conn *conn)
{
    if (s->conn == conn) {
        return;
    }
    if (s->conn != NULL) {
        net_conn_off_close(s->conn, on_close, s);
    }
    s->conn = conn;
    if (conn != NULL) {
        net_conn_on_close(conn, on_close, s);
    }
}

/* ---- calls ---- */

void controller_heartbeats_init(struct heartbeats *h)
{
    h->sessions = (struct map){0};
    list_init(&h->silent);
    list_init(&h->lost);
    net_timer_init(&h->timer, h->loop, on_timer, h);
}

void controller_heartbeats_fini(struct heartbeats *h)
{
    controller_heartbeats_clear(h);
    map_fini(&h->sessions);
}

void controller_heartbeats_begin(struct heartbeats *h, const struct metadata_image *image)
{
    struct metadata_iter it = metadata_brokers(image);
    const struct metadata_broker *broker;
    while ((broker = metadata_broker_next(&it)) != NULL) {
        struct session *s = find_or_add(h, broker->id);
        s->epoch = broker->epoch;
        /* When the shutdown began, another controller led; now is late enough. */
        s->shutdown_offset = metadata_image_offset(image);
        s->shutting_down = broker->in_controlled_shutdown;
        if (!broker->fenced) {
            /* Living brokers look for the new leader and come. One that died together with the old
             * leader has no connection here whose closing could tell. */
            lose(s, net_now_ms(h->loop) +
                        min_i64(h->discovery_ms, h->session_timeout_ms - h->grace_ms));
        }
    }
    set_timer(h);
}

static void drop(struct session *s)
{
    set_conn(s, NULL);
    controller_reach_end(&s->reach);
    list_remove(&s->node);
    map_remove(&s->owner->sessions, MAP_KEY(s->id));
    mem_free(s);
}

void controller_heartbeats_clear(struct heartbeats *h)
{
    size_t at = 0;
    struct session *s;
    while ((s = map_next(&h->sessions, &at)) != NULL) {
        drop(s);
    }
    net_timer_stop(&h->timer);
    tell_progress(h);
}

/* A broker that has what was committed at its last heartbeat had caught up then, as a replica has
 * that fetches what was the end at its last fetch. */
static void note_progress(struct session *s, const struct heartbeat_contact *contact)
{
    int64_t now = net_now_ms(s->owner->loop);
    s->metadata_offset = max_i64(s->metadata_offset, contact->metadata_offset);
    if (s->metadata_offset >= contact->committed) {
        s->caught_up_ms = now;
    } else if (s->heartbeat_ms >= 0 && s->metadata_offset >= s->committed) {
        s->caught_up_ms = s->heartbeat_ms;
    }
    s->committed = contact->committed;
    s->heartbeat_ms = now;
}

void controller_heartbeats_touch(struct heartbeats *h, const struct heartbeat_contact *contact)
{
    struct session *s = find_or_add(h, contact->broker_id);
    if (s->epoch != contact->broker_epoch) {
        /* Another process, which starts fenced. */
        untrack(s);
        s->epoch = contact->broker_epoch;
        s->metadata_offset = -1;
        s->heartbeat_ms = -1;
        s->caught_up_ms = -1;
        s->shutting_down = false;
    }
    bool more = contact->metadata_offset > s->metadata_offset;
    note_progress(s, contact);
    set_conn(s, contact->conn);
    if (s->tracked) {
        controller_reach_back(&s->reach);
        track(s);
    }
    set_timer(h);
    if (more) {
        tell_progress(h);
    }
}

void controller_heartbeats_set_state(struct heartbeats *h, int32_t broker_id,
                                     enum decide_broker_state state, int64_t offset)
{
    struct session *s = find_or_add(h, broker_id);
    bool unfenced = state == DECIDE_BROKER_UNFENCED || state == DECIDE_BROKER_CONTROLLED_SHUTDOWN;
    if (state == DECIDE_BROKER_CONTROLLED_SHUTDOWN && !s->shutting_down) {
        s->shutdown_offset = offset;
    }
    s->shutting_down = state == DECIDE_BROKER_CONTROLLED_SHUTDOWN;
    if (unfenced && !s->tracked) {
        track(s);
        if (s->conn == NULL) {
            on_close(s); /* it closed while the broker was being unfenced */
        }
    } else if (!unfenced) {
        untrack(s);
    }
    set_timer(h);
}

void controller_heartbeats_retry(struct heartbeats *h, int32_t broker_id)
{
    struct session *s = find(h, broker_id);
    if (s != NULL && !s->tracked) {
        lose(s, net_now_ms(h->loop));
    }
}

void controller_heartbeats_forget(struct heartbeats *h, int32_t broker_id)
{
    struct session *s = find(h, broker_id);
    if (s != NULL) {
        drop(s);
        set_timer(h);
        tell_progress(h);
    }
}

bool controller_heartbeats_is_live(const struct heartbeats *h, int32_t broker_id)
{
    const struct session *s = find(h, broker_id);
    return s != NULL && s->tracked && s->conn != NULL;
}

struct heartbeat_view controller_heartbeats_view(const struct heartbeats *h, int32_t broker_id)
{
    const struct session *s = find(h, broker_id);
    int64_t now = net_now_ms(h->loop);
    struct heartbeat_view view = {-1, -1, -1};
    if (s != NULL) {
        view.metadata_offset = s->metadata_offset;
        view.age_ms = s->heartbeat_ms < 0 ? -1 : now - s->heartbeat_ms;
        view.behind_ms = s->caught_up_ms < 0 ? -1 : now - s->caught_up_ms;
    }
    return view;
}

bool controller_heartbeats_next(const struct heartbeats *h, size_t *at,
                                struct heartbeat_progress *out)
{
    const struct session *s;
    while ((s = map_next(&h->sessions, at)) != NULL) {
        if (s->tracked) {
            *out = (struct heartbeat_progress){s->id, s->metadata_offset};
            return true;
        }
    }
    return false;
}

struct decide_heartbeat_soft controller_heartbeats_soft(const struct heartbeats *h,
                                                        int32_t broker_id)
{
    struct decide_heartbeat_soft soft = {.lowest_active_offset = INT64_MAX};
    size_t at = 0;
    const struct session *s;
    while ((s = map_next(&h->sessions, &at)) != NULL) {
        if (s->id == broker_id) {
            soft.shutdown_offset = s->shutdown_offset;
        } else if (s->tracked && !s->shutting_down) {
            soft.lowest_active_offset = min_i64(soft.lowest_active_offset, s->metadata_offset);
        }
    }
    return soft;
}
