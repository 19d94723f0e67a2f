/* From partitions to the standard output; see consumer.h. */
#include "cli/consumer.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/growth.h"
#include "cli/progress.h"

enum {
    STEP_MS = 100,
    FLUSH_BYTES = 1 << 20,
    LEAVE_MS = 5000,
};

struct consumer {
    struct consumer_options options;
    struct cluster *cluster;
    struct net_loop *loop;
    struct puller *puller;
    struct member *member; /* NULL: no group */
    struct growth *growth; /* NULL: nothing is followed */
    struct buf out;
    struct progress progress;
    int64_t count;
    int64_t bytes;
    int64_t last_ms; /* when a record came */
    bool is_ended;
    enum consumer_end end;
    const struct member_partition *given; /* to be begun with; NULL: nothing */
    int32_t given_count;
};

/* The first reason counts. */
static void end(struct consumer *c, enum consumer_end why)
{
    if (!c->is_ended) {
        c->is_ended = true;
        c->end = why;
    }
}

/* ---- output ---- */

static void flush(void *arg)
{
    struct consumer *c = arg;
    bool is_unread = c->is_ended && c->end == CONSUMER_UNREAD;
    if (c->out.len > 0 && !is_unread && !cli_put(&c->out)) {
        end(c, CONSUMER_UNREAD);
    }
}

/* A reader that left is found even when there is nothing to write. */
static bool is_output_closed(void)
{
    struct pollfd poll_fd = {.fd = STDOUT_FILENO};
    return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & POLLERR) != 0;
}

static bool take_record(void *arg, const struct puller_record *record)
{
    struct consumer *c = arg;
    c->count++;
    c->bytes += (int64_t)(record->record.key.len + record->record.value.len);
    c->last_ms = net_now_ms(c->loop);
    if (!c->options.print(c->options.arg, record, &c->out)) {
        end(c, CONSUMER_BAD);
    } else if (c->count >= c->options.records_max) {
        end(c, CONSUMER_DONE);
    }
    if (c->out.len > FLUSH_BYTES) {
        flush(c);
    }
    return !c->is_ended;
}

/* ---- the group ---- */

static void revoked(void *arg)
{
    struct consumer *c = arg;
    flush(c);
    puller_clear(c->puller);
    c->given = NULL;
}

static int64_t position(void *arg, struct slice topic, int32_t partition)
{
    const struct consumer *c = arg;
    return puller_position(c->puller, topic, partition);
}

static void assigned(void *arg, const struct member_partition *partitions, int32_t count)
{
    struct consumer *c = arg;
    c->given = partitions;
    c->given_count = count;
}

/* Where to begin with a partition of which nothing is committed. */
static enum err find_starts(struct consumer *c, struct cluster_offset *items)
{
    bool from_begin = c->options.puller->reset == PULLER_EARLIEST;
    for (int32_t i = 0; i < c->given_count; i++) {
        items[i] =
            (struct cluster_offset){.topic = c->given[i].topic,
                                    .partition = c->given[i].partition,
                                    .timestamp = from_begin ? CLUSTER_EARLIEST : CLUSTER_LATEST};
    }
    client_restart_clock(c->options.client);
    return cluster_offsets(c->cluster, items, c->given_count);
}

/* Asks where the partitions begin, which also tells who leads them. */
static enum err begin_given(struct consumer *c)
{
    struct arena arena = {0};
    struct cluster_offset *items =
        ARENA_ARRAY(&arena, (size_t)c->given_count + 1, struct cluster_offset);
    enum err e = find_starts(c, items);
    struct cli *cli = c->options.puller->cli;
    for (int32_t i = 0; i < c->given_count && e == ERR_NONE; i++) {
        int64_t committed = c->given[i].committed;
        if (committed < 0 && items[i].error != ERR_NONE) {
            cli_complain(cli, "%.*s-%" PRId32 ": %s", SLICE_ARG(items[i].topic), items[i].partition,
                         err_text(items[i].error));
            e = items[i].error;
        } else if (committed < 0 && c->options.puller->reset == PULLER_NONE) {
            cli_complain(cli, "%.*s-%" PRId32 " has no committed offset", SLICE_ARG(items[i].topic),
                         items[i].partition);
            e = ERR_OFFSET_OUT_OF_RANGE;
        } else {
            puller_add(c->puller, &(struct puller_range){
                                      items[i].topic, items[i].partition,
                                      committed >= 0 ? committed : items[i].offset, INT64_MAX});
        }
    }
    if (e != ERR_NONE && client_why(c->options.client)[0] != '\0') {
        cli_complain(cli, "%s", client_why(c->options.client));
    }
    c->given = NULL;
    arena_fini(&arena);
    return e;
}

