/* One core by itself, its peers played by the test. Only for the tests of this folder. */
#ifndef TESTS_UNIT_RAFT_CORE_H
#define TESTS_UNIT_RAFT_CORE_H

#include <check.h>
#include <stdlib.h>

#include "raft/raft.h"

enum { SELF = 1, ELECTION_MS = 1000, FETCH_MS = 2000 };

struct core {
    struct raft *raft;
    struct raft_update update;
    int64_t now_ms;
    uint64_t token;
    struct raft_options options;
    struct raft_boot boot;
    struct raft_epoch_start epochs[4];
};

static struct raft_key key_of(int32_t id)
{
    return (struct raft_key){id, {5, (uint64_t)id}};
}

/* Defaults of a core `SELF` among voters 1 to `voters`; change them before core_boot(). */
static inline void core_init(struct core *core, int voters)
{
    *core = (struct core){.now_ms = 1000};
    raft_update_init(&core->update);
    core->options = (struct raft_options){.self = key_of(SELF),
                                          .election_timeout_ms = ELECTION_MS,
                                          .fetch_timeout_ms = FETCH_MS,
                                          .request_timeout_ms = 2000,
                                          .retry_backoff_ms = 20,
                                          .election_backoff_max_ms = 1000,
                                          .seed = 7};
    core->options.static_voters.count = voters;
    for (int i = 0; i < voters; i++) {
        core->options.static_voters.voters[i] = key_of(i + 1);
    }
    core->boot.hard_state = (struct raft_hard_state){0, RAFT_NOBODY, {RAFT_NOBODY, UUID_ZERO}};
    core->boot.epochs = core->epochs;
}

/* The log holds records of these epochs, each from its start, up to `end`. */
static inline void core_log(struct core *core, int count, const struct raft_epoch_start *epochs,
                            int64_t end)
{
    for (int i = 0; i < count; i++) {
        core->epochs[i] = epochs[i];
    }
    core->boot.epoch_count = count;
    core->boot.log_end = end;
}

static inline void core_boot(struct core *core)
{
    core->boot.now_ms = core->now_ms;
    ck_assert_int_eq(raft_new(&core->options, &core->boot, &core->raft), ERR_NONE);
}

static inline void core_fini(struct core *core)
{
    raft_free(core->raft);
    raft_update_fini(&core->update);
}

static inline void core_step(struct core *core, struct raft_event event)
{
    event.now_ms = core->now_ms;
    ck_assert_int_eq(raft_step(core->raft, &event, &core->update), ERR_NONE);
    ck_assert(raft_deadline(core->raft) > core->now_ms); /* KAFKA-17751 */
    raft_verify(core->raft);
}

static inline void core_tick(struct core *core)
{
    core_step(core, (struct raft_event){.type = RAFT_EVENT_TICK});
}

/* Lets time pass until the core's own deadline. */
static inline void core_wait(struct core *core)
{
    core->now_ms = raft_deadline(core->raft);
    core_tick(core);
}

/* Waits, nobody answering, until the role is there; at most a minute. */
static inline void core_wait_for(struct core *core, enum raft_role role)
{
    int64_t until_ms = core->now_ms + 60000;
    while (raft_role(core->raft) != role) {
        ck_assert_int_lt(core->now_ms, until_ms);
        core_wait(core);
    }
}

/* ---- requests to the core ---- */

/* Its answer, or NULL if it keeps the request. */
static inline const struct raft_response *core_ask(struct core *core, struct raft_request request)
{
    uint64_t token = ++core->token;
    core_step(core, (struct raft_event){.type = RAFT_EVENT_REQUEST,
                                        .u.request = {.token = token, .request = &request}});
    for (int i = 0; i < core->update.answer_count; i++) {
        if (core->update.answers[i].token == token) {
            return &core->update.answers[i].response;
        }
    }
    return NULL;
}

static inline struct raft_request vote_request(int32_t from, int32_t epoch, int32_t last_epoch,
                                               int64_t last_offset)
{
    return (struct raft_request){.rpc = RAFT_RPC_VOTE,
                                 .epoch = epoch,
                                 .u.vote = {.candidate = key_of(from),
                                            .voter = key_of(SELF),
                                            .last_offset = last_offset,
                                            .last_epoch = last_epoch}};
}

static inline struct raft_request pre_vote_request(int32_t from, int32_t epoch, int32_t last_epoch,
                                                   int64_t last_offset)
{
    struct raft_request request = vote_request(from, epoch, last_epoch, last_offset);
    request.u.vote.pre_vote = true;
    return request;
}

static inline struct raft_request fetch_request(int32_t from, int32_t epoch, int32_t last_epoch,
                                                int64_t offset)
{
    return (struct raft_request){.rpc = RAFT_RPC_FETCH,
                                 .epoch = epoch,
                                 .u.fetch = {.replica = key_of(from),
                                             .offset = offset,
                                             .last_epoch = last_epoch,
                                             .high_watermark = INT64_MAX,
                                             .wait_ms_max = 500}};
}

