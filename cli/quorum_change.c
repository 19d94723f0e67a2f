/* craft quorum add, remove, replace: who of the controllers votes (KIP-853).
 *
 * What the quorum refuses only for the moment (another change is under way, the new voter has not
 * caught up, the leader is new) is asked for again until the time of --timeout is over. An answer
 * that is lost does no harm: before each attempt the command looks at what the voters are. */
#include <stdio.h>

#include "cli/nodes.h"
#include "cli/quorum.h"
#include "metadata/metadata.h"

enum { CAUGHT_UP_MS = 5000 };

struct change {
    struct cli *cli;
    struct client *client;
    int32_t id;
    struct quorum quorum;                   /* as seen last */
    struct uuid directory_id;               /* --directory-id; zero: not given */
    const struct metadata_address *address; /* --address; NULL: not given */
    const char *listener;                   /* --listener, likewise */
    bool asked;                             /* something was sent that may have been done */
    const char *why;                        /* the last refusal that may pass */
};

/* ---- calls ---- */

/* Looks at an answer: NONE, done; or the error, whose sentence is kept if it may pass. */
static enum err note(struct change *change, int16_t code, struct slice message)
{
    enum err e = (enum err)code;
    change->why = e == ERR_NONE            ? NULL
                  : slice_is_null(message) ? err_text(e)
                                           : arena_str(&change->cli->arena, message);
    return e;
}

static enum err send_remove(struct change *change, struct uuid directory_id)
{
    struct wire_remove_raft_voter_request request = {.cluster_id = change->quorum.cluster_id,
                                                     .voter_id = change->id,
                                                     .voter_directory_id = directory_id};
    const void *answer;
    change->asked = true;
    TRY(quorum_call(change->client, &change->quorum, WIRE_API_REMOVE_RAFT_VOTER, &request,
                    &answer));
    const struct wire_remove_raft_voter_response *response = answer;
    return note(change, response->error_code, response->error_message);
}

static enum err send_add(struct change *change, const struct quorum_replica *controller)
{
    struct wire_add_raft_voter_request_listeners listener = {controller->listener, controller->host,
                                                             (uint16_t)controller->port};
    struct wire_add_raft_voter_request request = {
        .cluster_id = change->quorum.cluster_id,
        .timeout_ms = (int32_t)max_i64(client_left_ms(change->client), 1),
        .voter_id = controller->id,
        .voter_directory_id = controller->directory_id,
        .listeners = &listener,
        .listeners_count = 1};
    const void *answer;
    change->asked = true;
    TRY(quorum_call(change->client, &change->quorum, WIRE_API_ADD_RAFT_VOTER, &request, &answer));
    const struct wire_add_raft_voter_response *response = answer;
    return note(change, response->error_code, response->error_message);
}

/* ---- where the new voter is ---- */

/* What the controller has registered with the others. They are asked themselves: brokers do not
 * tell. */
static bool find_registered(struct change *change, struct quorum_replica *out)
{
    struct client *client = change->client;
    const struct quorum_replica *leader = quorum_voter(&change->quorum, change->quorum.leader_id);
    int32_t node = CLIENT_ANY;
    if (!client_asks_controllers(client) && leader != NULL && !slice_is_null(leader->host)) {
        client_set_node(client, leader->id, leader->host, leader->port);
        node = leader->id;
    }
    const struct wire_describe_cluster_response *response;
    if (nodes_ask_once(client, node, NODES_CONTROLLERS, &response) != ERR_NONE) {
        return false;
    }
    for (int32_t i = 0; i < response->brokers_count; i++) {
        if (response->brokers[i].broker_id == out->id) {
            out->host = response->brokers[i].host;
            out->port = response->brokers[i].port;
            return true;
        }
    }
    return false;
}

static enum err find_address(struct change *change, struct quorum_replica *out)
{
    const char *listener = change->listener;
    const struct quorum_replica *leader = quorum_voter(&change->quorum, change->quorum.leader_id);
    out->listener = listener != NULL                                     ? slice_str(listener)
                    : leader != NULL && !slice_is_null(leader->listener) ? leader->listener
                                                                         : slice_str("CONTROLLER");
    if (change->address != NULL) {
        out->host = slice_str(change->address->host);
        out->port = change->address->port;
        return ERR_NONE;
    }
    if (find_registered(change, out)) {
        return ERR_NONE;
    }
    change->why = "its address is not known; say --address HOST:PORT";
    return ERR_REQUEST_TIMED_OUT;
}

/* ---- one attempt each; REQUEST_TIMED_OUT and the like are tried again ---- */

