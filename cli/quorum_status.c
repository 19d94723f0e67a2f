/* craft quorum status: the controllers that keep the metadata of a cluster, and whether they are
 * well. */
#include <stdio.h>

#include "cli/quorum.h"

/* A voter that works fetches twice a second at least. */
enum { SILENCE_DEFAULT_MS = 5000 };

struct view {
    struct cli *cli;
    const struct quorum *quorum;
    int64_t now_ms;
    int64_t patience_ms;
    struct json_t *problems; /* sentences */
};

/* ---- is it well? ---- */

static bool is_late(const struct view *view, int64_t time_ms)
{
    return time_ms < 0 || view->now_ms - time_ms > view->patience_ms;
}

static const char *ago(const struct view *view, int64_t time_ms)
{
    if (time_ms < 0) {
        return "never";
    }
    double seconds = (double)max_i64(view->now_ms - time_ms, 0) / 1000.0;
    return arena_printf(&view->cli->arena, "%.1f s ago", seconds);
}

static void add_problem(struct view *view, const char *text)
{
    json_array_append_new(view->problems, json_string(text));
}

static const char *state_of(const struct view *view, const struct quorum_replica *voter)
{
    if (voter->id == view->quorum->leader_id) {
        return "leader";
    }
    return is_late(view, voter->last_fetch_ms)       ? "silent"
           : is_late(view, voter->last_caught_up_ms) ? "lagging"
                                                     : "follower";
}

static int64_t lag_of(const struct quorum *quorum, const struct quorum_replica *replica)
{
    return replica->log_end_offset < 0 ? -1
                                       : max_i64(quorum->leader_end - replica->log_end_offset, 0);
}

static void examine(struct view *view, const struct quorum_replica *voter)
{
    struct arena *arena = &view->cli->arena;
    const char *state = state_of(view, voter);
    if (strcmp(state, "silent") == 0) {
        add_problem(view, arena_printf(arena, "voter %" PRId32 " is silent, it last fetched: %s",
                                       voter->id, ago(view, voter->last_fetch_ms)));
    } else if (strcmp(state, "lagging") == 0) {
        add_problem(view, arena_printf(arena,
                                       "voter %" PRId32 " lags %" PRId64
                                       " records behind, it last had them all: %s",
                                       voter->id, lag_of(view->quorum, voter),
                                       ago(view, voter->last_caught_up_ms)));
    }
    const struct quorum_replica *other =
        uuid_is_zero(voter->directory_id)
            ? NULL
            : quorum_observer(view->quorum, voter->id, voter->directory_id);
    if (other != NULL && !is_late(view, other->last_fetch_ms)) {
        add_problem(view, arena_printf(arena,
                                       "controller %" PRId32 " runs on another disk (directory %s) "
                                       "and is no voter: craft quorum replace %" PRId32,
                                       voter->id, uuid_text(other->directory_id).text, voter->id));
    }
}

/* ---- printing ---- */

static const struct table_column columns[] = {
    {"ID", "id", TABLE_NUMBER},
    {"STATUS", "status", TABLE_TEXT},
    {"LOG END", "logEndOffset", TABLE_NUMBER},
    {"LAG", "lag", TABLE_NUMBER},
    {"LAST FETCH", "lastFetchTimestamp", TABLE_NUMBER},
    {"LAST CAUGHT UP", "lastCaughtUpTimestamp", TABLE_NUMBER},
    {"DIRECTORY", "directoryId", TABLE_TEXT},
    {"ADDRESS", "address", TABLE_TEXT},
};

/* People read how long ago it was. */
static const struct table_column columns_for_people[] = {
    {"ID", "", TABLE_NUMBER},      {"STATUS", "", TABLE_TEXT},  {"LOG END", "", TABLE_NUMBER},
    {"LAG", "", TABLE_NUMBER},     {"FETCHED", "", TABLE_TEXT}, {"CAUGHT UP", "", TABLE_TEXT},
    {"DIRECTORY", "", TABLE_TEXT}, {"ADDRESS", "", TABLE_TEXT},
};

static struct slice address_of(const struct quorum_replica *replica, struct arena *arena)
{
    if (slice_is_null(replica->host)) {
        return SLICE_NULL;
    }
    bool is_v6 = memchr(replica->host.data, ':', replica->host.len) != NULL;
    return slice_str(arena_printf(arena, "%s%.*s%s:%" PRId32, is_v6 ? "[" : "",
                                  SLICE_ARG(replica->host), is_v6 ? "]" : "", replica->port));
}

static void put_time(struct table *t, const struct view *view, int64_t time_ms)
{
    if (view->cli->format != TABLE_FOR_PEOPLE) {
        table_number(t, time_ms);
    } else if (time_ms < 0) {
        table_null(t);
    } else {
        table_text(t, slice_str(ago(view, time_ms)));
    }
}

