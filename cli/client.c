/* Blocking calls to the servers of a cluster; see client.h. */
#include "cli/client.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "metadata/metadata.h"

enum {
    SERVERS_MAX = 64,
    TIMEOUT_S = 10,
    STEP_MS = 1000,
    PAUSE_FIRST_MS = 50,
    PAUSE_MAX_MS = 500,
    /* One server that hangs must not use up the time of the others. */
    ATTEMPT_MS = 5000,
};

struct peer {
    struct list link;
    int32_t id; /* CLIENT_ANY: of the list of servers */
    char *address;
    struct net_client *net;
    char *reason; /* why it could not be reached the last time; NULL: it could */
};

struct kept {
    struct list link;
    struct net_kept *response;
};

struct client {
    struct net_loop *loop;
    struct list servers; /* the first is asked next */
    struct list nodes;
    struct list kept;
    struct buf why;
    int64_t timeout_ms;
    int64_t deadline_ms;
    int64_t pause_ms;
    const char *client_id;
    const struct cli *patient; /* who says that it waits; NULL: it was said, or shall not be */
    bool controllers;
};

/* ---- servers ---- */

static struct peer *add_peer(struct client *client, struct list *list, int32_t id,
                             const struct metadata_address *address)
{
    struct peer *peer = MEM_NEW(struct peer);
    struct net_client_options options = {.host = address->host,
                                         .port = address->port,
                                         .client_id = client->client_id,
                                         .connect_timeout_ms = ATTEMPT_MS,
                                         .api_versions = true};
    struct buf text = {0};
    bool is_v6 = strchr(address->host, ':') != NULL;
    buf_printf(&text, "%s%s%s:%d", is_v6 ? "[" : "", address->host, is_v6 ? "]" : "",
               address->port);
    peer->id = id;
    peer->address = slice_dup_str(buf_slice(&text));
    peer->net = net_client_new(client->loop, &options);
    list_add_tail(list, &peer->link);
    buf_fini(&text);
    return peer;
}

static void free_peers(struct list *list)
{
    LIST_EACH(at, list)
    {
        struct peer *peer = LIST_ENTRY(at, struct peer, link);
        list_remove(&peer->link);
        net_client_free(peer->net);
        mem_free(peer->address);
        mem_free(peer->reason);
        mem_free(peer);
    }
}

static struct peer *find_node(const struct client *client, int32_t id)
{
    LIST_EACH(at, &client->nodes)
    {
        struct peer *peer = LIST_ENTRY(at, struct peer, link);
        if (peer->id == id) {
            return peer;
        }
    }
    return NULL;
}

void client_set_node(struct client *client, int32_t id, struct slice host, int32_t port)
{
    struct metadata_address address = {slice_dup_str(host), port};
    struct peer *peer = find_node(client, id);
    if (peer == NULL) {
        add_peer(client, &client->nodes, id, &address);
    } else {
        net_client_set_address(peer->net, address.host, port);
    }
    mem_free(address.host);
}

bool client_has_node(const struct client *client, int32_t id)
{
    return find_node(client, id) != NULL;
}

const char *client_node_address(const struct client *client, int32_t id)
{
    struct peer *peer = find_node(client, id);
    return peer == NULL ? "(unknown)" : peer->address;
}

struct net_client *client_node_net(struct client *client, int32_t id)
{
    struct peer *peer = find_node(client, id);
    return peer == NULL ? NULL : peer->net;
}

static int server_count(const struct client *client)
{
    int count = 0;
    LIST_EACH(at, &client->servers)
    {
        count++;
    }
    return count;
}

void client_turn(struct client *client)
{
    struct list *first = client->servers.next;
    list_remove(first);
    list_add_tail(&client->servers, first);
}

/* ---- opening and closing ---- */

static bool read_servers(struct client *client, struct cli *cli,
                         const struct client_options *options)
{
    struct slice rest = slice_str(options->servers);
    struct slice item;
    int count = 0;
    while (args_item(&rest, ',', &item)) {
        struct metadata_address address;
        /* Java's clients take "PLAINTEXT://host:port" here. */
        const uint8_t *scheme = item.len == 0 ? NULL : memmem(item.data, item.len, "://", 3);
        struct slice text = item;
        if (scheme != NULL) {
            text = slice_of(scheme + 3, (size_t)(item.data + item.len - scheme) - 3);
        }
        if (!metadata_address_parse(&cli->arena, text, &address) || address.port == 0 ||
            address.host[0] == '\0') {
            buf_printf(&cli->why, "--%s: \"%.*s\" is not HOST:PORT", options->name,
                       SLICE_ARG(item));
            return false;
        }
        if (++count > SERVERS_MAX) {
            buf_printf(&cli->why, "--%s names more than %d servers", options->name, SERVERS_MAX);
            return false;
        }
        add_peer(client, &client->servers, CLIENT_ANY, &address);
    }
    return true;
}

