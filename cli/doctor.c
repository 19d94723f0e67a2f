/* craft doctor: connects as a client does, step by step, and says what to mend. */
#include <stdio.h>

#include "cli/cluster.h"
#include "cli/configs.h"
#include "cli/coordinator.h"
#include "cli/quorum.h"
#include "metadata/metadata.h"

enum {
    METADATA_VERSION = 12,
    CONFIGS_VERSION = 4,
    /* Ids that the addresses of the command line have; brokers have none below 0. */
    FIRST_SERVER = -2,
    SERVERS_MAX = 64,
};

enum verdict { GOOD, DOUBTFUL, BAD };

struct server {
    int32_t node; /* for calls */
    struct metadata_address address;
    const struct wire_metadata_response *metadata; /* NULL: it did not answer */
};

struct doctor {
    struct cli *cli;
    struct client *client;
    struct table table;
    struct server servers[SERVERS_MAX];
    int server_count;
    const struct server *first; /* that answered */
    int bad;
};

/* ---- findings ---- */

static const struct table_column columns[] = {
    {"CHECK", "check", TABLE_TEXT},     {"TARGET", "target", TABLE_TEXT},
    {"RESULT", "result", TABLE_TEXT},   {"MS", "milliseconds", TABLE_NUMBER},
    {"FINDING", "finding", TABLE_TEXT}, {"WHAT TO DO", "advice", TABLE_TEXT},
};

/* What a check found. */
struct finding {
    const char *check;
    const char *target;
    enum verdict verdict;
    int64_t start_ms;
    const char *text;
    const char *advice; /* NULL: nothing to do */
};

static void add(struct doctor *d, const struct finding *f)
{
    static const char *const names[] = {"ok", "doubtful", "FAILED"};
    struct table *t = &d->table;
    table_text(t, slice_str(f->check));
    table_text(t, slice_str(f->target));
    table_text(t, slice_str(names[f->verdict]));
    table_number(t, net_now_ms(client_loop(d->client)) - f->start_ms);
    table_text(t, slice_str(f->text));
    table_text(t, slice_str(f->advice));
    d->bad += f->verdict == BAD;
}

/* Every check has the whole time of --timeout. */
static int64_t begin(struct doctor *d)
{
    client_restart_clock(d->client);
    return net_now_ms(client_loop(d->client));
}

static char *sentence(struct doctor *d, const char *text)
{
    return arena_str(&d->cli->arena, slice_str(text));
}

/* ---- addresses ---- */

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           strncmp(host, "127.", 4) == 0;
}

static bool is_any(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 || host[0] == '\0';
}

