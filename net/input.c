/* From bytes to frames.
 *
 * A frame is an int32 size and so many bytes. */
#include "net/input.h"

#include <errno.h>

#include "net/stream.h"

void input_fini(struct input *in)
{
    frame_buf_unref(in->buf);
    frame_buf_unref(in->held);
    in->buf = NULL;
    in->held = NULL;
}

/* The shared buffer for the time of one read. */
static struct frame_buf *take_scratch(struct net_loop *loop)
{
    struct frame_buf *scratch = loop->scratch_in;
    loop->scratch_in = NULL;
    return scratch != NULL ? scratch : frame_buf_new(&loop->pool, SCRATCH_IN_BYTES);
}

/* Requests that are kept by their handlers keep the buffer; it counts from now on. */
static void give_scratch(struct stream *s, struct frame_buf *scratch)
{
    if (scratch->refs == 1 && s->loop->scratch_in == NULL) {
        s->loop->scratch_in = scratch;
        return;
    }
    if (scratch->refs > 1) {
        frame_buf_charge(scratch, s->limits->budget, scratch->cap);
    }
    frame_buf_unref(scratch);
}

/* Counts bytes of the frame in progress. */
static void charge(struct stream *s, size_t bytes)
{
    struct net_budget *budget = s->limits->budget;
    if (s->in.large) {
        frame_buf_charge_part(s->in.buf, budget, bytes);
    } else {
        frame_buf_charge(s->in.buf, budget, bytes);
    }
}

/* Begins a frame of which `len` bytes, fewer than `size`, are there. */
static void begin_frame(struct stream *s, size_t size, const uint8_t *bytes, size_t len)
{
    struct input *in = &s->in;
    in->buf = frame_buf_new(&s->loop->pool, max_size(len, min_size(size, FRAME_START_BYTES)));
    in->size = size;
    in->have = len;
    memcpy(in->buf->data, bytes, len);
    charge(s, len);
    stream_frame_began(s);
}

static void hold(struct stream *s, struct frame_buf *buf, const uint8_t *bytes, size_t len)
{
    struct input *in = &s->in;
    if (buf == in->held) {
        in->held_at = (size_t)(bytes - buf->data);
        in->held_len = len;
        return;
    }
    ASSERT(in->held == NULL);
    in->held = frame_buf_new(&s->loop->pool, len);
    frame_buf_charge(in->held, s->limits->budget, in->held->cap);
    memcpy(in->held->data, bytes, len);
    in->held_at = 0;
    in->held_len = len;
}

/* Hands over the frames in `len` bytes at `bytes`, which lie in `buf`, and keeps the rest. */
static void hand_over(struct stream *s, struct frame_buf *buf, const uint8_t *bytes, size_t len)
{
    struct input *in = &s->in;
    while (len >= FRAME_SIZE_BYTES) {
        if (!s->ops->may_read(s)) {
            hold(s, buf, bytes, len);
            return;
        }
        int32_t size = (int32_t)load_u32(bytes);
        if (size < 0 || size > s->limits->frame_bytes_max) {
            stream_close(s, STREAM_END_MALFORMED,
                         size < 0 ? "negative frame size" : "frame larger than the limit");
            return;
        }
        bytes += FRAME_SIZE_BYTES;
        len -= FRAME_SIZE_BYTES;
        in->large = size > FRAME_LARGE_BYTES;
        if (len < (size_t)size) {
            begin_frame(s, (size_t)size, bytes, len);
            return;
        }
        s->ops->frame(s, slice_of(bytes, (size_t)size), buf);
        if (stream_is_closed(s)) {
            return;
        }
        bytes += size;
        len -= (size_t)size;
    }
    memcpy(in->head, bytes, len);
    in->head_len = (uint8_t)len;
}

void input_resume(struct stream *s)
{
    struct input *in = &s->in;
    if (in->held == NULL) {
        return;
    }
    struct frame_buf *buf = in->held;
    const uint8_t *at = buf->data + in->held_at;
    size_t len = in->held_len;
    in->held_len = 0;
    frame_buf_ref(buf); /* the stream may be closed meanwhile */
    hand_over(s, buf, at, len);
    if (in->held == buf && in->held_len == 0) {
        frame_buf_unref(buf);
        in->held = NULL;
    }
    frame_buf_unref(buf);
}

