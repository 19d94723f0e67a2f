/* Plans of moves: shares, racks, few moves, and random clusters. */
#include "cli/move_plan.h"

#include "base/prng.h"
#include "tests/unit/unit.h"

enum { BROKERS_MAX = 12, PARTITIONS_MAX = 60, REPLICAS_MAX = 4 };

struct fixture {
    struct arena arena;
    struct buf why;
    struct move_broker brokers[BROKERS_MAX];
    struct move_partition partitions[PARTITIONS_MAX];
    int32_t replicas[PARTITIONS_MAX][REPLICAS_MAX];
    struct move_plan plan;
};

static void init(struct fixture *f, int32_t brokers, int32_t racks)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    *f = (struct fixture){0};
    f->plan = (struct move_plan){
        .brokers = f->brokers, .broker_count = brokers, .partitions = f->partitions};
    for (int32_t i = 0; i < brokers; i++) {
        f->brokers[i].id = i + 1;
        f->brokers[i].rack = racks == 0 ? SLICE_NULL : slice_str(names[i % racks]);
    }
}

static void fini(struct fixture *f)
{
    arena_fini(&f->arena);
    buf_fini(&f->why);
}

static void add(struct fixture *f, const int32_t *replicas, int32_t count)
{
    int32_t i = f->plan.partition_count++;
    memcpy(f->replicas[i], replicas, (size_t)count * sizeof *replicas);
    f->partitions[i] = (struct move_partition){.topic = slice_str("t"),
                                               .partition = i,
                                               .replicas = f->replicas[i],
                                               .replica_count = count};
}

#define ADD(f, ...) \
    add(f, (const int32_t[]){__VA_ARGS__}, \
        (int32_t)(sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t)))

static void make(struct fixture *f)
{
    ck_assert_int_eq(move_plan_make(&f->plan, &f->arena, &f->why), ERR_NONE);
}

static int32_t load_of(const struct fixture *f, int32_t id)
{
    int32_t load = 0;
    for (int32_t i = 0; i < f->plan.partition_count; i++) {
        for (int32_t k = 0; k < f->partitions[i].target_count; k++) {
            load += f->partitions[i].target[k] == id;
        }
    }
    return load;
}

static int32_t copies(const struct fixture *f)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < f->plan.partition_count; i++) {
        sum += move_plan_copies(&f->partitions[i]);
    }
    return sum;
}

START_TEST(fewer_brokers_than_replicas)
{
    struct fixture f;
    init(&f, 2, 0);
    ADD(&f, 1, 2, 3);
    ck_assert_int_eq(move_plan_make(&f.plan, &f.arena, &f.why), ERR_INVALID_REQUEST);
    fini(&f);
    init(&f, 2, 0);
    ADD(&f, 1);
    f.plan.replication_factor = 3;
    ck_assert_int_eq(move_plan_make(&f.plan, &f.arena, &f.why), ERR_INVALID_REQUEST);
    fini(&f);
}
END_TEST

START_TEST(what_is_good_stays)
{
    struct fixture f;
    init(&f, 3, 0);
    ADD(&f, 1, 2);
    ADD(&f, 2, 3);
    ADD(&f, 3, 1);
    make(&f);
    ck_assert_int_eq(copies(&f), 0);
    for (int32_t i = 0; i < 3; i++) {
        ck_assert_int_eq(f.partitions[i].target[0], f.replicas[i][0]);
        ck_assert_int_eq(f.partitions[i].target[1], f.replicas[i][1]);
    }
    fini(&f);
}
END_TEST

START_TEST(a_broker_is_drained)
{
    struct fixture f;
    init(&f, 3, 0);
    f.brokers[2].id = 4; /* 3 is not in the list any more */
    ADD(&f, 1, 3);
    ADD(&f, 3, 2);
    ADD(&f, 1, 2);
    make(&f);
    ck_assert_int_eq(copies(&f), 2);
    ck_assert_int_eq(load_of(&f, 3), 0);
    ck_assert_int_eq(load_of(&f, 4), 2);
    fini(&f);
}
END_TEST

START_TEST(a_new_broker_gets_its_share)
{
    struct fixture f;
    init(&f, 4, 0);
    for (int i = 0; i < 4; i++) {
        ADD(&f, 1, 2, 3);
    }
    make(&f);
    ck_assert_int_eq(copies(&f), 3);
    for (int32_t id = 1; id <= 4; id++) {
        ck_assert_int_eq(load_of(&f, id), 3);
    }
    fini(&f);
}
END_TEST

