/* The log against a plain array of batches: random appends, truncations, reopenings, and every kind
 * of look-up compared with brute force. */
#include "store/log.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/prng.h"
#include "tests/lib/log_bench.h"

enum { SEEDS = 40, STEPS = 250, FAR = 1 << 30 };

struct model_batch {
    int64_t base;
    int64_t last;
    int64_t timestamp;
    int32_t epoch;
    size_t at; /* in bytes */
    size_t size;
};

struct model {
    struct log_bench b;
    struct prng p;
    struct model_batch *batches;
    size_t count;
    struct buf bytes;
    int64_t start;
    int64_t end;
    int32_t epoch;
    int64_t clock;
};

static void model_put(struct model *m, struct buf *out)
{
    if (prng_chance(&m->p, 1, 12)) {
        m->end += prng_range(&m->p, 1, 30); /* compaction took some */
    }
    m->epoch += prng_chance(&m->p, 1, 15) ? (int32_t)prng_range(&m->p, 1, 3) : 0;
    m->clock += prng_range(&m->p, -20, 40);
    struct batch_spec spec = {m->end, (int32_t)prng_range(&m->p, 1, 12), m->epoch, m->clock,
                              (uint32_t)prng_below(&m->p, prng_chance(&m->p, 1, 9) ? 900 : 60)};
    size_t size = batch_put(out, &spec);
    m->batches = mem_realloc(m->batches, (m->count + 1) * sizeof *m->batches);
    m->batches[m->count++] = (struct model_batch){
        m->end, m->end + spec.records - 1, m->clock, m->epoch, m->bytes.len, size};
    buf_put(&m->bytes, out->data + out->len - size, size);
    m->end += spec.records;
}

static void do_append(struct model *m)
{
    struct buf parts[2] = {{0}, {0}};
    struct slice slices[2];
    for (int i = 0; i < 2; i++) {
        for (uint64_t n = prng_below(&m->p, 4); n > 0; n--) {
            model_put(m, &parts[i]);
        }
        slices[i] = buf_slice(&parts[i]);
    }
    ck_assert_int_eq(store_log_append(m->b.log, slices, 2, m->clock), ERR_NONE);
    buf_fini(&parts[0]);
    buf_fini(&parts[1]);
}

static void do_truncate(struct model *m)
{
    int64_t to = prng_range(&m->p, max_i64(m->start, m->end - 60), m->end + 2);
    ck_assert_int_eq(store_log_truncate_to(m->b.log, to), ERR_NONE);
    if (to >= m->end) {
        return;
    }
    m->end = to;
    while (m->count > 0 && m->batches[m->count - 1].last >= to) {
        struct model_batch *last = &m->batches[--m->count];
        m->bytes.len = last->at;
        m->end = min_i64(m->end, last->base);
    }
    m->start = min_i64(m->start, m->end);
}

static void do_set_start(struct model *m)
{
    int64_t to = prng_range(&m->p, m->start, m->end);
    if (prng_chance(&m->p, 2, 3)) {
        to = m->start + (to - m->start) / 8;
    }
    ck_assert_int_eq(store_log_set_start(m->b.log, to), ERR_NONE);
    m->start = to;
}

static void do_reopen(struct model *m)
{
    bool clean = prng_chance(&m->p, 1, 2);
    int64_t point = store_log_recovery_point(m->b.log);
    if (clean) {
        log_bench_close(&m->b);
    } else {
        log_bench_crash(&m->b, FAULT_CRASH_PROCESS, point);
    }
    ck_assert_int_eq(log_bench_open(&m->b, clean), ERR_NONE);
    ck_assert_int_eq(store_log_recovery(m->b.log)->cut_offset, -1);
    /* A gap behind the last batch is forgotten, as it is in Kafka, unless a segment begins there.
     */
    int64_t end = store_log_end_offset(m->b.log);
    if (m->count > 0) {
        ck_assert_int_ge(end, min_i64(m->end, m->batches[m->count - 1].last + 1));
    }
    ck_assert_int_le(end, m->end);
    m->end = end;
    m->start = store_log_start_offset(m->b.log);
}

/* ---- checks ---- */

/* The index of the first batch that ends at or behind the offset. */
static size_t brute_floor(const struct model *m, int64_t offset)
{
    size_t i = 0;
    while (i < m->count && m->batches[i].last < offset) {
        i++;
    }
    return i;
}

static void check_read(struct model *m)
{
    struct store_read read;
    struct store_read_query query = {prng_range(&m->p, m->start, m->end),
                                     prng_range(&m->p, m->start, m->end + 1),
                                     (uint32_t)prng_below(&m->p, 3000), prng_chance(&m->p, 1, 2)};
    if (prng_chance(&m->p, 1, 2)) {
        query.offset = max_i64(m->start, m->end - prng_range(&m->p, 0, 40));
    }
    ck_assert_int_eq(store_log_read(m->b.log, &query, &read), ERR_NONE);
    size_t i = brute_floor(m, query.offset);
    bool none = query.offset >= query.end_offset || i == m->count ||
                m->batches[i].last >= query.end_offset ||
                (!query.min_one && m->batches[i].size > query.max_bytes);
    ck_assert_int_eq(read.file == NULL, none);
    if (none) {
        return;
    }
    ck_assert_int_eq(read.base_offset, m->batches[i].base);
    ck_assert_uint_ge(read.length, m->batches[i].size);
    ck_assert_uint_le(read.length, max_size(query.max_bytes, m->batches[i].size));
    size_t end = brute_floor(m, query.end_offset);
    size_t limit = end == m->count ? m->bytes.len : m->batches[end].at;
    ck_assert_uint_le(m->batches[i].at + read.length, limit);
    uint8_t *copy = mem_alloc(read.length);
    ck_assert_int_eq(store_read_copy(&read, copy), ERR_NONE);
    ck_assert(memcmp(copy, m->bytes.data + m->batches[i].at, read.length) == 0);
    mem_free(copy);
    store_read_done(&read);
}

