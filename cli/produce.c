/* craft produce: lines, JSON or files become records of a topic. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/escapes.h"
#include "cli/feeder.h"
#include "cli/lines.h"
#include "cli/progress.h"
#include "cli/record_read.h"
#include "cli/times.h"

enum { COMPLAINTS_MAX = 10 };

/* What the input is. */
enum input { INPUT_LINES, INPUT_JSON, INPUT_WHOLE };

struct produce {
    struct cli *cli;
    struct client *client;
    struct sender *sender;
    enum input input;
    struct lines_format format;
    struct slice end;         /* of a record in the input; null: all of it is one */
    struct wire_record fixed; /* what every record has: key, headers, timestamp */
    struct buf headers;
    int64_t partition; /* −1: the record's, by key, or any */
    int64_t rate;      /* 0: none */
    int64_t left;      /* records still to be read */
    int64_t record_number;
    int64_t bad_records;
    struct arena arena; /* of one record */
    struct progress progress;
};

/* ---- records ---- */

PRINTF_LIKE(2, 3)
static void refuse_record(struct produce *p, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (p->bad_records++ < COMPLAINTS_MAX) {
        cli_complain(p->cli, "%s %" PRId64 " %s", p->input == INPUT_WHOLE ? "file" : "line",
                     p->record_number, text);
    }
}

static bool read_line(struct produce *p, struct slice line, struct wire_record *out)
{
    struct slice key;
    if (!lines_split(&p->format, line, &key, &out->value)) {
        refuse_record(p, "has no \"%.*s\", so it has no key", SLICE_ARG(p->format.key_separator));
        return false;
    }
    out->key = slice_is_null(p->format.key_separator) ? p->fixed.key : key;
    return true;
}

/* What the command line says goes before what the record says, but for headers: it has both. */
static bool read_json(struct produce *p, struct slice line, struct record_read *out)
{
    struct buf why = {0};
    enum err e = record_read_json(line, &p->arena, out, &why);
    if (e != ERR_NONE) {
        refuse_record(p, "%.*s", SLICE_ARG(buf_slice(&why)));
        buf_fini(&why);
        return false;
    }
    struct wire_record *record = &out->record;
    record->key = slice_is_null(p->fixed.key) ? record->key : p->fixed.key;
    record->timestamp = p->fixed.timestamp == -1 ? record->timestamp : p->fixed.timestamp;
    if (p->fixed.header_count > 0) {
        struct buf both = {0};
        buf_put_slice(&both, record->headers);
        buf_put_slice(&both, p->fixed.headers);
        record->headers = arena_dup(&p->arena, buf_slice(&both));
        record->header_count += p->fixed.header_count;
        buf_fini(&both);
    }
    return true;
}

static bool read_record(struct produce *p, struct slice text, struct record_read *out)
{
    *out = (struct record_read){.record = p->fixed, .partition = -1};
    if (p->input == INPUT_JSON) {
        return read_json(p, text, out);
    }
    return read_line(p, text, &out->record);
}

static bool add_record(void *arg, struct slice text)
{
    struct produce *p = arg;
    struct record_read found;
    int32_t count = sender_partition_count(p->sender);
    p->record_number++;
    arena_reset(&p->arena);
    if (read_record(p, text, &found)) {
        int32_t partition = p->partition >= 0 ? (int32_t)p->partition : found.partition;
        if (partition < 0) {
            partition = sender_partition_of(p->sender, found.record.key);
        }
        if (partition < count) {
            sender_add(p->sender, partition, &found.record);
        } else {
            refuse_record(p, "is for partition %" PRId32 ", and there are only 0 to %" PRId32,
                          partition, count - 1);
        }
    }
    return --p->left > 0;
}

/* ---- progress ---- */

static int64_t now_ms(struct produce *p)
{
    return net_now_ms(client_loop(p->client));
}

static void show_progress(void *arg)
{
    struct produce *p = arg;
    struct sender_counts counts = sender_counts(p->sender);
    progress_maybe_show(&p->progress, now_ms(p), counts.records, counts.bytes);
}

static enum cli_exit summarise(struct produce *p)
{
    struct sender_counts counts = sender_counts(p->sender);
    int64_t failed = counts.failed + p->bad_records;
    struct buf out = {0};
    progress_end(&p->progress, now_ms(p), counts.records, counts.bytes);
    if (p->cli->format == TABLE_JSON) {
        json_t *root = json_object();
        json_object_set_new(root, "records", json_integer(counts.records));
        json_object_set_new(root, "bytes", json_integer(counts.bytes));
        json_object_set_new(root, "failed", json_integer(failed));
        json_object_set_new(root, "seconds",
                            json_real((double)(now_ms(p) - p->progress.start_ms) / 1000.0));
        table_print_json(root, &out);
    } else if (p->cli->format == TABLE_TSV) {
        buf_printf(&out, "records\tbytes\tfailed\n%" PRId64 "\t%" PRId64 "\t%" PRId64 "\n",
                   counts.records, counts.bytes, failed);
    }
    enum cli_exit code = cli_print(&out);
    if (failed > 0) {
        return cli_fail(p->cli, "%" PRId64 " of %" PRId64 " records were not written", failed,
                        failed + counts.records);
    }
    return code;
}

