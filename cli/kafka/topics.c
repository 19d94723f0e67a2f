/* kafka-topics: its options, and what it changes. Describing is in topics_describe.c. */
#include "cli/kafka/topics.h"

#include <stdio.h>

#include "base/uuid.h"
#include "cli/configs.h"

/* ---- the topics that are meant ---- */

enum cli_exit topics_fail(struct topics_tool *tool, const struct admin_result *result)
{
    printf("Error while executing topic command : %s\n",
           tool_sentence(tool->cli, tool->cluster.client, result));
    return CLI_FAILED;
}

static enum cli_exit fail(const char *sentence)
{
    printf("Error while executing topic command : %s\n", sentence);
    return CLI_FAILED;
}

static enum cli_exit fail_missing(const char *what, const char *name)
{
    printf("Error while executing topic command : %s '%s' does not exist as expected\n", what,
           name);
    return CLI_FAILED;
}

/* Those that --topic matches, by name. */
static enum cli_exit find_by_name(struct topics_tool *tool, const char *wanted)
{
    struct cli *cli = tool->cli;
    struct pattern *pattern = NULL;
    if (wanted != NULL && (pattern = pattern_new_topics(slice_str(wanted))) == NULL) {
        printf("Error while executing topic command : %s is an invalid regex.\n", wanted);
        return CLI_FAILED;
    }
    const struct wire_metadata_response_topics **topics =
        topics_sorted(&tool->cluster, &cli->arena);
    for (; *topics != NULL; topics++) {
        struct slice name = (*topics)->name;
        bool excluded = tool_has(cli, "exclude-internal") && topics_is_internal(name);
        if (!excluded && pattern_matches(pattern, name)) {
            tool->names[tool->count++] = name;
        }
    }
    pattern_free(pattern);
    bool must_exist = wanted != NULL && !tool_has(cli, "if-exists") && !tool_has(cli, "list");
    return must_exist && tool->count == 0 ? fail_missing("Topic", wanted) : CLI_OK;
}

static enum cli_exit find_by_id(struct topics_tool *tool, struct uuid id, const char *wanted)
{
    const struct wire_metadata_response_topics **topics =
        topics_sorted(&tool->cluster, &tool->cli->arena);
    for (; *topics != NULL; topics++) {
        if (uuid_eq((*topics)->topic_id, id)) {
            tool->names[tool->count++] = (*topics)->name;
        }
    }
    bool may_miss = tool_has(tool->cli, "if-exists");
    return tool->count == 0 && !may_miss ? fail_missing("TopicId", wanted) : CLI_OK;
}

static enum cli_exit find_topics(struct topics_tool *tool)
{
    struct cli *cli = tool->cli;
    enum err e = cluster_refresh(&tool->cluster, NULL, 0);
    if (e != ERR_NONE) {
        return topics_fail(tool, &(struct admin_result){e, SLICE_NULL});
    }
    size_t total = (size_t)max_i64(tool->cluster.metadata->topics_count, 0);
    tool->names = ARENA_ARRAY(&cli->arena, total + 1, struct slice);
    const char *id_text = args_text(&cli->args, "topic-id");
    struct uuid id = UUID_ZERO;
    if (id_text != NULL && !uuid_parse(slice_str(id_text), &id)) {
        return fail(arena_printf(&cli->arena, "%s is no topic id", id_text));
    }
    return uuid_is_zero(id) ? find_by_name(tool, args_text(&cli->args, "topic"))
                            : find_by_id(tool, id, id_text);
}

/* ---- the settings and brokers that are given ---- */

/* NULL: they are good. */
static const char *read_configs(struct cli *cli, struct wire_create_topics_request_topics *topic)
{
    topic->configs = ARENA_ARRAY(&cli->arena, (size_t)cli->args.given_count + 1,
                                 struct wire_create_topics_request_topics_configs);
    const char *text;
    int at = 0;
    while ((text = args_next(&cli->args, "config", &at)) != NULL) {
        struct wire_create_topics_request_topics_configs *config =
            &topic->configs[topic->configs_count++];
        if (!args_pair(text, &config->name, &config->value) || config->value.len == 0) {
            return "requirement failed: Invalid topic config: all configs to be added must be in "
                   "the format \"key=val\".";
        }
        if (settings_find(SETTINGS_TOPIC, config->name) == NULL) {
            return arena_printf(&cli->arena, "Unknown topic config name: %.*s",
                                SLICE_ARG(config->name));
        }
    }
    return NULL;
}

