/* Fetch sessions: epochs, incremental changes, names and ids, who makes room for whom. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "base/mem.h"
#include "broker/sessions.h"
#include "metadata/settings.h"
#include "wire/wire.h"

enum { BY_NAME = 12, BY_ID = 17, TWO_MINUTES_MS = 120000, PARTITIONS_MAX = 64 };

/* A broker of which only what sessions need is there. */
struct fixture {
    struct broker broker;
    struct broker_sessions *sessions;
};

static struct fixture *fixture_new(const char *slots)
{
    struct fixture *f = MEM_NEW(struct fixture);
    struct settings *settings = settings_new();
    struct buf why = {0};
    char pair[80];
    snprintf(pair, sizeof pair, "max.incremental.fetch.session.cache.slots=%s", slots);
    ck_assert_int_eq(settings_set_pair(settings, pair, &why), ERR_NONE);
    struct net_loop_options options = {.work_inline = true};
    f->broker.settings = settings;
    f->broker.loop = net_loop_new(&options);
    f->broker.incarnation_id = uuid_random();
    f->sessions = broker_sessions_new(&f->broker);
    buf_fini(&why);
    return f;
}

static void fixture_free(struct fixture *f)
{
    broker_sessions_free(f->sessions);
    net_loop_free(f->broker.loop);
    settings_free((struct settings *)(uintptr_t)f->broker.settings);
    mem_free(f);
}

static const struct uuid id_a = {1, 2};
static const struct uuid id_b = {3, 4};

/* A request that names at most one topic. */
struct request {
    struct wire_fetch_request fetch;
    struct wire_fetch_request_topics topic;
    struct wire_fetch_request_topics_partitions partitions[PARTITIONS_MAX];
    struct wire_fetch_request_forgotten_topics_data forgotten;
    int32_t forgotten_partition;
};

static struct request *request_init(struct request *r, int32_t id, int32_t epoch)
{
    memset(r, 0, sizeof *r);
    wire_init(wire_request(WIRE_API_FETCH), &r->fetch);
    r->fetch.session_id = id;
    r->fetch.session_epoch = epoch;
    r->fetch.replica_id = -1;
    r->fetch.replica_state.replica_id = -1;
    return r;
}

static void name_topic(struct request *r, const char *name, struct uuid topic_id)
{
    r->topic = (struct wire_fetch_request_topics){
        .topic = slice_str(name), .topic_id = topic_id, .partitions = r->partitions};
    r->fetch.topics = &r->topic;
    r->fetch.topics_count = 1;
}

static void ask(struct request *r, int32_t partition, int64_t offset)
{
    ck_assert_int_lt(r->topic.partitions_count, PARTITIONS_MAX);
    r->partitions[r->topic.partitions_count++] = (struct wire_fetch_request_topics_partitions){
        .partition = partition, .fetch_offset = offset, .partition_max_bytes = 1000};
}

static void forget(struct request *r, const char *name, struct uuid topic_id, int32_t partition)
{
    r->forgotten_partition = partition;
    r->forgotten =
        (struct wire_fetch_request_forgotten_topics_data){.topic = slice_str(name),
                                                          .topic_id = topic_id,
                                                          .partitions = &r->forgotten_partition,
                                                          .partitions_count = 1};
    r->fetch.forgotten_topics_data = &r->forgotten;
    r->fetch.forgotten_topics_data_count = 1;
}

static struct fetch_session *open_ok(struct fixture *f, const struct request *r, int16_t version)
{
    struct fetch_session *session;
    ck_assert_int_eq(broker_session_open(f->sessions, &r->fetch, version, &session), ERR_NONE);
    return session;
}

static void open_fails(struct fixture *f, const struct request *r, int16_t version, enum err wanted)
{
    struct fetch_session *session;
    ck_assert_int_eq(broker_session_open(f->sessions, &r->fetch, version, &session), wanted);
    ck_assert_ptr_null(session);
}

