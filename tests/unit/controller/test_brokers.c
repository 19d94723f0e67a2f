/* Registration, heartbeats, controlled shutdown, failed directories, unregistration, producer ids,
 * features. */
#include "tests/unit/controller/world.h"

#include "controller/decide/producer_ids.h"

#define INCARNATION(n) ((struct uuid){5, (n)})

/* ---- registration ---- */

static int register_request(struct world *w, const struct wire_broker_registration_request *request)
{
    struct slice why;
    struct decision *out = world_begin(w);
    struct decide_input in = world_input(w);
    in.api_version = 4;
    decide_register_broker(&in, request, false, out, &why);
    world_apply(w);
    int code = ((struct wire_broker_registration_response *)out->response)->error_code;
    ck_assert_msg(code == 0 || !slice_is_null(why), "a refusal has a sentence");
    return code;
}

START_TEST(refuses_registrations)
{
    struct world w;
    struct wire_broker_registration_request request;
    struct wire_broker_registration_request_features features[] = WORLD_FEATURES;
    struct uuid dirs[] = {{1, 1}, {1, 2}};
    world_init(&w, 1);
    world_broker(&w, 9, NULL);
    wire_init(&wire_msg_broker_registration_request, &request);
    request.cluster_id = slice_str("another");
    ck_assert_int_eq(register_request(&w, &request), ERR_INCONSISTENT_CLUSTER_ID);
    request.cluster_id = slice_str(CLUSTER_ID);
    ck_assert_int_eq(register_request(&w, &request), ERR_UNSUPPORTED_VERSION);
    request.features = features;
    request.features_count = 1;
    ck_assert_int_eq(register_request(&w, &request), ERR_UNSUPPORTED_VERSION);
    request.features_count = ARRAY_LEN(features);
    features[0].max_supported_version = 24;
    ck_assert_int_eq(register_request(&w, &request), ERR_UNSUPPORTED_VERSION);
    features[0].max_supported_version = 26;
    ck_assert_int_eq(register_request(&w, &request), ERR_INVALID_REGISTRATION);
    request.log_dirs = dirs;
    request.log_dirs_count = 2;
    dirs[1] = dirs[0];
    ck_assert_int_eq(register_request(&w, &request), ERR_INVALID_REGISTRATION);
    dirs[1] = (struct uuid){0, 99};
    ck_assert_int_eq(register_request(&w, &request), ERR_INVALID_REGISTRATION);
    dirs[1] = metadata_broker(w.image, 9)->log_dirs.items[0];
    ck_assert_int_eq(register_request(&w, &request), ERR_INVALID_REGISTRATION);
    dirs[1] = (struct uuid){1, 2};
    request.broker_id = -1;
    ck_assert_int_eq(register_request(&w, &request), ERR_INVALID_REGISTRATION);
    request.broker_id = 0;
    ck_assert_int_eq(register_request(&w, &request), 0);
    world_fini(&w);
}
END_TEST

START_TEST(a_broker_begins_fenced_with_its_offset_as_epoch)
{
    struct world w;
    world_init(&w, 1);
    ck_assert_int_eq(world_register(&w, 1, "r", INCARNATION(1), false), 0);
    const struct metadata_broker *broker = metadata_broker(w.image, 1);
    ck_assert(broker->fenced);
    ck_assert_int_eq(broker->epoch, metadata_image_offset(w.image));
    ck_assert_int_eq(
        ((struct wire_broker_registration_response *)w.decision.response)->broker_epoch,
        broker->epoch);
    world_fini(&w);
}
END_TEST

START_TEST(another_process_is_refused_while_the_first_is_live)
{
    struct world w;
    world_init(&w, 1);
    world_register(&w, 1, NULL, INCARNATION(1), false);
    world_beat(&w, 1, (struct beat){0});
    int64_t epoch = metadata_broker(w.image, 1)->epoch;
    ck_assert_int_eq(world_register(&w, 1, NULL, INCARNATION(2), true),
                     ERR_DUPLICATE_BROKER_REGISTRATION);
    /* The same process again: nothing changes. */
    ck_assert_int_eq(world_register(&w, 1, NULL, INCARNATION(1), true), 0);
    ck_assert_int_eq(metadata_broker(w.image, 1)->epoch, epoch);
    ck_assert(!metadata_broker(w.image, 1)->fenced);
    ck_assert_int_eq(world_register(&w, 1, NULL, INCARNATION(2), false), 0);
    ck_assert_int_gt(metadata_broker(w.image, 1)->epoch, epoch);
    ck_assert(metadata_broker(w.image, 1)->fenced);
    world_fini(&w);
}
END_TEST

