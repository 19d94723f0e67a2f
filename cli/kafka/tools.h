/* The tools of Apache Kafka, by their names: `craft` called as kafka-topics (or kafka-topics.sh)
 * takes that tool's flags and prints what it prints.
 *
 * What is the same: options, standard output, the first line of a complaint, the exit code. What is
 * not: help is shorter, complaints come without Java's stack, lists that Java prints in the order
 * of a hash table may be sorted. */
#ifndef CLI_KAFKA_TOOLS_H
#define CLI_KAFKA_TOOLS_H

#include "cli/cli.h"

/* The tool that a program of this path is; NULL: none. Its `noun` is its name, there is no `name`;
 * `more` is what stands in front of a complaint about an option. */
const struct cli_verb *kafka_tools_find(const char *path);

enum cli_exit kafka_tools_run(const struct cli_verb *tool, char **argv);

#endif
