/* kafka-console-producer: lines of the standard input become records. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/feeder.h"
#include "cli/kafka/line_reader.h"

enum {
    API_TIMEOUT_MS = 60000,       /* max.block.ms */
    DELIVERY_TIMEOUT_MS = 120000, /* delivery.timeout.ms */
    FIRST_BYTES = 64 << 10,
    ARGUMENT_MS_MIN = 1,
};

struct console_producer {
    struct cli *cli;
    struct properties client; /* of the producer */
    struct line_reader reader;
    struct cluster cluster;
    struct sender *sender;
    struct sender_options options;
    int64_t block_ms;
    bool is_sync;
    bool has_prompt;
    bool has_failed; /* what is the end of it: a bad line, or (--sync) a record not written */
};

/* ---- the command line ---- */

/* A number that is not below zero, of an option; `property` is what Java's producer calls it. */
static bool read_option(struct console_producer *p, const char *option, const char *property,
                        int64_t *out)
{
    if (!tool_long(p->cli, option, out)) {
        return false;
    }
    struct properties given = {.cli = p->cli};
    properties_add_value(&given, property, args_text(&p->cli->args, option));
    return properties_number(&given, property, 0, out);
}

static bool read_number(struct console_producer *p, const char *option, const char *property,
                        int64_t *out)
{
    return properties_number(&p->client, property, 0, out) && read_option(p, option, property, out);
}

static bool read_acks(struct console_producer *p)
{
    const char *given = args_text(&p->cli->args, "request-required-acks");
    struct slice acks = given == NULL ? properties_get(&p->client, "acks") : slice_str(given);
    if (slice_is_null(acks) || slice_eq_str(acks, "all") || slice_eq_str(acks, "-1")) {
        p->options.acks = -1;
        return true;
    }
    if (slice_eq_str(acks, "1") || slice_eq_str(acks, "0")) {
        p->options.acks = 1; /* for 0, too: an answer does no harm */
        return true;
    }
    buf_printf(&p->cli->why,
               "org.apache.kafka.common.config.ConfigException: Invalid value %.*s for "
               "configuration acks: String must be one of: all, -1, 0, 1",
               SLICE_ARG(acks));
    return false;
}

/* Kafka's tool takes the codec from here alone, not from the properties. */
static bool read_codec(struct console_producer *p)
{
    const char *codec = args_text(&p->cli->args, "compression-codec");
    if (codec == NULL) {
        return true;
    }
    codec = codec[0] == '\0' ? "gzip" : codec;
    if (!wire_compression_parse(slice_str(codec), &p->options.compression)) {
        buf_printf(&p->cli->why,
                   "org.apache.kafka.common.config.ConfigException: Invalid value %s for "
                   "configuration compression.type: String must be one of: none, gzip, snappy, "
                   "lz4, zstd",
                   codec);
        return false;
    }
    return true;
}

/* What only says how memory and sockets are used is read, so that nonsense is refused. */
static bool read_numbers(struct console_producer *p)
{
    static const struct {
        const char *option;
        const char *property;
    } ignored[] = {{"message-send-max-retries", "retries"},
                   {"retry-backoff-ms", "retry.backoff.ms"},
                   {"timeout", "linger.ms"},
                   {"request-timeout-ms", "request.timeout.ms"},
                   {"metadata-expiry-ms", "metadata.max.age.ms"},
                   {"max-memory-bytes", "buffer.memory"}};
    int64_t number;
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
        if (!read_number(p, ignored[i].option, ignored[i].property, &number)) {
            return false;
        }
    }
    int64_t batch_bytes = 0;
    if (!read_number(p, "batch-size", "batch.size", &batch_bytes) ||
        !read_option(p, "max-partition-memory-bytes", "batch.size", &batch_bytes) ||
        !tool_long(p->cli, "socket-buffer-size", &number) ||
        !read_number(p, "max-block-ms", "max.block.ms", &p->block_ms) ||
        !properties_number(&p->client, "delivery.timeout.ms", 0, &p->options.timeout_ms)) {
        return false;
    }
    p->block_ms = max_i64(p->block_ms, ARGUMENT_MS_MIN);
    p->options.timeout_ms = max_i64(p->options.timeout_ms, ARGUMENT_MS_MIN);
    p->options.batch_bytes = (size_t)max_i64(batch_bytes, 0);
    return true;
}