START_TEST(replicas_are_added_and_removed)
{
    struct fixture f;
    init(&f, 3, 0);
    ADD(&f, 1);
    ADD(&f, 1);
    f.plan.replication_factor = 3;
    make(&f);
    ck_assert_int_eq(copies(&f), 4);
    fini(&f);
    init(&f, 4, 2); /* 1 and 3 are in rack a, 2 and 4 in rack b */
    ADD(&f, 1, 3, 2);
    f.plan.replication_factor = 2;
    make(&f);
    ck_assert_int_eq(copies(&f), 0);
    ck_assert_int_eq(f.partitions[0].target[0], 1);
    ck_assert_int_eq(f.partitions[0].target[1], 2);
    fini(&f);
}
END_TEST

static int32_t racks_of(const struct fixture *f, const struct move_partition *part)
{
    int32_t count = 0;
    for (int32_t i = 0; i < part->target_count; i++) {
        bool is_new = true;
        for (int32_t k = 0; k < i; k++) {
            is_new = is_new && !slice_eq(f->brokers[part->target[i] - 1].rack,
                                         f->brokers[part->target[k] - 1].rack);
        }
        count += is_new;
    }
    return count;
}

/* Different brokers, all from the list; equal shares unless racks forbid it; no more copies than
 * what had to leave and what was too much somewhere. */
static void check_random(uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    struct fixture f;
    int32_t racks = (int32_t)(prng_next(&prng) % 4);
    int32_t brokers = 3 + (int32_t)(prng_next(&prng) % (BROKERS_MAX - 3));
    init(&f, brokers, racks);
    int32_t count = 1 + (int32_t)(prng_next(&prng) % PARTITIONS_MAX);
    for (int32_t i = 0; i < count; i++) {
        int32_t replicas[3];
        int32_t first = (int32_t)(prng_next(&prng) % (BROKERS_MAX + 3));
        int32_t factor = 1 + (int32_t)(prng_next(&prng) % 3);
        for (int32_t k = 0; k < factor; k++) {
            replicas[k] = 1 + (first + k * 5) % (BROKERS_MAX + 3); /* some are not in the list */
        }
        add(&f, replicas, factor);
    }
    f.plan.replication_factor = (int32_t)(prng_next(&prng) % 4);
    make(&f);
    int32_t low = INT32_MAX;
    int32_t high = 0;
    for (int32_t id = 1; id <= brokers; id++) {
        low = load_of(&f, id) < low ? load_of(&f, id) : low;
        high = load_of(&f, id) > high ? load_of(&f, id) : high;
    }
    if (racks <= 1) {
        ck_assert_msg(high - low <= 1, "seed %" PRIu64 ": %d to %d", seed, low, high);
    }
    for (int32_t i = 0; i < count; i++) {
        const struct move_partition *part = &f.partitions[i];
        int32_t wanted =
            f.plan.replication_factor > 0 ? f.plan.replication_factor : part->replica_count;
        ck_assert_int_eq(part->target_count, wanted);
        for (int32_t k = 0; k < wanted; k++) {
            ck_assert(part->target[k] >= 1 && part->target[k] <= brokers);
            for (int32_t n = 0; n < k; n++) {
                ck_assert_int_ne(part->target[k], part->target[n]);
            }
        }
    }
    fini(&f);
}

START_TEST(random_clusters)
{
    for (uint64_t seed = 1; seed <= 500; seed++) {
        check_random(seed);
    }
}
END_TEST

START_TEST(new_replicas_spread_over_racks)
{
    struct fixture f;
    init(&f, 6, 3);
    for (int i = 0; i < 6; i++) {
        ADD(&f, 1);
    }
    f.plan.replication_factor = 3;
    make(&f);
    for (int32_t i = 0; i < 6; i++) {
        ck_assert_int_eq(racks_of(&f, &f.partitions[i]), 3);
    }
    fini(&f);
}
END_TEST

START_TEST(leaders_are_spread)
{
    struct fixture f;
    init(&f, 3, 0);
    for (int i = 0; i < 6; i++) {
        ADD(&f, 1, 2, 3);
    }
    make(&f);
    ck_assert_int_eq(copies(&f), 0);
    int32_t leads[4] = {0};
    for (int32_t i = 0; i < 6; i++) {
        leads[f.partitions[i].target[0]]++;
    }
    ck_assert(leads[1] == 2 && leads[2] == 2 && leads[3] == 2);
    fini(&f);
}
END_TEST

UNIT_MAIN("move_plan", fewer_brokers_than_replicas, what_is_good_stays, a_broker_is_drained,
          a_new_broker_gets_its_share, replicas_are_added_and_removed, random_clusters,
          new_replicas_spread_over_racks, leaders_are_spread)
