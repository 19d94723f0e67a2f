/* kafka-reassign-partitions: moves between the directories of a broker (KIP-113). */
#include <stdio.h>
#include <stdlib.h>

#include "cli/kafka/reassign.h"

enum { TIMEOUT_MS = 10000, PAUSE_MS = 100 };

/* ---- begun ---- */

static void pause_for(struct client *client, int64_t ms)
{
    struct net_loop *loop = client_loop(client);
    int64_t until_ms = net_now_ms(loop) + ms;
    while (net_now_ms(loop) < until_ms) {
        net_loop_step(loop, until_ms - net_now_ms(loop));
    }
}

static enum cli_exit move_timed_out(const struct log_dir_move *moves, const bool *begun,
                                    int32_t count)
{
    int32_t pending = 0;
    for (int32_t i = 0; i < count; i++) {
        pending += !begun[i];
    }
    printf("Timed out before log directory move%s could be started for: ", pending == 1 ? "" : "s");
    const char *comma = "";
    for (int32_t i = 0; i < count; i++) {
        if (!begun[i]) {
            printf("%s%.*s-%" PRId32 "-%" PRId32, comma, SLICE_ARG(moves[i].topic),
                   moves[i].partition, moves[i].broker);
            comma = ",";
        }
    }
    puts("");
    return CLI_FAILED;
}

enum cli_exit reassign_move_dirs(struct reassign_tool *tool, const struct log_dir_move *moves,
                                 int32_t count)
{
    struct client *client = tool->cluster.client;
    int64_t timeout_ms = TIMEOUT_MS;
    if (!tool_long(tool->cli, "timeout", &timeout_ms)) {
        return tool_refuse(tool->cli);
    }
    bool *begun = ARENA_ARRAY(&tool->cli->arena, (size_t)count + 1, bool);
    int64_t until_ms = net_now_ms(client_loop(client)) + timeout_ms;
    for (int32_t left = count; left > 0;) {
        for (int32_t i = 0; i < count; i++) {
            enum err e = begun[i] ? ERR_REPLICA_NOT_AVAILABLE : log_dirs_move(client, &moves[i]);
            if (e == ERR_NONE) {
                printf("Successfully started moving log directory to %.*s for replica "
                       "%.*s-%" PRId32 " with broker %" PRId32 " \n",
                       SLICE_ARG(moves[i].path), SLICE_ARG(moves[i].topic), moves[i].partition,
                       moves[i].broker);
                begun[i] = true;
                left--;
            } else if (e != ERR_REPLICA_NOT_AVAILABLE) {
                return reassign_error(tool, "Failed to alter dir for %.*s-%" PRId32 "-%" PRId32,
                                      SLICE_ARG(moves[i].topic), moves[i].partition,
                                      moves[i].broker);
            }
        }
        if (left > 0 && net_now_ms(client_loop(client)) >= until_ms) {
            return move_timed_out(moves, begun, count);
        }
        pause_for(client, left > 0 ? PAUSE_MS : 0);
    }
    return CLI_OK;
}

/* ---- how far they are ---- */

static int compare_states(const void *a, const void *b)
{
    const struct log_dir_move *x = &((const struct reassign_dir_state *)a)->move;
    const struct log_dir_move *y = &((const struct reassign_dir_state *)b)->move;
    if (x->broker != y->broker) {
        return x->broker < y->broker ? -1 : 1;
    }
    int order = slice_cmp(x->topic, y->topic);
    return order != 0 ? order : x->partition < y->partition ? -1 : x->partition > y->partition;
}

static void find_replica(const struct log_dirs *dirs, struct reassign_dir_state *state)
{
    const struct log_dir_move *move = &state->move;
    for (int32_t i = 0; i < dirs->count; i++) {
        for (int32_t k = 0; k < dirs->items[i].partition_count; k++) {
            const struct log_dir_partition *p = &dirs->items[i].partitions[k];
            if (p->partition == move->partition && slice_eq(p->topic, move->topic)) {
                *(p->is_future ? &state->future : &state->now) = dirs->items[i].path;
            }
        }
    }
}

enum err reassign_dir_states(struct reassign_tool *tool, struct reassign_dir_state **out,
                             int32_t *count)
{
    struct arena *arena = &tool->cli->arena;
    const struct log_dir_move *moves = reassign_dir_moves(tool, count);
    struct reassign_dir_state *states =
        ARENA_ARRAY(arena, (size_t)*count + 1, struct reassign_dir_state);
    for (int32_t i = 0; i < *count; i++) {
        states[i] = (struct reassign_dir_state){moves[i], SLICE_NULL, SLICE_NULL};
    }
    qsort(states, (size_t)*count, sizeof *states, compare_states);
    struct log_dirs dirs = {.broker = -1};
    for (int32_t i = 0; i < *count; i++) {
        if (dirs.broker != states[i].move.broker) {
            TRY(log_dirs_describe(tool->cluster.client, states[i].move.broker, arena, &dirs));
        }
        find_replica(&dirs, &states[i]);
    }
    *out = states;
    return ERR_NONE;
}

/* ---- given up ---- */

enum cli_exit reassign_cancel_dirs(struct reassign_tool *tool)
{
    int32_t count;
    int32_t moving = 0;
    struct reassign_dir_state *states;
    enum err e = reassign_dir_states(tool, &states, &count);
    if (e != ERR_NONE) {
        return reassign_fail(tool, e);
    }
    struct log_dir_move *back =
        ARENA_ARRAY(&tool->cli->arena, (size_t)count + 1, struct log_dir_move);
    for (int32_t i = 0; i < count; i++) {
        if (!slice_is_null(states[i].now) && !slice_is_null(states[i].future)) {
            back[moving] = states[i].move;
            back[moving++].path = states[i].now;
        }
    }
    if (moving == 0) {
        fputs("None of the specified partition moves are active.", stdout);
        return CLI_OK;
    }
    return reassign_move_dirs(tool, back, moving);
}
