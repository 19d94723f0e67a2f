/* craft topic alter: more partitions, other settings. */
#include <stdio.h>

#include "cli/config.h"
#include "cli/topics.h"

enum { PARTITIONS_MAX = 1000000 };

struct alteration {
    struct cli *cli;
    struct slice name;
    int64_t partitions; /* −1: as they are */
    struct wire_create_topics_request_topics_assignments *assignments;
    int32_t assignment_count; /* 0: the cluster chooses */
    struct configs_changes configs;
};

static bool read_configs(struct alteration *a)
{
    struct cli *cli = a->cli;
    struct configs_change *items =
        ARENA_ARRAY(&cli->arena, (size_t)cli->args.given_count + 1, struct configs_change);
    a->configs =
        (struct configs_changes){.resource = {METADATA_CONFIG_TOPIC, a->name}, .items = items};
    const char *text;
    int at = 0;
    while ((text = args_next(&cli->args, "config", &at)) != NULL) {
        struct configs_change *item = &items[a->configs.count++];
        item->operation = CONFIGS_SET;
        if (!args_pair(text, &item->name, &item->value)) {
            buf_printf(&cli->why, "--config takes NAME=VALUE, not \"%s\"", text);
            return false;
        }
    }
    at = 0;
    while ((text = args_next(&cli->args, "unset", &at)) != NULL) {
        items[a->configs.count++] =
            (struct configs_change){slice_str(text), CONFIGS_DELETE, SLICE_NULL};
    }
    return true;
}

static bool read_options(struct alteration *a)
{
    struct cli *cli = a->cli;
    const char *assignment = args_text(&cli->args, "assignment");
    if (!cli_number(cli, "partitions", (struct args_range){1, PARTITIONS_MAX}, &a->partitions) ||
        !read_configs(a)) {
        return false;
    }
    if (assignment != NULL && a->partitions < 0) {
        buf_put_str(&cli->why, "--assignment says where the new partitions of --partitions live");
        return false;
    }
    if (assignment != NULL &&
        topics_read_assignment(slice_str(assignment), &cli->arena, &a->assignments,
                               &a->assignment_count, &cli->why) != ERR_NONE) {
        return false;
    }
    if (a->partitions < 0 && a->configs.count == 0) {
        buf_put_str(&cli->why, "give --partitions, --config or --unset");
        return false;
    }
    return true;
}

static enum cli_exit grow(struct alteration *a, struct client *client)
{
    struct wire_create_partitions_request_topics topic;
    wire_init(&wire_msg_create_partitions_request_topics, &topic);
    topic.name = a->name;
    topic.count = (int32_t)a->partitions;
    topic.assignments_count = a->assignment_count == 0 ? -1 : a->assignment_count;
    topic.assignments = wire_new_array(&wire_msg_create_partitions_request_topics_assignments,
                                       &a->cli->arena, a->assignment_count);
    for (int32_t i = 0; i < a->assignment_count; i++) {
        topic.assignments[i].broker_ids = a->assignments[i].broker_ids;
        topic.assignments[i].broker_ids_count = a->assignments[i].broker_ids_count;
    }
    struct admin_result result;
    enum err e = topics_grow(client, &topic, &result);
    if (e == ERR_NONE) {
        return CLI_OK;
    }
    return client_why(client)[0] != '\0'
               ? client_fail(a->cli, client, e)
               : cli_fail_with(a->cli, a->cli->args.words[0], e, result.message);
}

static enum cli_exit run_alter(struct cli *cli)
{
    struct alteration a = {.cli = cli, .name = slice_str(cli->args.words[0]), .partitions = -1};
    if (!read_options(&a)) {
        return cli_refuse(cli);
    }
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    if (a.configs.count > 0) {
        code = config_change(cli, client, &a.configs, cli->args.words[0]);
    }
    if (code == CLI_OK && a.partitions > 0) {
        code = grow(&a, client);
    }
    if (code == CLI_OK) {
        printf("changed %s\n", cli->args.words[0]);
    }
    client_close(client);
    return code;
}

static const struct args_option options[] = {
    {"partitions", "N", "how many it shall have; never fewer than now"},
    {"assignment", "A:B,C:D,…", "the brokers of each new partition, the preferred leader first"},
    {"config", "NAME=VALUE", "a setting; may be repeated"},
    {"unset", "NAME", "a setting to take back; may be repeated"},
    {0}};

const struct cli_verb cli_topic_alter = {
    .noun = "topic",
    .name = "alter",
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .uses = CLI_USES_CLUSTER,
    .about = "Adds partitions to a topic, changes its settings",
    .more = "Records with a key go to other partitions when there are more of them. Replicas are "
            "moved by\n`craft partition reassign`.",
    .examples = "craft topic alter clicks --partitions 24 --bootstrap-server 127.0.0.1:9092\n"
                "craft topic alter clicks --config retention.ms=86400000 --unset cleanup.policy "
                "--bootstrap-server 127.0.0.1:9092",
    .options = options,
    .run = run_alter,
};
