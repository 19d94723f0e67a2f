/* craft ready: is a cluster, or one of its nodes, ready for work? For scripts and probes. */
#include <stdarg.h>
#include <stdio.h>

#include "cli/cluster.h"
#include "cli/nodes.h"
#include "cli/quorum.h"

enum {
    PAUSE_MS = 100,
    /* A voter that works has had all records within this time of the leader. */
    QUORUM_MS_MAX = 5000,
};

struct probe {
    struct cli *cli;
    struct client *client;
    int64_t brokers; /* so many must serve */
    int64_t broker;  /* this one must serve, too; −1: none in particular */
    char why[512];   /* what is not ready */
};

PRINTF_LIKE(2, 3)
static bool no(struct probe *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(p->why, sizeof p->why, fmt, args);
    va_end(args);
    return false;
}

static bool failed(struct probe *p, enum err e)
{
    const char *why = client_why(p->client);
    return no(p, "%s", why[0] == '\0' ? err_text(e) : why);
}

/* ---- checks; false: not ready, and why ---- */

/* A leader is known, and a majority of the voters is with it: so the high watermark moves. */
static bool check_quorum(struct probe *p)
{
    struct quorum quorum;
    enum err e = quorum_ask_once(p->client, &p->cli->arena, &quorum);
    if (e == ERR_UNSUPPORTED_VERSION) {
        return true; /* it has no quorum to be asked for */
    }
    if (e == ERR_NOT_LEADER_OR_FOLLOWER || e == ERR_NOT_CONTROLLER) {
        return no(p, "no controller leads");
    }
    if (e != ERR_NONE) {
        return failed(p, e);
    }
    int64_t now_ms = 0;
    int with_leader = 0;
    const struct quorum_replica *leader = quorum_voter(&quorum, quorum.leader_id);
    now_ms = leader == NULL ? net_wall_ms(client_loop(p->client)) : leader->last_caught_up_ms;
    for (int i = 0; i < quorum.voter_count; i++) {
        const struct quorum_replica *voter = &quorum.voters[i];
        with_leader +=
            voter->id == quorum.leader_id ||
            (voter->last_caught_up_ms >= 0 && now_ms - voter->last_caught_up_ms <= QUORUM_MS_MAX);
    }
    if (with_leader * 2 <= quorum.voter_count) {
        return no(p, "only %d of %d controllers have the newest metadata", with_leader,
                  quorum.voter_count);
    }
    return true;
}

static bool check_brokers(struct probe *p)
{
    const struct wire_describe_cluster_response *response;
    enum err e = nodes_ask_once(p->client, CLIENT_ANY, NODES_BROKERS_AND_FENCED, &response);
    if (e != ERR_NONE) {
        return failed(p, e);
    }
    int64_t serving = 0;
    bool is_there = p->broker < 0;
    for (int32_t i = 0; i < response->brokers_count; i++) {
        serving += !response->brokers[i].is_fenced;
        is_there = is_there ||
                   (response->brokers[i].broker_id == p->broker && !response->brokers[i].is_fenced);
    }
    if (!is_there) {
        return no(p, "broker %" PRId64 " does not serve", p->broker);
    }
    if (serving < p->brokers) {
        return no(p, "%" PRId64 " of %" PRId64 " brokers serve", serving, p->brokers);
    }
    return true;
}

static bool check_topic(struct probe *p, const struct wire_metadata_response_topics *topic,
                        const char *name)
{
    enum err e = topic == NULL ? ERR_UNKNOWN_TOPIC_OR_PARTITION : (enum err)topic->error_code;
    if (e != ERR_NONE) {
        return no(p, "%s: %s", name, err_text(e));
    }
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        const struct wire_metadata_response_topics_partitions *partition = &topic->partitions[i];
        if (partition->leader_id < 0) {
            return no(p, "%s-%" PRId32 " has no leader", name, partition->partition_index);
        }
        if (args_has(&p->cli->args, "in-sync") &&
            partition->isr_nodes_count < partition->replica_nodes_count) {
            return no(p, "%s-%" PRId32 " has %" PRId32 " of %" PRId32 " replicas in sync", name,
                      partition->partition_index, partition->isr_nodes_count,
                      partition->replica_nodes_count);
        }
    }
    return true;
}