START_TEST(a_restarted_broker_leads_nothing_and_is_in_no_isr)
{
    struct world w;
    world_init(&w, 1);
    for (int32_t id = 1; id <= 2; id++) {
        world_broker(&w, id, NULL);
    }
    struct uuid t = world_topic(&w, "t", "1,2;2,1");
    struct uuid u = world_topic(&w, "u", "1");
    ck_assert_int_eq(world_register(&w, 1, NULL, INCARNATION(8), false), 0);
    ck_assert_str_eq(world_show(&w, t, 0), "2/1/1 isr=2");
    ck_assert_str_eq(world_show(&w, t, 1), "2/0/1 isr=2");
    ck_assert_str_eq(world_show(&w, u, 0), "-1/1/1 isr=1");
    /* The registration is last, and knew its own offset. */
    ck_assert_int_eq(metadata_broker(w.image, 1)->epoch, metadata_image_offset(w.image));
    ck_assert_int_eq(world_beat(&w, 1, (struct beat){0}), DECIDE_BROKER_UNFENCED);
    ck_assert_str_eq(world_show(&w, u, 0), "1/2/2 isr=1");
    world_fini(&w);
}
END_TEST

/* ---- heartbeats ---- */

START_TEST(refuses_stale_epochs)
{
    struct world w;
    struct decide_heartbeat_soft soft = {0};
    enum decide_broker_state next;
    world_init(&w, 1);
    world_broker(&w, 1, NULL);
    struct wire_broker_heartbeat_request request = {.broker_id = 1, .broker_epoch = 0};
    for (int i = 0; i < 2; i++) {
        struct decision *out = world_begin(&w);
        struct decide_input in = world_input(&w);
        decide_heartbeat(&in, &request, &soft, out, &next);
        ck_assert_int_eq(world_beat_response(&w)->error_code, ERR_STALE_BROKER_EPOCH);
        ck_assert_uint_eq(out->count, 0);
        request.broker_id = 2;
    }
    world_fini(&w);
}
END_TEST

START_TEST(unfenced_only_when_it_has_read_its_own_registration)
{
    struct world w;
    world_init(&w, 1);
    world_register(&w, 1, NULL, INCARNATION(1), false);
    ck_assert_int_eq(world_beat(&w, 1, (struct beat){.behind = 1}), DECIDE_BROKER_FENCED);
    ck_assert(!world_beat_response(&w)->is_caught_up);
    ck_assert(world_beat_response(&w)->is_fenced);
    ck_assert_int_eq(world_beat(&w, 1, (struct beat){.want_fence = true}), DECIDE_BROKER_FENCED);
    ck_assert(world_beat_response(&w)->is_caught_up);
    ck_assert_int_eq(world_beat(&w, 1, (struct beat){0}), DECIDE_BROKER_UNFENCED);
    ck_assert(!world_beat_response(&w)->is_fenced);
    ck_assert_uint_eq(w.decision.count, 1);
    ck_assert_int_eq(world_beat(&w, 1, (struct beat){0}), DECIDE_BROKER_UNFENCED);
    ck_assert_uint_eq(w.decision.count, 0);
    ck_assert_int_eq(world_beat(&w, 1, (struct beat){.want_fence = true}), DECIDE_BROKER_FENCED);
    world_fini(&w);
}
END_TEST

START_TEST(a_fenced_or_idle_broker_goes_down_at_once)
{
    struct world w;
    world_init(&w, 1);
    world_register(&w, 1, NULL, INCARNATION(1), false);
    ck_assert_int_eq(world_beat(&w, 1, (struct beat){.want_shut_down = true}),
                     DECIDE_BROKER_SHUTDOWN_NOW);
    ck_assert(world_beat_response(&w)->should_shut_down);
    ck_assert_uint_eq(w.decision.count, 0);
    world_beat(&w, 1, (struct beat){0});
    ck_assert_int_eq(world_beat(&w, 1, (struct beat){.want_shut_down = true}),
                     DECIDE_BROKER_SHUTDOWN_NOW);
    ck_assert(metadata_broker(w.image, 1)->fenced);
    world_fini(&w);
}
END_TEST

