/* Sessions of brokers: who is stale, and when. */
#include "tests/unit/controller/world.h"

#include "controller/heartbeats.h"
#include "net/net.h"

enum { SESSION_MS = 150, GRACE_MS = 30, LONG_MS = 60 * 1000, DEADLINE_MS = 5000 };

struct fixture {
    struct net_loop *loop;
    struct heartbeats heartbeats;
    struct world world;
    int32_t stale[8];
    int64_t stale_ms[8];
    enum metadata_event events[8];
    int stale_count;
    int64_t committed;
    /* What listens where broker 1 says that it listens, and carries its heartbeats. */
    struct net_server *net;
    struct net_listener *listener;
    struct net_client *broker;
    struct net_conn *conn;
    int asked;
    struct metadata_endpoint endpoint;
};

static const struct metadata_endpoint *address(void *arg, int32_t broker_id)
{
    struct fixture *f = arg;
    return broker_id == 1 && f->endpoint.port != 0 ? &f->endpoint : NULL;
}

static void on_stale(void *arg, int32_t broker_id, enum metadata_event event)
{
    struct fixture *f = arg;
    f->stale_ms[f->stale_count] = net_now_ms(f->loop);
    f->events[f->stale_count] = event;
    f->stale[f->stale_count++] = broker_id;
}

/* Brokers 1 and 2 are unfenced, 3 is fenced. */
static void set_up(struct fixture *f)
{
    *f = (struct fixture){0};
    f->loop = net_loop_new(NULL);
    world_init(&f->world, 1);
    for (int32_t id = 1; id <= 3; id++) {
        world_broker(&f->world, id, NULL);
    }
    world_fence(&f->world, 3);
    f->heartbeats = (struct heartbeats){.loop = f->loop,
                                        .session_timeout_ms = SESSION_MS,
                                        .grace_ms = GRACE_MS,
                                        .discovery_ms = SESSION_MS,
                                        .stale = on_stale,
                                        .address = address,
                                        .arg = f};
    controller_heartbeats_init(&f->heartbeats);
}

static void tear_down(struct fixture *f)
{
    controller_heartbeats_fini(&f->heartbeats);
    net_client_free(f->broker);
    net_listener_free(f->listener);
    net_server_free(f->net);
    net_loop_free(f->loop);
    world_fini(&f->world);
}

static void beat(struct fixture *f, int32_t id, int64_t offset)
{
    const struct metadata_broker *broker = metadata_broker(f->world.image, id);
    controller_heartbeats_touch(
        &f->heartbeats, &(struct heartbeat_contact){id, broker->epoch, offset, f->committed, NULL});
}

static void wait_for_stale(struct fixture *f, int count)
{
    int64_t end = net_now_ms(f->loop) + DEADLINE_MS;
    while (f->stale_count < count && net_now_ms(f->loop) < end) {
        net_loop_step(f->loop, 20);
    }
    ck_assert_int_eq(f->stale_count, count);
}

START_TEST(silent_brokers_become_stale_in_order)
{
    struct fixture f;
    set_up(&f);
    net_loop_step(f.loop, 0);
    int64_t begin = net_now_ms(f.loop);
    controller_heartbeats_begin(&f.heartbeats, f.world.image);
    int64_t beat_ms = begin;
    while (beat_ms < begin + SESSION_MS / 3) {
        net_loop_step(f.loop, 5);
        beat_ms = net_now_ms(f.loop);
    }
    beat(&f, 1, 7);
    beat(&f, 3, 7);
    wait_for_stale(&f, 2);
    ck_assert_int_eq(f.stale[0], 2);
    ck_assert_int_eq(f.stale[1], 1);
    ck_assert_int_eq(f.events[1], METADATA_EVENT_SESSION_ENDED);
    ck_assert_int_ge(f.stale_ms[0], begin + SESSION_MS);
    ck_assert_int_ge(f.stale_ms[1], beat_ms + SESSION_MS);
    tear_down(&f);
}
END_TEST

START_TEST(who_never_comes_to_a_new_controller_is_stale_early)
{
    struct fixture f;
    set_up(&f);
    f.heartbeats.discovery_ms = GRACE_MS;
    int64_t begin = net_now_ms(f.loop);
    controller_heartbeats_begin(&f.heartbeats, f.world.image);
    beat(&f, 1, 7);
    wait_for_stale(&f, 1);
    ck_assert_int_eq(f.stale[0], 2);
    ck_assert_int_ge(f.stale_ms[0], begin + 2 * GRACE_MS);
    ck_assert_int_lt(f.stale_ms[0], begin + SESSION_MS);
    tear_down(&f);
}
END_TEST