/* ---- input ---- */

static enum cli_exit feed(struct produce *p, int fd)
{
    struct feeder_options options = {.client = p->client,
                                     .sender = p->sender,
                                     .fd = fd,
                                     .end = p->end,
                                     .rate = p->rate,
                                     .each = add_record,
                                     .turn = show_progress,
                                     .arg = p};
    struct buf why = {0};
    enum cli_exit code = CLI_OK;
    if (feeder_run(&options, &why) != ERR_NONE) {
        code = cli_fail(p->cli, "%.*s", SLICE_ARG(buf_slice(&why)));
    }
    buf_fini(&why);
    return code;
}

static enum cli_exit feed_file(struct produce *p, const char *path)
{
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return cli_fail(p->cli, "%s: %s", path, strerror(errno));
    }
    enum cli_exit code = feed(p, fd);
    if (fd != STDIN_FILENO) {
        close(fd);
    }
    return code;
}

static enum cli_exit feed_all(struct produce *p)
{
    const struct args *args = &p->cli->args;
    if (args->word_count == 1) {
        return feed(p, STDIN_FILENO);
    }
    enum cli_exit code = CLI_OK;
    for (int i = 1; i < args->word_count && code == CLI_OK && p->left > 0; i++) {
        code = feed_file(p, args->words[i]);
    }
    return code;
}

/* ---- the command line ---- */

static bool read_headers(struct produce *p)
{
    struct cli *cli = p->cli;
    const char *text;
    int at = 0;
    while ((text = args_next(&cli->args, "header", &at)) != NULL) {
        struct slice name;
        struct slice value;
        if (!args_pair(text, &name, &value)) {
            buf_printf(&cli->why, "--header takes NAME=VALUE, not \"%s\"", text);
            return false;
        }
        wire_record_header_put(&p->headers, name, value);
        p->fixed.header_count++;
    }
    p->fixed.headers = buf_slice(&p->headers);
    return true;
}

/* A text with escapes. */
static bool read_text(struct cli *cli, const char *option, bool may_be_empty, struct slice *out)
{
    const char *text = args_text(&cli->args, option);
    if (text == NULL) {
        return true;
    }
    if (escapes_resolve(slice_str(text), &cli->arena, out, &cli->why) != ERR_NONE) {
        return false;
    }
    if (out->len == 0 && !may_be_empty) {
        buf_printf(&cli->why, "--%s must not be empty", option);
        return false;
    }
    return true;
}

static bool read_input_options(struct produce *p)
{
    static const char *const inputs[] = {"lines", "json", "whole"};
    struct cli *cli = p->cli;
    const char *text = args_text(&cli->args, "input");
    p->input = cli->args.word_count > 1 ? INPUT_WHOLE : INPUT_LINES;
    for (size_t i = 0; text != NULL && i < ARRAY_LEN(inputs); i++) {
        if (strcmp(text, inputs[i]) == 0) {
            p->input = (enum input)i;
            text = NULL;
        }
    }
    if (text != NULL) {
        buf_printf(&cli->why, "--input is lines, json or whole, not \"%s\"", text);
        return false;
    }
    p->end = p->input == INPUT_WHOLE ? SLICE_NULL : slice_str("\n");
    if (p->input != INPUT_LINES && args_has(&cli->args, "delimiter")) {
        buf_put_str(&cli->why, "--delimiter is for lines");
        return false;
    }
    if (p->input == INPUT_JSON && args_has(&cli->args, "key-separator")) {
        buf_put_str(&cli->why, "--key-separator is for lines: JSON names its keys");
        return false;
    }
    if (args_has(&cli->args, "key") && args_has(&cli->args, "key-separator")) {
        buf_put_str(&cli->why, "give --key or --key-separator, not both");
        return false;
    }
    return read_text(cli, "delimiter", false, &p->end) &&
           read_text(cli, "key-separator", false, &p->format.key_separator);
}

static bool read_acks(struct cli *cli, struct sender_options *options)
{
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
    return true;
}