START_TEST(controlled_shutdown_hands_over_and_waits_for_the_others)
{
    struct world w;
    world_init(&w, 1);
    for (int32_t id = 1; id <= 3; id++) {
        world_broker(&w, id, NULL);
    }
    struct uuid t = world_topic(&w, "t", "1,2,3;2,1,3");
    struct uuid u = world_topic(&w, "u", "1");
    ck_assert_int_eq(world_beat(&w, 1, (struct beat){.want_shut_down = true}),
                     DECIDE_BROKER_CONTROLLED_SHUTDOWN);
    ck_assert_int_eq(w.decision.records[0].type, METADATA_RECORD_BROKER_REGISTRATION_CHANGE);
    ck_assert(!world_beat_response(&w)->should_shut_down);
    ck_assert(!world_beat_response(&w)->is_fenced);
    ck_assert_str_eq(world_show(&w, t, 0), "2/1/1 isr=2,3");
    ck_assert_str_eq(world_show(&w, t, 1), "2/0/1 isr=2,3");
    ck_assert_str_eq(world_show(&w, u, 0), "-1/1/1 isr=1");
    struct beat beat = {.want_shut_down = true, .shutdown_offset = 20, .lowest_active_offset = 19};
    ck_assert_int_eq(world_beat(&w, 1, beat), DECIDE_BROKER_CONTROLLED_SHUTDOWN);
    ck_assert_uint_eq(w.decision.count, 0);
    beat.lowest_active_offset = 20;
    ck_assert_int_eq(world_beat(&w, 1, beat), DECIDE_BROKER_SHUTDOWN_NOW);
    ck_assert(metadata_broker(w.image, 1)->fenced);
    world_fini(&w);
}
END_TEST

START_TEST(a_failed_directory_takes_its_replicas_out)
{
    struct world w;
    struct decide_heartbeat_soft soft = {0};
    enum decide_broker_state next;
    world_init(&w, 1);
    world_broker(&w, 2, NULL);
    struct uuid dirs[] = {{1, 1}, {1, 2}};
    struct wire_broker_registration_request_features features[] = WORLD_FEATURES;
    struct wire_broker_registration_request registration;
    wire_init(&wire_msg_broker_registration_request, &registration);
    registration.broker_id = 1;
    registration.cluster_id = slice_str(CLUSTER_ID);
    registration.features = features;
    registration.features_count = ARRAY_LEN(features);
    registration.log_dirs = dirs;
    registration.log_dirs_count = 2;
    ck_assert_int_eq(register_request(&w, &registration), 0);
    world_beat(&w, 1, (struct beat){0});
    struct uuid t = world_topic(&w, "t", "1,2;1,2;1,2");
    struct decision *out = world_begin(&w);
    for (int32_t i = 0; i < 2; i++) {
        struct uuid *assigned = ARENA_ARRAY(&w.arena, 2, struct uuid);
        assigned[0] = dirs[i];
        assigned[1] = metadata_directory(w.image, partition_of(w.image, t, i), 1);
        struct metadata_partition_change change = METADATA_PARTITION_CHANGE(t, i);
        change.has_directories = true;
        change.directories = (struct metadata_dirs){assigned, 2};
        decision_add(out, METADATA_RECORD_PARTITION_CHANGE)->partition_change = change;
    }
    world_apply(&w);
    struct wire_broker_heartbeat_request request = {.broker_id = 1,
                                                    .broker_epoch =
                                                        metadata_broker(w.image, 1)->epoch,
                                                    .current_metadata_offset = 1000,
                                                    .offline_log_dirs = dirs,
                                                    .offline_log_dirs_count = 1};
    out = world_begin(&w);
    struct decide_input in = world_input(&w);
    decide_heartbeat(&in, &request, &soft, out, &next);
    world_apply(&w);
    ck_assert_int_eq(next, DECIDE_BROKER_UNFENCED);
    ck_assert_str_eq(world_show(&w, t, 0), "2/1/2 isr=2");
    ck_assert_str_eq(world_show(&w, t, 1), "1/0/1 isr=1,2");
    ck_assert_str_eq(world_show(&w, t, 2), "1/0/0 isr=1,2");
    ck_assert_uint_eq(metadata_broker(w.image, 1)->log_dirs.count, 1);
    /* Told again: nothing new. Then the last one fails, and the broker is fenced for good. */
    out = world_begin(&w);
    in = world_input(&w);
    decide_heartbeat(&in, &request, &soft, out, &next);
    ck_assert_uint_eq(out->count, 0);
    request.offline_log_dirs_count = 2;
    for (int i = 0; i < 2; i++) {
        out = world_begin(&w);
        in = world_input(&w);
        decide_heartbeat(&in, &request, &soft, out, &next);
        world_apply(&w);
        ck_assert_int_eq(next, DECIDE_BROKER_FENCED);
    }
    ck_assert_str_eq(world_show(&w, t, 1), "2/1/2 isr=2");
    world_fini(&w);
}
END_TEST

