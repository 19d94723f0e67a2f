/* One controller with its real log, over loopback. */
#include "tests/unit/controller/server_fixture.h"

START_TEST(a_broker_lives_and_dies)
{
    struct fixture f;
    set_up(&f);
    start(&f);
    ck_assert_int_eq(create(&f, "early", 1), ERR_NOT_CONTROLLER);
    WAIT_FOR(&f, controller_server_is_active(f.server));
    ck_assert_int_eq(create(&f, "t", 1), ERR_INVALID_REPLICATION_FACTOR);
    int64_t epoch = register_broker(&f, 1);
    ck_assert(!beat(&f, 1, epoch));
    ck_assert_int_eq(create(&f, "t", 3), 0);
    const struct metadata_image *image = controller_server_image(f.server);
    ck_assert_uint_eq(metadata_partition_count(image), 3);
    /* The process is killed: its connection closes. */
    int64_t closed_ms = net_now_ms(f.loop);
    net_client_disconnect(f.client);
    WAIT_FOR(&f, metadata_broker(controller_server_image(f.server), 1)->fenced);
    int64_t took_ms = net_now_ms(f.loop) - closed_ms;
    ck_assert_msg(took_ms >= GRACE_MS && took_ms < GRACE_MS + 2000, "%d ms", (int)took_ms);
    ck_assert_uint_eq(
        metadata_partition_set_count(controller_server_image(f.server), METADATA_SET_NO_LEADER), 3);
    /* It is back in time after the next loss. */
    ck_assert(!beat(&f, 1, epoch));
    net_client_disconnect(f.client);
    ck_assert(!beat(&f, 1, epoch));
    for (int64_t end = net_now_ms(f.loop) + GRACE_MS * 3 / 2; net_now_ms(f.loop) < end;) {
        net_loop_step(f.loop, 10);
    }
    ck_assert(!metadata_broker(controller_server_image(f.server), 1)->fenced);
    /* Another process takes over its id as soon as the connection is gone. */
    net_client_disconnect(f.client);
    ck_assert_int_gt(register_broker(&f, 1), epoch);
    tear_down(&f);
}
END_TEST

START_TEST(the_log_survives_a_restart)
{
    struct fixture f;
    set_up(&f);
    start(&f);
    WAIT_FOR(&f, controller_server_is_active(f.server));
    ck_assert(!beat(&f, 1, register_broker(&f, 1)));
    ck_assert_int_eq(create(&f, "t", 3), 0);
    stop(&f);
    start(&f);
    WAIT_FOR(&f, controller_server_is_active(f.server));
    ck_assert_uint_eq(metadata_partition_count(controller_server_image(f.server)), 3);
    ck_assert_int_eq(create(&f, "t", 3), ERR_TOPIC_ALREADY_EXISTS);
    ck_assert(!f.failed);
    tear_down(&f);
}
END_TEST

START_TEST(controllers_describe_themselves)
{
    struct fixture f;
    set_up(&f);
    start(&f);
    WAIT_FOR(&f, metadata_controller(controller_server_image(f.server), 3001) != NULL);
    struct wire_describe_cluster_request request = {.endpoint_type = 2};
    struct answer a = ask(&f, WIRE_API_DESCRIBE_CLUSTER, 1, &request);
    const struct wire_describe_cluster_response *cluster = a.response;
    ck_assert_int_eq(cluster->error_code, 0);
    ck_assert_int_eq(cluster->controller_id, 3001);
    ck_assert_int_eq(cluster->brokers_count, 1);
    ck_assert_int_eq(cluster->brokers[0].port, controller_server_port(f.server));
    ck_assert(slice_eq_str(cluster->cluster_id, CLUSTER_ID));
    forget(&a);
    request.endpoint_type = 1;
    a = ask(&f, WIRE_API_DESCRIBE_CLUSTER, 1, &request);
    ck_assert_int_eq(((const struct wire_describe_cluster_response *)a.response)->error_code,
                     ERR_MISMATCHED_ENDPOINT_TYPE);
    forget(&a);
    struct wire_api_versions_request versions = {.client_software_name = slice_str("test"),
                                                 .client_software_version = slice_str("1")};
    a = ask(&f, WIRE_API_API_VERSIONS, 4, &versions);
    const struct wire_api_versions_response *ranges = a.response;
    ck_assert_int_eq(ranges->error_code, 0);
    ck_assert_int_eq(ranges->finalized_features_count, 2);
    ck_assert_int_gt(ranges->api_keys_count, 20);
    forget(&a);
    struct wire_describe_configs_request_resources resource = {
        .resource_type = 4, .resource_name = slice_str("3001"), .configuration_keys_count = -1};
    struct wire_describe_configs_request configs = {.resources = &resource, .resources_count = 1};
    a = ask(&f, WIRE_API_DESCRIBE_CONFIGS, 4, &configs);
    const struct wire_describe_configs_response *described = a.response;
    ck_assert_int_eq(described->results[0].error_code, 0);
    ck_assert_int_gt(described->results[0].configs_count, 100);
    forget(&a);
    struct wire_describe_quorum_request_topics_partitions partition = {0};
    struct wire_describe_quorum_request_topics topic = {slice_str("__cluster_metadata"), &partition,
                                                        1};
    struct wire_describe_quorum_request quorum = {.topics = &topic, .topics_count = 1};
    a = ask(&f, WIRE_API_DESCRIBE_QUORUM, 2, &quorum);
    const struct wire_describe_quorum_response *q = a.response;
    ck_assert_int_eq(q->error_code, 0);
    ck_assert_int_eq(q->topics[0].partitions[0].leader_id, 3001);
    forget(&a);
    tear_down(&f);
}
END_TEST

