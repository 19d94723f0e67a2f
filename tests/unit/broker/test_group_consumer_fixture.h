/* Consumer groups for the tests: topics, and members as a client library drives them. */
#ifndef TEST_GROUP_CONSUMER_FIXTURE_H
#define TEST_GROUP_CONSUMER_FIXTURE_H

#include "metadata/delta.h"
#include "tests/unit/broker/test_group_fixture.h"

enum { OWNED_MAX = 256 };

struct fix_topic {
    const char *name;
    uint64_t id;
    int32_t partitions;
};

/* The shard is given an image of these topics, and of no other. */
static inline void fix_image(struct fix *f, const struct fix_topic *topics, size_t count,
                             bool topics_changed)
{
    struct metadata_image *empty = metadata_image_new(slice_str("cluster"));
    struct metadata_delta *d = metadata_delta_begin(empty);
    int64_t offset = 0;
    for (size_t t = 0; t < count; t++) {
        struct metadata_record topic = {
            .type = METADATA_RECORD_TOPIC,
            .topic = {.name = slice_str(topics[t].name), .topic_id = {topics[t].id, topics[t].id}}};
        ck_assert_int_eq(metadata_delta_replay(d, offset++, &topic), ERR_NONE);
        for (int32_t p = 0; p < topics[t].partitions; p++) {
            int32_t replicas[] = {1};
            struct metadata_record partition = {.type = METADATA_RECORD_PARTITION,
                                                .partition = {.partition_id = p,
                                                              .topic_id = topic.topic.topic_id,
                                                              .replicas = {replicas, 1},
                                                              .isr = {replicas, 1},
                                                              .leader = 1}};
            ck_assert_int_eq(metadata_delta_replay(d, offset++, &partition), ERR_NONE);
        }
    }
    struct metadata_image *image = metadata_delta_finish(d);
    group_shard_set_image(f->shard, image, topics_changed);
    metadata_image_unref(image);
    metadata_image_unref(empty);
}

static inline void fix_topics(struct fix *f, const struct fix_topic *topics, size_t count)
{
    fix_image(f, topics, count, true);
}

/* Another coordinator, told of these topics, knows what the last one knew. */
static inline void fix_failover_same(struct fix *f, const struct fix_topic *topics, size_t count)
{
    struct buf before = {0};
    struct buf after = {0};
    group_shard_dump(f->shard, &before);
    fix_failover(f);
    group_shard_dump(f->shard, &after);
    buf_put_i8(&before, 0);
    buf_put_i8(&after, 0);
    ck_assert_str_eq((const char *)before.data, (const char *)after.data);
    buf_fini(&before);
    buf_fini(&after);
    fix_topics(f, topics, count);
}

/* What a client library knows of itself. */
struct fix_consumer {
    struct fix *f;
    const char *id;
    const char *instance;  /* NULL: dynamic */
    const char *topics[4]; /* NULL at the end */
    const char *regex;
    const char *assignor;
    int32_t epoch;
    uint64_t owned[OWNED_MAX]; /* topic id × 1000 + partition */
    size_t owned_count;
    bool tell;    /* the next heartbeat says what is owned */
    bool full;    /* and all the rest: an answer was lost */
    bool left;    /* is no member */
    int error;    /* of the last heartbeat */
    size_t token; /* of a heartbeat under way; 0: none */
};

static inline bool fix_owns(const struct fix_consumer *c, uint64_t partition)
{
    for (size_t i = 0; i < c->owned_count; i++) {
        if (c->owned[i] == partition) {
            return true;
        }
    }
    return false;
}

static inline void
fix_owned_list(const struct fix_consumer *c,
               struct wire_consumer_group_heartbeat_request_topic_partitions *list,
               int32_t (*partitions)[1])
{
    for (size_t i = 0; i < c->owned_count; i++) {
        partitions[i][0] = (int32_t)(c->owned[i] % 1000);
        list[i].topic_id = (struct uuid){c->owned[i] / 1000, c->owned[i] / 1000};
        list[i].partitions = partitions[i];
        list[i].partitions_count = 1;
    }
}

