/* kafka-console-consumer: records of topics go to the standard output. */
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "base/prng.h"
#include "base/uuid.h"
#include "cli/consumer.h"
#include "cli/kafka/message_formatter.h"

enum {
    API_TIMEOUT_MS = 60000, /* default.api.timeout.ms */
    GROUPS = 100000,        /* console-consumer-N, of which one is drawn */
    MESSAGES_ANY = -1,
};

struct console_consumer {
    struct cli *cli;
    struct properties properties; /* of the consumer */
    struct message_formatter *formatter;
    struct cluster cluster;
    struct puller_options puller;
    struct member_options member;
    struct slice topic; /* null: --include */
    struct pattern *include;
    int32_t partition; /* −1: all, by the group */
    int64_t offset;    /* of `partition`: CLUSTER_EARLIEST, CLUSTER_LATEST, or an offset */
    int32_t records_max;
    int64_t silence_ms; /* −1: for ever */
    bool skips_errors;
    struct buf why;
};

/* ---- what makes no sense ---- */

static bool refuse(struct cli *cli, const char *text)
{
    buf_put_str(&cli->why, text);
    return false;
}

static bool check_args(struct cli *cli)
{
    bool has_partition = tool_has(cli, "partition");
    bool has_offset = tool_has(cli, "offset");
    if (tool_has(cli, "topic") == tool_has(cli, "include")) {
        return refuse(cli, "Exactly one of --include/--topic is required. ");
    }
    if (has_partition && !tool_has(cli, "topic")) {
        return refuse(cli, "The topic is required when partition is specified.");
    }
    if (has_partition && has_offset && tool_has(cli, "from-beginning")) {
        return refuse(cli, "Options from-beginning and offset cannot be specified together.");
    }
    if (has_offset && !has_partition) {
        return refuse(cli, "The partition is required when offset is specified.");
    }
    return tool_requires(cli, "bootstrap-server");
}

/* ---- the group ---- */

static bool is_blank(struct slice text)
{
    size_t i = 0;
    while (i < text.len && text.data[i] == ' ') {
        i++;
    }
    return i == text.len;
}

static bool read_group(struct console_consumer *c)
{
    struct cli *cli = c->cli;
    struct slice given = slice_str(args_text(&cli->args, "group"));
    struct slice property = properties_get(&c->properties, "group.id");
    if (!slice_is_null(given) && !slice_is_null(property) && !slice_eq(given, property)) {
        buf_printf(&cli->why,
                   "The group ids provided in different places (directly using '--group', via "
                   "'--consumer-property', or via '--consumer.config') do not match. Detected "
                   "group ids: '%.*s', '%.*s'",
                   SLICE_ARG(given), SLICE_ARG(property));
        return false;
    }
    c->member.group = slice_is_null(given) ? property : given;
    if (!slice_is_null(c->member.group) && is_blank(c->member.group)) {
        return refuse(cli, "org.apache.kafka.common.errors.InvalidGroupIdException: The configured "
                           "group.id should not be an empty string or whitespace.");
    }
    if (!slice_is_null(c->member.group) && c->partition >= 0) {
        return refuse(cli, "Options group and partition cannot be specified together.");
    }
    return true;
}

/* A group that nobody named commits nothing, unless it shall. */
static void name_group(struct console_consumer *c)
{
    bool is_named = !slice_is_null(c->member.group);
    if (!is_named) {
        struct prng prng;
        prng_init(&prng, uuid_random().lo);
        c->member.group = slice_str(
            arena_printf(&c->cli->arena, "console-consumer-%" PRIu64, prng_below(&prng, GROUPS)));
    }
    if (!properties_is_true(&c->properties, "enable.auto.commit", is_named)) {
        c->member.commit_ms = -1;
    }
}

/* ---- other options ---- */

