/* The APIs that a controller serves, with their versions. */
#ifndef CONTROLLER_API_H
#define CONTROLLER_API_H

#include "controller/rpc.h"

/* The row of that API, or NULL. */
const struct rpc_api *controller_api_find(int16_t key);

/* The table in the form of net/ with controller_api_count() rows; the argument of its handlers is
 * the struct controller_server. */
int controller_api_count(void);
void controller_api_fill(struct net_api *out);

/* ---- what the table calls ---- */

/* serve.c */
void controller_serve_node(struct rpc *rpc); /* what the quorum itself answers */
void controller_serve_api_versions(struct rpc *rpc);
void controller_serve_describe_configs(struct rpc *rpc);
bool controller_standby_describes_configs(const struct rpc *rpc); /* its own */

/* features.c */
void controller_decide_features(struct rpc *rpc, const struct decide_input *in,
                                struct decision *out);

/* voters.c */
void controller_serve_voters(struct rpc *rpc);

/* describe_cluster.c */
void controller_serve_describe_cluster(struct rpc *rpc);

/* configs.c: what follows from altered settings. */
void controller_after_alter_configs(struct rpc *rpc, enum err e);

/* describe_brokers.c */
void controller_serve_describe_brokers(struct rpc *rpc);

/* brokers.c: decisions that know the sessions of brokers, and what follows from them. */
void controller_decide_registration(struct rpc *rpc, const struct decide_input *in,
                                    struct decision *out);
void controller_after_registration(struct rpc *rpc, enum err e);
void controller_decide_heartbeat(struct rpc *rpc, const struct decide_input *in,
                                 struct decision *out);
void controller_after_heartbeat(struct rpc *rpc, enum err e);
void controller_after_unregistration(struct rpc *rpc, enum err e);

#endif
