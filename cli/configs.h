/* Settings that a cluster stores: of topics, brokers, groups, and the defaults of all brokers. */
#ifndef CLI_CONFIGS_H
#define CLI_CONFIGS_H

#include "cli/admin.h"
#include "metadata/record.h"
#include "metadata/settings.h"

/* Of the operations of IncrementalAlterConfigs those that commands use. */
enum configs_operation { CONFIGS_SET = 0, CONFIGS_DELETE = 1 };

struct configs_resource {
    int8_t type;       /* METADATA_CONFIG_… */
    struct slice name; /* "" with METADATA_CONFIG_BROKER: the default of all brokers */
};

struct configs_question {
    const struct configs_resource *resources;
    int32_t count;
    bool with_synonyms;
    bool with_documentation;
};

/* All settings of the resources, which must not be of different brokers: those of a broker are
 * asked from itself. Errors: of client_call() (NOT_FOUND: there is no such broker); those of a
 * resource are in the answer, which has the resources in the order of the question. */
enum err configs_describe(struct client *client, const struct configs_question *question,
                          const struct wire_describe_configs_response **out) MUST_USE;

/* "topic", "broker", "defaults", …: where a value comes from; the number is Kafka's. */
const char *configs_source(int8_t source);

struct configs_change {
    struct slice name;
    enum configs_operation operation;
    struct slice value; /* null for CONFIGS_DELETE */
};

struct configs_changes {
    struct configs_resource resource;
    const struct configs_change *items;
    int32_t count;
    bool validate_only;
};

/* All or nothing. Errors: of admin_call(), or the answer's, which is in `result`, too. */
enum err configs_alter(struct client *client, const struct configs_changes *changes,
                       struct admin_result *result) MUST_USE;

#endif