static enum err step_group(struct consumer *c)
{
    TRY(member_step(c->member));
    return c->given != NULL ? begin_given(c) : ERR_NONE;
}

static void step_growth(struct consumer *c)
{
    struct growth_partition grown;
    while (c->growth != NULL && growth_step(c->growth, &grown)) {
        puller_add(c->puller, &(struct puller_range){grown.topic, grown.partition, 0, INT64_MAX});
    }
}

/* ---- life ---- */

/* The second signal does not wait for anything. */
static void stop(struct consumer *c, enum consumer_end why, int signo)
{
    if (c->is_ended) {
        struct sigaction usual = {.sa_handler = SIG_DFL};
        sigaction(signo, &usual, NULL);
        raise(signo);
    }
    end(c, why);
}

static void interrupted(void *arg)
{
    stop(arg, CONSUMER_INTERRUPTED, SIGINT);
}

static void terminated(void *arg)
{
    stop(arg, CONSUMER_TERMINATED, SIGTERM);
}

struct consumer *consumer_new(const struct consumer_options *options)
{
    struct consumer *c = MEM_NEW(struct consumer);
    struct puller_options puller = *options->puller;
    puller.each = take_record;
    puller.after = flush;
    puller.arg = c;
    c->options = *options;
    c->cluster = puller.cluster;
    c->loop = client_loop(options->client);
    c->puller = puller_new(&puller);
    if (options->member != NULL) {
        struct member_options member = *options->member;
        member.assigned = assigned;
        member.revoked = revoked;
        member.position = position;
        member.arg = c;
        c->member = member_new(&member);
    }
    net_signal(c->loop, SIGINT, interrupted, c);
    net_signal(c->loop, SIGTERM, terminated, c);
    return c;
}

void consumer_free(struct consumer *c)
{
    if (c == NULL) {
        return;
    }
    member_free(c->member);
    growth_free(c->growth);
    puller_free(c->puller);
    buf_fini(&c->out);
    mem_free(c);
}

void consumer_add(struct consumer *c, const struct puller_range *range)
{
    puller_add(c->puller, range);
}

void consumer_follow(struct consumer *c, struct slice topic, int32_t partition_count)
{
    if (c->growth == NULL) {
        c->growth = growth_new(c->cluster, c->options.metadata_ms);
    }
    growth_add(c->growth, topic, partition_count);
}

void consumer_put(struct consumer *c, struct slice text)
{
    buf_put_slice(&c->out, text);
}

int64_t consumer_count(const struct consumer *c)
{
    return c->count;
}

/* ---- reading ---- */

static void check_end(struct consumer *c)
{
    int64_t silence_ms = c->options.silence_ms;
    if (c->member == NULL && puller_is_done(c->puller)) {
        end(c, CONSUMER_DONE);
    } else if (silence_ms >= 0 && net_now_ms(c->loop) - c->last_ms >= silence_ms) {
        end(c, CONSUMER_SILENT);
    } else if (is_output_closed()) {
        end(c, CONSUMER_UNREAD);
    }
}

static void turn(struct consumer *c)
{
    step_growth(c);
    if (c->member != NULL && step_group(c) != ERR_NONE) {
        end(c, CONSUMER_FAILED);
    } else if (puller_step(c->puller) != ERR_NONE) {
        end(c, CONSUMER_FAILED);
    }
    flush(c);
    check_end(c);
    if (!c->is_ended) {
        int64_t silence_ms = c->options.silence_ms;
        net_loop_step(c->loop, silence_ms >= 0 ? min_i64(silence_ms, STEP_MS) : STEP_MS);
        progress_maybe_show(&c->progress, net_now_ms(c->loop), c->count, c->bytes);
    }
}

enum consumer_end consumer_run(struct consumer *c)
{
    c->last_ms = net_now_ms(c->loop);
    c->progress = (struct progress){.is_shown = c->options.shows_progress, .start_ms = c->last_ms};
    while (!c->is_ended) {
        turn(c);
    }
    flush(c);
    if (c->member != NULL) {
        member_leave(c->member, LEAVE_MS);
    }
    progress_end(&c->progress, net_now_ms(c->loop), c->count, c->bytes);
    return c->end;
}

enum cli_exit consumer_exit(enum consumer_end why)
{
    switch (why) {
    case CONSUMER_DONE:
    case CONSUMER_SILENT:
        return CLI_OK;
    case CONSUMER_INTERRUPTED:
        return CLI_INTERRUPTED;
    case CONSUMER_TERMINATED:
        return CLI_TERMINATED;
    case CONSUMER_UNREAD:
    case CONSUMER_BAD:
    case CONSUMER_FAILED:
        break;
    }
    return CLI_FAILED;
}