static bool read_reset(struct console_consumer *c)
{
    struct cli *cli = c->cli;
    bool from_beginning = tool_has(cli, "from-beginning");
    struct slice reset = properties_get(&c->properties, "auto.offset.reset");
    if (slice_is_null(reset)) {
        reset = slice_str(from_beginning ? "earliest" : "latest");
    } else if (from_beginning && !slice_eq_str(reset, "earliest")) {
        buf_printf(&cli->why,
                   "Can't simultaneously specify --from-beginning and 'auto.offset.reset=%.*s', "
                   "please remove one option",
                   SLICE_ARG(reset));
        return false;
    }
    static const struct {
        const char *name;
        enum puller_reset reset;
    } rows[] = {{"earliest", PULLER_EARLIEST}, {"latest", PULLER_LATEST}, {"none", PULLER_NONE}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (slice_eq_str(reset, rows[i].name)) {
            c->puller.reset = rows[i].reset;
            return true;
        }
    }
    buf_printf(&cli->why,
               "auto.offset.reset=%.*s is not supported, only 'earliest', 'latest' and 'none'",
               SLICE_ARG(reset));
    return false;
}

static bool read_offset(struct console_consumer *c)
{
    struct cli *cli = c->cli;
    const char *text = args_text(&cli->args, "offset");
    c->offset = tool_has(cli, "from-beginning") ? CLUSTER_EARLIEST : CLUSTER_LATEST;
    if (text == NULL || strcasecmp(text, "latest") == 0) {
        return true;
    }
    if (strcasecmp(text, "earliest") == 0) {
        c->offset = CLUSTER_EARLIEST;
    } else if (!args_parse_number(slice_str(text), &c->offset) || c->offset < 0) {
        buf_printf(&cli->why,
                   "The provided offset value '%s' is incorrect. Valid values are 'earliest', "
                   "'latest', or a non-negative long.",
                   text);
        return false;
    }
    return true;
}

static bool read_isolation(struct console_consumer *c)
{
    const char *given = args_text(&c->cli->args, "isolation-level");
    struct slice level =
        given == NULL ? properties_get(&c->properties, "isolation.level") : slice_str(given);
    c->puller.reads_committed = slice_eq_str(level, "read_committed");
    if (!slice_is_null(level) && !c->puller.reads_committed &&
        !slice_eq_str(level, "read_uncommitted")) {
        buf_printf(&c->cli->why,
                   "org.apache.kafka.common.config.ConfigException: Invalid value %.*s for "
                   "configuration isolation.level: String must be one of: read_committed, "
                   "read_uncommitted",
                   SLICE_ARG(level));
        return false;
    }
    return true;
}

/* Every group of Java's clients can do "range", which is all that we can. */
static bool check_assignor(struct console_consumer *c)
{
    struct slice protocol = properties_get(&c->properties, "group.protocol");
    struct slice list = properties_get(&c->properties, "partition.assignment.strategy");
    if (!slice_is_null(protocol) &&
        strncasecmp((const char *)protocol.data, "classic", max_size(protocol.len, 7)) != 0) {
        buf_printf(&c->cli->why, "group.protocol=%.*s is not supported, only classic",
                   SLICE_ARG(protocol));
        return false;
    }
    if (list.len > 0 && memmem(list.data, list.len, "RangeAssignor", 13) == NULL) {
        buf_printf(&c->cli->why,
                   "partition.assignment.strategy=%.*s is not supported, only "
                   "org.apache.kafka.clients.consumer.RangeAssignor",
                   SLICE_ARG(list));
        return false;
    }
    return true;
}

static bool read_times(struct console_consumer *c)
{
    const struct properties *p = &c->properties;
    c->member.session_timeout_ms = 45000;
    c->member.heartbeat_ms = 3000;
    c->member.rebalance_timeout_ms = 300000;
    c->member.commit_ms = 5000;
    c->member.metadata_ms = 300000;
    return properties_number(p, "session.timeout.ms", 1, &c->member.session_timeout_ms) &&
           properties_number(p, "heartbeat.interval.ms", 1, &c->member.heartbeat_ms) &&
           properties_number(p, "max.poll.interval.ms", 1, &c->member.rebalance_timeout_ms) &&
           properties_number(p, "auto.commit.interval.ms", 0, &c->member.commit_ms) &&
           properties_number(p, "metadata.max.age.ms", 1, &c->member.metadata_ms);
}