static inline struct raft_request begin_request(int32_t leader_id, int32_t epoch)
{
    return (struct raft_request){.rpc = RAFT_RPC_BEGIN_EPOCH,
                                 .epoch = epoch,
                                 .leader_id = leader_id,
                                 .u.begin = {.voter = {RAFT_NOBODY, UUID_ZERO}}};
}

/* ---- messages of the core, and their answers ---- */

/* The last step's message to `to`, or NULL. */
static inline const struct raft_message *core_sent(const struct core *core, int32_t to,
                                                   enum raft_rpc rpc)
{
    for (int i = 0; i < core->update.message_count; i++) {
        const struct raft_message *message = &core->update.messages[i];
        if (message->to == to && message->request.rpc == rpc) {
            return message;
        }
    }
    return NULL;
}

static inline void core_respond(struct core *core, int32_t from, uint64_t id,
                                struct raft_response response)
{
    core_step(core, (struct raft_event){.type = RAFT_EVENT_RESPONSE,
                                        .u.response = {from, id, &response}});
}

static inline void core_failed(struct core *core, int32_t from, uint64_t id, bool closed)
{
    core_step(core, (struct raft_event){.type = RAFT_EVENT_FAILED, .u.failed = {from, id, closed}});
}

static inline struct raft_response vote_response(int32_t epoch, bool granted)
{
    return (struct raft_response){.rpc = RAFT_RPC_VOTE,
                                  .leader_epoch = epoch,
                                  .leader_id = RAFT_NOBODY,
                                  .u.vote = {.granted = granted}};
}

/* What a leader answers to a fetch: batches [from, to) of one epoch, one record each. */
static inline struct raft_response fetch_response(int32_t leader_id, int32_t epoch,
                                                  int64_t high_watermark)
{
    return (struct raft_response){.rpc = RAFT_RPC_FETCH,
                                  .leader_epoch = epoch,
                                  .leader_id = leader_id,
                                  .u.fetch = {.high_watermark = high_watermark}};
}

static inline void core_flushed(struct core *core)
{
    core_step(core, (struct raft_event){.type = RAFT_EVENT_FLUSHED,
                                        .u.flushed = {.offset = raft_log_end(core->raft)}});
}

/* Makes the core leader of the next epoch; the leader-change record is not synced yet. The last
 * update is that of the election. */
static inline void core_elect(struct core *core)
{
    core_wait_for(core, RAFT_ROLE_PROSPECTIVE);
    const struct raft_message *ask = core_sent(core, 2, RAFT_RPC_VOTE);
    ck_assert_ptr_nonnull(ask);
    int others = raft_voters(core->raft)->count - 1;
    for (int round = 0; round < 2; round++) {
        enum raft_role role = raft_role(core->raft);
        struct raft_message messages[RAFT_VOTERS_MAX];
        ck_assert_int_eq(core->update.message_count, others);
        memcpy(messages, core->update.messages, (size_t)others * sizeof messages[0]);
        for (int i = 0; raft_role(core->raft) == role; i++) {
            ck_assert_int_lt(i, others);
            core_respond(core, messages[i].to, messages[i].id,
                         vote_response(raft_epoch(core->raft), true));
        }
    }
    ck_assert_int_eq(raft_role(core->raft), RAFT_ROLE_LEADER);
}

/* A replica fetches at the end of the leader's log; the last record is of epoch 6. */
static inline void core_fetched(struct core *core, struct raft_key replica)
{
    struct raft_request fetch = fetch_request(replica.id, 6, 6, raft_log_end(core->raft));
    fetch.u.fetch.replica = replica;
    fetch.u.fetch.wait_ms_max = 0;
    ck_assert_int_eq(core_ask(core, fetch)->error, ERR_NONE);
}

/* Makes the core a follower of `leader_id` that has fetched once. */
static inline void core_follow(struct core *core, int32_t leader_id, int32_t epoch)
{
    ck_assert_int_eq(core_ask(core, begin_request(leader_id, epoch))->error, ERR_NONE);
    ck_assert_int_eq(raft_role(core->raft), RAFT_ROLE_FOLLOWER);
    const struct raft_message *fetch = core_sent(core, leader_id, RAFT_RPC_FETCH);
    ck_assert_ptr_nonnull(fetch);
    core_respond(core, leader_id, fetch->id, fetch_response(leader_id, epoch, -1));
}

#define RUN_SUITE(name, ...) \
    int main(void) \
    { \
        const TTest *const tests_[] = {__VA_ARGS__}; \
        Suite *suite_ = suite_create(name); \
        TCase *tcase_ = tcase_create(name); \
        for (size_t i_ = 0; i_ < ARRAY_LEN(tests_); i_++) { \
            tcase_add_test(tcase_, tests_[i_]); \
        } \
        suite_add_tcase(suite_, tcase_); \
        SRunner *runner_ = srunner_create(suite_); \
        srunner_run_all(runner_, CK_NORMAL); \
        int failed_ = srunner_ntests_failed(runner_); \
        srunner_free(runner_); \
        return failed_ == 0 ? 0 : 1; \
    }

#endif
