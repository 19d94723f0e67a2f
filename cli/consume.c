/* craft consume: records of topics go to the standard output. */
#include <unistd.h>

#include "cli/consumer.h"
#include "cli/escapes.h"
#include "cli/record_print.h"
#include "cli/times.h"

enum {
    SESSION_TIMEOUT_MS = 45000,
    HEARTBEAT_MS = 3000,
    REBALANCE_TIMEOUT_MS = 60000,
    COMMIT_MS = 5000,
    METADATA_MS = 60000,
};

/* Where to begin in a partition. */
enum begin { BEGIN_LATEST, BEGIN_EARLIEST, BEGIN_OFFSET, BEGIN_TIME };

/* Where to end. */
enum until { UNTIL_NEVER, UNTIL_END, UNTIL_TIME };

struct consume {
    struct cli *cli;
    struct client *client;
    struct cluster cluster;
    struct record_format format;
    struct slice *topics;
    int32_t topic_count;
    struct consumer *consumer;
    enum begin begin;
    int64_t offset;   /* of BEGIN_OFFSET; negative: so many before the end */
    int64_t since_ms; /* of BEGIN_TIME */
    enum until until;
    int64_t until_ms;   /* of UNTIL_TIME */
    int64_t partition;  /* −1: all */
    int64_t left;       /* records wanted */
    int64_t silence_ms; /* −1: for ever */
    int64_t metadata_ms;
};

/* ---- where to begin, where to end ---- */

/* Partitions of one topic, and what is known of their logs; NULL: it is not asked for. */
struct span {
    const struct wire_metadata_response_topics *topic;
    struct cluster_offset *starts;
    struct cluster_offset *ends;
    struct cluster_offset *since;
    struct cluster_offset *until;
    int32_t count;
};

static int32_t partition_of(const struct consume *c, int32_t i)
{
    return c->partition >= 0 ? (int32_t)c->partition : i;
}

static enum cli_exit fail_offset(const struct consume *c, const struct cluster_offset *item)
{
    if (client_why(c->client)[0] != '\0') {
        return client_fail(c->cli, c->client, item->error);
    }
    return cli_fail(c->cli, "%.*s-%" PRId32 ": %s", SLICE_ARG(item->topic), item->partition,
                    err_text(item->error));
}

/* Offsets of all partitions that are wanted, in their order. */
static enum cli_exit find_offsets(struct consume *c, const struct span *span, int64_t timestamp,
                                  struct cluster_offset **out)
{
    struct cluster_offset *items =
        ARENA_ARRAY(&c->cli->arena, (size_t)span->count, struct cluster_offset);
    for (int32_t i = 0; i < span->count; i++) {
        items[i] = (struct cluster_offset){
            .topic = span->topic->name, .partition = partition_of(c, i), .timestamp = timestamp};
    }
    enum err e = cluster_offsets(&c->cluster, items, span->count);
    if (e != ERR_NONE) {
        return client_fail(c->cli, c->client, e);
    }
    for (int32_t i = 0; i < span->count; i++) {
        if (items[i].error != ERR_NONE) {
            return fail_offset(c, &items[i]);
        }
    }
    *out = items;
    return CLI_OK;
}

/* Each question costs time before the first record. */
static enum cli_exit find_span(struct consume *c, struct span *span)
{
    bool needs_starts = c->begin == BEGIN_EARLIEST || c->begin == BEGIN_OFFSET;
    bool needs_ends = c->begin != BEGIN_EARLIEST || c->until != UNTIL_NEVER;
    enum cli_exit code = CLI_OK;
    span->count = c->partition >= 0 ? 1 : span->topic->partitions_count;
    if (needs_starts) {
        code = find_offsets(c, span, CLUSTER_EARLIEST, &span->starts);
    }
    if (code == CLI_OK && needs_ends) {
        code = find_offsets(c, span, CLUSTER_LATEST, &span->ends);
    }
    if (code == CLI_OK && c->begin == BEGIN_TIME) {
        code = find_offsets(c, span, c->since_ms, &span->since);
    }
    if (code == CLI_OK && c->until == UNTIL_TIME) {
        code = find_offsets(c, span, c->until_ms, &span->until);
    }
    return code;
}