START_TEST(a_fenced_broker_has_no_deadline_until_it_is_unfenced)
{
    struct fixture f;
    set_up(&f);
    controller_heartbeats_begin(&f.heartbeats, f.world.image);
    controller_heartbeats_set_state(&f.heartbeats, 1, DECIDE_BROKER_FENCED, 5);
    controller_heartbeats_forget(&f.heartbeats, 2);
    ck_assert(!net_timer_is_set(&f.heartbeats.timer));
    controller_heartbeats_set_state(&f.heartbeats, 3, DECIDE_BROKER_UNFENCED, 6);
    wait_for_stale(&f, 1);
    ck_assert_int_eq(f.stale[0], 3);
    ck_assert_int_eq(f.events[0], METADATA_EVENT_CONNECTION_LOST);
    /* It could not be fenced: it comes again. */
    controller_heartbeats_retry(&f.heartbeats, 3);
    wait_for_stale(&f, 2);
    ck_assert_int_eq(f.stale[1], 3);
    tear_down(&f);
}
END_TEST

START_TEST(clearing_forgets_everything)
{
    struct fixture f;
    set_up(&f);
    controller_heartbeats_begin(&f.heartbeats, f.world.image);
    ck_assert(net_timer_is_set(&f.heartbeats.timer));
    controller_heartbeats_clear(&f.heartbeats);
    ck_assert(!net_timer_is_set(&f.heartbeats.timer));
    ck_assert(!controller_heartbeats_is_live(&f.heartbeats, 1));
    tear_down(&f);
}
END_TEST

START_TEST(a_shutdown_waits_for_the_slowest_active_broker)
{
    struct fixture f;
    set_up(&f);
    controller_heartbeats_begin(&f.heartbeats, f.world.image);
    ck_assert_int_eq(controller_heartbeats_soft(&f.heartbeats, 1).lowest_active_offset, -1);
    beat(&f, 2, 40);
    controller_heartbeats_set_state(&f.heartbeats, 1, DECIDE_BROKER_CONTROLLED_SHUTDOWN, 50);
    controller_heartbeats_set_state(&f.heartbeats, 1, DECIDE_BROKER_CONTROLLED_SHUTDOWN, 60);
    struct decide_heartbeat_soft soft = controller_heartbeats_soft(&f.heartbeats, 1);
    ck_assert_int_eq(soft.shutdown_offset, 50);
    ck_assert_int_eq(soft.lowest_active_offset, 40);
    beat(&f, 2, 55);
    ck_assert_int_eq(controller_heartbeats_soft(&f.heartbeats, 1).lowest_active_offset, 55);
    /* One that shuts down itself is not waited for. */
    controller_heartbeats_set_state(&f.heartbeats, 2, DECIDE_BROKER_CONTROLLED_SHUTDOWN, 70);
    ck_assert_int_eq(controller_heartbeats_soft(&f.heartbeats, 1).lowest_active_offset, INT64_MAX);
    tear_down(&f);
}
END_TEST

START_TEST(what_brokers_lack_is_known)
{
    struct fixture f;
    set_up(&f);
    int32_t id = 1;
    struct heartbeat_view view = controller_heartbeats_view(&f.heartbeats, 77);
    ck_assert_int_eq(view.age_ms, -1);
    ck_assert_int_eq(view.behind_ms, -1);
    ck_assert_int_eq(view.metadata_offset, -1);

    f.committed = 100;
    beat(&f, id, 50); /* never seen to have had all */
    view = controller_heartbeats_view(&f.heartbeats, id);
    ck_assert_int_eq(view.metadata_offset, 50);
    ck_assert_int_eq(view.behind_ms, -1);
    ck_assert_int_ge(view.age_ms, 0);

    f.committed = 120;
    beat(&f, id, 100); /* all that there was at its last heartbeat */
    view = controller_heartbeats_view(&f.heartbeats, id);
    ck_assert_int_ge(view.behind_ms, 0);

    beat(&f, id, 120);
    int64_t begin = net_now_ms(f.loop);
    while (net_now_ms(f.loop) < begin + 30) {
        net_loop_step(f.loop, 10);
    }
    f.committed = 200;
    beat(&f, id, 130); /* what it had last time is long behind */
    f.committed = 300;
    beat(&f, id, 140);
    view = controller_heartbeats_view(&f.heartbeats, id);
    ck_assert_int_ge(view.behind_ms, 20);
    ck_assert_int_eq(view.metadata_offset, 140);
    tear_down(&f);
}
END_TEST

/* ---- is the process of a lost connection gone? ---- */

static void serve(void *arg, struct net_request *request)
{
    struct fixture *f = arg;
    struct wire_api_versions_response response;
    if (slice_eq(request->header.client_id, slice_str("broker"))) {
        f->conn = request->conn;
    } else {
        f->asked++;
    }
    net_request_api_versions(request, ERR_NONE, &response);
    net_reply(request, &response);
}

static const struct net_api apis[] = {
    {.key = WIRE_API_API_VERSIONS, .min_version = 0, .max_version = 4, .handle = serve},
};

