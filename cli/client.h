/* A cluster as a command sees it: calls that block until they are answered or time is up.
 *
 *     struct client *client = client_open(cli);           prints what is wrong and gives NULL
 *     do {
 *         e = client_call(client, &(struct client_call){CLIENT_ANY, WIRE_API_…, …}, &response);
 *         e = e == ERR_NONE ? response->error_code : …
 *     } while (client_retry(client, e));
 *     client_close(client);
 *
 * What is not the command's fault is tried again, on the next server of the list, until the time of
 * --timeout is over. Responses live as long as the client. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "cli/cli.h"
#include "net/net.h"
#include "wire/wire.h"

struct client;

struct client_options {
    const char *servers; /* "HOST:PORT,…" */
    const char *name;    /* of the option that gave them, for complaints */
    bool controllers;    /* they are controllers */
    int64_t timeout_ms;
    const char *client_id; /* as brokers know it; NULL: "craft" */
    bool tells_of_waiting; /* a first failure is told at once, though it is tried again */
};

/* NULL: the sentence is in cli->why. */
struct client *client_new(struct cli *cli, const struct client_options *options);

/* Reads --bootstrap-server, --bootstrap-controller (if the command has it) and --timeout. On NULL
 * the complaint is printed and `*code` is what the command returns. */
struct client *client_open(struct cli *cli, enum cli_exit *code);

/* NULL is allowed. */
void client_close(struct client *client);

/* Are controllers asked, not brokers? */
bool client_asks_controllers(const struct client *client);

/* The loop that drives everything, for commands that do several things at once. */
struct net_loop *client_loop(struct client *client);

/* Milliseconds until --timeout is over; ≥ 0. */
int64_t client_left_ms(struct client *client);

/* Begins the time of --timeout anew, for a command that runs on and on. */
void client_restart_clock(struct client *client);

/* ---- calls ---- */

enum { CLIENT_ANY = -1 };

struct client_call {
    int32_t node; /* CLIENT_ANY: whoever of the servers answers */
    int16_t api;
    int16_t version; /* the highest wanted; the peer may have less */
    const void *request;
    int64_t wait_ms; /* the peer may take this long on top, e.g. a long poll */
};

/* A connection that fails is tried again, as said above.
 * Errors: TIMED_OUT (nobody was reached, or nobody answered), UNSUPPORTED_VERSION (the peer cannot
 * do this), MALFORMED (no Kafka server), NOT_FOUND (the node is not known): client_why() says more.
 */
enum err client_call(struct client *client, const struct client_call *call,
                     const void **response) MUST_USE;

/* The same without a second attempt: ERR_CLOSED when it failed. */
enum err client_call_once(struct client *client, const struct client_call *call,
                          const void **response) MUST_USE;

/* True if `e` is worth another attempt and there is time for one, after a short pause. */
bool client_retry(struct client *client, enum err e);

/* The sentence about the last call that failed, "" if none did. */
const char *client_why(const struct client *client);

/* Complains: with client_why() if the call itself failed, else about the answer `e`. Returns
 * CLI_FAILED. */
enum cli_exit client_fail(const struct cli *cli, const struct client *client, enum err e);

/* ---- servers ---- */

/* Makes a node known, or its new address. */
void client_set_node(struct client *client, int32_t id, struct slice host, int32_t port);

bool client_has_node(const struct client *client, int32_t id);

/* "host:port" of a known node. */
const char *client_node_address(const struct client *client, int32_t id);

/* The next CLIENT_ANY call begins with the next server of the list. */
void client_turn(struct client *client);

/* The connection to a known node, for calls that the command does not wait for; NULL: not known. */
struct net_client *client_node_net(struct client *client, int32_t id);

#endif
