/* The APIs of a broker and their versions. */
#include "broker/dispatch.h"

#include "broker/api/api.h"

/* From the oldest that librdkafka 1.x, kafka-python 2.0 and Java 2.1 send to those of Kafka 4.1.
 * What is not here is not advertised: transactions, ACLs, quotas and others listed in the README.
 */
const struct net_api broker_apis[] = {
    {WIRE_API_PRODUCE, 0, 13, broker_api_produce, NULL},
    {WIRE_API_FETCH, 4, 18, broker_api_fetch, NULL},
    {WIRE_API_LIST_OFFSETS, 1, 10, broker_api_list_offsets, NULL},
    {WIRE_API_METADATA, 0, 13, broker_api_metadata, NULL},
    {WIRE_API_OFFSET_COMMIT, 0, 10, broker_api_offset_commit, NULL},
    {WIRE_API_OFFSET_FETCH, 0, 10, broker_api_offset_fetch, NULL},
    {WIRE_API_FIND_COORDINATOR, 0, 6, broker_api_find_coordinator, NULL},
    {WIRE_API_JOIN_GROUP, 0, 9, broker_api_group, NULL},
    {WIRE_API_HEARTBEAT, 0, 4, broker_api_group, NULL},
    {WIRE_API_LEAVE_GROUP, 0, 5, broker_api_group, NULL},
    {WIRE_API_SYNC_GROUP, 0, 5, broker_api_group, NULL},
    {WIRE_API_DESCRIBE_GROUPS, 0, 6, broker_api_describe_groups, NULL},
    {WIRE_API_LIST_GROUPS, 0, 5, broker_api_list_groups, NULL},
    {WIRE_API_API_VERSIONS, 0, 4, broker_api_api_versions, NULL},
    {WIRE_API_CREATE_TOPICS, 0, 7, broker_api_forward, NULL},
    {WIRE_API_DELETE_TOPICS, 0, 6, broker_api_forward, NULL},
    {WIRE_API_DELETE_RECORDS, 0, 2, broker_api_delete_records, NULL},
    {WIRE_API_INIT_PRODUCER_ID, 0, 5, broker_api_init_producer_id, NULL},
    {WIRE_API_OFFSET_FOR_LEADER_EPOCH, 0, 4, broker_api_offset_for_leader_epoch, NULL},
    {WIRE_API_DESCRIBE_CONFIGS, 0, 4, broker_api_describe_configs, NULL},
    {WIRE_API_ALTER_CONFIGS, 0, 2, broker_api_forward, NULL},
    {WIRE_API_ALTER_REPLICA_LOG_DIRS, 0, 2, broker_api_alter_replica_log_dirs, NULL},
    {WIRE_API_DESCRIBE_LOG_DIRS, 0, 4, broker_api_describe_log_dirs, NULL},
    {WIRE_API_CREATE_PARTITIONS, 0, 3, broker_api_forward, NULL},
    {WIRE_API_DELETE_GROUPS, 0, 2, broker_api_delete_groups, NULL},
    {WIRE_API_ELECT_LEADERS, 0, 2, broker_api_forward, NULL},
    {WIRE_API_INCREMENTAL_ALTER_CONFIGS, 0, 1, broker_api_forward, NULL},
    {WIRE_API_ALTER_PARTITION_REASSIGNMENTS, 0, 1, broker_api_forward, NULL},
    {WIRE_API_LIST_PARTITION_REASSIGNMENTS, 0, 0, broker_api_forward, NULL},
    {WIRE_API_OFFSET_DELETE, 0, 0, broker_api_offset_delete, NULL},
    {WIRE_API_DESCRIBE_QUORUM, 0, 2, broker_api_describe_quorum, NULL},
    {WIRE_API_DESCRIBE_CLUSTER, 0, 2, broker_api_describe_cluster, NULL},
    {WIRE_API_UPDATE_FEATURES, 0, 2, broker_api_forward, NULL},
    {WIRE_API_DESCRIBE_PRODUCERS, 0, 0, broker_api_describe_producers, NULL},
    {WIRE_API_CONSUMER_GROUP_HEARTBEAT, 0, 1, broker_api_group, NULL},
    {WIRE_API_CONSUMER_GROUP_DESCRIBE, 0, 1, broker_api_consumer_group_describe, NULL},
    {WIRE_API_UNREGISTER_BROKER, 0, 0, broker_api_forward, NULL},
    {WIRE_API_LIST_CONFIG_RESOURCES, 0, 1, broker_api_list_config_resources, NULL},
    {WIRE_API_DESCRIBE_TOPIC_PARTITIONS, 0, 0, broker_api_describe_topic_partitions, NULL},
    {WIRE_API_ADD_RAFT_VOTER, 0, 0, broker_api_forward, NULL},
    {WIRE_API_REMOVE_RAFT_VOTER, 0, 0, broker_api_forward, NULL},
    {WIRE_API_DESCRIBE_BROKERS, 0, 0, broker_api_forward, NULL},
};

const int broker_apis_count = (int)ARRAY_LEN(broker_apis);