/* A broker that stands twice in a list. −1: none does. */
static int32_t duplicate_of(const struct wire_create_topics_request_topics_assignments *row)
{
    for (int32_t i = 0; i < row->broker_ids_count; i++) {
        for (int32_t k = 0; k < i; k++) {
            if (row->broker_ids[i] == row->broker_ids[k]) {
                return row->broker_ids[i];
            }
        }
    }
    return -1;
}

/* NULL: it is good. */
static const char *read_assignment(struct cli *cli, struct wire_create_topics_request_topics *topic)
{
    const char *text = args_text(&cli->args, "replica-assignment");
    if (text == NULL || text[0] == '\0') {
        return NULL;
    }
    if (topics_read_assignment(slice_str(text), &cli->arena, &topic->assignments,
                               &topic->assignments_count, &cli->why) != ERR_NONE) {
        return arena_str(&cli->arena, buf_slice(&cli->why));
    }
    for (int32_t i = 0; i < topic->assignments_count; i++) {
        const struct wire_create_topics_request_topics_assignments *row = &topic->assignments[i];
        int32_t duplicate = duplicate_of(row);
        if (duplicate >= 0) {
            return arena_printf(
                &cli->arena, "Partition replica lists may not contain duplicate entries: %" PRId32,
                duplicate);
        }
        if (row->broker_ids_count != topic->assignments[0].broker_ids_count) {
            struct buf list = {0};
            for (int32_t k = 0; k < row->broker_ids_count; k++) {
                buf_printf(&list, "%s%" PRId32, k == 0 ? "" : ", ", row->broker_ids[k]);
            }
            char *sentence = arena_printf(
                &cli->arena, "Partition %" PRId32 " has different replication factor: [%.*s]", i,
                SLICE_ARG(buf_slice(&list)));
            buf_fini(&list);
            return sentence;
        }
    }
    return NULL;
}

/* What create and alter have in common. NULL: it is good. */
static const char *read_topic(struct cli *cli, struct wire_create_topics_request_topics *topic)
{
    int32_t replicas = -1;
    wire_init(&wire_msg_create_topics_request_topics, topic);
    topic->name = slice_str(args_text(&cli->args, "topic"));
    topic->num_partitions = -1; /* as the cluster thinks best */
    if (!tool_int(cli, "partitions", &topic->num_partitions) ||
        !tool_int(cli, "replication-factor", &replicas)) {
        return arena_str(&cli->arena, buf_slice(&cli->why));
    }
    const char *sentence = read_assignment(cli, topic);
    if (sentence == NULL) {
        sentence = read_configs(cli, topic);
    }
    if (sentence != NULL) {
        return sentence;
    }
    if (tool_has(cli, "replication-factor") && (replicas < 1 || replicas > INT16_MAX)) {
        return "The replication factor must be between 1 and 32767 inclusive";
    }
    topic->replication_factor = (int16_t)replicas;
    if (tool_has(cli, "create") && tool_has(cli, "partitions") && topic->num_partitions < 1) {
        return "The partitions must be greater than 0";
    }
    return NULL;
}

/* ---- the actions ---- */

static enum cli_exit create(struct topics_tool *tool)
{
    struct cli *cli = tool->cli;
    const char *name = args_text(&cli->args, "topic");
    struct wire_create_topics_request_topics topic;
    const char *sentence = read_topic(cli, &topic);
    if (strpbrk(name, "._") != NULL) {
        puts("WARNING: Due to limitations in metric names, topics with a period ('.') or "
             "underscore ('_') could collide. To avoid issues it is best to use either, but not "
             "both.");
    }
    if (sentence != NULL) {
        return fail(sentence);
    }
    struct wire_create_topics_request request = {.topics = &topic, .topics_count = 1};
    const struct wire_create_topics_response_topics *row;
    enum err e = topics_create(tool->cluster.client, &request, &row);
    if (e == ERR_NONE) {
        printf("Created topic %s.\n", name);
    } else if (e != ERR_TOPIC_ALREADY_EXISTS || !tool_has(cli, "if-not-exists")) {
        return topics_fail(
            tool, &(struct admin_result){e, row == NULL ? SLICE_NULL : row->error_message});
    }
    return CLI_OK;
}

