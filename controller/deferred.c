/* Parked operations; see deferred.h. */
#include "controller/deferred.h"

#include "controller/controller.h"

static struct controller_op *first(const struct deferred *d)
{
    return LIST_ENTRY(d->ops.next, struct controller_op, node);
}

void controller_deferred_init(struct deferred *d)
{
    list_init(&d->ops);
}

/* The offset that the last parked operation waits for, or -1. */
static int64_t highest(const struct deferred *d)
{
    if (list_empty(&d->ops)) {
        return -1;
    }
    return LIST_ENTRY(d->ops.prev, struct controller_op, node)->offset;
}

void controller_deferred_park(struct deferred *d, struct controller_op *op, int64_t offset)
{
    ASSERT(offset >= highest(d));
    op->offset = offset;
    list_add_tail(&d->ops, &op->node);
}

void controller_deferred_commit(struct deferred *d, int64_t offset)
{
    while (!list_empty(&d->ops) && first(d)->offset <= offset) {
        struct controller_op *op = first(d);
        list_remove(&op->node);
        controller_op_ready(op, ERR_NONE);
    }
}

void controller_deferred_fail(struct deferred *d, enum err e)
{
    /* On a list of its own: what is submitted by a finished operation is not part of this. */
    struct list failed;
    list_init(&failed);
    while (!list_empty(&d->ops)) {
        struct list *node = d->ops.next;
        list_remove(node);
        list_add_tail(&failed, node);
    }
    while (!list_empty(&failed)) {
        struct controller_op *op = LIST_ENTRY(failed.next, struct controller_op, node);
        list_remove(&op->node);
        controller_op_ready(op, e);
    }
}
