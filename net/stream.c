/* A connected socket on its loop: when it is read, written, too slow, and closed. */
#include "net/stream.h"

#include "base/mem.h"
#include "net/warm.h"

static void on_input(void *arg);
static void on_writable(void *arg);
static void on_timer(void *arg);

void stream_init(struct stream *s, struct net_loop *loop, int fd, const struct stream_ops *ops,
                 const struct stream_limits *limits)
{
    *s = (struct stream){.loop = loop, .fd = fd, .ops = ops, .limits = limits};
    list_add_tail(&loop->streams, &s->link);
    list_init(&s->service_link);
    list_init(&s->hungry_link);
    output_queue_init(&s->out);
    os_watch_init(&s->input, loop->poll, on_input, s);
    os_watch_init(&s->writable, loop->poll, on_writable, s);
    os_watch_start(&s->input, fd, OS_READ);
    s->mode = READ_ON;
    s->active_ms = net_now_ms(loop);
    net_timer_init(&s->timer, loop, on_timer, s);
    if (limits->idle_ms > 0) {
        net_timer_set(&s->timer, limits->idle_ms);
    }
}

void stream_close(struct stream *s, enum stream_end why, const char *reason)
{
    if (stream_is_closed(s)) {
        return;
    }
    os_watch_stop(&s->input);
    os_watch_stop(&s->writable);
    net_timer_stop(&s->timer);
    os_close(s->fd);
    s->fd = -1;
    list_remove(&s->link);
    list_remove(&s->service_link);
    list_remove(&s->hungry_link);
    input_fini(&s->in);
    warm_forget(s);
    while (!list_empty(&s->out.list)) {
        struct output *out = LIST_ENTRY(s->out.list.next, struct output, link);
        list_remove(&out->link);
        output_finish(out, false);
    }
    s->ops->closed(s, why, reason);
}

void stream_linger(struct stream *s)
{
    list_remove(&s->link);
    list_add_tail(&s->loop->lingering, &s->link);
}

void streams_close_all(struct net_loop *loop)
{
    while (!list_empty(&loop->streams)) {
        struct stream *s = LIST_ENTRY(loop->streams.next, struct stream, link);
        stream_close(s, STREAM_END_US, "shutting down");
    }
    while (!list_empty(&loop->lingering)) {
        struct stream *s = LIST_ENTRY(loop->lingering.next, struct stream, link);
        list_remove(&s->link);
        s->ops->abandoned(s);
    }
}

/* ---- time limits ---- */

/* One timer serves all limits: it is set no later than the first of them and looks at them anew
 * when it fires, so that traffic costs no timer operation. */
static void watch(struct stream *s, int64_t timeout_ms)
{
    int64_t due_ms = net_now_ms(s->loop) + timeout_ms;
    if (timeout_ms > 0 && (!net_timer_is_set(&s->timer) || net_timer_due_ms(&s->timer) > due_ms)) {
        net_timer_set(&s->timer, timeout_ms);
    }
}

static bool is_over(int64_t since_ms, int64_t timeout_ms, int64_t now_ms)
{
    return timeout_ms > 0 && now_ms - since_ms >= timeout_ms;
}

/* The time that the frame in progress has: a slow link may need long for a large one. */
static int64_t frame_time_ms(const struct stream *s)
{
    return s->limits->frame_timeout_ms * (int64_t)(1 + (s->in.have >> 20));
}

static void on_timer(void *arg)
{
    struct stream *s = arg;
    const struct stream_limits *limits = s->limits;
    int64_t now_ms = net_now_ms(s->loop);
    bool in_frame = s->in.buf != NULL && s->mode == READ_ON;
    bool stalled = s->stall_ms != 0;
    if (stalled && is_over(s->stall_ms, limits->stall_timeout_ms, now_ms)) {
        stream_close(s, STREAM_END_SLOW, "stalled");
        return;
    }
    if (in_frame && is_over(s->frame_ms, frame_time_ms(s), now_ms)) {
        stream_close(s, STREAM_END_SLOW, "frame not finished");
        return;
    }
    if (s->ops->is_busy(s)) {
        s->active_ms = now_ms;
    } else if (is_over(s->active_ms, limits->idle_ms, now_ms)) {
        stream_close(s, STREAM_END_IDLE, "idle");
        return;
    }
    if (limits->idle_ms > 0) {
        watch(s, s->active_ms + limits->idle_ms - now_ms);
    }
    if (stalled) {
        watch(s, s->stall_ms + limits->stall_timeout_ms - now_ms);
    }
    if (in_frame) {
        watch(s, s->frame_ms + frame_time_ms(s) - now_ms);
    }
}

/* ---- writing ---- */

static void set_writable(struct stream *s, bool on)
{
    if (on && !s->writable.on) {
        os_watch_start(&s->writable, s->fd, OS_WRITE);
    } else if (!on) {
        os_watch_stop(&s->writable);
    }
}