/* A session with `count` partitions of topic a; answered. */
static struct fetch_session *begin(struct fixture *f, int16_t version, int count, bool follower)
{
    struct request r;
    request_init(&r, 0, 0);
    if (follower) {
        r.fetch.replica_id = 2;
        r.fetch.replica_state.replica_id = 2;
    }
    name_topic(&r, "a", id_a);
    for (int i = 0; i < count; i++) {
        ask(&r, i, 100 + i);
    }
    struct fetch_session *session = open_ok(f, &r, version);
    broker_session_done(f->sessions, session);
    return session;
}

/* "a0=100 a1=101 ": what is asked, in order. */
static void assert_entries(const struct fetch_session *session, const char *wanted)
{
    struct buf text = {0};
    size_t count = 0;
    LIST_EACH(node, &session->entries)
    {
        const struct fetch_entry *e = LIST_ENTRY(node, struct fetch_entry, node);
        if (session->by_id) {
            buf_printf(&text, "%s", uuid_eq(e->topic_id, id_a) ? "a" : "b");
        } else {
            buf_put_slice(&text, e->topic);
        }
        buf_printf(&text, "%d=%lld ", e->index, (long long)e->fetch_offset);
        count++;
    }
    buf_put(&text, "", 1);
    ck_assert_str_eq((const char *)text.data, wanted);
    ck_assert_uint_eq(session->count, count);
    ck_assert_uint_eq(session->by_key.count, count);
    buf_fini(&text);
}

START_TEST(a_session_begins_and_goes_on)
{
    struct fixture *f = fixture_new("10");
    const int16_t versions[] = {BY_NAME, BY_ID};
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct fetch_session *session = begin(f, versions[v], 2, false);
        ck_assert_int_ne(session->id, 0);
        ck_assert(!session->incremental);
        assert_entries(session, "a0=100 a1=101 ");

        struct request r;
        request_init(&r, session->id, 1);
        name_topic(&r, "a", id_a);
        ask(&r, 1, 150);
        ck_assert_ptr_eq(open_ok(f, &r, versions[v]), session);
        ck_assert(session->incremental);
        assert_entries(session, "a0=100 a1=150 ");
        broker_session_done(f->sessions, session);

        request_init(&r, session->id, 2);
        name_topic(&r, "b", id_b);
        ask(&r, 0, 7);
        forget(&r, "a", id_a, 0);
        ck_assert_ptr_eq(open_ok(f, &r, versions[v]), session);
        assert_entries(session, "a1=150 b0=7 ");
        broker_session_done(f->sessions, session);
    }
    fixture_free(f);
}
END_TEST

/* A follower that dropped an answer names the partition again: it must be told the high watermark
 * that the session believes it to know. */
START_TEST(who_is_named_again_is_told_everything)
{
    struct fixture *f = fixture_new("10");
    struct fetch_session *session = begin(f, BY_ID, 2, true);
    LIST_EACH(node, &session->entries)
    {
        LIST_ENTRY(node, struct fetch_entry, node)->answered_hw = 100;
    }
    struct request r;
    request_init(&r, session->id, 1);
    r.fetch.replica_state.replica_id = 2;
    name_topic(&r, "a", id_a);
    ask(&r, 1, 101);
    open_ok(f, &r, BY_ID);
    const struct fetch_entry *first = LIST_ENTRY(session->entries.next, struct fetch_entry, node);
    const struct fetch_entry *second = LIST_ENTRY(session->entries.prev, struct fetch_entry, node);
    ck_assert_int_eq(first->answered_hw, 100);
    ck_assert_int_eq(second->answered_hw, -1);
    broker_session_done(f->sessions, session);
    fixture_free(f);
}
END_TEST

