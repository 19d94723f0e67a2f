/* Is somebody at this address, is it the replica that is meant, and does it know our kraft.version?
 * A voter that cannot be reached would take the quorum's majority from it (KAFKA-20661).
 *
 * ApiVersions tells the versions. BeginQuorumEpoch, which a leader may send to anybody, is refused
 * with INVALID_VOTER_KEY by everyone but the replica that it is addressed to. */
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "raft/node/change.h"
#include "raft/node/codec.h"

/* Features whose lowest version is 0 are only told from version 4 on (KAFKA-17011). */
enum { API_VERSIONS_VERSION = 4, BEGIN_VERSION = 1 };

struct node_probe {
    struct node *node;
    struct raft_key key;
    char host[NODE_HOST_MAX + 1];
    uint16_t port;
    struct net_client *client;
    struct node_probe_result result;
    node_probe_done *done;
    void *arg;
};

static void probe_free(struct node_probe *probe)
{
    net_client_free(probe->client);
    mem_free(probe);
}

void node_probe_cancel(struct node_probe *probe)
{
    if (probe != NULL) {
        probe->done = NULL;
        probe_free(probe);
    }
}

static void finish(struct node_probe *probe, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void finish(struct node_probe *probe, enum err e, const char *fmt, ...)
{
    if (probe->done == NULL) {
        return; /* cancelled, which ends the call under way */
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(probe->result.why, sizeof probe->result.why, fmt, args);
    va_end(args);
    node_probe_done *done = probe->done;
    void *arg = probe->arg;
    struct node_probe_result result = probe->result;
    probe->done = NULL;
    probe_free(probe);
    done(arg, e, &result);
}

/* The call itself failed. */
static void fail(struct node_probe *probe, enum err e)
{
    const char *failure = net_client_failure(probe->client);
    if (e == ERR_UNSUPPORTED) {
        finish(probe, ERR_INVALID_REQUEST,
               "%s:%d is too old to be a voter of this quorum (kraft.version %d)", probe->host,
               probe->port, NODE_KRAFT_VERSION_MAX);
    } else if (failure != NULL) {
        finish(probe, ERR_REQUEST_TIMED_OUT, "it cannot be reached: %s", failure);
    } else {
        finish(probe, ERR_REQUEST_TIMED_OUT, "%s:%d does not answer (%s)", probe->host, probe->port,
               err_text(e));
    }
}

static void call(struct node_probe *probe, int16_t api, int16_t version, const void *request,
                 net_call_done *done)
{
    net_call(probe->client,
             &(struct net_call_args){.api = api,
                                     .version = version,
                                     .request = request,
                                     .timeout_ms = probe->node->options.timers.request_timeout_ms,
                                     .done = done,
                                     .arg = probe});
}

static void on_begun(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct node_probe *probe = arg;
    (void)raw;
    if (e != ERR_NONE) {
        fail(probe, e);
        return;
    }
    struct raft_response answer = {0};
    codec_begin_response_read(probe->node, response, &answer);
    /* This leader itself finds that an invalid request. */
    if (answer.error == ERR_INVALID_VOTER_KEY || answer.error == ERR_INVALID_REQUEST) {
        finish(probe, ERR_INVALID_REQUEST,
               "who answers at %s:%d is another node, or has another directory id", probe->host,
               probe->port);
    } else if (answer.error == ERR_INCONSISTENT_CLUSTER_ID) {
        finish(probe, ERR_INVALID_REQUEST, "who answers at %s:%d is of another cluster",
               probe->host, probe->port);
    } else if (answer.error != ERR_NONE) {
        finish(probe, ERR_REQUEST_TIMED_OUT, "%s:%d does not accept this leader (%s); try again",
               probe->host, probe->port, err_text(answer.error));
    } else {
        finish(probe, ERR_NONE, "fine");
    }
}

static void check_identity(struct node_probe *probe)
{
    struct node *node = probe->node;
    bool is_self = probe->key.id == node->options.node_id;
    if (is_self || raft_role(node->raft) != RAFT_ROLE_LEADER) {
        finish(probe, ERR_NONE, "fine"); /* what follows looks at the role again */
        return;
    }
    struct arena arena = {0};
    struct raft_request request = {.rpc = RAFT_RPC_BEGIN_EPOCH,
                                   .epoch = raft_epoch(node->raft),
                                   .leader_id = node->options.node_id,
                                   .u.begin = {.voter = probe->key}};
    call(probe, WIRE_API_BEGIN_QUORUM_EPOCH, BEGIN_VERSION,
         codec_begin_request(node, &request, &arena), on_begun);
    arena_fini(&arena);
}

static void on_versions(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct node_probe *probe = arg;
    const struct wire_api_versions_response *versions = response;
    (void)raw;
    if (e == ERR_NONE) {
        e = (enum err)versions->error_code;
    }
    if (e != ERR_NONE) {
        fail(probe, e);
        return;
    }
    struct node_probe_result *result = &probe->result;
    for (int i = 0; i < versions->supported_features_count; i++) {
        if (slice_eq_str(versions->supported_features[i].name, "kraft.version")) {
            result->kraft_version_min = versions->supported_features[i].min_version;
            result->kraft_version_max = versions->supported_features[i].max_version;
        }
    }
    if (result->kraft_version_min > NODE_KRAFT_VERSION_MAX ||
        result->kraft_version_max < NODE_KRAFT_VERSION_MAX) {
        finish(probe, ERR_INVALID_REQUEST,
               "who answers at %s:%d supports kraft.version %d to %d, the quorum has %d",
               probe->host, probe->port, result->kraft_version_min, result->kraft_version_max,
               NODE_KRAFT_VERSION_MAX);
        return;
    }
    check_identity(probe);
}

struct node_probe *node_probe_start(struct node *node, struct raft_key key,
                                    const struct wire_voters_record_voters_endpoints *at,
                                    node_probe_done *done, void *arg)
{
    struct node_probe *probe = MEM_NEW(struct node_probe);
    probe->node = node;
    probe->key = key;
    ASSERT(at->host.len < sizeof probe->host);
    memcpy(probe->host, at->host.data, at->host.len);
    probe->port = at->port;
    probe->done = done;
    probe->arg = arg;
    probe->client = net_client_new(node->options.loop, &(struct net_client_options){
                                                           .host = probe->host,
                                                           .port = probe->port,
                                                           .client_id = "craft-raft",
                                                           .log = node->options.log,
                                                           .api_versions = true,
                                                       });
    struct wire_api_versions_request request;
    wire_init(&wire_msg_api_versions_request, &request);
    request.client_software_name = slice_str("craft");
    request.client_software_version = slice_str("0");
    call(probe, WIRE_API_API_VERSIONS, API_VERSIONS_VERSION, &request, on_versions);
    return probe;
}
