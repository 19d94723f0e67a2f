/* craft log: files of a log directory, read without a server. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/dump.h"
#include "cli/metadata.h"

enum { PATH_BYTES_MAX = 4096, NAMES_MAX = 1000000 };

/* ---- kinds of files ---- */

struct kind {
    const char *suffix; /* or the whole name */
    void (*dump)(struct dump *dump);
};

/* The first that fits counts. */
static const struct kind kinds[] = {
    {".log", dump_batches},
    {".checkpoint", dump_batches},
    {".index", dump_offset_index},
    {".timeindex", dump_time_index},
    {".txnindex", dump_txn_index},
    {".snapshot", dump_producers},
    {"leader-epoch-checkpoint", dump_epochs},
    {"-checkpoint", dump_checkpoint},
    {"meta.properties", dump_properties},
    {"partition.metadata", dump_properties},
    {"quorum-state", dump_json},
    {".kafka_cleanshutdown", dump_json},
};

static bool ends_with(const char *text, const char *suffix)
{
    size_t len = strlen(text);
    size_t suffix_len = strlen(suffix);
    return len >= suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

static const struct kind *kind_of(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (ends_with(path, kinds[i].suffix)) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* Does the file lie in a partition of this topic? */
static bool is_of_topic(const char *path, const char *topic)
{
    char real[PATH_BYTES_MAX];
    char *resolved = realpath(path, NULL);
    snprintf(real, sizeof real, "%s", resolved == NULL ? path : resolved);
    mem_free(resolved);
    const char *at = strstr(real, topic);
    return at != NULL && at > real && at[-1] == '/' && at[strlen(topic)] == '-';
}

/* ---- files and directories ---- */

static void dump_file(struct dump *dump, const char *path)
{
    const struct kind *kind = kind_of(path);
    dump->path = path;
    if (kind == NULL) {
        dump_error(dump, 0,
                   "no file of a log by its name: .log, .index, .timeindex, .txnindex, "
                   ".snapshot, .checkpoint, *-checkpoint, quorum-state, meta.properties");
        return;
    }
    if (dump->cli->format == TABLE_FOR_PEOPLE) {
        buf_printf(&dump->out, "%s\n", path);
    }
    dump->is_metadata = args_has(&dump->cli->args, "metadata") || ends_with(path, ".checkpoint") ||
                        is_of_topic(path, "__cluster_metadata");
    dump->is_offsets = is_of_topic(path, "__consumer_offsets");
    dump->is_transactions = is_of_topic(path, "__transaction_state");
    kind->dump(dump);
}

struct names {
    struct arena arena;
    char **items;
    size_t count;
    size_t capacity;
};

static void add_name(void *arg, const char *name)
{
    struct names *names = arg;
    if (kind_of(name) == NULL || names->count == NAMES_MAX) {
        return;
    }
    if (names->count == names->capacity) {
        names->capacity = names->capacity == 0 ? 64 : names->capacity * 2;
        names->items = mem_realloc(names->items, names->capacity * sizeof *names->items);
    }
    names->items[names->count++] = arena_str(&names->arena, slice_str(name));
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every file in it that we know, by name. */
static void dump_dir(struct dump *dump, const char *dir)
{
    struct names names = {0};
    enum err e = store_fs_list(dump->fs, dir, add_name, &names);
    if (e != ERR_NONE) {
        dump->path = dir;
        dump_error(dump, 0, "the directory cannot be read: %s", err_text(e));
    } else if (names.count > 0) {
        qsort(names.items, names.count, sizeof *names.items, compare_names);
    }
    for (size_t i = 0; i < names.count && !dump->is_unread; i++) {
        dump_file(dump, arena_printf(&names.arena, "%s/%s", dir, names.items[i]));
    }
    mem_free(names.items);
    arena_fini(&names.arena);
}

static void dump_path(struct dump *dump, const char *path)
{
    struct store_stat stat;
    enum err e = store_fs_stat(dump->fs, path, &stat);
    if (e != ERR_NONE) {
        dump->path = path;
        dump_error(dump, 0, "%s", e == ERR_NOT_FOUND ? "there is no such file" : err_text(e));
    } else if (stat.is_dir) {
        dump_dir(dump, path);
    } else {
        dump_file(dump, path);
    }
}

/* ---- the command ---- */

static enum cli_exit run_dump(struct cli *cli)
{
    if (cli->format == TABLE_TSV) {
        return cli_misuse(cli, "--format tsv is not possible here, as the items are of many "
                               "kinds; use json");
    }
    struct dump dump = {.cli = cli,
                        .fs = store_fs_posix(),
                        .with_records = !args_has(&cli->args, "batches"),
                        .with_secrets = args_has(&cli->args, "show-sensitive")};
    for (int i = 0; i < cli->args.word_count && !dump.is_unread; i++) {
        dump_path(&dump, cli->args.words[i]);
    }
    dump_flush(&dump);
    buf_fini(&dump.out);
    return dump.error_count > 0 || dump.is_unread ? CLI_FAILED : CLI_OK;
}

static const struct args_option options[] = {
    {"batches", NULL, "only the headers of batches, not their records"},
    {"metadata", NULL, "records are those of __cluster_metadata; default: by the directory's name"},
    METADATA_SECRETS_OPTION,
    {0}};

const struct cli_verb cli_log_dump = {
    .noun = "log",
    .name = "dump",
    .words = "PATH…",
    .words_min = 1,
    .words_max = CLI_WORDS_ANY,
    .uses = CLI_USES_FORMAT,
    .about = "Shows what the files of a log hold, and what is damaged",
    .more = "A PATH is a segment (.log), an index, a snapshot, a checkpoint, quorum-state, "
            "meta.properties,\nor a directory with such files. Records of __cluster_metadata, "
            "__consumer_offsets and\n__transaction_state are decoded. --format json prints an "
            "object a line. The exit code is 1\nif anything is damaged; stderr says where.",
    .examples = "craft log dump data/clicks-0\n"
                "craft log dump data/__cluster_metadata-0/00000000000000000000.log --format json\n"
                "craft log dump --batches data/clicks-0/00000000000000000000.log",
    .options = options,
    .run = run_dump,
};