static bool check_topics(struct probe *p)
{
    struct cli *cli = p->cli;
    int count = args_times(&cli->args, "topic");
    bool all = args_has(&cli->args, "in-sync") && count == 0;
    if (count == 0 && !all) {
        return true;
    }
    struct slice *names = ARENA_ARRAY(&cli->arena, (size_t)count + 1, struct slice);
    int at = 0;
    for (int i = 0; i < count; i++) {
        names[i] = slice_str(args_next(&cli->args, "topic", &at));
    }
    struct cluster cluster = {.client = p->client};
    enum err e = cluster_refresh(&cluster, all ? NULL : names, count);
    bool is_ready = e == ERR_NONE ? true : failed(p, e);
    for (int i = 0; i < count && is_ready; i++) {
        is_ready =
            check_topic(p, cluster_topic(&cluster, names[i]), arena_str(&cli->arena, names[i]));
    }
    for (int32_t i = 0; is_ready && all && i < cluster.metadata->topics_count; i++) {
        const struct wire_metadata_response_topics *topic = &cluster.metadata->topics[i];
        is_ready = check_topic(p, topic, arena_str(&cli->arena, topic->name));
    }
    cluster_fini(&cluster);
    return is_ready;
}

static bool is_ready(struct probe *p)
{
    return (client_asks_controllers(p->client) || check_brokers(p)) && check_quorum(p) &&
           (client_asks_controllers(p->client) || check_topics(p));
}

/* ---- the command ---- */

/* An attempt without time would hide the reason of the one before. */
static bool wait_until_ready(struct probe *p)
{
    struct net_loop *loop = client_loop(p->client);
    while (!is_ready(p)) {
        if (client_left_ms(p->client) <= PAUSE_MS * 2) {
            return false;
        }
        int64_t until_ms = net_now_ms(loop) + PAUSE_MS;
        while (net_now_ms(loop) < until_ms) {
            net_loop_step(loop, until_ms - net_now_ms(loop));
        }
    }
    return true;
}

static enum cli_exit tell(const struct probe *p, bool ready)
{
    struct buf out = {0};
    if (p->cli->format == TABLE_JSON) {
        json_t *root = json_object();
        json_object_set_new(root, "ready", json_boolean(ready));
        json_object_set_new(root, "reason", ready ? json_null() : json_string(p->why));
        table_print_json(root, &out);
    } else if (p->cli->format == TABLE_TSV) {
        buf_printf(&out, "ready\treason\n%s\t", ready ? "true" : "false");
        table_put_escaped(&out, slice_str(ready ? "" : p->why));
        buf_put_str(&out, "\n");
    } else if (ready) {
        buf_put_str(&out, "ready\n");
    }
    enum cli_exit code = cli_print(&out);
    return ready ? code : cli_fail(p->cli, "%s", p->why);
}

static enum cli_exit run_ready(struct cli *cli)
{
    struct probe probe = {.cli = cli, .brokers = 1, .broker = -1};
    const struct args_range counts = {1, 100000};
    const struct args_range ids = {0, INT32_MAX};
    if (!cli_number(cli, "brokers", counts, &probe.brokers) ||
        !cli_number(cli, "broker", ids, &probe.broker)) {
        return cli_refuse(cli);
    }
    enum cli_exit code;
    probe.client = client_open(cli, &code);
    if (probe.client != NULL) {
        code = tell(&probe, wait_until_ready(&probe));
        client_close(probe.client);
    }
    return code;
}

static const struct args_option options[] = {
    {"brokers", "N", "so many brokers must serve; default: 1"},
    {"broker", "ID", "this one must serve"},
    {"topic", "NAME", "every partition of it must have a leader; may be repeated"},
    {"in-sync", NULL, "every replica must be in sync, of these topics or of all"},
    {0}};

const struct cli_verb cli_ready = {
    .noun = "ready",
    .words = "",
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS | CLI_USES_FORMAT,
    .about = "Waits until a cluster is ready; exit code 0, or 1 when the time is up",
    .more = "Ready: brokers serve (are not fenced), a controller leads and a majority of the "
            "controllers is\nwith it. With --bootstrap-controller only the latter. A probe that "
            "must not wait gives\n--timeout 1.",
    .examples = "craft ready --brokers 3 --timeout 60 --bootstrap-server 127.0.0.1:9092\n"
                "craft ready --topic clicks --in-sync --bootstrap-server 127.0.0.1:9092\n"
                "craft ready --timeout 1 --bootstrap-controller 127.0.0.1:10092",
    .options = options,
    .run = run_ready,
};
