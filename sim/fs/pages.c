/* The bytes of a simulated file: pages, and what the disk has of them. */
#include "base/mem.h"
#include "sim/fs/disk.h"

static const uint8_t zeroes[SIM_PAGE];

static const uint8_t *page_bytes(const uint8_t *bytes)
{
    return bytes == NULL ? zeroes : bytes;
}

/* ---- pages ---- */

static uint8_t *page_new(struct sim_disk *disk)
{
    disk->used_pages++;
    return mem_zalloc(1, SIM_PAGE);
}

static void live_free(struct sim_inode *file, struct sim_page *page)
{
    if (page->live != NULL) {
        file->disk->used_pages--;
        mem_free(page->live);
        page->live = NULL;
    }
}

static void note_touched(struct sim_inode *file, uint32_t index)
{
    if (file->touched_count == file->touched_cap) {
        file->touched_cap = file->touched_cap == 0 ? 4 : file->touched_cap * 2;
        file->touched = mem_realloc(file->touched, file->touched_cap * sizeof *file->touched);
    }
    file->touched[file->touched_count++] = index;
}

static void note_dirty(struct sim_inode *file)
{
    if (list_empty(&file->dirty_link)) {
        list_add_tail(&file->disk->dirty, &file->dirty_link);
    }
}

/* Before a change: remembers what the disk has. */
static void page_soil(struct sim_inode *file, uint32_t index)
{
    struct sim_page *page = &file->pages[index];
    if (page->state == SIM_PAGE_CLEAN) {
        note_touched(file, index);
        if (page->live != NULL) {
            page->old = mem_alloc(SIM_PAGE);
            memcpy(page->old, page->live, SIM_PAGE);
        }
    }
    page->state = SIM_PAGE_DIRTY;
    note_dirty(file);
}

/* The disk has what is in memory. */
static void page_settle(struct sim_page *page)
{
    mem_free(page->old);
    page->old = NULL;
    page->state = SIM_PAGE_CLEAN;
}

/* What is in memory is what the disk has. */
static void page_revert(struct sim_inode *file, struct sim_page *page)
{
    live_free(file, page);
    page->live = page->old;
    file->disk->used_pages += page->live != NULL ? 1 : 0;
    page->old = NULL;
    page->state = SIM_PAGE_CLEAN;
}

static void page_tear(struct sim_inode *file, struct sim_page *page, struct prng *p)
{
    if (page->live == NULL) {
        page->live = page_new(file->disk);
    }
    const uint8_t *old = page_bytes(page->old);
    for (uint32_t at = 0; at < SIM_PAGE; at += SIM_SECTOR) {
        if (prng_chance(p, 1, 2)) {
            memcpy(page->live + at, old + at, SIM_SECTOR);
        }
    }
    page_settle(page);
}

/* Keeps in `touched` what is still not clean, and the file among the dirty if that is something. */
static void tidy(struct sim_inode *file)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < file->touched_count; i++) {
        uint32_t index = file->touched[i];
        if (file->pages[index].state != SIM_PAGE_CLEAN) {
            file->touched[kept++] = index;
        }
    }
    file->touched_count = kept;
    if (kept == 0 && file->synced_size == file->size && file->cut == UINT64_MAX) {
        list_remove(&file->dirty_link);
    }
}

static void grow(struct sim_inode *file, uint32_t count)
{
    if (count > file->page_count) {
        uint32_t cap = file->page_count + file->page_count / 2;
        cap = cap > count ? cap : count;
        file->pages = mem_realloc(file->pages, cap * sizeof *file->pages);
        memset(file->pages + file->page_count, 0, (cap - file->page_count) * sizeof *file->pages);
        file->page_count = cap;
    }
}

/* ---- calls ---- */

enum err sim_file_read(const struct sim_inode *file, uint64_t offset, struct store_room into,
                       size_t *got)
{
    *got = 0;
    if (offset >= file->size) {
        return ERR_NONE;
    }
    size_t len = min_size(into.len, file->size - offset);
    while (*got < len) {
        uint64_t at = offset + *got;
        uint64_t index = at / SIM_PAGE;
        size_t within = at % SIM_PAGE;
        size_t some = min_size(len - *got, SIM_PAGE - within);
        const struct sim_page *page = index < file->page_count ? &file->pages[index] : NULL;
        if (page != NULL && page->bad && !file->disk->observed) {
            return ERR_IO;
        }
        const uint8_t *bytes = page == NULL ? zeroes : page_bytes(page->live);
        memcpy(into.data + *got, bytes + within, some);
        *got += some;
    }
    return ERR_NONE;
}

