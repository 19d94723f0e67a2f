/* The effects of a step: vectors that keep their memory from step to step. */
#include "raft/private.h"

#include "base/mem.h"

void raft_update_init(struct raft_update *update)
{
    *update = (struct raft_update){0};
}

void raft_update_fini(struct raft_update *update)
{
    mem_free(update->messages);
    mem_free(update->answers);
    mem_free(update->reads);
    *update = (struct raft_update){0};
}

void raft_update_reset(struct raft_update *update)
{
    *update = (struct raft_update){
        .messages = update->messages,
        .message_cap = update->message_cap,
        .answers = update->answers,
        .answer_cap = update->answer_cap,
        .reads = update->reads,
        .read_cap = update->read_cap,
    };
}

/* Doubles a full vector. */
static void *room(void *items, int count, int *cap, size_t size)
{
    if (count < *cap) {
        return items;
    }
    *cap = *cap == 0 ? 8 : *cap * 2;
    return mem_realloc(items, (size_t)*cap * size);
}

void raft_send(struct raft *raft, int32_t to, const struct raft_request *request)
{
    struct raft_update *update = raft->update;
    ASSERT(to != raft->options.self.id);
    update->messages = room(update->messages, update->message_count, &update->message_cap,
                            sizeof *update->messages);
    update->messages[update->message_count++] = (struct raft_message){
        .to = to,
        .id = raft_peers_sent(&raft->peers, to, request->rpc, raft->now_ms),
        .request = *request,
    };
}

struct raft_response *raft_answer(struct raft *raft, uint64_t token, enum raft_rpc rpc,
                                  enum err error)
{
    struct raft_update *update = raft->update;
    update->answers =
        room(update->answers, update->answer_count, &update->answer_cap, sizeof *update->answers);
    struct raft_answer *answer = &update->answers[update->answer_count++];
    *answer = (struct raft_answer){
        .token = token,
        .response = {.rpc = rpc,
                     .error = error,
                     .leader_epoch = raft->hard.epoch,
                     /* A leader that has resigned does not send anybody to itself. */
                     .leader_id =
                         raft->role == RAFT_ROLE_RESIGNED ? RAFT_NOBODY : raft->hard.leader_id},
    };
    if (rpc == RAFT_RPC_FETCH) {
        answer->response.u.fetch.high_watermark = -1;
    }
    return &answer->response;
}

void raft_answer_read(struct raft *raft, uint64_t token, enum err error, int64_t offset)
{
    struct raft_update *update = raft->update;
    update->reads =
        room(update->reads, update->read_count, &update->read_cap, sizeof *update->reads);
    update->reads[update->read_count++] = (struct raft_read_answer){token, error, offset};
}
