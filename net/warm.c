/* Reads of cold files, on threads of their own. */
#include "net/warm.h"

#include "base/mem.h"
#include "net/stream.h"

enum {
    WARM_THREADS = 4,
    WARM_BYTES_MAX = 1 << 20, /* at once; the kernel reads ahead of it */
    WARM_STEP_BYTES = 64 << 10
};

struct warming {
    struct stream *s; /* NULL: gone; touched on the loop only */
    int fd;           /* of its own, as the file may be released meanwhile */
    int64_t pos;
    size_t len;
};

/* On a thread. What goes wrong is found again by the loop's own read. */
static void read_range(void *arg)
{
    struct warming *w = arg;
    uint8_t *step = mem_alloc(WARM_STEP_BYTES);
    while (w->len > 0) {
        ssize_t n = os_pread(w->fd, step, min_size(w->len, WARM_STEP_BYTES), w->pos);
        if (n <= 0) {
            break;
        }
        w->pos += n;
        w->len -= (size_t)n;
    }
    mem_free(step);
}

static void warmed(void *arg)
{
    struct warming *w = arg;
    if (w->s != NULL) {
        w->s->warming = NULL;
        w->s->warmed = true;
        stream_touch(w->s);
    }
    os_file_close(w->fd);
    mem_free(w);
}

bool warm_start(struct stream *s, const struct net_file *file, size_t sent)
{
    struct net_loop *loop = s->loop;
    int fd = os_file_dup(file->fd);
    if (fd < 0) {
        return false;
    }
    struct warming *w = MEM_NEW(struct warming);
    w->s = s;
    w->fd = fd;
    w->pos = file->pos + (int64_t)sent;
    w->len = min_size(file->len - sent, WARM_BYTES_MAX);
    s->warming = w;
    if (loop->warm_queue == NULL) {
        loop->warm_queue = net_work_queue_new(loop, "cold-read", WARM_THREADS);
    }
    work_on_duty(loop->warm_queue, read_range, warmed, w);
    return true;
}

void warm_forget(struct stream *s)
{
    if (s->warming != NULL) {
        s->warming->s = NULL;
        s->warming = NULL;
    }
}
