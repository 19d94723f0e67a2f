/* Load generator on librdkafka: produces, consumes or measures latency, and prints one JSON line.
 *
 *     load produce  BOOTSTRAP TOPIC COUNT SIZE [key=value]...   librdkafka properties
 *     load consume  BOOTSTRAP TOPIC COUNT 0    [key=value]...   partition 0 from the beginning
 *     load latency  BOOTSTRAP TOPIC COUNT SIZE rate=N [key=value]...
 *
 * `steady_seconds` of a consumer go from the first message delivered to the last one: the client's
 * start is not in them. `partition=N` sends everything to one partition, `keys=N` gives messages N
 * different keys. The latency of a message is the time from rd_kafka_produce() to its delivery
 * report; messages are sent at fixed points in time, whether or not earlier ones came back (no
 * coordinated omission). */
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZE_MAX_BYTES = 1 << 20, US_PER_S = 1000000, POLL_US = 50 };

struct load {
    const char *mode;
    const char *topic;
    int64_t count;
    size_t size;
    int64_t rate; /* messages a second, 0: as fast as it goes */
    int64_t keys;
    int32_t partition;
    int64_t delivered;
    int64_t failed;
    int64_t first_us; /* consume mode: when the first message was delivered, and the last one */
    int64_t last_us;
    int64_t *latencies_us; /* latency mode */
    int64_t latencies;
    rd_kafka_t *rk;
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "load: %s: %s\n", what, why);
    exit(1);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    struct load *load = opaque;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        load->failed++;
        return;
    }
    load->delivered++;
    if (load->latencies_us != NULL) {
        load->latencies_us[load->latencies++] = now_us() - (int64_t)(intptr_t)m->_private;
    }
}

/* Own words are taken out of the properties; the rest goes to librdkafka. */
static void set_property(struct load *load, rd_kafka_conf_t *conf, const char *pair)
{
    char name[128];
    const char *eq = strchr(pair, '=');
    if (eq == NULL || (size_t)(eq - pair) >= sizeof name) {
        die("not key=value", pair);
    }
    memcpy(name, pair, (size_t)(eq - pair));
    name[eq - pair] = '\0';
    if (strcmp(name, "rate") == 0) {
        load->rate = strtoll(eq + 1, NULL, 10);
    } else if (strcmp(name, "keys") == 0) {
        load->keys = strtoll(eq + 1, NULL, 10);
    } else if (strcmp(name, "partition") == 0) {
        load->partition = (int32_t)strtol(eq + 1, NULL, 10);
    } else {
        char why[256];
        if (rd_kafka_conf_set(conf, name, eq + 1, why, sizeof why) != RD_KAFKA_CONF_OK) {
            die(name, why);
        }
    }
}

static void send_one(struct load *load, rd_kafka_topic_t *topic, const char *payload, int64_t n)
{
    char key[32];
    int key_len = load->keys > 0 ? snprintf(key, sizeof key, "%" PRId64, n % load->keys) : 0;
    void *sent_at = load->latencies_us == NULL ? NULL : (void *)(intptr_t)now_us();
    while (rd_kafka_produce(topic, load->partition, 0, (void *)(uintptr_t)payload, load->size,
                            key_len > 0 ? key : NULL, (size_t)key_len, sent_at) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            die("produce", rd_kafka_err2str(rd_kafka_last_error()));
        }
        rd_kafka_poll(load->rk, 10);
    }
}

static void produce(struct load *load)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(load->rk, load->topic, NULL);
    char *payload = calloc(1, load->size + 1);
    memset(payload, 'x', load->size);
    int64_t began = now_us();
    for (int64_t n = 0; n < load->count; n++) {
        if (load->rate > 0) {
            int64_t due = began + n * US_PER_S / load->rate;
            for (int64_t left = due - now_us(); left > 0; left = due - now_us()) {
                /* In small steps: a delivery report must not wait for the next message. */
                struct timespec rest = {0, (left < POLL_US ? left : POLL_US) * 1000};
                nanosleep(&rest, NULL);
                rd_kafka_poll(load->rk, 0);
            }
        }
        send_one(load, topic, payload, n);
        rd_kafka_poll(load->rk, 0);
    }
    rd_kafka_flush(load->rk, 120000);
    rd_kafka_topic_destroy(topic);
    free(payload);
}

static void consume(struct load *load)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(load->rk, load->topic, NULL);
    enum { BATCH = 10000 };
    rd_kafka_message_t **batch = calloc(BATCH, sizeof *batch);
    int64_t deadline = now_us() + 120LL * US_PER_S;
    if (rd_kafka_consume_start(topic, 0, RD_KAFKA_OFFSET_BEGINNING) != 0) {
        die("consume", rd_kafka_err2str(rd_kafka_last_error()));
    }
    while (load->delivered < load->count && now_us() < deadline) {
        bool is_first = load->delivered == 0;
        ssize_t got = rd_kafka_consume_batch(topic, 0, 1000, batch, is_first ? 1 : BATCH);
        for (ssize_t i = 0; i < got; i++) {
            load->delivered += batch[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR;
            rd_kafka_message_destroy(batch[i]);
        }
        load->last_us = now_us();
        load->first_us = is_first ? load->last_us : load->first_us;
    }
    rd_kafka_consume_stop(topic, 0);
    rd_kafka_topic_destroy(topic);
    free(batch);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print(struct load *load, double seconds)
{
    printf("{\"delivered\": %" PRId64 ", \"failed\": %" PRId64 ", \"seconds\": %.6f",
           load->delivered, load->failed, seconds);
    if (load->first_us > 0) {
        printf(", \"steady_seconds\": %.6f", (double)(load->last_us - load->first_us) / US_PER_S);
    }
    if (load->latencies > 0) {
        qsort(load->latencies_us, (size_t)load->latencies, sizeof *load->latencies_us, compare);
        int64_t last = load->latencies - 1;
        printf(", \"p50_us\": %" PRId64 ", \"p99_us\": %" PRId64 ", \"p999_us\": %" PRId64,
               load->latencies_us[last / 2], load->latencies_us[last * 99 / 100],
               load->latencies_us[last * 999 / 1000]);
    }
    printf("}\n");
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        die("usage", "load produce|consume|latency BOOTSTRAP TOPIC COUNT SIZE [key=value]...");
    }
    struct load load = {.mode = argv[1],
                        .topic = argv[3],
                        .count = strtoll(argv[4], NULL, 10),
                        .size = (size_t)strtoull(argv[5], NULL, 10),
                        .partition = RD_KAFKA_PARTITION_UA};
    if (load.count <= 0 || load.size > SIZE_MAX_BYTES) {
        die("usage", "COUNT must be positive, SIZE at most 1 MiB");
    }
    bool consumes = strcmp(load.mode, "consume") == 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_conf_set_opaque(conf, &load);
    rd_kafka_conf_set(conf, "bootstrap.servers", argv[2], why, sizeof why);
    if (!consumes) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    }
    for (int i = 6; i < argc; i++) {
        set_property(&load, conf, argv[i]);
    }
    if (strcmp(load.mode, "latency") == 0) {
        load.latencies_us = calloc((size_t)load.count, sizeof *load.latencies_us);
    }
    load.rk = rd_kafka_new(consumes ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (load.rk == NULL) {
        die("librdkafka", why);
    }
    int64_t began = now_us();
    if (consumes) {
        consume(&load);
    } else {
        produce(&load);
    }
    print(&load, (double)(now_us() - began) / US_PER_S);
    rd_kafka_destroy(load.rk);
    free(load.latencies_us);
    return load.delivered == load.count ? 0 : 1;
}
