/* A follower that loads its leader's snapshot (raft/download.c). */
#include "tests/unit/raft/core.h"

static struct raft_position place(int64_t offset, int32_t epoch)
{
    return (struct raft_position){offset, epoch};
}

/* Follower of 2 in epoch 6 with a log up to 12, sent to the snapshot {40, 5}; the request for its
 * first piece is in flight. */
static uint64_t boot_loading(struct core *core)
{
    core_init(core, 3);
    core_log(core, 2, (struct raft_epoch_start[]){{2, 0}, {4, 6}}, 12);
    core->boot.hard_state = (struct raft_hard_state){6, 2, {3, UUID_ZERO}};
    core_boot(core);
    core_tick(core);
    uint64_t id = core_sent(core, 2, RAFT_RPC_FETCH)->id;
    struct raft_response offer = fetch_response(2, 6, 50);
    offer.u.fetch.offers_snapshot = true;
    offer.u.fetch.snapshot = place(40, 5);
    core_respond(core, 2, id, offer);
    const struct raft_message *message = core_sent(core, 2, RAFT_RPC_FETCH_SNAPSHOT);
    ck_assert_ptr_nonnull(message);
    ck_assert(raft_position_eq(message->request.u.fetch_snapshot.snapshot, place(40, 5)));
    ck_assert_int_eq(message->request.u.fetch_snapshot.position, 0);
    return message->id;
}

static struct raft_response piece(int64_t position, int64_t length, int64_t size)
{
    return (struct raft_response){
        .rpc = RAFT_RPC_FETCH_SNAPSHOT,
        .leader_epoch = 6,
        .leader_id = 2,
        .u.fetch_snapshot = {
            .snapshot = {40, 5}, .position = position, .length = length, .size = size}};
}

static void checked(struct core *core, enum err error, const struct raft_voter_set *voters)
{
    core_step(core, (struct raft_event){
                        .type = RAFT_EVENT_SNAPSHOT_CHECKED,
                        .u.checked = {.snapshot = {40, 5}, .error = error, .voters = voters}});
}

/* Everything but the check. */
static void load_all(struct core *core)
{
    uint64_t id = boot_loading(core);
    core_respond(core, 2, id, piece(0, 1000, 1000));
    ck_assert_int_eq(core->update.download.kind, RAFT_DOWNLOAD_WRITE);
    ck_assert(core->update.download.last);
}

START_TEST(test_loads_in_pieces)
{
    struct core core;
    int64_t size = (INT64_C(5) << 30) + 3;
    uint64_t id = boot_loading(&core);
    core_respond(&core, 2, id, piece(0, INT64_C(1) << 31, size));
    ck_assert_int_eq(core.update.download.kind, RAFT_DOWNLOAD_WRITE);
    ck_assert_int_eq(core.update.download.position, 0);
    ck_assert(!core.update.download.last);
    const struct raft_message *next = core_sent(&core, 2, RAFT_RPC_FETCH_SNAPSHOT);
    ck_assert_int_eq(next->request.u.fetch_snapshot.position, INT64_C(1) << 31);

    /* A request that fails is made again at the same place. */
    core_failed(&core, 2, next->id, false);
    do {
        core_wait(&core);
        next = core_sent(&core, 2, RAFT_RPC_FETCH_SNAPSHOT);
    } while (next == NULL && raft_role(core.raft) == RAFT_ROLE_FOLLOWER);
    ck_assert_ptr_nonnull(next);
    ck_assert_int_eq(next->request.u.fetch_snapshot.position, INT64_C(1) << 31);

    core_respond(&core, 2, next->id, piece(INT64_C(1) << 31, size - (INT64_C(1) << 31), size));
    ck_assert(core.update.download.last);
    ck_assert_ptr_null(core_sent(&core, 2, RAFT_RPC_FETCH_SNAPSHOT));
    ck_assert(!core.update.install);

    struct raft_voter_set voters = {1, {key_of(1)}};
    checked(&core, ERR_NONE, &voters);
    ck_assert(core.update.install);
    ck_assert(raft_position_eq(core.update.installed, place(40, 5)));
    ck_assert_int_eq(raft_log_end(core.raft), 40);
    ck_assert_int_eq(raft_high_watermark(core.raft), 40);
    ck_assert_int_eq(raft_voters(core.raft)->count, 1);
    ck_assert_int_eq(raft_voters_before(core.raft, 40)->count, 1);
    const struct raft_message *fetch = core_sent(&core, 2, RAFT_RPC_FETCH);
    ck_assert_int_eq(fetch->request.u.fetch.offset, 40);
    ck_assert_int_eq(fetch->request.u.fetch.last_epoch, 5);
    core_fini(&core);
}
END_TEST

START_TEST(test_offers_that_cannot_be)
{
    static const struct raft_position bad[] = {{9, 5}, {0, 0}, {40, 0}, {40, 7}, {40, 2}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct core core;
        core_init(&core, 3);
        core_log(&core, 2, (struct raft_epoch_start[]){{3, 10}, {5, 14}}, 20);
        core.boot.log_start = core.boot.snapshot = place(10, 3);
        core.boot.hard_state = (struct raft_hard_state){6, 2, {3, UUID_ZERO}};
        core_boot(&core);
        core_tick(&core);
        uint64_t id = core_sent(&core, 2, RAFT_RPC_FETCH)->id;
        struct raft_response offer = fetch_response(2, 6, 50);
        offer.u.fetch.offers_snapshot = true;
        offer.u.fetch.snapshot = bad[i];
        core_respond(&core, 2, id, offer);
        ck_assert_ptr_null(core_sent(&core, 2, RAFT_RPC_FETCH_SNAPSHOT));
        ck_assert_int_eq(raft_log_end(core.raft), 20);
        core_fini(&core);
    }
}
END_TEST

