/* From messages to a socket.
 *
 * The pieces of many messages go out in one call. File bytes are read into a buffer that all
 * streams of the loop share, right before the call; what the socket does not take is read again
 * later, so nothing but the descriptors waits in memory. */
#include "net/output.h"

#include <errno.h>

#include "base/mem.h"
#include "net/stream.h"
#include "net/warm.h"

/* The pieces of one write. */
struct pieces {
    struct iovec iov[OUT_IOV_MAX];
    int count;
    size_t bytes;
    size_t scratch_used;
};

void output_queue_init(struct output_queue *queue)
{
    list_init(&queue->list);
    queue->quantum = SCRATCH_OUT_BYTES;
}

void output_finish(struct output *out, bool sent)
{
    for (; out->file_next < out->file_count; out->file_next++) {
        struct net_file *file = &out->files[out->file_next].file;
        if (file->release != NULL) {
            file->release(file->arg);
        }
    }
    mem_free(out->files);
    out->files = NULL;
    out->file_count = 0;
    out->file_next = 0;
    out->done(out, sent);
}

static uint8_t *scratch_out(struct net_loop *loop)
{
    if (loop->scratch_out == NULL) {
        loop->scratch_out = mem_alloc(SCRATCH_OUT_BYTES);
    }
    return loop->scratch_out;
}

static void add_piece(struct pieces *p, uint8_t *data, size_t len)
{
    if (len > 0) {
        p->iov[p->count++] = (struct iovec){data, len};
        p->bytes += len;
    }
}

/* Reads up to `want` bytes of the range from `sent` on; returns how many, less if they are not in
 * memory (then `s->warming` is set if there are none) or cannot be read (the stream is closed). */
static size_t read_file(struct stream *s, const struct net_file *file, size_t sent, uint8_t *to,
                        size_t want)
{
    size_t got = 0;
    while (got < want) {
        int64_t pos = file->pos + (int64_t)(sent + got);
        ssize_t n = s->warmed ? os_pread(file->fd, to + got, want - got, pos)
                              : os_pread_nowait(file->fd, to + got, want - got, pos);
        if (n > 0) {
            got += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            if (got > 0 || warm_start(s, file, sent)) {
                break;
            }
            s->warmed = true; /* without a descriptor to spare it has to wait here */
        } else {
            stream_close(s, STREAM_END_FILE,
                         n == 0 ? "file ends before its promised end" : strerror(errno));
            return 0;
        }
    }
    s->warmed = false;
    return got;
}

/* The unsent pieces of `out`. True if all of them fitted. */
static bool gather_message(struct stream *s, struct pieces *p, struct output *out)
{
    size_t at = out->bytes_sent;
    size_t sent = out->file_sent;
    for (size_t i = out->file_next; i <= out->file_count; i++) {
        size_t end = i < out->file_count ? out->files[i].at : out->bytes.len;
        if (p->count == OUT_IOV_MAX) {
            return false;
        }
        add_piece(p, out->bytes.data + at, end - at);
        at = end;
        if (i == out->file_count) {
            return true;
        }
        const struct net_file *file = &out->files[i].file;
        size_t left = file->len - sent;
        size_t want = min_size(left, s->out.quantum - p->scratch_used);
        if (p->count == OUT_IOV_MAX || (want == 0 && left > 0)) {
            return false;
        }
        uint8_t *to = scratch_out(s->loop) + p->scratch_used;
        size_t got = read_file(s, file, sent, to, want);
        if (stream_is_closed(s)) {
            return false;
        }
        add_piece(p, to, got);
        p->scratch_used += got;
        if (got < left) {
            return false;
        }
        sent = 0;
    }
    UNREACHABLE();
}

