/* The tool `craft`: what every command is made of.
 *
 * A command is a row (`struct cli_verb`): its name, words, options, help and function. One noun
 * has one file; commands.c has the list. The tools that Kafka users know (kafka-topics, …) are rows
 * of their own in kafka/. The function gets its arguments parsed and counted, prints to
 * stdout, and returns an exit code:
 *
 *     0  done
 *     1  failed, or a part of it failed; stderr says what
 *     2  the command line makes no sense; nothing was done
 *   130  ended by SIGINT, in good order; 143: by SIGTERM
 *
 * Tables are for people. Programs ask for `--format json` or `tsv`, whose fields stay. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/args.h"
#include "base/err.h"
#include "cli/table.h"

#define CLI_VERSION "0.1.0"

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_INTERRUPTED = 130, /* 128 and the signal's number, as shells have it */
    CLI_TERMINATED = 143,
};

/* Options that many commands share. */
enum cli_uses {
    CLI_USES_FORMAT = 1,      /* --format */
    CLI_USES_CLUSTER = 2,     /* --bootstrap-server, --timeout */
    CLI_USES_CONTROLLERS = 4, /* --bootstrap-controller in its place */
};

enum { CLI_WORDS_ANY = 10000 };

struct cli;

struct cli_verb {
    const char *noun;
    const char *name;  /* NULL: the noun is the whole command; may have several words */
    const char *words; /* what stands behind it, e.g. "NAME…"; "" for nothing */
    int words_min;
    int words_max;
    unsigned uses;                     /* enum cli_uses */
    const char *about;                 /* one sentence */
    const char *more;                  /* lines of further explanation, or NULL */
    const char *examples;              /* lines, each a command */
    const struct args_option *options; /* its own, or NULL */
    const char *repeats; /* of Kafka's tools: options with a value that may be given again */
    enum cli_exit (*run)(struct cli *cli);
};

struct cli {
    const struct cli_verb *verb;
    struct args args;
    enum table_format format;
    struct arena arena; /* lives as long as the command */
    struct buf why;     /* where functions put the sentence that cli_refuse() prints */
};

/* Frees what the command used. */
void cli_fini(struct cli *cli);

/* "craft topic create: <text>" on stderr. */
void cli_complain(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The same; return its value. */
enum cli_exit cli_fail(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The same with a hint to --help; return its value. */
enum cli_exit cli_misuse(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "craft topic create: <about>: <what the error says>"; `message` (null or empty: none) is the
 * server's own sentence. Returns CLI_FAILED. */
enum cli_exit cli_fail_with(const struct cli *cli, const char *about, enum err e,
                            struct slice message);

/* Prints and frees the buffer. Returns CLI_OK, or CLI_FAILED if that did not work. */
enum cli_exit cli_print(struct buf *out);

/* Prints the buffer now and empties it. False: nobody reads it any more, or the disk is full; the
 * complaint is printed. */
bool cli_put(struct buf *out);

/* cli_misuse() with the sentence in cli->why. */
enum cli_exit cli_refuse(const struct cli *cli);

/* Number of an option, see args_number(). False: cli->why says why not. */
bool cli_number(struct cli *cli, const char *name, struct args_range range, int64_t *out);

/* At the end of the program: what was printed may not have arrived. Returns `code`, or CLI_FAILED.
 */
enum cli_exit cli_flush(enum cli_exit code);

/* ---- the commands ---- */

extern const struct cli_verb cli_dev;
extern const struct cli_verb cli_format;
extern const struct cli_verb cli_broker_list;
extern const struct cli_verb cli_broker_log_dirs;
extern const struct cli_verb cli_broker_unregister;
extern const struct cli_verb cli_ready;
extern const struct cli_verb cli_doctor;
extern const struct cli_verb cli_cluster_describe;
extern const struct cli_verb cli_quorum_status;
extern const struct cli_verb cli_quorum_add;
extern const struct cli_verb cli_quorum_remove;
extern const struct cli_verb cli_quorum_replace;
extern const struct cli_verb cli_quorum_recover;
extern const struct cli_verb cli_feature_describe;
extern const struct cli_verb cli_feature_upgrade;
extern const struct cli_verb cli_feature_downgrade;
extern const struct cli_verb cli_metadata_show;
extern const struct cli_verb cli_metadata_diff;
extern const struct cli_verb cli_metadata_why;
extern const struct cli_verb cli_metadata_export;
extern const struct cli_verb cli_metadata_import;
extern const struct cli_verb cli_topic_create;
extern const struct cli_verb cli_topic_list;
extern const struct cli_verb cli_topic_describe;
extern const struct cli_verb cli_topic_alter;
extern const struct cli_verb cli_topic_configs;
extern const struct cli_verb cli_topic_delete;
extern const struct cli_verb cli_partition_elect;
extern const struct cli_verb cli_partition_reassign_plan;
extern const struct cli_verb cli_partition_reassign_apply;
extern const struct cli_verb cli_partition_reassign_status;
extern const struct cli_verb cli_partition_reassign_cancel;
extern const struct cli_verb cli_records_delete;
extern const struct cli_verb cli_group_list;
extern const struct cli_verb cli_group_describe;
extern const struct cli_verb cli_group_delete;
extern const struct cli_verb cli_group_delete_offsets;
extern const struct cli_verb cli_group_reset_offsets;
extern const struct cli_verb cli_config_get;
extern const struct cli_verb cli_config_set;
extern const struct cli_verb cli_config_unset;
extern const struct cli_verb cli_api_versions;
extern const struct cli_verb cli_produce;
extern const struct cli_verb cli_consume;
extern const struct cli_verb cli_log_dump;
extern const struct cli_verb cli_completion;

#endif
