/* What follows at once from settings that were altered. */
#include "controller/api.h"
#include "controller/server_struct.h"

void controller_after_alter_configs(struct rpc *rpc, enum err e)
{
    const struct decision *decision = &rpc->op.decision;
    for (size_t i = 0; e == ERR_NONE && i < decision->count; i++) {
        const struct metadata_record *record = &decision->records[i];
        if (record->type == METADATA_RECORD_CONFIG &&
            slice_eq_str(record->config.name, "unclean.leader.election.enable")) {
            controller_periodic_elect(&rpc->server->periodic);
            return;
        }
    }
}
