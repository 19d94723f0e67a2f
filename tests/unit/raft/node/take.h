/* Snapshots of what the members of a quorum have heard. Only for the tests of this folder. */
#ifndef TESTS_UNIT_RAFT_NODE_TAKE_H
#define TESTS_UNIT_RAFT_NODE_TAKE_H

#include "raft/node/snapshot.h"
#include "tests/unit/raft/node/quorum.h"

/* ---- taking one ---- */

/* The lines of a member as they were. */
struct state {
    struct buf lines;
    size_t at;
    struct member *member;
    enum err result;
    bool done;
};

static inline bool next_line(void *arg, struct slice *value)
{
    struct state *state = arg;
    const uint8_t *from = state->lines.data + state->at;
    const uint8_t *end = memchr(from, '\n', state->lines.len - state->at);
    if (state->at == state->lines.len) {
        return false;
    }
    *value = slice_of(from, (size_t)(end - from));
    state->at += value->len + 1;
    return true;
}

static inline void close_state(void *arg)
{
    buf_fini(&((struct state *)arg)->lines);
}

static inline void done(void *arg, enum err e)
{
    struct state *state = arg;
    state->result = e;
    state->done = true;
}

static inline struct node_snapshot_place place_of(const struct member *member)
{
    return (struct node_snapshot_place){member->next, member->last_epoch, member->last_append_ms};
}

static inline enum err begin_at(struct member *member, struct node_snapshot_place place,
                                struct state *state)
{
    *state = (struct state){.member = member};
    buf_put_slice(&state->lines, buf_slice(&member->committed));
    enum err e = node_snapshot_write(
        member->node, &place,
        &(struct node_snapshot_source){
            .arg = state, .next = next_line, .close = close_state, .done = done, .owner = state});
    if (e != ERR_NONE) {
        buf_fini(&state->lines);
    }
    return e;
}

/* Of all that the member knows; returns where it ends. */
static inline int64_t take(struct member *member)
{
    struct state state;
    struct quorum *q = member->quorum;
    int64_t end = member->next;
    ck_assert_int_eq(begin_at(member, place_of(member), &state), ERR_NONE);
    UNTIL(q, state.done);
    ck_assert_int_eq(state.result, ERR_NONE);
    struct node_state seen;
    node_describe(member->node, &seen);
    ck_assert_int_eq(seen.snapshot_offset, end);
    return end;
}

/* ---- files ---- */

static inline void path_in(const struct member *member, const char *name, char path[512])
{
    snprintf(path, 512, "%s/__cluster_metadata-0/%s", member->dir, name);
}

static inline void snapshot_path(const struct member *member, int64_t end, int32_t epoch,
                                 char path[512])
{
    char name[NODE_SNAPSHOT_NAME_MAX];
    node_snapshot_name((struct raft_position){end, epoch}, name);
    path_in(member, name, path);
}

/* Files of the log's directory by how their names end. */
struct ending {
    const struct member *member;
    const char *suffix;
    int count;
    char names[32][128];
};

static inline void see_name(void *arg, const char *name)
{
    struct ending *ending = arg;
    size_t length = strlen(name);
    size_t tail = strlen(ending->suffix);
    if (length >= tail && strcmp(name + length - tail, ending->suffix) == 0) {
        ck_assert_int_lt(ending->count, 32);
        snprintf(ending->names[ending->count++], 128, "%s", name);
    }
}

static inline struct ending list_ending(const struct member *member, const char *suffix)
{
    char dir[512];
    struct ending ending = {.member = member, .suffix = suffix};
    path_in(member, "", dir);
    ck_assert_int_eq(store_fs_list(store_fs_posix(), dir, see_name, &ending), ERR_NONE);
    return ending;
}

static inline int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Removes them all, but for the first `keep`. */
static inline void remove_ending(const struct member *member, const char *suffix, int keep)
{
    struct ending ending = list_ending(member, suffix);
    qsort(ending.names, (size_t)ending.count, sizeof ending.names[0], compare_names);
    for (int i = keep; i < ending.count; i++) {
        char path[512];
        path_in(member, ending.names[i], path);
        ck_assert_int_eq(unlink(path), 0);
    }
}

static inline bool is_there(const struct member *member, const char *name)
{
    char path[512];
    path_in(member, name, path);
    return access(path, F_OK) == 0;
}

static inline void flip_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    ck_assert_ptr_nonnull(file);
    fseek(file, at, at < 0 ? SEEK_END : SEEK_SET);
    int c = fgetc(file);
    fseek(file, -1, SEEK_CUR);
    fputc(c ^ 0x40, file);
    fclose(file);
}

static inline int count_snapshots(const struct member *member)
{
    char dir[512];
    struct node_snapshot_list list;
    path_in(member, "", dir);
    ck_assert_int_eq(node_snapshot_list(store_fs_posix(), dir, &list), ERR_NONE);
    int count = 0;
    for (int i = 0; i < list.count; i++) {
        count += list.items[i].offset > 0;
    }
    node_snapshot_list_fini(&list);
    return count;
}

#endif
