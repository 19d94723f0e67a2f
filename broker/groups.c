/* Shards come and go with the leadership of their partitions. */
#include "broker/groups.h"

#include "base/mem.h"
#include "broker/groups_private.h"

enum { MS_PER_MINUTE = 60000 };

struct group_time group_now(struct broker *broker)
{
    return (struct group_time){net_now_ms(broker->loop), net_wall_ms(broker->loop)};
}

struct group_host *group_host_of(struct broker_groups *groups, struct slice group_id)
{
    const struct metadata_topic *topic =
        metadata_topic_by_name(groups->broker->image, slice_str(OFFSETS_TOPIC));
    if (topic == NULL) {
        return NULL;
    }
    int32_t partition = group_partition_for(group_id, topic->partition_count);
    return map_get(&groups->hosts, MAP_KEY(partition));
}

/* ---- coming and going ---- */

static void on_timer(void *arg)
{
    struct group_host *host = arg;
    struct group_effects out = {0};
    group_shard_tick(host->shard, group_now(host->groups->broker), &out);
    group_host_obey(host, &out);
}

void broker_groups_elected(struct broker_groups *groups, struct replica *r)
{
    broker_groups_resigned(groups, r->index);
    struct group_host *host = MEM_NEW(struct group_host);
    struct group_config config = groups->config;
    config.seed = uuid_random().lo;
    host->groups = groups;
    host->topic_id = r->topic_id;
    host->partition = r->index;
    host->shard = group_shard_new(&config, groups->broker->log);
    group_shard_set_image(host->shard, groups->broker->image, true);
    list_init(&host->appends);
    net_timer_init(&host->timer, groups->broker->loop, on_timer, host);
    map_put(&groups->hosts, MAP_KEY(host->partition), host);
    group_host_load(host, r);
}

void broker_groups_resigned(struct broker_groups *groups, int32_t partition)
{
    struct group_host *host = map_remove(&groups->hosts, MAP_KEY(partition));
    if (host == NULL) {
        return;
    }
    struct group_effects out = {0};
    group_host_load_stop(host);
    group_host_drop_appends(host);
    group_shard_unload(host->shard, &out);
    group_host_obey(host, &out);
    net_timer_stop(&host->timer);
    group_shard_free(host->shard);
    mem_free(host);
}

void broker_groups_topic_deleted(struct broker_groups *groups, struct slice topic,
                                 struct uuid topic_id)
{
    (void)topic_id;
    size_t at = 0;
    for (struct group_host *host = map_next(&groups->hosts, &at); host != NULL;
         host = map_next(&groups->hosts, &at)) {
        struct group_effects out = {0};
        group_shard_topics_deleted(host->shard, &topic, 1, group_now(groups->broker), &out);
        group_host_obey(host, &out);
    }
}

void broker_groups_publish(struct broker_groups *groups, bool topics_changed)
{
    size_t at = 0;
    for (struct group_host *host; (host = map_next(&groups->hosts, &at)) != NULL;) {
        group_shard_set_image(host->shard, groups->broker->image, topics_changed);
    }
}

/* ---- life ---- */

/* By its short name, or by that of Kafka's class. */
static const char *first_assignor(const struct settings *s)
{
    struct arena arena = {0};
    char **names = settings_list(s, "group.consumer.assignors", &arena);
    bool range = names[0] != NULL && strcasestr(names[0], "range") != NULL;
    arena_fini(&arena);
    return range ? "range" : "uniform";
}

/* Which ways a group may change its protocol. */
static void read_migration_policy(const struct settings *s, struct group_config *config)
{
    const char *policy = settings_str(s, "group.consumer.migration.policy");
    bool both = strcasecmp(policy, "BIDIRECTIONAL") == 0;
    config->consumer_upgrade = both || strcasecmp(policy, "UPGRADE") == 0;
    config->consumer_downgrade = both || strcasecmp(policy, "DOWNGRADE") == 0;
}

static struct group_config read_config(const struct settings *s)
{
    struct group_config config = group_config_defaults();
    config.min_session_timeout_ms = settings_int(s, "group.min.session.timeout.ms");
    config.max_session_timeout_ms = settings_int(s, "group.max.session.timeout.ms");
    config.initial_rebalance_delay_ms = settings_int(s, "group.initial.rebalance.delay.ms");
    config.max_size = settings_int(s, "group.max.size");
    config.offset_metadata_max_bytes = settings_int(s, "offset.metadata.max.bytes");
    config.offsets_retention_ms =
        (int64_t)settings_int(s, "offsets.retention.minutes") * MS_PER_MINUTE;
    config.offsets_retention_check_ms = settings_long(s, "offsets.retention.check.interval.ms");
    config.commit_timeout_ms = settings_int(s, "offsets.commit.timeout.ms");
    config.consumer_session_timeout_ms = settings_int(s, "group.consumer.session.timeout.ms");
    config.consumer_heartbeat_interval_ms = settings_int(s, "group.consumer.heartbeat.interval.ms");
    config.consumer_min_session_timeout_ms =
        settings_int(s, "group.consumer.min.session.timeout.ms");
    config.consumer_max_session_timeout_ms =
        settings_int(s, "group.consumer.max.session.timeout.ms");
    config.consumer_min_heartbeat_interval_ms =
        settings_int(s, "group.consumer.min.heartbeat.interval.ms");
    config.consumer_max_heartbeat_interval_ms =
        settings_int(s, "group.consumer.max.heartbeat.interval.ms");
    config.consumer_max_size = settings_int(s, "group.consumer.max.size");
    config.consumer_assignor = first_assignor(s);
    read_migration_policy(s, &config);
    return config;
}

struct broker_groups *broker_groups_new(struct broker *broker)
{
    struct broker_groups *groups = MEM_NEW(struct broker_groups);
    groups->broker = broker;
    groups->config = read_config(broker->settings);
    return groups;
}

void broker_groups_free(struct broker_groups *groups)
{
    if (groups == NULL) {
        return;
    }
    size_t at = 0;
    for (struct group_host *host = map_next(&groups->hosts, &at); host != NULL;
         host = map_next(&groups->hosts, &at)) {
        broker_groups_resigned(groups, host->partition);
    }
    map_fini(&groups->hosts);
    mem_free(groups);
}