static bool read_formatter(struct console_consumer *c)
{
    struct cli *cli = c->cli;
    struct properties properties = {.cli = cli};
    if (!properties_add_file(&properties, "formatter-config")) {
        return false;
    }
    properties_add_value(&properties, "key.deserializer",
                         args_text(&cli->args, "key-deserializer"));
    properties_add_value(&properties, "value.deserializer",
                         args_text(&cli->args, "value-deserializer"));
    properties_add_pairs(&properties, "property");
    c->formatter = message_formatter_new(args_text(&cli->args, "formatter"), &properties);
    return c->formatter != NULL;
}

static bool read_client(struct console_consumer *c)
{
    static const char *const refused[] = {"group.instance.id", "interceptor.classes", NULL};
    c->properties.cli = c->cli;
    if (!properties_add_file(&c->properties, "command-config")) {
        return false;
    }
    properties_add_pairs(&c->properties, "consumer-property");
    return properties_check(&c->properties, refused) && check_assignor(c) && read_times(c) &&
           read_isolation(c);
}

static bool read_topics(struct console_consumer *c)
{
    const char *include = args_text(&c->cli->args, "include");
    c->topic = slice_str(args_text(&c->cli->args, "topic"));
    if (include == NULL) {
        c->member.topics = &c->topic;
        c->member.topic_count = 1;
        return true;
    }
    c->include = pattern_new(slice_str(include), NULL);
    if (c->include == NULL) {
        buf_printf(&c->cli->why, "%s is an invalid regex.", include);
        return false;
    }
    c->member.pattern = c->include;
    return true;
}

/* In the order in which Kafka's tool finds mistakes. */
static bool read_options(struct console_consumer *c)
{
    return tool_int(c->cli, "partition", &c->partition) && check_args(c->cli) && read_client(c) &&
           read_group(c) && read_reset(c) && read_offset(c) &&
           tool_long(c->cli, "timeout-ms", &c->silence_ms) && read_formatter(c) &&
           tool_int(c->cli, "max-messages", &c->records_max) && read_topics(c);
}

/* ---- reading ---- */

static bool print(void *arg, const struct puller_record *record, struct buf *out)
{
    struct console_consumer *c = arg;
    buf_reset(&c->why);
    if (message_formatter_print(c->formatter, record, out, &c->why)) {
        return true;
    }
    tool_fail(c->cli, "org.apache.kafka.common.errors.SerializationException: %.*s",
              SLICE_ARG(buf_slice(&c->why)));
    return c->skips_errors;
}

/* A partition that does not exist is waited for, as in Kafka's tool. CONSUMER_DONE: it is there;
 * also when it cannot be, as that is no failure for Kafka's tool, and `*found` is false. */
static enum consumer_end find_partition(struct console_consumer *c, int64_t until_ms, bool *found)
{
    struct net_loop *loop = client_loop(c->cluster.client);
    const struct wire_metadata_response_topics *topic;
    for (;;) {
        client_restart_clock(c->cluster.client);
        enum err e = cluster_find_topic(&c->cluster, c->topic, &topic);
        *found = e == ERR_NONE && c->partition < topic->partitions_count;
        if (*found) {
            return CONSUMER_DONE;
        }
        if (e != ERR_NONE && err_class(e) != ERR_CLASS_RETRY) {
            struct admin_result result = {e, SLICE_NULL};
            tool_fail(c->cli, "org.apache.kafka.common.errors.%s: %s", tool_error_class(e),
                      tool_sentence(c->cli, c->cluster.client, &result));
            return CONSUMER_DONE;
        }
        if (net_now_ms(loop) >= until_ms) {
            return CONSUMER_SILENT;
        }
        (void)client_retry(c->cluster.client, ERR_TIMED_OUT); /* a pause */
    }
}

