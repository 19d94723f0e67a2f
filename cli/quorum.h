/* The quorum as the commands about it see it: asked of its leader, who alone knows how far the
 * others are. */
#ifndef CLI_QUORUM_H
#define CLI_QUORUM_H

#include "base/uuid.h"
#include "cli/client.h"

/* A voter, or an observer: a broker, or a controller that is no voter. */
struct quorum_replica {
    int32_t id;
    struct uuid directory_id;
    int64_t log_end_offset; /* −1: not known */
    int64_t last_fetch_ms;  /* wall clock; −1: never */
    int64_t last_caught_up_ms;
    const struct wire_describe_quorum_response_nodes *node; /* its addresses; NULL: not told */
    struct slice listener; /* of controllers, as far as it is known; null: not */
    struct slice host;
    int32_t port;
};

struct quorum {
    struct slice cluster_id;
    int32_t leader_id; /* −1: none */
    int32_t epoch;
    int64_t high_watermark;
    int64_t leader_end;            /* of the leader's log */
    struct quorum_replica *voters; /* by id */
    int voter_count;
    struct quorum_replica *observers;
    int observer_count;
};

/* Asks until somebody knows the leader and the leader has answered, or the time is up. Lives as
 * long as the client and the arena. On an error `out` is what the last one who answered knew:
 * NOT_LEADER_OR_FOLLOWER, nobody leads as far as is known, or the leader cannot be reached; or that
 * of the call. */
enum err quorum_ask(struct client *client, struct arena *arena, struct quorum *out) MUST_USE;

/* quorum_ask() once, for loops of their own. */
enum err quorum_ask_once(struct client *client, struct arena *arena, struct quorum *out) MUST_USE;

/* Asks the leader, if controllers are asked; a broker forwards. Once, as client_call_once(). */
enum err quorum_call(struct client *client, const struct quorum *quorum, int16_t api,
                     const void *request, const void **response) MUST_USE;

/* Complains about an error of quorum_ask(). */
enum cli_exit quorum_fail(const struct cli *cli, const struct client *client,
                          const struct quorum *quorum, enum err e);

const struct quorum_replica *quorum_voter(const struct quorum *quorum, int32_t id);

/* The one that fetched last of those with this id, in another directory than `but`; NULL: none. */
const struct quorum_replica *quorum_observer(const struct quorum *quorum, int32_t id,
                                             struct uuid but);

/* "1, 2, 3" */
const char *quorum_voters_text(const struct quorum *quorum, struct arena *arena);

#endif
