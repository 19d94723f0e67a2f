/* craft broker: the brokers of a cluster, and whether they are well. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/nodes.h"
#include "cli/times.h"
#include "metadata/metadata.h"

/* Values of DescribeBrokers' field State. */
enum { STATE_FENCED = 0, STATE_SERVING = 1, STATE_SHUTTING_DOWN = 2 };

/* A broker says every two seconds what it has applied. One that has lacked something for longer
 * than this acts on old metadata. */
enum { BEHIND_MS_MAX = 10000 };

/* What is known of a broker: from its own kind, and from the active controller. */
struct view {
    int32_t id;
    struct slice host;
    int32_t port;
    struct slice rack;
    bool fenced;
    const struct wire_describe_brokers_response_brokers *health; /* NULL: not told */
};

struct brokers {
    struct client *client;
    struct view *items;
    int32_t count;
    int64_t metadata_offset; /* of the active controller; -1: not told */
};

/* ---- asking ---- */

static enum err describe_cluster(struct brokers *list, struct arena *arena)
{
    const struct wire_describe_cluster_response *response;
    TRY(nodes_ask(list->client, CLIENT_ANY, NODES_BROKERS_AND_FENCED, &response));
    list->count = (int32_t)max_i64(response->brokers_count, 0);
    list->items = ARENA_ARRAY(arena, (size_t)list->count, struct view);
    for (int32_t i = 0; i < list->count; i++) {
        const struct wire_describe_cluster_response_brokers *broker = &response->brokers[i];
        list->items[i] = (struct view){.id = broker->broker_id,
                                       .host = broker->host,
                                       .port = broker->port,
                                       .rack = broker->rack,
                                       .fenced = broker->is_fenced};
    }
    return ERR_NONE;
}

/* Servers before DescribeCluster version 2 (Kafka 4.0) tell only of brokers that are not fenced. */
static enum err describe_by_metadata(struct brokers *list, struct arena *arena)
{
    struct wire_metadata_request request;
    wire_init(&wire_msg_metadata_request, &request);
    request.allow_auto_topic_creation = false;
    const void *answer;
    TRY(client_call(list->client,
                    &(struct client_call){CLIENT_ANY, WIRE_API_METADATA, 12, &request, 0},
                    &answer));
    const struct wire_metadata_response *response = answer;
    list->count = (int32_t)max_i64(response->brokers_count, 0);
    list->items = ARENA_ARRAY(arena, (size_t)list->count, struct view);
    for (int32_t i = 0; i < list->count; i++) {
        const struct wire_metadata_response_brokers *broker = &response->brokers[i];
        list->items[i] = (struct view){.id = broker->node_id,
                                       .host = broker->host,
                                       .port = broker->port,
                                       .rack = broker->rack};
    }
    return ERR_NONE;
}

static enum err ask_health(struct client *client, const struct wire_describe_brokers_response **out)
{
    struct wire_describe_brokers_request request;
    wire_init(&wire_msg_describe_brokers_request, &request);
    struct client_call call = {CLIENT_ANY, WIRE_API_DESCRIBE_BROKERS, 0, &request, 0};
    const void *answer;
    if (client_asks_controllers(client)) {
        TRY(nodes_find_active(client, &call.node));
        TRY(client_call_once(client, &call, &answer));
    } else {
        TRY(client_call(client, &call, &answer)); /* a broker asks the controller */
    }
    *out = answer;
    return (enum err)(*out)->error_code;
}

static enum err ask_health_until(struct client *client,
                                 const struct wire_describe_brokers_response **out)
{
    enum err e;
    do {
        e = ask_health(client, out);
        if (e != ERR_NONE && e != ERR_UNSUPPORTED_VERSION) {
            client_turn(client);
        }
    } while (client_retry(client, e));
    return e;
}

/* Only controllers were named: all is from the active one. */
static void take_registrations(struct brokers *list,
                               const struct wire_describe_brokers_response *response,
                               struct arena *arena)
{
    list->count = (int32_t)max_i64(response->brokers_count, 0);
    list->items = ARENA_ARRAY(arena, (size_t)list->count, struct view);
    for (int32_t i = 0; i < list->count; i++) {
        const struct wire_describe_brokers_response_brokers *broker = &response->brokers[i];
        struct view *view = &list->items[i];
        *view = (struct view){
            .id = broker->broker_id, .rack = broker->rack, .fenced = broker->state == STATE_FENCED};
        if (broker->endpoints_count > 0) {
            view->host = broker->endpoints[0].host;
            view->port = broker->endpoints[0].port;
        }
    }
}

static void add_health(struct brokers *list, const struct wire_describe_brokers_response *response)
{
    list->metadata_offset = response->metadata_offset;
    for (int32_t i = 0; i < list->count; i++) {
        for (int32_t k = 0; k < response->brokers_count; k++) {
            if (response->brokers[k].broker_id == list->items[i].id) {
                list->items[i].health = &response->brokers[k];
                list->items[i].fenced = response->brokers[k].state == STATE_FENCED;
            }
        }
    }
}

static enum err ask(struct brokers *list, struct arena *arena)
{
    const struct wire_describe_brokers_response *health = NULL;
    enum err e = ERR_NONE;
    if (!client_asks_controllers(list->client)) {
        e = describe_cluster(list, arena);
        if (e == ERR_UNSUPPORTED_VERSION) {
            e = describe_by_metadata(list, arena);
        }
        if (e != ERR_NONE) {
            return e;
        }
    }
    e = ask_health_until(list->client, &health);
    if (e == ERR_UNSUPPORTED_VERSION && !client_asks_controllers(list->client)) {
        return ERR_NONE; /* Apache Kafka does not tell */
    }
    if (e == ERR_NONE) {
        if (client_asks_controllers(list->client)) {
            take_registrations(list, health, arena);
        }
        add_health(list, health);
    }
    return e;
}

