/* What a controller does about its own place among the voters (KIP-853, KIP-1186): a voter whose
 * record says another address than it has tells the leader; a controller that is no voter asks to
 * become one, if it is set up so, after the voter that it was before it lost its disk is removed.
 */
#include "base/mem.h"
#include "raft/node/change.h"
#include "raft/node/private.h"

enum {
    RETRY_MS = 1000,
    LOOK_AGAIN_TIMEOUTS = 3, /* × fetch timeout, as in Kafka */
    ADD_TIMEOUT_MS = 30 * 1000,
};

enum wish { WISH_NOTHING, WISH_REPORT, WISH_UPDATE, WISH_LEAVE, WISH_JOIN };

struct node_own_entry {
    struct node *node;
    struct node_advertised *listeners; /* strings are the node's arena's */
    int count;
    struct net_timer timer;
    struct net_client *client; /* to the leader */
    struct net_call *call;
    enum wish asked; /* under way */
    int32_t asked_epoch;
    int32_t reported; /* the epoch whose leader knows of this static voter; 0: none */
    enum err told;    /* the last error that was logged */
};

/* ---- what to wish ---- */

static struct wire_voters_record_voters make_entry(const struct node_own_entry *own,
                                                   struct arena *arena)
{
    const struct node_options *options = &own->node->options;
    struct wire_voters_record_voters entry = {
        .voter_id = options->node_id,
        .voter_directory_id = options->directory_id,
        .endpoints = wire_new_array(&wire_msg_voters_record_voters_endpoints, arena, own->count),
        .endpoints_count = own->count,
        .kraft_version_feature.max_supported_version = NODE_KRAFT_VERSION_MAX,
    };
    for (int i = 0; i < own->count; i++) {
        entry.endpoints[i] = (struct wire_voters_record_voters_endpoints){
            slice_str(own->listeners[i].name), slice_str(own->listeners[i].host),
            own->listeners[i].port};
    }
    return entry;
}

bool node_own_entry(const struct node *node, struct wire_voters_record_voters *out,
                    struct arena *arena)
{
    if (node->own_entry == NULL) {
        return false;
    }
    *out = make_entry(node->own_entry, arena);
    return true;
}

/* A leader keeps in memory what static voters say of themselves, so each has to be told. */
static bool must_report(const struct node_own_entry *own)
{
    const struct node *node = own->node;
    return raft_is_voter(node->raft) && raft_leader(node->raft) != node->options.node_id &&
           own->reported != raft_epoch(node->raft);
}

/* `*former`: the directory under which this id is a voter, for WISH_LEAVE. */
static enum wish decide(const struct node_own_entry *own, struct uuid *former)
{
    const struct node *node = own->node;
    const struct node_options *options = &node->options;
    if (!options->is_controller || own->count == 0) {
        return WISH_NOTHING;
    }
    if (node_kraft_version(node) == 0) {
        return must_report(own) ? WISH_REPORT : WISH_NOTHING;
    }
    const struct raft_voter_set *voters = raft_voters(node->raft);
    int at = raft_voter_set_find(voters, (struct raft_key){options->node_id, UUID_ZERO});
    if (at < 0) {
        return options->auto_join ? WISH_JOIN : WISH_NOTHING;
    }
    *former = voters->voters[at].directory_id;
    if (!uuid_eq(*former, options->directory_id)) {
        return options->auto_join ? WISH_LEAVE : WISH_NOTHING;
    }
    struct arena arena = {0};
    struct wire_voters_record_voters entry = make_entry(own, &arena);
    bool news = node_change_is_news(node, &entry);
    arena_fini(&arena);
    return news ? WISH_UPDATE : WISH_NOTHING;
}

/* ---- answers ---- */

static void look_again(struct node_own_entry *own, int64_t delay_ms)
{
    if (!own->node->closed) {
        net_timer_set(&own->timer, delay_ms);
    }
}

