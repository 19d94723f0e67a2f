/* kafka-dump-log: its command line, and what kind of file is which. */
#include "cli/kafka/dump_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { MESSAGE_BYTES_DEFAULT = 5 << 20 };

/* ---- for all kinds of files ---- */

bool dump_log_fail(struct dump_log *dump, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)cli_put(&dump->out);
    tool_fail(dump->cli, "%s", text);
    return false;
}

static struct slice file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slice_str(slash == NULL ? path : slash + 1);
}

static struct slice suffix_of(struct slice name)
{
    for (size_t at = name.len; at-- > 0;) {
        if (name.data[at] == '.') {
            return slice_of(name.data + at, name.len - at);
        }
    }
    return SLICE_NULL;
}

bool dump_log_base_offset(struct dump_log *dump, int64_t *out)
{
    struct slice rest = file_name(dump->path);
    struct slice digits;
    if (!args_item(&rest, '.', &digits) || !args_parse_number(digits, out)) {
        return dump_log_fail(dump, "For input string: \"%.*s\"", SLICE_ARG(digits));
    }
    return true;
}

const char *dump_log_absolute(struct dump_log *dump)
{
    struct arena *arena = &dump->cli->arena;
    char directory[4096];
    if (dump->path[0] == '/' || getcwd(directory, sizeof directory) == NULL) {
        return dump->path;
    }
    return arena_printf(arena, "%s/%s", directory, dump->path);
}

const char *dump_log_beside(struct dump_log *dump, const char *suffix)
{
    struct slice name = file_name(dump->path);
    struct slice rest = name;
    struct slice stem;
    (void)args_item(&rest, '.', &stem);
    return arena_printf(&dump->cli->arena, "%.*s%.*s%s",
                        (int)(name.data - (const uint8_t *)dump->path), dump->path, SLICE_ARG(stem),
                        suffix);
}

/* ---- the kinds ---- */

static const struct {
    const char *suffix;
    bool (*dump)(struct dump_log *dump);
} kinds[] = {
    {".log", dump_log_segment},        {".checkpoint", dump_log_segment},
    {".index", dump_log_offset_index}, {".timeindex", dump_log_time_index},
    {".txnindex", dump_log_txn_index}, {".snapshot", dump_log_producers},
};

static bool dump_file(struct dump_log *dump)
{
    struct slice suffix = suffix_of(file_name(dump->path));
    buf_printf(&dump->out, "Dumping %s\n", dump->path);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (slice_eq_str(suffix, kinds[i].suffix)) {
            return kinds[i].dump(dump);
        }
    }
    if (slice_is_null(suffix)) {
        return dump_log_fail(dump, "%s: the name has no suffix, which would say what it is",
                             dump->path);
    }
    (void)dump_log_fail(dump, "Ignoring unknown file %s", dump->path);
    return true;
}

/* ---- the command ---- */

static const struct {
    const char *option;
    dump_log_decoder *decode;
} decoders[] = {
    {"offsets-decoder", dump_log_decode_group},
    {"transaction-log-decoder", dump_log_decode_transaction},
    {"cluster-metadata-decoder", dump_log_decode_metadata},
    {"share-group-state-decoder", dump_log_decode_share},
};

static bool read_class(struct cli *cli, const char *option, dump_log_decoder **out)
{
    const char *name = args_text(&cli->args, option);
    bool is_given = name != NULL && name[0] != '\0';
    *out = dump_log_class(slice_str(is_given ? name : "org.apache.kafka.tools.api.StringDecoder"),
                          strcmp(option, "key-decoder-class") == 0);
    if (*out == NULL) {
        buf_printf(
            &cli->why,
            "--%s %s is not supported: only StringDecoder, IntegerDecoder and LongDecoder of "
            "org.apache.kafka.tools.api",
            option, name);
    }
    return *out != NULL;
}

