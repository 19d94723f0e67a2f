/* Responses that say one error wherever their API has a place for it: NOT_CONTROLLER from a
 * standby, UNSUPPORTED_VERSION, and whatever else refuses a request as a whole. `rpc->body` may be
 * NULL. They are named after their API; api.c puts them into its table. */
#ifndef CONTROLLER_REFUSE_H
#define CONTROLLER_REFUSE_H

#include "controller/rpc.h"

void *controller_refuse_fetch(const struct rpc *rpc, enum err e);
void *controller_refuse_api_versions(const struct rpc *rpc, enum err e);
void *controller_refuse_vote(const struct rpc *rpc, enum err e);
void *controller_refuse_begin_quorum_epoch(const struct rpc *rpc, enum err e);
void *controller_refuse_end_quorum_epoch(const struct rpc *rpc, enum err e);
void *controller_refuse_describe_quorum(const struct rpc *rpc, enum err e);
void *controller_refuse_fetch_snapshot(const struct rpc *rpc, enum err e);
void *controller_refuse_alter_partition(const struct rpc *rpc, enum err e);
void *controller_refuse_assign_replicas_to_dirs(const struct rpc *rpc, enum err e);
void *controller_refuse_alter_partition_reassignments(const struct rpc *rpc, enum err e);
void *controller_refuse_list_partition_reassignments(const struct rpc *rpc, enum err e);
void *controller_refuse_update_features(const struct rpc *rpc, enum err e);
void *controller_refuse_describe_cluster(const struct rpc *rpc, enum err e);
void *controller_refuse_broker_registration(const struct rpc *rpc, enum err e);
void *controller_refuse_broker_heartbeat(const struct rpc *rpc, enum err e);
void *controller_refuse_unregister_broker(const struct rpc *rpc, enum err e);
void *controller_refuse_allocate_producer_ids(const struct rpc *rpc, enum err e);
void *controller_refuse_describe_brokers(const struct rpc *rpc, enum err e);
void *controller_refuse_controller_registration(const struct rpc *rpc, enum err e);
void *controller_refuse_add_raft_voter(const struct rpc *rpc, enum err e);
void *controller_refuse_remove_raft_voter(const struct rpc *rpc, enum err e);
void *controller_refuse_update_raft_voter(const struct rpc *rpc, enum err e);
void *controller_refuse_elect_leaders(const struct rpc *rpc, enum err e);
void *controller_refuse_create_topics(const struct rpc *rpc, enum err e);
void *controller_refuse_delete_topics(const struct rpc *rpc, enum err e);
void *controller_refuse_create_partitions(const struct rpc *rpc, enum err e);
void *controller_refuse_describe_configs(const struct rpc *rpc, enum err e);
void *controller_refuse_alter_configs(const struct rpc *rpc, enum err e);
void *controller_refuse_incremental_alter_configs(const struct rpc *rpc, enum err e);

#endif
