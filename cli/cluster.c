/* Topics, leaders and offsets of a cluster; see cluster.h. */
#include "cli/cluster.h"

#include "base/mem.h"

enum {
    METADATA_VERSION = 12,
    LIST_OFFSETS_VERSION = 10,
    /* A topic that was just created is not known to every broker at once; but who mistypes a name
     * should not wait for long. */
    UNKNOWN_GRACE_MS = 1000,
};

void cluster_fini(struct cluster *cluster)
{
    map_fini(&cluster->topics);
    *cluster = (struct cluster){0};
}

enum cli_exit cluster_open(struct cluster *cluster, struct cli *cli)
{
    enum cli_exit code;
    *cluster = (struct cluster){.client = client_open(cli, &code)};
    return code;
}

void cluster_close(struct cluster *cluster)
{
    struct client *client = cluster->client;
    cluster_fini(cluster);
    client_close(client);
}

/* ---- metadata ---- */

static void learn(struct cluster *cluster, const struct wire_metadata_response *response)
{
    cluster->metadata = response;
    for (int32_t i = 0; i < response->brokers_count; i++) {
        const struct wire_metadata_response_brokers *broker = &response->brokers[i];
        client_set_node(cluster->client, broker->node_id, broker->host, broker->port);
    }
    map_fini(&cluster->topics);
    cluster->topics = (struct map){0};
    for (int32_t i = 0; i < response->topics_count; i++) {
        if (!slice_is_null(response->topics[i].name)) {
            map_put(&cluster->topics, response->topics[i].name, &response->topics[i]);
        }
    }
}

enum err cluster_refresh(struct cluster *cluster, const struct slice *topics, int32_t count)
{
    struct arena arena = {0};
    struct wire_metadata_request request;
    wire_init(&wire_msg_metadata_request, &request);
    request.allow_auto_topic_creation = cluster->creates_topics;
    request.topics_count = topics == NULL ? -1 : count;
    if (topics != NULL) {
        struct map seen = {0};
        request.topics = wire_new_array(&wire_msg_metadata_request_topics, &arena, count);
        request.topics_count = 0;
        for (int32_t i = 0; i < count; i++) {
            if (map_put(&seen, topics[i], cluster) == NULL) {
                request.topics[request.topics_count++].name = topics[i];
            }
        }
        map_fini(&seen);
    }
    const void *answer;
    struct client_call call = {CLIENT_ANY, WIRE_API_METADATA, METADATA_VERSION, &request, 0};
    enum err e = client_call(cluster->client, &call, &answer);
    arena_fini(&arena);
    if (e == ERR_NONE) {
        learn(cluster, answer);
    }
    return e;
}

const struct wire_metadata_response_topics *cluster_topic(const struct cluster *cluster,
                                                          struct slice name)
{
    return map_get(&cluster->topics, name);
}

const struct wire_metadata_response_topics_partitions *
cluster_partition(const struct wire_metadata_response_topics *topic, int32_t partition)
{
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        /* They are in order as a rule. */
        int32_t at = (int32_t)(((int64_t)partition + i) % topic->partitions_count);
        if (topic->partitions[at].partition_index == partition) {
            return &topic->partitions[at];
        }
    }
    return NULL;
}

static bool has_leaders(const struct wire_metadata_response_topics *topic)
{
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        if (topic->partitions[i].leader_id < 0) {
            return false;
        }
    }
    return topic->partitions_count > 0;
}

enum err cluster_find_topic(struct cluster *cluster, struct slice name,
                            const struct wire_metadata_response_topics **out)
{
    int64_t give_up_ms = client_left_ms(cluster->client) - UNKNOWN_GRACE_MS;
    enum err e;
    do {
        TRY(cluster_refresh(cluster, &name, 1));
        *out = cluster_topic(cluster, name);
        if (*out == NULL) {
            return ERR_UNKNOWN_TOPIC_OR_PARTITION;
        }
        e = (enum err)(*out)->error_code;
        if (e == ERR_UNKNOWN_TOPIC_OR_PARTITION && !cluster->creates_topics &&
            client_left_ms(cluster->client) < give_up_ms) {
            return e;
        }
        if (e == ERR_NONE && !has_leaders(*out)) {
            e = ERR_LEADER_NOT_AVAILABLE;
        }
    } while (client_retry(cluster->client, e));
    return e == ERR_LEADER_NOT_AVAILABLE && (*out)->partitions_count > 0 ? ERR_NONE : e;
}

enum cli_exit cluster_fail_topic(const struct cli *cli, const struct cluster *cluster,
                                 const char *name, enum err e)
{
    if (client_why(cluster->client)[0] != '\0') {
        return client_fail(cli, cluster->client, e);
    }
    if (e == ERR_UNKNOWN_TOPIC_OR_PARTITION) {
        return cli_fail(cli, "there is no topic %s; `craft topic create` makes one", name);
    }
    return cli_fail_with(cli, name, e, SLICE_NULL);
}

/* ---- offsets ---- */

static enum err refresh_for(struct cluster *cluster, const struct cluster_offset *items,
                            int32_t count)
{
    struct slice *names = mem_zalloc((size_t)count, sizeof *names);
    for (int32_t i = 0; i < count; i++) {
        names[i] = items[i].topic;
    }
    enum err e = cluster_refresh(cluster, names, count);
    mem_free(names);
    return e;
}