static void check_all_bytes(struct model *m)
{
    struct buf back = {0};
    log_bench_read_all(&m->b, m->start, &back);
    size_t from = brute_floor(m, m->start);
    size_t at = from == m->count ? m->bytes.len : m->batches[from].at;
    struct slice expected = slice_of(m->bytes.data + at, m->bytes.len - at);
    ck_assert_uint_eq(back.len, expected.len);
    ck_assert(back.len == 0 || memcmp(back.data, expected.data, back.len) == 0);
    buf_fini(&back);
}

static void check_timestamp(struct model *m)
{
    struct store_batch batch;
    struct store_read read;
    bool found = false;
    int64_t timestamp = m->clock - prng_range(&m->p, -30, 800);
    ck_assert_int_eq(store_log_find_timestamp(m->b.log, timestamp, &batch, &read, &found),
                     ERR_NONE);
    size_t i = brute_floor(m, m->start);
    while (i < m->count && m->batches[i].timestamp < timestamp) {
        i++;
    }
    ck_assert_int_eq(found, i < m->count);
    if (found) {
        ck_assert_int_eq(batch.base_offset, m->batches[i].base);
        ck_assert_uint_eq(read.length, m->batches[i].size);
    }
    store_read_done(&read);

    size_t best = brute_floor(m, m->start);
    for (size_t k = best; k < m->count; k++) {
        best = m->batches[k].timestamp > m->batches[best].timestamp ? k : best;
    }
    ck_assert_int_eq(store_log_find_max_timestamp(m->b.log, &batch, &read, &found), ERR_NONE);
    ck_assert_int_eq(found, best < m->count);
    if (found) {
        ck_assert_int_eq(batch.base_offset, m->batches[best].base);
    }
    store_read_done(&read);
}

static void check_epochs(struct model *m)
{
    size_t i = brute_floor(m, m->start);
    if (i == m->count) {
        return;
    }
    size_t k = i + (size_t)prng_below(&m->p, m->count - i);
    int32_t epoch = m->batches[k].epoch;
    struct store_epoch_end got = store_log_epoch_end(m->b.log, epoch);
    size_t next = k;
    while (next < m->count && m->batches[next].epoch == epoch) {
        next++;
    }
    ck_assert_int_eq(got.epoch, epoch);
    ck_assert_int_eq(got.end_offset, next == m->count ? m->end : m->batches[next].base);
    ck_assert_int_eq(store_log_epoch_at(m->b.log, m->batches[k].last), epoch);
    ck_assert_int_eq(store_log_latest_epoch(m->b.log), m->batches[m->count - 1].epoch);
}

static void check_state(struct model *m)
{
    ck_assert_int_eq(store_log_start_offset(m->b.log), m->start);
    ck_assert_int_eq(store_log_end_offset(m->b.log), m->end);
    ck_assert_int_le(store_log_recovery_point(m->b.log), m->end);
}

static void step(struct model *m)
{
    uint64_t what = prng_below(&m->p, 100);
    if (what < 45) {
        do_append(m);
    } else if (what < 52) {
        do_truncate(m);
    } else if (what < 56) {
        do_set_start(m);
    } else if (what < 59) {
        ck_assert_int_eq(store_log_roll(m->b.log, m->clock), ERR_NONE);
    } else if (what < 63) {
        ck_assert_int_eq(store_log_flush(m->b.log), ERR_NONE);
    } else if (what < 68) {
        do_reopen(m);
    } else if (what < 72) {
        check_all_bytes(m);
    } else if (what < 78) {
        check_timestamp(m);
    } else if (what < 84) {
        check_epochs(m);
    } else {
        check_read(m);
    }
    check_state(m);
}

START_TEST(agrees_with_the_model)
{
    struct model m = {0};
    uint64_t seed = (uint64_t)_i + 1;
    prng_init(&m.p, seed);
    log_bench_init(&m.b, seed);
    m.b.options.config.segment_bytes = (int32_t)prng_range(&m.p, 1000, 20000);
    m.b.options.config.index_interval_bytes = (int32_t)prng_range(&m.p, 0, 2000);
    m.b.options.config.ahead_bytes =
        prng_chance(&m.p, 1, 2) ? (int32_t)prng_range(&m.p, 1, 9000) : 0;
    m.clock = 100000;
    ck_assert_int_eq(log_bench_open(&m.b, true), ERR_NONE);
    for (int i = 0; i < STEPS; i++) {
        step(&m);
    }
    check_all_bytes(&m);
    log_bench_fini(&m.b);
    mem_free(m.batches);
    buf_fini(&m.bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log model");
    TCase *tc = tcase_create("model");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, agrees_with_the_model, 0, SEEDS);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
