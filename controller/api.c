/* The table of APIs; see api.h. */
#include "controller/api.h"

#include "controller/decide/brokers.h"
#include "controller/decide/configs.h"
#include "controller/decide/dirs.h"
#include "controller/decide/isr.h"
#include "controller/decide/leaders.h"
#include "controller/decide/partitions.h"
#include "controller/decide/producer_ids.h"
#include "controller/decide/reassign.h"
#include "controller/decide/topics.h"
#include "controller/refuse.h"

/* Decisions that need nothing but the request. */
#define DECIDES(api) \
    static void decide_##api##_rpc(struct rpc *rpc, const struct decide_input *in, \
                                   struct decision *out) \
    { \
        decide_##api(in, rpc->body, out); \
    }

DECIDES(create_topics)
DECIDES(delete_topics)
DECIDES(create_partitions)
DECIDES(alter_configs)
DECIDES(incremental_alter_configs)
DECIDES(elect_leaders)
DECIDES(alter_reassignments)
DECIDES(list_reassignments)
DECIDES(alter_partition)
DECIDES(assign_replicas_to_dirs)
DECIDES(allocate_producer_ids)
DECIDES(unregister_broker)
DECIDES(register_controller)

/* Who asks, where nodes do. */
#define ASKS(api, member) \
    static int32_t api##_asker(const void *body) \
    { \
        return ((const struct wire_##api##_request *)body)->member; \
    }

ASKS(alter_partition, broker_id)
ASKS(broker_registration, broker_id)
ASKS(broker_heartbeat, broker_id)
ASKS(allocate_producer_ids, broker_id)
ASKS(assign_replicas_to_dirs, broker_id)
ASKS(controller_registration, controller_id)

static bool standby_serves(const struct rpc *rpc)
{
    (void)rpc;
    return true;
}

/* ---- how long answers wait for brokers ---- */

#define SETTLES_IN_TIME(api) \
    static int64_t settle_##api(const void *body) \
    { \
        int32_t timeout_ms = ((const struct wire_##api##_request *)body)->timeout_ms; \
        return timeout_ms > 0 ? timeout_ms : -1; \
    }

SETTLES_IN_TIME(create_topics)
SETTLES_IN_TIME(delete_topics)
SETTLES_IN_TIME(create_partitions)
SETTLES_IN_TIME(elect_leaders)

/* Settings have no leader that could be waited for; a moment for all brokers is enough. */
static int64_t settle_soon(const void *body)
{
    (void)body;
    return 0;
}

/* By key. */
static const struct rpc_api rows[] = {
    {.key = WIRE_API_FETCH,
     .min_version = 12,
     .max_version = 18,
     .serve = controller_serve_node,
     .refuse = controller_refuse_fetch},
    {.key = WIRE_API_API_VERSIONS,
     .min_version = 0,
     .max_version = 4,
     .serve = controller_serve_api_versions,
     .refuse = controller_refuse_api_versions},
    {.key = WIRE_API_CREATE_TOPICS,
     .min_version = 0,
     .max_version = 7,
     .forwarded = true,
     .itemized = true,
     .decide = decide_create_topics_rpc,
     .settle_ms = settle_create_topics,
     .refuse = controller_refuse_create_topics},
    {.key = WIRE_API_DELETE_TOPICS,
     .min_version = 0,
     .max_version = 6,
     .forwarded = true,
     .itemized = true,
     .decide = decide_delete_topics_rpc,
     .settle_ms = settle_delete_topics,
     .refuse = controller_refuse_delete_topics},
    {.key = WIRE_API_DESCRIBE_CONFIGS,
     .min_version = 0,
     .max_version = 4,
     .itemized = true,
     .serve = controller_serve_describe_configs,
     .reads = true,
     .standby = controller_standby_describes_configs,
     .refuse = controller_refuse_describe_configs},
    {.key = WIRE_API_ALTER_CONFIGS,
     .min_version = 0,
     .max_version = 2,
     .forwarded = true,
     .itemized = true,
     .decide = decide_alter_configs_rpc,
     .settle_ms = settle_soon,
     .after = controller_after_alter_configs,
     .refuse = controller_refuse_alter_configs},
    {.key = WIRE_API_CREATE_PARTITIONS,
     .min_version = 0,
     .max_version = 3,
     .forwarded = true,
     .itemized = true,
     .decide = decide_create_partitions_rpc,
     .settle_ms = settle_create_partitions,
     .refuse = controller_refuse_create_partitions},
    {.key = WIRE_API_ELECT_LEADERS,
     .min_version = 0,
     .max_version = 2,
     .forwarded = true,
     .decide = decide_elect_leaders_rpc,
     .settle_ms = settle_elect_leaders,
     .refuse = controller_refuse_elect_leaders},
    {.key = WIRE_API_INCREMENTAL_ALTER_CONFIGS,
     .min_version = 0,
     .max_version = 1,
     .forwarded = true,
     .itemized = true,
     .decide = decide_incremental_alter_configs_rpc,
     .settle_ms = settle_soon,
     .after = controller_after_alter_configs,
     .refuse = controller_refuse_incremental_alter_configs},
    {.key = WIRE_API_ALTER_PARTITION_REASSIGNMENTS,
     .min_version = 0,
     .max_version = 1,
     .forwarded = true,
     .decide = decide_alter_reassignments_rpc,
     .refuse = controller_refuse_alter_partition_reassignments},
    {.key = WIRE_API_LIST_PARTITION_REASSIGNMENTS,
     .min_version = 0,
     .max_version = 0,
     .forwarded = true,
     .decide = decide_list_reassignments_rpc,
     .refuse = controller_refuse_list_partition_reassignments},
    {.key = WIRE_API_VOTE,
     .min_version = 0,
     .max_version = 2,
     .serve = controller_serve_node,
     .refuse = controller_refuse_vote},
    {.key = WIRE_API_BEGIN_QUORUM_EPOCH,
     .min_version = 0,
     .max_version = 1,
     .serve = controller_serve_node,
     .refuse = controller_refuse_begin_quorum_epoch},
    {.key = WIRE_API_END_QUORUM_EPOCH,
     .min_version = 0,
     .max_version = 1,
     .serve = controller_serve_node,
     .refuse = controller_refuse_end_quorum_epoch},
    {.key = WIRE_API_DESCRIBE_QUORUM,
     .min_version = 0,
     .max_version = 2,
     .serve = controller_serve_node,
     .reads = true,
     .standby = standby_serves, /* it says that it does not lead */
     .refuse = controller_refuse_describe_quorum},
    {.key = WIRE_API_ALTER_PARTITION,
     .min_version = 0,
     .max_version = 3,
     .asker = alter_partition_asker,
     .decide = decide_alter_partition_rpc,
     .refuse = controller_refuse_alter_partition},
    {.key = WIRE_API_UPDATE_FEATURES,
     .min_version = 0,
     .max_version = 2,
     .forwarded = true,
     .decide = controller_decide_features,
     .refuse = controller_refuse_update_features},
    {.key = WIRE_API_ENVELOPE,
     .min_version = 0,
     .max_version = 0,
     .serve = controller_rpc_serve_envelope,
     .refuse = controller_rpc_refuse_envelope},
    {.key = WIRE_API_FETCH_SNAPSHOT,
     .min_version = 0,
     .max_version = 1,
     .serve = controller_serve_node,
     .refuse = controller_refuse_fetch_snapshot},
    {.key = WIRE_API_DESCRIBE_CLUSTER,
     .min_version = 0,
     .max_version = 2,
     .serve = controller_serve_describe_cluster,
     .reads = true,
     .standby = standby_serves, /* how clients find the active one */
     .refuse = controller_refuse_describe_cluster},
    {.key = WIRE_API_BROKER_REGISTRATION,
     .min_version = 0,
     .max_version = 4,
     .asker = broker_registration_asker,
     .decide = controller_decide_registration,
     .after = controller_after_registration,
     .refuse = controller_refuse_broker_registration},
    {.key = WIRE_API_BROKER_HEARTBEAT,
     .min_version = 0,
     .max_version = 1,
     /* Brokers act on what is committed; and a slow quorum must not look like a dead one. */
     .unconfirmed = true,
     .asker = broker_heartbeat_asker,
     .decide = controller_decide_heartbeat,
     .after = controller_after_heartbeat,
     .refuse = controller_refuse_broker_heartbeat},
    {.key = WIRE_API_UNREGISTER_BROKER,
     .min_version = 0,
     .max_version = 0,
     .forwarded = true,
     .decide = decide_unregister_broker_rpc,
     .after = controller_after_unregistration,
     .refuse = controller_refuse_unregister_broker},
    {.key = WIRE_API_ALLOCATE_PRODUCER_IDS,
     .min_version = 0,
     .max_version = 0,
     .asker = allocate_producer_ids_asker,
     .decide = decide_allocate_producer_ids_rpc,
     .refuse = controller_refuse_allocate_producer_ids},
    {.key = WIRE_API_CONTROLLER_REGISTRATION,
     .min_version = 0,
     .max_version = 0,
     .asker = controller_registration_asker,
     .decide = decide_register_controller_rpc,
     .refuse = controller_refuse_controller_registration},
    {.key = WIRE_API_ASSIGN_REPLICAS_TO_DIRS,
     .min_version = 0,
     .max_version = 0,
     .asker = assign_replicas_to_dirs_asker,
     .decide = decide_assign_replicas_to_dirs_rpc,
     .refuse = controller_refuse_assign_replicas_to_dirs},
    {.key = WIRE_API_ADD_RAFT_VOTER,
     .min_version = 0,
     .max_version = 0,
     .forwarded = true,
     .serve = controller_serve_voters,
     .refuse = controller_refuse_add_raft_voter},
    {.key = WIRE_API_REMOVE_RAFT_VOTER,
     .min_version = 0,
     .max_version = 0,
     .forwarded = true,
     .serve = controller_serve_voters,
     .refuse = controller_refuse_remove_raft_voter},
    {.key = WIRE_API_UPDATE_RAFT_VOTER,
     .min_version = 0,
     .max_version = 0,
     .serve = controller_serve_voters,
     .refuse = controller_refuse_update_raft_voter},
    {.key = WIRE_API_DESCRIBE_BROKERS,
     .min_version = 0,
     .max_version = 0,
     .forwarded = true,
     .serve = controller_serve_describe_brokers,
     .reads = true,
     .refuse = controller_refuse_describe_brokers},
};

const struct rpc_api *controller_api_find(int16_t key)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].key == key) {
            return &rows[i];
        }
    }
    return NULL;
}

/* ---- for net/ ---- */

static void handle(void *arg, struct net_request *request)
{
    const struct rpc_api *api = controller_api_find(request->header.api_key);
    ASSERT(api != NULL);
    controller_rpc_handle(arg, api, request);
}

static void refuse(struct net_request *request, enum err e)
{
    const struct rpc_api *api = controller_api_find(request->header.api_key);
    ASSERT(api != NULL);
    controller_rpc_refuse_request(api, request, e);
}

int controller_api_count(void)
{
    return (int)ARRAY_LEN(rows);
}

void controller_api_fill(struct net_api *out)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        out[i] = (struct net_api){
            .key = rows[i].key,
            .min_version = rows[i].min_version,
            .max_version = rows[i].max_version,
            .handle = handle,
            /* A request that is not read has no items that an error could stand beside. */
            .error_response = rows[i].itemized ? NULL : refuse,
        };
    }
}
