/* AlterReplicaLogDirs (KIP-113): moves replicas of this broker between its log directories. */
#include "broker/api/api.h"
#include "broker/replica_move.h"
#include "broker/replica_place.h"
#include "wire/wire.h"

#define TOPIC struct wire_alter_replica_log_dirs_request_dirs_topics
#define RESULT struct wire_alter_replica_log_dirs_response_results

/* ".<32 hex digits>-future" must fit behind the name of the partition's directory. */
enum { FUTURE_SUFFIX_LEN = 40 };

static enum err check_name(struct slice topic, int32_t index)
{
    struct store_dir_text name = store_dir_format(topic, index);
    return topic.len > STORE_TOPIC_MAX || strlen(name.text) + FUTURE_SUFFIX_LEN > STORE_NAME_MAX
               ? ERR_INVALID_TOPIC_EXCEPTION
               : ERR_NONE;
}

/* A partition that is not here yet may come, as when a reassignment names its directory first: the
 * wish is kept, and the client asks again. */
static enum err wish(struct broker *broker, struct slice topic, int32_t index,
                     struct broker_dir *dir)
{
    const struct metadata_topic *known = metadata_topic_by_name(broker->image, topic);
    if (known != NULL && index >= 0 && index < known->partition_count) {
        replica_place_prefer(broker, known->id, index, dir);
    }
    return ERR_REPLICA_NOT_AVAILABLE;
}

static enum err move(struct broker *broker, struct slice path, struct slice topic, int32_t index)
{
    struct replica *r;
    TRY(check_name(topic, index));
    struct broker_dir *dir = broker_dir_by_path(broker, path);
    if (dir == NULL) {
        return ERR_LOG_DIR_NOT_FOUND;
    }
    if (!dir->online) {
        return ERR_KAFKA_STORAGE_ERROR;
    }
    enum err e = broker_replica_find(broker, topic, index, &r);
    if (e == ERR_NONE) {
        return replica_move_to(r, dir);
    }
    return e == ERR_KAFKA_STORAGE_ERROR ? e : wish(broker, topic, index, dir);
}

static void move_topic(struct broker *broker, struct net_request *req, struct slice path,
                       const TOPIC *topic, RESULT *out)
{
    out->topic_name = topic->name;
    out->partitions = wire_new_array(&wire_msg_alter_replica_log_dirs_response_results_partitions,
                                     &req->arena, topic->partitions_count);
    out->partitions_count = topic->partitions_count;
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        out->partitions[i].partition_index = topic->partitions[i];
        out->partitions[i].error_code =
            err_wire(move(broker, path, topic->name, topic->partitions[i]));
    }
}

void broker_api_alter_replica_log_dirs(void *broker, struct net_request *req)
{
    const struct wire_alter_replica_log_dirs_request *request = req->body;
    struct wire_alter_replica_log_dirs_response response;
    wire_init(wire_response(WIRE_API_ALTER_REPLICA_LOG_DIRS), &response);
    int32_t topics = 0;
    for (int32_t d = 0; d < request->dirs_count; d++) {
        topics += request->dirs[d].topics_count;
    }
    response.results =
        wire_new_array(&wire_msg_alter_replica_log_dirs_response_results, &req->arena, topics);
    for (int32_t d = 0; d < request->dirs_count; d++) {
        for (int32_t t = 0; t < request->dirs[d].topics_count; t++) {
            move_topic(broker, req, request->dirs[d].path, &request->dirs[d].topics[t],
                       &response.results[response.results_count++]);
        }
    }
    net_reply(req, &response);
}
