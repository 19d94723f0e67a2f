/* Sends every version of every API that a node advertises and reads the answers.
 *
 *     versions BROKER_PORT TARGET_PORT TOPIC [--random N] [--seed S] [--verbose]
 *
 * The node on TARGET_PORT of 127.0.0.1 is asked for its ranges, and each version in them is sent
 *
 *   minimal   values from the table below, but empty arrays
 *   filled    one element in every array: TOPIC, a group, …
 *   random    N times: random fields, but for those in the table
 *
 * Every one must be answered on the open connection, with bytes that decode; the errors in the
 * answers to filled bodies must be expected ones (`expected`). The versions just outside a range
 * must be answered with UNSUPPORTED_VERSION. The broker on BROKER_PORT is asked for TOPIC's id.
 * Driven by test_versions.py. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/e2e/versions/versions.h"

enum { ANSWER_TIMEOUT_S = 15, ANSWER_BYTES_MAX = 16 << 20 };

/* Of ApiVersions and Metadata when they are asked for our own use. */
enum { RANGES_VERSION = 3, METADATA_VERSION = 12 };

static const char *const form_names[] = {"minimal", "filled", "random", "outside"};

/* ---- the connection ---- */

static bool connect_to(struct run *run, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
    int on = 1;
    run->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (run->fd < 0 || connect(run->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        fprintf(stderr, "port %u: %s\n", port, strerror(errno));
        return false;
    }
    setsockopt(run->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(run->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}

static const char *receive(int fd, uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t got = recv(fd, out, len, 0);
        if (got == 0) {
            return "the connection was closed";
        }
        if (got < 0 && errno != EINTR) {
            return errno == EAGAIN ? "no answer" : strerror(errno);
        }
        if (got > 0) {
            out += got;
            len -= (size_t)got;
        }
    }
    return NULL;
}

/* Sends x->frame and reads x->answer; NULL or what went wrong. */
static const char *send_and_receive(const struct run *run, struct exchange *x)
{
    uint8_t size[4];
    buf_patch_i32(&x->frame, 0, (int32_t)(x->frame.len - sizeof size));
    if (send(run->fd, x->frame.data, x->frame.len, MSG_NOSIGNAL) != (ssize_t)x->frame.len) {
        return "could not be sent";
    }
    const char *problem = receive(run->fd, size, sizeof size);
    if (problem != NULL) {
        return problem;
    }
    if (load_u32(size) > ANSWER_BYTES_MAX) {
        return "an answer of nonsensical size";
    }
    uint8_t *answer = buf_extend(&x->answer, load_u32(size));
    return receive(run->fd, answer, load_u32(size));
}

/* ---- the run ---- */

static void put_frame(struct run *run, struct exchange *x, const void *body)
{
    const struct wire_message *m = x->api->request;
    struct wire_header header = {x->api->key, x->version, ++run->correlation_id,
                                 slice_str("versions")};
    buf_put_i32(&x->frame, 0);
    enum err e = wire_header_encode(&header, &x->frame);
    ASSERT(e == ERR_NONE);
    e = wire_encode(m, known_version(m, x->version), body, &x->frame);
    ASSERT(e == ERR_NONE);
}

static void report(const struct run *run, const struct exchange *x, const void *body,
                   const void *response)
{
    struct buf line = {0};
    buf_printf(&line, "%s v%d %s %d ", x->api->name, x->version, form_names[x->form], x->number);
    if (body != NULL) {
        wire_print(x->api->request, known_version(x->api->request, x->version), body, &line);
    }
    if (response != NULL) {
        buf_put_str(&line, "\n    ");
        wire_print(x->api->response, known_version(x->api->response, x->version), response, &line);
    }
    printf("%d: %.*s\n", run->port, (int)line.len, line.data);
    buf_fini(&line);
}

static void exchange_fini(struct exchange *x)
{
    arena_fini(&x->arena);
    buf_fini(&x->frame);
    buf_fini(&x->answer);
}

static void try_one(struct run *run, struct exchange x)
{
    const void *body = make_body(run, &x);
    void *response = NULL;
    put_frame(run, &x, body);
    const char *problem = send_and_receive(run, &x);
    bool lost = problem != NULL;
    if (!lost) {
        problem = check(run, &x, &response);
    }
    if (problem != NULL) {
        printf("%d: %s v%d %s %d: %s\n", run->port, x.api->name, x.version, form_names[x.form],
               x.number, problem);
        run->failed++;
    } else {
        run->answered++;
    }
    if (problem != NULL || run->verbose) {
        report(run, &x, body, response);
    }
    exchange_fini(&x);
    if (lost) {
        close(run->fd);
        if (!connect_to(run, run->port)) {
            exit(EXIT_FAILURE);
        }
    }
}

static void try_api(struct run *run, const struct wire_api_versions_response_api_keys *range)
{
    struct exchange x = {.api = wire_api(range->api_key)};
    for (x.version = range->min_version; x.version <= range->max_version; x.version++) {
        x.number = 0;
        x.form = MINIMAL;
        try_one(run, x);
        x.form = FILLED;
        try_one(run, x);
        x.form = RANDOM;
        for (; x.number < run->randoms; x.number++) {
            try_one(run, x);
        }
    }
    x.form = OUTSIDE;
    try_one(run, x);
    if (range->min_version > 0) {
        x.version = (int16_t)(range->min_version - 1);
        try_one(run, x);
    }
}

/* Asks for our own use; exits when there is no answer. */
static void *ask(struct run *run, struct exchange *x, const void *body)
{
    void *response = NULL;
    put_frame(run, x, body);
    const char *problem = send_and_receive(run, x);
    if (problem == NULL) {
        problem = decode(run, x, x->version, &response);
    }
    if (problem != NULL) {
        fprintf(stderr, "%s: %s\n", x->api->name, problem);
        exit(EXIT_FAILURE);
    }
    return response;
}

static void learn_topic_id(struct run *run)
{
    struct exchange x = {.api = wire_api(WIRE_API_METADATA), .version = METADATA_VERSION};
    struct wire_metadata_request request;
    struct wire_metadata_request_topics topic;
    wire_init(&wire_msg_metadata_request, &request);
    wire_init(&wire_msg_metadata_request_topics, &topic);
    topic.name = slice_str(run->topic);
    request.topics = &topic;
    request.topics_count = 1;
    const struct wire_metadata_response *response = ask(run, &x, &request);
    if (response->topics_count != 1 || response->topics[0].error_code != ERR_NONE) {
        fprintf(stderr, "no topic %s\n", run->topic);
        exit(EXIT_FAILURE);
    }
    run->topic_id = response->topics[0].topic_id;
    exchange_fini(&x);
}

static void try_all(struct run *run)
{
    struct exchange x = {.api = wire_api(WIRE_API_API_VERSIONS), .version = RANGES_VERSION};
    struct wire_api_versions_request request;
    wire_init(&wire_msg_api_versions_request, &request);
    request.client_software_name = slice_str("versions");
    request.client_software_version = slice_str("1");
    const struct wire_api_versions_response *ranges = ask(run, &x, &request);
    for (int32_t i = 0; i < ranges->api_keys_count; i++) {
        if (wire_api(ranges->api_keys[i].api_key) == NULL) {
            printf("%d: API %d is advertised, but unknown\n", run->port,
                   ranges->api_keys[i].api_key);
            run->failed++;
            continue;
        }
        try_api(run, &ranges->api_keys[i]);
    }
    printf("%d APIs, %d requests answered, %d failed\n", ranges->api_keys_count, run->answered,
           run->failed);
    exchange_fini(&x);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"random", required_argument, NULL, 'r'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct run run = {.seed = 1};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'r') {
            run.randoms = (int)strtol(optarg, NULL, 10);
        } else if (c == 's') {
            run.seed = strtoull(optarg, NULL, 10);
        } else if (c == 'v') {
            run.verbose = true;
        } else {
            return 2;
        }
    }
    if (argc - optind != 3) {
        fprintf(stderr, "usage: %s BROKER_PORT TARGET_PORT TOPIC [--random N] [--seed S]\n",
                argv[0]);
        return 2;
    }
    run.topic = argv[optind + 2];
    if (!connect_to(&run, (uint16_t)(int)strtol(argv[optind], NULL, 10))) {
        return EXIT_FAILURE;
    }
    if (strcmp(run.topic, METADATA_TOPIC) == 0) {
        run.topic_id = (struct uuid){0, 1};
    } else {
        learn_topic_id(&run);
    }
    close(run.fd);
    run.port = (uint16_t)(int)strtol(argv[optind + 1], NULL, 10);
    if (!connect_to(&run, run.port)) {
        return EXIT_FAILURE;
    }
    try_all(&run);
    close(run.fd);
    return run.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
