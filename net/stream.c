/* A connected socket on its loop: when it is read, written, too slow, and closed. */
#include "net/stream.h"

#include "base/mem.h"
#include "net/warm.h"

/* Others wait for the stream with the budget's pass, so it may not be silent for longer. */
enum { PASS_SILENT_MS = 5000 };

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
    stream_return_pass(s);
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

/* When the time of the frame in progress is over: a slow link may need long for a large one, but
 * not be silent for long. */
static int64_t frame_due_ms(const struct stream *s)
{
    int64_t timeout_ms = s->limits->frame_timeout_ms;
    if (timeout_ms <= 0) {
        return INT64_MAX;
    }
    int64_t silent_ms = s->in.passes ? min_i64(timeout_ms, PASS_SILENT_MS) : timeout_ms;
    int64_t come = (int64_t)((s->in.have - s->frame_from) >> 20);
    return min_i64(s->frame_ms + timeout_ms * (1 + come), s->heard_ms + silent_ms);
}

void stream_frame_began(struct stream *s)
{
    s->frame_ms = net_now_ms(s->loop);
    s->heard_ms = s->frame_ms;
    s->frame_from = 0;
    s->in.uncharged = 0;
}

/* The time of the frame in progress, if any, runs. */
static void watch_frame(struct stream *s)
{
    if (!stream_is_closed(s) && s->in.buf != NULL && s->limits->frame_timeout_ms > 0) {
        watch(s, max_i64(frame_due_ms(s) - net_now_ms(s->loop), 1));
    }
}

static void on_timer(void *arg)
{
    struct stream *s = arg;
    const struct stream_limits *limits = s->limits;
    int64_t now_ms = net_now_ms(s->loop);
    /* Paused it waits for us; but others wait for who has the pass. */
    bool in_frame = s->in.buf != NULL && (s->mode == READ_ON || s->in.passes);
    bool stalled = s->stall_ms != 0;
    if (stalled && is_over(s->stall_ms, limits->stall_timeout_ms, now_ms)) {
        stream_close(s, STREAM_END_SLOW, "stalled");
        return;
    }
    if (in_frame && now_ms >= frame_due_ms(s)) {
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
        watch_frame(s);
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

static void take_pass(struct stream *s, struct budget_seat *seat)
{
    budget_take_pass(seat);
    s->in.passes = true;
    s->frame_ms = net_now_ms(s->loop); /* what came before earns no time at the others' expense */
    s->frame_from = s->in.have;
}

void stream_return_pass(struct stream *s)
{
    if (s->in.passes) {
        s->in.passes = false;
        budget_return_pass(loop_seat(s->loop, s->limits->budget));
    }
}

/* May the stream read now: a new frame, or more of the one in progress? */
static bool has_room(struct stream *s)
{
    struct net_budget *budget = s->limits->budget;
    if (s->in.buf == NULL) {
        return budget_has_room(budget);
    }
    if (!s->in.large || s->in.passes || budget_has_room_inside(budget)) {
        return true;
    }
    struct budget_seat *seat = loop_seat(s->loop, budget);
    if (budget_offers_pass(seat)) {
        take_pass(s, seat);
    }
    return s->in.passes;
}

/* Must the stream wait for room in the budget? */
static bool goes_hungry(struct stream *s)
{
    bool inside = s->in.buf != NULL;
    if (has_room(s)) {
        return false;
    }
    struct budget_seat *seat = loop_seat(s->loop, s->limits->budget);
    if (!budget_wait(seat, inside)) {
        return false;
    }
    set_read_mode(s, READ_HUNGRY);
    list_add_tail(inside ? &seat->unfinished : &seat->hungry, &s->hungry_link);
    return true;
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
        /* The peer could not go on either. */
        s->frame_ms = net_now_ms(s->loop);
        s->heard_ms = s->frame_ms;
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

/* Lets those in `list` read while there is room. */
static void feed(struct budget_seat *seat, struct list *list)
{
    while (!list_empty(list)) {
        struct stream *s = LIST_ENTRY(list->next, struct stream, hungry_link);
        if (!has_room(s) && budget_wait(seat, s->in.buf != NULL)) {
            return;
        }
        list_remove(&s->hungry_link);
        stream_touch(s);
    }
}

void streams_feed(void *arg)
{
    struct budget_seat *seat = arg;
    feed(seat, &seat->unfinished);
    feed(seat, &seat->hungry);
}