/* Marks `n` bytes of `out` as sent, returns how many of them were not its own. */
static size_t advance_message(struct output *out, size_t n)
{
    for (;;) {
        bool has_file = out->file_next < out->file_count;
        size_t end = has_file ? out->files[out->file_next].at : out->bytes.len;
        size_t step = min_size(n, end - out->bytes_sent);
        out->bytes_sent += step;
        n -= step;
        if (out->bytes_sent < end || !has_file) {
            return n;
        }
        struct net_file *file = &out->files[out->file_next].file;
        step = min_size(n, file->len - out->file_sent);
        out->file_sent += step;
        n -= step;
        if (out->file_sent < file->len) {
            return n;
        }
        out->file_next++;
        out->file_sent = 0;
        if (file->release != NULL) {
            file->release(file->arg);
        }
    }
}

static bool is_sent(const struct output *out)
{
    return out->bytes_sent == out->bytes.len && out->file_next == out->file_count;
}

static void advance(struct stream *s, size_t n)
{
    s->active_ms = net_now_ms(s->loop);
    s->stall_ms = 0;
    if (s->limits->counters != NULL) {
        atomic_fetch_add_explicit(&s->limits->counters->bytes_out, (int64_t)n,
                                  memory_order_relaxed);
    }
    while (!list_empty(&s->out.list)) {
        struct output *out = LIST_ENTRY(s->out.list.next, struct output, link);
        n = advance_message(out, n);
        if (!is_sent(out)) {
            break;
        }
        list_remove(&out->link);
        output_finish(out, true);
    }
    ASSERT(n == 0);
}

/* The one place where bytes go out: > 0 sent, 0 the socket is full, < 0 the stream is closed. */
static ssize_t stream_write(struct stream *s, const struct pieces *p)
{
    ssize_t n = os_send(s->fd, p->iov, p->count);
    if (n < 0 && errno == EAGAIN) {
        return 0;
    }
    if (n < 0) {
        stream_close(s, STREAM_END_PEER, strerror(errno));
    }
    return n;
}

/* How much is read from files follows what the peer takes, as the rest is read in vain. */
static void learn_quantum(struct output_queue *queue, size_t asked, size_t sent)
{
    if (sent < asked) {
        queue->quantum = max_size(sent, WRITE_QUANTUM_MIN);
    } else if (queue->quantum < SCRATCH_OUT_BYTES) {
        queue->quantum = min_size(queue->quantum * 2, SCRATCH_OUT_BYTES);
    }
    queue->quantum = min_size(queue->quantum, SCRATCH_OUT_BYTES);
}

/* One system call; `*sent` bytes went out. */
static enum output_status write_once(struct stream *s, size_t *sent)
{
    struct pieces p;
    p.count = 0;
    p.bytes = 0;
    p.scratch_used = 0;
    LIST_EACH(node, &s->out.list)
    {
        if (!gather_message(s, &p, LIST_ENTRY(node, struct output, link)) ||
            p.count == OUT_IOV_MAX) {
            break;
        }
    }
    if (stream_is_closed(s)) {
        return OUTPUT_CLOSED;
    }
    if (p.bytes == 0 && s->warming != NULL) {
        return OUTPUT_COLD;
    }
    ssize_t n = stream_write(s, &p);
    if (n < 0) {
        return OUTPUT_CLOSED;
    }
    if (p.scratch_used > 0) {
        learn_quantum(&s->out, p.bytes, (size_t)n);
    }
    *sent = (size_t)n;
    if (n == 0) {
        return OUTPUT_BLOCKED;
    }
    advance(s, (size_t)n);
    if (list_empty(&s->out.list)) {
        return OUTPUT_EMPTY;
    }
    return (size_t)n == p.bytes ? OUTPUT_TURN : OUTPUT_BLOCKED;
}

enum output_status output_write(struct stream *s)
{
    size_t total = 0;
    while (!list_empty(&s->out.list)) {
        if (s->warming != NULL) {
            return OUTPUT_COLD;
        }
        size_t sent = 0;
        enum output_status status = write_once(s, &sent);
        total += sent;
        if (status != OUTPUT_TURN || total >= WRITE_TURN_BYTES_MAX) {
            return status;
        }
    }
    return OUTPUT_EMPTY;
}