/* Who moves a partition out and in again in one request wants it to stay. */
START_TEST(forgetting_comes_before_naming)
{
    struct fixture *f = fixture_new("10");
    struct fetch_session *session = begin(f, BY_ID, 1, false);
    struct request r;
    request_init(&r, session->id, 1);
    name_topic(&r, "a", id_a);
    ask(&r, 0, 500);
    forget(&r, "a", id_a, 0);
    open_ok(f, &r, BY_ID);
    assert_entries(session, "a0=500 ");
    broker_session_done(f->sessions, session);
    /* What is not there is forgotten easily. */
    request_init(&r, session->id, 2);
    forget(&r, "b", id_b, 9);
    open_ok(f, &r, BY_ID);
    assert_entries(session, "a0=500 ");
    broker_session_done(f->sessions, session);
    fixture_free(f);
}
END_TEST

START_TEST(wrong_sessions_are_refused)
{
    struct fixture *f = fixture_new("10");
    struct fetch_session *session = begin(f, BY_NAME, 1, false);
    struct request r;
    request_init(&r, session->id == 1 ? 2 : 1, 1);
    open_fails(f, &r, BY_NAME, ERR_FETCH_SESSION_ID_NOT_FOUND);
    request_init(&r, 0, 1);
    open_fails(f, &r, BY_NAME, ERR_FETCH_SESSION_ID_NOT_FOUND);
    request_init(&r, session->id, 2);
    open_fails(f, &r, BY_NAME, ERR_INVALID_FETCH_SESSION_EPOCH);
    request_init(&r, session->id, 1);
    open_fails(f, &r, BY_ID, ERR_FETCH_SESSION_TOPIC_ID_ERROR);
    /* None of it did harm, and each epoch is good once. */
    open_ok(f, &r, BY_NAME);
    broker_session_done(f->sessions, session);
    open_fails(f, &r, BY_NAME, ERR_INVALID_FETCH_SESSION_EPOCH);
    fixture_free(f);
}
END_TEST

START_TEST(the_epoch_wraps_to_one)
{
    struct fixture *f = fixture_new("10");
    struct fetch_session *session = begin(f, BY_ID, 1, false);
    session->epoch = INT32_MAX;
    struct request r;
    request_init(&r, session->id, INT32_MAX);
    open_ok(f, &r, BY_ID);
    ck_assert_int_eq(session->epoch, 1);
    broker_session_done(f->sessions, session);
    fixture_free(f);
}
END_TEST

START_TEST(epoch_minus_one_ends_a_session)
{
    struct fixture *f = fixture_new("10");
    struct fetch_session *session = begin(f, BY_ID, 1, false);
    int32_t id = session->id;
    struct request r;
    request_init(&r, id, -1);
    name_topic(&r, "b", id_b);
    ask(&r, 3, 9);
    struct fetch_session *last = open_ok(f, &r, BY_ID);
    ck_assert_int_eq(last->id, 0);
    assert_entries(last, "b3=9 ");
    broker_session_done(f->sessions, last); /* frees it */
    request_init(&r, id, 1);
    open_fails(f, &r, BY_ID, ERR_FETCH_SESSION_ID_NOT_FOUND);
    fixture_free(f);
}
END_TEST

START_TEST(epoch_zero_begins_anew)
{
    struct fixture *f = fixture_new("10");
    int32_t id = begin(f, BY_ID, 3, false)->id;
    struct request r;
    request_init(&r, id, 0);
    name_topic(&r, "b", id_b);
    ask(&r, 0, 1);
    struct fetch_session *second = open_ok(f, &r, BY_ID);
    ck_assert_int_ne(second->id, 0);
    assert_entries(second, "b0=1 ");
    broker_session_done(f->sessions, second);
    request_init(&r, id, 1);
    if (second->id != id) {
        open_fails(f, &r, BY_ID, ERR_FETCH_SESSION_ID_NOT_FOUND);
    }
    fixture_free(f);
}
END_TEST

/* librdkafka and kafka-python never have one. */
START_TEST(requests_without_a_session_leave_nothing)
{
    struct fixture *f = fixture_new("10");
    for (int i = 0; i < 100; i++) {
        struct request r;
        request_init(&r, 0, -1);
        name_topic(&r, "a", id_a);
        ask(&r, 0, i);
        struct fetch_session *session = open_ok(f, &r, BY_NAME);
        ck_assert_int_eq(session->id, 0);
        broker_session_done(f->sessions, session);
    }
    fixture_free(f);
}
END_TEST

