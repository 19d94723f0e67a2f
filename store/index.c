/* Sparse index files: see index.h. */
#include "store/index.h"

#include "base/mem.h"

/* A page of entries that a search reads at once. */
enum { PAGE_BYTES = 4096 };

static int64_t entry_key(const struct index *x, const uint8_t *entry)
{
    return x->entry_size == INDEX_OFFSET_ENTRY ? (int32_t)load_u32(entry)
                                               : (int64_t)load_u64(entry);
}

void index_init(struct index *x, struct store_file *take_file, uint8_t entry_size)
{
    *x = (struct index){.file = take_file, .entry_size = entry_size};
}

void index_fini(struct index *x)
{
    store_file_drop(x->file);
    mem_free(x->tail);
    *x = (struct index){0};
}

void index_clear(struct index *x)
{
    x->in_file = 0;
    x->in_tail = 0;
    x->hint = 0;
    x->loaded = true;
    x->exact = false;
}

/* Reads entries of the file. */
static enum err read_entries(struct index *x, uint32_t from, uint32_t count, uint8_t *out)
{
    TRY(store_file_pin(x->file, STORE_OPEN_WRITE));
    enum err e = store_file_pread(x->file, store_room(out, (size_t)count * x->entry_size),
                                  (uint64_t)from * x->entry_size);
    store_file_unpin(x->file);
    return e;
}

/* Zeroes at the end are what a crash leaves of a preallocated file. No true last entry has position
 * 0: one is only made behind some bytes of batches. (Timestamps and offsets may well be 0.) */
static enum err check_last(struct index *x)
{
    uint8_t last[INDEX_TIME_ENTRY];
    if (x->in_file == 0 || x->entry_size != INDEX_OFFSET_ENTRY) {
        return ERR_NONE;
    }
    TRY(read_entries(x, x->in_file - 1, 1, last));
    return load_u32(last + 4) == 0 ? ERR_CORRUPT : ERR_NONE;
}

enum err index_load(struct index *x)
{
    if (x->loaded) {
        return ERR_NONE;
    }
    uint64_t size = 0;
    TRY(store_file_pin(x->file, STORE_OPEN_WRITE));
    enum err e = store_file_size(x->file, &size);
    store_file_unpin(x->file);
    TRY(e);
    if (size % x->entry_size != 0 || size > INT32_MAX) {
        return ERR_CORRUPT;
    }
    x->in_file = (uint32_t)size / x->entry_size;
    TRY(check_last(x));
    x->loaded = true;
    x->exact = true;
    return ERR_NONE;
}

enum err index_get(struct index *x, uint32_t i, uint8_t *entry)
{
    ASSERT(i < index_count(x));
    if (i < x->in_file) {
        return read_entries(x, i, 1, entry);
    }
    memcpy(entry, x->tail + (size_t)(i - x->in_file) * x->entry_size, x->entry_size);
    return ERR_NONE;
}

/* How many of the `count` sorted entries have a key ≤ `key`. */
static uint32_t count_up_to(const struct index *x, const uint8_t *entries, uint32_t count,
                            int64_t key)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (entry_key(x, entries + (size_t)mid * x->entry_size) <= key) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

/* Narrows `[*low, *high)`, in which the number of entries ≤ `key` lies, with one page at `from`. */
static enum err narrow(struct index *x, int64_t key, uint32_t from, uint32_t range[2])
{
    uint8_t page[PAGE_BYTES];
    uint32_t count = (uint32_t)min_size(PAGE_BYTES / x->entry_size, x->in_file - from);
    TRY(read_entries(x, from, count, page));
    uint32_t up_to = count_up_to(x, page, count, key);
    if (up_to == 0) {
        range[1] = from;
    } else if (up_to == count) {
        range[0] = from + count;
    } else {
        range[0] = from + up_to;
        range[1] = range[0];
    }
    return ERR_NONE;
}

