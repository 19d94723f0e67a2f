/* What Kafka's tools have in common: how they complain, how they reach a cluster. */
#ifndef CLI_KAFKA_TOOL_H
#define CLI_KAFKA_TOOL_H

#include "cli/admin.h"

/* ---- complaints; each returns CLI_FAILED ---- */

/* The sentence alone, on stderr. */
enum cli_exit tool_fail(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The same and a hint to --help: the command line makes no sense. */
enum cli_exit tool_misuse(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* tool_misuse() with the sentence in cli->why. */
enum cli_exit tool_refuse(const struct cli *cli);

/* ---- the command line ---- */

/* Was this option given, in which Kafka's tools see the action? As args_has(). */
bool tool_has(const struct cli *cli, const char *option);

/* How many of the options ("list,create") were given. */
int tool_count(const struct cli *cli, const char *options);

/* False, with the sentence in cli->why: `option` was given and so was one of `others`
 * ("list,create"). */
bool tool_allows(struct cli *cli, const char *option, const char *others);

/* False, with the sentence in cli->why: one of the options is missing. */
bool tool_requires(struct cli *cli, const char *options);

/* A number of 32 bits; left alone if it was not given. False: the sentence is in cli->why. */
bool tool_int(struct cli *cli, const char *option, int32_t *out);
bool tool_long(struct cli *cli, const char *option, int64_t *out);

/* ---- the cluster ---- */

/* Reads --bootstrap-server, --bootstrap-controller (if the tool has it) and the properties file of
 * --command-config. NULL: the complaint is printed, `*code` is CLI_FAILED. */
struct client *tool_open(struct cli *cli, enum cli_exit *code);

/* The sentence that Java's client has for a failure: what the server says, else what the error
 * means; about a cluster that is out of reach our own. */
const char *tool_sentence(struct cli *cli, const struct client *client,
                          const struct admin_result *result);

/* What Kafka's client says of an error, and the name of its exception. */
const char *tool_error_text(enum err e);
const char *tool_error_class(enum err e);

/* ---- the tools ---- */

extern const struct cli_verb kafka_topics;
extern const struct cli_verb kafka_consumer_groups;
extern const struct cli_verb kafka_configs;
extern const struct cli_verb kafka_reassign_partitions;
extern const struct cli_verb kafka_leader_election;
extern const struct cli_verb kafka_delete_records;
extern const struct cli_verb kafka_log_dirs;
extern const struct cli_verb kafka_get_offsets;
extern const struct cli_verb kafka_console_producer;
extern const struct cli_verb kafka_console_consumer;
extern const struct cli_verb kafka_metadata_quorum;
extern const struct cli_verb kafka_dump_log;

#endif