START_TEST(unregistration)
{
    struct world w;
    world_init(&w, 1);
    world_broker(&w, 1, NULL);
    world_broker(&w, 2, NULL);
    struct uuid t = world_topic(&w, "t", "1,2");
    struct wire_unregister_broker_request request = {.broker_id = 5};
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    decide_unregister_broker(&in, &request, out);
    ck_assert_int_eq(((struct wire_unregister_broker_response *)out->response)->error_code,
                     ERR_BROKER_ID_NOT_REGISTERED);
    request.broker_id = 1;
    out = world_begin(&w);
    in = world_input(&w);
    decide_unregister_broker(&in, &request, out);
    world_apply(&w);
    ck_assert_ptr_null(metadata_broker(w.image, 1));
    ck_assert_str_eq(world_show(&w, t, 0), "2/1/1 isr=2");
    world_fini(&w);
}
END_TEST

START_TEST(producer_ids_come_in_blocks)
{
    struct world w;
    world_init(&w, 1);
    world_broker(&w, 1, NULL);
    struct wire_allocate_producer_ids_request request = {.broker_id = 1, .broker_epoch = 0};
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    decide_allocate_producer_ids(&in, &request, out);
    const struct wire_allocate_producer_ids_response *response = out->response;
    ck_assert_int_eq(response->error_code, ERR_STALE_BROKER_EPOCH);
    request.broker_epoch = metadata_broker(w.image, 1)->epoch;
    for (int64_t i = 0; i < 3; i++) {
        out = world_begin(&w);
        in = world_input(&w);
        decide_allocate_producer_ids(&in, &request, out);
        world_apply(&w);
        response = out->response;
        ck_assert_int_eq(response->error_code, 0);
        ck_assert_int_eq(response->producer_id_start, i * 1000);
        ck_assert_int_eq(response->producer_id_len, 1000);
    }
    world_fini(&w);
}
END_TEST

/* ---- controllers and features ---- */

START_TEST(a_controller_registers_once_per_incarnation)
{
    struct world w;
    struct wire_controller_registration_request_features features[] = WORLD_FEATURES;
    struct wire_controller_registration_request request = {.controller_id = 3000,
                                                           .incarnation_id = {1, 1}};
    world_init(&w, 1);
    struct decision *out = world_begin(&w);
    struct decide_input in = world_input(&w);
    decide_register_controller(&in, &request, out);
    ck_assert_int_eq(((struct wire_controller_registration_response *)out->response)->error_code,
                     ERR_UNSUPPORTED_VERSION);
    request.features = features;
    request.features_count = ARRAY_LEN(features);
    for (size_t i = 0; i < 2; i++) {
        out = world_begin(&w);
        in = world_input(&w);
        decide_register_controller(&in, &request, out);
        ck_assert_uint_eq(world_apply(&w), 1 - i);
    }
    ck_assert_ptr_nonnull(metadata_controller(w.image, 3000));
    world_fini(&w);
}
END_TEST

UNIT_MAIN("brokers", refuses_registrations, a_broker_begins_fenced_with_its_offset_as_epoch,
          another_process_is_refused_while_the_first_is_live,
          a_restarted_broker_leads_nothing_and_is_in_no_isr, refuses_stale_epochs,
          unfenced_only_when_it_has_read_its_own_registration,
          a_fenced_or_idle_broker_goes_down_at_once,
          controlled_shutdown_hands_over_and_waits_for_the_others,
          a_failed_directory_takes_its_replicas_out, unregistration, producer_ids_come_in_blocks,
          a_controller_registers_once_per_incarnation)