/* The search in the file: first the page where the last one ended, as readers go forward. */
static enum err floor_in_file(struct index *x, int64_t key, int64_t *slot)
{
    uint32_t page = PAGE_BYTES / x->entry_size;
    uint32_t range[2] = {0, x->in_file};
    if (x->hint < x->in_file) {
        TRY(narrow(x, key, x->hint, range));
    }
    while (range[0] < range[1]) {
        uint32_t width = range[1] - range[0];
        uint32_t from = width <= page ? range[0] : range[0] + (width - page) / 2;
        TRY(narrow(x, key, from, range));
    }
    *slot = (int64_t)range[0] - 1;
    x->hint = range[0] == 0 ? 0 : range[0] - 1;
    return ERR_NONE;
}

enum err index_floor(struct index *x, int64_t key, int64_t *slot)
{
    *slot = -1;
    if (index_count(x) == 0) {
        return ERR_NONE;
    }
    uint32_t in_tail = count_up_to(x, x->tail, x->in_tail, key);
    if (in_tail > 0) {
        *slot = (int64_t)x->in_file + in_tail - 1;
        return ERR_NONE;
    }
    return x->in_file == 0 ? ERR_NONE : floor_in_file(x, key, slot);
}

void index_add(struct index *x, const uint8_t *entry)
{
    ASSERT(x->loaded);
    if (x->in_tail == x->tail_cap) {
        x->tail_cap = x->tail_cap == 0 ? 8 : x->tail_cap * 2;
        x->tail = mem_realloc(x->tail, (size_t)x->tail_cap * x->entry_size);
    }
    memcpy(x->tail + (size_t)x->in_tail * x->entry_size, entry, x->entry_size);
    x->in_tail++;
    x->exact = false;
}

void index_truncate(struct index *x, uint32_t count)
{
    if (count >= index_count(x)) {
        return;
    }
    x->in_tail = count > x->in_file ? count - x->in_file : 0;
    x->in_file = count < x->in_file ? count : x->in_file;
    x->hint = 0;
    x->exact = false;
}

/* Writes the tail behind the entries of the file; the file is pinned. */
static enum err write_tail(struct index *x, const struct store_fs *fs)
{
    struct slice data = slice_of(x->tail, (size_t)x->in_tail * x->entry_size);
    TRY(store_fs_pwrite(fs, store_file_fd(x->file), data, (uint64_t)x->in_file * x->entry_size));
    x->in_file += x->in_tail;
    x->in_tail = 0;
    return ERR_NONE;
}

static void free_tail(struct index *x)
{
    mem_free(x->tail);
    x->tail = NULL;
    x->tail_cap = 0;
}

enum err index_maybe_write(struct index *x, uint32_t bytes_max)
{
    if (x->in_tail < INDEX_TAIL_MAX) {
        return ERR_NONE;
    }
    const struct store_fs *fs = store_file_fs(x->file);
    TRY(store_file_pin(x->file, STORE_OPEN_WRITE | STORE_OPEN_CREATE));
    enum err e = ERR_NONE;
    if (!x->allocated) {
        size_t bytes = max_size(bytes_max, (size_t)index_count(x) * x->entry_size);
        e = store_fs_truncate(fs, store_file_fd(x->file), bytes - bytes % x->entry_size);
        x->allocated = e == ERR_NONE;
    }
    if (e == ERR_NONE) {
        e = write_tail(x, fs);
    }
    store_file_unpin(x->file);
    return e;
}

enum err index_finish(struct index *x)
{
    if (!x->loaded || x->exact) {
        return ERR_NONE;
    }
    const struct store_fs *fs = store_file_fs(x->file);
    TRY(store_file_pin(x->file, STORE_OPEN_WRITE | STORE_OPEN_CREATE));
    enum err e = x->in_tail > 0 ? write_tail(x, fs) : ERR_NONE;
    if (e == ERR_NONE) {
        e = store_fs_truncate(fs, store_file_fd(x->file), (uint64_t)x->in_file * x->entry_size);
    }
    if (e == ERR_NONE) {
        free_tail(x);
        x->exact = true;
        x->allocated = false;
    }
    store_file_unpin(x->file);
    return e;
}
