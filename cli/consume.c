/* craft consume: records of a topic go to the standard output. */
#include <poll.h>
#include <unistd.h>

#include "cli/puller.h"
#include "cli/record_print.h"

enum { STEP_MS = 100 };

struct consume {
    struct cli *cli;
    struct client *client;
    struct cluster cluster;
    const struct wire_metadata_response_topics *topic;
    struct record_format format;
    struct puller *puller;
    struct buf out;
    int64_t partition;  /* −1: all */
    int64_t offset;     /* −1: by `from_beginning` */
    int64_t left;       /* records still wanted */
    int64_t silence_ms; /* −1: for ever */
    int64_t last_ms;    /* when a record came */
    bool from_beginning;
    bool until_end;
    bool is_unread; /* nobody reads our output any more */
};

/* ---- records ---- */

static void flush(void *arg)
{
    struct consume *c = arg;
    if (c->out.len > 0 && !c->is_unread && !cli_put(&c->out)) {
        c->is_unread = true;
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
    struct consume *c = arg;
    record_print(&c->format, record, &c->out);
    c->last_ms = net_now_ms(client_loop(c->client));
    c->left--;
    if (c->out.len > 1 << 20) {
        flush(c);
    }
    return c->left > 0 && !c->is_unread;
}

/* ---- where to begin, where to end ---- */

static enum cli_exit fail_offset(const struct consume *c, const struct cluster_offset *item)
{
    if (client_why(c->client)[0] != '\0') {
        return client_fail(c->cli, c->client, item->error);
    }
    return cli_fail(c->cli, "%.*s-%" PRId32 ": %s", SLICE_ARG(item->topic), item->partition,
                    err_text(item->error));
}

/* Offsets of all partitions that are wanted, in their order. */
static enum cli_exit find_offsets(struct consume *c, int64_t timestamp, struct cluster_offset **out,
                                  int32_t *count)
{
    *count = c->partition >= 0 ? 1 : c->topic->partitions_count;
    struct cluster_offset *items =
        ARENA_ARRAY(&c->cli->arena, (size_t)*count, struct cluster_offset);
    for (int32_t i = 0; i < *count; i++) {
        int32_t partition = c->partition >= 0 ? (int32_t)c->partition : i;
        items[i] = (struct cluster_offset){
            .topic = c->topic->name, .partition = partition, .timestamp = timestamp};
    }
    enum err e = cluster_offsets(&c->cluster, items, *count);
    if (e != ERR_NONE) {
        return client_fail(c->cli, c->client, e);
    }
    for (int32_t i = 0; i < *count; i++) {
        if (items[i].error != ERR_NONE) {
            return fail_offset(c, &items[i]);
        }
    }
    *out = items;
    return CLI_OK;
}

static enum cli_exit add_partitions(struct consume *c)
{
    struct cluster_offset *starts;
    struct cluster_offset *ends;
    int32_t count;
    enum cli_exit code = find_offsets(c, CLUSTER_EARLIEST, &starts, &count);
    if (code == CLI_OK) {
        code = find_offsets(c, CLUSTER_LATEST, &ends, &count);
    }
    for (int32_t i = 0; i < count && code == CLI_OK; i++) {
        int64_t start = starts[i].offset;
        int64_t end = max_i64(ends[i].offset, start);
        int64_t from = c->offset >= 0 ? c->offset : c->from_beginning ? start : end;
        if (from < start || from > end) {
            return cli_fail(c->cli,
                            "%.*s-%" PRId32 " has no offset %" PRId64 ": it begins with %" PRId64
                            ", and the next record will have %" PRId64,
                            SLICE_ARG(c->topic->name), ends[i].partition, from, start, end);
        }
        puller_add(c->puller, ends[i].partition, from, c->until_end ? end : INT64_MAX);
    }
    return code;
}

/* ---- the command ---- */

static bool is_silent(const struct consume *c)
{
    return c->silence_ms >= 0 && net_now_ms(client_loop(c->client)) - c->last_ms >= c->silence_ms;
}

static enum cli_exit pull(struct consume *c)
{
    record_print_head(&c->format, &c->out);
    c->last_ms = net_now_ms(client_loop(c->client));
    enum err e = ERR_NONE;
    while (e == ERR_NONE && !c->is_unread && !puller_is_done(c->puller) && !is_silent(c)) {
        e = puller_step(c->puller);
        flush(c);
        c->is_unread = c->is_unread || is_output_closed();
        int64_t wait_ms = c->silence_ms >= 0 ? min_i64(c->silence_ms, STEP_MS) : STEP_MS;
        net_loop_step(client_loop(c->client), wait_ms);
    }
    flush(c);
    return e == ERR_NONE && !c->is_unread ? CLI_OK : CLI_FAILED;
}

static enum cli_exit find_topic(struct consume *c)
{
    const char *name = c->cli->args.words[0];
    enum err e = cluster_find_topic(&c->cluster, slice_str(name), &c->topic);
    if (e != ERR_NONE) {
        return cluster_fail_topic(c->cli, &c->cluster, name, e);
    }
    if (c->partition >= c->topic->partitions_count) {
        return cli_fail(c->cli, "%s has no partition %" PRId64 ", only 0 to %" PRId32, name,
                        c->partition, c->topic->partitions_count - 1);
    }
    return CLI_OK;
}

static enum cli_exit consume_from(struct consume *c)
{
    c->cluster.client = c->client;
    struct puller_options options = {.cli = c->cli,
                                     .cluster = &c->cluster,
                                     .timeout_ms = client_left_ms(c->client),
                                     .each = take_record,
                                     .after = flush,
                                     .arg = c};
    enum cli_exit code = find_topic(c);
    if (code == CLI_OK) {
        options.topic = c->topic;
        c->puller = puller_new(&options);
        code = add_partitions(c);
        if (code == CLI_OK) {
            code = pull(c);
        }
        puller_free(c->puller);
    }
    cluster_fini(&c->cluster);
    buf_fini(&c->out);
    return code;
}

static bool read_options(struct consume *c)
{
    struct cli *cli = c->cli;
    c->from_beginning = args_has(&cli->args, "from-beginning");
    c->until_end = args_has(&cli->args, "until-end");
    c->format.format = cli->format;
    c->format.key_separator = slice_str(args_text(&cli->args, "key-separator"));
    c->format.topic = slice_str(cli->args.words[0]);
    if (c->from_beginning && args_has(&cli->args, "offset")) {
        buf_put_str(&cli->why, "give --from-beginning or --offset, not both");
        return false;
    }
    struct args_range any = {0, INT64_MAX};
    return cli_number(cli, "partition", (struct args_range){0, INT32_MAX}, &c->partition) &&
           cli_number(cli, "offset", any, &c->offset) &&
           cli_number(cli, "max-messages", (struct args_range){1, INT64_MAX}, &c->left) &&
           cli_number(cli, "timeout-ms", any, &c->silence_ms);
}

static enum cli_exit run_consume(struct cli *cli)
{
    struct consume c = {
        .cli = cli, .partition = -1, .offset = -1, .left = INT64_MAX, .silence_ms = -1};
    if (!read_options(&c)) {
        return cli_refuse(cli);
    }
    enum cli_exit code;
    c.client = client_open(cli, &code);
    if (c.client != NULL) {
        code = consume_from(&c);
        client_close(c.client);
    }
    return code;
}

static const struct args_option options_of_consume[] = {
    {"partition", "P", "only this one"},
    {"from-beginning", NULL, "from the oldest record on; default: what is written from now on"},
    {"offset", "N", "from this offset on, in every partition"},
    {"until-end", NULL, "end with the records that are there at the start"},
    {"max-messages", "N", "end after so many"},
    {"timeout-ms", "MS", "end when nothing came for so long"},
    {"key-separator", "TEXT", "print the key and this text in front of the value"},
    {0}};

const struct cli_verb cli_consume = {
    .noun = "consume",
    .words = "TOPIC",
    .words_min = 1,
    .words_max = 1,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Prints the records of a topic",
    .more = "Needs no group and commits nothing. By default values are printed as they are, a line "
            "each.\n--format json prints an object a line, with key, headers, offset and time. A "
            "partition that\ncannot be read for --timeout ends it with exit code 1.",
    .examples = "craft consume greetings --from-beginning --bootstrap-server 127.0.0.1:9092\n"
                "craft consume greetings --partition 0 --offset 42 --max-messages 1 --format json "
                "--bootstrap-server 127.0.0.1:9092\n"
                "craft consume greetings --from-beginning --until-end --format tsv "
                "--bootstrap-server 127.0.0.1:9092",
    .options = options_of_consume,
    .run = run_consume,
};
