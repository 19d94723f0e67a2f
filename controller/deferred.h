/* Operations whose answers wait for the commit of an offset, in the order of these offsets. */
#ifndef CONTROLLER_DEFERRED_H
#define CONTROLLER_DEFERRED_H

#include "base/err.h"
#include "base/list.h"

struct controller_op;

struct deferred {
    struct list ops; /* struct controller_op, by offset */
};

void controller_deferred_init(struct deferred *d);

/* Parks `op` until `offset` is committed; offsets must not go back (asserted). */
void controller_deferred_park(struct deferred *d, struct controller_op *op, int64_t offset);

/* Finishes what waited for offsets up to `offset`. Operations parked meanwhile are not affected
 * unless their offset is reached, too. */
void controller_deferred_commit(struct deferred *d, int64_t offset);

/* Finishes everything that is parked now with an error. */
void controller_deferred_fail(struct deferred *d, enum err e);

#endif
