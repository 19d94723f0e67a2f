/* A change of the voters from the request to the answer, on the leader. */
#include "raft/node/change.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "raft/node/private.h"

enum { WHY_MAX = 512, TIMEOUT_MAX_MS = 10 * 60 * 1000 };

struct node_change_op {
    struct node *node;
    struct node_change_call call;
    struct raft_change change;
    struct wire_voters_record_voters entry; /* ADD, UPDATE: what the record will say */
    struct node_probe *probe;
    struct net_timer timer;
    bool appended;
    int32_t epoch;  /* of the record, once appended */
    int64_t offset; /* likewise */
};

bool node_changes(int16_t api_key)
{
    return api_key == WIRE_API_ADD_RAFT_VOTER || api_key == WIRE_API_REMOVE_RAFT_VOTER ||
           api_key == WIRE_API_UPDATE_RAFT_VOTER;
}

int16_t node_kraft_version(const struct node *node)
{
    int64_t offset;
    return raft_voters_offset(node->raft, &offset) ? NODE_KRAFT_VERSION_MAX : 0;
}

const struct wire_voters_record_voters *node_change_entry(const struct node *node,
                                                          struct raft_key key)
{
    const struct node_change_op *op = node->change;
    bool has = op != NULL && op->change.kind != RAFT_CHANGE_REMOVE &&
               raft_key_matches(op->change.voter, key);
    return has ? &op->entry : NULL;
}

/* ---- answers ---- */

static void *make_response(const struct node *node, const struct node_change_call *call, enum err e,
                           const char *why)
{
    void *response = wire_new(wire_response(call->api_key), call->arena);
    struct slice message =
        why == NULL ? SLICE_NULL : slice_str(arena_str(call->arena, slice_str(why)));
    int16_t code = err_wire(e);
    if (call->api_key == WIRE_API_ADD_RAFT_VOTER) {
        struct wire_add_raft_voter_response *add = response;
        add->error_code = code;
        add->error_message = message;
    } else if (call->api_key == WIRE_API_REMOVE_RAFT_VOTER) {
        struct wire_remove_raft_voter_response *remove = response;
        remove->error_code = code;
        remove->error_message = message;
    } else {
        struct wire_update_raft_voter_response *update = response;
        const struct node_address *address =
            node_address_find(&node->addresses, raft_leader(node->raft));
        update->error_code = code;
        update->current_leader.leader_id = raft_leader(node->raft);
        update->current_leader.leader_epoch = raft_epoch(node->raft);
        if (address != NULL) {
            update->current_leader.host =
                slice_str(arena_str(call->arena, slice_str(address->host)));
            update->current_leader.port = address->port;
        }
    }
    return response;
}

static const char *verb_of(int16_t api_key)
{
    switch (api_key) {
    case WIRE_API_ADD_RAFT_VOTER:
        return "added";
    case WIRE_API_REMOVE_RAFT_VOTER:
        return "removed";
    default:
        return "updated";
    }
}

