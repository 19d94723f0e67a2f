/* Causes as text. */
#include "metadata/cause.h"

#include "metadata/quote.h"
#include "wire/wire.h"

/* What happened, for people; a %d is `node`. */
static const char *const event_texts[] = {
    [METADATA_EVENT_TAKEOVER] = "a controller became active",
    [METADATA_EVENT_IDLE] = "the log was idle",
    [METADATA_EVENT_SESSION_ENDED] = "broker %d: no heartbeat for a session",
    [METADATA_EVENT_CONNECTION_LOST] = "broker %d: its heartbeat connection closed",
    [METADATA_EVENT_LEADER_BALANCE] = "periodic election of preferred leaders",
    [METADATA_EVENT_LEADER_MISSING] = "periodic search for partitions without a leader",
    [METADATA_EVENT_CONTROLLER_START] = "controller %d started",
    [METADATA_EVENT_QUORUM_FORCED] = "controller %d was made the only voter by force",
    [METADATA_EVENT_BROKER_GONE] = "broker %d: its heartbeat connection closed and its address "
                                   "refuses new ones",
};

/* The same for programs. */
static const char *const event_names[] = {
    [METADATA_EVENT_REQUEST] = "request",
    [METADATA_EVENT_TAKEOVER] = "takeover",
    [METADATA_EVENT_IDLE] = "idle",
    [METADATA_EVENT_SESSION_ENDED] = "session-ended",
    [METADATA_EVENT_CONNECTION_LOST] = "connection-lost",
    [METADATA_EVENT_LEADER_BALANCE] = "leader-balance",
    [METADATA_EVENT_LEADER_MISSING] = "leader-missing",
    [METADATA_EVENT_CONTROLLER_START] = "controller-start",
    [METADATA_EVENT_QUORUM_FORCED] = "quorum-forced",
    [METADATA_EVENT_BROKER_GONE] = "broker-gone",
};

_Static_assert(ARRAY_LEN(event_texts) == ARRAY_LEN(event_names), "one of each for every event");

static const char *api_name(int16_t key)
{
    const struct wire_api_info *api = wire_api(key);
    return api == NULL ? NULL : api->name;
}

const char *metadata_event_name(enum metadata_event event)
{
    if (event == METADATA_EVENT_UNKNOWN) {
        return "unknown";
    }
    return event >= 0 && (size_t)event < ARRAY_LEN(event_names) ? event_names[event] : NULL;
}

bool metadata_event_parse(struct slice name, enum metadata_event *out)
{
    for (int i = METADATA_EVENT_UNKNOWN; i < (int)ARRAY_LEN(event_names); i++) {
        if (slice_eq_str(name, metadata_event_name((enum metadata_event)i))) {
            *out = (enum metadata_event)i;
            return true;
        }
    }
    return false;
}

struct metadata_cause metadata_cause_of(enum metadata_event event, int32_t node)
{
    return (struct metadata_cause){.event = event, .controller = -1, .node = node};
}

struct slice metadata_cause_text(struct slice text)
{
    return text.len == 0 ? SLICE_NULL
                         : slice_of(text.data, min_size(text.len, METADATA_CAUSE_TEXT_MAX));
}

struct metadata_cause metadata_cause_dup(const struct metadata_cause *cause, struct arena *arena)
{
    struct metadata_cause copy = *cause;
    struct slice *const texts[] = {&copy.client_id, &copy.via, &copy.principal, &copy.host,
                                   &copy.reason};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct slice text = metadata_cause_text(*texts[i]);
        *texts[i] = slice_is_null(text) ? text : arena_dup(arena, text);
    }
    return copy;
}

bool metadata_cause_equal(const struct metadata_cause *a, const struct metadata_cause *b)
{
    return a->event == b->event && a->controller == b->controller && a->node == b->node &&
           a->api_key == b->api_key && a->api_version == b->api_version &&
           a->correlation_id == b->correlation_id && slice_eq(a->client_id, b->client_id) &&
           slice_eq(a->via, b->via) && slice_eq(a->principal, b->principal) &&
           slice_eq(a->host, b->host) && slice_eq(a->reason, b->reason);
}

