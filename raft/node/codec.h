/* The parts of the codec: one file per API, its requests and responses both ways. */
#ifndef RAFT_NODE_CODEC_H
#define RAFT_NODE_CODEC_H

#include "raft/node/private.h"

/* ---- what they share (codec.c) ---- */

/* The messages are alike, but of different types. */

/* Exactly one topic with one partition? */
#define CODEC_HAS_ONE(topics, count) ((count) == 1 && (topics)->partitions_count == 1)

/* … and it is the metadata log. */
#define CODEC_IS_METADATA(wire) \
    (CODEC_HAS_ONE((wire)->topics, (wire)->topics_count) && \
     slice_eq_str((wire)->topics->topic_name, NODE_TOPIC) && \
     (wire)->topics->partitions->partition_index == 0)

/* Takes note of the addresses in a response. */
#define CODEC_LEARN_NODES(node, wire) \
    do { \
        for (int32_t i_ = 0; i_ < (wire)->node_endpoints_count; i_++) { \
            node_learn_address(node, (wire)->node_endpoints[i_].node_id, \
                               (wire)->node_endpoints[i_].host, (wire)->node_endpoints[i_].port); \
        } \
    } while (0)

/* Takes note of where the leader that sends a request is: at its listener of our name, or at its
 * only one. */
#define CODEC_LEARN_LEADER(node, wire, leader_id) \
    do { \
        for (int32_t i_ = 0; i_ < (wire)->leader_endpoints_count; i_++) { \
            if ((wire)->leader_endpoints_count == 1 || \
                slice_eq_str((wire)->leader_endpoints[i_].name, (node)->options.listener_name)) { \
                node_learn_address(node, leader_id, (wire)->leader_endpoints[i_].host, \
                                   (wire)->leader_endpoints[i_].port); \
            } \
        } \
    } while (0)

/* The envelope of a response: the error at its top. False: there is nothing in it to be read. */
bool codec_open(struct raft_response *out, int16_t error_code, bool has_one);

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

/* UNKNOWN_TOPIC_OR_PARTITION, beside the partition that was asked for. */
void codec_snapshot_refuse_topic(struct net_request *request);

/* `piece` NULL: no bytes. */
void codec_snapshot_reply(struct node *node, struct net_request *request,
                          const struct raft_response *response, const struct net_file *piece);

#endif