static bool read_reader(struct console_producer *p)
{
    struct cli *cli = p->cli;
    struct properties reader = {.cli = cli};
    const char *class_name = args_text(&cli->args, "line-reader");
    if (class_name != NULL && strcmp(class_name, "org.apache.kafka.tools.LineMessageReader") != 0) {
        buf_printf(&cli->why,
                   "--line-reader %s is not supported, only "
                   "org.apache.kafka.tools.LineMessageReader",
                   class_name);
        return false;
    }
    if (!properties_add_file(&reader, "reader-config")) {
        return false;
    }
    properties_add_pairs(&reader, "property");
    return line_reader_init(&p->reader, &reader, &cli->why);
}

static bool read_options(struct console_producer *p)
{
    static const char *const refused[] = {"transactional.id", "partitioner.class",
                                          "interceptor.classes", NULL};
    p->client.cli = p->cli;
    if (!properties_add_file(&p->client, "command-config")) {
        return false;
    }
    properties_add_pairs(&p->client, "producer-property");
    return properties_check(&p->client, refused) && read_numbers(p) && read_codec(p) &&
           read_acks(p) && read_reader(p);
}

/* ---- records ---- */

static void prompt(const struct console_producer *p)
{
    if (p->has_prompt) {
        fputs(">", stdout);
        fflush(stdout);
    }
}

/* A line in Java's sense: a carriage return ends it, too. */
static bool add_line(struct console_producer *p, struct slice line)
{
    struct buf why = {0};
    struct wire_record record;
    bool is_good = line_reader_read(&p->reader, line, &record, &why);
    if (is_good) {
        sender_add(p->sender, sender_partition_of(p->sender, record.key), &record);
    } else {
        tool_fail(p->cli, "%.*s", SLICE_ARG(buf_slice(&why)));
        p->has_failed = true;
    }
    buf_fini(&why);
    prompt(p);
    return is_good;
}

static bool each(void *arg, struct slice piece)
{
    struct console_producer *p = arg;
    if (p->is_sync && sender_counts(p->sender).failed > 0) {
        return false;
    }
    struct slice rest = piece;
    struct slice line;
    if (rest.len > 0 && rest.data[rest.len - 1] == '\r') {
        rest.len--;
    }
    while (args_item(&rest, '\r', &line)) {
        if (!add_line(p, line)) {
            return false;
        }
    }
    return true;
}

static void failed(void *arg, int32_t partition, int64_t records, const char *why)
{
    struct console_producer *p = arg;
    p->has_failed = p->has_failed || p->is_sync;
    tool_fail(p->cli, "Error when sending %" PRId64 " messages to topic %s-%" PRId32 ": %s",
              records, args_text(&p->cli->args, "topic"), partition, why);
}

static void turn(void *arg)
{
    (void)arg;
}

/* ---- the command ---- */

static enum cli_exit feed(struct console_producer *p, struct slice first)
{
    struct feeder_options options = {.client = p->cluster.client,
                                     .sender = p->sender,
                                     .fd = STDIN_FILENO,
                                     .first = first,
                                     .end = slice_str("\n"),
                                     .is_one_by_one = p->is_sync,
                                     .each = each,
                                     .turn = turn,
                                     .arg = p};
    if (feeder_run(&options, &p->cli->why) != ERR_NONE) {
        return tool_fail(p->cli, "%.*s", SLICE_ARG(buf_slice(&p->cli->why)));
    }
    return p->has_failed ? CLI_FAILED : CLI_OK;
}

/* Kafka's tool does not fail when records cannot be written, unless it waits for each. */
static enum cli_exit produce(struct console_producer *p, struct slice first)
{
    const char *name = args_text(&p->cli->args, "topic");
    p->cluster.creates_topics = true;
    enum err e = cluster_find_topic(&p->cluster, slice_str(name), &p->options.topic);
    if (e != ERR_NONE) {
        struct admin_result result = {e, SLICE_NULL};
        tool_fail(p->cli,
                  "Error when sending messages to topic %s: org.apache.kafka.common.errors.%s: %s",
                  name, tool_error_class(e), tool_sentence(p->cli, p->cluster.client, &result));
        return p->is_sync ? CLI_FAILED : CLI_OK;
    }
    p->options.cli = p->cli;
    p->options.cluster = &p->cluster;
    p->options.failed = failed;
    p->options.arg = p;
    p->sender = sender_new(&p->options);
    enum cli_exit code = feed(p, first);
    sender_free(p->sender);
    return code;
}

