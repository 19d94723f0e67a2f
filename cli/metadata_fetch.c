/* The metadata log of a running quorum, copied into a directory: what the active controller tells
 * to a reader that is no replica, which is what is committed. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/client.h"
#include "cli/metadata.h"
#include "cli/nodes.h"
#include "wire/batch.h"

#define LOG_TOPIC "__cluster_metadata"
#define LOG_DIR LOG_TOPIC "-0"

enum {
    FETCH_VERSION = 12, /* the topic by its name */
    PIECE_BYTES = 1 << 20,
    TIMEOUT_MS = 10000,
    SNAPSHOT_BYTES_MAX = 1 << 30,
};

struct copy {
    struct cli *cli;
    struct client *client;
    const struct store_fs *fs;
    const char *dir; /* of the log */
    int32_t node;    /* the active controller */
    int32_t epoch;   /* of the quorum */
    int64_t offset;  /* the next to be fetched */
    int32_t last_epoch;
    int fd; /* of the segment; -1: none yet */
    uint64_t size;
};

/* ---- who leads, and since which epoch ---- */

static enum err describe_quorum(struct copy *c)
{
    struct wire_describe_quorum_request_topics_partitions partition = {.partition_index = 0};
    struct wire_describe_quorum_request_topics topic = {
        .topic_name = slice_str(LOG_TOPIC), .partitions = &partition, .partitions_count = 1};
    struct wire_describe_quorum_request request = {.topics = &topic, .topics_count = 1};
    const void *answer;
    TRY(client_call_once(c->client,
                         &(struct client_call){c->node, WIRE_API_DESCRIBE_QUORUM, 0, &request, 0},
                         &answer));
    const struct wire_describe_quorum_response *response = answer;
    if (response->error_code != 0) {
        return (enum err)response->error_code;
    }
    if (response->topics_count < 1 || response->topics->partitions_count < 1) {
        return ERR_MALFORMED;
    }
    c->epoch = response->topics->partitions->leader_epoch;
    return (enum err)response->topics->partitions->error_code;
}

/* ---- the snapshot ---- */

static enum err fetch_piece(struct copy *c, struct raft_position place, struct buf *bytes,
                            bool *more)
{
    struct wire_fetch_snapshot_request_topics_partitions partition;
    wire_init(&wire_msg_fetch_snapshot_request_topics_partitions, &partition);
    partition.current_leader_epoch = c->epoch;
    partition.snapshot_id.end_offset = place.offset;
    partition.snapshot_id.epoch = place.epoch;
    partition.position = (int64_t)bytes->len;
    struct wire_fetch_snapshot_request_topics topic = {
        .name = slice_str(LOG_TOPIC), .partitions = &partition, .partitions_count = 1};
    struct wire_fetch_snapshot_request request;
    wire_init(&wire_msg_fetch_snapshot_request, &request);
    request.replica_id = -1;
    request.max_bytes = PIECE_BYTES;
    request.topics = &topic;
    request.topics_count = 1;
    const void *answer;
    TRY(client_call_once(c->client,
                         &(struct client_call){c->node, WIRE_API_FETCH_SNAPSHOT, 0, &request, 0},
                         &answer));
    const struct wire_fetch_snapshot_response *response = answer;
    if (response->error_code != 0) {
        return (enum err)response->error_code;
    }
    if (response->topics_count != 1 || response->topics->partitions_count != 1) {
        return ERR_MALFORMED;
    }
    const struct wire_fetch_snapshot_response_topics_partitions *found =
        response->topics->partitions;
    if (found->error_code == 0 &&
        (found->position != partition.position || found->size > SNAPSHOT_BYTES_MAX ||
         found->unaligned_records.len == 0)) {
        return ERR_MALFORMED;
    }
    buf_put_slice(bytes, found->unaligned_records);
    *more = (int64_t)bytes->len < found->size;
    return (enum err)found->error_code;
}

static enum err fetch_snapshot(struct copy *c, struct raft_position place)
{
    char name[NODE_SNAPSHOT_NAME_MAX];
    struct buf bytes = {0};
    enum err e = ERR_NONE;
    for (bool more = true; e == ERR_NONE && more;) {
        e = fetch_piece(c, place, &bytes, &more);
    }
    if (e == ERR_NONE) {
        node_snapshot_name(place, name);
        e = store_fs_write_file(c->fs, arena_printf(&c->cli->arena, "%s/%s", c->dir, name),
                                buf_slice(&bytes), false);
    }
    buf_fini(&bytes);
    c->offset = place.offset;
    c->last_epoch = place.epoch;
    return e;
}

/* ---- the log ---- */

static enum err open_segment(struct copy *c)
{
    const char *path = arena_printf(&c->cli->arena, "%s/%020" PRId64 ".log", c->dir, c->offset);
    return store_fs_open(c->fs, path, STORE_OPEN_WRITE | STORE_OPEN_CREATE, &c->fd);
}

/* Whole batches only. */
static enum err put_batches(struct copy *c, struct slice records, bool *any)
{
    struct wire_batches it = wire_batches_of(records);
    for (;;) {
        struct wire_batch batch;
        bool got;
        TRY(wire_batch_next(&it, &batch, &got));
        if (!got) {
            return ERR_NONE;
        }
        if (c->fd < 0) {
            TRY(open_segment(c));
        }
        TRY(store_fs_pwrite(c->fs, c->fd, batch.bytes, c->size));
        c->size += batch.bytes.len;
        c->offset = wire_batch_last_offset(&batch) + 1;
        c->last_epoch = batch.leader_epoch;
        *any = true;
    }
}

