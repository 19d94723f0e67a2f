/* Which entries of a fetch session are looked at: those to which something happened. */
#include "tests/unit/unit.h"

#include "base/mem.h"
#include "broker/partition/private.h"
#include "broker/sessions.h"

enum { FOLLOWER = 2, PARTITIONS = 100, LAG_TIME_MS = 1000 };

/* A leader's replica, of which only what sessions need is there, and a session with an entry. */
struct fixture {
    struct replica r;
    struct fetch_session session;
    struct fetch_entry entries[PARTITIONS];
    int woken;
};

static void on_woken(void *arg)
{
    ((struct fixture *)arg)->woken++;
}

static void lead(struct replica *r)
{
    struct partition_config config = {.min_insync_replicas = 1,
                                      .replica_lag_time_max_ms = LAG_TIME_MS};
    struct partition_state state = {.leader = 1,
                                    .leader_epoch = 1,
                                    .partition_epoch = 1,
                                    .replicas = {1, FOLLOWER},
                                    .replicas_count = 2,
                                    .isr = {1, FOLLOWER},
                                    .isr_count = 2};
    struct partition_effects effects;
    partition_init(&r->part, 1, &config);
    partition_set_log(&r->part, 0, 10, 10);
    ck_assert_int_eq(partition_apply(&r->part, &state, 0, &effects), PARTITION_CHANGE_NEW_LEADER);
}

/* All entries read from the same replica. */
static struct fixture *fixture_new(int32_t replica_id)
{
    struct fixture *f = MEM_NEW(struct fixture);
    list_init(&f->r.data_waiting);
    list_init(&f->r.acks_waiting);
    list_init(&f->r.starts_waiting);
    lead(&f->r);
    f->session.replica_id = replica_id;
    f->session.woken = on_woken;
    list_init(&f->session.due);
    for (int i = 0; i < PARTITIONS; i++) {
        struct fetch_entry *entry = &f->entries[i];
        entry->session = &f->session;
        list_init(&entry->due_node);
        list_init(&entry->wait.node);
        fetch_entry_due(entry);
    }
    return f;
}

static void fixture_free(struct fixture *f)
{
    for (int i = 0; i < PARTITIONS; i++) {
        fetch_entry_watch(&f->entries[i], NULL);
    }
    ck_assert(list_empty(&f->r.data_waiting));
    ck_assert_uint_eq(f->session.due_count, PARTITIONS);
    mem_free(f);
}

static void rest(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) {
        fetch_entry_watch(&f->entries[i], &f->r);
        fetch_entry_rest(&f->entries[i]);
    }
}

START_TEST(what_rests_is_not_looked_at)
{
    struct fixture *f = fixture_new(-1);
    ck_assert_uint_eq(f->session.due_count, PARTITIONS);
    rest(f, PARTITIONS);
    ck_assert_uint_eq(f->session.due_count, 0);
    fetch_entry_due(&f->entries[7]);
    fetch_entry_due(&f->entries[7]);
    ck_assert_uint_eq(f->session.due_count, 1);
    ck_assert_ptr_eq(f->session.due.next, &f->entries[7].due_node);
    fixture_free(f);
}
END_TEST