/* ---- Envelope ---- */

static struct answer forward(struct fixture *f, int16_t api, int16_t version, const void *body)
{
    struct wire_header header = {api, version, 4711, slice_str("a client")};
    struct buf data = {0};
    uint8_t address[] = {127, 0, 0, 1};
    ck_assert_int_eq(wire_header_encode(&header, &data), ERR_NONE);
    ck_assert_int_eq(wire_encode(wire_request(api), version, body, &data), ERR_NONE);
    struct wire_envelope_request request = {.request_data = buf_slice(&data),
                                            .request_principal = SLICE_NULL,
                                            .client_host_address = slice_of(address, 4)};
    struct answer a = ask(f, WIRE_API_ENVELOPE, 0, &request);
    buf_fini(&data);
    return a;
}

START_TEST(envelopes_are_opened)
{
    struct fixture f;
    struct wire_create_topics_request_topics topic = topic_request("t", 2);
    struct wire_create_topics_request request = {.topics = &topic, .topics_count = 1};
    set_up(&f);
    start(&f);
    struct answer a = forward(&f, WIRE_API_CREATE_TOPICS, 5, &request);
    const struct wire_envelope_response *envelope = a.response;
    ck_assert_int_eq(envelope->error_code, ERR_NOT_CONTROLLER);
    ck_assert(slice_is_null(envelope->response_data));
    forget(&a);
    WAIT_FOR(&f, controller_server_is_active(f.server));
    ck_assert(!beat(&f, 1, register_broker(&f, 1)));
    a = forward(&f, WIRE_API_CREATE_TOPICS, 5, &request);
    envelope = a.response;
    ck_assert_int_eq(envelope->error_code, 0);
    struct reader r = reader_of(envelope->response_data);
    int32_t correlation_id;
    struct wire_create_topics_response response;
    ck_assert_int_eq(wire_response_header_decode(&r, WIRE_API_CREATE_TOPICS, 5, &correlation_id),
                     ERR_NONE);
    ck_assert_int_eq(correlation_id, 4711);
    ck_assert_int_eq(wire_decode(&wire_msg_create_topics_response, 5,
                                 slice_of(r.p, reader_left(&r)), &f.arena, &response),
                     ERR_NONE);
    ck_assert_int_eq(response.topics[0].error_code, 0);
    ck_assert_int_eq(response.topics[0].num_partitions, 2);
    forget(&a);
    /* Not everything may be forwarded. */
    struct wire_broker_heartbeat_request heartbeat = {0};
    a = forward(&f, WIRE_API_BROKER_HEARTBEAT, 0, &heartbeat);
    ck_assert_int_eq(((const struct wire_envelope_response *)a.response)->error_code,
                     ERR_INVALID_REQUEST);
    forget(&a);
    struct wire_envelope_request garbage = {.request_data = slice_str("x"),
                                            .client_host_address = slice_str("")};
    a = ask(&f, WIRE_API_ENVELOPE, 0, &garbage);
    ck_assert_int_ne(((const struct wire_envelope_response *)a.response)->error_code, 0);
    forget(&a);
    tear_down(&f);
}
END_TEST

/* ---- speed: printed, and bounded generously for slow machines ---- */

START_TEST(many_partitions)
{
    struct fixture f;
    set_up(&f);
    start(&f);
    WAIT_FOR(&f, controller_server_is_active(f.server));
    for (int32_t id = 1; id <= 3; id++) {
        ck_assert(!beat(&f, id, register_broker(&f, id)));
    }
    int64_t begin = net_now_ms(f.loop);
    ck_assert_int_eq(create(&f, "big", 10000), 0);
    int64_t big_ms = net_now_ms(f.loop) - begin;
    begin = net_now_ms(f.loop);
    for (int i = 0; i < 100; i++) {
        char name[24];
        snprintf(name, sizeof name, "small-%d", i);
        ck_assert_int_eq(create(&f, name, 1), 0);
    }
    int64_t small_ms = net_now_ms(f.loop) - begin;
    printf("10000 partitions: %d ms; 100 topics one by one: %d ms\n", (int)big_ms, (int)small_ms);
    ck_assert_int_lt(big_ms, 5000);
    tear_down(&f);
}
END_TEST

START_TEST(refuses_to_start)
{
    struct fixture f;
    struct buf why = {0};
    set_up(&f);
    struct controller_server_options options = {
        .loop = f.loop, .fs = store_fs_posix(), .settings = f.settings, .log = &f.log};
    set(&f, "node.id=3002");
    ck_assert_int_eq(controller_server_new(&options, &f.server, &why), ERR_CONFIG);
    ck_assert_ptr_null(f.server);
    ck_assert_uint_gt(why.len, 0);
    set(&f, "node.id=3001");
    set(&f, "process.roles=broker");
    ck_assert_int_eq(controller_server_new(&options, &f.server, &why), ERR_CONFIG);
    set(&f, "process.roles=controller");
    set(&f, "listeners=OTHER://127.0.0.1:0");
    ck_assert_int_eq(controller_server_new(&options, &f.server, &why), ERR_CONFIG);
    set(&f, "listeners=CONTROLLER://127.0.0.1:0");
    set(&f, "log.dirs=/nonexistent");
    ck_assert_int_eq(controller_server_new(&options, &f.server, &why), ERR_CONFIG);
    buf_fini(&why);
    tear_down(&f);
}
END_TEST

UNIT_MAIN("server", refuses_to_start, a_broker_lives_and_dies, the_log_survives_a_restart,
          controllers_describe_themselves, envelopes_are_opened, many_partitions)