/* One answer's worth; `*more` false: that was all that is committed. */
static enum err fetch(struct copy *c, bool *more)
{
    struct wire_fetch_request_topics_partitions partition;
    wire_init(&wire_msg_fetch_request_topics_partitions, &partition);
    partition.current_leader_epoch = c->epoch;
    partition.fetch_offset = c->offset;
    partition.last_fetched_epoch = c->last_epoch;
    partition.partition_max_bytes = PIECE_BYTES;
    struct wire_fetch_request_topics topic = {
        .topic = slice_str(LOG_TOPIC), .partitions = &partition, .partitions_count = 1};
    struct wire_fetch_request request;
    wire_init(&wire_msg_fetch_request, &request);
    request.replica_id = -1;
    request.max_bytes = PIECE_BYTES;
    request.topics = &topic;
    request.topics_count = 1;
    const void *answer;
    TRY(client_call_once(c->client,
                         &(struct client_call){c->node, WIRE_API_FETCH, FETCH_VERSION, &request, 0},
                         &answer));
    const struct wire_fetch_response *response = answer;
    if (response->error_code != 0) {
        return (enum err)response->error_code;
    }
    if (response->responses_count != 1 || response->responses->partitions_count != 1) {
        return ERR_MALFORMED;
    }
    const struct wire_fetch_response_responses_partitions *found = response->responses->partitions;
    if (found->error_code != 0) {
        return (enum err)found->error_code;
    }
    *more = true;
    if (found->snapshot_id.end_offset >= 0) {
        return fetch_snapshot(
            c, (struct raft_position){found->snapshot_id.end_offset, found->snapshot_id.epoch});
    }
    bool any = false;
    TRY(put_batches(c, found->records, &any));
    *more = any && c->offset < found->high_watermark;
    return ERR_NONE;
}

/* ---- all of it ---- */

static enum err copy_all(struct copy *c)
{
    TRY(nodes_find_active(c->client, &c->node));
    TRY(describe_quorum(c));
    for (bool more = true; more;) {
        TRY(fetch(c, &more));
    }
    return ERR_NONE;
}

/* meta.properties, so that the copy knows its cluster. */
static enum err describe(struct copy *c, const char *root)
{
    struct store_error why;
    struct store_meta meta = {.version = 1, .node_id = c->node};
    const struct wire_describe_cluster_response *response;
    TRY(nodes_ask_once(c->client, c->node, NODES_CONTROLLERS, &response));
    if (response->cluster_id.len > STORE_CLUSTER_ID_MAX) {
        return ERR_MALFORMED;
    }
    memcpy(meta.cluster_id, response->cluster_id.data, response->cluster_id.len);
    return store_meta_write(c->fs, root, &meta, &why);
}

static bool fill(struct cli *cli, struct client *client, const char *root)
{
    struct copy c = {.cli = cli, .client = client, .fs = store_fs_posix(), .fd = -1};
    enum err e;
    c.dir = arena_printf(&cli->arena, "%s/" LOG_DIR, root);
    do {
        /* Another controller may take over meanwhile: then all begins anew. */
        (void)!store_fs_remove_tree(c.fs, c.dir);
        c.offset = 0;
        c.last_epoch = 0;
        c.size = 0;
        e = store_fs_mkdir(c.fs, c.dir);
        if (e == ERR_NONE) {
            e = copy_all(&c);
        }
        if (c.fd >= 0) {
            store_fs_close(c.fs, c.fd);
            c.fd = -1;
        }
        if (e == ERR_NONE) {
            e = describe(&c, root);
        }
        if (e != ERR_NONE) {
            client_turn(client);
        }
    } while (client_retry(client, e));
    if (e != ERR_NONE) {
        (void)client_fail(cli, client, e);
    }
    return e == ERR_NONE;
}

const char *metadata_fetch(struct cli *cli)
{
    int64_t timeout_s = TIMEOUT_MS / 1000;
    const char *tmp = getenv("TMPDIR");
    char *root = arena_str(&cli->arena, slice_str(arena_printf(&cli->arena, "%s/craft-XXXXXX",
                                                               tmp == NULL ? "/tmp" : tmp)));
    if (!cli_number(cli, "timeout", (struct args_range){1, 86400}, &timeout_s)) {
        (void)cli_refuse(cli);
        return NULL;
    }
    struct client *client = client_new(
        cli, &(struct client_options){.servers = args_text(&cli->args, "bootstrap-controller"),
                                      .name = "bootstrap-controller",
                                      .controllers = true,
                                      .timeout_ms = timeout_s * 1000});
    if (client == NULL) {
        (void)cli_refuse(cli);
        return NULL;
    }
    if (mkdtemp(root) == NULL) {
        cli_complain(cli, "no directory can be made in %s", tmp == NULL ? "/tmp" : tmp);
        client_close(client);
        return NULL;
    }
    bool ok = fill(cli, client, root);
    client_close(client);
    if (!ok) {
        (void)!store_fs_remove_tree(store_fs_posix(), root);
    }
    return ok ? root : NULL;
}
