/* The parts of kafka-topics. */
#ifndef CLI_KAFKA_TOPICS_H
#define CLI_KAFKA_TOPICS_H

#include "cli/kafka/tool.h"
#include "cli/pattern.h"
#include "cli/topics.h"

struct topics_tool {
    struct cli *cli;
    struct cluster cluster;
    struct slice *names; /* of the topics that are meant, sorted */
    int32_t count;
};

/* The failure of the action, on stdout as Kafka has it. Returns CLI_FAILED. */
enum cli_exit topics_fail(struct topics_tool *tool, const struct admin_result *result);

/* Prints the topics that are meant. */
enum cli_exit topics_describe(struct topics_tool *tool);

#endif
