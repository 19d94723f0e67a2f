/* What Kafka's clients call the errors that its tools can meet; see tool.h. Scripts look for these
 * words. */
#include "cli/kafka/tool.h"

struct row {
    enum err error;
    const char *exception;
    const char *text;
};

static const struct row rows[] = {
    {ERR_UNKNOWN_SERVER_ERROR, "UnknownServerException",
     "The server experienced an unexpected error when processing the request."},
    {ERR_OFFSET_OUT_OF_RANGE, "OffsetOutOfRangeException",
     "The requested offset is not within the range of offsets maintained by the server."},
    {ERR_UNKNOWN_TOPIC_OR_PARTITION, "UnknownTopicOrPartitionException",
     "This server does not host this topic-partition."},
    {ERR_LEADER_NOT_AVAILABLE, "LeaderNotAvailableException",
     "There is no leader for this topic-partition as we are in the middle of a leadership "
     "election."},
    {ERR_NOT_LEADER_OR_FOLLOWER, "NotLeaderOrFollowerException",
     "For requests intended only for the leader, this error indicates that the broker is not the "
     "current leader. For requests intended for any replica, this error indicates that the broker "
     "is not a replica of the topic partition."},
    {ERR_REQUEST_TIMED_OUT, "TimeoutException", "The request timed out."},
    {ERR_BROKER_NOT_AVAILABLE, "BrokerNotAvailableException", "The broker is not available."},
    {ERR_REPLICA_NOT_AVAILABLE, "ReplicaNotAvailableException",
     "The replica is not available for the requested topic-partition. Produce/Fetch requests and "
     "other requests intended only for the leader or follower return NOT_LEADER_OR_FOLLOWER if the "
     "broker is not a replica of the topic-partition."},
    {ERR_MESSAGE_TOO_LARGE, "RecordTooLargeException",
     "The request included a message larger than the max message size the server will accept."},
    {ERR_COORDINATOR_LOAD_IN_PROGRESS, "CoordinatorLoadInProgressException",
     "The coordinator is loading and hence can't process requests."},
    {ERR_COORDINATOR_NOT_AVAILABLE, "CoordinatorNotAvailableException",
     "The coordinator is not available."},
    {ERR_NOT_COORDINATOR, "NotCoordinatorException", "This is not the correct coordinator."},
    {ERR_INVALID_TOPIC_EXCEPTION, "InvalidTopicException",
     "The request attempted to perform an operation on an invalid topic."},
    {ERR_ILLEGAL_GENERATION, "IllegalGenerationException",
     "Specified group generation id is not valid."},
    {ERR_INVALID_GROUP_ID, "InvalidGroupIdException", "The configured groupId is invalid."},
    {ERR_UNKNOWN_MEMBER_ID, "UnknownMemberIdException",
     "The coordinator is not aware of this member."},
    {ERR_REBALANCE_IN_PROGRESS, "RebalanceInProgressException",
     "The group is rebalancing, so a rejoin is needed."},
    {ERR_TOPIC_AUTHORIZATION_FAILED, "TopicAuthorizationException", "Topic authorization failed."},
    {ERR_GROUP_AUTHORIZATION_FAILED, "GroupAuthorizationException", "Group authorization failed."},
    {ERR_CLUSTER_AUTHORIZATION_FAILED, "ClusterAuthorizationException",
     "Cluster authorization failed."},
    {ERR_UNSUPPORTED_VERSION, "UnsupportedVersionException",
     "The version of API is not supported."},
    {ERR_TOPIC_ALREADY_EXISTS, "TopicExistsException", "Topic with this name already exists."},
    {ERR_INVALID_PARTITIONS, "InvalidPartitionsException", "Number of partitions is below 1."},
    {ERR_INVALID_REPLICATION_FACTOR, "InvalidReplicationFactorException",
     "Replication factor is below 1 or larger than the number of available brokers."},
    {ERR_INVALID_REPLICA_ASSIGNMENT, "InvalidReplicaAssignmentException",
     "Replica assignment is invalid."},
    {ERR_INVALID_CONFIG, "InvalidConfigurationException", "Configuration is invalid."},
    {ERR_NOT_CONTROLLER, "NotControllerException",
     "This is not the correct controller for this cluster."},
    {ERR_INVALID_REQUEST, "InvalidRequestException",
     "This most likely occurs because of a request being malformed by the client library or the "
     "message was sent to an incompatible broker. See the broker logs for more details."},
    {ERR_POLICY_VIOLATION, "PolicyViolationException",
     "Request parameters do not satisfy the configured policy."},
    {ERR_KAFKA_STORAGE_ERROR, "KafkaStorageException",
     "Disk error when trying to access log file on the disk."},
    {ERR_LOG_DIR_NOT_FOUND, "LogDirNotFoundException",
     "The user-specified log directory is not found in the broker config."},
    {ERR_REASSIGNMENT_IN_PROGRESS, "ReassignmentInProgressException",
     "A partition reassignment is in progress."},
    {ERR_NON_EMPTY_GROUP, "GroupNotEmptyException", "The group is not empty."},
    {ERR_GROUP_ID_NOT_FOUND, "GroupIdNotFoundException", "The group id does not exist."},
    {ERR_TOPIC_DELETION_DISABLED, "TopicDeletionDisabledException", "Topic deletion is disabled."},
    {ERR_PREFERRED_LEADER_NOT_AVAILABLE, "PreferredLeaderNotAvailableException",
     "The preferred leader was not available."},
    {ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE, "EligibleLeadersNotAvailableException",
     "Eligible topic partition leaders are not available."},
    {ERR_ELECTION_NOT_NEEDED, "ElectionNotNeededException",
     "Leader election not needed for topic partition."},
    {ERR_NO_REASSIGNMENT_IN_PROGRESS, "NoReassignmentInProgressException",
     "No partition reassignment is in progress."},
    {ERR_GROUP_SUBSCRIBED_TO_TOPIC, "GroupSubscribedToTopicException",
     "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to "
     "it."},
    {ERR_RESOURCE_NOT_FOUND, "ResourceNotFoundException",
     "A request illegally referred to a resource that does not exist."},
    {ERR_FEATURE_UPDATE_FAILED, "FeatureUpdateFailedException",
     "Unable to update finalized features due to an unexpected server error."},
    {ERR_UNKNOWN_TOPIC_ID, "UnknownTopicIdException", "This server does not host this topic ID."},
    {ERR_BROKER_ID_NOT_REGISTERED, "BrokerIdNotRegisteredException",
     "The given broker ID was not registered."},
    {ERR_INVALID_VOTER_KEY, "InvalidVoterKeyException",
     "The voter key doesn't match the receiving replica's key."},
    {ERR_DUPLICATE_VOTER, "DuplicateVoterException",
     "The voter is already part of the set of voters."},
    {ERR_VOTER_NOT_FOUND, "VoterNotFoundException", "The voter is not part of the set of voters."},
};

static const struct row *find(enum err e)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].error == e) {
            return &rows[i];
        }
    }
    return NULL;
}

const char *tool_error_text(enum err e)
{
    const struct row *row = find(e);
    return row == NULL ? err_text(e) : row->text;
}

const char *tool_error_class(enum err e)
{
    const struct row *row = find(e);
    return row == NULL ? "KafkaException" : row->exception;
}