/* Adds the partitions that are read without a group: the one that was named, or all. */
static bool add_partitions(struct console_consumer *c, struct consumer *consumer)
{
    const struct wire_metadata_response_topics *topic = cluster_topic(&c->cluster, c->topic);
    int32_t count = c->partition >= 0 ? 1 : topic->partitions_count;
    int64_t time = c->offset == CLUSTER_EARLIEST ? CLUSTER_EARLIEST : CLUSTER_LATEST;
    if (c->partition < 0) {
        time = c->puller.reset == PULLER_EARLIEST ? CLUSTER_EARLIEST : CLUSTER_LATEST;
    }
    struct cluster_offset *items =
        ARENA_ARRAY(&c->cli->arena, (size_t)count, struct cluster_offset);
    for (int32_t i = 0; i < count; i++) {
        items[i] = (struct cluster_offset){.topic = c->topic,
                                           .partition = c->partition >= 0 ? c->partition : i,
                                           .timestamp = time};
    }
    enum err e = cluster_offsets(&c->cluster, items, count);
    for (int32_t i = 0; i < count && e == ERR_NONE; i++) {
        e = items[i].error;
        int64_t from = c->partition >= 0 && c->offset >= 0 ? c->offset : items[i].offset;
        consumer_add(consumer,
                     &(struct puller_range){c->topic, items[i].partition, from, INT64_MAX});
    }
    if (e != ERR_NONE) {
        struct admin_result result = {e, SLICE_NULL};
        tool_fail(c->cli, "org.apache.kafka.common.errors.%s: %s", tool_error_class(e),
                  tool_sentence(c->cli, c->cluster.client, &result));
    }
    if (e == ERR_NONE && c->partition < 0) {
        consumer_follow(consumer, c->topic, count);
    }
    return e == ERR_NONE;
}

static enum consumer_end read_records(struct console_consumer *c, struct consumer *consumer,
                                      bool in_group)
{
    int64_t now_ms = net_now_ms(client_loop(c->cluster.client));
    int64_t until_ms = c->silence_ms < 0 ? INT64_MAX : now_ms + c->silence_ms;
    if (c->records_max != MESSAGES_ANY && c->records_max <= 0) {
        return CONSUMER_DONE;
    }
    if (!in_group) {
        bool found;
        enum consumer_end end = find_partition(c, until_ms, &found);
        if (!found) {
            return end;
        }
        if (!add_partitions(c, consumer)) {
            return CONSUMER_FAILED;
        }
    }
    return consumer_run(consumer);
}

/* Silence, and a reader that left, are no failures for Kafka's tool. */
static enum cli_exit end_with(struct console_consumer *c, enum consumer_end end, int64_t count)
{
    if (end == CONSUMER_SILENT) {
        tool_fail(c->cli, "org.apache.kafka.common.errors.TimeoutException");
    } else if (end == CONSUMER_UNREAD) {
        tool_fail(c->cli, "Unable to write to standard out, closing consumer.");
    }
    tool_fail(c->cli, "Processed a total of %" PRId64 " messages", count);
    if (tool_has(c->cli, "enable-systest-events")) {
        puts("shutdown_complete");
    }
    return end == CONSUMER_UNREAD ? CLI_OK : consumer_exit(end);
}

/* A topic without a named group is read without one: it is there sooner, and Kafka's tool, which
 * draws a name for a group, leaves nothing behind of it. */
static enum cli_exit consume(struct console_consumer *c)
{
    bool in_group = !slice_is_null(c->member.group) || c->include != NULL;
    name_group(c);
    c->puller.cli = c->member.cli = c->cli;
    c->puller.cluster = c->member.cluster = &c->cluster;
    c->puller.timeout_ms = INT64_MAX;
    struct consumer_options options = {
        .client = c->cluster.client,
        .puller = &c->puller,
        .member = in_group ? &c->member : NULL,
        .metadata_ms = c->member.metadata_ms,
        .records_max = c->records_max == MESSAGES_ANY ? INT64_MAX : c->records_max,
        .silence_ms = c->silence_ms,
        .print = print,
        .arg = c};
    struct consumer *consumer = consumer_new(&options);
    enum consumer_end end = read_records(c, consumer, in_group);
    enum cli_exit code = end_with(c, end, consumer_count(consumer));
    consumer_free(consumer);
    return code;
}