struct client *client_new(struct cli *cli, const struct client_options *options)
{
    struct client *client = MEM_NEW(struct client);
    client->loop = net_loop_new(NULL);
    client->timeout_ms = options->timeout_ms;
    client->controllers = options->controllers;
    client->client_id = options->client_id == NULL ? "craft" : options->client_id;
    client->patient = options->tells_of_waiting ? cli : NULL;
    list_init(&client->servers);
    list_init(&client->nodes);
    list_init(&client->kept);
    if (!read_servers(client, cli, options)) {
        client_close(client);
        return NULL;
    }
    client_restart_clock(client);
    return client;
}

static bool read_options(struct cli *cli, struct client_options *out)
{
    bool may_ask_controllers = (cli->verb->uses & CLI_USES_CONTROLLERS) != 0;
    bool brokers = args_has(&cli->args, "bootstrap-server");
    out->controllers = may_ask_controllers && args_has(&cli->args, "bootstrap-controller");
    if (brokers == out->controllers) {
        buf_printf(&cli->why, "--bootstrap-server HOST:PORT,…%s is missing",
                   may_ask_controllers ? " (or --bootstrap-controller HOST:PORT,…)" : "");
        if (brokers) {
            buf_reset(&cli->why);
            buf_put_str(&cli->why, "give --bootstrap-server or --bootstrap-controller, not both");
        }
        return false;
    }
    int64_t timeout_s = TIMEOUT_S;
    if (!cli_number(cli, "timeout", (struct args_range){1, 24 * 3600}, &timeout_s)) {
        return false;
    }
    out->timeout_ms = timeout_s * 1000;
    out->name = brokers ? "bootstrap-server" : "bootstrap-controller";
    out->servers = args_text(&cli->args, out->name);
    return true;
}

struct client *client_open(struct cli *cli, enum cli_exit *code)
{
    struct client_options options = {0};
    struct client *client = read_options(cli, &options) ? client_new(cli, &options) : NULL;
    *code = client == NULL ? cli_refuse(cli) : CLI_OK;
    return client;
}

void client_close(struct client *client)
{
    if (client == NULL) {
        return;
    }
    LIST_EACH(at, &client->kept)
    {
        struct kept *kept = LIST_ENTRY(at, struct kept, link);
        net_kept_free(kept->response);
        mem_free(kept);
    }
    free_peers(&client->servers);
    free_peers(&client->nodes);
    net_loop_step(client->loop, 0);
    net_loop_free(client->loop);
    buf_fini(&client->why);
    mem_free(client);
}

bool client_asks_controllers(const struct client *client)
{
    return client->controllers;
}

struct net_loop *client_loop(struct client *client)
{
    return client->loop;
}

int64_t client_left_ms(struct client *client)
{
    return max_i64(client->deadline_ms - net_now_ms(client->loop), 0);
}

void client_restart_clock(struct client *client)
{
    client->deadline_ms = net_now_ms(client->loop) + client->timeout_ms;
    client->pause_ms = PAUSE_FIRST_MS;
}

const char *client_why(const struct client *client)
{
    return client->why.len == 0 ? "" : (const char *)client->why.data;
}

PRINTF_LIKE(3, 4)
static enum err fail(struct client *client, enum err e, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    buf_reset(&client->why);
    buf_put(&client->why, text, strlen(text) + 1);
    return e;
}

enum cli_exit client_fail(const struct cli *cli, const struct client *client, enum err e)
{
    if (client->why.len > 0) {
        return cli_fail(cli, "%s", client_why(client));
    }
    return cli_fail(cli, "the cluster refuses: %s (%s)", err_text(e), err_name(e));
}

/* ---- connecting ---- */

static enum err connect_peer(struct client *client, struct peer *peer, int64_t until_ms)
{
    net_client_connect(peer->net);
    while (!net_client_is_open(peer->net)) {
        const char *failure = net_client_failure(peer->net);
        if (failure != NULL && strcmp(failure, err_text(ERR_CLOSED)) == 0) {
            failure = "it closes the connection at once, or does not speak the Kafka protocol in "
                      "plain text (is it a TLS listener?)";
        }
        if (failure != NULL) {
            mem_free(peer->reason);
            peer->reason = mem_strdup(failure);
            return fail(client, ERR_CLOSED, "cannot reach %s: %s", peer->address, failure);
        }
        int64_t left_ms = until_ms - net_now_ms(client->loop);
        if (left_ms <= 0) {
            return fail(client, ERR_TIMED_OUT, "cannot reach %s: %s", peer->address,
                        peer->reason == NULL ? "no answer in time" : peer->reason);
        }
        net_loop_step(client->loop, min_i64(left_ms, STEP_MS));
    }
    mem_free(peer->reason);
    peer->reason = NULL;
    return ERR_NONE;
}

/* `wanted`, or the highest below that the peer has; −1: none. */
static int16_t version_for(const struct net_client *peer, int16_t api, int16_t wanted)
{
    int16_t max = net_client_max_version(peer, api);
    int16_t min = net_client_min_version(peer, api);
    if (max < 0 || min > wanted) {
        return -1;
    }
    return max < wanted ? max : wanted;
}