static enum err try_add_observer(struct change *change, struct uuid but)
{
    const struct quorum_replica *found = quorum_observer(&change->quorum, change->id, but);
    bool wrong = found != NULL && !uuid_is_zero(change->directory_id) &&
                 !uuid_eq(found->directory_id, change->directory_id);
    if (found == NULL || wrong) {
        change->why = "it does not follow the metadata log; does it run, formatted with "
                      "--no-initial-controllers for this cluster?";
        return ERR_REQUEST_TIMED_OUT;
    }
    struct quorum_replica controller = *found;
    TRY(find_address(change, &controller));
    return send_add(change, &controller);
}

/* Another replica of the same id that works now; the leader remembers old ones for a while. */
static const struct quorum_replica *find_other(const struct change *change,
                                               const struct quorum_replica *voter)
{
    const struct quorum_replica *other =
        quorum_observer(&change->quorum, change->id, voter->directory_id);
    int64_t now_ms = net_wall_ms(client_loop(change->client));
    bool works = other != NULL && other->last_caught_up_ms >= now_ms - CAUGHT_UP_MS;
    return works ? other : NULL;
}

static enum err try_add(struct change *change)
{
    const struct quorum_replica *voter = quorum_voter(&change->quorum, change->id);
    if (voter != NULL && change->asked) {
        return ERR_NONE; /* an answer was lost */
    }
    if (voter != NULL && find_other(change, voter) != NULL) {
        change->why = "the voter of this id has another disk: craft quorum replace";
        return ERR_DUPLICATE_VOTER;
    }
    if (voter != NULL) {
        change->why = "it is a voter already";
        return ERR_DUPLICATE_VOTER;
    }
    return try_add_observer(change, UUID_ZERO);
}

static enum err try_remove(struct change *change)
{
    const struct quorum_replica *voter = quorum_voter(&change->quorum, change->id);
    if (voter == NULL && change->asked) {
        return ERR_NONE;
    }
    if (voter == NULL) {
        change->why = "it is not a voter";
        return ERR_VOTER_NOT_FOUND;
    }
    bool given = !uuid_is_zero(change->directory_id);
    return send_remove(change, given ? change->directory_id : voter->directory_id);
}

/* The old one goes only when the new one is ready to come: in between there is a voter less. */
static enum err try_replace(struct change *change)
{
    const struct quorum_replica *voter = quorum_voter(&change->quorum, change->id);
    if (voter == NULL) {
        return try_add_observer(change, UUID_ZERO);
    }
    const struct quorum_replica *other = find_other(change, voter);
    if (other == NULL && change->asked) {
        return ERR_NONE;
    }
    if (other == NULL) {
        change->why = "there is no controller of this id with another disk that follows the "
                      "metadata log and has caught up; format the empty disk with "
                      "--no-initial-controllers and start it";
        return ERR_REQUEST_TIMED_OUT;
    }
    struct quorum_replica controller = *other;
    TRY(find_address(change, &controller)); /* before it is too late */
    TRY(send_remove(change, voter->directory_id));
    change->why = "the voter with the old disk is removed, the new one is not added yet";
    return ERR_REQUEST_TIMED_OUT; /* the next attempt adds it */
}

/* ---- the commands ---- */

static bool may_pass(enum err e)
{
    return e == ERR_REQUEST_TIMED_OUT || e == ERR_NOT_LEADER_OR_FOLLOWER ||
           e == ERR_NOT_CONTROLLER || e == ERR_BROKER_NOT_AVAILABLE;
}

static enum cli_exit tell(struct change *change, const char *done)
{
    /* What the voters are now, if that can be had. */
    enum err e = quorum_ask(change->client, &change->cli->arena, &change->quorum);
    printf("%s controller %" PRId32, done, change->id);
    if (e == ERR_NONE) {
        printf("; the voters are %s", quorum_voters_text(&change->quorum, &change->cli->arena));
    }
    printf("\n");
    return CLI_OK;
}

static bool has_option(const struct cli *cli, const char *name)
{
    for (const struct args_option *row = cli->verb->options; row->name != NULL; row++) {
        if (strcmp(row->name, name) == 0) {
            return args_has(&cli->args, name);
        }
    }
    return false;
}