/* A page written whole is a good one again. */
static bool write_page(struct sim_inode *file, uint64_t at, const uint8_t *data, size_t len)
{
    uint32_t index = (uint32_t)(at / SIM_PAGE);
    grow(file, index + 1);
    struct sim_page *page = &file->pages[index];
    if (page->live == NULL && file->disk->used_pages >= file->disk->pages_max) {
        return false;
    }
    page_soil(file, index);
    if (page->live == NULL) {
        page->live = page_new(file->disk);
    }
    page->bad = page->bad && len < SIM_PAGE;
    memcpy(page->live + at % SIM_PAGE, data, len);
    return true;
}

size_t sim_file_write(struct sim_inode *file, uint64_t offset, struct slice data)
{
    size_t done = 0;
    while (done < data.len) {
        uint64_t at = offset + done;
        size_t some = min_size(data.len - done, SIM_PAGE - at % SIM_PAGE);
        if (!write_page(file, at, data.data + done, some)) {
            break;
        }
        done += some;
    }
    if (done > 0 && offset + done > file->size) {
        file->size = offset + done;
    }
    return done;
}

/* Zeroes behind `size`, in memory. */
static void cut_pages(struct sim_inode *file, uint64_t size)
{
    uint32_t first = (uint32_t)(size / SIM_PAGE);
    size_t within = size % SIM_PAGE;
    for (uint32_t i = first; i < file->page_count; i++) {
        struct sim_page *page = &file->pages[i];
        size_t from = i == first ? within : 0;
        if (page->live != NULL) {
            page_soil(file, i);
            if (from == 0) {
                live_free(file, page);
            } else {
                memset(page->live + from, 0, SIM_PAGE - from);
            }
        }
        page->bad = page->bad && from > 0;
    }
}

void sim_file_truncate(struct sim_inode *file, uint64_t size)
{
    if (size < file->size) {
        cut_pages(file, size);
        file->cut = size < file->cut ? size : file->cut;
    }
    if (size != file->size) {
        file->size = size;
        note_dirty(file);
    }
}

void sim_file_sync(struct sim_inode *file)
{
    for (uint32_t i = 0; i < file->touched_count; i++) {
        struct sim_page *page = &file->pages[file->touched[i]];
        if (page->state == SIM_PAGE_DIRTY) {
            page_settle(page);
        }
    }
    file->synced_size = file->size;
    file->cut = UINT64_MAX;
    tidy(file);
}

/* Some of the pages got there, some are gone from memory, some only look well. The size is in the
 * journal, which is another matter. */
void sim_file_drop(struct sim_inode *file, struct prng *p)
{
    for (uint32_t i = 0; i < file->touched_count; i++) {
        struct sim_page *page = &file->pages[file->touched[i]];
        uint64_t luck = prng_below(p, 3);
        if (page->state == SIM_PAGE_DROPPED) {
            continue;
        }
        if (luck == 0) {
            page_settle(page);
            continue;
        }
        sim_fault(file->disk, SIM_FAULT_DROPPED_PAGE);
        if (luck == 1) {
            page_revert(file, page);
        } else {
            page->state = SIM_PAGE_DROPPED;
        }
    }
    file->synced_size = file->size;
    file->cut = UINT64_MAX;
    tidy(file);
}

/* The disk knows of the cut: nothing of old is behind it. */
static void commit_cut(struct sim_inode *file)
{
    if (file->cut == UINT64_MAX) {
        return;
    }
    uint64_t first = file->cut / SIM_PAGE;
    for (uint32_t i = 0; i < file->touched_count; i++) {
        struct sim_page *page = &file->pages[file->touched[i]];
        if (page->old == NULL || file->touched[i] < first) {
            continue;
        }
        size_t within = file->touched[i] == first ? file->cut % SIM_PAGE : 0;
        if (within == 0) {
            mem_free(page->old);
            page->old = NULL;
        } else {
            memset(page->old + within, 0, SIM_PAGE - within);
        }
    }
    file->synced_size = file->synced_size < file->cut ? file->synced_size : file->cut;
    file->cut = UINT64_MAX;
}