static bool read_options(struct dump_log *dump)
{
    struct cli *cli = dump->cli;
    if (!tool_requires(cli, "files") || !tool_int(cli, "max-bytes", &dump->bytes_max) ||
        !tool_int(cli, "max-message-size", &dump->message_bytes_max) ||
        !read_class(cli, "key-decoder-class", &dump->decode_key) ||
        !read_class(cli, "value-decoder-class", &dump->decode_value)) {
        return false;
    }
    if (tool_has(cli, "remote-log-metadata-decoder")) {
        buf_put_str(&cli->why, "--remote-log-metadata-decoder is not supported: there is no tiered "
                               "storage");
        return false;
    }
    if (dump->bytes_max < 0 || dump->message_bytes_max < 0) {
        buf_put_str(&cli->why, "--max-bytes and --max-message-size cannot be negative");
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(decoders) && dump->decode == NULL; i++) {
        dump->decode = tool_has(cli, decoders[i].option) ? decoders[i].decode : NULL;
    }
    dump->prints_records =
        dump->decode != NULL || tool_count(cli, "print-data-log,key-decoder-class,"
                                                "value-decoder-class") > 0;
    dump->is_deep = dump->prints_records || tool_has(cli, "deep-iteration");
    dump->skips_record_metadata = tool_has(cli, "skip-record-metadata");
    dump->verifies_only = tool_has(cli, "verify-index-only");
    dump->checks_sanity_only = tool_has(cli, "index-sanity-check");
    return true;
}

static enum cli_exit run(struct cli *cli)
{
    struct dump_log dump = {.cli = cli,
                            .fs = store_fs_posix(),
                            .bytes_max = INT32_MAX,
                            .message_bytes_max = MESSAGE_BYTES_DEFAULT};
    if (!read_options(&dump)) {
        return tool_refuse(cli);
    }
    struct slice rest = slice_str(args_text(&cli->args, "files"));
    struct slice path;
    bool is_good = true;
    while (is_good && args_item(&rest, ',', &path)) {
        dump.path = arena_str(&cli->arena, path);
        is_good = dump_file(&dump);
    }
    is_good = cli_put(&dump.out) && is_good;
    fflush(stdout);
    struct buf *told[] = {&dump.mismatches, &dump.time_mismatches, &dump.gaps};
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        if (is_good) {
            fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(told[i])));
        }
        buf_fini(told[i]);
    }
    buf_fini(&dump.out);
    return is_good ? CLI_OK : CLI_FAILED;
}

static const struct args_option options[] = {
    {"files", "FILES", "segments, indexes and snapshots, separated by commas"},
    {"print-data-log", NULL, "print records with key and value; a decoder does so, too"},
    {"deep-iteration", NULL, "print records, not only batches"},
    {"skip-record-metadata", NULL, "of records print only key and value"},
    {"verify-index-only", NULL, "compare indexes with their segments and print no entries"},
    {"index-sanity-check", NULL, "check indexes only as a broker does when it starts"},
    {"max-message-size", "N", "of the largest batch that an index points to; default: 5242880"},
    {"max-bytes", "N", "read so much of each segment; default: all"},
    {"offsets-decoder", NULL, "records are those of __consumer_offsets"},
    {"transaction-log-decoder", NULL, "records are those of __transaction_state"},
    {"cluster-metadata-decoder", NULL, "records are those of __cluster_metadata"},
    {"share-group-state-decoder", NULL, "records are those of __share_group_state"},
    {"remote-log-metadata-decoder", NULL, "not supported"},
    {"key-decoder-class", "[CLASS]", "StringDecoder, IntegerDecoder or LongDecoder"},
    {"value-decoder-class", "[CLASS]", "the same; default: StringDecoder"},
    {0}};

const struct cli_verb kafka_dump_log = {
    .noun = "kafka-dump-log",
    .words = "",
    .about = "Prints the files of a log directory",
    .options = options,
    .run = run,
};