/* A follower is woken by data, a consumer by the high watermark; what else changes is noted. */
START_TEST(who_reads_is_told)
{
    static const struct {
        int32_t replica_id;
        void (*tell)(struct replica *r);
        bool due;
        bool woken;
    } cases[] = {
        {FOLLOWER, replica_data_appended, true, true},
        {FOLLOWER, replica_log_start_moved, true, true},
        {FOLLOWER, replica_state_changed, true, false},
        {-1, replica_data_appended, false, false},
        {-1, replica_log_start_moved, true, false},
        {-1, replica_state_changed, true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture *f = fixture_new(cases[i].replica_id);
        rest(f, 1);
        f->session.parked = f;
        cases[i].tell(&f->r);
        ck_assert_uint_eq(f->session.due_count, PARTITIONS - !cases[i].due);
        ck_assert_int_eq(f->woken, cases[i].woken);
        ck_assert_msg((f->entries[0].watched == NULL) == cases[i].woken, "who is woken waits anew");
        fixture_free(f);
    }
}
END_TEST

START_TEST(the_high_watermark_wakes_consumers_and_is_noted_by_followers)
{
    struct partition_effects effects = {.high_watermark_moved = true};
    for (int32_t replica_id = -1; replica_id <= FOLLOWER; replica_id += FOLLOWER + 1) {
        struct fixture *f = fixture_new(replica_id);
        rest(f, 1);
        f->session.parked = f;
        replica_obey(&f->r, &effects);
        ck_assert_uint_eq(f->session.due_count, PARTITIONS);
        ck_assert_int_eq(f->woken, replica_id < 0);
        fixture_free(f);
    }
}
END_TEST

START_TEST(who_has_lost_the_replica_is_woken)
{
    for (int32_t replica_id = -1; replica_id <= FOLLOWER; replica_id += FOLLOWER + 1) {
        struct fixture *f = fixture_new(replica_id);
        rest(f, 1);
        f->session.parked = f;
        replica_end_waits(&f->r, ERR_NOT_LEADER_OR_FOLLOWER);
        ck_assert_int_eq(f->woken, 1);
        ck_assert_ptr_null(f->entries[0].watched);
        ck_assert(list_empty(&f->r.data_waiting));
        fixture_free(f);
    }
}
END_TEST

/* Nobody is parked between two requests. */
START_TEST(what_happens_between_requests_is_kept_for_the_next)
{
    struct fixture *f = fixture_new(FOLLOWER);
    rest(f, PARTITIONS);
    replica_data_appended(&f->r);
    ck_assert_int_eq(f->woken, 0);
    ck_assert_uint_eq(f->session.due_count, PARTITIONS);
    fixture_free(f);
}
END_TEST

static void fetched(struct fixture *f, int64_t offset, int64_t now_ms)
{
    struct partition_fetch fetch = {.replica_id = FOLLOWER, .broker_epoch = 1};
    struct partition_effects effects;
    fetch.fetch_offset = offset;
    ck_assert_int_eq(partition_fetched(&f->r.part, &fetch, now_ms, NULL, &effects), ERR_NONE);
}

static bool is_caught_up(struct fixture *f, int64_t now_ms)
{
    struct partition *p = &f->r.part;
    return partition_caught_up(p, partition_remote_find(p, FOLLOWER), now_ms);
}

/* A follower that had all, and whose session was used last long afterwards. */
static struct fixture *rested_new(void)
{
    struct fixture *f = fixture_new(FOLLOWER);
    fetched(f, 10, 0);
    rest(f, 1);
    f->session.last_used_ms = 50 * LAG_TIME_MS;
    return f;
}

/* Records come; the follower lags from its last use on, not from its last fetch. */
static void must_lag_since_last_use(struct fixture *f)
{
    struct partition_effects effects;
    partition_appended(&f->r.part, 20, 50 * LAG_TIME_MS + 1, NULL, &effects);
    replica_data_appended(&f->r);
    ck_assert(is_caught_up(f, 51 * LAG_TIME_MS));
    ck_assert(!is_caught_up(f, 51 * LAG_TIME_MS + 1));
}

/* A follower that kept fetching an idle partition has not lagged since it was named last. */
START_TEST(who_rests_keeps_up)
{
    struct fixture *f = rested_new();
    must_lag_since_last_use(f);
    fixture_free(f);
}
END_TEST

/* The same when its session ends before anything happens. */
START_TEST(who_leaves_has_kept_up_until_then)
{
    struct fixture *f = rested_new();
    fetch_entry_watch(&f->entries[0], NULL);
    must_lag_since_last_use(f);
    fixture_free(f);
}
END_TEST

/* A new epoch knows nothing of the fetches before it. */
START_TEST(a_new_epoch_is_not_told_of_the_last)
{
    struct fixture *f = rested_new();
    struct partition_state state = f->r.part.state;
    struct partition_effects effects;
    state.leader_epoch++;
    state.partition_epoch++;
    partition_apply(&f->r.part, &state, 10, &effects);
    replica_state_changed(&f->r);
    ck_assert_int_eq(partition_remote_find(&f->r.part, FOLLOWER)->last_caught_up_ms, 10);
    fixture_free(f);
}
END_TEST

UNIT_MAIN("session entries", what_rests_is_not_looked_at, who_reads_is_told,
          the_high_watermark_wakes_consumers_and_is_noted_by_followers,
          who_has_lost_the_replica_is_woken, what_happens_between_requests_is_kept_for_the_next,
          who_rests_keeps_up, who_leaves_has_kept_up_until_then,
          a_new_epoch_is_not_told_of_the_last)