static bool read_options(struct produce *p, struct sender_options *options)
{
    struct cli *cli = p->cli;
    p->format.null_marker = slice_str(args_text(&cli->args, "null-marker"));
    p->fixed.key = slice_str(args_text(&cli->args, "key"));
    const char *time = args_text(&cli->args, "timestamp");
    if (time != NULL && !times_parse_moment(slice_str(time), &p->fixed.timestamp)) {
        buf_printf(&cli->why,
                   "--timestamp is milliseconds since 1970 or e.g. 2026-11-21T14:50:17, not \"%s\"",
                   time);
        return false;
    }
    struct args_range counts = {1, INT64_MAX};
    return read_acks(cli, options) && read_input_options(p) &&
           cli_number(cli, "partition", (struct args_range){0, INT32_MAX}, &p->partition) &&
           cli_number(cli, "rate", (struct args_range){1, 1000000000}, &p->rate) &&
           cli_number(cli, "max-messages", counts, &p->left) && read_headers(p);
}

/* ---- the command ---- */

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

/* Who types the records does not want to be interrupted. */
static bool shows_progress(const struct cli *cli)
{
    bool is_typed = cli->args.word_count == 1 && isatty(STDIN_FILENO);
    return isatty(STDERR_FILENO) && !is_typed && cli->format == TABLE_FOR_PEOPLE;
}

static enum cli_exit produce_to(struct produce *p, struct sender_options *options)
{
    struct cluster cluster = {.client = p->client};
    options->timeout_ms = client_left_ms(p->client);
    enum cli_exit code = find_topic(p, &cluster, &options->topic);
    if (code == CLI_OK) {
        options->cluster = &cluster;
        p->sender = sender_new(options);
        p->progress.start_ms = now_ms(p);
        p->progress.is_shown = shows_progress(p->cli);
        code = feed_all(p);
        enum cli_exit end = summarise(p);
        code = code == CLI_OK ? end : code;
        sender_free(p->sender);
    }
    cluster_fini(&cluster);
    return code;
}

static enum cli_exit run_produce(struct cli *cli)
{
    struct produce p = {.cli = cli,
                        .partition = -1,
                        .left = INT64_MAX,
                        .format = {SLICE_NULL, SLICE_NULL},
                        .fixed = {.timestamp = -1, .key = SLICE_NULL}};
    struct sender_options options = {.cli = cli};
    enum cli_exit code;
    if (!read_options(&p, &options)) {
        code = cli_refuse(cli);
    } else if ((p.client = client_open(cli, &code)) != NULL) {
        code = produce_to(&p, &options);
        client_close(p.client);
    }
    arena_fini(&p.arena);
    buf_fini(&p.headers);
    return code;
}

static const struct args_option options_of_produce[] = {
    {"partition,p", "P", "all records go there; default: by key, or any"},
    {"key-separator,K", "TEXT", "what stands between key and value of a line; default: no keys"},
    {"key,k", "TEXT", "the key of every record"},
    {"null-marker", "TEXT", "a key or value of exactly this text is null"},
    {"header,H", "NAME=VALUE", "of every record; may be repeated"},
    {"timestamp", "TIME", "of every record: a date, or milliseconds since 1970; default: now"},
    {"input,i", "lines|json|whole",
     "what the input is: a record a line, an object a line as `consume --format json`\nprints "
     "them, or one record; default: lines, and whole for files"},
    {"delimiter,D", "TEXT", "what ends a line; default: \\n"},
    {"acks", "all|1", "written to all replicas in sync, or to the leader; default: all"},
    {"compression,z", "CODEC", "none, gzip, snappy, lz4 or zstd; default: none"},
    {"rate", "N", "at most so many records a second"},
    {"max-messages,c", "N", "end after so many"},
    {0}};

const struct cli_verb cli_produce = {
    .noun = "produce",
    .words = "TOPIC [FILE…]",
    .words_min = 1,
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Writes the lines of the standard input, or files, to a topic",
    .more = "A record that is not written within --timeout counts as failed, and the exit code is "
            "1. With\n--acks 1 a record may be written twice when a connection breaks. Keys choose "
            "partitions as in\nthe Java client. A FILE is one record; \"-\" is the standard input. "
            "In TEXTs of "
            "separators, \\n \\r\n\\t \\0 \\\\ \\xNN are what they are in C. --format json prints "
            "how much was written.",
    .examples = "echo hello | craft produce greetings --bootstrap-server 127.0.0.1:9092\n"
                "craft produce users -K : --compression zstd --bootstrap-server 127.0.0.1:9092 "
                "< users.txt\n"
                "craft produce pictures --key cat cat.jpg --bootstrap-server 127.0.0.1:9092\n"
                "seq 1000000 | craft produce load --rate 5000 --bootstrap-server 127.0.0.1:9092",
    .options = options_of_produce,
    .run = run_produce,
};