static int64_t log_start(const struct span *span, int32_t i)
{
    return span->starts == NULL ? 0 : span->starts[i].offset;
}

/* The log may have grown since its start was asked for, not shrunk. */
static int64_t log_end(const struct span *span, int32_t i)
{
    return span->ends == NULL ? INT64_MAX : max_i64(span->ends[i].offset, log_start(span, i));
}

/* −1, with the complaint printed: there is no such offset. */
static int64_t begin_of(const struct consume *c, const struct span *span, int32_t i)
{
    int64_t start = log_start(span, i);
    int64_t end = log_end(span, i);
    switch (c->begin) {
    case BEGIN_EARLIEST:
        return start;
    case BEGIN_TIME:
        return span->since[i].offset < 0 ? end : span->since[i].offset;
    case BEGIN_OFFSET:
        if (c->offset < 0) {
            return max_i64(end + c->offset, start);
        }
        if (c->offset < start || c->offset > end) {
            cli_fail(c->cli,
                     "%.*s-%" PRId32 " has no offset %" PRId64 ": it begins with %" PRId64
                     ", and the next record will have %" PRId64,
                     SLICE_ARG(span->topic->name), partition_of(c, i), c->offset, start, end);
            return -1;
        }
        return c->offset;
    case BEGIN_LATEST:
        break;
    }
    return end;
}

static int64_t end_of(const struct consume *c, const struct span *span, int32_t i)
{
    int64_t end = log_end(span, i);
    switch (c->until) {
    case UNTIL_END:
        return end;
    case UNTIL_TIME:
        return span->until[i].offset < 0 ? end : span->until[i].offset;
    case UNTIL_NEVER:
        break;
    }
    return INT64_MAX;
}

static enum cli_exit find_topic(struct consume *c, struct slice name,
                                const struct wire_metadata_response_topics **out)
{
    const char *text = arena_str(&c->cli->arena, name);
    enum err e = cluster_find_topic(&c->cluster, name, out);
    if (e != ERR_NONE) {
        return cluster_fail_topic(c->cli, &c->cluster, text, e);
    }
    if (c->partition >= (*out)->partitions_count) {
        return cli_fail(c->cli, "%s has no partition %" PRId64 ", only 0 to %" PRId32, text,
                        c->partition, (*out)->partitions_count - 1);
    }
    return CLI_OK;
}

static enum cli_exit add_topic(struct consume *c, struct slice name)
{
    struct span span = {0};
    enum cli_exit code = find_topic(c, name, &span.topic);
    if (code == CLI_OK) { /* leaders may have been waited for as long as there was time */
        client_restart_clock(c->client);
        code = find_span(c, &span);
    }
    for (int32_t i = 0; i < span.count && code == CLI_OK; i++) {
        struct puller_range range = {.topic = name,
                                     .partition = partition_of(c, i),
                                     .from = begin_of(c, &span, i),
                                     .to = end_of(c, &span, i)};
        if (range.from < 0) {
            return CLI_FAILED;
        }
        consumer_add(c->consumer, &range);
    }
    if (code == CLI_OK && c->partition < 0 && c->until == UNTIL_NEVER) {
        consumer_follow(c->consumer, name, span.count);
    }
    return code;
}

/* ---- the command ---- */

static bool print(void *arg, const struct puller_record *record, struct buf *out)
{
    const struct consume *c = arg;
    record_print(&c->format, record, out);
    return true;
}

static enum cli_exit pull(struct consume *c)
{
    const char *group = args_text(&c->cli->args, "group");
    for (int32_t i = 0; i < c->topic_count; i++) {
        const struct wire_metadata_response_topics *topic;
        enum cli_exit code =
            group == NULL ? add_topic(c, c->topics[i]) : find_topic(c, c->topics[i], &topic);
        if (code != CLI_OK) {
            return code;
        }
    }
    struct buf head = {0};
    record_print_head(&c->format, &head);
    consumer_put(c->consumer, buf_slice(&head));
    buf_fini(&head);
    return consumer_exit(consumer_run(c->consumer));
}

