/* A count of references that several threads may change.
 *
 * The one who takes the last reference away frees the object; before that it sees everything that
 * the others did to it (release, then acquire). */
#ifndef BASE_REF_H
#define BASE_REF_H

#include "base/base.h"

struct ref {
    uint32_t count;
};

static inline void ref_init(struct ref *r)
{
    r->count = 1;
}

static inline void ref_get(struct ref *r)
{
    uint32_t before = __atomic_fetch_add(&r->count, 1, __ATOMIC_RELAXED);
    ASSERT(before != 0);
}

/* True: that was the last one, free the object. */
static inline bool ref_put(struct ref *r)
{
    uint32_t before = __atomic_fetch_sub(&r->count, 1, __ATOMIC_ACQ_REL);
    ASSERT(before != 0);
    return before == 1;
}

/* Does somebody else hold a reference? False is certain only for the one who holds the last. */
static inline bool ref_shared(const struct ref *r)
{
    return __atomic_load_n(&r->count, __ATOMIC_ACQUIRE) != 1;
}

#endif
