/* Slots: from open requests to responses in order. */
#include "net/slot.h"

#include "base/mem.h"
#include "net/budget.h"
#include "net/conn_struct.h"

static void slot_sent(struct output *out, bool sent);

struct slot *slot_new(struct net_conn *conn)
{
    struct slot *slot = MEM_NEW(struct slot);
    slot->req.conn = conn;
    slot->req.loop = conn->stream.loop;
    slot->req.server = conn->server;
    slot->out.done = slot_sent;
    list_init(&slot->out.link);
    list_add_tail(&conn->slots, &slot->link);
    conn->open_slots++;
    return slot;
}

static struct net_budget *budget_of(const struct slot *slot)
{
    return slot->req.conn->stream.limits->budget;
}

/* Most requests are small, and cheaper to leave out than to count. */
enum { CHARGED_FROM_BYTES = 16 << 10 };

void slot_charge(struct slot *slot)
{
    ASSERT(slot->charged == 0);
    if (slot->req.arena.total >= CHARGED_FROM_BYTES) {
        slot->charged = slot->req.arena.total;
        budget_charge(budget_of(slot), slot->charged);
    }
}

static void free_request(struct slot *slot)
{
    if (slot->charged > 0) {
        budget_release(budget_of(slot), slot->charged);
        slot->charged = 0;
    }
    arena_fini(&slot->req.arena);
    frame_buf_unref(slot->frame);
    slot->frame = NULL;
}

static void free_slot(struct slot *slot)
{
    struct net_conn *conn = slot->req.conn;
    if (slot->state == SLOT_OPEN) {
        conn->open_slots--;
        free_request(slot);
    } else {
        conn->queued_bytes -= slot->weight;
    }
    list_remove(&slot->link);
    frame_pool_give_buf(&conn->stream.loop->pool, &slot->out.bytes);
    mem_free(slot);
}

/* The response is in the socket or dropped. */
static void slot_sent(struct output *out, bool sent)
{
    (void)sent;
    struct slot *slot = container_of(out, struct slot, out);
    struct net_conn *conn = slot->req.conn;
    free_slot(slot);
    conn_settle(conn);
}

/* Hands the responses that are next to the stream. */
static void advance(struct net_conn *conn)
{
    while (!list_empty(&conn->slots)) {
        struct slot *slot = LIST_ENTRY(conn->slots.next, struct slot, link);
        if (slot->state == SLOT_OPEN) {
            break;
        }
        if (slot->silent) {
            free_slot(slot);
            continue;
        }
        slot->state = SLOT_SENDING;
        list_remove(&slot->link);
        list_add_tail(&conn->sending, &slot->link);
        stream_send(&conn->stream, &slot->out);
    }
}

void slot_complete(struct slot *slot, bool silent)
{
    struct net_conn *conn = slot->req.conn;
    ASSERT(slot->state == SLOT_OPEN);
    free_request(slot);
    conn->open_slots--;
    slot->state = SLOT_READY;
    slot->silent = silent;
    slot->weight = sizeof *slot + slot->out.bytes.cap;
    conn->queued_bytes += slot->weight;
    if (stream_is_closed(&conn->stream)) {
        output_finish(&slot->out, false);
        return;
    }
    advance(conn);
    conn_settle(conn);
}

void slots_conn_closed(struct net_conn *conn)
{
    LIST_EACH(node, &conn->slots)
    {
        struct slot *slot = LIST_ENTRY(node, struct slot, link);
        if (slot->state == SLOT_READY) {
            output_finish(&slot->out, false);
        }
    }
    /* A hook may answer this request and others, so look from the start after each. */
    for (bool again = true; again;) {
        again = false;
        LIST_EACH(node, &conn->slots)
        {
            struct slot *slot = LIST_ENTRY(node, struct slot, link);
            if (slot->on_close != NULL) {
                net_fn *fn = slot->on_close;
                slot->on_close = NULL;
                fn(slot->on_close_arg);
                again = true;
                break;
            }
        }
    }
}

void slots_drop(struct net_conn *conn)
{
    ASSERT(list_empty(&conn->sending));
    while (!list_empty(&conn->slots)) {
        free_slot(LIST_ENTRY(conn->slots.next, struct slot, link));
    }
}
