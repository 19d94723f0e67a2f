/* A log on a file system that fails on purpose: see log_bench.h. */
#include "tests/lib/log_bench.h"

void log_bench_init(struct log_bench *b, uint64_t seed)
{
    *b = (struct log_bench){0};
    b->disk = fault_fs_new(seed);
    b->fs = fault_fs_store(b->disk);
    b->files = store_files_new(b->fs, 4);
    b->options = (struct store_log_options){
        .files = b->files, .dir = LOG_BENCH_DIR, .config = STORE_LOG_CONFIG_DEFAULT};
    b->options.config.segment_bytes = 16 << 10;
    b->options.config.index_bytes_max = 4096;
    b->options.config.index_interval_bytes = 512;
    enum err e = store_fs_mkdir(b->fs, "/data");
    ASSERT(e == ERR_NONE);
    e = store_fs_sync_dir(b->fs, "/");
    ASSERT(e == ERR_NONE);
}

void log_bench_fini(struct log_bench *b)
{
    store_log_abandon(b->log);
    store_files_free(b->files);
    fault_fs_free(b->disk);
}

enum err log_bench_open(struct log_bench *b, bool clean)
{
    ASSERT(b->log == NULL);
    b->options.clean = clean;
    return store_log_open(&b->options, &b->log, &b->why);
}

void log_bench_close(struct log_bench *b)
{
    b->options.recovery_point = store_log_end_offset(b->log);
    b->options.log_start_offset = store_log_start_offset(b->log);
    enum err e = store_log_close(b->log);
    ASSERT(e == ERR_NONE);
    b->log = NULL;
}

void log_bench_crash(struct log_bench *b, enum fault_crash how, int64_t recovery_point)
{
    b->options.log_start_offset = store_log_start_offset(b->log);
    store_log_abandon(b->log);
    b->log = NULL;
    store_files_free(b->files);
    fault_fs_crash(b->disk, how);
    b->files = store_files_new(b->fs, 4);
    b->options.files = b->files;
    b->options.recovery_point = recovery_point;
}

enum err log_bench_append(struct log_bench *b, int32_t records, int32_t epoch, int64_t timestamp)
{
    struct buf bytes = {0};
    struct batch_spec spec = {store_log_end_offset(b->log), records, epoch, timestamp, 40};
    batch_put(&bytes, &spec);
    struct slice part = buf_slice(&bytes);
    enum err e = store_log_append(b->log, &part, 1, timestamp);
    buf_fini(&bytes);
    return e;
}

static bool copy_batch(void *arg, const struct store_batch *batch)
{
    struct buf *out = arg;
    uint8_t *at = buf_extend(out, batch->size);
    enum err e = store_file_pread(batch->file, store_room(at, batch->size), batch->position);
    ASSERT(e == ERR_NONE);
    return true;
}

void log_bench_read_all(struct log_bench *b, int64_t offset, struct buf *out)
{
    enum err e = store_log_scan(b->log, offset, copy_batch, out);
    ASSERT(e == ERR_NONE);
}
