/* The list of commands; see commands.h. */
#include "cli/commands.h"

/* clang-format off */
const struct cli_verb *const commands[] = {
    &cli_dev,
    &cli_format,
    &cli_ready,
    &cli_doctor,
    &cli_cluster_describe,
    &cli_quorum_status,
    &cli_quorum_add,
    &cli_quorum_remove,
    &cli_quorum_replace,
    &cli_quorum_recover,
    &cli_broker_list,
    &cli_broker_log_dirs,
    &cli_broker_unregister,
    &cli_topic_create,
    &cli_topic_list,
    &cli_topic_describe,
    &cli_topic_alter,
    &cli_topic_configs,
    &cli_topic_delete,
    &cli_partition_elect,
    &cli_partition_reassign_plan,
    &cli_partition_reassign_apply,
    &cli_partition_reassign_status,
    &cli_partition_reassign_cancel,
    &cli_records_delete,
    &cli_group_list,
    &cli_group_describe,
    &cli_group_delete,
    &cli_group_delete_offsets,
    &cli_group_reset_offsets,
    &cli_config_get,
    &cli_config_set,
    &cli_config_unset,
    &cli_api_versions,
    &cli_produce,
    &cli_consume,
    &cli_feature_describe,
    &cli_feature_upgrade,
    &cli_feature_downgrade,
    &cli_metadata_show,
    &cli_metadata_diff,
    &cli_metadata_why,
    &cli_metadata_export,
    &cli_metadata_import,
    &cli_log_dump,
    &cli_completion,
    NULL,
};
/* clang-format on */

/* ---- options ---- */

static const struct args_option format_options[] = {
    {"format", "table|json|tsv", "how to print; default: table"}, {0}};
static const struct args_option cluster_options[] = {
    {"bootstrap-server,b", "HOST:PORT,…", "brokers to ask, one after the other until one answers"},
    {"timeout", "SECONDS", "how long to try; default: 10"},
    {0}};
static const struct args_option controller_options[] = {
    {"bootstrap-controller", "HOST:PORT,…", "controllers to ask in place of brokers"}, {0}};
static const struct args_option help_options[] = {{"help,h", NULL, "this text"}, {0}};

void commands_tables(const struct cli_verb *verb,
                     const struct args_option *tables[COMMANDS_TABLES_MAX])
{
    int count = 0;
    if (verb->options != NULL) {
        tables[count++] = verb->options;
    }
    if ((verb->uses & CLI_USES_CLUSTER) != 0) {
        tables[count++] = cluster_options;
    }
    if ((verb->uses & CLI_USES_CONTROLLERS) != 0) {
        tables[count++] = controller_options;
    }
    if ((verb->uses & CLI_USES_FORMAT) != 0) {
        tables[count++] = format_options;
    }
    tables[count++] = help_options;
    tables[count] = NULL;
}

/* ---- names ---- */

/* How many arguments are words of the command's name, from the first on; `*whole`: all of its
 * words are there. */
static int match(const struct cli_verb *verb, char **argv, bool *whole)
{
    const char *parts[] = {verb->noun, verb->name};
    int count = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct slice rest = slice_str(parts[i]);
        struct slice word;
        while (args_item(&rest, ' ', &word)) {
            if (argv[count] == NULL || !slice_eq_str(word, argv[count])) {
                *whole = false;
                return count;
            }
            count++;
        }
    }
    *whole = true;
    return count;
}

const struct cli_verb *commands_find(char **argv, int *words)
{
    const struct cli_verb *found = NULL;
    *words = 0;
    for (const struct cli_verb *const *at = commands; *at != NULL; at++) {
        bool whole;
        int count = match(*at, argv, &whole);
        if (whole && count > *words) {
            found = *at;
            *words = count;
        }
    }
    return found;
}

int commands_prefix(char **argv)
{
    int longest = 0;
    for (const struct cli_verb *const *at = commands; *at != NULL; at++) {
        bool whole;
        int count = match(*at, argv, &whole);
        longest = count > longest ? count : longest;
    }
    return longest;
}

bool commands_begins(const struct cli_verb *verb, char **argv, int count)
{
    bool whole;
    return match(verb, argv, &whole) >= count;
}