static bool read_arguments(struct cli *cli, struct change *out)
{
    int64_t id;
    if (!args_parse_number(slice_str(cli->args.words[0]), &id) || id < 0 || id > INT32_MAX) {
        buf_printf(&cli->why, "\"%s\" is no node id", cli->args.words[0]);
        return false;
    }
    out->id = (int32_t)id;
    if (has_option(cli, "directory-id")) {
        const char *text = args_text(&cli->args, "directory-id");
        if (!uuid_parse(slice_str(text), &out->directory_id) || uuid_is_zero(out->directory_id)) {
            buf_printf(&cli->why, "--directory-id \"%s\" is no directory id", text);
            return false;
        }
    }
    if (has_option(cli, "address")) {
        const char *text = args_text(&cli->args, "address");
        struct metadata_address *address = ARENA_NEW(&cli->arena, struct metadata_address);
        if (!metadata_address_parse(&cli->arena, slice_str(text), address) || address->port == 0 ||
            address->host[0] == '\0') {
            buf_printf(&cli->why, "--address: \"%s\" is not HOST:PORT", text);
            return false;
        }
        out->address = address;
    }
    out->listener = has_option(cli, "listener") ? args_text(&cli->args, "listener") : NULL;
    return true;
}

/* Until it is done, refused for good, or the time is up; `*asked`: the last error is that of the
 * change, not of looking at the quorum. */
static enum err attempt_again(struct change *change, enum err (*attempt)(struct change *),
                              bool *asked)
{
    struct client *client = change->client;
    enum err e;
    do {
        change->why = NULL;
        e = quorum_ask_once(client, &change->cli->arena, &change->quorum);
        *asked = e == ERR_NONE;
        e = *asked ? attempt(change) : e;
    } while ((may_pass(e) || err_class(e) == ERR_CLASS_RETRY) &&
             client_retry(client, ERR_REQUEST_TIMED_OUT));
    return e;
}

static enum cli_exit run(struct cli *cli, enum err (*attempt)(struct change *), const char *done)
{
    enum cli_exit code;
    struct change change = {.cli = cli};
    if (!read_arguments(cli, &change)) {
        return cli_refuse(cli);
    }
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    change.client = client;
    bool asked;
    enum err e = attempt_again(&change, attempt, &asked);
    if (e == ERR_NONE) {
        code = tell(&change, done);
    } else if (!asked) {
        code = quorum_fail(cli, client, &change.quorum, e);
    } else if (change.why != NULL) {
        code = cli_fail(cli, "controller %" PRId32 ": %s", change.id, change.why);
    } else {
        code = client_fail(cli, client, e);
    }
    client_close(client);
    return code;
}

static enum cli_exit run_add(struct cli *cli)
{
    return run(cli, try_add, "added");
}

static enum cli_exit run_remove(struct cli *cli)
{
    return run(cli, try_remove, "removed");
}

static enum cli_exit run_replace(struct cli *cli)
{
    return run(cli, try_replace, "replaced");
}

#define NEW_VOTER \
    {"address", "HOST:PORT", "where the others reach it; default: what it has registered"}, \
        {"listener", "NAME", "the listener of that address; default: the leader's"}, \
    { \
        "directory-id", "ID", "of its disk; default: the one it runs on" \
    }

static const struct args_option add_options[] = {NEW_VOTER, {0}};

static const struct args_option remove_options[] = {
    {"directory-id", "ID", "of the voter; default: that of the voter with this id"}, {0}};

const struct cli_verb cli_quorum_add = {
    .noun = "quorum",
    .name = "add",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS,
    .about = "Makes a running controller a voter",
    .more = "The controller must run, formatted with --no-initial-controllers, and follow the "
            "metadata\nlog. The leader calls it at its address before it counts.",
    .examples = "craft quorum add 3004 --bootstrap-controller 127.0.0.1:10092\n"
                "craft quorum add 3004 --bootstrap-server 127.0.0.1:9092 --address 10.0.0.4:10095",
    .options = add_options,
    .run = run_add,
};

const struct cli_verb cli_quorum_remove = {
    .noun = "quorum",
    .name = "remove",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS,
    .about = "Makes a controller a voter no more",
    .more = "It need not run. It is refused if the voters that are left would have no majority "
            "that lives.\nA controller with controller.quorum.auto.join.enable=true would come "
            "back: stop it first.",
    .examples = "craft quorum remove 3003 --bootstrap-controller 127.0.0.1:10092",
    .options = remove_options,
    .run = run_remove,
};

const struct cli_verb cli_quorum_replace = {
    .noun = "quorum",
    .name = "replace",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS,
    .about = "Puts a controller with a new disk in the place of the voter that has lost its disk",
    .more = "The controller must run on the new disk, formatted with --no-initial-controllers. "
            "When it has\ncaught up, the old voter is removed and the new one added.",
    .examples = "craft quorum replace 3002 --bootstrap-controller 127.0.0.1:10092",
    .options = add_options,
    .run = run_replace,
};
