/* Input for a sender; see feeder.h. */
#include "cli/feeder.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/lines.h"

enum {
    READ_BYTES = 256 << 10,
    /* Nothing is added while this much waits to be sent. */
    WAITING_BYTES_MAX = 32 << 20,
    PIECE_BYTES_MAX = 512 << 20,
    /* How long a reader that finds nothing holds up the end of the command. */
    POLL_MS = 100,
    STEP_MS = 100,
    /* What was missed of a rate is made up for, but not more than this. */
    BURST_MS = 100,
};

struct feeder {
    struct feeder_options options;
    struct net_loop *loop;
    struct lines lines;
    uint8_t *bytes;
    size_t got;
    int64_t pieces;
    int64_t credit; /* thousandths of pieces that the rate allows now */
    int64_t credit_ms;
    bool is_reading; /* the thread has `bytes` and what follows */
    bool has_ended;
    int error;    /* errno */
    bool is_over; /* nothing will be handed over any more */
};

/* ---- reading ---- */

static void read_input(void *arg)
{
    struct feeder *f = arg;
    struct pollfd poll_fd = {.fd = f->options.fd, .events = POLLIN};
    f->got = 0;
    if (poll(&poll_fd, 1, POLL_MS) <= 0) {
        return;
    }
    ssize_t got = read(f->options.fd, f->bytes, READ_BYTES);
    if (got > 0) {
        f->got = (size_t)got;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        f->has_ended = true;
        f->error = got == 0 ? 0 : errno;
    }
}

static void took_input(void *arg)
{
    struct feeder *f = arg;
    f->is_reading = false;
    lines_put(&f->lines, slice_of(f->bytes, f->got));
}

/* ---- pieces ---- */

static void earn_credit(struct feeder *f)
{
    int64_t rate = f->options.rate;
    int64_t now_ms = net_now_ms(f->loop);
    f->credit = min_i64(f->credit + rate * (now_ms - f->credit_ms), max_i64(rate * BURST_MS, 1000));
    f->credit_ms = now_ms;
}

static bool may_add(const struct feeder *f)
{
    return !f->is_over && (f->options.rate == 0 || f->credit >= 1000) &&
           sender_waiting_bytes(f->options.sender) < WAITING_BYTES_MAX &&
           (!f->options.is_one_by_one || sender_is_idle(f->options.sender));
}

static bool next_piece(struct feeder *f, struct slice *piece)
{
    if (!slice_is_null(f->options.end) && lines_next(&f->lines, piece)) {
        return true;
    }
    if (f->is_reading || !f->has_ended || f->error != 0) {
        return false;
    }
    if (slice_is_null(f->options.end) && f->pieces == 0 && lines_pending(&f->lines) == 0) {
        *piece = slice_str(""); /* an empty file is an empty record */
        return true;
    }
    return lines_last(&f->lines, piece);
}

/* Hands over what there is. Returns whether that was all of it, so that more may be read. */
static bool add_pieces(struct feeder *f)
{
    struct slice piece;
    while (may_add(f)) {
        if (!next_piece(f, &piece)) {
            f->is_over = !f->is_reading && f->has_ended;
            return true;
        }
        f->pieces++;
        f->credit -= 1000;
        f->is_over = !f->options.each(f->options.arg, piece);
    }
    return false;
}

/* Sleeps until something happens, or the rate allows another piece. */
static void step(struct feeder *f, bool is_hungry)
{
    int64_t wait_ms = STEP_MS;
    if (!is_hungry && f->options.rate > 0 && f->credit < 1000) {
        wait_ms = min_i64((1000 - f->credit + f->options.rate - 1) / f->options.rate, STEP_MS);
    }
    net_loop_step(f->loop, wait_ms);
}

static enum err run(struct feeder *f, struct buf *why)
{
    while (!f->is_over || f->is_reading || !sender_is_idle(f->options.sender)) {
        earn_credit(f);
        bool is_hungry = add_pieces(f);
        if (is_hungry && !f->is_over && !f->is_reading) {
            f->is_reading = true;
            net_work(f->loop, read_input, took_input, f);
        }
        sender_step(f->options.sender);
        step(f, is_hungry);
        f->options.turn(f->options.arg);
        if (lines_pending(&f->lines) > PIECE_BYTES_MAX) {
            buf_printf(why, "line %" PRId64 " is longer than %d MiB", f->pieces + 1,
                       PIECE_BYTES_MAX >> 20);
            return ERR_MESSAGE_TOO_LARGE;
        }
    }
    if (f->error != 0) {
        buf_printf(why, "the input cannot be read: %s", strerror(f->error));
        return ERR_IO;
    }
    return ERR_NONE;
}

enum err feeder_run(const struct feeder_options *options, struct buf *why)
{
    struct feeder f = {.options = *options,
                       .loop = client_loop(options->client),
                       .lines = {.end = options->end},
                       .credit = 1000,
                       .bytes = mem_alloc(READ_BYTES)};
    f.credit_ms = net_now_ms(f.loop);
    lines_put(&f.lines, options->first);
    enum err e = run(&f, why);
    while (f.is_reading) {
        net_loop_step(f.loop, STEP_MS);
    }
    mem_free(f.bytes);
    lines_fini(&f.lines);
    return e;
}