/* Ends the operation. `fmt` NULL: done. */
static void finish(struct node_change_op *op, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void finish(struct node_change_op *op, enum err e, const char *fmt, ...)
{
    struct node *node = op->node;
    char text[WHY_MAX];
    const char *why = NULL;
    if (fmt != NULL) {
        int n =
            snprintf(text, sizeof text, "voter %d (directory %s) is not %s: ", op->change.voter.id,
                     uuid_text(op->change.voter.directory_id).text, verb_of(op->call.api_key));
        va_list args;
        va_start(args, fmt);
        vsnprintf(text + n, sizeof text - (size_t)n, fmt, args);
        va_end(args);
        why = text;
    }
    log_info(node->options.log, "raft", why == NULL ? "voters changed" : "voters do not change",
             "node=%d voter=%d error=%s reason=\"%s\"", node->options.node_id, op->change.voter.id,
             err_name(e), why == NULL ? "" : why);
    if (node->change == op) {
        node->change = NULL;
    }
    node_probe_cancel(op->probe);
    net_timer_stop(&op->timer);
    struct node_change_call call = op->call;
    mem_free(op);
    call.reply(call.arg, make_response(node, &call, e, why), e);
}

/* ---- the last step: append, commit ---- */

static void tell_owner(const struct node_change_op *op)
{
    static const char *const verbs[] = {[RAFT_CHANGE_ADD] = "adds",
                                        [RAFT_CHANGE_REMOVE] = "removes",
                                        [RAFT_CHANGE_UPDATE] = "updates"};
    char what[128];
    snprintf(what, sizeof what, "%s voter %d (directory %s)", verbs[op->change.kind],
             op->change.voter.id, uuid_text(op->change.voter.directory_id).text);
    if (op->call.accepted != NULL) {
        op->call.accepted(op->call.arg, what);
    }
}

static void append(struct node_change_op *op)
{
    struct node *node = op->node;
    const char *why;
    enum err e = raft_check_change(node->raft, &op->change, net_now_ms(node->options.loop), &why);
    if (e != ERR_NONE) {
        finish(op, e, "%s", why);
        return;
    }
    tell_owner(op);
    struct raft_event event = {.type = RAFT_EVENT_CHANGE, .u.change = op->change};
    node->verdict = ERR_NOT_LEADER_OR_FOLLOWER; /* if there is no step any more */
    node->verdict_why = "this controller is stopping";
    node_step(node, &event, SLICE_NULL);
    if (node->verdict != ERR_NONE) {
        finish(op, node->verdict, "%s", node->verdict_why);
        return;
    }
    if (op->change.kind == RAFT_CHANGE_UPDATE) {
        finish(op, ERR_NONE, NULL); /* who asks must be able to fetch, not wait for the commit */
        return;
    }
    op->appended = true;
    node_notify(node);
}

void node_change_appended(struct node *node, int64_t offset, int32_t epoch)
{
    ASSERT(node->change != NULL);
    node->change->offset = offset;
    node->change->epoch = epoch;
}

void node_change_tell(struct node *node)
{
    struct node_change_op *op = node->change;
    if (op == NULL || !op->appended) {
        return;
    }
    const struct node_view *view = &node->view;
    if (view->epoch == op->epoch && view->high_watermark > op->offset) {
        finish(op, ERR_NONE, NULL);
    } else if (view->epoch != op->epoch || view->role != RAFT_ROLE_LEADER || node->broken) {
        finish(op, ERR_NOT_LEADER_OR_FOLLOWER,
               "this controller has lost the lead before the change was committed; whether it will "
               "be, the next leader knows");
    }
}

static void on_timeout(void *arg)
{
    struct node_change_op *op = arg;
    finish(op, ERR_REQUEST_TIMED_OUT,
           op->appended ? "no majority of the new voters has committed it in time; it may still be"
                        : "it has not answered in time");
}

/* ---- ADD, UPDATE: the voter is called ---- */

static void on_probed(void *arg, enum err e, const struct node_probe_result *result)
{
    struct node_change_op *op = arg;
    op->probe = NULL;
    if (e != ERR_NONE) {
        finish(op, e, "%s", result->why);
        return;
    }
    if (op->change.kind == RAFT_CHANGE_ADD) {
        op->entry.kraft_version_feature.min_supported_version = result->kraft_version_min;
        op->entry.kraft_version_feature.max_supported_version = result->kraft_version_max;
    }
    append(op);
}

static void begin_probe(struct node_change_op *op)
{
    const struct wire_voters_record_voters_endpoints *at =
        node_voters_listener(&op->entry, op->node->options.listener_name);
    if (at == NULL) {
        finish(op, ERR_INVALID_REQUEST, "it has no address for the listener %s of the controllers",
               op->node->options.listener_name);
        return;
    }
    op->probe = node_probe_start(op->node, op->change.voter, at, on_probed, op);
}

/* ---- requests ---- */

static bool same_entry(const struct wire_voters_record_voters *a,
                       const struct wire_voters_record_voters *b)
{
    bool same = a->endpoints_count == b->endpoints_count &&
                a->kraft_version_feature.min_supported_version ==
                    b->kraft_version_feature.min_supported_version &&
                a->kraft_version_feature.max_supported_version ==
                    b->kraft_version_feature.max_supported_version;
    for (int i = 0; i < a->endpoints_count && same; i++) {
        same = slice_eq(a->endpoints[i].name, b->endpoints[i].name) &&
               slice_eq(a->endpoints[i].host, b->endpoints[i].host) &&
               a->endpoints[i].port == b->endpoints[i].port;
    }
    return same;
}

bool node_change_is_news(const struct node *node, const struct wire_voters_record_voters *entry)
{
    struct arena arena = {0};
    const struct wire_voters_record *record = node_voters_newest(&node->voter_records, &arena);
    struct raft_key key = {entry->voter_id, entry->voter_directory_id};
    const struct wire_voters_record_voters *known = node_voters_entry(record, key);
    bool news = known != NULL && !same_entry(known, entry);
    arena_fini(&arena);
    return news;
}

/* The request does not say everything that the record will. */
static int64_t read_add(struct node_change_op *op)
{
    const struct wire_add_raft_voter_request *wire = op->call.body;
    struct raft_key key = {wire->voter_id, wire->voter_directory_id};
    op->change = (struct raft_change){RAFT_CHANGE_ADD, key};
    op->entry = (struct wire_voters_record_voters){.voter_id = key.id,
                                                   .voter_directory_id = key.directory_id};
    op->entry.endpoints_count = (int32_t)max_i64(wire->listeners_count, 0);
    op->entry.endpoints = wire_new_array(&wire_msg_voters_record_voters_endpoints, op->call.arena,
                                         op->entry.endpoints_count);
    for (int i = 0; i < op->entry.endpoints_count; i++) {
        op->entry.endpoints[i] = (struct wire_voters_record_voters_endpoints){
            wire->listeners[i].name, wire->listeners[i].host, wire->listeners[i].port};
    }
    return wire->timeout_ms;
}

static struct wire_voters_record_voters update_entry(const struct node_change_call *call)
{
    const struct wire_update_raft_voter_request *wire = call->body;
    struct wire_voters_record_voters entry = {
        .voter_id = wire->voter_id,
        .voter_directory_id = wire->voter_directory_id,
        .kraft_version_feature = {wire->kraft_version_feature.min_supported_version,
                                  wire->kraft_version_feature.max_supported_version},
    };
    entry.endpoints_count = (int32_t)max_i64(wire->listeners_count, 0);
    entry.endpoints = wire_new_array(&wire_msg_voters_record_voters_endpoints, call->arena,
                                     entry.endpoints_count);
    for (int i = 0; i < entry.endpoints_count; i++) {
        entry.endpoints[i] = (struct wire_voters_record_voters_endpoints){
            wire->listeners[i].name, wire->listeners[i].host, wire->listeners[i].port};
    }
    return entry;
}

static int64_t read_update(struct node_change_op *op)
{
    op->entry = update_entry(&op->call);
    op->change = (struct raft_change){RAFT_CHANGE_UPDATE,
                                      {op->entry.voter_id, op->entry.voter_directory_id}};
    return op->node->options.timers.request_timeout_ms;
}

static int64_t read_remove(struct node_change_op *op)
{
    const struct wire_remove_raft_voter_request *wire = op->call.body;
    op->change =
        (struct raft_change){RAFT_CHANGE_REMOVE, {wire->voter_id, wire->voter_directory_id}};
    return op->node->options.timers.request_timeout_ms;
}

static struct slice cluster_of(const struct node_change_call *call)
{
    switch (call->api_key) {
    case WIRE_API_ADD_RAFT_VOTER:
        return ((const struct wire_add_raft_voter_request *)call->body)->cluster_id;
    case WIRE_API_REMOVE_RAFT_VOTER:
        return ((const struct wire_remove_raft_voter_request *)call->body)->cluster_id;
    default:
        return ((const struct wire_update_raft_voter_request *)call->body)->cluster_id;
    }
}

/* UpdateRaftVoter comes from a voter that believes in an epoch. */
static enum err check_epoch(const struct node *node, const struct node_change_call *call)
{
    if (call->api_key != WIRE_API_UPDATE_RAFT_VOTER) {
        return ERR_NONE;
    }
    const struct wire_update_raft_voter_request *wire = call->body;
    int32_t epoch = raft_epoch(node->raft);
    if (wire->current_leader_epoch != epoch) {
        return wire->current_leader_epoch < epoch ? ERR_FENCED_LEADER_EPOCH
                                                  : ERR_UNKNOWN_LEADER_EPOCH;
    }
    const struct wire_update_raft_voter_request_kraft_version_feature *range =
        &wire->kraft_version_feature;
    int16_t version = node_kraft_version(node);
    bool fits = range->min_supported_version <= version && range->max_supported_version >= version;
    return fits ? ERR_NONE : ERR_INVALID_REQUEST;
}

static enum err check_request(const struct node *node, const struct node_change_call *call,
                              const char **why)
{
    struct slice cluster_id = cluster_of(call);
    if (!slice_is_null(cluster_id) && !slice_eq_str(cluster_id, node->options.cluster_id)) {
        *why = "the request is for another cluster";
        return ERR_INCONSISTENT_CLUSTER_ID;
    }
    if (!node->started || node->broken) {
        *why = "this controller is starting or stopping";
        return ERR_BROKER_NOT_AVAILABLE;
    }
    if (raft_role(node->raft) != RAFT_ROLE_LEADER) {
        *why = "this controller does not lead the quorum";
        return ERR_NOT_LEADER_OR_FOLLOWER;
    }
    *why = "the epoch or the range of kraft.version does not fit";
    return check_epoch(node, call);
}

static void begin(struct node_change_op *op, int64_t timeout_ms)
{
    struct node *node = op->node;
    const char *why;
    enum err e = raft_check_change(node->raft, &op->change, net_now_ms(node->options.loop), &why);
    if (e != ERR_NONE) {
        finish(op, e, "%s", why);
        return;
    }
    if (op->change.kind == RAFT_CHANGE_UPDATE && !node_change_is_news(node, &op->entry)) {
        finish(op, ERR_NONE, NULL);
        return;
    }
    node->change = op;
    net_timer_set(&op->timer, max_i64(1, min_i64(timeout_ms, TIMEOUT_MAX_MS)));
    if (op->change.kind == RAFT_CHANGE_REMOVE) {
        append(op);
    } else {
        begin_probe(op);
    }
}

void node_change(struct node *node, const struct node_change_call *call)
{
    ASSERT(node_changes(call->api_key));
    const char *why;
    enum err e = check_request(node, call, &why);
    if (e != ERR_NONE) {
        call->reply(call->arg, make_response(node, call, e, why), e);
        return;
    }
    if (call->api_key == WIRE_API_UPDATE_RAFT_VOTER && node_kraft_version(node) == 0) {
        struct wire_voters_record_voters entry = update_entry(call);
        e = node_report_take(node, &entry);
        call->reply(call->arg, make_response(node, call, e, NULL), e);
        return;
    }
    struct node_change_op *op = MEM_NEW(struct node_change_op);
    op->node = node;
    op->call = *call;
    net_timer_init(&op->timer, node->options.loop, on_timeout, op);
    int64_t timeout_ms = call->api_key == WIRE_API_ADD_RAFT_VOTER      ? read_add(op)
                         : call->api_key == WIRE_API_REMOVE_RAFT_VOTER ? read_remove(op)
                                                                       : read_update(op);
    if (node->change != NULL) {
        finish(op, ERR_REQUEST_TIMED_OUT,
               "another change of the voters is under way, of voter %d; try again",
               node->change->change.voter.id);
        return;
    }
    begin(op, timeout_ms);
}

void node_change_fini(struct node *node)
{
    if (node->change != NULL) {
        finish(node->change, ERR_BROKER_NOT_AVAILABLE, "this controller is stopping");
    }
}