/* What the broker should tell its clients, as far as can be seen from here. */
static const char *advise_address(struct doctor *d, int32_t broker, int32_t port)
{
    const char *host = d->first->address.host;
    bool is_v6 = strchr(host, ':') != NULL;
    return arena_printf(&d->cli->arena,
                        "broker %" PRId32 " tells its clients an address that does not work for "
                        "them. Set advertised.listeners=PLAINTEXT://%s%s%s:%" PRId32
                        " there, or another address under which clients reach it",
                        broker, is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

/* ---- the addresses of the command line ---- */

static enum err ask_metadata(struct doctor *d, int32_t node,
                             const struct wire_metadata_response **out)
{
    struct wire_metadata_request request;
    wire_init(&wire_msg_metadata_request, &request);
    request.allow_auto_topic_creation = false;
    const void *answer = NULL;
    struct client_call call = {node, WIRE_API_METADATA, METADATA_VERSION, &request, 0};
    enum err e = client_call_once(d->client, &call, &answer);
    *out = answer;
    return e;
}

static const char *advise_server(struct doctor *d, enum err e)
{
    const char *why = client_why(d->client);
    if (e == ERR_UNSUPPORTED_VERSION) {
        return "this looks like a controller: give the address of a broker, or use "
               "--bootstrap-controller with the commands that have it";
    }
    if (e == ERR_MALFORMED || strstr(why, "plain text") != NULL) {
        return "give the port of a PLAINTEXT listener; TLS and SASL are not supported by this tool";
    }
    if (strstr(why, "refused") != NULL) {
        return "nothing listens there: is the broker running, and is this the port of its "
               "`listeners`? In a container: is the port published?";
    }
    if (e == ERR_TIMED_OUT) {
        return "packets get lost: a firewall, a wrong address, or a process that hangs";
    }
    return "check the name and the network";
}

static void examine_server(struct doctor *d, struct server *server)
{
    int64_t start_ms = begin(d);
    struct finding f = {.check = "connect", .start_ms = start_ms, .verdict = GOOD};
    f.target = sentence(d, client_node_address(d->client, server->node));
    enum err e = ask_metadata(d, server->node, &server->metadata);
    if (e != ERR_NONE) {
        server->metadata = NULL;
        f.verdict = BAD;
        f.text = sentence(d, client_why(d->client));
        f.advice = advise_server(d, e);
    } else {
        f.text =
            arena_printf(&d->cli->arena, "cluster %.*s with %" PRId32 " brokers",
                         SLICE_ARG(server->metadata->cluster_id), server->metadata->brokers_count);
        if (d->first == NULL) {
            d->first = server;
        } else if (!slice_eq(d->first->metadata->cluster_id, server->metadata->cluster_id)) {
            f.verdict = BAD;
            f.advice = "the addresses lead to different clusters: name those of one only";
        }
    }
    add(d, &f);
}

/* ---- the addresses that brokers tell ---- */

/* A broker answers questions about its own settings only: it says so if it is another one. */
static enum err ask_itself(struct doctor *d, int32_t id, const char **message)
{
    struct wire_describe_configs_request_resources resource = {
        .resource_type = METADATA_CONFIG_BROKER, .configuration_keys_count = -1};
    resource.resource_name = slice_str(arena_printf(&d->cli->arena, "%" PRId32, id));
    struct wire_describe_configs_request request = {.resources = &resource, .resources_count = 1};
    const void *answer;
    struct client_call call = {id, WIRE_API_DESCRIBE_CONFIGS, CONFIGS_VERSION, &request, 0};
    TRY(client_call_once(d->client, &call, &answer));
    const struct wire_describe_configs_response *response = answer;
    if (response->results_count != 1) {
        return ERR_MALFORMED;
    }
    *message = arena_str(&d->cli->arena, response->results->error_message);
    return (enum err)response->results->error_code;
}

static void explain_unreachable(struct doctor *d,
                                const struct wire_metadata_response_brokers *broker,
                                struct finding *f)
{
    const char *why = client_why(d->client);
    const char *host = arena_str(&d->cli->arena, broker->host);
    f->verdict = BAD;
    f->text = sentence(d, why);
    if (is_loopback(host) && !is_loopback(d->first->address.host)) {
        f->text = arena_printf(&d->cli->arena,
                               "%s; that address means the client's own machine, everywhere", why);
    }
    f->advice = advise_address(d, broker->node_id, broker->port);
}

/* The address leads to somebody: to the right one? */
static void check_identity(struct doctor *d, const struct wire_metadata_response_brokers *broker,
                           struct finding *f)
{
    const struct wire_metadata_response *metadata;
    const char *message = NULL;
    enum err e = ask_metadata(d, broker->node_id, &metadata);
    if (e != ERR_NONE) {
        explain_unreachable(d, broker, f);
        return;
    }
    if (!slice_eq(metadata->cluster_id, d->first->metadata->cluster_id)) {
        f->verdict = BAD;
        f->text = arena_printf(&d->cli->arena, "a broker of another cluster answers, %.*s",
                               SLICE_ARG(metadata->cluster_id));
        f->advice = advise_address(d, broker->node_id, broker->port);
        return;
    }
    e = ask_itself(d, broker->node_id, &message);
    if (e == ERR_INVALID_REQUEST) {
        f->verdict = BAD;
        f->text = arena_printf(&d->cli->arena, "another broker answers%s%s",
                               message == NULL ? "" : ": ", message == NULL ? "" : message);
        f->advice = "each broker needs an address of its own: ports that are forwarded must lead "
                    "each to its own broker";
        return;
    }
    f->text = "it is reached, and it is the right one";
}

static void examine_broker(struct doctor *d, const struct wire_metadata_response_brokers *broker)
{
    struct finding f = {.check = "advertised address", .verdict = GOOD, .start_ms = begin(d)};
    const char *host = arena_str(&d->cli->arena, broker->host);
    f.target = arena_printf(&d->cli->arena, "broker %" PRId32 ", %s", broker->node_id,
                            client_node_address(d->client, broker->node_id));
    if (is_any(host)) {
        f.verdict = BAD;
        f.text = "no client can connect to \"every address\"";
        f.advice = advise_address(d, broker->node_id, broker->port);
        add(d, &f);
        return;
    }
    check_identity(d, broker, &f);
    if (f.verdict == GOOD && is_loopback(host) && !is_loopback(d->first->address.host)) {
        f.verdict = DOUBTFUL;
        f.text = "it is reached, but only by clients on this machine";
        f.advice = advise_address(d, broker->node_id, broker->port);
    }
    add(d, &f);
}

static void examine_brokers(struct doctor *d)
{
    const struct wire_metadata_response *metadata = d->first->metadata;
    for (int32_t i = 0; i < metadata->brokers_count; i++) {
        client_set_node(d->client, metadata->brokers[i].node_id, metadata->brokers[i].host,
                        metadata->brokers[i].port);
    }
    for (int32_t i = 0; i < metadata->brokers_count; i++) {
        examine_broker(d, &metadata->brokers[i]);
    }
}

/* ---- the cluster behind them ---- */

static void examine_quorum(struct doctor *d)
{
    struct finding f = {.check = "controller", .target = "quorum", .start_ms = begin(d)};
    struct quorum quorum;
    enum err e = quorum_ask(d->client, &d->cli->arena, &quorum);
    if (e == ERR_UNSUPPORTED_VERSION) {
        return; /* nothing to be known */
    }
    if (e == ERR_NONE) {
        f.text = arena_printf(&d->cli->arena, "controller %" PRId32 " leads in epoch %" PRId32,
                              quorum.leader_id, quorum.epoch);
    } else {
        f.verdict = BAD;
        bool is_led = e != ERR_NOT_LEADER_OR_FOLLOWER && e != ERR_NOT_CONTROLLER;
        f.text = is_led ? sentence(d, client_why(d->client)) : "no controller leads";
        f.advice = "topics cannot be created and leaders not elected: is a majority of the "
                   "controllers running? See craft quorum status";
    }
    add(d, &f);
}

static void examine_coordinator(struct doctor *d)
{
    struct finding f = {.check = "group coordinator", .start_ms = begin(d)};
    int32_t node = -1;
    enum err e = coordinator_find(d->client, slice_str("craft-doctor"), &node);
    f.target = "__consumer_offsets";
    if (e == ERR_NONE) {
        f.text = arena_printf(&d->cli->arena, "broker %" PRId32 ", %s", node,
                              client_node_address(d->client, node));
    } else {
        f.verdict = BAD;
        f.text =
            client_why(d->client)[0] == '\0' ? err_text(e) : sentence(d, client_why(d->client));
        f.advice = "consumer groups do not work: can __consumer_offsets be created with "
                   "offsets.topic.replication.factor, and has each of its partitions a leader?";
    }
    add(d, &f);
}

static void examine_topics(struct doctor *d)
{
    struct finding f = {.check = "partitions", .target = "all topics", .start_ms = begin(d)};
    struct cluster cluster = {.client = d->client};
    enum err e = cluster_refresh(&cluster, NULL, 0);
    int64_t partitions = 0;
    int64_t without_leader = 0;
    int64_t under_replicated = 0;
    for (int32_t i = 0; e == ERR_NONE && i < cluster.metadata->topics_count; i++) {
        const struct wire_metadata_response_topics *topic = &cluster.metadata->topics[i];
        for (int32_t k = 0; k < topic->partitions_count; k++) {
            const struct wire_metadata_response_topics_partitions *p = &topic->partitions[k];
            partitions++;
            without_leader += p->leader_id < 0;
            under_replicated += p->isr_nodes_count < p->replica_nodes_count;
        }
    }
    cluster_fini(&cluster);
    f.text = arena_printf(&d->cli->arena,
                          "%" PRId64 " partitions, %" PRId64 " without a leader, %" PRId64
                          " under-replicated",
                          partitions, without_leader, under_replicated);
    if (e != ERR_NONE) {
        f.verdict = BAD;
        f.text = sentence(d, client_why(d->client));
    } else if (without_leader > 0) {
        f.verdict = BAD;
        f.advice = "see craft topic describe --unavailable, and craft broker list";
    } else if (under_replicated > 0) {
        f.verdict = DOUBTFUL;
        f.advice = "see craft topic describe --under-replicated, and craft broker list";
    }
    add(d, &f);
}

/* ---- printing ---- */

/* A table with sentences is too wide for people. */
static void print_for_people(const struct doctor *d, struct buf *out)
{
    json_t *rows = table_json(&d->table);
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        buf_printf(out, "%-8s  %s %s: %s\n", json_string_value(json_object_get(row, "result")),
                   json_string_value(json_object_get(row, "check")),
                   json_string_value(json_object_get(row, "target")),
                   json_string_value(json_object_get(row, "finding")));
        const char *advice = json_string_value(json_object_get(row, "advice"));
        if (advice != NULL) {
            buf_printf(out, "          -> %s\n", advice);
        }
    }
    json_decref(rows);
}

static enum cli_exit print(struct doctor *d)
{
    struct buf out = {0};
    if (d->cli->format == TABLE_FOR_PEOPLE) {
        print_for_people(d, &out);
    } else {
        table_print(&d->table, d->cli->format, &out);
    }
    enum cli_exit code = cli_print(&out);
    return d->bad == 0 ? code : cli_fail(d->cli, "%d checks failed", d->bad);
}

/* ---- the command ---- */

static bool read_servers(struct doctor *d)
{
    struct slice rest = slice_str(args_text(&d->cli->args, "bootstrap-server"));
    struct slice item;
    while (args_item(&rest, ',', &item) && d->server_count < SERVERS_MAX) {
        struct server *server = &d->servers[d->server_count];
        if (!metadata_address_parse(&d->cli->arena, item, &server->address)) {
            return false; /* client_open() has said so */
        }
        server->node = FIRST_SERVER - d->server_count++;
        client_set_node(d->client, server->node, slice_str(server->address.host),
                        server->address.port);
    }
    return true;
}

static enum cli_exit run_doctor(struct cli *cli)
{
    struct doctor d = {.cli = cli};
    enum cli_exit code;
    d.client = client_open(cli, &code);
    if (d.client == NULL) {
        return code;
    }
    table_init(&d.table, columns, ARRAY_LEN(columns));
    if (read_servers(&d)) {
        for (int i = 0; i < d.server_count; i++) {
            examine_server(&d, &d.servers[i]);
        }
    }
    if (d.first != NULL) {
        examine_brokers(&d);
        examine_quorum(&d);
        examine_coordinator(&d);
        examine_topics(&d);
    }
    code = print(&d);
    table_fini(&d.table);
    client_close(d.client);
    return code;
}

const struct cli_verb cli_doctor = {
    .noun = "doctor",
    .words = "",
    .uses = CLI_USES_CLUSTER | CLI_USES_FORMAT,
    .about = "Connects as a client does, and says which address fails and what to set",
    .more = "A client asks one of the addresses that it was given for the brokers, and then "
            "connects to the\naddresses that these advertise. Run it where the client runs. "
            "--timeout is for each check.\nThe coordinator of groups is looked for, which may "
            "create __consumer_offsets.",
    .examples = "craft doctor --bootstrap-server kafka.example.org:9092\n"
                "craft doctor --timeout 3 --bootstrap-server 127.0.0.1:9092 --format json",
    .run = run_doctor,
};