int32_t cluster_leader(const struct cluster *cluster, struct slice name, int32_t number,
                       enum err *why)
{
    const struct wire_metadata_response_topics *topic = cluster_topic(cluster, name);
    const struct wire_metadata_response_topics_partitions *partition =
        topic == NULL ? NULL : cluster_partition(topic, number);
    if (partition == NULL) {
        bool has_reason = topic != NULL && topic->error_code != 0;
        *why = has_reason ? (enum err)topic->error_code : ERR_UNKNOWN_TOPIC_OR_PARTITION;
        return -1;
    }
    if (!client_has_node(cluster->client, partition->leader_id)) {
        *why = ERR_LEADER_NOT_AVAILABLE;
        return -1;
    }
    return partition->leader_id;
}

/* One request to one leader; its items are those whose `leaders` name it. */
struct question {
    struct cluster *cluster;
    struct cluster_offset *items;
    const int32_t *leaders;
    int32_t count;
    int32_t leader;
};

static void take_answer(const struct question *q, const struct wire_list_offsets_response *response)
{
    int32_t next = 0;
    for (int32_t i = 0; i < response->topics_count; i++) {
        const struct wire_list_offsets_response_topics *topic = &response->topics[i];
        for (int32_t k = 0; k < topic->partitions_count; k++) {
            const struct wire_list_offsets_response_topics_partitions *p = &topic->partitions[k];
            /* In the order of the question, as a rule. */
            for (int32_t tries = 0; tries < q->count; tries++) {
                struct cluster_offset *item = &q->items[(next + tries) % q->count];
                if (q->leaders[(next + tries) % q->count] == q->leader &&
                    item->partition == p->partition_index && slice_eq(item->topic, topic->name)) {
                    item->error = (enum err)p->error_code;
                    item->offset = p->offset;
                    next = (next + tries + 1) % q->count;
                    break;
                }
            }
        }
    }
}

static void fail_items(const struct question *q, enum err e)
{
    for (int32_t i = 0; i < q->count; i++) {
        if (q->leaders[i] == q->leader) {
            q->items[i].error = e;
        }
    }
}

static enum err ask_leader(const struct question *q)
{
    struct arena arena = {0};
    struct wire_list_offsets_request request;
    wire_init(&wire_msg_list_offsets_request, &request);
    request.replica_id = -1;
    request.topics = wire_new_array(&wire_msg_list_offsets_request_topics, &arena, q->count);
    for (int32_t i = 0; i < q->count; i++) {
        if (q->leaders[i] != q->leader) {
            continue;
        }
        struct wire_list_offsets_request_topics *topic = &request.topics[request.topics_count++];
        topic->name = q->items[i].topic;
        topic->partitions =
            wire_new_array(&wire_msg_list_offsets_request_topics_partitions, &arena, 1);
        topic->partitions_count = 1;
        topic->partitions->partition_index = q->items[i].partition;
        topic->partitions->timestamp = q->items[i].timestamp;
    }
    const void *answer;
    struct client_call call = {q->leader, WIRE_API_LIST_OFFSETS, LIST_OFFSETS_VERSION, &request, 0};
    enum err e = client_call_once(q->cluster->client, &call, &answer);
    arena_fini(&arena);
    if (e == ERR_NONE) {
        take_answer(q, answer);
    } else {
        fail_items(q, e);
    }
    return e;
}

/* Asks for all items that have an error; returns the first that is worth another attempt. */
static enum err ask_leaders(struct cluster *cluster, struct cluster_offset *items, int32_t count)
{
    int32_t *leaders = mem_zalloc((size_t)count, sizeof *leaders);
    for (int32_t i = 0; i < count; i++) {
        leaders[i] =
            items[i].error == ERR_NONE
                ? -1
                : cluster_leader(cluster, items[i].topic, items[i].partition, &items[i].error);
    }
    for (int32_t i = 0; i < count; i++) {
        if (leaders[i] >= 0) {
            struct question q = {cluster, items, leaders, count, leaders[i]};
            enum err e = ask_leader(&q);
            (void)e; /* it is in the items */
            for (int32_t k = i; k < count; k++) {
                leaders[k] = leaders[k] == q.leader ? -1 : leaders[k];
            }
        }
    }
    mem_free(leaders);
    enum err again = ERR_NONE;
    for (int32_t i = 0; i < count && again == ERR_NONE; i++) {
        bool is_unknown = items[i].error == ERR_UNKNOWN_TOPIC_OR_PARTITION;
        bool is_passing = err_class(items[i].error) == ERR_CLASS_RETRY && !is_unknown;
        again = is_passing ? items[i].error : ERR_NONE;
    }
    return again;
}

enum err cluster_offsets(struct cluster *cluster, struct cluster_offset *items, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        items[i].offset = -1;
        items[i].error = ERR_LEADER_NOT_AVAILABLE; /* until it is asked */
    }
    enum err e = ERR_NONE;
    do {
        if (count > 0) {
            TRY(refresh_for(cluster, items, count));
            e = ask_leaders(cluster, items, count);
        }
    } while (client_retry(cluster->client, e));
    return ERR_NONE;
}
