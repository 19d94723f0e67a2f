/* Links: late, lost, twice, out of order, cut in one direction.
 *
 * A request to a process that is not there fails at once (refused) or never answers, as after a
 * power failure; the asker's core has its own timeout. */
#include "tests/sim/raft/check.h"

#include "base/mem.h"

static int64_t latency_us(struct sim_world *world, int from, int to)
{
    int64_t us = sim_draw(world, world->swarm.latency_min_us, world->swarm.latency_max_us);
    int64_t clog_us = world->clog_us[from][to];
    return clog_us == 0 ? us : us + sim_draw(world, 0, clog_us);
}

static bool is_lost(struct sim_world *world, int from, int to)
{
    return world->cut[from][to] || sim_chance(world, world->swarm.loss_per_mille, 1000);
}

static int copies(struct sim_world *world)
{
    return sim_chance(world, world->swarm.duplicate_per_mille, 1000) ? 2 : 1;
}

/* Tells the asker that there will be no answer. */
static void fail(struct sim_world *world, const struct sim_token *token, bool closed)
{
    struct sim_event *event = sim_schedule(world, latency_us(world, token->holder, token->asker),
                                           SIM_EVENT_FAILED, token->asker);
    event->life = token->asker_life;
    event->peer = token->addressed;
    event->id = token->message_id;
    event->closed = closed;
}

void sim_net_send(struct sim_node *from, const struct raft_message *message)
{
    struct sim_world *world = from->world;
    check_message(from, message);
    int to = message->to >= 0 ? message->to : RAFT_BOOTSTRAP_FIRST - message->to;
    ASSERT(to < world->count);
    if (is_lost(world, from->index, to)) {
        return;
    }
    for (int i = copies(world); i > 0; i--) {
        struct sim_event *event =
            sim_schedule(world, latency_us(world, from->index, to), SIM_EVENT_REQUEST, to);
        event->peer = from->index;
        event->life = from->life;
        event->id = message->id;
        event->token = (uint64_t)(int64_t)message->to;
        event->request = message->request;
    }
}

/* ---- arrival of a request ---- */

static uint64_t open_token(struct sim_world *world, const struct sim_event *event)
{
    if (world->token_count == world->token_cap) {
        world->token_cap = world->token_cap == 0 ? 256 : world->token_cap * 2;
        world->tokens =
            mem_realloc(world->tokens, (size_t)world->token_cap * sizeof *world->tokens);
    }
    world->tokens[world->token_count] = (struct sim_token){
        .asker = event->peer,
        .asker_life = event->life,
        .message_id = event->id,
        .addressed = (int32_t)(int64_t)event->token,
        .holder = event->node,
        .holder_life = world->nodes[event->node].life,
        .open = true,
        .epoch = event->request.epoch,
    };
    if (event->request.rpc == RAFT_RPC_VOTE) {
        struct sim_token *token = &world->tokens[world->token_count];
        token->pre_vote = event->request.u.vote.pre_vote;
        token->candidate = sim_disk_of(event->request.u.vote.candidate);
    }
    return (uint64_t)world->token_count++;
}

static void deliver_request(struct sim_world *world, struct sim_event *event)
{
    struct sim_node *node = &world->nodes[event->node];
    uint64_t token = open_token(world, event);
    if (node->raft == NULL) {
        world->tokens[token].open = false;
        if (!sim_chance(world, world->swarm.silent_percent, 200) &&
            !world->cut[node->index][event->peer]) {
            fail(world, &world->tokens[token], true);
        }
        return;
    }
    const struct raft_request *request = &event->request;
    bool fetches = request->rpc == RAFT_RPC_FETCH || request->rpc == RAFT_RPC_FETCH_SNAPSHOT;
    if (fetches && request->epoch == raft_epoch(node->raft)) {
        struct raft_key replica = request->rpc == RAFT_RPC_FETCH
                                      ? request->u.fetch.replica
                                      : request->u.fetch_snapshot.replica;
        node->contact_us[sim_disk_of(replica)] = world->now_us;
    }
    struct raft_event step = {.type = RAFT_EVENT_REQUEST,
                              .u.request = {.token = token, .request = &event->request}};
    sim_node_step(node, &step, NULL);
}

/* ---- answers ---- */