static enum cli_exit connect_and_consume(struct console_consumer *c)
{
    struct slice client_id = properties_get(&c->properties, "client.id");
    struct slice creates = properties_get(&c->properties, "allow.auto.create.topics");
    int64_t timeout_ms = API_TIMEOUT_MS;
    struct client_options options = {
        .name = "bootstrap-server",
        .servers = args_text(&c->cli->args, "bootstrap-server"),
        .client_id = client_id.len == 0 ? "console-consumer" : arena_str(&c->cli->arena, client_id),
        .tells_of_waiting = true};
    options.timeout_ms =
        c->silence_ms < 0 ? timeout_ms : max_i64(min_i64(c->silence_ms, timeout_ms), 1);
    c->cluster.client = client_new(c->cli, &options);
    if (c->cluster.client == NULL) {
        return tool_refuse(c->cli);
    }
    c->cluster.creates_topics =
        slice_is_null(creates) ||
        properties_is_true(&c->properties, "allow.auto.create.topics", true);
    enum cli_exit code = consume(c);
    cluster_close(&c->cluster);
    return code;
}

static enum cli_exit run(struct cli *cli)
{
    struct console_consumer c = {.cli = cli,
                                 .partition = -1,
                                 .records_max = MESSAGES_ANY,
                                 .silence_ms = -1,
                                 .skips_errors = tool_has(cli, "skip-message-on-error")};
    enum cli_exit code = read_options(&c) ? connect_and_consume(&c) : tool_refuse(cli);
    pattern_free(c.include);
    buf_fini(&c.why);
    return code;
}

static const struct args_option options[] = {
    {"topic", "TOPIC", "what to read"},
    {"include,whitelist", "REGEX", "read all topics that match"},
    {"bootstrap-server", "SERVERS", "host:port,… of brokers"},
    {"partition", "P", "only this one, without a group"},
    {"offset", "OFFSET", "a number, earliest or latest, of --partition; default: latest"},
    {"from-beginning", NULL, "begin with the oldest record where nothing is committed"},
    {"group", "GROUP", "as a member of this group, and commit"},
    {"max-messages", "N", "end after so many"},
    {"timeout-ms", "MS", "end when nothing came for so long"},
    {"isolation-level", "LEVEL", "read_committed or read_uncommitted; default: read_uncommitted"},
    {"skip-message-on-error", NULL, "go on when a record cannot be printed"},
    {"property,formatter-property", "NAME=VALUE",
     "print.timestamp, print.key, print.offset, print.partition, print.headers, print.value,\n"
     "key.separator, line.separator, headers.separator, null.literal, key.deserializer,\n"
     "value.deserializer, headers.deserializer"},
    {"formatter-config", "FILE", "properties of the same names"},
    {"formatter", "CLASS",
     "Default-, Logging-, NoOp-, Offsets-, GroupMetadata- or TransactionLogMessageFormatter\nof "
     "org.apache.kafka.tools.consumer"},
    {"key-deserializer", "CLASS", "as key.deserializer"},
    {"value-deserializer", "CLASS", "as value.deserializer"},
    {"consumer-property,command-property", "NAME=VALUE", "a property of the consumer"},
    {"command-config,consumer.config", "FILE", "properties of the consumer"},
    {"enable-systest-events", NULL, "print shutdown_complete at the end"},
    {0}};

const struct cli_verb kafka_console_consumer = {
    .noun = "kafka-console-consumer",
    .words = "",
    .about = "Prints the records of topics",
    .options = options,
    .repeats = "property,consumer-property",
    .run = run,
};
