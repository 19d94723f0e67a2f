/* Background flushes: begun and ended on the loop, run by the disk queue. */
#include "broker/replica_flush.h"

#include "base/mem.h"
#include "broker/replicas_private.h"

enum { FLUSH_RETRY_MS = 1000 }; /* without a descriptor left */

struct replica_flush {
    struct list node;        /* in the broker's list of flushes under way */
    struct replica *replica; /* NULL: gone meanwhile */
    struct store_flush flush;
};

static void run(void *arg)
{
    store_flush_run(&((struct replica_flush *)arg)->flush);
}

static void done(void *arg)
{
    struct replica_flush *flush = arg;
    struct replica *r = flush->replica;
    list_remove(&flush->node);
    if (r == NULL) {
        store_flush_drop(&flush->flush);
    } else {
        r->flushing = NULL;
        enum err e = store_log_flush_done(r->log, &flush->flush);
        if (e == ERR_BUSY) {
            replica_flush_soon(r, FLUSH_RETRY_MS);
        } else if (e != ERR_NONE) {
            replica_offline(r, "a flush failed; what was written since the last one may be lost");
        }
    }
    mem_free(flush);
}

static void begin(void *arg)
{
    struct replica *r = arg;
    if (r->flushing != NULL) {
        replica_flush_soon(r, 1); /* what came since needs a flush of its own */
        return;
    }
    struct replica_flush *flush = MEM_NEW(struct replica_flush);
    if (store_log_flush_begin(r->log, &flush->flush) != ERR_NONE) {
        mem_free(flush);
        return;
    }
    flush->replica = r;
    list_add_tail(&r->broker->replicas->flushes, &flush->node);
    r->flushing = flush;
    net_work_on(r->broker->replicas->queue, run, done, flush);
}

void replica_flush_soon(struct replica *r, int64_t delay_ms)
{
    if (r->flush_timer.loop == NULL) {
        net_timer_init(&r->flush_timer, r->broker->loop, begin, r);
    }
    int64_t due_ms = net_now_ms(r->broker->loop) + delay_ms;
    if (!net_timer_is_set(&r->flush_timer) || due_ms < net_timer_due_ms(&r->flush_timer)) {
        net_timer_set(&r->flush_timer, delay_ms);
    }
}

enum err replica_flush_appended(struct replica *r)
{
    if (store_log_flush_due(r->log)) {
        enum err e = store_log_flush(r->log);
        if (e != ERR_NONE && e != ERR_BUSY) {
            replica_offline(r, "a flush failed; what was written since the last one may be lost");
        }
        return e;
    }
    if (r->config.flush_ms < INT64_MAX && !net_timer_is_set(&r->flush_timer)) {
        replica_flush_soon(r, r->config.flush_ms);
    }
    return ERR_NONE;
}

void replica_flush_detach(struct replica *r)
{
    if (r->flush_timer.loop != NULL) {
        net_timer_stop(&r->flush_timer);
    }
    if (r->flushing != NULL) {
        r->flushing->replica = NULL;
        r->flushing = NULL;
    }
}

void replica_flushes_detach(struct broker *broker)
{
    LIST_EACH(node, &broker->replicas->flushes)
    {
        struct replica *r = LIST_ENTRY(node, struct replica_flush, node)->replica;
        if (r != NULL) {
            replica_flush_detach(r);
        }
    }
}