static void add_replica(struct table *t, const struct view *view,
                        const struct quorum_replica *replica, const char *status)
{
    int64_t lag = lag_of(view->quorum, replica);
    table_number(t, replica->id);
    table_text(t, slice_str(status));
    table_number(t, replica->log_end_offset);
    if (lag < 0) {
        table_null(t);
    } else {
        table_number(t, lag);
    }
    put_time(t, view, replica->last_fetch_ms);
    put_time(t, view, replica->last_caught_up_ms);
    table_text(t, uuid_is_zero(replica->directory_id)
                      ? SLICE_NULL
                      : slice_str(uuid_text(replica->directory_id).text));
    table_text(t, address_of(replica, &t->arena));
}

static void begin_table(struct table *t, const struct view *view)
{
    table_init(t, view->cli->format == TABLE_FOR_PEOPLE ? columns_for_people : columns,
               ARRAY_LEN(columns));
}

static void add_voters(struct table *t, const struct view *view)
{
    for (int i = 0; i < view->quorum->voter_count; i++) {
        const struct quorum_replica *voter = &view->quorum->voters[i];
        add_replica(t, view, voter, state_of(view, voter));
    }
}

static void add_observers(struct table *t, const struct view *view)
{
    for (int i = 0; i < view->quorum->observer_count; i++) {
        add_replica(t, view, &view->quorum->observers[i], "observer");
    }
}

static json_t *rows_json(const struct view *view, void (*add)(struct table *, const struct view *))
{
    struct table t;
    begin_table(&t, view);
    add(&t, view);
    json_t *json = table_json(&t);
    table_fini(&t);
    return json;
}

static void print_json(const struct view *view, struct buf *out)
{
    const struct quorum *quorum = view->quorum;
    json_t *root = json_object();
    json_object_set_new(root, "clusterId", table_json_text(quorum->cluster_id));
    json_object_set_new(root, "leaderId", json_integer(quorum->leader_id));
    json_object_set_new(root, "leaderEpoch", json_integer(quorum->epoch));
    json_object_set_new(root, "highWatermark", json_integer(quorum->high_watermark));
    json_object_set_new(root, "healthy", json_boolean(json_array_size(view->problems) == 0));
    json_object_set(root, "problems", view->problems);
    json_object_set_new(root, "voters", rows_json(view, add_voters));
    json_object_set_new(root, "observers", rows_json(view, add_observers));
    table_print_json(root, out);
}

static void print(const struct view *view, struct buf *out)
{
    const struct quorum *quorum = view->quorum;
    if (view->cli->format == TABLE_JSON) {
        print_json(view, out);
        return;
    }
    if (view->cli->format == TABLE_FOR_PEOPLE) {
        buf_printf(out,
                   "cluster %.*s, leader %" PRId32 ", epoch %" PRId32 ", high watermark %" PRId64
                   "\n\n",
                   SLICE_ARG(quorum->cluster_id), quorum->leader_id, quorum->epoch,
                   quorum->high_watermark);
    }
    struct table t;
    begin_table(&t, view);
    add_voters(&t, view);
    add_observers(&t, view);
    table_print(&t, view->cli->format, out);
    table_fini(&t);
}

/* ---- the command ---- */

static enum cli_exit show(struct cli *cli, const struct quorum *quorum, int64_t now_ms,
                          int64_t patience_ms)
{
    struct view view = {cli, quorum, now_ms, patience_ms, json_array()};
    struct buf out = {0};
    for (int i = 0; i < quorum->voter_count; i++) {
        examine(&view, &quorum->voters[i]);
    }
    print(&view, &out);
    enum cli_exit code = cli_print(&out);
    for (size_t i = 0; i < json_array_size(view.problems); i++) {
        code = cli_fail(cli, "%s", json_string_value(json_array_get(view.problems, i)));
    }
    json_decref(view.problems);
    return code;
}

static enum cli_exit run_status(struct cli *cli)
{
    int64_t patience_ms = SILENCE_DEFAULT_MS;
    if (!cli_number(cli, "max-lag-ms", (struct args_range){1, INT32_MAX}, &patience_ms)) {
        return cli_refuse(cli);
    }
    enum cli_exit code;
    struct client *client = client_open(cli, &code);
    if (client == NULL) {
        return code;
    }
    struct quorum quorum;
    enum err e = quorum_ask(client, &cli->arena, &quorum);
    code = e == ERR_NONE ? show(cli, &quorum, net_wall_ms(client_loop(client)), patience_ms)
                         : quorum_fail(cli, client, &quorum, e);
    client_close(client);
    return code;
}

static const struct args_option status_options[] = {
    {"max-lag-ms", "N",
     "a voter that has not had all records for this long is a problem;\ndefault: 5000"},
    {0}};

const struct cli_verb cli_quorum_status = {
    .noun = "quorum",
    .name = "status",
    .words = "",
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS | CLI_USES_FORMAT,
    .about = "Shows who leads the controllers, and how far the others are",
    .more = "Observers are the brokers, which follow the same log, and controllers that are no "
            "voters.\n\nExit code 1 if something is wrong: no leader, a voter that is silent or "
            "lags, or one whose\ndisk was replaced.",
    .examples = "craft quorum status --bootstrap-controller 127.0.0.1:10092\n"
                "craft quorum status --bootstrap-server 127.0.0.1:9092 --format json",
    .options = status_options,
    .run = run_status,
};
