/* The leader-epoch list: see epochs.h. */
#include "store/epochs.h"

#include "base/mem.h"
#include "store/text.h"

/* Far more epochs than a log can have segments for; keeps a broken file from taking all memory. */
enum { FILE_MAX = 64 << 20 };

void epochs_fini(struct epochs *x)
{
    mem_free(x->at);
    *x = (struct epochs){0};
}

static void changed(struct epochs *x)
{
    x->unwritten = true;
    x->unsynced = true;
}

static void push(struct epochs *x, int32_t epoch, int64_t start)
{
    if (x->count == x->cap) {
        /* Most logs have few: grow slowly, as there are many logs. */
        x->cap = x->cap < 4 ? x->cap + 1 : x->cap * 2;
        x->at = mem_realloc(x->at, x->cap * sizeof *x->at);
    }
    x->at[x->count++] = (struct epoch_entry){start, epoch};
}

static enum err read_lines(struct epochs *x, struct slice content)
{
    struct text_lines lines = text_lines(content);
    int64_t version = -1;
    int64_t count = -1;
    struct slice line;
    if (!text_line(&lines, &line) || !text_number(&line, &version) || version != 0 ||
        !text_line(&lines, &line) || !text_number(&line, &count)) {
        return ERR_CORRUPT;
    }
    while (text_line(&lines, &line)) {
        int64_t epoch = 0;
        int64_t start = 0;
        if (!text_number(&line, &epoch) || !text_number(&line, &start) || epoch < 0 ||
            epoch > INT32_MAX || start < 0) {
            return ERR_CORRUPT;
        }
        epochs_assign(x, (int32_t)epoch, start);
        count--;
    }
    return count == 0 ? ERR_NONE : ERR_CORRUPT;
}

enum err epochs_read(struct epochs *x, const struct store_fs *fs, const char *dir)
{
    struct buf path = {0};
    struct buf content = {0};
    buf_printf(&path, "%s/%s", dir, EPOCHS_FILE);
    buf_put(&path, "", 1);
    enum err e = store_fs_read_file(fs, (const char *)path.data, FILE_MAX, &content);
    if (e == ERR_NONE && content.len > 0) {
        e = read_lines(x, buf_slice(&content));
    }
    if (e == ERR_CORRUPT) {
        x->count = 0;
    }
    x->unwritten = false;
    x->unsynced = false;
    buf_fini(&content);
    buf_fini(&path);
    return e == ERR_NOT_FOUND ? ERR_NONE : e;
}

enum err epochs_write(struct epochs *x, const struct store_fs *fs, const char *dir, bool durable)
{
    struct buf path = {0};
    struct buf content = {0};
    buf_printf(&path, "%s/%s", dir, EPOCHS_FILE);
    buf_put(&path, "", 1);
    buf_printf(&content, "0\n%" PRIu32 "\n", x->count);
    for (uint32_t i = 0; i < x->count; i++) {
        buf_printf(&content, "%" PRId32 " %" PRId64 "\n", x->at[i].epoch, x->at[i].start);
    }
    enum err e = store_fs_write_file(fs, (const char *)path.data, buf_slice(&content), durable);
    if (e == ERR_NONE) {
        x->unwritten = false;
        x->unsynced = durable ? false : x->unsynced;
    }
    buf_fini(&content);
    buf_fini(&path);
    return e;
}

void epochs_assign(struct epochs *x, int32_t epoch, int64_t start)
{
    if (x->pending) {
        x->pending = false;
        changed(x);
    }
    if (x->count > 0) {
        struct epoch_entry *last = &x->at[x->count - 1];
        if (last->epoch == epoch && last->start <= start) {
            return;
        }
    }
    while (x->count > 0 &&
           (x->at[x->count - 1].epoch >= epoch || x->at[x->count - 1].start >= start)) {
        x->count--;
    }
    push(x, epoch, start);
    changed(x);
}

void epochs_assign_pending(struct epochs *x, int32_t epoch, int64_t start)
{
    bool unwritten = x->unwritten;
    bool unsynced = x->unsynced;
    epochs_assign(x, epoch, start);
    x->unwritten = unwritten;
    x->unsynced = unsynced;
    x->pending = true;
}

void epochs_cut_end(struct epochs *x, int64_t end)
{
    while (x->count > 0 && x->at[x->count - 1].start >= end) {
        x->count--;
        changed(x);
    }
}

void epochs_cut_start(struct epochs *x, int64_t start)
{
    uint32_t covered = 0; /* how many begin at or before `start` */
    while (covered < x->count && x->at[covered].start <= start) {
        covered++;
    }
    if (covered == 0 || (covered == 1 && x->at[0].start == start)) {
        return;
    }
    memmove(x->at, x->at + covered - 1, (x->count - covered + 1) * sizeof *x->at);
    x->count -= covered - 1;
    x->at[0].start = start;
    changed(x);
}