static void write_out(struct stream *s)
{
    if (stream_is_closed(s) || list_empty(&s->out.list)) {
        return;
    }
    enum output_status status = output_write(s);
    if (status == OUTPUT_CLOSED) {
        return;
    }
    set_writable(s, status == OUTPUT_BLOCKED);
    if (status == OUTPUT_BLOCKED && s->stall_ms == 0) {
        s->stall_ms = net_now_ms(s->loop);
        watch(s, s->limits->stall_timeout_ms);
    }
    if (status == OUTPUT_COLD) {
        s->stall_ms = 0; /* it is not the peer that is slow */
    }
    if (status == OUTPUT_TURN) {
        stream_touch(s);
    }
}

/* After new output; blocked output goes on when the socket says so. */
static void write_new(struct stream *s)
{
    if (!s->writable.on) {
        write_out(s);
    }
}

static void on_writable(void *arg)
{
    struct stream *s = arg;
    loop_entered(s->loop);
    write_out(s);
}

void stream_send(struct stream *s, struct output *out)
{
    if (stream_is_closed(s)) {
        output_finish(out, false);
        return;
    }
    list_add_tail(&s->out.list, &out->link);
    if (!s->writable.on && !s->writes_later) {
        stream_touch(s);
    }
}

/* ---- reading ---- */

static void set_read_mode(struct stream *s, enum read_mode mode)
{
    if (mode == s->mode) {
        return;
    }
    os_watch_stop(&s->input);
    s->mode = mode;
    if (mode == READ_ON) {
        os_watch_start(&s->input, s->fd, OS_READ);
    } else if (mode == READ_PAUSED) {
        os_watch_start(&s->input, s->fd, OS_HANGUP);
    }
}

/* Must the stream wait for room in the budget? A frame that has begun has its room already. */
static bool goes_hungry(struct stream *s)
{
    struct net_budget *budget = s->limits->budget;
    if (s->in.buf != NULL || budget_has_room(budget)) {
        return false;
    }
    struct budget_seat *seat = loop_seat(s->loop, budget);
    if (!budget_wait(seat)) {
        return false;
    }
    set_read_mode(s, READ_HUNGRY);
    list_add_tail(&seat->hungry, &s->hungry_link);
    return true;
}

/* The time for the frame in progress, if any, runs. */
static void watch_frame(struct stream *s)
{
    if (!stream_is_closed(s) && s->in.buf != NULL) {
        watch(s, frame_time_ms(s));
    }
}

static void on_input(void *arg)
{
    struct stream *s = arg;
    loop_entered(s->loop);
    if (s->mode == READ_PAUSED) {
        /* The peer is gone: what it waits for need not be waited for. */
        stream_close(s, STREAM_END_PEER, "closed by the peer");
        return;
    }
    if (!s->ops->may_read(s)) {
        /* Only now, as it is often allowed again before more has come. */
        set_read_mode(s, READ_PAUSED);
        return;
    }
    s->writes_later = true;
    for (int turn = 0; turn < READ_TURNS_MAX; turn++) {
        if (!s->ops->may_read(s) || goes_hungry(s) || input_read(s) != INPUT_MORE) {
            break;
        }
    }
    s->writes_later = false;
    watch_frame(s);
    write_new(s);
}

/* Input that the owner had stopped goes on when it says so. */
static void read_on(struct stream *s)
{
    if (stream_is_closed(s) || !s->ops->may_read(s)) {
        return;
    }
    s->writes_later = true;
    input_resume(s);
    s->writes_later = false;
    if (stream_is_closed(s)) {
        return;
    }
    if (list_empty(&s->hungry_link) && s->mode != READ_ON && s->ops->may_read(s)) {
        s->frame_ms = net_now_ms(s->loop); /* the peer could not go on either */
        set_read_mode(s, READ_ON);
    }
    watch_frame(s);
    write_new(s);
}

/* ---- service at the end of an iteration ---- */

void stream_touch(struct stream *s)
{
    if (!stream_is_closed(s) && list_empty(&s->service_link)) {
        list_add_tail(&s->loop->service, &s->service_link);
    }
}

void streams_service(struct net_loop *loop)
{
    if (list_empty(&loop->service)) {
        return;
    }
    /* Streams that are touched meanwhile are for the next iteration, which does not sleep. */
    struct list now;
    list_init(&now);
    list_add_head(&loop->service, &now);
    list_remove(&loop->service);
    while (!list_empty(&now)) {
        struct stream *s = LIST_ENTRY(now.next, struct stream, service_link);
        list_remove(&s->service_link);
        write_new(s);
        read_on(s); /* writes again if there is something new */
    }
}

void streams_feed(void *arg)
{
    struct budget_seat *seat = arg;
    while (!list_empty(&seat->hungry)) {
        if (!budget_has_room(seat->budget) && budget_wait(seat)) {
            return;
        }
        struct stream *s = LIST_ENTRY(seat->hungry.next, struct stream, hungry_link);
        list_remove(&s->hungry_link);
        stream_touch(s);
    }
}
