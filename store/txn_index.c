/* The .txnindex of a segment: 34 bytes for each transaction whose abort marker lies in it. Few and
 * rarely read, so that they are opened and read whole each time. */
#include "store/log_private.h"

enum { TXN_ENTRY = 34, TXN_VERSION = 0, TXN_FILE_MAX = 64 << 20 };

static void path_of(const struct store_log *log, const struct segment *seg,
                    char out[STORE_PATH_MAX])
{
    store_segment_path(out, log->dir, seg->base, SEGMENT_TXNINDEX);
}

/* ERR_NONE and nothing in `out` if there is no file; a piece of an entry at the end is left out. */
static enum err read_file(const struct store_log *log, const struct segment *seg, struct buf *out)
{
    char path[STORE_PATH_MAX];
    if (!seg->has_txn_index) {
        return ERR_NONE;
    }
    path_of(log, seg, path);
    enum err e = store_fs_read_file(log->fs, path, TXN_FILE_MAX, out);
    out->len -= out->len % TXN_ENTRY;
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

static enum err read_entry(struct reader *r, struct store_aborted_txn *out)
{
    int16_t version = reader_i16(r);
    out->producer_id = reader_i64(r);
    out->first_offset = reader_i64(r);
    out->last_offset = reader_i64(r);
    out->last_stable_offset = reader_i64(r);
    return r->bad || version != TXN_VERSION ? ERR_CORRUPT : ERR_NONE;
}

/* How many of the entries have a marker below `offset`; they are in the order of markers. */
static enum err count_below(struct slice entries, int64_t offset, size_t *count)
{
    struct reader r = reader_of(entries);
    *count = 0;
    while (reader_left(&r) > 0) {
        struct store_aborted_txn txn;
        TRY(read_entry(&r, &txn));
        if (txn.last_offset >= offset) {
            break;
        }
        (*count)++;
    }
    return ERR_NONE;
}

static enum err write_at(struct store_log *log, struct segment *seg, uint64_t position,
                         const struct store_aborted_txn *txn)
{
    char path[STORE_PATH_MAX];
    struct buf b = {0};
    int fd = -1;
    path_of(log, seg, path);
    buf_put_i16(&b, TXN_VERSION);
    buf_put_i64(&b, txn->producer_id);
    buf_put_i64(&b, txn->first_offset);
    buf_put_i64(&b, txn->last_offset);
    buf_put_i64(&b, txn->last_stable_offset);
    enum err e = store_fs_open(log->fs, path, STORE_OPEN_WRITE | STORE_OPEN_CREATE, &fd);
    if (e == ERR_NONE) {
        e = store_fs_pwrite(log->fs, fd, buf_slice(&b), position);
        store_fs_close(log->fs, fd);
    }
    buf_fini(&b);
    if (e == ERR_NONE) {
        log->dir_version += seg->has_txn_index ? 0 : 1;
        seg->has_txn_index = true;
        seg->txn_index_synced = false;
    }
    return e;
}

enum err store_log_add_aborted(struct store_log *log, const struct store_aborted_txn *txn)
{
    if (log->offline) {
        return ERR_IO;
    }
    struct segment *seg = &log->segments[log_segment_floor(log, txn->last_offset)];
    struct buf entries = {0};
    size_t below = 0;
    enum err e = read_file(log, seg, &entries);
    if (e == ERR_NONE) {
        e = count_below(buf_slice(&entries), txn->last_offset, &below);
    }
    if (e == ERR_NONE && below * TXN_ENTRY == entries.len) {
        e = write_at(log, seg, entries.len, txn);
    }
    buf_fini(&entries);
    return e;
}

enum err txn_index_truncate(struct store_log *log, struct segment *seg, int64_t offset)
{
    if (!seg->has_txn_index) {
        return ERR_NONE;
    }
    char path[STORE_PATH_MAX];
    struct buf entries = {0};
    size_t below = 0;
    int fd = -1;
    path_of(log, seg, path);
    enum err e = read_file(log, seg, &entries);
    if (e == ERR_NONE) {
        e = count_below(buf_slice(&entries), offset, &below);
    }
    buf_fini(&entries);
    TRY(e);
    TRY(store_fs_open(log->fs, path, STORE_OPEN_WRITE | STORE_OPEN_CREATE, &fd));
    e = store_fs_truncate(log->fs, fd, below * TXN_ENTRY);
    store_fs_close(log->fs, fd);
    seg->txn_index_synced = false;
    return e;
}

/* `*more` false: everything behind has a stable offset at or above `to`. */
static enum err report(struct slice entries, const int64_t range[2], store_aborted_fn *each,
                       void *arg, bool *more)
{
    struct reader r = reader_of(entries);
    while (reader_left(&r) > 0 && *more) {
        struct store_aborted_txn txn;
        TRY(read_entry(&r, &txn));
        if (txn.last_offset >= range[0] && txn.first_offset < range[1]) {
            each(arg, &txn);
        }
        *more = txn.last_stable_offset < range[1];
    }
    return ERR_NONE;
}

enum err store_log_aborted(struct store_log *log, int64_t from, int64_t to, store_aborted_fn *each,
                           void *arg)
{
    const int64_t range[2] = {from, to};
    bool more = true;
    if (log->offline) {
        return ERR_IO;
    }
    for (uint32_t i = log_segment_floor(log, from); i < log->segment_count && more; i++) {
        struct buf entries = {0};
        enum err e = read_file(log, &log->segments[i], &entries);
        if (e == ERR_NONE) {
            e = report(buf_slice(&entries), range, each, arg, &more);
        }
        buf_fini(&entries);
        TRY(e);
    }
    return ERR_NONE;
}
