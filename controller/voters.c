/* AddRaftVoter, RemoveRaftVoter, UpdateRaftVoter (KIP-853): the quorum itself changes its voters
 * (raft/node/change.h); here is how its answers leave, from inside an Envelope, too. */
#include "controller/api.h"
#include "controller/server_struct.h"
#include "raft/node/change.h"

static void reply(void *arg, const void *response, enum err e)
{
    struct rpc *rpc = arg;
    if (rpc->enveloped && e == ERR_NOT_LEADER_OR_FOLLOWER) {
        controller_rpc_refuse(rpc, ERR_NOT_CONTROLLER); /* the broker looks for the leader */
        return;
    }
    controller_rpc_reply(rpc, response);
}

void controller_serve_voters(struct rpc *rpc)
{
    node_change(rpc->server->node, &(struct node_change_call){
                                       .api_key = rpc->header.api_key,
                                       .body = rpc->body,
                                       .arena = controller_rpc_arena(rpc),
                                       .reply = reply,
                                       .arg = rpc,
                                   });
}