START_TEST(test_pieces_that_do_not_fit)
{
    struct raft_response bad[] = {piece(1, 10, 100), piece(0, 0, 100), piece(0, 101, 100),
                                  piece(0, -1, 100), piece(0, 10, -1), piece(-1, 10, 100),
                                  piece(0, 10, 100)};
    bad[6].u.fetch_snapshot.snapshot.offset = 41;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct core core;
        uint64_t id = boot_loading(&core);
        core_respond(&core, 2, id, bad[i]);
        ck_assert_int_eq(core.update.download.kind, RAFT_DOWNLOAD_DROP);
        ck_assert_ptr_null(core_sent(&core, 2, RAFT_RPC_FETCH_SNAPSHOT));
        core_fini(&core);
    }
}
END_TEST

/* The leader has another one by now: begin again with a fetch. */
START_TEST(test_snapshot_is_gone)
{
    static const enum err errors[] = {ERR_SNAPSHOT_NOT_FOUND, ERR_POSITION_OUT_OF_RANGE};
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        struct core core;
        uint64_t id = boot_loading(&core);
        struct raft_response gone = piece(0, 0, 0);
        gone.error = errors[i];
        core_respond(&core, 2, id, gone);
        ck_assert_int_eq(core.update.download.kind, RAFT_DOWNLOAD_DROP);
        core_wait(&core);
        ck_assert_ptr_nonnull(core_sent(&core, 2, RAFT_RPC_FETCH));
        core_fini(&core);
    }
}
END_TEST

/* Bytes of two leaders are bytes of two files. */
START_TEST(test_another_leader)
{
    struct core core;
    uint64_t id = boot_loading(&core);
    core_respond(&core, 2, id, piece(0, 10, 100));
    core_ask(&core, begin_request(3, 7));
    ck_assert_int_eq(core.update.download.kind, RAFT_DOWNLOAD_DROP);
    const struct raft_message *fetch = core_sent(&core, 3, RAFT_RPC_FETCH);
    ck_assert_int_eq(fetch->request.u.fetch.offset, 12);
    core_fini(&core);

    load_all(&core); /* and a check that comes too late counts for nothing */
    core_ask(&core, begin_request(3, 7));
    ck_assert_int_eq(core.update.download.kind, RAFT_DOWNLOAD_DROP);
    checked(&core, ERR_NONE, NULL);
    ck_assert(!core.update.install);
    ck_assert_int_eq(raft_log_end(core.raft), 12);
    core_fini(&core);
}
END_TEST

/* The check of a large file takes long: both sides hear of each other meanwhile, and nothing is
 * taken into a log that is about to go. */
START_TEST(test_signs_of_life_while_checking)
{
    struct core core;
    load_all(&core);
    int64_t until_ms = core.now_ms + 5 * FETCH_MS;
    int fetches = 0;
    while (core.now_ms < until_ms) {
        core_wait(&core);
        ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_FOLLOWER);
        const struct raft_message *fetch = core_sent(&core, 2, RAFT_RPC_FETCH);
        if (fetch != NULL) {
            struct raft_batch batch = {.base_offset = 12, .last_offset = 12, .epoch = 4};
            struct raft_response response = fetch_response(2, 6, 13);
            response.u.fetch.batches = &batch;
            response.u.fetch.batch_count = 1;
            core_respond(&core, 2, fetch->id, response);
            ck_assert_int_eq(core.update.append.kind, RAFT_APPEND_NOTHING);
            fetches++;
        }
    }
    ck_assert_int_ge(fetches, 10);
    ck_assert_int_le(fetches, 40);
    checked(&core, ERR_NONE, NULL);
    ck_assert(core.update.install);
    core_fini(&core);
}
END_TEST

START_TEST(test_damaged)
{
    struct core core;
    load_all(&core);
    checked(&core, ERR_CORRUPT, NULL);
    ck_assert_int_eq(core.update.download.kind, RAFT_DOWNLOAD_DROP);
    ck_assert(!core.update.install);
    ck_assert_int_eq(raft_log_end(core.raft), 12);

    /* Again and again, but more and more seldom, and without ever giving up its leader. */
    int attempts = 0;
    for (int64_t until_ms = core.now_ms + 60 * 1000; core.now_ms < until_ms;) {
        core_wait(&core);
        ck_assert_int_eq(raft_role(core.raft), RAFT_ROLE_FOLLOWER);
        const struct raft_message *fetch = core_sent(&core, 2, RAFT_RPC_FETCH);
        if (fetch == NULL) {
            continue;
        }
        struct raft_response offer = fetch_response(2, 6, 50);
        offer.u.fetch.offers_snapshot = true;
        offer.u.fetch.snapshot = place(40, 5);
        core_respond(&core, 2, fetch->id, offer);
        const struct raft_message *ask = core_sent(&core, 2, RAFT_RPC_FETCH_SNAPSHOT);
        if (ask != NULL) {
            core_respond(&core, 2, ask->id, piece(0, 1000, 1000));
            checked(&core, ERR_CORRUPT, NULL);
            attempts++;
        }
    }
    ck_assert_int_ge(attempts, 5);
    ck_assert_int_le(attempts, 10);
    core_fini(&core);
}
END_TEST

RUN_SUITE("download", test_loads_in_pieces, test_offers_that_cannot_be, test_pieces_that_do_not_fit,
          test_snapshot_is_gone, test_another_leader, test_signs_of_life_while_checking,
          test_damaged)