static enum cli_exit list(struct topics_tool *tool)
{
    enum cli_exit code = find_topics(tool);
    if (code == CLI_OK) {
        for (int32_t i = 0; i < tool->count; i++) {
            printf("%.*s\n", SLICE_ARG(tool->names[i]));
        }
        if (tool->count == 0) {
            puts("");
        }
    }
    return code;
}

static int32_t partitions_of(const struct topics_tool *tool, struct slice name)
{
    const struct wire_metadata_response_topics *topic = cluster_topic(&tool->cluster, name);
    return topic == NULL ? 0 : topic->partitions_count;
}

/* The brokers of partitions that exist are given, too, and passed over. */
static enum err grow(struct topics_tool *tool, struct slice name,
                     const struct wire_create_topics_request_topics *wanted,
                     struct admin_result *result)
{
    struct wire_create_partitions_request_topics topic;
    wire_init(&wire_msg_create_partitions_request_topics, &topic);
    topic.name = name;
    topic.count = wanted->num_partitions;
    topic.assignments_count = -1; /* as the cluster thinks best */
    if (wanted->assignments_count > 0) {
        int32_t first = partitions_of(tool, name);
        int32_t count = (int32_t)max_i64(wanted->assignments_count - first, 0);
        topic.assignments = wire_new_array(&wire_msg_create_partitions_request_topics_assignments,
                                           &tool->cli->arena, count);
        topic.assignments_count = count;
        for (int32_t i = 0; i < count; i++) {
            topic.assignments[i].broker_ids = wanted->assignments[first + i].broker_ids;
            topic.assignments[i].broker_ids_count = wanted->assignments[first + i].broker_ids_count;
        }
    }
    return topics_grow(tool->cluster.client, &topic, result);
}

static enum cli_exit alter(struct topics_tool *tool)
{
    struct wire_create_topics_request_topics wanted;
    const char *sentence = read_topic(tool->cli, &wanted);
    if (sentence != NULL) {
        return fail(sentence);
    }
    enum cli_exit code = find_topics(tool);
    for (int32_t i = 0; i < tool->count && code == CLI_OK; i++) {
        struct admin_result result;
        enum err e = grow(tool, tool->names[i], &wanted, &result);
        if (e != ERR_NONE) {
            code = topics_fail(tool, &(struct admin_result){e, result.message});
        }
    }
    return code;
}

static enum cli_exit delete_topics(struct topics_tool *tool)
{
    enum cli_exit code = find_topics(tool);
    for (int32_t i = 0; i < tool->count && code == CLI_OK; i++) {
        struct admin_result result;
        enum err e = topics_delete(tool->cluster.client, tool->names[i], &result);
        if (e != ERR_NONE) {
            code = topics_fail(tool, &(struct admin_result){e, result.message});
        }
    }
    return code;
}

static enum cli_exit describe(struct topics_tool *tool)
{
    if (tool_has(tool->cli, "topic") && tool_has(tool->cli, "topic-id") &&
        tool_has(tool->cli, "if-exists")) {
        puts("Only topic id will be used when both --topic and --topic-id are specified and "
             "topicId is not Uuid.ZERO_UUID");
    }
    enum cli_exit code = find_topics(tool);
    return code == CLI_OK ? topics_describe(tool) : code;
}

/* ---- the command line ---- */

static const struct {
    const char *option;
    enum cli_exit (*run)(struct topics_tool *tool);
} actions[] = {{"create", create},
               {"alter", alter},
               {"list", list},
               {"describe", describe},
               {"delete", delete_topics}};

/* Options, and those that they do not go with. */
static const struct {
    const char *option;
    const char *others;
} conflicts[] = {
    {"config", "describe,list,delete"},
    {"partitions", "describe,list,delete"},
    {"replication-factor", "alter,describe,list,delete"},
    {"replica-assignment", "describe,list,delete"},
    {"under-replicated-partitions", "alter,create,list,delete,topics-with-overrides"},
    {"under-min-isr-partitions", "alter,create,list,delete,topics-with-overrides"},
    {"at-min-isr-partitions", "alter,create,list,delete,topics-with-overrides"},
    {"unavailable-partitions", "alter,create,list,delete,topics-with-overrides"},
    {"topics-with-overrides",
     "alter,create,list,delete,under-replicated-partitions,under-min-isr-partitions,"
     "at-min-isr-partitions,unavailable-partitions"},
    {"if-exists", "create,list"},
    {"if-not-exists", "alter,describe,list,delete"},
    {"exclude-internal", "alter,create,delete"},
};

