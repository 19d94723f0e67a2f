/* The records of a large cluster. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/bench/metadata/bench.h"

/* As one request to create a topic makes them. */
enum { BATCH_RECORDS = TOPIC_PARTITIONS + 1 };

static void put(struct bench_log *log, const struct metadata_record *record)
{
    struct bench_batch *batch = log->count == 0 ? NULL : &log->batches[log->count - 1];
    if (batch == NULL || batch->count == BATCH_RECORDS) {
        if (log->count == log->cap) {
            log->cap = log->cap == 0 ? 64 : log->cap * 2;
            log->batches = mem_realloc(log->batches, (size_t)log->cap * sizeof *log->batches);
        }
        batch = &log->batches[log->count++];
        *batch = (struct bench_batch){.values = mem_zalloc(BATCH_RECORDS, sizeof(struct slice))};
    }
    size_t start = batch->bytes.len;
    metadata_record_encode(record, &batch->bytes);
    /* Only the length for now: the bytes move while they grow. */
    batch->values[batch->count++] = slice_of(NULL, batch->bytes.len - start);
}

static void settle(struct bench_log *log)
{
    for (int i = 0; i < log->count; i++) {
        const uint8_t *at = log->batches[i].bytes.data;
        for (int k = 0; k < log->batches[i].count; k++) {
            log->batches[i].values[k].data = at;
            at += log->batches[i].values[k].len;
        }
    }
}

static struct uuid dir_of(int32_t broker)
{
    return (struct uuid){0x5eed, (uint64_t)broker + 100};
}

static void put_brokers(struct bench_log *log)
{
    for (int32_t id = 0; id < BROKERS; id++) {
        struct uuid dir = dir_of(id);
        put(log,
            &(struct metadata_record){.type = METADATA_RECORD_REGISTER_BROKER,
                                      .register_broker = {.broker_id = id,
                                                          .broker_epoch = id + 1,
                                                          .incarnation_id = {1, (uint64_t)id + 1},
                                                          .rack = SLICE_NULL,
                                                          .log_dirs = {&dir, 1}}});
    }
}

static void put_partition(struct bench_log *log, struct uuid topic, int32_t number)
{
    int32_t replicas[3];
    struct uuid dirs[3];
    for (int i = 0; i < 3; i++) {
        replicas[i] = (number * 7 + i * 13) % BROKERS;
        dirs[i] = dir_of(replicas[i]);
    }
    put(log, &(struct metadata_record){.type = METADATA_RECORD_PARTITION,
                                       .partition = {.partition_id = number % TOPIC_PARTITIONS,
                                                     .topic_id = topic,
                                                     .replicas = {replicas, 3},
                                                     .isr = {replicas, 3},
                                                     .directories = {dirs, 3},
                                                     .leader = replicas[0],
                                                     .leader_recovery = METADATA_RECOVERED}});
}

static void topic_name(char name[32], int32_t number)
{
    snprintf(name, 32, "topic-%06d", number / TOPIC_PARTITIONS);
}

void bench_log_fill(struct bench_log *log, int32_t partitions)
{
    struct uuid topic = {0};
    put_brokers(log);
    for (int32_t i = 0; i < partitions; i++) {
        if (i % TOPIC_PARTITIONS == 0) {
            char name[32];
            topic_name(name, i);
            topic = (struct uuid){(uint64_t)i * 0x9e3779b97f4a7c15u | 1, (uint64_t)i + 1000};
            put(log,
                &(struct metadata_record){.type = METADATA_RECORD_TOPIC,
                                          .topic = {.name = slice_str(name), .topic_id = topic}});
        }
        put_partition(log, topic, i);
    }
    settle(log);
}

void bench_log_change(struct bench_log *log, const struct metadata_image *image, int32_t number)
{
    char name[32];
    topic_name(name, number);
    const struct metadata_topic *topic = metadata_topic_by_name(image, slice_str(name));
    int32_t index = number % TOPIC_PARTITIONS;
    struct metadata_ids replicas = metadata_replicas(metadata_partition(topic, index));
    int32_t isr[2] = {replicas.items[1], replicas.items[2]};
    struct metadata_record record = {.type = METADATA_RECORD_PARTITION_CHANGE,
                                     .partition_change =
                                         METADATA_PARTITION_CHANGE(topic->id, index)};
    record.partition_change.has_isr = true;
    record.partition_change.isr = (struct metadata_ids){isr, 2};
    record.partition_change.leader = isr[0];
    put(log, &record);
    settle(log);
}

void bench_log_fini(struct bench_log *log)
{
    for (int i = 0; i < log->count; i++) {
        buf_fini(&log->batches[i].bytes);
        mem_free(log->batches[i].values);
    }
    mem_free(log->batches);
    *log = (struct bench_log){0};
}

void bench_apply_onto(struct metadata_image **image, const struct slice *values, int count,
                      int64_t base_offset)
{
    struct metadata_batch records = {.base_offset = base_offset,
                                     .last_offset = base_offset + count - 1,
                                     .epoch = 1,
                                     .timestamp_ms = 1,
                                     .values = values,
                                     .count = count};
    struct buf why = {0};
    if (metadata_replay_batch_onto(image, &records, &why) != ERR_NONE) {
        fprintf(stderr, "%.*s\n", (int)why.len, (const char *)why.data);
        exit(2);
    }
}

struct metadata_image *bench_apply(const struct metadata_image *image, const struct slice *values,
                                   int count)
{
    struct metadata_image *next = metadata_image_ref(image);
    bench_apply_onto(&next, values, count, metadata_image_offset(image) + 1);
    return next;
}
