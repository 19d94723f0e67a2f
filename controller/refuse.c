/* Refusals; see refuse.h. */
#include "controller/refuse.h"

/* Most responses have one error for everything. */
#define REFUSE_AT_THE_TOP(api) \
    void *controller_refuse_##api(const struct rpc *rpc, enum err e) \
    { \
        struct wire_##api##_response *response = \
            wire_new(&wire_msg_##api##_response, controller_rpc_arena(rpc)); \
        response->error_code = err_wire(e); \
        return response; \
    }

REFUSE_AT_THE_TOP(fetch)
REFUSE_AT_THE_TOP(api_versions)
REFUSE_AT_THE_TOP(vote)
REFUSE_AT_THE_TOP(begin_quorum_epoch)
REFUSE_AT_THE_TOP(end_quorum_epoch)
REFUSE_AT_THE_TOP(describe_quorum)
REFUSE_AT_THE_TOP(fetch_snapshot)
REFUSE_AT_THE_TOP(alter_partition)
REFUSE_AT_THE_TOP(assign_replicas_to_dirs)
REFUSE_AT_THE_TOP(alter_partition_reassignments)
REFUSE_AT_THE_TOP(list_partition_reassignments)
REFUSE_AT_THE_TOP(update_features)
REFUSE_AT_THE_TOP(describe_cluster)
REFUSE_AT_THE_TOP(broker_registration)
REFUSE_AT_THE_TOP(broker_heartbeat)
REFUSE_AT_THE_TOP(unregister_broker)
REFUSE_AT_THE_TOP(allocate_producer_ids)
REFUSE_AT_THE_TOP(controller_registration)
REFUSE_AT_THE_TOP(add_raft_voter)
REFUSE_AT_THE_TOP(remove_raft_voter)
REFUSE_AT_THE_TOP(update_raft_voter)
REFUSE_AT_THE_TOP(describe_brokers)

/* For people, where a response has room for it. */
static struct slice text_of(enum err e)
{
    if (e == ERR_NOT_CONTROLLER) {
        return slice_str("This is not the active controller.");
    }
    if (e == ERR_POLICY_VIOLATION) {
        return slice_str("The request is too large to be written at once; split it.");
    }
    return slice_str(err_text(e));
}

/* A null array has -1 elements. */
static int32_t length(int32_t count)
{
    return count < 0 ? 0 : count;
}

void *controller_refuse_create_topics(const struct rpc *rpc, enum err e)
{
    struct arena *arena = controller_rpc_arena(rpc);
    const struct wire_create_topics_request *request = rpc->body;
    struct wire_create_topics_response *response =
        wire_new(&wire_msg_create_topics_response, arena);
    int32_t count = request == NULL ? 0 : length(request->topics_count);
    response->topics = wire_new_array(&wire_msg_create_topics_response_topics, arena, count);
    response->topics_count = count;
    for (int32_t i = 0; i < count; i++) {
        response->topics[i].name = request->topics[i].name;
        response->topics[i].error_code = err_wire(e);
        response->topics[i].error_message = text_of(e);
        response->topics[i].configs_count = -1;
    }
    return response;
}

void *controller_refuse_delete_topics(const struct rpc *rpc, enum err e)
{
    struct arena *arena = controller_rpc_arena(rpc);
    const struct wire_delete_topics_request *request = rpc->body;
    struct wire_delete_topics_response *response =
        wire_new(&wire_msg_delete_topics_response, arena);
    int32_t by_id = request == NULL ? 0 : length(request->topics_count);
    int32_t by_name = request == NULL ? 0 : length(request->topic_names_count);
    int32_t count = by_id + by_name;
    response->responses = wire_new_array(&wire_msg_delete_topics_response_responses, arena, count);
    response->responses_count = count;
    for (int32_t i = 0; i < count; i++) {
        struct wire_delete_topics_response_responses *result = &response->responses[i];
        result->name = i < by_id ? request->topics[i].name : request->topic_names[i - by_id];
        result->topic_id = i < by_id ? request->topics[i].topic_id : UUID_ZERO;
        result->error_code = err_wire(e);
        result->error_message = text_of(e);
    }
    return response;
}

void *controller_refuse_create_partitions(const struct rpc *rpc, enum err e)
{
    struct arena *arena = controller_rpc_arena(rpc);
    const struct wire_create_partitions_request *request = rpc->body;
    struct wire_create_partitions_response *response =
        wire_new(&wire_msg_create_partitions_response, arena);
    int32_t count = request == NULL ? 0 : length(request->topics_count);
    response->results = wire_new_array(&wire_msg_create_partitions_response_results, arena, count);
    response->results_count = count;
    for (int32_t i = 0; i < count; i++) {
        response->results[i].name = request->topics[i].name;
        response->results[i].error_code = err_wire(e);
        response->results[i].error_message = text_of(e);
    }
    return response;
}

void *controller_refuse_describe_configs(const struct rpc *rpc, enum err e)
{
    struct arena *arena = controller_rpc_arena(rpc);
    const struct wire_describe_configs_request *request = rpc->body;
    struct wire_describe_configs_response *response =
        wire_new(&wire_msg_describe_configs_response, arena);
    int32_t count = request == NULL ? 0 : length(request->resources_count);
    response->results = wire_new_array(&wire_msg_describe_configs_response_results, arena, count);
    response->results_count = count;
    for (int32_t i = 0; i < count; i++) {
        response->results[i].resource_type = request->resources[i].resource_type;
        response->results[i].resource_name = request->resources[i].resource_name;
        response->results[i].error_code = err_wire(e);
        response->results[i].error_message = text_of(e);
    }
    return response;
}

void *controller_refuse_alter_configs(const struct rpc *rpc, enum err e)
{
    struct arena *arena = controller_rpc_arena(rpc);
    const struct wire_alter_configs_request *request = rpc->body;
    struct wire_alter_configs_response *response =
        wire_new(&wire_msg_alter_configs_response, arena);
    int32_t count = request == NULL ? 0 : length(request->resources_count);
    response->responses = wire_new_array(&wire_msg_alter_configs_response_responses, arena, count);
    response->responses_count = count;
    for (int32_t i = 0; i < count; i++) {
        response->responses[i].resource_type = request->resources[i].resource_type;
        response->responses[i].resource_name = request->resources[i].resource_name;
        response->responses[i].error_code = err_wire(e);
        response->responses[i].error_message = text_of(e);
    }
    return response;
}

void *controller_refuse_incremental_alter_configs(const struct rpc *rpc, enum err e)
{
    struct arena *arena = controller_rpc_arena(rpc);
    const struct wire_incremental_alter_configs_request *request = rpc->body;
    struct wire_incremental_alter_configs_response *response =
        wire_new(&wire_msg_incremental_alter_configs_response, arena);
    int32_t count = request == NULL ? 0 : length(request->resources_count);
    response->responses =
        wire_new_array(&wire_msg_incremental_alter_configs_response_responses, arena, count);
    response->responses_count = count;
    for (int32_t i = 0; i < count; i++) {
        response->responses[i].resource_type = request->resources[i].resource_type;
        response->responses[i].resource_name = request->resources[i].resource_name;
        response->responses[i].error_code = err_wire(e);
        response->responses[i].error_message = text_of(e);
    }
    return response;
}

/* Version 0 has no error of its own, only those of partitions. */
void *controller_refuse_elect_leaders(const struct rpc *rpc, enum err e)
{
    struct arena *arena = controller_rpc_arena(rpc);
    const struct wire_elect_leaders_request *request = rpc->body;
    struct wire_elect_leaders_response *response =
        wire_new(&wire_msg_elect_leaders_response, arena);
    if (rpc->header.api_version > 0) {
        response->error_code = err_wire(e);
        return response;
    }
    int32_t count = request == NULL ? 0 : length(request->topic_partitions_count);
    response->replica_election_results =
        wire_new_array(&wire_msg_elect_leaders_response_replica_election_results, arena, count);
    response->replica_election_results_count = count;
    for (int32_t t = 0; t < count; t++) {
        struct wire_elect_leaders_response_replica_election_results *topic =
            &response->replica_election_results[t];
        int32_t partitions = length(request->topic_partitions[t].partitions_count);
        topic->topic = request->topic_partitions[t].topic;
        topic->partition_result = wire_new_array(
            &wire_msg_elect_leaders_response_replica_election_results_partition_result, arena,
            partitions);
        topic->partition_result_count = partitions;
        for (int32_t i = 0; i < partitions; i++) {
            topic->partition_result[i].partition_id = request->topic_partitions[t].partitions[i];
            topic->partition_result[i].error_code = err_wire(e);
            topic->partition_result[i].error_message = text_of(e);
        }
    }
    return response;
}