void sim_file_write_back(struct sim_inode *file, struct prng *p)
{
    commit_cut(file);
    for (uint32_t i = 0; i < file->touched_count; i++) {
        uint32_t index = file->touched[i];
        struct sim_page *page = &file->pages[index];
        if (page->state == SIM_PAGE_DIRTY && prng_chance(p, 1, 2)) {
            page_settle(page);
            uint64_t end = ((uint64_t)index + 1) * SIM_PAGE;
            end = end < file->size ? end : file->size;
            file->synced_size = file->synced_size < end ? end : file->synced_size;
        }
    }
    tidy(file);
}

/* ---- crash ---- */

/* The cut is not in the journal: everything behind it is as before it. */
static void lose_cut(struct sim_inode *file)
{
    sim_fault(file->disk, SIM_FAULT_LOST_CUT);
    for (uint32_t i = 0; i < file->touched_count; i++) {
        uint32_t index = file->touched[i];
        if (((uint64_t)index + 1) * SIM_PAGE > file->cut) {
            page_revert(file, &file->pages[index]);
        }
    }
    file->size = file->synced_size;
}

static void crash_size(struct sim_inode *file, struct prng *p, uint32_t keep)
{
    if (file->size <= file->synced_size || prng_chance(p, keep, 100)) {
        return;
    }
    bool some = keep > 0 && prng_chance(p, 1, 2);
    uint64_t more = some ? prng_below(p, file->size - file->synced_size + 1) : 0;
    file->size = file->synced_size + more;
}

static void crash_page(struct sim_inode *file, struct sim_page *page, struct prng *p, uint32_t keep)
{
    if (page->state == SIM_PAGE_CLEAN) {
        return;
    }
    if (page->state == SIM_PAGE_DIRTY && prng_chance(p, keep, 100)) {
        page_settle(page);
    } else if (page->state == SIM_PAGE_DIRTY && keep > 0 && prng_chance(p, 1, 2)) {
        sim_fault(file->disk, SIM_FAULT_TORN_PAGE);
        page_tear(file, page, p);
    } else {
        sim_fault(file->disk, SIM_FAULT_LOST_PAGE);
        page_revert(file, page);
    }
}

void sim_file_crash(struct sim_inode *file, struct prng *p, uint32_t keep)
{
    if (file->cut < file->synced_size && !prng_chance(p, keep, 100)) {
        lose_cut(file);
    } else {
        commit_cut(file);
        crash_size(file, p, keep);
    }
    file->cut = UINT64_MAX;
    for (uint32_t i = 0; i < file->touched_count; i++) {
        crash_page(file, &file->pages[file->touched[i]], p, keep);
    }
    /* What is behind the end is not there, whatever the sectors hold. */
    cut_pages(file, file->size);
    for (uint32_t i = 0; i < file->touched_count; i++) {
        page_settle(&file->pages[file->touched[i]]);
    }
    file->synced_size = file->size;
    file->cut = UINT64_MAX;
    tidy(file);
}

/* ---- damage ---- */

bool sim_file_rot(struct sim_inode *file, uint64_t byte, uint32_t bit)
{
    uint64_t index = byte / SIM_PAGE;
    struct sim_page *page = index < file->page_count ? &file->pages[index] : NULL;
    if (page == NULL || page->live == NULL) {
        return false;
    }
    page->live[byte % SIM_PAGE] ^= (uint8_t)(1u << bit);
    if (page->old != NULL) {
        page->old[byte % SIM_PAGE] ^= (uint8_t)(1u << bit);
    }
    return true;
}

bool sim_file_spoil(struct sim_inode *file, uint64_t byte)
{
    uint64_t index = byte / SIM_PAGE;
    if (index >= file->page_count || file->pages[index].live == NULL) {
        return false;
    }
    file->pages[index].bad = true;
    return true;
}

void sim_file_fini(struct sim_inode *file)
{
    for (uint32_t i = 0; i < file->page_count; i++) {
        live_free(file, &file->pages[i]);
        mem_free(file->pages[i].old);
    }
    mem_free(file->pages);
    mem_free(file->touched);
}
