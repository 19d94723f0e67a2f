/* Periodic work of the active controller; see periodic.h. */
#include "controller/periodic.h"

#include "base/mem.h"
#include "controller/decide/leaders.h"

enum {
    CAPPED_DELAY_MS = 10,    /* after a run that found more to do than one operation may do */
    FAILED_DELAY_MS = 60000, /* after a run that failed */
};

/* An operation that nobody waits for. */
struct job {
    struct controller_op op;
    struct arena arena;
    struct periodic *owner;
    struct periodic_task *task; /* NULL: fencing, or keeping the log moving */
    int32_t broker_id;          /* fencing; else -1 */
};

/* `event` happened to the broker, or, with -1, to nobody in particular. */
static void submit(struct periodic *p, struct job model, enum metadata_event event,
                   int32_t broker_id)
{
    struct job *job = MEM_NEW(struct job);
    *job = model;
    job->op.cause = metadata_cause_of(event, broker_id);
    job->broker_id = broker_id;
    job->owner = p;
    job->op.unconfirmed = true;
    job->op.arena = &job->arena;
    controller_submit(p->controller, &job->op);
}

static void job_free(struct job *job)
{
    arena_fini(&job->arena);
    mem_free(job);
}

/* ---- balance, and partitions without a leader ---- */

static void decide_task(struct controller_op *op, const struct decide_input *in,
                        struct decision *out)
{
    container_of(op, struct job, op)->task->decide(in, out);
}

static void task_done(struct controller_op *op, enum err e)
{
    struct job *job = container_of(op, struct job, op);
    struct periodic *p = job->owner;
    struct periodic_task *task = job->task;
    size_t count = op->decision.count;
    job_free(job);
    task->running = false;
    if (!controller_is_active(p->controller)) {
        return;
    }
    if (e != ERR_NONE) {
        net_timer_set(&task->timer, FAILED_DELAY_MS);
        return;
    }
    if (count > 0) {
        log_info(p->log, "controller", task == &p->balance ? "leaders balanced" : "leaders elected",
                 "partitions=%zu", count);
    }
    int64_t delay_ms = count >= DECIDE_ELECTIONS_MAX ? CAPPED_DELAY_MS : task->interval_ms;
    net_timer_set(&task->timer, task->again ? 0 : delay_ms);
}

static void on_task_timer(void *arg)
{
    struct periodic_task *task = arg;
    task->again = task->running;
    if (!task->running) {
        task->running = true;
        submit(task->owner,
               (struct job){.op = {.decide = decide_task, .done = task_done}, .task = task},
               task->event, -1);
    }
}

static void task_init(struct periodic *p, struct periodic_task *task, struct periodic_task model)
{
    *task = model;
    task->owner = p;
    net_timer_init(&task->timer, p->loop, on_task_timer, task);
}

static void task_start(struct periodic_task *task)
{
    if (task->interval_ms > 0) {
        net_timer_set(&task->timer, task->interval_ms);
    }
}

void controller_periodic_elect(struct periodic *p)
{
    if (controller_is_active(p->controller) && p->unled.interval_ms > 0) {
        net_timer_set(&p->unled.timer, 0);
    }
}

/* ---- an idle log: a NoOp record proves to brokers that it lives ---- */

static void decide_no_op(struct controller_op *op, const struct decide_input *in,
                         struct decision *out)
{
    (void)op;
    (void)in;
    decision_add(out, METADATA_RECORD_NO_OP);
}

static void no_op_done(struct controller_op *op, enum err e)
{
    (void)e; /* there will be another one */
    struct job *job = container_of(op, struct job, op);
    job->owner->no_op_running = false;
    job_free(job);
}

static void on_idle_timer(void *arg)
{
    struct periodic *p = arg;
    bool idle = controller_append_count(p->controller) == p->idle_appends;
    if (idle && !p->no_op_running) {
        p->no_op_running = true;
        submit(p, (struct job){.op = {.decide = decide_no_op, .done = no_op_done}},
               METADATA_EVENT_IDLE, -1);
    }
    p->idle_appends = controller_append_count(p->controller);
    if (controller_is_active(p->controller)) {
        net_timer_set(&p->idle_timer, p->idle_interval_ms);
    }
}

/* ---- fencing ---- */

static void decide_fencing(struct controller_op *op, const struct decide_input *in,
                           struct decision *out)
{
    decide_fence(in, container_of(op, struct job, op)->broker_id, out);
}

static void fencing_done(struct controller_op *op, enum err e)
{
    struct job *job = container_of(op, struct job, op);
    struct periodic *p = job->owner;
    if (e == ERR_NONE) {
        log_info(p->log, "controller", "broker fenced", "broker=%d records=%zu", job->broker_id,
                 op->decision.count);
    } else if (controller_is_active(p->controller)) {
        controller_heartbeats_retry(p->heartbeats, job->broker_id);
    }
    job_free(job);
}

void controller_periodic_fence(struct periodic *p, int32_t broker_id, enum metadata_event event)
{
    submit(p, (struct job){.op = {.decide = decide_fencing, .done = fencing_done}}, event,
           broker_id);
}

/* ---- calls ---- */

void controller_periodic_init(struct periodic *p, const struct settings *settings)
{
    bool balances = settings_bool(settings, "auto.leader.rebalance.enable");
    int64_t balance_s = settings_long(settings, "leader.imbalance.check.interval.seconds");
    task_init(p, &p->balance,
              (struct periodic_task){.interval_ms = balances ? balance_s * 1000 : 0,
                                     .event = METADATA_EVENT_LEADER_BALANCE,
                                     .decide = decide_balance_leaders});
    task_init(p, &p->unled,
              (struct periodic_task){
                  .interval_ms = settings_long(settings, "unclean.leader.election.interval.ms"),
                  .event = METADATA_EVENT_LEADER_MISSING,
                  .decide = decide_elect_unled});
    p->idle_interval_ms = settings_int(settings, "metadata.max.idle.interval.ms");
    net_timer_init(&p->idle_timer, p->loop, on_idle_timer, p);
}

void controller_periodic_start(struct periodic *p)
{
    task_start(&p->balance);
    task_start(&p->unled);
    p->idle_appends = controller_append_count(p->controller);
    if (p->idle_interval_ms > 0) {
        net_timer_set(&p->idle_timer, p->idle_interval_ms);
    }
}

void controller_periodic_stop(struct periodic *p)
{
    net_timer_stop(&p->balance.timer);
    net_timer_stop(&p->unled.timer);
    net_timer_stop(&p->idle_timer);
}
