/* A leader with two followers, for test_partition.c and test_partition_isr.c. */
#ifndef TESTS_UNIT_BROKER_TEST_PARTITION_FIXTURE_H
#define TESTS_UNIT_BROKER_TEST_PARTITION_FIXTURE_H

#include "tests/unit/unit.h"

#include "broker/partition/partition.h"

enum { ME = 1, F2 = 2, F3 = 3, LAG_MS = 1000 };

/* The metadata image: who is active, and every broker's epoch (100 + id). */
struct image {
    bool inactive[8];
    int64_t epoch_of[8];
};

static bool check(void *arg, int32_t id, int64_t *broker_epoch)
{
    const struct image *image = arg;
    *broker_epoch = image->epoch_of[id] != 0 ? image->epoch_of[id] : 100 + id;
    return !image->inactive[id];
}

static struct image all_active;

static struct partition_eligibility by(struct image *image)
{
    return (struct partition_eligibility){check, image};
}

/* Replicas 1, 2, 3; the ISR is the first `isr_count` of `isr`. */
static struct partition_state state_with(int32_t leader, int32_t leader_epoch,
                                         int32_t partition_epoch, const char *isr)
{
    struct partition_state state = {.leader = leader,
                                    .leader_epoch = leader_epoch,
                                    .partition_epoch = partition_epoch,
                                    .replicas = {ME, F2, F3},
                                    .replicas_count = 3};
    for (; *isr != '\0'; isr++) {
        state.isr[state.isr_count++] = *isr - '0';
    }
    return state;
}

static enum partition_change apply(struct partition *p, struct partition_state state,
                                   int64_t now_ms)
{
    struct partition_effects effects;
    enum partition_change change = partition_apply(p, &state, now_ms, &effects);
    partition_verify(p);
    return change;
}

/* A leader of epoch 5 whose log is [0, end) with this high watermark. */
static void lead(struct partition *p, int min_isr, int64_t end, int64_t hw, const char *isr)
{
    struct partition_config config = {.min_insync_replicas = min_isr,
                                      .replica_lag_time_max_ms = LAG_MS};
    partition_init(p, ME, &config);
    partition_set_log(p, 0, end, hw);
    p->local_broker_epoch = 101;
    ck_assert_int_eq(apply(p, state_with(ME, 5, 10, isr), 0), PARTITION_CHANGE_NEW_LEADER);
}

static struct partition_effects append(struct partition *p, int64_t end, int64_t now_ms)
{
    struct partition_eligibility may_join = by(&all_active);
    struct partition_effects effects;
    partition_appended(p, end, now_ms, &may_join, &effects);
    partition_verify(p);
    return effects;
}

static struct partition_effects fetch_as(struct partition *p, const struct partition_fetch *fetch,
                                         int64_t now_ms, enum err wanted)
{
    struct partition_eligibility may_join = by(&all_active);
    struct partition_effects effects;
    ck_assert_int_eq(partition_fetched(p, fetch, now_ms, &may_join, &effects), wanted);
    partition_verify(p);
    return effects;
}

static struct partition_effects fetch(struct partition *p, int32_t id, int64_t offset,
                                      int64_t now_ms)
{
    struct partition_fetch f = {.replica_id = id, .broker_epoch = 100 + id, .fetch_offset = offset};
    return fetch_as(p, &f, now_ms, ERR_NONE);
}

static struct partition_effects check_lag(struct partition *p, int64_t now_ms)
{
    struct partition_eligibility may_join = by(&all_active);
    struct partition_effects effects;
    partition_check_lag(p, now_ms, &may_join, &effects);
    return effects;
}

#endif