static void attach_batches(const struct sim_node *from, const struct raft_fetch_response *fetch,
                           struct sim_log *batches)
{
    const struct sim_log *log = &from->log;
    int at = sim_log_find(log, fetch->from);
    for (int i = 0; i < from->world->swarm.fetch_batches_max && at < log->count; i++, at++) {
        if (log->items[at].last_offset >= fetch->to) {
            break;
        }
        sim_log_append(batches, log->items[at]);
    }
}

void sim_net_answer(struct sim_node *from, const struct raft_answer *answer)
{
    struct sim_world *world = from->world;
    struct sim_token *token = &world->tokens[answer->token];
    ASSERT(token->open);
    ASSERT(token->holder == from->index);
    token->open = false;
    check_answer(from, token, answer);
    if (answer->response.rpc == RAFT_RPC_VOTE && answer->response.u.vote.granted &&
        !token->pre_vote) {
        sim_nemesis_voted(from, token->asker);
    }
    if (is_lost(world, from->index, token->asker)) {
        return;
    }
    const struct raft_response *response = &answer->response;
    for (int i = copies(world); i > 0; i--) {
        struct sim_event *event = sim_schedule(world, latency_us(world, from->index, token->asker),
                                               SIM_EVENT_RESPONSE, token->asker);
        event->life = token->asker_life;
        event->peer = token->addressed;
        event->id = token->message_id;
        event->response = *response;
        if (response->rpc == RAFT_RPC_FETCH_SNAPSHOT && response->error == ERR_NONE) {
            sim_snapshot_serve(from, &event->response, &event->piece);
        }
        if (response->rpc == RAFT_RPC_FETCH && response->error == ERR_NONE &&
            !response->u.fetch.diverging && !response->u.fetch.offers_snapshot) {
            attach_batches(from, &response->u.fetch, &event->batches);
        }
    }
}

static void deliver_response(struct sim_node *node, struct sim_event *event)
{
    struct raft_batch *batches = NULL;
    if (event->response.rpc == RAFT_RPC_FETCH) {
        batches = mem_zalloc((size_t)event->batches.count + 1, sizeof *batches);
        for (int i = 0; i < event->batches.count; i++) {
            const struct sim_batch *batch = &event->batches.items[i];
            const struct raft_voter_set *voters =
                batch->voters > 0 ? &sim_set(node->world, batch->voters)->set : NULL;
            batches[i] = (struct raft_batch){batch->base_offset, batch->last_offset, batch->epoch,
                                             voters, batch->last_offset};
        }
        event->response.u.fetch.batches = batches;
        event->response.u.fetch.batch_count = event->batches.count;
        struct raft_event step = {.type = RAFT_EVENT_RESPONSE,
                                  .u.response = {event->peer, event->id, &event->response}};
        sim_node_step(node, &step, &event->batches);
        mem_free(batches);
        return;
    }
    struct raft_event step = {.type = RAFT_EVENT_RESPONSE,
                              .u.response = {event->peer, event->id, &event->response}};
    node->incoming = event->piece;
    sim_node_step(node, &step, NULL);
}

void sim_net_deliver(struct sim_world *world, struct sim_event *event)
{
    if (event->kind == SIM_EVENT_REQUEST) {
        deliver_request(world, event);
        return;
    }
    struct sim_node *node = &world->nodes[event->node];
    if (node->raft == NULL || node->life != event->life) {
        return; /* the connection is gone with the one who asked */
    }
    if (event->kind == SIM_EVENT_RESPONSE) {
        deliver_response(node, event);
        return;
    }
    struct raft_event step = {.type = RAFT_EVENT_FAILED,
                              .u.failed = {event->peer, event->id, event->closed}};
    if (event->kind == SIM_EVENT_LOST) {
        step = (struct raft_event){.type = RAFT_EVENT_CONNECTION_LOST,
                                   .u.lost = {.peer = event->peer}};
    }
    sim_node_step(node, &step, NULL);
}

void sim_net_crashed(struct sim_node *node, bool silent)
{
    struct sim_world *world = node->world;
    for (int i = 0; i < world->token_count; i++) {
        struct sim_token *token = &world->tokens[i];
        if (token->open && token->holder == node->index) {
            token->open = false;
            if (!silent && !world->cut[node->index][token->asker]) {
                fail(world, token, true);
            }
        }
    }
    for (int i = 0; i < world->count && !silent; i++) {
        if (i != node->index && !world->cut[node->index][i]) {
            struct sim_event *event =
                sim_schedule(world, latency_us(world, node->index, i), SIM_EVENT_LOST, i);
            event->life = world->nodes[i].life;
            event->peer = node->index;
        }
    }
}
