/* What the parts of `versions` share: main.c talks, body.c makes requests, check.c judges answers.
 */
#ifndef TESTS_E2E_VERSIONS_VERSIONS_H
#define TESTS_E2E_VERSIONS_VERSIONS_H

#include "wire/wire.h"

enum { CODES_MAX = 32 };

/* Brokers do not show it. */
#define METADATA_TOPIC "__cluster_metadata"

enum form { MINIMAL, FILLED, RANDOM, OUTSIDE };

struct run {
    uint16_t port;
    int fd;
    const char *topic;
    struct uuid topic_id;
    int randoms; /* random bodies a version */
    uint64_t seed;
    bool verbose;
    int32_t correlation_id;
    int answered;
    int failed;
};

/* One request and its answer. */
struct exchange {
    const struct wire_api_info *api;
    int16_t version; /* sent in the header */
    enum form form;
    int number; /* of a random one */
    struct arena arena;
    struct buf frame;  /* the request */
    struct buf answer; /* without the size */
    int64_t codes[CODES_MAX];
    int code_count;
    bool operations_missing; /* asked for by filled bodies (KIP-430) */
};

/* The version to write or read what is of version `version`, which `m` may not have. */
static inline int16_t known_version(const struct wire_message *m, int16_t version)
{
    return (int16_t)max_i64(wire_version_min(m), min_i64(wire_version_max(m), version));
}

/* body.c: the structure of a request of x->api, x->version, x->form. */
const void *make_body(const struct run *run, struct exchange *x);

/* check.c: NULL, or what is wrong with the answer's bytes; `*response` is what they mean. */
const char *decode(const struct run *run, struct exchange *x, int16_t version, void **response);

/* check.c: the same, and what the answer must say. */
const char *check(const struct run *run, struct exchange *x, void **response);

#endif