/* Names are only names: index 0 of topic "x1" is not index 1 of topic "x". */
START_TEST(names_do_not_run_into_each_other)
{
    struct fixture *f = fixture_new("10");
    struct fetch_session *session = begin(f, BY_NAME, 0, false);
    const char *const names[] = {"x", "x1", "x10", "x1"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct request r;
        request_init(&r, session->id, session->epoch);
        name_topic(&r, names[i], UUID_ZERO);
        ask(&r, 0, (int64_t)i);
        ask(&r, 1, (int64_t)i);
        open_ok(f, &r, BY_NAME);
        broker_session_done(f->sessions, session);
    }
    assert_entries(session, "x0=0 x1=0 x10=3 x11=3 x100=2 x101=2 ");
    fixture_free(f);
}
END_TEST

/* Named twice in one request: the last word counts. */
START_TEST(a_partition_is_there_once)
{
    struct fixture *f = fixture_new("10");
    struct request r;
    request_init(&r, 0, -1);
    name_topic(&r, "a", id_a);
    ask(&r, 0, 1);
    ask(&r, 0, 2);
    struct fetch_session *session = open_ok(f, &r, BY_NAME);
    assert_entries(session, "a0=2 ");
    broker_session_done(f->sessions, session);
    fixture_free(f);
}
END_TEST

/* ---- room ---- */

static bool is_there(struct fixture *f, int32_t id)
{
    struct request r;
    struct fetch_session *session;
    request_init(&r, id, INT32_MAX); /* never the next epoch here */
    return broker_session_open(f->sessions, &r.fetch, BY_ID, &session) !=
           ERR_FETCH_SESSION_ID_NOT_FOUND;
}

START_TEST(without_room_there_is_no_session)
{
    struct fixture *f = fixture_new("0");
    struct request r;
    request_init(&r, 0, 0);
    name_topic(&r, "a", id_a);
    ask(&r, 0, 1);
    struct fetch_session *session = open_ok(f, &r, BY_ID);
    ck_assert_int_eq(session->id, 0);
    assert_entries(session, "a0=1 ");
    broker_session_done(f->sessions, session);
    fixture_free(f);
}
END_TEST

START_TEST(fresh_sessions_stay)
{
    struct fixture *f = fixture_new("2");
    int32_t first = begin(f, BY_ID, 1, false)->id;
    int32_t second = begin(f, BY_ID, 1, false)->id;
    struct request r;
    request_init(&r, 0, 0);
    name_topic(&r, "a", id_a);
    for (int i = 0; i < 20; i++) {
        ask(&r, i, 1); /* larger, but nobody is old */
    }
    struct fetch_session *third = open_ok(f, &r, BY_ID);
    ck_assert_int_eq(third->id, 0);
    broker_session_done(f->sessions, third);
    ck_assert(is_there(f, first));
    ck_assert(is_there(f, second));
    fixture_free(f);
}
END_TEST

START_TEST(unused_sessions_go_first)
{
    struct fixture *f = fixture_new("2");
    struct fetch_session *first = begin(f, BY_ID, 9, false);
    struct fetch_session *second = begin(f, BY_ID, 9, false);
    int32_t first_id = first->id;
    int32_t second_id = second->id;
    second->last_used_ms -= TWO_MINUTES_MS;
    int32_t third_id = begin(f, BY_ID, 1, false)->id;
    ck_assert_int_ne(third_id, 0);
    ck_assert(is_there(f, first_id));
    ck_assert(!is_there(f, second_id));
    ck_assert(is_there(f, third_id));
    fixture_free(f);
}
END_TEST

