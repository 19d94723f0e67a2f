/* Fuzzing of store/: any bytes as a segment, as an index beside a good segment, as any of the small
 * files. The first byte of an input is the kind of target, the rest is the file.
 *
 * Build and run by `make V=fuzz build/fuzz/tests/fuzz/fuzz_store`, then
 * `build/fuzz/tests/fuzz/fuzz_store -max_total_time=60 CORPUS`; with files as arguments it runs
 * each of them once. No corpus is kept: where checksums stand in the way, the mutator puts them
 * right. */
#include "base/crc32c.h"
#include "base/mem.h"
#include "tests/lib/log_bench.h"

enum kind { SEGMENT, INDEX, TIMEINDEX, TXNINDEX, EPOCHS, CHECKPOINT, META, SNAPSHOT, KINDS };

enum { SIZE_MAX_FUZZ = 16 << 10, BIG = 1 << 30 };

static const char *const names[KINDS] = {"00000000000000000000.log",
                                         "00000000000000000000.index",
                                         "00000000000000000000.timeindex",
                                         "00000000000000000000.txnindex",
                                         "leader-epoch-checkpoint",
                                         "recovery-point-offset-checkpoint",
                                         "meta.properties",
                                         "00000000000000000000.snapshot"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static void put(struct log_bench *b, enum kind kind, struct slice content)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", LOG_BENCH_DIR, names[kind]);
    buf_put(&path, "", 1);
    enum err e = store_fs_write_file(b->fs, (const char *)path.data, content, false);
    ASSERT(e == ERR_NONE);
    buf_fini(&path);
}

static bool keep_going(void *arg, const struct store_batch *batch)
{
    int64_t *next = arg;
    ASSERT(batch->last_offset >= batch->base_offset);
    *next = batch->last_offset + 1;
    return true;
}

static void ignore_txn(void *arg, const struct store_aborted_txn *txn)
{
    (void)arg;
    (void)txn;
}

/* Every kind of look-up at a few places; errors are fine, crashes are not. */
static void look_around(struct store_log *log)
{
    int64_t end = store_log_end_offset(log);
    int64_t start = store_log_start_offset(log);
    struct store_batch batch;
    struct store_read read;
    bool found = false;
    for (int64_t i = 0; i <= 8; i++) {
        struct store_read_query query = {start + (end - start) / 8 * i, end - i, BIG, i % 2 == 0};
        if (store_log_read(log, &query, &read) == ERR_NONE) {
            uint8_t *copy = mem_alloc(max_size(read.length, 1));
            (void)!store_read_copy(&read, copy);
            mem_free(copy);
        }
        store_read_done(&read);
        (void)!store_log_find_timestamp(log, 1000 + i, &batch, &read, &found);
        store_read_done(&read);
        (void)store_log_epoch_end(log, (int32_t)i);
    }
    (void)!store_log_find_max_timestamp(log, &batch, &read, &found);
    store_read_done(&read);
    (void)!store_log_aborted(log, start, end, ignore_txn, NULL);
}

/* Opens, looks, appends, cuts; after a recovery the log must be whole. */
static void exercise(struct log_bench *b, bool clean)
{
    int64_t next = 0;
    if (log_bench_open(b, clean) != ERR_NONE) {
        return;
    }
    look_around(b->log);
    enum err e = store_log_scan(b->log, store_log_start_offset(b->log), keep_going, &next);
    ASSERT(clean || e == ERR_NONE);
    if (store_log_end_offset(b->log) < INT64_MAX / 2 &&
        log_bench_append(b, 3, 9, 5000) == ERR_NONE) {
        look_around(b->log);
        (void)!store_log_truncate_to(b->log, store_log_end_offset(b->log) - 2);
        look_around(b->log);
    }
    (void)!store_log_close(b->log);
    b->log = NULL;
}

