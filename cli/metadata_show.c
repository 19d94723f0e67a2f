/* craft metadata show: the state at a point of the log. */
#include "cli/metadata.h"

#include "metadata/quote.h"
#include "metadata/redact.h"

static const char *config_type_name(int8_t type)
{
    switch (type) {
    case METADATA_CONFIG_TOPIC:
        return "topic";
    case METADATA_CONFIG_BROKER:
        return "broker";
    case METADATA_CONFIG_CLIENT_METRICS:
        return "client-metrics";
    case METADATA_CONFIG_GROUP:
        return "group";
    default:
        return "resource";
    }
}

static void put_endpoints(struct metadata_endpoints endpoints, struct buf *out)
{
    for (size_t i = 0; i < endpoints.count; i++) {
        const struct metadata_endpoint *e = &endpoints.items[i];
        buf_printf(out, " %.*s://%.*s:%u", SLICE_ARG(e->name), SLICE_ARG(e->host), e->port);
    }
}

static void put_nodes(const struct metadata_image *image, struct buf *out)
{
    struct metadata_iter it = metadata_controllers(image);
    const struct metadata_controller *controller;
    while ((controller = metadata_controller_next(&it)) != NULL) {
        buf_printf(out, "controller %" PRId32, controller->id);
        put_endpoints(controller->endpoints, out);
        buf_put_str(out, "\n");
    }
    it = metadata_brokers(image);
    const struct metadata_broker *broker;
    while ((broker = metadata_broker_next(&it)) != NULL) {
        buf_printf(out, "broker %" PRId32, broker->id);
        put_endpoints(broker->endpoints, out);
        if (!slice_is_null(broker->rack)) {
            buf_printf(out, " rack=%.*s", SLICE_ARG(broker->rack));
        }
        buf_printf(out, " epoch=%" PRId64 "\n    %s since ", broker->epoch,
                   broker->fenced                   ? "fenced"
                   : broker->in_controlled_shutdown ? "shutting down"
                                                    : "serving");
        metadata_put_time(broker->since.timestamp_ms, out);
        buf_put_str(out, ": ");
        metadata_cause_print(&broker->since.cause, out);
        buf_put_str(out, "\n");
    }
}

static void put_partition(const struct metadata_topic *topic, int32_t index, struct buf *out)
{
    const struct metadata_partition *p = metadata_partition(topic, index);
    buf_printf(out, "    %" PRId32 "  leader ", index);
    if (p->leader < 0) {
        buf_put_str(out, "none");
    } else {
        buf_printf(out, "%" PRId32, p->leader);
    }
    buf_put_str(out, "  isr ");
    metadata_put_ids(metadata_isr(p), out);
    buf_put_str(out, "  replicas ");
    metadata_put_ids(metadata_replicas(p), out);
    if (metadata_adding_replicas(p).count + metadata_removing_replicas(p).count > 0) {
        buf_put_str(out, "  adding ");
        metadata_put_ids(metadata_adding_replicas(p), out);
        buf_put_str(out, "  removing ");
        metadata_put_ids(metadata_removing_replicas(p), out);
    }
    buf_printf(out, "  leader epoch %" PRId32 "  partition epoch %" PRId32 "%s\n", p->leader_epoch,
               p->partition_epoch, p->recovering ? "  recovering" : "");
}

static void put_topics(const struct metadata_image *image, struct buf *out)
{
    struct metadata_iter it = metadata_topics(image);
    const struct metadata_topic *topic;
    while ((topic = metadata_topic_next(&it)) != NULL) {
        buf_printf(out, "topic %.*s id=%s\n", SLICE_ARG(topic->name), uuid_text(topic->id).text);
        for (int32_t i = 0; i < topic->partition_count; i++) {
            put_partition(topic, i, out);
        }
    }
}

static void put_configs(const struct metadata_image *image, bool secrets, struct buf *out)
{
    struct metadata_iter it = metadata_configs(image);
    const struct metadata_config_resource *resource;
    while ((resource = metadata_config_next(&it)) != NULL) {
        buf_printf(out, "config %s %.*s\n", config_type_name(resource->key.type),
                   resource->key.name.len == 0 ? 10 : (int)resource->key.name.len,
                   resource->key.name.len == 0 ? "(everyone)"
                                               : (const char *)resource->key.name.data);
        for (size_t i = 0; i < resource->count; i++) {
            const struct metadata_config_entry *entry = &resource->entries[i];
            buf_printf(out, "    %.*s=", SLICE_ARG(entry->name));
            if (!secrets && metadata_config_is_sensitive(resource->key.type, entry->name)) {
                buf_put_str(out, METADATA_REDACTED);
            } else {
                metadata_quote(out, entry->value);
            }
            buf_put_str(out, "\n");
        }
    }
}

static void put_for_people(const struct metadata_image *image, bool secrets, struct buf *out)
{
    metadata_put_position(image, out);
    buf_printf(out, ", cluster %.*s\n\n", SLICE_ARG(metadata_image_cluster_id(image)));
    struct metadata_iter it = metadata_features(image);
    const struct metadata_feature *feature;
    while ((feature = metadata_feature_next(&it)) != NULL) {
        buf_printf(out, "feature %.*s level %d\n", SLICE_ARG(feature->name), feature->level);
    }
    put_nodes(image, out);
    put_topics(image, out);
    put_configs(image, secrets, out);
    if (metadata_next_producer_id(image) > 0) {
        buf_printf(out, "producer ids below %" PRId64 " are given out\n",
                   metadata_next_producer_id(image));
    }
}

static void put_json(const struct metadata_image *image, bool secrets, struct buf *out)
{
    buf_put_str(out, "{\"clusterId\":");
    metadata_quote(out, metadata_image_cluster_id(image));
    buf_put_str(out, ",");
    metadata_put_position_json(image, out);
    buf_put_str(out, ",\"records\":[");
    struct metadata_snapshot *s = metadata_snapshot_begin(image);
    struct metadata_record record;
    for (const char *separator = "\n"; metadata_snapshot_next(s, &record); separator = ",\n") {
        buf_put_str(out, separator);
        if (!secrets) {
            metadata_record_redact(&record);
        }
        metadata_record_print_json(&record, out);
    }
    metadata_snapshot_end(s);
    buf_put_str(out, "]}\n");
}

static void put(const struct cli *cli, const struct metadata_image *image, struct buf *out)
{
    bool secrets = args_has(&cli->args, "show-sensitive");
    (cli->format == TABLE_JSON ? put_json : put_for_people)(image, secrets, out);
}

static enum cli_exit run_show(struct cli *cli)
{
    return metadata_print(cli, put);
}

static const struct args_option options[] = {
    METADATA_SOURCE_OPTIONS,
    {"at", "OFFSET|TIME", "the state then, e.g. 1234 or 2026-11-21T14:50:17Z; default: the end"},
    METADATA_SECRETS_OPTION,
    {0}};

const struct cli_verb cli_metadata_show = {
    .noun = "metadata",
    .name = "show",
    .words = "",
    .uses = CLI_USES_FORMAT,
    .about = "Shows the cluster's metadata at a point of its log",
    .more =
        "OFFSET: the state after all batches that begin there or before. TIME: after all that\n"
        "were written by then. The log of a directory does not say what is committed: its last\n"
        "records may not be. --format json prints the records that make the state.",
    .examples = "craft metadata show --log-dir data/controller-1\n"
                "craft metadata show --log-dir data/controller-1 --at 2026-11-21T14:50:17Z\n"
                "craft metadata show --bootstrap-controller 127.0.0.1:10092 --format json",
    .options = options,
    .run = run_show,
};