START_TEST(followers_go_before_consumers)
{
    struct fixture *f = fixture_new("1");
    int32_t consumer = begin(f, BY_ID, 9, false)->id;
    int32_t follower = begin(f, BY_ID, 1, true)->id;
    ck_assert_int_ne(follower, 0);
    ck_assert(!is_there(f, consumer));
    /* And no consumer drives a follower out, however large. */
    struct request r;
    request_init(&r, 0, 0);
    name_topic(&r, "a", id_a);
    for (int i = 0; i < 50; i++) {
        ask(&r, i, 1);
    }
    struct fetch_session *session = open_ok(f, &r, BY_ID);
    ck_assert_int_eq(session->id, 0);
    broker_session_done(f->sessions, session);
    ck_assert(is_there(f, follower));
    fixture_free(f);
}
END_TEST

START_TEST(large_sessions_replace_old_small_ones)
{
    struct fixture *f = fixture_new("1");
    struct fetch_session *small = begin(f, BY_ID, 1, false);
    int32_t small_id = small->id;
    small->created_ms -= TWO_MINUTES_MS;
    int32_t large = begin(f, BY_ID, 2, false)->id;
    ck_assert_int_ne(large, 0);
    ck_assert(!is_there(f, small_id));
    fixture_free(f);
}
END_TEST

/* ---- parked requests ---- */

struct parked {
    struct fixture *f;
    struct fetch_session *session;
    int hurried;
};

static void hurry(void *arg)
{
    struct parked *parked = arg;
    parked->hurried++;
    broker_session_done(parked->f->sessions, parked->session);
}

static void park(struct parked *parked)
{
    parked->session->parked = parked;
    parked->session->hurry = hurry;
}

START_TEST(a_second_request_hurries_the_first)
{
    struct fixture *f = fixture_new("1");
    struct parked parked = {f, begin(f, BY_ID, 1, false), 0};
    park(&parked);
    /* A wrong epoch does not. */
    struct request r;
    request_init(&r, parked.session->id, 7);
    open_fails(f, &r, BY_ID, ERR_INVALID_FETCH_SESSION_EPOCH);
    ck_assert_int_eq(parked.hurried, 0);
    request_init(&r, parked.session->id, 1);
    open_ok(f, &r, BY_ID);
    ck_assert_int_eq(parked.hurried, 1);
    ck_assert_ptr_null(parked.session->parked);
    park(&parked);
    request_init(&r, parked.session->id, -1); /* ends it */
    struct fetch_session *last = open_ok(f, &r, BY_ID);
    ck_assert_int_eq(parked.hurried, 2);
    broker_session_done(f->sessions, last);
    fixture_free(f);
}
END_TEST

START_TEST(a_parked_session_is_not_driven_out)
{
    struct fixture *f = fixture_new("1");
    struct parked parked = {f, begin(f, BY_ID, 1, false), 0};
    park(&parked);
    parked.session->last_used_ms -= 2 * TWO_MINUTES_MS;
    struct request r;
    request_init(&r, 0, 0);
    struct fetch_session *other = open_ok(f, &r, BY_ID);
    ck_assert_int_eq(other->id, 0);
    broker_session_done(f->sessions, other);
    ck_assert_int_eq(parked.hurried, 0);
    /* At the end everybody is answered. */
    fixture_free(f);
    ck_assert_int_eq(parked.hurried, 1);
}
END_TEST

UNIT_MAIN("sessions", a_session_begins_and_goes_on, who_is_named_again_is_told_everything,
          forgetting_comes_before_naming, wrong_sessions_are_refused, the_epoch_wraps_to_one,
          epoch_minus_one_ends_a_session, epoch_zero_begins_anew,
          requests_without_a_session_leave_nothing, names_do_not_run_into_each_other,
          a_partition_is_there_once, without_room_there_is_no_session, fresh_sessions_stay,
          unused_sessions_go_first, followers_go_before_consumers,
          large_sessions_replace_old_small_ones, a_second_request_hurries_the_first,
          a_parked_session_is_not_driven_out)
