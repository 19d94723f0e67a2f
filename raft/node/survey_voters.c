/* Who votes, by a metadata log of a node that does not run: what its core would find when it
 * starts, without what starting changes. */
#include <stdio.h>

#include "base/mem.h"
#include "raft/node/private.h"
#include "raft/node/recover.h"
#include "raft/node/snapshot.h"

/* The value of the newest record. */
struct newest {
    struct buf value;
    int64_t offset;
};

static void see_batch(void *arg, const struct wire_batch *batch, const char *path, int64_t position)
{
    struct newest *newest = arg;
    struct arena arena = {0};
    struct raft_voters_at voters;
    struct slice value;
    (void)path;
    (void)position;
    if (node_voters_find(batch, &voters, &value, &arena) == ERR_NONE && !slice_is_null(value)) {
        buf_reset(&newest->value);
        buf_put_slice(&newest->value, value);
        newest->offset = voters.offset;
    }
    arena_fini(&arena);
}

/* From the newest snapshot that can be read to its end, if that is behind what the log has. */
static enum err see_snapshots(const struct store_fs *fs, const char *log_dir, struct newest *newest)
{
    struct node_snapshot_list list = {0};
    TRY(node_snapshot_list(fs, log_dir, &list));
    bool read = false;
    for (int i = list.count - 1; i >= 0 && !read && list.items[i].offset > newest->offset; i--) {
        char name[NODE_SNAPSHOT_NAME_MAX];
        char path[NODE_PATH_MAX];
        struct node_snapshot_reader *reader;
        node_snapshot_name(list.items[i], name);
        snprintf(path, sizeof path, "%.*s/%s", NODE_PATH_MAX - 64, log_dir, name);
        if (node_snapshot_open(fs, path, &reader, NULL) != ERR_NONE) {
            continue;
        }
        read = node_snapshot_read_all(reader) == ERR_NONE;
        if (read && !slice_is_null(node_snapshot_voters_value(reader))) {
            buf_reset(&newest->value);
            buf_put_slice(&newest->value, node_snapshot_voters_value(reader));
        }
        node_snapshot_close(reader);
    }
    node_snapshot_list_fini(&list);
    return ERR_NONE;
}

static enum err put_voters(struct slice value, const char *listener, struct arena *arena,
                           struct node_survey_voters *out)
{
    struct wire_voters_record record;
    TRY(wire_decode(&wire_msg_voters_record, 0, value, arena, &record));
    out->items = ARENA_ARRAY(arena, (size_t)record.voters_count, struct node_voter);
    out->count = record.voters_count;
    for (int i = 0; i < record.voters_count; i++) {
        const struct wire_voters_record_voters *voter = &record.voters[i];
        const struct wire_voters_record_voters_endpoints *at =
            node_voters_endpoint(voter, listener);
        out->items[i] = (struct node_voter){.id = voter->voter_id,
                                            .directory_id = voter->voter_directory_id,
                                            .host = at == NULL ? NULL : arena_str(arena, at->host),
                                            .port = at == NULL ? 0 : at->port};
    }
    return ERR_NONE;
}

enum err node_survey_read_voters(const struct store_fs *fs, const char *log_dir,
                                 const char *listener, struct arena *arena,
                                 struct node_survey_voters *out)
{
    struct newest newest = {.offset = -1};
    struct node_survey survey;
    struct store_error why;
    *out = (struct node_survey_voters){0};
    enum err e = node_survey_log(fs, log_dir, &(struct node_survey_visitor){see_batch, &newest},
                                 &survey, &why);
    if (e == ERR_NONE) {
        e = see_snapshots(fs, log_dir, &newest);
    }
    if (e == ERR_NONE && newest.value.len > 0) {
        e = put_voters(arena_dup(arena, buf_slice(&newest.value)), listener, arena, out);
    }
    buf_fini(&newest.value);
    return e;
}