static enum cli_exit connect_and_produce(struct console_producer *p, struct slice first)
{
    struct slice client_id = properties_get(&p->client, "client.id");
    struct client_options options = {
        .timeout_ms = p->block_ms,
        .name = "bootstrap-server",
        .servers = args_text(&p->cli->args, "bootstrap-server"),
        .client_id = client_id.len == 0 ? "console-producer" : arena_str(&p->cli->arena, client_id),
        .tells_of_waiting = true};
    p->cluster.client = client_new(p->cli, &options);
    if (p->cluster.client == NULL) {
        return tool_refuse(p->cli);
    }
    enum cli_exit code = produce(p, first);
    cluster_close(&p->cluster);
    return code;
}

/* Nothing is asked of the cluster before there is something to write. */
static enum cli_exit run_with_input(struct console_producer *p)
{
    uint8_t *bytes = mem_alloc(FIRST_BYTES);
    ssize_t got;
    prompt(p);
    do {
        got = read(STDIN_FILENO, bytes, FIRST_BYTES);
    } while (got < 0 && errno == EINTR);
    enum cli_exit code = CLI_OK;
    if (got > 0) {
        code = connect_and_produce(p, slice_of(bytes, (size_t)got));
    } else if (got < 0) {
        code = tool_fail(p->cli, "the input cannot be read: %s", strerror(errno));
    }
    mem_free(bytes);
    return code;
}

/* Kafka looks whether there are ports, and does not look the hosts up. */
static bool check_servers(struct cli *cli)
{
    const char *servers = args_text(&cli->args, "bootstrap-server");
    if (servers == NULL || servers[0] == '\0') {
        buf_put_str(&cli->why, "Error while validating the bootstrap address\n");
        return false;
    }
    struct slice rest = slice_str(servers);
    struct slice item;
    while (args_item(&rest, ',', &item)) {
        if (item.len == 0 || memchr(item.data, ':', item.len) == NULL) {
            buf_put_str(&cli->why, "Please provide valid host:port like host1:9091,host2:9092\n");
            return false;
        }
    }
    return true;
}

static enum cli_exit run(struct cli *cli)
{
    struct console_producer p = {.cli = cli,
                                 .block_ms = API_TIMEOUT_MS,
                                 .options = {.timeout_ms = DELIVERY_TIMEOUT_MS},
                                 .is_sync = tool_has(cli, "sync"),
                                 .has_prompt = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)};
    if (!tool_requires(cli, "topic") || !check_servers(cli)) {
        return tool_refuse(cli);
    }
    enum cli_exit code = read_options(&p) ? run_with_input(&p)
                                          : tool_fail(cli, "%.*s", SLICE_ARG(buf_slice(&cli->why)));
    line_reader_fini(&p.reader);
    return code;
}

static const struct args_option options[] = {
    {"topic", "TOPIC", "where to"},
    {"bootstrap-server,broker-list", "SERVERS", "host:port,… of brokers"},
    {"sync", NULL, "wait for each record"},
    {"compression-codec", "[CODEC]", "none, gzip, snappy, lz4 or zstd; alone: gzip"},
    {"batch-size", "BYTES", "of a batch"},
    {"max-partition-memory-bytes", "BYTES", "the same"},
    {"request-required-acks", "ACKS", "all (-1), 1, or 0, which is taken as 1; default: all"},
    {"max-block-ms", "MS", "how long the topic is looked for"},
    {"message-send-max-retries", "N", "has no effect: delivery.timeout.ms counts"},
    {"retry-backoff-ms", "MS", "has no effect"},
    {"timeout", "MS", "has no effect: nothing waits for a batch to fill"},
    {"request-timeout-ms", "MS", "has no effect: delivery.timeout.ms counts"},
    {"metadata-expiry-ms", "MS", "has no effect"},
    {"max-memory-bytes", "BYTES", "has no effect"},
    {"socket-buffer-size", "BYTES", "has no effect"},
    {"line-reader", "CLASS", "only org.apache.kafka.tools.LineMessageReader"},
    {"property,reader-property", "NAME=VALUE",
     "parse.key, key.separator (tab), parse.headers, headers.delimiter (tab),\n"
     "headers.separator (,), headers.key.separator (:), null.marker, ignore.error"},
    {"reader-config", "FILE", "properties of the same names"},
    {"producer-property,command-property", "NAME=VALUE", "a property of the producer"},
    {"command-config,producer.config", "FILE", "properties of the producer"},
    {0}};

const struct cli_verb kafka_console_producer = {
    .noun = "kafka-console-producer",
    .words = "",
    .about = "Writes the lines of the standard input to a topic",
    .options = options,
    .repeats = "property,producer-property",
    .run = run,
};