static void answered(struct node_own_entry *own, enum err e, struct slice why)
{
    static const char *const wishes[] = {"", "report itself", "update its address",
                                         "leave its lost disk", "join"};
    struct node *node = own->node;
    if (e != own->told) {
        LOG_AT(node->options.log, e == ERR_NONE ? LOG_INFO : LOG_WARN, "raft",
               e == ERR_NONE ? "the voters take note of this controller"
                             : "the voters do not take note of this controller",
               "node=%d wish=\"%s\" error=%s reason=\"%.*s\"", node->options.node_id,
               wishes[own->asked], err_name(e),
               SLICE_ARG(slice_is_null(why) ? slice_str(err_text(e)) : why));
    }
    own->told = e;
    if (own->asked == WISH_REPORT && (e == ERR_NONE || e == ERR_UNSUPPORTED_VERSION)) {
        /* A leader from before KAFKA-16538 does not want to know. */
        own->reported = own->asked_epoch;
    }
    own->asked = WISH_NOTHING;
    look_again(own, RETRY_MS);
}

static void on_answer(void *arg, enum err e, const void *response, struct net_response *raw)
{
    struct node_own_entry *own = arg;
    (void)raw;
    own->call = NULL;
    struct slice why = SLICE_NULL;
    if (e == ERR_NONE && (own->asked == WISH_UPDATE || own->asked == WISH_REPORT)) {
        e = (enum err)((const struct wire_update_raft_voter_response *)response)->error_code;
    } else if (e == ERR_NONE && own->asked == WISH_LEAVE) {
        const struct wire_remove_raft_voter_response *remove = response;
        e = (enum err)remove->error_code;
        why = remove->error_message;
    } else if (e == ERR_NONE) {
        const struct wire_add_raft_voter_response *add = response;
        e = (enum err)add->error_code;
        why = add->error_message;
    }
    answered(own, e, why);
}

/* The leader's own wish. */
struct own_call {
    struct node_own_entry *own;
    struct arena arena;
};

static void on_own_answer(void *arg, const void *response, enum err e)
{
    struct own_call *call = arg;
    (void)response;
    answered(call->own, e, SLICE_NULL);
    arena_fini(&call->arena);
    mem_free(call);
}

/* ---- requests ---- */

static const void *update_request(const struct node_own_entry *own, struct arena *arena)
{
    const struct node *node = own->node;
    struct wire_update_raft_voter_request *wire =
        wire_new(&wire_msg_update_raft_voter_request, arena);
    struct wire_voters_record_voters entry = make_entry(own, arena);
    wire->cluster_id = slice_str(node->options.cluster_id);
    wire->current_leader_epoch = raft_epoch(node->raft);
    wire->voter_id = entry.voter_id;
    wire->voter_directory_id = entry.voter_directory_id;
    wire->listeners =
        wire_new_array(&wire_msg_update_raft_voter_request_listeners, arena, own->count);
    wire->listeners_count = own->count;
    for (int i = 0; i < own->count; i++) {
        wire->listeners[i] = (struct wire_update_raft_voter_request_listeners){
            entry.endpoints[i].name, entry.endpoints[i].host, entry.endpoints[i].port};
    }
    wire->kraft_version_feature.max_supported_version = NODE_KRAFT_VERSION_MAX;
    return wire;
}

static const void *join_request(const struct node_own_entry *own, struct arena *arena)
{
    struct wire_add_raft_voter_request *wire = wire_new(&wire_msg_add_raft_voter_request, arena);
    struct wire_voters_record_voters entry = make_entry(own, arena);
    wire->cluster_id = slice_str(own->node->options.cluster_id);
    wire->timeout_ms = ADD_TIMEOUT_MS;
    wire->voter_id = entry.voter_id;
    wire->voter_directory_id = entry.voter_directory_id;
    wire->listeners = wire_new_array(&wire_msg_add_raft_voter_request_listeners, arena, own->count);
    wire->listeners_count = own->count;
    for (int i = 0; i < own->count; i++) {
        wire->listeners[i] = (struct wire_add_raft_voter_request_listeners){
            entry.endpoints[i].name, entry.endpoints[i].host, entry.endpoints[i].port};
    }
    return wire;
}

static const void *leave_request(const struct node_own_entry *own, struct uuid former,
                                 struct arena *arena)
{
    struct wire_remove_raft_voter_request *wire =
        wire_new(&wire_msg_remove_raft_voter_request, arena);
    wire->cluster_id = slice_str(own->node->options.cluster_id);
    wire->voter_id = own->node->options.node_id;
    wire->voter_directory_id = former;
    return wire;
}