static inline size_t fix_beat_send(struct fix_consumer *c)
{
    struct wire_consumer_group_heartbeat_request body;
    struct wire_consumer_group_heartbeat_request_topic_partitions owned[OWNED_MAX];
    int32_t partitions[OWNED_MAX][1];
    struct slice topics[4];
    wire_init(&wire_msg_consumer_group_heartbeat_request, &body);
    body.group_id = slice_str("g");
    body.member_id = slice_str(c->id);
    body.instance_id = slice_str(c->instance);
    body.member_epoch = c->epoch;
    if (c->epoch == 0) {
        c->owned_count = 0;
    }
    if (c->epoch == 0 || c->full) {
        body.rebalance_timeout_ms = 60000;
        body.subscribed_topic_names_count = 0;
        while (c->topics[body.subscribed_topic_names_count] != NULL) {
            topics[body.subscribed_topic_names_count] =
                slice_str(c->topics[body.subscribed_topic_names_count]);
            body.subscribed_topic_names_count++;
        }
        body.subscribed_topic_names = topics;
        body.subscribed_topic_regex = slice_str(c->regex);
        body.server_assignor = slice_str(c->assignor);
    }
    if (c->epoch == 0 || c->tell || c->full) {
        fix_owned_list(c, owned, partitions);
        body.topic_partitions = owned;
        body.topic_partitions_count = (int32_t)c->owned_count;
        c->tell = false;
    }
    return fix_send(c->f, WIRE_API_CONSUMER_GROUP_HEARTBEAT, 1, &body);
}

/* Takes the answer as Kafka's client does: gives up at once what it is told to, takes the rest. */
static inline void fix_beat_answer(struct fix_consumer *c, size_t token)
{
    const struct wire_consumer_group_heartbeat_response *r =
        fix_reply(c->f, token, WIRE_API_CONSUMER_GROUP_HEARTBEAT);
    ck_assert_ptr_nonnull(r);
    c->error = r->error_code;
    if (r->error_code != 0) {
        c->epoch = 0;
        c->owned_count = 0;
        return;
    }
    c->epoch = r->member_epoch;
    c->full = false;
    if (r->assignment == NULL) {
        return;
    }
    c->owned_count = 0;
    for (int32_t t = 0; t < r->assignment->topic_partitions_count; t++) {
        for (int32_t p = 0; p < r->assignment->topic_partitions[t].partitions_count; p++) {
            ck_assert_uint_lt(c->owned_count, OWNED_MAX);
            c->owned[c->owned_count++] = r->assignment->topic_partitions[t].topic_id.hi * 1000 +
                                         (uint64_t)r->assignment->topic_partitions[t].partitions[p];
        }
    }
    c->tell = true;
}

/* A heartbeat and its answer; the error code. */
static inline int fix_beat(struct fix_consumer *c)
{
    fix_beat_answer(c, fix_beat_send(c));
    return c->error;
}

/* All of them, until nothing moves any more. */
static inline void fix_settle_consumers(struct fix_consumer *c, size_t count)
{
    for (int round = 0; round < 12; round++) {
        for (size_t i = 0; i < count; i++) {
            if (!c[i].left) {
                ck_assert_int_eq(fix_beat(&c[i]), 0);
            }
        }
    }
}

/* Says goodbye: for good, or (a static member) for a while. */
static inline int fix_depart(struct fix_consumer *c, int32_t epoch)
{
    c->epoch = epoch;
    int error = fix_beat(c);
    c->left = true;
    c->owned_count = 0;
    c->epoch = 0;
    return error;
}

static inline const struct wire_consumer_group_describe_response_groups *fix_describe(struct fix *f)
{
    struct wire_consumer_group_describe_response_groups *out =
        ARENA_NEW(&f->arena, struct wire_consumer_group_describe_response_groups);
    group_shard_describe_consumer(f->shard, slice_str("g"), &f->arena, out);
    return out;
}

#endif
