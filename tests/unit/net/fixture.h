/* A server on a loop of this thread and raw sockets that talk to it.
 *
 * The sockets are those of net/os/, so that the tests also run on the simulated system
 * (tests/unit/sim/net/on_sim.c). */
#ifndef TEST_NET_FIXTURE_H
#define TEST_NET_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/address.h"
#include "net/net.h"
#include "net/os/os.h"

enum {
    FIX_DEADLINE_MS = 20000,
    FIX_PARKED_MAX = 4096,
    /* The fixture's APIs: FindCoordinator (0-6) is answered at once with its key as the host,
     * Heartbeat (0-3) is parked, Fetch (4-12) gives file ranges, Produce (3-9) its byte count. */
    FIX_FIND_MIN = 0,
    FIX_FIND_MAX = 3
};

struct fix {
    struct net_loop *loop;
    struct net_server *server;
    struct net_listener *listener;
    struct net_request *parked[FIX_PARKED_MAX];
    int parked_count;
    int handled;
    int released; /* files */
    int cancelled;
    int file_fd;
    struct net_file files[64]; /* what a Fetch gives */
    int file_count;
    size_t last_records; /* of the last Produce */
    bool park_produce;
    int warnings;
};

static inline void fix_log(void *arg, enum log_level level, const char *line)
{
    struct fix *f = arg;
    (void)line;
    f->warnings += level >= LOG_WARN;
}

static inline void fix_find(void *arg, struct net_request *req)
{
    struct fix *f = arg;
    f->handled++;
    const struct wire_find_coordinator_request *rq = req->body;
    struct wire_find_coordinator_response rs;
    wire_init(&wire_msg_find_coordinator_response, &rs);
    rs.node_id = req->header.correlation_id;
    rs.host = rq->key;
    net_reply(req, &rs);
}

static inline void fix_find_error(struct net_request *req, enum err error)
{
    ck_assert_ptr_null(req->body);
    struct wire_find_coordinator_response rs;
    struct wire_find_coordinator_response_coordinators one;
    wire_init(&wire_msg_find_coordinator_response, &rs);
    wire_init(&wire_msg_find_coordinator_response_coordinators, &one);
    one.error_code = err_wire(error);
    if (req->header.api_version >= 4) {
        rs.coordinators = &one;
        rs.coordinators_count = 1;
    } else {
        rs.error_code = err_wire(error);
    }
    net_reply(req, &rs);
}

static inline void fix_park(void *arg, struct net_request *req)
{
    struct fix *f = arg;
    f->handled++;
    ck_assert_int_lt(f->parked_count, FIX_PARKED_MAX);
    f->parked[f->parked_count++] = req;
}

static inline void fix_versions(void *arg, struct net_request *req)
{
    (void)arg;
    struct wire_api_versions_response rs;
    net_request_api_versions(req, ERR_NONE, &rs);
    net_reply(req, &rs);
}

static inline void fix_release(void *arg)
{
    struct fix *f = arg;
    f->released++;
}

/* One topic, one partition for each file. */
static inline void fix_reply_fetch(struct fix *f, struct net_request *req)
{
    struct wire_fetch_response rs;
    wire_init(&wire_msg_fetch_response, &rs);
    rs.responses = wire_new_array(&wire_msg_fetch_response_responses, &req->arena, 1);
    rs.responses_count = 1;
    rs.responses[0].topic = slice_str("t");
    rs.responses[0].partitions =
        wire_new_array(&wire_msg_fetch_response_responses_partitions, &req->arena, f->file_count);
    rs.responses[0].partitions_count = f->file_count;
    for (int i = 0; i < f->file_count; i++) {
        struct wire_fetch_response_responses_partitions *p = &rs.responses[0].partitions[i];
        p->partition_index = i;
        p->records = slice_of(WIRE_EXTERNAL, f->files[i].len);
    }
    net_reply_files(req, &rs, f->files, f->file_count);
}

static inline void fix_fetch(void *arg, struct net_request *req)
{
    struct fix *f = arg;
    f->handled++;
    fix_reply_fetch(f, req);
}

static inline void fix_produce_reply(struct net_request *req)
{
    struct wire_produce_response rs;
    wire_init(&wire_msg_produce_response, &rs);
    net_reply(req, &rs);
}

