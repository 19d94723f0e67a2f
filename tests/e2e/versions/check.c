/* Answers: do they decode, and do they say what they should? */
#include <stdio.h>

#include "tests/e2e/versions/versions.h"
#include "wire/table.h"

static void look_at(struct exchange *x, const struct wire_field *f, const void *in)
{
    const char *at = (const char *)in + f->offset;
    if (strcmp(f->name, "ErrorCode") == 0 && x->code_count < CODES_MAX) {
        int16_t code;
        memcpy(&code, at, sizeof code);
        x->codes[x->code_count++] = code;
    } else if (strstr(f->name, "AuthorizedOperations") != NULL) {
        int32_t operations;
        memcpy(&operations, at, sizeof operations);
        x->operations_missing |= operations == INT32_MIN;
    }
}

static void find_codes(struct exchange *x, const struct wire_message *m, int16_t version,
                       const void *in)
{
    for (uint16_t i = 0; i < m->field_count; i++) {
        const struct wire_field *f = &m->fields[i];
        if (!wire_in_range(f->versions, version)) {
            continue;
        }
        if ((f->flags & WIRE_ARRAY) == 0) {
            look_at(x, f, in);
        } else if (f->type == WIRE_STRUCT) {
            struct wire_items a = wire_items_get(f, in);
            for (int32_t k = 0; k < a.count; k++) {
                find_codes(x, f->nested, version, (char *)a.items + (size_t)k * f->nested->size);
            }
        }
    }
}

const char *decode(const struct run *run, struct exchange *x, int16_t version, void **response)
{
    struct reader r = reader_of(buf_slice(&x->answer));
    int32_t correlation_id;
    if (wire_response_header_decode(&r, x->api->key, version, &correlation_id) != ERR_NONE) {
        return "the answer's header does not decode";
    }
    if (correlation_id != run->correlation_id) {
        return "the answer has another correlation id";
    }
    struct slice body = slice_of(r.p, reader_left(&r));
    *response = wire_new(x->api->response, &x->arena);
    if (wire_decode(x->api->response, version, body, &x->arena, *response) != ERR_NONE) {
        *response = NULL;
        return "the answer does not decode";
    }
    find_codes(x, x->api->response, version, *response);
    return NULL;
}

/* Errors that filled bodies get; all others should not be. */
static const struct expectation {
    int16_t api;
    int16_t last; /* version */
    enum err error;
} expected[] = {
    {WIRE_API_PRODUCE, 2, ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT},
    {WIRE_API_JOIN_GROUP, 9, ERR_MEMBER_ID_REQUIRED},
    {WIRE_API_HEARTBEAT, 9, ERR_UNKNOWN_MEMBER_ID},
    {WIRE_API_LEAVE_GROUP, 9, ERR_UNKNOWN_MEMBER_ID},
    {WIRE_API_SYNC_GROUP, 9, ERR_UNKNOWN_MEMBER_ID},
    /* A voter and a member that nobody knows. */
    {WIRE_API_ADD_RAFT_VOTER, 9, ERR_INVALID_REQUEST},
    {WIRE_API_REMOVE_RAFT_VOTER, 9, ERR_VOTER_NOT_FOUND},
    {WIRE_API_UPDATE_RAFT_VOTER, 9, ERR_FENCED_LEADER_EPOCH},
    {WIRE_API_CONSUMER_GROUP_HEARTBEAT, 9, ERR_INVALID_REQUEST},
    /* To nowhere. */
    {WIRE_API_ALTER_REPLICA_LOG_DIRS, 9, ERR_LOG_DIR_NOT_FOUND},
    /* The group has the members of JoinGroup version 0. */
    {WIRE_API_DELETE_GROUPS, 9, ERR_NON_EMPTY_GROUP},
    {WIRE_API_OFFSET_DELETE, 9, ERR_GROUP_SUBSCRIBED_TO_TOPIC},
    {WIRE_API_ELECT_LEADERS, 9, ERR_ELECTION_NOT_NEEDED},
    {WIRE_API_ALTER_PARTITION_REASSIGNMENTS, 9, ERR_NO_REASSIGNMENT_IN_PROGRESS},
    {WIRE_API_UPDATE_FEATURES, 9, ERR_INVALID_UPDATE_VERSION},
    {WIRE_API_UNREGISTER_BROKER, 9, ERR_BROKER_ID_NOT_REGISTERED},
    /* The quorum has one topic, and TOPIC may be another. */
    {WIRE_API_DESCRIBE_QUORUM, 9, ERR_UNKNOWN_TOPIC_OR_PARTITION},
    {WIRE_API_FETCH, 99, ERR_INVALID_REQUEST},
    {WIRE_API_VOTE, 9, ERR_INVALID_REQUEST},
    {WIRE_API_BEGIN_QUORUM_EPOCH, 9, ERR_INVALID_REQUEST},
    {WIRE_API_END_QUORUM_EPOCH, 9, ERR_INVALID_REQUEST},
    {WIRE_API_FETCH_SNAPSHOT, 9, ERR_INVALID_REQUEST},
    {WIRE_API_FETCH_SNAPSHOT, 9, ERR_UNKNOWN_TOPIC_OR_PARTITION},
    {WIRE_API_FETCH_SNAPSHOT, 9, ERR_SNAPSHOT_NOT_FOUND},
    /* Old epochs. */
    {WIRE_API_VOTE, 9, ERR_FENCED_LEADER_EPOCH},
    {WIRE_API_BEGIN_QUORUM_EPOCH, 9, ERR_FENCED_LEADER_EPOCH},
    {WIRE_API_END_QUORUM_EPOCH, 9, ERR_FENCED_LEADER_EPOCH},
    {WIRE_API_FETCH_SNAPSHOT, 9, ERR_FENCED_LEADER_EPOCH},
    /* Another cluster's id. */
    {WIRE_API_BROKER_REGISTRATION, 9, ERR_INCONSISTENT_CLUSTER_ID},
    /* A broker that nobody knows. */
    {WIRE_API_ALTER_PARTITION, 9, ERR_STALE_BROKER_EPOCH},
    {WIRE_API_ASSIGN_REPLICAS_TO_DIRS, 9, ERR_STALE_BROKER_EPOCH},
    {WIRE_API_BROKER_HEARTBEAT, 9, ERR_STALE_BROKER_EPOCH},
    {WIRE_API_ALLOCATE_PRODUCER_IDS, 9, ERR_STALE_BROKER_EPOCH},
    {WIRE_API_CONTROLLER_REGISTRATION, 9, ERR_UNSUPPORTED_VERSION},
    /* Controllers are asked for brokers. */
    {WIRE_API_DESCRIBE_CLUSTER, 9, ERR_MISMATCHED_ENDPOINT_TYPE},
};