/* ---- a line ---- */

static void print_request(const struct metadata_cause *cause, struct buf *out)
{
    const char *api = api_name(cause->api_key);
    if (api != NULL) {
        buf_put_str(out, api);
    } else {
        buf_printf(out, "API %d", cause->api_key);
    }
    if (cause->node >= 0) {
        buf_printf(out, " of node %" PRId32, cause->node);
    }
    if (!slice_is_null(cause->host)) {
        buf_printf(out, " from %.*s", SLICE_ARG(cause->host));
    }
    buf_put_str(out, " (");
    if (!slice_is_null(cause->client_id)) {
        buf_put_str(out, "client ");
        metadata_quote(out, cause->client_id);
        buf_put_str(out, ", ");
    }
    if (slice_is_null(cause->principal)) {
        buf_put_str(out, "User:ANONYMOUS)");
    } else {
        buf_printf(out, "%.*s)", SLICE_ARG(cause->principal));
    }
    buf_printf(out, ", correlation %" PRId32, cause->correlation_id);
    if (!slice_is_null(cause->via)) {
        buf_printf(out, ", through %.*s", SLICE_ARG(cause->via));
    }
}

void metadata_cause_print(const struct metadata_cause *cause, struct buf *out)
{
    if (cause->event == METADATA_EVENT_REQUEST) {
        print_request(cause, out);
    } else if (cause->event == METADATA_EVENT_UNKNOWN) {
        buf_put_str(out, "not known");
    } else if (metadata_event_name(cause->event) == NULL) {
        /* A newer version wrote it. */
        buf_printf(out, "event %d, which this version does not know", (int)cause->event);
    } else {
        const char *text = event_texts[cause->event];
        const char *hole = strstr(text, "%d");
        if (hole == NULL) {
            buf_put_str(out, text);
        } else {
            buf_printf(out, "%.*s%" PRId32 "%s", (int)(hole - text), text, cause->node, hole + 2);
        }
    }
    if (!slice_is_null(cause->reason)) {
        buf_printf(out, ": %.*s", SLICE_ARG(cause->reason));
    }
}

/* ---- JSON ---- */

static void put_number(struct buf *out, const char *name, int64_t value)
{
    buf_printf(out, ",\"%s\":%" PRId64, name, value);
}

static void put_text(struct buf *out, const char *name, struct slice value)
{
    if (!slice_is_null(value)) {
        buf_printf(out, ",\"%s\":", name);
        metadata_quote(out, value);
    }
}

static void put_request(const struct metadata_cause *cause, struct buf *out)
{
    const char *api = api_name(cause->api_key);
    put_text(out, "api", slice_str(api));
    put_number(out, "apiKey", cause->api_key);
    put_number(out, "apiVersion", cause->api_version);
    put_number(out, "correlationId", cause->correlation_id);
    put_text(out, "clientId", cause->client_id);
    put_text(out, "host", cause->host);
    put_text(out, "principal",
             slice_is_null(cause->principal) ? slice_str("User:ANONYMOUS") : cause->principal);
    put_text(out, "through", cause->via);
}

void metadata_cause_print_json(const struct metadata_cause *cause, struct buf *out)
{
    const char *name = metadata_event_name(cause->event);
    if (name != NULL) {
        buf_printf(out, "{\"event\":\"%s\"", name);
    } else {
        buf_printf(out, "{\"event\":\"%d\"", (int)cause->event);
    }
    if (cause->event == METADATA_EVENT_REQUEST) {
        put_request(cause, out);
    }
    if (cause->node >= 0) {
        put_number(out, "node", cause->node);
    }
    if (cause->controller >= 0) {
        put_number(out, "controller", cause->controller);
    }
    put_text(out, "reason", cause->reason);
    buf_put_str(out, "}");
}