/* ---- calls ---- */

/* A call that is waited for. */
struct wait {
    struct client *client;
    bool is_done;
    enum err error;
    const void *response;
};

static void answered(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct wait *wait = arg;
    wait->is_done = true;
    wait->error = e;
    wait->response = response;
    if (e == ERR_NONE) {
        struct kept *kept = MEM_NEW(struct kept);
        kept->response = net_response_take(raw);
        list_add_tail(&wait->client->kept, &kept->link);
    }
}

static enum err fail_call(struct client *client, const struct peer *peer,
                          const struct client_call *call, enum err e)
{
    const char *api = wire_api(call->api)->name;
    switch ((int)e) {
    case ERR_CLOSED:
        return fail(client, e, "%s closed the connection while it was asked (%s)", peer->address,
                    api);
    case ERR_TIMED_OUT:
        return fail(client, e, "%s did not answer in time (%s)", peer->address, api);
    case ERR_MALFORMED:
        return fail(client, e, "%s gave an answer that cannot be read (%s)", peer->address, api);
    default:
        return fail(client, e, "%s cannot be asked this (%s): %s", peer->address, api, err_text(e));
    }
}

static enum err call_peer(struct client *client, struct peer *peer, const struct client_call *call,
                          const void **response)
{
    int64_t left_ms = client_left_ms(client);
    int64_t attempt_ms = server_count(client) > 1 ? min_i64(left_ms, ATTEMPT_MS) : left_ms;
    TRY(connect_peer(client, peer, net_now_ms(client->loop) + attempt_ms));
    int16_t version = version_for(peer->net, call->api, call->version);
    if (version < 0) {
        return fail(client, ERR_UNSUPPORTED_VERSION, "%s does not support %s", peer->address,
                    wire_api(call->api)->name);
    }
    struct wait wait = {.client = client};
    struct net_call_args args = {.api = call->api,
                                 .version = version,
                                 .request = call->request,
                                 .timeout_ms = max_i64(attempt_ms + call->wait_ms, 1),
                                 .done = answered,
                                 .arg = &wait};
    net_call(peer->net, &args);
    while (!wait.is_done) {
        net_loop_step(client->loop, STEP_MS);
    }
    *response = wait.response;
    if (wait.error != ERR_NONE) {
        return fail_call(client, peer, call, wait.error);
    }
    buf_reset(&client->why);
    return ERR_NONE;
}

enum err client_call_once(struct client *client, const struct client_call *call,
                          const void **response)
{
    *response = NULL;
    if (call->node == CLIENT_ANY) {
        struct peer *peer = LIST_ENTRY(client->servers.next, struct peer, link);
        enum err e = call_peer(client, peer, call, response);
        if (e != ERR_NONE) {
            client_turn(client);
        }
        return e;
    }
    struct peer *peer = find_node(client, call->node);
    if (peer == NULL) {
        return fail(client, ERR_NOT_FOUND, "broker %" PRId32 " is not known", call->node);
    }
    return call_peer(client, peer, call, response);
}

/* Every server of the list has its turn before there is a pause; then all that failed is told. */
static enum err call_around(struct client *client, const struct client_call *call,
                            const void **response)
{
    int attempts = call->node == CLIENT_ANY ? server_count(client) : 1;
    struct buf why = {0};
    enum err e;
    do {
        e = client_call_once(client, call, response);
        buf_printf(&why, "%s%s", why.len == 0 ? "" : "; ", client_why(client));
    } while (err_class(e) == ERR_CLASS_RETRY && --attempts > 0 && client_left_ms(client) > 0);
    if (e != ERR_NONE) {
        buf_put(&why, "", 1);
        buf_fini(&client->why);
        client->why = why;
    } else {
        buf_fini(&why);
    }
    return e;
}

/* Scripts let a tool wait until the cluster is there; people want to know why nothing happens. */
static void maybe_tell(struct client *client, enum err e)
{
    if (client->patient != NULL && err_class(e) == ERR_CLASS_RETRY) {
        cli_complain(client->patient, "%s; trying for another %" PRId64 " s", client_why(client),
                     client_left_ms(client) / 1000);
        client->patient = NULL;
    }
}

enum err client_call(struct client *client, const struct client_call *call, const void **response)
{
    enum err e;
    do {
        e = call_around(client, call, response);
        maybe_tell(client, e);
    } while (client_retry(client, e));
    return e;
}

/* ---- trying again ---- */

bool client_retry(struct client *client, enum err e)
{
    if (err_class(e) != ERR_CLASS_RETRY) {
        return false;
    }
    int64_t pause_ms = min_i64(client->pause_ms, client_left_ms(client));
    client->pause_ms = min_i64(client->pause_ms * 2, PAUSE_MAX_MS);
    int64_t until_ms = net_now_ms(client->loop) + pause_ms;
    do {
        net_loop_step(client->loop, until_ms - net_now_ms(client->loop));
    } while (net_now_ms(client->loop) < until_ms);
    return client_left_ms(client) > 0;
}
