/* AddRaftVoter, RemoveRaftVoter, UpdateRaftVoter (KIP-853): the quorum itself changes its voters
 * (raft/node/change.h); here is how its answers leave, from inside an Envelope, too. */
#include "base/mem.h"
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

/* ---- who wanted it ---- */

struct audit {
    struct controller_op op;
    struct arena arena;
    struct slice what;
};

static void decide_audit(struct controller_op *op, const struct decide_input *in,
                         struct decision *out)
{
    (void)in;
    decision_add(out, METADATA_RECORD_NO_OP);
    out->reason = container_of(op, struct audit, op)->what;
}

static void audit_done(struct controller_op *op, enum err e)
{
    (void)e; /* if it is lost, so is the record behind it */
    struct audit *audit = container_of(op, struct audit, op);
    arena_fini(&audit->arena);
    mem_free(audit);
}

/* The record before that of the voters does nothing, but has its cause. */
static void accepted(void *arg, const char *what)
{
    struct rpc *rpc = arg;
    struct audit *audit = MEM_NEW(struct audit);
    audit->op = (struct controller_op){.decide = decide_audit,
                                       .done = audit_done,
                                       .arena = &audit->arena,
                                       .cause = metadata_cause_dup(&rpc->op.cause, &audit->arena)};
    audit->what = slice_str(arena_str(&audit->arena, slice_str(what)));
    controller_submit(rpc->server->controller, &audit->op);
}

void controller_serve_voters(struct rpc *rpc)
{
    struct metadata_cause cause = controller_rpc_cause(rpc);
    rpc->op.cause = metadata_cause_dup(&cause, controller_rpc_arena(rpc));
    node_change(rpc->server->node, &(struct node_change_call){
                                       .api_key = rpc->header.api_key,
                                       .body = rpc->body,
                                       .arena = controller_rpc_arena(rpc),
                                       .reply = reply,
                                       .arg = rpc,
                                       .accepted = accepted,
                                   });
}