static inline void fix_produce(void *arg, struct net_request *req)
{
    struct fix *f = arg;
    const struct wire_produce_request *rq = req->body;
    f->handled++;
    f->last_records = rq->topic_data[0].partition_data[0].records.len;
    if (rq->acks == 0) {
        net_reply_none(req);
    } else if (f->park_produce) {
        f->parked[f->parked_count++] = req;
    } else {
        fix_produce_reply(req);
    }
}

static const struct net_api fix_apis[] = {
    {WIRE_API_API_VERSIONS, 0, 2, fix_versions, NULL},
    {WIRE_API_FIND_COORDINATOR, FIX_FIND_MIN, FIX_FIND_MAX, fix_find, fix_find_error},
    {WIRE_API_HEARTBEAT, 0, 3, fix_park, NULL},
    {WIRE_API_FETCH, 4, 12, fix_fetch, NULL},
    {WIRE_API_PRODUCE, 3, 9, fix_produce, NULL},
};

/* `so` and `lo` may be NULL; table, argument and server are filled in. */
static inline void fix_init(struct fix *f, const struct net_server_options *so,
                            const struct net_listener_options *lo)
{
    *f = (struct fix){.file_fd = -1};
    static struct log log;
    log = (struct log){LOG_WARN, fix_log, f};
    f->loop = net_loop_new(NULL);
    struct net_server_options server = so == NULL ? (struct net_server_options){0} : *so;
    server.apis = fix_apis;
    server.api_count = ARRAY_LEN(fix_apis);
    server.arg = f;
    server.log = &log;
    f->server = net_server_new(&server);
    struct net_listener_options listener = lo == NULL ? (struct net_listener_options){0} : *lo;
    listener.name = "TEST";
    listener.host = "127.0.0.1";
    listener.server = f->server;
    struct net_error why;
    enum err e = net_listen(f->loop, &listener, &f->listener, &why);
    ck_assert_msg(e == ERR_NONE, "%s", why.text);
}

static inline void fix_fini(struct fix *f)
{
    net_listener_free(f->listener);
    net_loop_free(f->loop);
    net_server_free(f->server);
    if (f->file_fd >= 0) {
        close(f->file_fd);
    }
}