static void target_log(enum kind kind, struct slice content)
{
    struct buf segment = {0};
    for (int64_t i = 0; i < 20; i++) {
        struct batch_spec spec = {i * 3, 3, 1 + (int32_t)i / 7, 1000 + i, 60};
        batch_put(&segment, &spec);
    }
    for (int clean = 0; clean < 2; clean++) {
        struct log_bench b;
        log_bench_init(&b, 1);
        enum err e = store_fs_mkdir(b.fs, LOG_BENCH_DIR);
        ASSERT(e == ERR_NONE);
        put(&b, SEGMENT, buf_slice(&segment));
        put(&b, kind, content);
        exercise(&b, clean == 1);
        exercise(&b, clean == 1);
        log_bench_fini(&b);
    }
    buf_fini(&segment);
}

static void ignore_entry(void *arg, struct slice topic, int32_t partition, int64_t offset)
{
    (void)arg;
    (void)topic;
    (void)partition;
    (void)offset;
}

static void target_small(enum kind kind, struct slice content)
{
    struct log_bench b;
    log_bench_init(&b, 1);
    enum err e = store_fs_mkdir(b.fs, LOG_BENCH_DIR);
    ASSERT(e == ERR_NONE);
    put(&b, kind, content);
    struct store_snapshot snapshot;
    struct store_meta meta;
    if (kind == CHECKPOINT) {
        (void)!store_checkpoint_read(b.fs, LOG_BENCH_DIR "/recovery-point-offset-checkpoint",
                                     ignore_entry, NULL, &b.why);
    } else if (kind == SNAPSHOT) {
        e = store_snapshot_load(b.fs, LOG_BENCH_DIR, INT64_MAX, &snapshot);
        ASSERT(e == ERR_NONE);
        mem_free(snapshot.entries);
    } else {
        /* What can be read can be written and read again. */
        if (store_meta_read(b.fs, LOG_BENCH_DIR, &meta, &b.why) == ERR_NONE) {
            e = store_meta_write(b.fs, LOG_BENCH_DIR, &meta, &b.why);
            ASSERT(e == ERR_NONE);
            store_meta_fini(&meta);
            e = store_meta_read(b.fs, LOG_BENCH_DIR, &meta, &b.why);
            ASSERT(e == ERR_NONE);
        }
        store_meta_fini(&meta);
    }
    log_bench_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > SIZE_MAX_FUZZ) {
        return 0;
    }
    enum kind kind = (enum kind)(data[0] % KINDS);
    struct slice content = slice_of(data + 1, size - 1);
    if (kind == CHECKPOINT || kind == META || kind == SNAPSHOT) {
        target_small(kind, content);
    } else {
        target_log(kind, content);
    }
    return 0;
}

/* A segment of good batches to begin with. */
static size_t make_segment(uint8_t *data, size_t max_size, unsigned int seed)
{
    struct buf bytes = {0};
    for (unsigned int i = 0; i < seed % 9; i++) {
        struct batch_spec spec = {(int64_t)i * 5, 1 + (int32_t)(seed >> i) % 4, (int32_t)i / 3,
                                  1000, (seed >> i) % 90};
        batch_put(&bytes, &spec);
    }
    size_t len = min_size(bytes.len, max_size);
    if (len > 0) {
        memcpy(data, bytes.data, len);
    }
    buf_fini(&bytes);
    return len;
}

static void mend_segment(uint8_t *data, size_t size)
{
    while (size >= WIRE_BATCH_HEADER) {
        size_t batch = wire_batch_size(slice_of(data, size));
        if (batch < WIRE_BATCH_HEADER || batch > size) {
            return;
        }
        store_u32(data + WIRE_BATCH_CRC_AT,
                  crc32c(0, data + WIRE_BATCH_CRC_FROM, batch - WIRE_BATCH_CRC_FROM));
        data += batch;
        size -= batch;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    if (size > 1 && data[0] % KINDS == SEGMENT && seed % 8 == 0) {
        size = 1 + make_segment(data + 1, max_size - 1, seed / 8);
    }
    size = LLVMFuzzerMutate(data, size, max_size);
    if (size > 1 && seed % 4 != 0) {
        if (data[0] % KINDS == SEGMENT) {
            mend_segment(data + 1, size - 1);
        } else if (data[0] % KINDS == SNAPSHOT && size > 1 + 6) {
            store_u32(data + 1 + 2, crc32c(0, data + 1 + 6, size - 1 - 6));
        }
    }
    return size;
}