static void count_in(struct stream *s, ssize_t n)
{
    s->active_ms = net_now_ms(s->loop);
    if (s->limits->counters != NULL) {
        atomic_fetch_add_explicit(&s->limits->counters->bytes_in, n, memory_order_relaxed);
    }
}

/* The one place where bytes come in. */
static ssize_t stream_recv(struct stream *s, const struct iovec *iov, int count)
{
    ssize_t n = os_recv(s->fd, iov, count);
    if (n > 0) {
        count_in(s, n);
    } else if (n == 0) {
        stream_close(s, STREAM_END_PEER, "closed by the peer");
    } else if (errno != EAGAIN) {
        stream_close(s, STREAM_END_PEER, strerror(errno));
    }
    return n;
}

static enum input_status status_after(const struct stream *s, ssize_t n, size_t asked)
{
    if (stream_is_closed(s)) {
        return INPUT_CLOSED;
    }
    return n == (ssize_t)asked ? INPUT_MORE : INPUT_DRAINED;
}

static void finish_frame(struct stream *s)
{
    struct input *in = &s->in;
    struct frame_buf *buf = in->buf;
    in->buf = NULL;
    frame_buf_is_whole(buf);
    frame_buf_charge(buf, s->limits->budget, in->uncharged);
    stream_return_pass(s);
    s->ops->frame(s, slice_of(buf->data, in->size), buf);
    frame_buf_unref(buf);
}

/* More of the frame in progress has come. */
static void count_part(struct stream *s, size_t bytes)
{
    s->heard_ms = net_now_ms(s->loop);
    if (s->in.passes) {
        s->in.uncharged += bytes;
    } else {
        charge(s, bytes);
    }
}

/* Reads on into the frame in progress, and a look at what follows it if that may begin. */
static enum input_status read_frame(struct stream *s)
{
    struct input *in = &s->in;
    if (in->have == in->buf->cap) {
        in->buf =
            frame_buf_grow(in->buf, in->have, min_size(in->size, in->buf->cap * FRAME_GROWTH));
    }
    size_t room = min_size(in->buf->cap, in->size) - in->have;
    bool last = in->have + room == in->size;
    struct frame_buf *scratch = NULL;
    struct iovec iov[2] = {{in->buf->data + in->have, room}};
    if (last && budget_has_room(s->limits->budget)) {
        scratch = take_scratch(s->loop);
        iov[1] = (struct iovec){scratch->data, in->large ? READ_AFTER_LARGE_BYTES : scratch->cap};
    }
    ssize_t n = stream_recv(s, iov, scratch == NULL ? 1 : 2);
    if (n > 0) {
        size_t into = min_size((size_t)n, room);
        in->have += into;
        count_part(s, into);
        if (in->have == in->size) {
            finish_frame(s);
        }
        if ((size_t)n > into && !stream_is_closed(s)) {
            hand_over(s, scratch, scratch->data, (size_t)n - into);
        }
    }
    enum input_status status = status_after(s, n, room + iov[1].iov_len);
    if (scratch != NULL) {
        give_scratch(s, scratch);
    }
    return status;
}

enum input_status input_read(struct stream *s)
{
    struct input *in = &s->in;
    if (in->held != NULL) {
        input_resume(s); /* comes first */
        return stream_is_closed(s) ? INPUT_CLOSED : in->held != NULL ? INPUT_DRAINED : INPUT_MORE;
    }
    if (in->buf != NULL) {
        return read_frame(s);
    }
    struct frame_buf *scratch = take_scratch(s->loop);
    size_t head_len = in->head_len;
    memcpy(scratch->data, in->head, head_len);
    size_t room = in->large ? READ_AFTER_LARGE_BYTES : scratch->cap - head_len;
    struct iovec iov = {scratch->data + head_len, room};
    ssize_t n = stream_recv(s, &iov, 1);
    if (n > 0) {
        in->head_len = 0;
        hand_over(s, scratch, scratch->data, head_len + (size_t)n);
    }
    enum input_status status = status_after(s, n, room);
    give_scratch(s, scratch);
    return status;
}
