/* craft produce: lines of the standard input become records of a topic. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/lines.h"
#include "cli/sender.h"

enum {
    READ_BYTES = 256 << 10,
    /* Reading pauses while this much waits to be sent. */
    WAITING_BYTES_MAX = 32 << 20,
    LINE_BYTES_MAX = 512 << 20,
    /* How long a reader that finds nothing holds up the end of the command. */
    POLL_MS = 100,
    STEP_MS = 100,
    PROGRESS_MS = 500,
    COMPLAINTS_MAX = 10,
};

/* The standard input, read on another thread, as nobody knows when something will come. */
struct input {
    uint8_t *bytes;
    size_t got;
    bool is_reading; /* the thread has it */
    bool has_ended;
    int error; /* errno */
};

struct produce {
    struct cli *cli;
    struct client *client;
    struct sender *sender;
    struct input input;
    struct lines lines;
    struct lines_format format;
    int64_t partition; /* −1: by key, or any */
    int64_t line_number;
    int64_t bad_lines;
    int64_t started_ms;
    int64_t progress_ms; /* when it was shown last */
    bool shows_progress;
};

/* ---- input ---- */

static void read_input(void *arg)
{
    struct input *input = arg;
    struct pollfd poll_fd = {.fd = STDIN_FILENO, .events = POLLIN};
    input->got = 0;
    if (poll(&poll_fd, 1, POLL_MS) <= 0) {
        return;
    }
    ssize_t got = read(STDIN_FILENO, input->bytes, READ_BYTES);
    if (got > 0) {
        input->got = (size_t)got;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        input->has_ended = true;
        input->error = got == 0 ? 0 : errno;
    }
}

static void add_line(struct produce *p, struct slice line)
{
    struct slice key;
    struct slice value;
    p->line_number++;
    if (!lines_split(&p->format, line, &key, &value)) {
        if (p->bad_lines++ < COMPLAINTS_MAX) {
            cli_complain(p->cli, "line %" PRId64 " has no \"%.*s\", so it has no key",
                         p->line_number, SLICE_ARG(p->format.key_separator));
        }
        return;
    }
    int32_t partition = (int32_t)p->partition;
    if (partition < 0) {
        partition = slice_is_null(key) ? sender_pick(p->sender)
                                       : lines_partition(key, sender_partition_count(p->sender));
    }
    sender_add(p->sender, partition, key, value);
}

static void took_input(void *arg)
{
    struct produce *p = container_of(arg, struct produce, input);
    p->input.is_reading = false;
    lines_put(&p->lines, slice_of(p->input.bytes, p->input.got));
    struct slice line;
    while (lines_next(&p->lines, &line)) {
        add_line(p, line);
    }
    if (p->input.has_ended && lines_last(&p->lines, &line)) {
        add_line(p, line);
    }
}

static void maybe_read(struct produce *p)
{
    if (!p->input.is_reading && !p->input.has_ended &&
        sender_waiting_bytes(p->sender) < WAITING_BYTES_MAX) {
        p->input.is_reading = true;
        net_work(client_loop(p->client), read_input, took_input, &p->input);
    }
}

/* ---- progress ---- */

static double seconds_since(struct produce *p, int64_t start_ms)
{
    return (double)(net_now_ms(client_loop(p->client)) - start_ms) / 1000.0;
}

static void show_progress(struct produce *p, const char *end)
{
    struct sender_counts counts = sender_counts(p->sender);
    double seconds = seconds_since(p, p->started_ms);
    double rate = seconds > 0 ? (double)counts.bytes / seconds / (1 << 20) : 0;
    fprintf(stderr, "\r%" PRId64 " records, %.1f s, %.1f MiB/s%s", counts.records, seconds, rate,
            end);
    p->progress_ms = net_now_ms(client_loop(p->client));
}

static void maybe_show_progress(struct produce *p)
{
    if (p->shows_progress && net_now_ms(client_loop(p->client)) - p->progress_ms >= PROGRESS_MS) {
        show_progress(p, "");
    }
}

static enum cli_exit summarise(struct produce *p)
{
    struct sender_counts counts = sender_counts(p->sender);
    int64_t failed = counts.failed + p->bad_lines;
    if (p->shows_progress) {
        show_progress(p, "\n");
    }
    if (p->cli->format == TABLE_JSON) {
        struct buf out = {0};
        json_t *root = json_object();
        json_object_set_new(root, "records", json_integer(counts.records));
        json_object_set_new(root, "bytes", json_integer(counts.bytes));
        json_object_set_new(root, "failed", json_integer(failed));
        json_object_set_new(root, "seconds", json_real(seconds_since(p, p->started_ms)));
        table_print_json(root, &out);
        cli_print(&out);
    } else if (p->cli->format == TABLE_TSV) {
        printf("records\tbytes\tfailed\n%" PRId64 "\t%" PRId64 "\t%" PRId64 "\n", counts.records,
               counts.bytes, failed);
    }
    if (p->input.error != 0) {
        return cli_fail(p->cli, "the input cannot be read: %s", strerror(p->input.error));
    }
    if (failed > 0) {
        return cli_fail(p->cli, "%" PRId64 " of %" PRId64 " records were not written", failed,
                        failed + counts.records);
    }
    return CLI_OK;
}

/* ---- the command ---- */