static enum cli_exit consume_from(struct consume *c)
{
    struct cli *cli = c->cli;
    c->cluster.client = c->client;
    struct puller_options puller = {.cli = cli,
                                    .cluster = &c->cluster,
                                    .timeout_ms = client_left_ms(c->client),
                                    .reads_committed = args_has(&cli->args, "read-committed"),
                                    .reset = PULLER_NEAREST};
    struct member_options member = {.cli = cli,
                                    .cluster = &c->cluster,
                                    .group = slice_str(args_text(&cli->args, "group")),
                                    .topics = c->topics,
                                    .topic_count = c->topic_count,
                                    .session_timeout_ms = SESSION_TIMEOUT_MS,
                                    .heartbeat_ms = HEARTBEAT_MS,
                                    .rebalance_timeout_ms = REBALANCE_TIMEOUT_MS,
                                    .commit_ms = args_has(&cli->args, "no-commit") ? -1 : COMMIT_MS,
                                    .metadata_ms = c->metadata_ms};
    bool in_group = !slice_is_null(member.group);
    if (in_group) {
        puller.reset = c->begin == BEGIN_EARLIEST ? PULLER_EARLIEST : PULLER_LATEST;
    }
    struct consumer_options options = {.client = c->client,
                                       .puller = &puller,
                                       .member = in_group ? &member : NULL,
                                       .metadata_ms = c->metadata_ms,
                                       .records_max = c->left,
                                       .silence_ms = c->silence_ms,
                                       .shows_progress =
                                           isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO),
                                       .print = print,
                                       .arg = c};
    c->consumer = consumer_new(&options);
    enum cli_exit code = pull(c);
    consumer_free(c->consumer);
    cluster_fini(&c->cluster);
    return code;
}

/* ---- the command line ---- */

static bool read_moment(struct cli *cli, const char *option, int64_t *out)
{
    const char *text = args_text(&cli->args, option);
    if (text != NULL && !times_parse_moment(slice_str(text), out)) {
        buf_printf(&cli->why,
                   "--%s is milliseconds since 1970 or e.g. 2026-11-21T14:50:17, not \"%s\"",
                   option, text);
        return false;
    }
    return true;
}

/* At most one of the options. */
static bool read_one_of(struct cli *cli, const char *const *options, size_t count, size_t *out)
{
    const char *first = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!args_has(&cli->args, options[i])) {
            continue;
        }
        if (first != NULL) {
            buf_printf(&cli->why, "give --%s or --%s, not both", first, options[i]);
            return false;
        }
        first = options[i];
        *out = i + 1;
    }
    return true;
}

static bool read_span(struct consume *c)
{
    static const char *const begins[] = {"from-beginning", "offset", "since"};
    static const char *const untils[] = {"until-end", "until"};
    struct cli *cli = c->cli;
    size_t begin = BEGIN_LATEST;
    size_t until = UNTIL_NEVER;
    struct args_range any = {INT64_MIN, INT64_MAX};
    if (!read_one_of(cli, begins, ARRAY_LEN(begins), &begin) ||
        !read_one_of(cli, untils, ARRAY_LEN(untils), &until) ||
        !cli_number(cli, "offset", any, &c->offset) || !read_moment(cli, "since", &c->since_ms) ||
        !read_moment(cli, "until", &c->until_ms)) {
        return false;
    }
    c->begin = (enum begin)begin;
    c->until = (enum until)until;
    return true;
}

/* What a group decides is not the caller's to say. */
static bool check_group(struct consume *c)
{
    static const char *const others[] = {"partition", "offset", "since", "until-end", "until"};
    struct cli *cli = c->cli;
    const char *group = args_text(&cli->args, "group");
    for (size_t i = 0; group != NULL && i < ARRAY_LEN(others); i++) {
        if (args_has(&cli->args, others[i])) {
            buf_printf(&cli->why, "give --group or --%s, not both: a group goes on where it was",
                       others[i]);
            return false;
        }
    }
    if (group != NULL && group[0] == '\0') {
        buf_put_str(&cli->why, "--group must not be empty");
        return false;
    }
    if (group == NULL && args_has(&cli->args, "no-commit")) {
        buf_put_str(&cli->why, "--no-commit is for groups: nothing is committed without --group");
        return false;
    }
    if (c->topic_count > 1 && args_has(&cli->args, "partition")) {
        buf_put_str(&cli->why, "--partition is for one topic");
        return false;
    }
    return true;
}