/* ---- printing ---- */

static const struct table_column columns[] = {
    {"ID", "id", TABLE_NUMBER},
    {"HOST", "host", TABLE_TEXT},
    {"PORT", "port", TABLE_NUMBER},
    {"RACK", "rack", TABLE_TEXT},
    {"FENCED", "fenced", TABLE_BOOL},
    {"STATE", "state", TABLE_TEXT},
    {"SINCE", "since", TABLE_TEXT},
    {"LAG", "metadataLag", TABLE_NUMBER},
    {"BEHIND MS", "behindMs", TABLE_NUMBER},
    {"HEARTBEAT MS", "heartbeatAgeMs", TABLE_NUMBER},
    {"WHY", "why", TABLE_TEXT},
};

static const char *state_name(const struct view *view)
{
    if (view->health != NULL && view->health->state == STATE_SHUTTING_DOWN) {
        return "shutting down";
    }
    return view->fenced ? "fenced" : "serving";
}

static struct slice why_of(const struct view *view, struct arena *arena)
{
    struct metadata_cause cause;
    struct buf text = {0};
    struct slice copy = SLICE_NULL;
    if (view->health != NULL && !slice_is_null(view->health->cause) &&
        metadata_cause_decode(view->health->cause, arena, &cause) == ERR_NONE) {
        metadata_cause_print(&cause, &text);
        copy = arena_dup(arena, buf_slice(&text));
    }
    buf_fini(&text);
    return copy;
}

static void number_or_null(struct table *t, int64_t number)
{
    if (number < 0) {
        table_null(t);
    } else {
        table_number(t, number);
    }
}

static int64_t lag_of(const struct brokers *list, const struct view *view)
{
    if (view->health == NULL || view->health->metadata_offset < 0) {
        return -1;
    }
    return max_i64(list->metadata_offset - view->health->metadata_offset, 0);
}

static bool is_serving(const struct view *view)
{
    return !view->fenced && (view->health == NULL || view->health->state == STATE_SERVING);
}

/* People are told why only of those that do not serve. */
static void add_row(struct table *t, const struct brokers *list, const struct view *view,
                    bool for_people)
{
    table_number(t, view->id);
    table_text(t, view->host);
    table_number(t, view->port);
    table_text(t, view->rack);
    table_bool(t, view->fenced);
    table_text(t, slice_str(state_name(view)));
    if (view->health == NULL || view->health->since_ms < 0) {
        table_null(t);
    } else {
        char since[TIMES_DATE_BYTES];
        times_put_date(view->health->since_ms, since);
        table_text(t, slice_str(since));
    }
    number_or_null(t, lag_of(list, view));
    number_or_null(t, view->health == NULL ? -1 : view->health->behind_ms);
    number_or_null(t, view->health == NULL ? -1 : view->health->heartbeat_age_ms);
    table_text(t, for_people && is_serving(view) ? SLICE_NULL : why_of(view, &t->arena));
}

static enum cli_exit print(const struct brokers *list, enum table_format format)
{
    struct table t;
    struct buf out = {0};
    table_init(&t, columns, ARRAY_LEN(columns));
    for (int32_t i = 0; i < list->count; i++) {
        add_row(&t, list, &list->items[i], format == TABLE_FOR_PEOPLE);
    }
    table_sort(&t);
    table_print(&t, format, &out);
    table_fini(&t);
    return cli_print(&out);
}

/* What is wrong, one sentence a broker. */
static bool is_well(struct cli *cli, const struct view *view)
{
    const struct wire_describe_brokers_response_brokers *health = view->health;
    if (!is_serving(view)) {
        struct slice why = why_of(view, &cli->arena);
        cli_complain(cli, "broker %" PRId32 " is %s%s%.*s", view->id, state_name(view),
                     slice_is_null(why) ? "" : ": ", slice_is_null(why) ? 0 : (int)why.len,
                     slice_is_null(why) ? "" : (const char *)why.data);
        return false;
    }
    if (health != NULL && health->behind_ms > BEHIND_MS_MAX) {
        cli_complain(cli, "broker %" PRId32 " is behind in the metadata for %" PRId64 " ms",
                     view->id, health->behind_ms);
        return false;
    }
    return true;
}

static enum cli_exit run_list(struct cli *cli)
{
    enum cli_exit code;
    struct brokers list = {.metadata_offset = -1};
    list.client = client_open(cli, &code);
    if (list.client == NULL) {
        return code;
    }
    enum err e = ask(&list, &cli->arena);
    if (list.count > 0 || e == ERR_NONE) {
        code = print(&list, cli->format);
    }
    if (e != ERR_NONE) {
        code = client_fail(cli, list.client, e);
    }
    for (int32_t i = 0; i < list.count; i++) {
        code = is_well(cli, &list.items[i]) ? code : CLI_FAILED;
    }
    client_close(list.client);
    return code;
}

const struct cli_verb cli_broker_list = {
    .noun = "broker",
    .name = "list",
    .words = "",
    .uses = CLI_USES_CLUSTER | CLI_USES_CONTROLLERS | CLI_USES_FORMAT,
    .about = "Lists the brokers: who serves, who does not, since when and why",
    .more = "The active controller says it, after it has made sure that nobody else is active.\n"
            "LAG is how many records of the metadata log a broker has not applied, BEHIND MS how\n"
            "long ago it last had all. The exit code is 1 when a broker is fenced, shuts down, or\n"
            "has been behind for 10 s.",
    .examples = "craft broker list --bootstrap-server 127.0.0.1:9092\n"
                "craft broker list --bootstrap-controller 127.0.0.1:10092 --format json",
    .run = run_list,
};