static bool check_conflicts(struct cli *cli)
{
    for (size_t i = 0; i < ARRAY_LEN(conflicts); i++) {
        if (!tool_allows(cli, conflicts[i].option, conflicts[i].others)) {
            return false;
        }
    }
    return !tool_has(cli, "create") ||
           tool_allows(cli, "replica-assignment", "partitions,replication-factor");
}

static bool check_required(struct cli *cli)
{
    bool alters = tool_has(cli, "alter");
    if (tool_has(cli, "describe") && tool_has(cli, "if-exists") &&
        tool_count(cli, "topic,topic-id") == 0) {
        buf_put_str(&cli->why, "--topic or --topic-id is required to describe a topic");
        return false;
    }
    if (tool_count(cli, "list,describe") == 0 && !tool_requires(cli, "topic")) {
        return false;
    }
    if (alters && tool_has(cli, "config")) {
        buf_put_str(&cli->why,
                    "Option combination \"[[bootstrap-server], [config]]\" can't be used with "
                    "option \"[alter]\" (To alter topic configurations, the kafka-configs tool can "
                    "be used.)");
        return false;
    }
    return !alters || tool_requires(cli, "partitions");
}

static enum cli_exit run(struct cli *cli)
{
    if (tool_count(cli, "create,list,alter,describe,delete") != 1) {
        return tool_misuse(cli, "Command must include exactly one action: --list, --describe, "
                                "--create, --alter or --delete");
    }
    if (tool_has(cli, "delete-config")) {
        fputs("delete-config option is no longer supported and deprecated since version 4.0. The "
              "config will be fully removed in future releases.\n",
              stderr);
    }
    if (!tool_has(cli, "bootstrap-server")) {
        return tool_misuse(cli, "--bootstrap-server must be specified");
    }
    if (!check_required(cli) || !check_conflicts(cli)) {
        return tool_refuse(cli);
    }
    enum cli_exit code;
    struct topics_tool tool = {.cli = cli, .cluster.client = tool_open(cli, &code)};
    for (size_t i = 0; i < ARRAY_LEN(actions) && code == CLI_OK; i++) {
        if (tool_has(cli, actions[i].option)) {
            code = actions[i].run(&tool);
            break;
        }
    }
    cluster_close(&tool.cluster);
    return code;
}

static const struct args_option options[] = {
    {"bootstrap-server", "SERVERS", "host:port,… of brokers"},
    {"command-config", "FILE", "properties of the client"},
    {"list", NULL, "names of topics"},
    {"create", NULL, "create a topic"},
    {"delete", NULL, "delete topics"},
    {"alter", NULL, "add partitions"},
    {"describe", NULL, "partitions, replicas and settings"},
    {"topic", "NAME", "the topic; a regular expression except for --create"},
    {"topic-id", "ID", "the topic to describe"},
    {"config", "NAME=VALUE", "a setting of the topic to create; may be repeated"},
    {"delete-config", "NAME", "ignored; use kafka-configs"},
    {"partitions", "N", "how many, all in all"},
    {"replication-factor", "N", "replicas of each partition"},
    {"replica-assignment", "A:B,C:D,…", "the brokers of each partition"},
    {"under-replicated-partitions", NULL, "only partitions with replicas that are not in sync"},
    {"unavailable-partitions", NULL, "only partitions without a living leader"},
    {"under-min-isr-partitions", NULL, "only partitions with fewer in sync than they need"},
    {"at-min-isr-partitions", NULL, "only partitions with just as many in sync as they need"},
    {"topics-with-overrides", NULL, "only topics with settings of their own"},
    {"if-exists", NULL, "a topic that does not exist is no failure"},
    {"if-not-exists", NULL, "a topic that exists is no failure"},
    {"exclude-internal", NULL, "leave internal topics out"},
    {"partition-size-limit-per-response", "N", "accepted; answers come in pages anyway"},
    {0}};

const struct cli_verb kafka_topics = {
    .noun = "kafka-topics",
    .words = "",
    .about = "Lists, creates, describes, grows and deletes topics",
    .options = options,
    .repeats = "config",
    .run = run,
};