static bool is_expected(const struct run *run, const struct exchange *x, int64_t code)
{
    if (code == ERR_NONE) {
        return true;
    }
    if (strcmp(run->topic, METADATA_TOPIC) == 0 && code == ERR_UNKNOWN_TOPIC_OR_PARTITION) {
        return true; /* it is none of the topics that have settings, leaders, … */
    }
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        if (expected[i].api == x->api->key && x->version <= expected[i].last &&
            code == err_wire(expected[i].error)) {
            return true;
        }
    }
    return false;
}

static const char *check_codes(const struct run *run, const struct exchange *x)
{
    static char problem[100];
    for (int i = 0; i < x->code_count; i++) {
        if (!is_expected(run, x, x->codes[i])) {
            snprintf(problem, sizeof problem, "an answer with %s", err_name((enum err)x->codes[i]));
            return problem;
        }
    }
    bool refused = x->code_count > 0 && x->codes[0] != ERR_NONE;
    return x->operations_missing && !refused ? "an answer without AuthorizedOperations" : NULL;
}

/* UNSUPPORTED_VERSION, in the answer's own form or in that of ApiVersions' version 0. */
static const char *check_refusal(const struct run *run, struct exchange *x, void **response)
{
    struct reader r = reader_of(buf_slice(&x->answer));
    int32_t correlation_id;
    if (wire_response_header_decode(&r, x->api->key, x->version, &correlation_id) == ERR_NONE &&
        correlation_id == run->correlation_id &&
        reader_i16(&r) == err_wire(ERR_UNSUPPORTED_VERSION)) {
        return NULL;
    }
    const char *problem = decode(run, x, known_version(x->api->response, x->version), response);
    if (problem != NULL) {
        return problem;
    }
    for (int i = 0; i < x->code_count; i++) {
        if (x->codes[i] == err_wire(ERR_UNSUPPORTED_VERSION)) {
            return NULL;
        }
    }
    return "the answer does not say UNSUPPORTED_VERSION";
}

const char *check(const struct run *run, struct exchange *x, void **response)
{
    if (x->form == OUTSIDE) {
        return check_refusal(run, x, response);
    }
    const char *problem = decode(run, x, x->version, response);
    return problem == NULL && x->form == FILLED ? check_codes(run, x) : problem;
}
