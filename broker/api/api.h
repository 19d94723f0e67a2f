/* The handlers of the broker's APIs; `arg` of net_api is the struct broker. Each lives in a file
 * named after it. */
#ifndef BROKER_API_API_H
#define BROKER_API_API_H

#include "broker/broker.h"

/* The data plane. */
void broker_api_produce(void *broker, struct net_request *req);
void broker_api_fetch(void *broker, struct net_request *req);
void broker_api_list_offsets(void *broker, struct net_request *req);
void broker_api_offset_for_leader_epoch(void *broker, struct net_request *req);
void broker_api_describe_producers(void *broker, struct net_request *req);
void broker_api_describe_log_dirs(void *broker, struct net_request *req);
void broker_api_alter_replica_log_dirs(void *broker, struct net_request *req);
void broker_api_delete_records(void *broker, struct net_request *req);

/* The cluster. */
void broker_api_api_versions(void *broker, struct net_request *req);
void broker_api_metadata(void *broker, struct net_request *req);
void broker_api_describe_cluster(void *broker, struct net_request *req);
void broker_api_describe_configs(void *broker, struct net_request *req);
void broker_api_describe_topic_partitions(void *broker, struct net_request *req);
void broker_api_list_config_resources(void *broker, struct net_request *req);
void broker_api_describe_quorum(void *broker, struct net_request *req);
void broker_api_find_coordinator(void *broker, struct net_request *req);
void broker_api_init_producer_id(void *broker, struct net_request *req);

/* CreateTopics, DeleteTopics, CreatePartitions, IncrementalAlterConfigs, …: to the controller. */
void broker_api_forward(void *broker, struct net_request *req);

/* JoinGroup, SyncGroup, Heartbeat, LeaveGroup. */
void broker_api_group(void *broker, struct net_request *req);

void broker_api_offset_commit(void *broker, struct net_request *req);
void broker_api_offset_delete(void *broker, struct net_request *req);
void broker_api_delete_groups(void *broker, struct net_request *req);
void broker_api_offset_fetch(void *broker, struct net_request *req);
void broker_api_consumer_group_describe(void *broker, struct net_request *req);
void broker_api_describe_groups(void *broker, struct net_request *req);
void broker_api_list_groups(void *broker, struct net_request *req);

#endif