static enum cli_exit send_all(struct produce *p)
{
    while (!p->input.has_ended || p->input.is_reading || !sender_is_idle(p->sender)) {
        maybe_read(p);
        sender_step(p->sender);
        net_loop_step(client_loop(p->client), STEP_MS);
        maybe_show_progress(p);
        if (lines_pending(&p->lines) > LINE_BYTES_MAX) {
            return cli_fail(p->cli, "line %" PRId64 " is longer than %d MiB", p->line_number + 1,
                            LINE_BYTES_MAX >> 20);
        }
    }
    return summarise(p);
}

static bool read_headers(struct cli *cli, struct sender_options *options, struct buf *headers)
{
    const char *text;
    int at = 0;
    while ((text = args_next(&cli->args, "header", &at)) != NULL) {
        struct slice name;
        struct slice value;
        if (!args_pair(text, &name, &value)) {
            buf_printf(&cli->why, "--header takes NAME=VALUE, not \"%s\"", text);
            return false;
        }
        wire_record_header_put(headers, name, value);
        options->header_count++;
    }
    options->headers = buf_slice(headers);
    return true;
}

static bool read_options(struct produce *p, struct sender_options *options, struct buf *headers)
{
    struct cli *cli = p->cli;
    const char *acks = args_text(&cli->args, "acks");
    options->acks = acks != NULL && strcmp(acks, "1") == 0 ? 1 : -1;
    if (options->acks == -1 && acks != NULL && strcmp(acks, "all") != 0 &&
        strcmp(acks, "-1") != 0) {
        buf_printf(&cli->why,
                   "--acks is all or 1, not \"%s\" (without an answer nobody knows what was lost)",
                   acks);
        return false;
    }
    const char *codec = args_text(&cli->args, "compression");
    if (codec != NULL && !wire_compression_parse(slice_str(codec), &options->compression)) {
        buf_printf(&cli->why, "--compression is none, gzip, snappy, lz4 or zstd, not \"%s\"",
                   codec);
        return false;
    }
    p->format.key_separator = slice_str(args_text(&cli->args, "key-separator"));
    p->format.null_marker = slice_str(args_text(&cli->args, "null-marker"));
    if (!slice_is_null(p->format.key_separator) && p->format.key_separator.len == 0) {
        buf_put_str(&cli->why, "--key-separator must not be empty");
        return false;
    }
    return cli_number(cli, "partition", (struct args_range){0, INT32_MAX}, &p->partition) &&
           read_headers(cli, options, headers);
}

/* The topic, with a complaint if it is not there. */
static enum cli_exit find_topic(struct produce *p, struct cluster *cluster,
                                const struct wire_metadata_response_topics **out)
{
    const char *name = p->cli->args.words[0];
    enum err e = cluster_find_topic(cluster, slice_str(name), out);
    if (e != ERR_NONE) {
        return cluster_fail_topic(p->cli, cluster, name, e);
    }
    if (p->partition >= (*out)->partitions_count) {
        return cli_fail(p->cli, "%s has no partition %" PRId64 ", only 0 to %" PRId32, name,
                        p->partition, (*out)->partitions_count - 1);
    }
    return CLI_OK;
}

static enum cli_exit produce_to(struct produce *p, struct sender_options *options)
{
    struct cluster cluster = {.client = p->client};
    options->timeout_ms = client_left_ms(p->client);
    enum cli_exit code = find_topic(p, &cluster, &options->topic);
    if (code == CLI_OK) {
        options->cluster = &cluster;
        p->sender = sender_new(options);
        p->input.bytes = mem_alloc(READ_BYTES);
        p->started_ms = net_now_ms(client_loop(p->client));
        p->shows_progress = isatty(STDERR_FILENO) && p->cli->format == TABLE_FOR_PEOPLE;
        code = send_all(p);
        while (p->input.is_reading) {
            net_loop_step(client_loop(p->client), STEP_MS);
        }
        sender_free(p->sender);
        mem_free(p->input.bytes);
        lines_fini(&p->lines);
    }
    cluster_fini(&cluster);
    return code;
}

static enum cli_exit run_produce(struct cli *cli)
{
    struct produce p = {.cli = cli, .partition = -1};
    struct sender_options options = {.cli = cli};
    struct buf headers = {0};
    enum cli_exit code;
    if (!read_options(&p, &options, &headers)) {
        code = cli_refuse(cli);
    } else if ((p.client = client_open(cli, &code)) != NULL) {
        code = produce_to(&p, &options);
        client_close(p.client);
    }
    buf_fini(&headers);
    return code;
}

static const struct args_option options_of_produce[] = {
    {"partition", "P", "all records go there; default: by key, or any"},
    {"key-separator", "TEXT", "what stands between key and value of a line; default: no keys"},
    {"null-marker", "TEXT", "a key or value of exactly this text is null"},
    {"header", "NAME=VALUE", "of every record; may be repeated"},
    {"acks", "all|1", "written to all replicas in sync, or to the leader; default: all"},
    {"compression", "CODEC", "none, gzip, snappy, lz4 or zstd; default: none"},
    {0}};

const struct cli_verb cli_produce = {
    .noun = "produce",
    .words = "TOPIC",
    .words_min = 1,
    .words_max = 1,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Writes the lines of the standard input to a topic",
    .more = "A record that is not written within --timeout counts as failed, and the exit code is "
            "1. A\nrecord may be written twice when a connection breaks. Keys choose partitions as "
            "in the\nJava client. --format json prints how much was written.",
    .examples = "echo hello | craft produce greetings --bootstrap-server 127.0.0.1:9092\n"
                "craft produce users --key-separator : --compression zstd --bootstrap-server "
                "127.0.0.1:9092 < users.txt",
    .options = options_of_produce,
    .run = run_produce,
};