static void ask_self(struct node_own_entry *own)
{
    struct own_call *call = MEM_NEW(struct own_call);
    call->own = own;
    node_change(own->node, &(struct node_change_call){
                               .api_key = WIRE_API_UPDATE_RAFT_VOTER,
                               .body = update_request(own, &call->arena),
                               .arena = &call->arena,
                               .reply = on_own_answer,
                               .arg = call,
                           });
}

/* A connection of its own: an answer that waits for a commit must not hold up others. */
static void ask_leader(struct node_own_entry *own, enum wish wish, struct uuid former)
{
    struct node *node = own->node;
    int32_t leader_id = raft_leader(node->raft);
    const struct node_address *address = node_address_find(&node->addresses, leader_id);
    if (address == NULL) {
        own->asked = WISH_NOTHING;
        look_again(own, RETRY_MS);
        return;
    }
    if (own->client == NULL) {
        own->client = net_client_new(node->options.loop, &(struct net_client_options){
                                                             .host = address->host,
                                                             .port = address->port,
                                                             .client_id = "craft-raft",
                                                             .log = node->options.log,
                                                             .idle_ms = 10 * RETRY_MS,
                                                         });
    }
    net_client_set_address(own->client, address->host, address->port);
    struct arena arena = {0};
    struct net_call_args args = {
        .timeout_ms = node->options.timers.request_timeout_ms, .done = on_answer, .arg = own};
    if (wish == WISH_UPDATE || wish == WISH_REPORT) {
        args.api = WIRE_API_UPDATE_RAFT_VOTER;
        args.request = update_request(own, &arena);
    } else if (wish == WISH_LEAVE) {
        args.api = WIRE_API_REMOVE_RAFT_VOTER;
        args.request = leave_request(own, former, &arena);
    } else {
        args.api = WIRE_API_ADD_RAFT_VOTER;
        args.request = join_request(own, &arena);
        args.timeout_ms += ADD_TIMEOUT_MS;
    }
    own->call = net_call(own->client, &args);
    arena_fini(&arena);
}

static void look(void *arg)
{
    struct node_own_entry *own = arg;
    struct node *node = own->node;
    if (own->asked != WISH_NOTHING || node->broken || node->shutdown_done != NULL) {
        return;
    }
    look_again(own, (int64_t)node->options.timers.fetch_timeout_ms * LOOK_AGAIN_TIMEOUTS);
    struct uuid former = UUID_ZERO;
    enum wish wish = decide(own, &former);
    int32_t leader_id = raft_leader(node->raft);
    if (wish == WISH_NOTHING || leader_id == RAFT_NOBODY) {
        return;
    }
    bool leads = leader_id == node->options.node_id;
    if (leads && wish != WISH_UPDATE) {
        return; /* it has been removed, and leads until that is committed */
    }
    own->asked = wish;
    own->asked_epoch = raft_epoch(node->raft);
    if (leads) {
        ask_self(own);
    } else {
        ask_leader(own, wish, former);
    }
}

/* ---- life ---- */

void node_advertise(struct node *node, const struct node_advertised *listeners, int count)
{
    ASSERT(!node->started);
    ASSERT(node->own_entry == NULL);
    struct node_own_entry *own = MEM_NEW(struct node_own_entry);
    own->node = node;
    own->listeners = ARENA_ARRAY(&node->arena, (size_t)count, struct node_advertised);
    own->count = count;
    for (int i = 0; i < count; i++) {
        own->listeners[i] = (struct node_advertised){
            arena_str(&node->arena, slice_str(listeners[i].name)),
            arena_str(&node->arena, slice_str(listeners[i].host)), listeners[i].port};
        if (i == 0 || strcmp(listeners[i].name, node->options.listener_name) == 0) {
            node_address_learn(&node->addresses, node->options.node_id,
                               slice_str(listeners[i].host), listeners[i].port);
        }
    }
    net_timer_init(&own->timer, node->options.loop, look, own);
    node->own_entry = own;
}

void node_own_entry_poke(struct node *node)
{
    if (node->own_entry != NULL && node->started) {
        look_again(node->own_entry, 0);
    }
}

void node_own_entry_fini(struct node *node)
{
    struct node_own_entry *own = node->own_entry;
    if (own == NULL) {
        return;
    }
    if (own->call != NULL) {
        net_call_cancel(own->call);
    }
    net_client_free(own->client);
    net_timer_stop(&own->timer);
    mem_free(own);
    node->own_entry = NULL;
}
