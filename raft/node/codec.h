/* The parts of the codec: one file per API, its requests and responses both ways. */
#ifndef RAFT_NODE_CODEC_H
#define RAFT_NODE_CODEC_H

#include "raft/node/private.h"

/* ---- what they share (codec.c) ---- */

/* The envelope of a request: our cluster (a null id passes), exactly our partition. */
enum err codec_check(const struct node *node, struct slice cluster_id, bool is_metadata) MUST_USE;

struct node_endpoint {
    struct slice host;
    uint16_t port;
};

/* False: not known. */
bool codec_endpoint(const struct node *node, int32_t leader_id, struct node_endpoint *out);

/* The same for the response to `request`. False also when its version has no place for it. */
bool codec_reply_endpoint(const struct node *node, const struct net_request *request,
                          int32_t leader_id, struct node_endpoint *out);
struct slice codec_cluster_id(const struct node *node);

/* ---- Vote ---- */

const void *codec_vote_request(struct node *node, const struct raft_request *request,
                               struct arena *arena);
enum err codec_vote_request_read(struct node *node, const struct wire_vote_request *wire,
                                 struct raft_request *out) MUST_USE;
void codec_vote_response_read(struct node *node, const struct wire_vote_response *wire,
                              struct raft_response *out);
void codec_vote_reply(struct node *node, struct net_request *request,
                      const struct raft_response *response);

/* ---- BeginQuorumEpoch ---- */

const void *codec_begin_request(struct node *node, const struct raft_request *request,
                                struct arena *arena);
enum err codec_begin_request_read(struct node *node,
                                  const struct wire_begin_quorum_epoch_request *wire,
                                  struct raft_request *out) MUST_USE;
void codec_begin_response_read(struct node *node,
                               const struct wire_begin_quorum_epoch_response *wire,
                               struct raft_response *out);
void codec_begin_reply(struct node *node, struct net_request *request,
                       const struct raft_response *response);

/* ---- EndQuorumEpoch ---- */

const void *codec_end_request(struct node *node, const struct raft_request *request,
                              struct arena *arena);
enum err codec_end_request_read(struct node *node, const struct wire_end_quorum_epoch_request *wire,
                                struct raft_request *out) MUST_USE;
void codec_end_response_read(struct node *node, const struct wire_end_quorum_epoch_response *wire,
                             struct raft_response *out);
void codec_end_reply(struct node *node, struct net_request *request,
                     const struct raft_response *response);

/* ---- Fetch ---- */

const void *codec_fetch_request(struct node *node, const struct raft_request *request,
                                int16_t version, struct arena *arena);
enum err codec_fetch_request_read(struct node *node, const struct net_request *request,
                                  struct raft_request *out, int32_t *bytes_max) MUST_USE;
void codec_fetch_response_read(struct node *node, const struct wire_fetch_response *wire,
                               struct raft_response *out, struct slice *records);
void codec_fetch_reply(struct node *node, struct net_request *request,
                       const struct raft_response *response, struct slice records);

/* ---- FetchSnapshot ---- */

const void *codec_snapshot_request(struct node *node, const struct raft_request *request,
                                   struct arena *arena);
enum err codec_snapshot_request_read(struct node *node,
                                     const struct wire_fetch_snapshot_request *wire,
                                     struct raft_request *out, int32_t *bytes_max) MUST_USE;
void codec_snapshot_response_read(struct node *node,
                                  const struct wire_fetch_snapshot_response *wire,
                                  struct raft_response *out, struct slice *piece);

/* `piece` NULL: no bytes. */
void codec_snapshot_reply(struct node *node, struct net_request *request,
                          const struct raft_response *response, const struct net_file *piece);

#endif
