/* quorum-state: the epoch, its leader and the vote, as Kafka writes them. One line of JSON:
 *
 *   version 1
 * {"leaderId":1,"leaderEpoch":5,"votedId":-1,"votedDirectoryId":"AAAAA…","data_version":1} version
 * 0   {"clusterId":"","leaderId":1,"leaderEpoch":5,"votedId":-1,"appliedOffset":0,
 *                "currentVoters":[{"voterId":1}],"data_version":0}
 *
 * Both are read, version 1 is written: it has the directory of the one voted for. An unknown
 * version is an error, never guessed (KAFKA-15412). */
#include "raft/node/private.h"

#include <jansson.h>
#include <stdio.h>

#include "base/mem.h"

#define STATE_FILE "quorum-state"

enum { STATE_BYTES_MAX = 64 << 10, STATE_VERSION = 1 };

static void state_path(const struct node *node, char path[NODE_PATH_MAX])
{
    snprintf(path, NODE_PATH_MAX, "%.*s/" STATE_FILE, NODE_PATH_MAX - 32, node->log_dir);
}

/* ---- reading ---- */

static bool get_int(const json_t *root, const char *name, int64_t low, int64_t *out)
{
    const json_t *value = json_object_get(root, name);
    if (!json_is_integer(value)) {
        return false;
    }
    *out = json_integer_value(value);
    return *out >= low && *out <= INT32_MAX;
}

static bool get_directory(const json_t *root, int64_t version, struct uuid *out)
{
    *out = UUID_ZERO;
    if (version == 0) {
        return true;
    }
    const char *text = json_string_value(json_object_get(root, "votedDirectoryId"));
    return text != NULL && uuid_parse(slice_str(text), out);
}

static enum err parse(const json_t *root, const char *path, struct raft_hard_state *out,
                      struct store_error *why)
{
    int64_t version;
    if (!get_int(root, "data_version", 0, &version) || version > STATE_VERSION) {
        return store_fail(why, ERR_CORRUPT,
                          "%s: data_version is not 0 or 1; a later release has written it", path);
    }
    int64_t leader;
    int64_t epoch;
    int64_t voted;
    struct uuid directory;
    if (!get_int(root, "leaderId", RAFT_NOBODY, &leader) ||
        !get_int(root, "leaderEpoch", 0, &epoch) ||
        !get_int(root, "votedId", RAFT_NOBODY, &voted) ||
        !get_directory(root, version, &directory)) {
        return store_fail(why, ERR_CORRUPT,
                          "%s: leaderId, leaderEpoch, votedId or votedDirectoryId is missing or "
                          "wrong; restore the file, or remove the whole directory and let the node "
                          "copy the log anew under a new directory id",
                          path);
    }
    *out = (struct raft_hard_state){(int32_t)epoch, (int32_t)leader, {(int32_t)voted, directory}};
    return ERR_NONE;
}

enum err node_state_read(struct node *node, struct raft_hard_state *out, struct store_error *why)
{
    char path[NODE_PATH_MAX];
    state_path(node, path);
    *out = (struct raft_hard_state){0, RAFT_NOBODY, {RAFT_NOBODY, UUID_ZERO}};
    struct buf text = {0};
    json_t *root = NULL;
    enum err e = store_fs_read_file(node->options.fs, path, STATE_BYTES_MAX, &text);
    if (e == ERR_NOT_FOUND) {
        e = ERR_NONE;
        goto out;
    }
    if (e != ERR_NONE) {
        e = store_fail_errno(why, e, "read", path);
        goto out;
    }
    json_error_t problem;
    root = json_loadb((const char *)text.data, text.len, 0, &problem);
    if (root == NULL) {
        e = store_fail(why, ERR_CORRUPT, "%s: line %d: %s", path, problem.line, problem.text);
        goto out;
    }
    e = parse(root, path, out, why);
out:
    json_decref(root);
    buf_fini(&text);
    return e;
}

/* ---- writing ---- */

static void print(const struct raft_hard_state *state, struct buf *out)
{
    buf_printf(out,
               "{\"leaderId\":%d,\"leaderEpoch\":%d,\"votedId\":%d,\"votedDirectoryId\":\"%s\","
               "\"data_version\":%d}",
               state->leader_id, state->epoch, state->voted.id,
               uuid_text(state->voted.directory_id).text, STATE_VERSION);
}

enum err node_state_write(struct node *node, const struct raft_hard_state *state)
{
    char path[NODE_PATH_MAX];
    state_path(node, path);
    struct buf text = {0};
    print(state, &text);
    enum err e = store_fs_write_file(node->options.fs, path, buf_slice(&text), true);
    buf_fini(&text);
    return e;
}

struct save {
    struct node *node;
    const struct store_fs *fs;
    char path[NODE_PATH_MAX];
    struct buf text;
    struct raft_hard_state state;
    enum err result;
};

/* On the worker, which touches nothing of the node. */
static void run_save(void *arg)
{
    struct save *save = arg;
    save->result = store_fs_write_file(save->fs, save->path, buf_slice(&save->text), true);
}

static void finish_save(void *arg)
{
    struct save *save = arg;
    struct node *node = save->node;
    enum err result = save->result;
    node->saved = result == ERR_NONE ? save->state : node->saved;
    buf_fini(&save->text);
    mem_free(save);
    node->saving = false;
    if (!node->closed) {
        if (result != ERR_NONE) {
            node_break(node, result, "quorum-state cannot be written");
        } else {
            struct node_effect *effect = LIST_ENTRY(node->effects.next, struct node_effect, node);
            ASSERT(effect->update.save);
            effect->update.save = false;
            node_pump(node);
        }
    }
    node_unref(node);
}

void node_state_save(struct node *node, const struct raft_hard_state *state)
{
    ASSERT(!node->saving);
    node->saving = true;
    struct save *save = MEM_NEW(struct save);
    save->node = node;
    save->state = *state;
    save->fs = node->options.fs;
    state_path(node, save->path);
    print(state, &save->text);
    node_ref(node);
    net_work_on(node->log.queue, run_save, finish_save, save);
}
