/* The parts of kafka-consumer-groups. */
#ifndef CLI_KAFKA_CONSUMER_GROUPS_H
#define CLI_KAFKA_CONSUMER_GROUPS_H

#include "cli/group.h"
#include "cli/kafka/tool.h"

struct groups_tool {
    struct cli *cli;
    struct cluster cluster;
    struct slice *names; /* of --group or --all-groups, sorted */
    int32_t count;
};

/* "\nError: <text>" on stdout. Returns CLI_OK: Kafka's tool ends so. */
enum cli_exit groups_error(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* groups_error() of the whole command, with the sentence in cli->why. */
enum cli_exit groups_refuse(const struct cli *cli);

/* The failure of the action; `exception`: with the name of Java's exception. */
enum cli_exit groups_fail(struct groups_tool *tool, enum err e, struct slice message,
                          bool exception);

/* The actions. */
enum cli_exit groups_describe(struct groups_tool *tool);
enum cli_exit groups_reset(struct groups_tool *tool);
enum cli_exit groups_delete(struct groups_tool *tool);
enum cli_exit groups_delete_offsets(struct groups_tool *tool);

/* Checks what goes with --reset-offsets; the sentence is in cli->why. */
bool groups_check_reset(struct cli *cli);

#endif
