/* Answers that wait for brokers; see settle.h. */
#include "controller/settle.h"

#include "base/mem.h"
#include "controller/rpc.h"

struct wait {
    struct list node; /* in settle.waits */
    struct settle *settle;
    struct rpc *rpc;
    const struct metadata_image *image; /* the response borrows from it */
    int64_t offset;
    struct metadata_ids leaders; /* of what was made, from the rpc's arena */
    int64_t deadline_ms;
    bool leaders_only; /* the others had their time */
    struct net_timer timer;
};

/* ---- who is waited for ---- */

static int32_t leader_of(const struct metadata_record *record)
{
    if (record->type == METADATA_RECORD_PARTITION) {
        return record->partition.leader;
    }
    return record->type == METADATA_RECORD_PARTITION_CHANGE ? record->partition_change.leader : -1;
}

static struct metadata_ids leaders_of(const struct rpc *rpc, size_t brokers)
{
    const struct decision *decision = &rpc->op.decision;
    int32_t *ids = ARENA_ARRAY(controller_rpc_arena(rpc), brokers, int32_t);
    struct metadata_ids leaders = {ids, 0};
    for (size_t i = 0; i < decision->count && leaders.count < brokers; i++) {
        int32_t leader = leader_of(&decision->records[i]);
        if (leader >= 0 && !metadata_ids_contain(leaders, leader)) {
            ids[leaders.count++] = leader;
        }
    }
    return leaders;
}

static bool is_settled(const struct wait *w)
{
    size_t at = 0;
    struct heartbeat_progress broker;
    while (controller_heartbeats_next(w->settle->heartbeats, &at, &broker)) {
        if (broker.metadata_offset < w->offset &&
            (!w->leaders_only || metadata_ids_contain(w->leaders, broker.broker_id))) {
            return false;
        }
    }
    return true;
}

/* ---- the wait ---- */

static void answer(struct wait *w)
{
    list_remove(&w->node);
    net_timer_stop(&w->timer);
    controller_rpc_reply(w->rpc, w->rpc->op.decision.response);
    metadata_image_unref(w->image);
    mem_free(w);
}

static void on_timer(void *arg)
{
    struct wait *w = arg;
    int64_t left_ms = w->deadline_ms - net_now_ms(w->settle->loop);
    w->leaders_only = true;
    if (left_ms <= 0 || is_settled(w)) {
        answer(w);
    } else {
        net_timer_set(&w->timer, left_ms);
    }
}

void controller_settle(struct settle *s, struct rpc *rpc, int64_t timeout_ms)
{
    struct wait *w = MEM_NEW(struct wait);
    w->settle = s;
    w->rpc = rpc;
    w->image = metadata_image_ref(rpc->op.image);
    w->offset = rpc->op.offset;
    w->leaders = leaders_of(rpc, metadata_broker_count(rpc->op.image));
    w->deadline_ms = net_now_ms(s->loop) + timeout_ms;
    list_add_tail(&s->waits, &w->node);
    net_timer_init(&w->timer, s->loop, on_timer, w);
    if (is_settled(w)) {
        answer(w);
    } else {
        net_timer_set(&w->timer, CONTROLLER_SETTLE_OTHERS_MS);
    }
}

void controller_settle_look(struct settle *s)
{
    LIST_EACH(node, &s->waits)
    {
        struct wait *w = LIST_ENTRY(node, struct wait, node);
        if (is_settled(w)) {
            answer(w);
        }
    }
}

void controller_settle_init(struct settle *s, struct net_loop *loop,
                            const struct heartbeats *heartbeats)
{
    *s = (struct settle){.loop = loop, .heartbeats = heartbeats};
    list_init(&s->waits);
}

void controller_settle_fini(struct settle *s)
{
    LIST_EACH(node, &s->waits)
    {
        answer(LIST_ENTRY(node, struct wait, node));
    }
}
