/* Offset checkpoints of a whole log directory: see checkpoint.h. */
#include "store/checkpoint.h"

#include <errno.h>

#include "store/text.h"

/* 2,000,000 partitions with names of ordinary length fit well; a broken file does not take all. */
enum { CHECKPOINT_FILE_MAX = 1 << 30 };

static bool read_entry(struct slice line, struct slice *topic, int64_t numbers[2])
{
    struct slice rest;
    return text_word(&line, topic) && text_number(&line, &numbers[0]) &&
           text_number(&line, &numbers[1]) && !text_word(&line, &rest) && numbers[0] >= 0 &&
           numbers[0] <= INT32_MAX;
}

static enum err read_header(struct text_lines *lines, int64_t *count, const char *path,
                            struct store_error *why)
{
    struct slice line;
    int64_t version = -1;
    if (!text_line(lines, &line) || !text_number(&line, &version) || version != 0) {
        return store_fail(why, ERR_CORRUPT,
                          "%s: line 1 should be the version 0; remove the file to start without it",
                          path);
    }
    if (!text_line(lines, &line) || !text_number(&line, count) || *count < 0) {
        return store_fail(why, ERR_CORRUPT,
                          "%s: line 2 should be the number of entries; remove the file to start "
                          "without it",
                          path);
    }
    return ERR_NONE;
}

static enum err read_all(struct slice content, const char *path, store_checkpoint_fn *each,
                         void *arg, struct store_error *why)
{
    struct text_lines lines = text_lines(content);
    struct slice line;
    int64_t count = 0;
    int64_t seen = 0;
    TRY(read_header(&lines, &count, path, why));
    while (text_line(&lines, &line)) {
        struct slice topic;
        int64_t numbers[2];
        if (!read_entry(line, &topic, numbers)) {
            return store_fail(why, ERR_CORRUPT,
                              "%s: line %" PRId64 " should be \"topic partition offset\"; remove "
                              "the file to start without it",
                              path, seen + 3);
        }
        each(arg, topic, (int32_t)numbers[0], numbers[1]);
        seen++;
    }
    if (seen != count) {
        return store_fail(why, ERR_CORRUPT,
                          "%s: has %" PRId64 " entries and says %" PRId64
                          "; remove the file to start without it",
                          path, seen, count);
    }
    return ERR_NONE;
}

enum err store_checkpoint_read(const struct store_fs *fs, const char *path,
                               store_checkpoint_fn *each, void *arg, struct store_error *why)
{
    struct buf content = {0};
    errno = 0;
    enum err e = store_fs_read_file(fs, path, CHECKPOINT_FILE_MAX, &content);
    if (e == ERR_NONE && content.len > 0) {
        e = read_all(buf_slice(&content), path, each, arg, why);
    } else if (e == ERR_NOT_FOUND) {
        e = ERR_NONE;
    } else if (e != ERR_NONE) {
        (void)store_fail_errno(why, e, "read", path);
    }
    buf_fini(&content);
    return e;
}

void store_checkpoint_add(struct store_checkpoint *c, struct slice topic, int32_t partition,
                          int64_t offset)
{
    buf_printf(&c->lines, "%.*s %" PRId32 " %" PRId64 "\n", SLICE_ARG(topic), partition, offset);
    c->count++;
}

enum err store_checkpoint_write(const struct store_fs *fs, const char *path,
                                const struct store_checkpoint *c, struct store_error *why)
{
    struct buf content = {0};
    buf_printf(&content, "0\n%" PRIu32 "\n", c->count);
    buf_put_slice(&content, buf_slice(&c->lines));
    errno = 0;
    enum err e = store_fs_write_file(fs, path, buf_slice(&content), true);
    buf_fini(&content);
    return e == ERR_NONE ? e : store_fail_errno(why, e, "write", path);
}

void store_checkpoint_fini(struct store_checkpoint *c)
{
    buf_fini(&c->lines);
    c->count = 0;
}
