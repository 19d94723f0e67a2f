/* Answers wait for the brokers that they concern. */
#include "tests/unit/controller/server_fixture.h"

#include "controller/settle.h"

enum { BROKERS = 3, TIMEOUT_MS = 1500 };

struct cluster {
    struct fixture f;
    int64_t epochs[BROKERS + 1];
    struct net_client *creator; /* answers on a connection come in order: not that of the brokers */
    struct answer created;      /* the answer to begin_create() */
    int64_t begin_ms;
};

static int64_t log_end(struct cluster *c)
{
    return metadata_image_offset(controller_server_image(c->f.server));
}

static void bring_down(struct cluster *c)
{
    net_client_free(c->creator);
    tear_down(&c->f);
}

/* Brokers 1, 2 and 3 are unfenced and have applied everything. */
static void bring_up(struct cluster *c)
{
    set_up(&c->f);
    set(&c->f, "broker.session.timeout.ms=600000");
    set(&c->f, "metadata.max.idle.interval.ms=0"); /* offsets grow by what the tests do */
    start(&c->f);
    WAIT_FOR(&c->f, controller_server_is_active(c->f.server));
    c->creator = net_client_new(
        c->f.loop, &(struct net_client_options){.host = "127.0.0.1",
                                                .port = controller_server_port(c->f.server)});
    for (int32_t id = 1; id <= BROKERS; id++) {
        c->epochs[id] = register_broker(&c->f, id);
        ck_assert(!beat_at(&c->f, id, c->epochs[id], log_end(c)));
    }
    for (int32_t id = 1; id <= BROKERS; id++) {
        ck_assert(!beat_at(&c->f, id, c->epochs[id], log_end(c)));
    }
}

static void apply(struct cluster *c, int32_t id)
{
    ck_assert(!beat_at(&c->f, id, c->epochs[id], log_end(c)));
}

/* A topic with one partition, led by broker 1. */
static void begin_create(struct cluster *c, int32_t timeout_ms)
{
    int32_t broker = 1;
    struct wire_create_topics_request_topics_assignments assignment = {.broker_ids = &broker,
                                                                       .broker_ids_count = 1};
    struct wire_create_topics_request_topics topic = topic_request("t", -1);
    topic.assignments = &assignment;
    topic.assignments_count = 1;
    struct wire_create_topics_request request = {
        .topics = &topic, .topics_count = 1, .timeout_ms = timeout_ms};
    c->begin_ms = net_now_ms(c->f.loop);
    begin_ask(c->creator, WIRE_API_CREATE_TOPICS, 7, &request, &c->created);
    WAIT_FOR(&c->f, metadata_topic_count(controller_server_image(c->f.server)) == 1);
}

static void step_for(struct cluster *c, int64_t ms)
{
    for (int64_t end = net_now_ms(c->f.loop) + ms; net_now_ms(c->f.loop) < end;) {
        net_loop_step(c->f.loop, 5);
    }
}

/* It came, it is a success, and it names the topic: what it borrowed is still there. */
static int64_t expect_created(struct cluster *c)
{
    WAIT_FOR(&c->f, c->created.done);
    ck_assert_int_eq(c->created.error, ERR_NONE);
    const struct wire_create_topics_response *response = c->created.response;
    ck_assert_int_eq(response->topics_count, 1);
    ck_assert_int_eq(response->topics[0].error_code, 0);
    ck_assert(slice_eq_str(response->topics[0].name, "t"));
    forget(&c->created);
    return net_now_ms(c->f.loop) - c->begin_ms;
}

START_TEST(a_creation_is_answered_when_all_have_applied_it)
{
    struct cluster c;
    bring_up(&c);
    begin_create(&c, TIMEOUT_MS);
    apply(&c, 1);
    apply(&c, 2);
    apply(&c, 3);
    ck_assert_int_lt(expect_created(&c), TIMEOUT_MS);
    bring_down(&c);
}
END_TEST

START_TEST(others_are_waited_for_only_a_moment)
{
    struct cluster c;
    bring_up(&c);
    begin_create(&c, TIMEOUT_MS);
    apply(&c, 1);
    ck_assert_int_ge(expect_created(&c), CONTROLLER_SETTLE_OTHERS_MS);
    bring_down(&c);
}
END_TEST

START_TEST(the_leader_is_waited_for_longer)
{
    struct cluster c;
    bring_up(&c);
    begin_create(&c, TIMEOUT_MS);
    apply(&c, 2);
    apply(&c, 3);
    step_for(&c, 2 * CONTROLLER_SETTLE_OTHERS_MS);
    ck_assert(!c.created.done);
    apply(&c, 1);
    expect_created(&c);
    bring_down(&c);
}
END_TEST

START_TEST(the_timeout_of_the_request_ends_the_wait)
{
    struct cluster c;
    bring_up(&c);
    begin_create(&c, 300);
    int64_t took_ms = expect_created(&c);
    ck_assert_msg(took_ms >= 300 && took_ms < 300 + 5000, "%d ms", (int)took_ms);
    bring_down(&c);
}
END_TEST

START_TEST(a_fenced_leader_is_not_waited_for)
{
    struct cluster c;
    bring_up(&c);
    begin_create(&c, DEADLINE_MS);
    apply(&c, 2);
    apply(&c, 3);
    struct wire_broker_heartbeat_request request;
    wire_init(&wire_msg_broker_heartbeat_request, &request);
    request.broker_id = 1;
    request.broker_epoch = c.epochs[1];
    request.want_fence = true;
    struct answer a = ask(&c.f, WIRE_API_BROKER_HEARTBEAT, 1, &request);
    forget(&a);
    apply(&c, 2);
    apply(&c, 3);
    ck_assert_int_lt(expect_created(&c), DEADLINE_MS / 2);
    bring_down(&c);
}
END_TEST

START_TEST(who_has_no_time_is_answered_at_once)
{
    struct cluster c;
    bring_up(&c);
    begin_create(&c, 0);
    ck_assert_int_lt(expect_created(&c), CONTROLLER_SETTLE_OTHERS_MS);
    bring_down(&c);
}
END_TEST

START_TEST(nothing_written_is_not_waited_for)
{
    struct cluster c;
    bring_up(&c);
    struct wire_create_topics_request_topics topic = topic_request("t", 1);
    topic.replication_factor = 9;
    struct wire_create_topics_request request = {
        .topics = &topic, .topics_count = 1, .timeout_ms = TIMEOUT_MS};
    c.begin_ms = net_now_ms(c.f.loop);
    struct answer a = ask(&c.f, WIRE_API_CREATE_TOPICS, 7, &request);
    ck_assert_int_lt(net_now_ms(c.f.loop) - c.begin_ms, CONTROLLER_SETTLE_OTHERS_MS);
    forget(&a);
    bring_down(&c);
}
END_TEST

START_TEST(the_end_of_a_controller_answers)
{
    struct cluster c;
    bring_up(&c);
    begin_create(&c, DEADLINE_MS);
    ck_assert(!c.created.done);
    controller_server_free(c.f.server);
    c.f.server = NULL;
    WAIT_FOR(&c.f, c.created.done);
    if (c.created.error == ERR_NONE) {
        forget(&c.created);
    }
    bring_down(&c);
}
END_TEST

UNIT_MAIN("settle", a_creation_is_answered_when_all_have_applied_it,
          others_are_waited_for_only_a_moment, the_leader_is_waited_for_longer,
          the_timeout_of_the_request_ends_the_wait, a_fenced_leader_is_not_waited_for,
          who_has_no_time_is_answered_at_once, nothing_written_is_not_waited_for,
          the_end_of_a_controller_answers)
