/* The parts of kafka-configs. */
#ifndef CLI_KAFKA_CONFIGS_H
#define CLI_KAFKA_CONFIGS_H

#include "cli/cluster.h"
#include "cli/configs.h"
#include "cli/kafka/tool.h"

/* What Kafka calls the kinds of resources. */
struct kind {
    const char *name;     /* of --entity-type */
    const char *option;   /* --topic NAME for short */
    const char *defaults; /* --broker-defaults for short */
    int8_t type;          /* METADATA_CONFIG_…; 0: quotas and credentials, which we do not have */
    int8_t source;        /* of values that were set for it */
};

struct configs_tool {
    struct cli *cli;
    struct cluster cluster;
    const struct kind *kind;
    const char *name; /* NULL: all of the kind; "": the default */
};

/* "topic" of "topics". */
struct slice configs_tool_singular(const struct kind *kind);

/* The source that a value of this resource has when it was set for it. */
int8_t configs_tool_source(const struct configs_tool *tool, struct slice name);

/* The settings of a resource. Errors: of configs_describe(), or the answer's, which `*out` has. */
enum err configs_tool_ask(struct configs_tool *tool, struct slice name, bool with_synonyms,
                          const struct wire_describe_configs_response_results **out) MUST_USE;

/* What Kafka's tool says of an exception that it did not expect; cli->why has the call. Returns
 * CLI_FAILED. */
enum cli_exit configs_tool_fail(struct configs_tool *tool, enum err e, struct slice message);

enum cli_exit configs_tool_alter(struct configs_tool *tool);

#endif
