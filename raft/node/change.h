/* Changes of the voters while the quorum runs (KIP-853): AddRaftVoter, RemoveRaftVoter and
 * UpdateRaftVoter, and what a controller does about its own place among the voters.
 *
 * The leader takes one change at a time. Before a voter is added, or its address becomes another
 * one, the leader has called it there: it must answer, be the replica that is meant, and know the
 * quorum's kraft.version. Then the new set is appended, and the answer comes with its commit. What
 * is refused is refused with a sentence that says why.
 *
 * Static voters (controller.quorum.voters, kraft.version 0) do not change. They report themselves
 * to their leader with UpdateRaftVoter, so that they can become records some day. */
#ifndef RAFT_NODE_CHANGE_H
#define RAFT_NODE_CHANGE_H

#include "raft/node/node.h"

struct arena;
struct buf;

/* An address of a controller, by the name of its listener. */
struct node_advertised {
    const char *name;
    const char *host;
    uint16_t port;
};

/* Where this controller is reached by others. Copied. To be called before node_start(): a voter
 * whose record in the log says something else tells the leader (UpdateRaftVoter), and with
 * options.auto_join a controller that is no voter asks to become one (KIP-1186). */
void node_advertise(struct node *node, const struct node_advertised *listeners, int count);

/* True for the APIs of node_change(). */
bool node_changes(int16_t api_key);

struct node_change_call {
    int16_t api_key;
    const void *body;    /* struct wire_…_request *; it and what it borrows lives until `reply` */
    struct arena *arena; /* of the response, with the same life */
    /* Called once, maybe before node_change() returns, and in node_free() at the latest: `response`
     * is the struct wire_…_response *, `e` the error in it. */
    void (*reply)(void *arg, const void *response, enum err e);
    void *arg;
    /* The change is about to be appended, and nothing stands against it any more: `what` is e.g.
     * "adds voter 4 (directory …)". Here the owner may append a record that says who wants it; the
     * record of the voters, which is Kafka's, has no room for that. May be NULL. */
    void (*accepted)(void *arg, const char *what);
};

/* Serves one of these requests. Not only from a connection: it may come inside an Envelope. */
void node_change(struct node *node, const struct node_change_call *call);

/* The level of the feature kraft.version: 0, the voters are static; 1, they are records. Levels up
 * to NODE_KRAFT_VERSION_MAX are supported, and ApiVersions must say so. */
enum { NODE_KRAFT_VERSION_MAX = 1 };
int16_t node_kraft_version(const struct node *node);

/* Raises it from 0 to 1, for good: the static voters become records of the log (KAFKA-16538). Each
 * of them must have told this leader its directory, its listeners and that it knows kraft.version
 * 1, which static voters do by themselves. `*offset`: of the last record; done when on_commit
 * delivers it. `dry_run`: only looks whether it could be done, `*offset` stays.
 * Errors: NOT_CONTROLLER (on_claim(epoch) has not been called, or it is over), EXISTS (it is 1),
 * INVALID_UPDATE_VERSION (not now, `why` has the reason). */
enum err node_raise_kraft_version(struct node *node, int32_t epoch, bool dry_run, int64_t *offset,
                                  struct buf *why) MUST_USE;

#endif