static bool read_format(struct consume *c)
{
    struct cli *cli = c->cli;
    const char *template = args_text(&cli->args, "print");
    const char *null_text = args_text(&cli->args, "null");
    const char *separator = args_text(&cli->args, "key-separator");
    c->format.format = cli->format;
    c->format.null_text = slice_str(null_text == NULL ? "" : null_text);
    if (escapes_resolve(slice_str(separator), &cli->arena, &c->format.key_separator, &cli->why) !=
        ERR_NONE) {
        return false;
    }
    if (template != NULL && (args_has(&cli->args, "format") || separator != NULL)) {
        buf_printf(&cli->why, "give --print or --%s, not both",
                   separator != NULL ? "key-separator" : "format");
        return false;
    }
    if (template != NULL) {
        c->format.print =
            record_template_new(template, c->format.null_text, &cli->arena, &cli->why);
    }
    return template == NULL || c->format.print != NULL;
}

static bool read_options(struct consume *c)
{
    struct cli *cli = c->cli;
    c->topic_count = cli->args.word_count;
    c->topics = ARENA_ARRAY(&cli->arena, (size_t)c->topic_count, struct slice);
    for (int32_t i = 0; i < c->topic_count; i++) {
        c->topics[i] = slice_str(cli->args.words[i]);
    }
    return read_format(c) && read_span(c) && check_group(c) &&
           cli_number(cli, "partition", (struct args_range){0, INT32_MAX}, &c->partition) &&
           cli_number(cli, "max-messages", (struct args_range){1, INT64_MAX}, &c->left) &&
           cli_number(cli, "timeout-ms", (struct args_range){0, INT64_MAX}, &c->silence_ms) &&
           cli_number(cli, "metadata-ms", (struct args_range){1, INT64_MAX}, &c->metadata_ms);
}

static enum cli_exit run_consume(struct cli *cli)
{
    struct consume c = {.cli = cli,
                        .partition = -1,
                        .left = INT64_MAX,
                        .silence_ms = -1,
                        .metadata_ms = METADATA_MS};
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
    {"group,G", "GROUP", "as a member of this group: go on where it was, and commit"},
    {"no-commit", NULL, "commit nothing in the group"},
    {"partition,p", "P", "only this one"},
    {"from-beginning", NULL,
     "from the oldest record on; default: what is written from now on. In a group: where\nnothing "
     "is committed"},
    {"offset,o", "N", "from this offset on, in every partition; -N: N before the end"},
    {"since", "TIME", "from the first record of this time on: a date, or milliseconds since 1970"},
    {"until", "TIME",
     "end in front of the first record of this time, or with those that are there"},
    {"until-end,e", NULL, "end with the records that are there at the start"},
    {"max-messages,c", "N", "end after so many"},
    {"timeout-ms", "MS", "end when nothing came for so long"},
    {"metadata-ms", "MS", "how often to look for new partitions; default: 60000"},
    {"read-committed", NULL, "leave out what aborted transactions wrote"},
    {"key-separator,K", "TEXT", "print the key and this text in front of the value"},
    {"print,f", "TEMPLATE",
     "print so: %t topic %p partition %o offset %T time %h headers %k key %s value\n%K %S their "
     "lengths %R the value's in 4 bytes %% \\n \\r \\t \\0 \\\\ \\xNN"},
    {"null", "TEXT", "what is printed for null; default: nothing"},
    {0}};

const struct cli_verb cli_consume = {
    .noun = "consume",
    .words = "TOPIC…",
    .words_min = 1,
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Prints the records of topics",
    .more = "Needs no group, and commits nothing without one. By default values are printed as "
            "they are, a\nline each. --format json prints an object a line, with key, headers, "
            "offset and time. A\npartition that cannot be read for --timeout ends it with exit "
            "code 1.",
    .examples = "craft consume greetings --from-beginning --bootstrap-server 127.0.0.1:9092\n"
                "craft consume greetings --partition 0 --offset 42 --max-messages 1 --format json "
                "--bootstrap-server 127.0.0.1:9092\n"
                "craft consume greetings -o -10 -e -f '%p %o %T %k=%s\\n' -b 127.0.0.1:9092\n"
                "craft consume greetings orders --group readers --bootstrap-server 127.0.0.1:9092",
    .options = options_of_consume,
    .run = run_consume,
};
