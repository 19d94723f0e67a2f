/* UpdateFeatures: a decision on the metadata, which asks the quorum for the level that is its own.
 */
#include "controller/api.h"
#include "controller/decide/features.h"
#include "controller/server_struct.h"
#include "raft/node/change.h"

_Static_assert((int)METADATA_KRAFT_VERSION_MAX == (int)NODE_KRAFT_VERSION_MAX, "as registered");

void controller_decide_features(struct rpc *rpc, const struct decide_input *in,
                                struct decision *out)
{
    struct controller_server *server = rpc->server;
    struct decide_quorum quorum = {.kraft_version = node_kraft_version(server->node)};
    struct buf why = {0};
    int64_t offset;
    enum err e = node_raise_kraft_version(server->node, controller_epoch(server->controller), true,
                                          &offset, &why);
    if (e == ERR_INVALID_UPDATE_VERSION) {
        quorum.refusal = arena_dup(in->arena, buf_slice(&why));
    } else if (e != ERR_NONE) {
        quorum.refusal = slice_str(err_text(e));
    }
    buf_fini(&why);
    decide_update_features(in, &quorum, rpc->body, out);
}
