/* How far the log of a controller was once synced.
 *
 * What a controller has synced it has promised: it counts in majorities, and in what the controller
 * votes for. The end of a log that a power cut tore was never promised and is cut silently. But
 * when bytes flip in the middle, what is behind them would be cut as silently, and the controller
 * would vote with less than it has promised: two such, or one and one that is behind, elect a
 * leader that lacks committed records. So the synced end is noted now and then in the log's
 * directory, in the form of Kafka's recovery points, and a log that ends before it, or is damaged
 * before it, is refused and left as it is: what is behind the damage may be the only copy.
 *
 * The note may be behind, but never ahead: it is written after the sync, and lowered before the
 * log is cut. */
#include <stdio.h>

#include "raft/node/private.h"

/* A note costs three syncs. What was synced since counts as torn when it is damaged. */
enum { NOTE_EVERY_MS = 5000 };

static void note_path(const struct node *node, char path[NODE_PATH_MAX])
{
    snprintf(path, NODE_PATH_MAX, "%.*s/" STORE_RECOVERY_POINT_FILE, NODE_PATH_MAX - 64,
             node->log_dir);
}

static void each(void *arg, struct slice topic, int32_t partition, int64_t offset)
{
    if (slice_eq_str(topic, NODE_TOPIC) && partition == 0) {
        *(int64_t *)arg = offset;
    }
}

enum err node_synced_read(struct node *node, struct store_error *why)
{
    char path[NODE_PATH_MAX];
    node->log.noted = 0;
    if (!node->options.is_controller) {
        return ERR_NONE;
    }
    note_path(node, path);
    return store_checkpoint_read(node->options.fs, path, each, &node->log.noted, why);
}

enum err node_synced_refuse(const struct node *node, const char *what, struct store_error *why)
{
    char path[NODE_PATH_MAX];
    note_path(node, path);
    return store_fail(
        why, ERR_CORRUPT,
        "%s is damaged: it was synced up to offset %" PRId64
        ". %s. This controller must not vote with what is left. Give it a new directory "
        "as after the loss of its disk; if you have cut the log yourself, remove %s",
        node->log_dir, node->log.noted, what, path);
}

enum err node_synced_check(const struct node *node, struct store_error *why)
{
    char what[64];
    int64_t end = store_log_end_offset(node->log.store);
    if (end >= node->log.noted) {
        return ERR_NONE;
    }
    snprintf(what, sizeof what, "It ends at %" PRId64, end);
    return node_synced_refuse(node, what, why);
}

static enum err write_note(const struct store_fs *fs, const char *path, int64_t offset)
{
    struct store_checkpoint c = {0};
    struct store_error why;
    store_checkpoint_add(&c, slice_str(NODE_TOPIC), 0, offset);
    enum err e = store_checkpoint_write(fs, path, &c, &why);
    store_checkpoint_fini(&c);
    return e;
}

void node_synced_begin(struct node *node, struct node_synced_note *note)
{
    int64_t now_ms = net_now_ms(node->options.loop);
    *note = (struct node_synced_note){.fs = node->options.fs};
    note->wanted = node->options.is_controller && now_ms - node->log.noted_ms >= NOTE_EVERY_MS;
    if (note->wanted) {
        node->log.noted_ms = now_ms;
        note_path(node, note->path);
    }
}

void node_synced_run(struct node_synced_note *note, int64_t offset)
{
    if (note->wanted) {
        note->offset = offset;
        note->result = write_note(note->fs, note->path, offset);
    }
}

void node_synced_done(struct node *node, const struct node_synced_note *note)
{
    if (!note->wanted) {
        return;
    }
    /* A write that failed may have arrived nevertheless. */
    node->log.noted = max_i64(node->log.noted, note->offset);
    if (note->result != ERR_NONE) {
        log_warn(node->options.log, "raft", "synced end not noted", "file=%s error=%s", note->path,
                 err_name(note->result));
    }
}

enum err node_synced_lower(struct node *node, int64_t offset)
{
    char path[NODE_PATH_MAX];
    if (!node->options.is_controller || node->log.noted <= offset) {
        return ERR_NONE;
    }
    note_path(node, path);
    TRY(write_note(node->options.fs, path, offset));
    node->log.noted = offset;
    return ERR_NONE;
}