static void ignore(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)arg;
    (void)e;
    (void)response;
    (void)raw;
}

#define WAIT_FOR(f, condition) \
    do { \
        int64_t end_ = net_now_ms((f)->loop) + DEADLINE_MS; \
        while (!(condition) && net_now_ms((f)->loop) < end_) { \
            net_loop_step((f)->loop, 20); \
        } \
        ck_assert(condition); \
    } while (0)

/* Broker 1 listens, and its heartbeats come over a connection. Sessions are long, the grace is
 * `grace_ms`. `lies`: what it advertises is not where it listens. */
static void set_up_listening(struct fixture *f, int64_t grace_ms, bool lies)
{
    set_up(f);
    world_fence(&f->world, 2);
    f->heartbeats.session_timeout_ms = LONG_MS;
    f->heartbeats.discovery_ms = LONG_MS;
    f->heartbeats.grace_ms = grace_ms;
    f->net = net_server_new(
        &(struct net_server_options){.apis = apis, .api_count = ARRAY_LEN(apis), .arg = f});
    struct net_listener_options options = {.name = "L", .host = "127.0.0.1", .server = f->net};
    ck_assert_int_eq(net_listen(f->loop, &options, &f->listener, NULL), ERR_NONE);
    f->endpoint = (struct metadata_endpoint){.host = slice_str("127.0.0.1")};
    f->endpoint.port = (uint16_t)net_listener_port(f->listener);
    if (lies) {
        struct net_listener *first = f->listener; /* keeps its port until there is another one */
        ck_assert_int_eq(net_listen(f->loop, &options, &f->listener, NULL), ERR_NONE);
        net_listener_free(first);
    }
    controller_heartbeats_begin(&f->heartbeats, f->world.image);
    f->broker =
        net_client_new(f->loop, &(struct net_client_options){.host = "127.0.0.1",
                                                             .port = net_listener_port(f->listener),
                                                             .client_id = "broker"});
    struct wire_api_versions_request request;
    wire_init(&wire_msg_api_versions_request, &request);
    net_call(f->broker,
             &(struct net_call_args){
                 .api = WIRE_API_API_VERSIONS, .version = 0, .request = &request, .done = ignore});
    WAIT_FOR(f, f->conn != NULL);
    const struct metadata_broker *broker = metadata_broker(f->world.image, 1);
    controller_heartbeats_touch(&f->heartbeats,
                                &(struct heartbeat_contact){1, broker->epoch, 7, 7, f->conn});
}

START_TEST(a_process_that_is_gone_is_stale_at_once)
{
    struct fixture f;
    set_up_listening(&f, LONG_MS, false);
    WAIT_FOR(&f, f.asked == 1);
    net_loop_step(f.loop, 20); /* the answer arrives */
    net_listener_free(f.listener);
    f.listener = NULL;
    wait_for_stale(&f, 1);
    ck_assert_int_eq(f.stale[0], 1);
    ck_assert_int_eq(f.events[0], METADATA_EVENT_BROKER_GONE);
    tear_down(&f);
}
END_TEST

START_TEST(a_process_that_listens_has_the_grace_to_come_back)
{
    struct fixture f;
    set_up_listening(&f, GRACE_MS * 10, false);
    WAIT_FOR(&f, f.asked == 1);
    net_loop_step(f.loop, 20);
    int64_t begin = net_now_ms(f.loop);
    net_client_disconnect(f.broker);
    WAIT_FOR(&f, f.asked == 2);
    wait_for_stale(&f, 1);
    ck_assert_int_eq(f.events[0], METADATA_EVENT_CONNECTION_LOST);
    ck_assert_int_ge(f.stale_ms[0], begin + GRACE_MS * 10);
    tear_down(&f);
}
END_TEST

START_TEST(an_address_that_never_answered_proves_nothing)
{
    struct fixture f;
    set_up_listening(&f, GRACE_MS, true);
    int64_t begin = net_now_ms(f.loop);
    net_client_disconnect(f.broker);
    wait_for_stale(&f, 1);
    ck_assert_int_eq(f.asked, 0);
    ck_assert_int_eq(f.events[0], METADATA_EVENT_CONNECTION_LOST);
    ck_assert_int_ge(f.stale_ms[0], begin + GRACE_MS);
    tear_down(&f);
}
END_TEST

UNIT_MAIN("heartbeats", what_brokers_lack_is_known, silent_brokers_become_stale_in_order,
          who_never_comes_to_a_new_controller_is_stale_early, clearing_forgets_everything,
          a_fenced_broker_has_no_deadline_until_it_is_unfenced, clearing_forgets_everything,
          a_shutdown_waits_for_the_slowest_active_broker, a_process_that_is_gone_is_stale_at_once,
          a_process_that_listens_has_the_grace_to_come_back,
          an_address_that_never_answered_proves_nothing)