/* Steps the loop until `cond` holds. */
#define FIX_UNTIL(f, cond) \
    do { \
        int64_t end_ms_ = net_wall_ms((f)->loop) + FIX_DEADLINE_MS; \
        while (!(cond)) { \
            ck_assert_msg(net_wall_ms((f)->loop) < end_ms_, "never: %s", #cond); \
            net_loop_step((f)->loop, 10); \
        } \
    } while (0)

/* Steps the loop while it has something to do. */
static inline void fix_settle(struct fix *f)
{
    for (int i = 0; i < 20; i++) {
        net_loop_step(f->loop, 1);
    }
}

/* Answers a parked Heartbeat. */
static inline void fix_reply_parked(struct fix *f, int i)
{
    struct wire_heartbeat_response rs;
    wire_init(&wire_msg_heartbeat_response, &rs);
    net_reply(f->parked[i], &rs);
    f->parked[i] = NULL;
}

/* ---- raw sockets ---- */

static inline struct address fix_loopback(int port)
{
    struct address_list list;
    ck_assert_ptr_null(os_resolve("127.0.0.1", port, true, &list));
    return list.items[0];
}

/* Listens on a port that the system chooses. */
static inline int fix_listen(int backlog, int *port)
{
    struct address at = fix_loopback(0);
    int fd = os_listen(&at, backlog);
    ck_assert_int_ge(fd, 0);
    ck_assert(os_socket_local(fd, &at));
    *port = address_port(&at);
    return fd;
}

static inline int fix_connect_buf(struct fix *f, int receive_buffer)
{
    struct address to = fix_loopback(net_listener_port(f->listener));
    int fd = os_dial(&to, (struct os_buffer_sizes){.receive_bytes = receive_buffer});
    ck_assert_int_ge(fd, 0);
    struct address peer;
    FIX_UNTIL(f, os_socket_peer(fd, &peer));
    return fd;
}

static inline int fix_connect(struct fix *f)
{
    return fix_connect_buf(f, 0);
}

/* Appends a whole request frame. */
static inline void fix_put_request(struct buf *out, int16_t api, int16_t version, int32_t id,
                                   const void *request)
{
    size_t at = out->len;
    buf_put_i32(out, 0);
    struct wire_header header = {api, version, id, slice_str("test")};
    ck_assert_int_eq(wire_header_encode(&header, out), ERR_NONE);
    ck_assert_int_eq(wire_encode(wire_request(api), version, request, out), ERR_NONE);
    buf_patch_i32(out, at, (int32_t)(out->len - at - 4));
}

static inline void fix_put_find(struct buf *out, int32_t id, const char *key)
{
    struct wire_find_coordinator_request rq;
    wire_init(&wire_msg_find_coordinator_request, &rq);
    rq.key = slice_str(key);
    fix_put_request(out, WIRE_API_FIND_COORDINATOR, 0, id, &rq);
}

static inline void fix_put_heartbeat(struct buf *out, int32_t id)
{
    struct wire_heartbeat_request rq;
    wire_init(&wire_msg_heartbeat_request, &rq);
    rq.group_id = slice_str("g");
    rq.member_id = slice_str("m");
    fix_put_request(out, WIRE_API_HEARTBEAT, 0, id, &rq);
}

static inline void fix_put_fetch(struct buf *out, int32_t id)
{
    struct wire_fetch_request rq;
    wire_init(&wire_msg_fetch_request, &rq);
    fix_put_request(out, WIRE_API_FETCH, 11, id, &rq);
}

static inline void fix_put_produce(struct buf *out, int32_t id, int16_t acks, size_t bytes)
{
    struct wire_produce_request rq;
    struct wire_produce_request_topic_data topic;
    struct wire_produce_request_topic_data_partition_data part;
    wire_init(&wire_msg_produce_request, &rq);
    wire_init(&wire_msg_produce_request_topic_data, &topic);
    wire_init(&wire_msg_produce_request_topic_data_partition_data, &part);
    uint8_t *records = mem_zalloc(bytes + 1, 1);
    part.records = slice_of(records, bytes);
    topic.name = slice_str("t");
    topic.partition_data = &part;
    topic.partition_data_count = 1;
    rq.acks = acks;
    rq.topic_data = &topic;
    rq.topic_data_count = 1;
    fix_put_request(out, WIRE_API_PRODUCE, 9, id, &rq);
    mem_free(records);
}

/* Sends all, stepping the loop when the socket is full. */
static inline void fix_send(struct fix *f, int fd, struct slice bytes)
{
    int64_t end_ms = net_wall_ms(f->loop) + FIX_DEADLINE_MS;
    while (bytes.len > 0) {
        ssize_t n = os_send(fd, &(struct iovec){(void *)bytes.data, bytes.len}, 1);
        ck_assert_msg(n >= 0 || errno == EAGAIN, "send: %s", strerror(errno));
        if (n > 0) {
            bytes = slice_of(bytes.data + n, bytes.len - (size_t)n);
        } else {
            net_loop_step(f->loop, 1);
        }
        ck_assert(net_wall_ms(f->loop) < end_ms);
    }
}

/* Reads exactly `len` bytes, stepping the loop. False: the server closed. */
static inline bool fix_recv(struct fix *f, int fd, void *to, size_t len)
{
    int64_t end_ms = net_wall_ms(f->loop) + FIX_DEADLINE_MS;
    for (size_t have = 0; have < len;) {
        ssize_t n = os_recv(fd, &(struct iovec){(char *)to + have, len - have}, 1);
        if (n == 0 || (n < 0 && errno == ECONNRESET)) {
            return false;
        }
        ck_assert_msg(n > 0 || errno == EAGAIN, "recv: %s", strerror(errno));
        if (n > 0) {
            have += (size_t)n;
        } else {
            net_loop_step(f->loop, 1);
        }
        ck_assert_msg(net_wall_ms(f->loop) < end_ms, "no answer");
    }
    return true;
}

/* The next response without its size; false: closed. */
static inline bool fix_recv_frame(struct fix *f, int fd, struct buf *out)
{
    uint8_t size[4];
    buf_reset(out);
    if (!fix_recv(f, fd, size, sizeof size)) {
        return false;
    }
    size_t len = load_u32(size);
    return fix_recv(f, fd, buf_extend(out, len), len);
}

/* The correlation id of the next response; -1: closed. */
static inline int32_t fix_recv_id(struct fix *f, int fd)
{
    struct buf frame = {0};
    int32_t id = fix_recv_frame(f, fd, &frame) ? (int32_t)load_u32(frame.data) : -1;
    buf_fini(&frame);
    return id;
}

static inline bool fix_is_closed(struct fix *f, int fd)
{
    uint8_t byte;
    return !fix_recv(f, fd, &byte, 1);
}

static inline int fix_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
