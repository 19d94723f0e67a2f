/* The one error type: Kafka's error codes with their wire values, and our own from 1000 on.
 *
 * A function that can fail returns `enum err MUST_USE`; ERR_NONE is success. What goes to a client
 * is err_wire(): our own errors become the Kafka code of the table. Inside a function that owns
 * nothing use TRY(); one that owns something uses `goto out` with a single exit, never both. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/base.h"

/* What the one who asked should do: nothing, ask again, mend the request, or stop. */
enum err_class { ERR_CLASS_OK, ERR_CLASS_RETRY, ERR_CLASS_CLIENT, ERR_CLASS_FATAL };

/* X(name, value, wire code, class, text) */
#define ERR_TABLE(X) \
    X(UNKNOWN_SERVER_ERROR, -1, -1, CLIENT, "unknown server error") \
    X(NONE, 0, 0, OK, "none") \
    X(OFFSET_OUT_OF_RANGE, 1, 1, CLIENT, "offset out of range") \
    X(CORRUPT_MESSAGE, 2, 2, RETRY, "corrupt message") \
    X(UNKNOWN_TOPIC_OR_PARTITION, 3, 3, RETRY, "unknown topic or partition") \
    X(INVALID_FETCH_SIZE, 4, 4, CLIENT, "invalid fetch size") \
    X(LEADER_NOT_AVAILABLE, 5, 5, RETRY, "leader not available") \
    X(NOT_LEADER_OR_FOLLOWER, 6, 6, RETRY, "not leader or follower") \
    X(REQUEST_TIMED_OUT, 7, 7, RETRY, "request timed out") \
    X(BROKER_NOT_AVAILABLE, 8, 8, CLIENT, "broker not available") \
    X(REPLICA_NOT_AVAILABLE, 9, 9, RETRY, "replica not available") \
    X(MESSAGE_TOO_LARGE, 10, 10, CLIENT, "message too large") \
    X(STALE_CONTROLLER_EPOCH, 11, 11, CLIENT, "stale controller epoch") \
    X(OFFSET_METADATA_TOO_LARGE, 12, 12, CLIENT, "offset metadata too large") \
    X(NETWORK_EXCEPTION, 13, 13, RETRY, "network exception") \
    X(COORDINATOR_LOAD_IN_PROGRESS, 14, 14, RETRY, "coordinator load in progress") \
    X(COORDINATOR_NOT_AVAILABLE, 15, 15, RETRY, "coordinator not available") \
    X(NOT_COORDINATOR, 16, 16, RETRY, "not coordinator") \
    X(INVALID_TOPIC_EXCEPTION, 17, 17, CLIENT, "invalid topic exception") \
    X(RECORD_LIST_TOO_LARGE, 18, 18, CLIENT, "record list too large") \
    X(NOT_ENOUGH_REPLICAS, 19, 19, RETRY, "not enough replicas") \
    X(NOT_ENOUGH_REPLICAS_AFTER_APPEND, 20, 20, RETRY, "not enough replicas after append") \
    X(INVALID_REQUIRED_ACKS, 21, 21, CLIENT, "invalid required acks") \
    X(ILLEGAL_GENERATION, 22, 22, CLIENT, "illegal generation") \
    X(INCONSISTENT_GROUP_PROTOCOL, 23, 23, CLIENT, "inconsistent group protocol") \
    X(INVALID_GROUP_ID, 24, 24, CLIENT, "invalid group id") \
    X(UNKNOWN_MEMBER_ID, 25, 25, CLIENT, "unknown member id") \
    X(INVALID_SESSION_TIMEOUT, 26, 26, CLIENT, "invalid session timeout") \
    X(REBALANCE_IN_PROGRESS, 27, 27, CLIENT, "rebalance in progress") \
    X(INVALID_COMMIT_OFFSET_SIZE, 28, 28, CLIENT, "invalid commit offset size") \
    X(TOPIC_AUTHORIZATION_FAILED, 29, 29, CLIENT, "topic authorization failed") \
    X(GROUP_AUTHORIZATION_FAILED, 30, 30, CLIENT, "group authorization failed") \
    X(CLUSTER_AUTHORIZATION_FAILED, 31, 31, CLIENT, "cluster authorization failed") \
    X(INVALID_TIMESTAMP, 32, 32, CLIENT, "invalid timestamp") \
    X(UNSUPPORTED_SASL_MECHANISM, 33, 33, CLIENT, "unsupported sasl mechanism") \
    X(ILLEGAL_SASL_STATE, 34, 34, CLIENT, "illegal sasl state") \
    X(UNSUPPORTED_VERSION, 35, 35, CLIENT, "unsupported version") \
    X(TOPIC_ALREADY_EXISTS, 36, 36, CLIENT, "topic already exists") \
    X(INVALID_PARTITIONS, 37, 37, CLIENT, "invalid partitions") \
    X(INVALID_REPLICATION_FACTOR, 38, 38, CLIENT, "invalid replication factor") \
    X(INVALID_REPLICA_ASSIGNMENT, 39, 39, CLIENT, "invalid replica assignment") \
    X(INVALID_CONFIG, 40, 40, CLIENT, "invalid config") \
    X(NOT_CONTROLLER, 41, 41, RETRY, "not controller") \
    X(INVALID_REQUEST, 42, 42, CLIENT, "invalid request") \
    X(UNSUPPORTED_FOR_MESSAGE_FORMAT, 43, 43, CLIENT, "unsupported for message format") \
    X(POLICY_VIOLATION, 44, 44, CLIENT, "policy violation") \
    X(OUT_OF_ORDER_SEQUENCE_NUMBER, 45, 45, CLIENT, "out of order sequence number") \
    X(DUPLICATE_SEQUENCE_NUMBER, 46, 46, CLIENT, "duplicate sequence number") \
    X(INVALID_PRODUCER_EPOCH, 47, 47, CLIENT, "invalid producer epoch") \
    X(INVALID_TXN_STATE, 48, 48, CLIENT, "invalid txn state") \
    X(INVALID_PRODUCER_ID_MAPPING, 49, 49, CLIENT, "invalid producer id mapping") \
    X(INVALID_TRANSACTION_TIMEOUT, 50, 50, CLIENT, "invalid transaction timeout") \
    X(CONCURRENT_TRANSACTIONS, 51, 51, RETRY, "concurrent transactions") \
    X(TRANSACTION_COORDINATOR_FENCED, 52, 52, CLIENT, "transaction coordinator fenced") \
    X(TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 53, 53, CLIENT, \
      "transactional id authorization failed") \
    X(SECURITY_DISABLED, 54, 54, CLIENT, "security disabled") \
    X(OPERATION_NOT_ATTEMPTED, 55, 55, CLIENT, "operation not attempted") \
    X(KAFKA_STORAGE_ERROR, 56, 56, RETRY, "kafka storage error") \
    X(LOG_DIR_NOT_FOUND, 57, 57, CLIENT, "log dir not found") \
    X(SASL_AUTHENTICATION_FAILED, 58, 58, CLIENT, "sasl authentication failed") \
    X(UNKNOWN_PRODUCER_ID, 59, 59, CLIENT, "unknown producer id") \
    X(REASSIGNMENT_IN_PROGRESS, 60, 60, CLIENT, "reassignment in progress") \
    X(DELEGATION_TOKEN_AUTH_DISABLED, 61, 61, CLIENT, "delegation token auth disabled") \
    X(DELEGATION_TOKEN_NOT_FOUND, 62, 62, CLIENT, "delegation token not found") \
    X(DELEGATION_TOKEN_OWNER_MISMATCH, 63, 63, CLIENT, "delegation token owner mismatch") \
    X(DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, 64, 64, CLIENT, \
      "delegation token request not allowed") \
    X(DELEGATION_TOKEN_AUTHORIZATION_FAILED, 65, 65, CLIENT, \
      "delegation token authorization failed") \
    X(DELEGATION_TOKEN_EXPIRED, 66, 66, CLIENT, "delegation token expired") \
    X(INVALID_PRINCIPAL_TYPE, 67, 67, CLIENT, "invalid principal type") \
    X(NON_EMPTY_GROUP, 68, 68, CLIENT, "non empty group") \
    X(GROUP_ID_NOT_FOUND, 69, 69, CLIENT, "group id not found") \
    X(FETCH_SESSION_ID_NOT_FOUND, 70, 70, RETRY, "fetch session id not found") \
    X(INVALID_FETCH_SESSION_EPOCH, 71, 71, RETRY, "invalid fetch session epoch") \
    X(LISTENER_NOT_FOUND, 72, 72, RETRY, "listener not found") \
    X(TOPIC_DELETION_DISABLED, 73, 73, CLIENT, "topic deletion disabled") \
    X(FENCED_LEADER_EPOCH, 74, 74, RETRY, "fenced leader epoch") \
    X(UNKNOWN_LEADER_EPOCH, 75, 75, RETRY, "unknown leader epoch") \
    X(UNSUPPORTED_COMPRESSION_TYPE, 76, 76, CLIENT, "unsupported compression type") \
    X(STALE_BROKER_EPOCH, 77, 77, CLIENT, "stale broker epoch") \
    X(OFFSET_NOT_AVAILABLE, 78, 78, RETRY, "offset not available") \
    X(MEMBER_ID_REQUIRED, 79, 79, CLIENT, "member id required") \
    X(PREFERRED_LEADER_NOT_AVAILABLE, 80, 80, RETRY, "preferred leader not available") \
    X(GROUP_MAX_SIZE_REACHED, 81, 81, CLIENT, "group max size reached") \
    X(FENCED_INSTANCE_ID, 82, 82, CLIENT, "fenced instance id") \
    X(ELIGIBLE_LEADERS_NOT_AVAILABLE, 83, 83, RETRY, "eligible leaders not available") \
    X(ELECTION_NOT_NEEDED, 84, 84, RETRY, "election not needed") \
    X(NO_REASSIGNMENT_IN_PROGRESS, 85, 85, CLIENT, "no reassignment in progress") \
    X(GROUP_SUBSCRIBED_TO_TOPIC, 86, 86, CLIENT, "group subscribed to topic") \
    X(INVALID_RECORD, 87, 87, CLIENT, "invalid record") \
    X(UNSTABLE_OFFSET_COMMIT, 88, 88, RETRY, "unstable offset commit") \
    X(THROTTLING_QUOTA_EXCEEDED, 89, 89, RETRY, "throttling quota exceeded") \
    X(PRODUCER_FENCED, 90, 90, CLIENT, "producer fenced") \
    X(RESOURCE_NOT_FOUND, 91, 91, CLIENT, "resource not found") \
    X(DUPLICATE_RESOURCE, 92, 92, CLIENT, "duplicate resource") \
    X(UNACCEPTABLE_CREDENTIAL, 93, 93, CLIENT, "unacceptable credential") \
    X(INCONSISTENT_VOTER_SET, 94, 94, CLIENT, "inconsistent voter set") \
    X(INVALID_UPDATE_VERSION, 95, 95, CLIENT, "invalid update version") \
    X(FEATURE_UPDATE_FAILED, 96, 96, CLIENT, "feature update failed") \
    X(PRINCIPAL_DESERIALIZATION_FAILURE, 97, 97, CLIENT, "principal deserialization failure") \
    X(SNAPSHOT_NOT_FOUND, 98, 98, CLIENT, "snapshot not found") \
    X(POSITION_OUT_OF_RANGE, 99, 99, CLIENT, "position out of range") \
    X(UNKNOWN_TOPIC_ID, 100, 100, RETRY, "unknown topic id") \
    X(DUPLICATE_BROKER_REGISTRATION, 101, 101, CLIENT, "duplicate broker registration") \
    X(BROKER_ID_NOT_REGISTERED, 102, 102, CLIENT, "broker id not registered") \
    X(INCONSISTENT_TOPIC_ID, 103, 103, RETRY, "inconsistent topic id") \
    X(INCONSISTENT_CLUSTER_ID, 104, 104, CLIENT, "inconsistent cluster id") \
    X(TRANSACTIONAL_ID_NOT_FOUND, 105, 105, CLIENT, "transactional id not found") \
    X(FETCH_SESSION_TOPIC_ID_ERROR, 106, 106, RETRY, "fetch session topic id error") \
    X(INELIGIBLE_REPLICA, 107, 107, CLIENT, "ineligible replica") \
    X(NEW_LEADER_ELECTED, 108, 108, CLIENT, "new leader elected") \
    X(OFFSET_MOVED_TO_TIERED_STORAGE, 109, 109, CLIENT, "offset moved to tiered storage") \
    X(FENCED_MEMBER_EPOCH, 110, 110, CLIENT, "fenced member epoch") \
    X(UNRELEASED_INSTANCE_ID, 111, 111, CLIENT, "unreleased instance id") \
    X(UNSUPPORTED_ASSIGNOR, 112, 112, CLIENT, "unsupported assignor") \
    X(STALE_MEMBER_EPOCH, 113, 113, CLIENT, "stale member epoch") \
    X(MISMATCHED_ENDPOINT_TYPE, 114, 114, CLIENT, "mismatched endpoint type") \
    X(UNSUPPORTED_ENDPOINT_TYPE, 115, 115, CLIENT, "unsupported endpoint type") \
    X(UNKNOWN_CONTROLLER_ID, 116, 116, CLIENT, "unknown controller id") \
    X(UNKNOWN_SUBSCRIPTION_ID, 117, 117, CLIENT, "unknown subscription id") \
    X(TELEMETRY_TOO_LARGE, 118, 118, CLIENT, "telemetry too large") \
    X(INVALID_REGISTRATION, 119, 119, CLIENT, "invalid registration") \
    X(TRANSACTION_ABORTABLE, 120, 120, CLIENT, "transaction abortable") \
    X(INVALID_RECORD_STATE, 121, 121, CLIENT, "invalid record state") \
    X(SHARE_SESSION_NOT_FOUND, 122, 122, RETRY, "share session not found") \
    X(INVALID_SHARE_SESSION_EPOCH, 123, 123, RETRY, "invalid share session epoch") \
    X(FENCED_STATE_EPOCH, 124, 124, CLIENT, "fenced state epoch") \
    X(INVALID_VOTER_KEY, 125, 125, CLIENT, "invalid voter key") \
    X(DUPLICATE_VOTER, 126, 126, CLIENT, "duplicate voter") \
    X(VOTER_NOT_FOUND, 127, 127, CLIENT, "voter not found") \
    X(INVALID_REGULAR_EXPRESSION, 128, 128, CLIENT, "invalid regular expression") \
    X(IO, 1000, 56, FATAL, "the disk failed") \
    X(NO_SPACE, 1001, 56, RETRY, "no space left on the device") \
    X(CORRUPT, 1002, 2, FATAL, "bytes on disk do not have the form they should") \
    X(MALFORMED, 1003, 42, CLIENT, "bytes on the wire do not have the form they should") \
    X(NOT_FOUND, 1004, -1, CLIENT, "there is no such thing") \
    X(EXISTS, 1005, -1, CLIENT, "it is there already") \
    X(LOCKED, 1006, -1, FATAL, "another process holds the lock") \
    X(BUSY, 1007, -1, RETRY, "a limit is reached; try again later") \
    X(CLOSED, 1008, 13, RETRY, "the connection is closed") \
    X(TIMED_OUT, 1009, 7, RETRY, "no answer before the deadline") \
    X(CONFIG, 1010, 40, FATAL, "a setting is wrong") \
    X(UNSUPPORTED, 1011, 35, CLIENT, "this is not supported") \
    X(ADDRESS_IN_USE, 1012, -1, FATAL, "the address is in use")

enum err {
#define ERR_ENUM(name, value, wire, class, text) ERR_##name = value,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
};

/* The constant's name without ERR_, e.g. "NOT_CONTROLLER"; "UNKNOWN_SERVER_ERROR" for an unknown
 * code. */
const char *err_name(enum err e);

/* A short sentence for people. */
const char *err_text(enum err e);

/* The code that a Kafka client understands. */
int16_t err_wire(enum err e);

enum err_class err_class(enum err e);

/* Returns from the enclosing function with the error of `expr`, if any. */
#define TRY(expr) \
    do { \
        enum err try_err_ = (expr); \
        if (try_err_ != ERR_NONE) { \
            return try_err_; \
        } \
    } while (0)

#endif
