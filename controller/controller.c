/* Decide, replay, append, answer at commit; see controller.h. */
#include "controller/controller.h"

#include "base/mem.h"
#include "controller/batches.h"
#include "controller/decide/features.h"
#include "metadata/load.h"

/* An image that becomes the committed one when its offset commits. */
struct version {
    struct list node;
    int64_t offset;
    struct metadata_image *image;
};

struct controller {
    struct controller_options options;
    struct prng prng;
    struct metadata_image *committed;
    struct metadata_image *latest; /* NULL: not active */
    struct list versions;          /* struct version: appended, not committed, by offset */
    struct deferred deferred;
    int32_t epoch;
    uint64_t append_count;
    bool failed;                /* a batch could not be replayed: none after it is */
    bool log_has_records;       /* a committed batch was no control batch */
    struct metadata_load *load; /* the state that is being loaded; NULL: none, or the bootstrap's */
    /* Records of the bootstrap snapshot, for an empty log. */
    struct arena bootstrap_arena;
    struct slice *bootstrap;
    int bootstrap_count;
};

struct controller *controller_new(const struct controller_options *options)
{
    struct controller *c = MEM_NEW(struct controller);
    c->options = *options;
    c->committed = metadata_image_new(options->cluster_id);
    prng_init(&c->prng, options->seed);
    list_init(&c->versions);
    controller_deferred_init(&c->deferred);
    return c;
}

static void drop_latest(struct controller *c)
{
    LIST_EACH(node, &c->versions)
    {
        struct version *version = LIST_ENTRY(node, struct version, node);
        list_remove(node);
        metadata_image_unref(version->image);
        mem_free(version);
    }
    metadata_image_unref(c->latest);
    c->latest = NULL;
}

void controller_free(struct controller *c)
{
    if (c == NULL) {
        return;
    }
    drop_latest(c);
    controller_deferred_fail(&c->deferred, ERR_NOT_CONTROLLER);
    metadata_load_drop(c->load);
    metadata_image_unref(c->committed);
    arena_fini(&c->bootstrap_arena);
    mem_free(c);
}

bool controller_is_active(const struct controller *c)
{
    return c->latest != NULL;
}

int32_t controller_epoch(const struct controller *c)
{
    return c->epoch;
}

const struct metadata_image *controller_committed(const struct controller *c)
{
    return metadata_image_stable(c->committed);
}

const struct metadata_image *controller_latest(const struct controller *c)
{
    return c->latest;
}

const struct metadata_image *controller_replayed(const struct controller *c)
{
    return c->committed;
}

uint64_t controller_append_count(const struct controller *c)
{
    return c->append_count;
}

static void finish(struct controller_op *op, enum err e)
{
    /* The response borrows from the image, and `done` may free the operation. */
    const struct metadata_image *image = op->image;
    op->done(op, e);
    metadata_image_unref(image);
}

void controller_op_ready(struct controller_op *op, enum err e)
{
    if (op->verdict == ERR_NONE) {
        op->verdict = e;
    }
    ASSERT(op->waits > 0);
    if (--op->waits == 0) {
        finish(op, op->verdict);
    }
}

/* ---- active ---- */

static void deactivate(struct controller *c)
{
    drop_latest(c);
    controller_deferred_fail(&c->deferred, ERR_NOT_CONTROLLER);
    if (c->options.hooks.deactivated != NULL) {
        c->options.hooks.deactivated(c->options.hooks.arg);
    }
}

/* Nothing is written that a node of the finalized level does not understand. */
static bool is_allowed(const struct controller *c, const struct metadata_delta *delta,
                       const struct metadata_record *record)
{
    int16_t level = decide_level(metadata_delta_image(delta));
    int16_t needed = metadata_record_level(record);
    if (needed > level) {
        log_error(c->options.log, "controller", "decision needs a higher metadata.version",
                  "record=%s level=%d needed=%d", metadata_record_type_name(record->type), level,
                  needed);
    }
    return needed <= level;
}

/* The images after each batch, the first record being at `offset`. Frees them on failure. */
static enum err replay(struct controller *c, const struct controller_op *op,
                       const struct batches *batches, int64_t offset,
                       struct metadata_image **images)
{
    const struct metadata_image *base = c->latest;
    for (size_t b = 0; b < batches->count; b++) {
        struct metadata_delta *delta = metadata_delta_begin(base);
        metadata_delta_batch(delta, batches->now.timestamp_ms, &batches->now.cause);
        for (size_t i = 0; i < batches->items[b].count; i++) {
            const struct metadata_record *record =
                &op->decision.records[batches->items[b].first + i];
            if (!is_allowed(c, delta, record) ||
                metadata_delta_replay(delta, offset, record) != ERR_NONE) {
                log_error(c->options.log, "controller", "decision cannot be replayed",
                          "record=%s reason=\"%s\"", metadata_record_type_name(record->type),
                          metadata_delta_error(delta));
                metadata_delta_drop(delta);
                while (b > 0) {
                    metadata_image_unref(images[--b]);
                }
                return ERR_UNKNOWN_SERVER_ERROR;
            }
            offset++;
        }
        metadata_delta_advance(delta, offset - 1, c->epoch, batches->now.timestamp_ms);
        images[b] = metadata_delta_finish(delta);
        base = images[b];
    }
    return ERR_NONE;
}

/* The batch is in the log; `image` is what it leads to. */
static void push_version(struct controller *c, int64_t offset, struct metadata_image *image)
{
    struct version *version = MEM_NEW(struct version);
    version->offset = offset;
    version->image = image;
    list_add_tail(&c->versions, &version->node);
    metadata_image_unref(c->latest);
    c->latest = metadata_image_ref(image);
    c->append_count++;
}

/* Appends batch after batch; *done tells how many. */
static enum err append(struct controller *c, const struct batches *batches, int64_t offset,
                       struct metadata_image **images, size_t *done)
{
    for (*done = 0; *done < batches->count; (*done)++) {
        const struct batch *batch = &batches->items[*done];
        int64_t base = -1;
        struct node_records records = {.values = &batches->values[batch->first],
                                       .count = (int)batch->count,
                                       .timestamp_ms = batches->now.timestamp_ms};
        TRY(c->options.raft.append(c->options.raft.arg, c->epoch, &records, &base));
        ASSERT(base == offset);
        offset += (int64_t)batch->count;
        push_version(c, offset - 1, images[*done]);
    }
    return ERR_NONE;
}

/* Half of the operation is in the log. Whoever leads next goes on from what commits. */
static enum err fail_half_way(struct controller *c, enum err e)
{
    log_warn(c->options.log, "controller", "append failed half way", "error=%s", err_name(e));
    c->options.raft.resign(c->options.raft.arg, c->epoch);
    return ERR_NOT_CONTROLLER;
}

static enum err write_records(struct controller *c, struct controller_op *op, int64_t offset)
{
    struct batches batches;
    struct metadata_image **images = NULL;
    struct metadata_since now = {c->options.wall_ms(c->options.raft.arg), op->cause};
    now.cause.controller = c->options.node_id;
    now.cause.reason = op->decision.reason;
    enum err e = controller_batches_make(&batches, &op->decision, &now);
    if (e != ERR_NONE) {
        goto out;
    }
    images = ARENA_ARRAY(&batches.arena, batches.count, struct metadata_image *);
    e = replay(c, op, &batches, offset, images);
    if (e != ERR_NONE) {
        goto out;
    }
    size_t done;
    e = append(c, &batches, offset, images, &done);
    for (size_t i = done; i < batches.count; i++) {
        metadata_image_unref(images[i]);
    }
    if (e != ERR_NONE && done > 0) {
        e = fail_half_way(c, e);
    }
out:
    controller_batches_fini(&batches);
    return e;
}

static enum err write(struct controller *c, struct controller_op *op, int64_t offset)
{
    int64_t last = offset + (int64_t)op->decision.count - 1;
    if (op->decision.count > 0) {
        TRY(write_records(c, op, offset));
    }
    if (op->decision.kraft_version > 0) {
        enum err e = c->options.raft.raise_kraft_version(c->options.raft.arg, c->epoch, &last);
        if (e != ERR_NONE) {
            return op->decision.count > 0 ? fail_half_way(c, e) : ERR_NOT_CONTROLLER;
        }
    }
    op->waits = 1;
    controller_deferred_park(&c->deferred, op, last);
    return ERR_NONE;
}

static void confirmed(void *arg, enum err e)
{
    controller_op_ready(arg, e);
}

/* Nothing is written. The answer waits for what the decision has seen, and for the quorum. */
static void park_without_records(struct controller *c, struct controller_op *op)
{
    struct list *last = c->versions.prev;
    bool pending = !list_empty(&c->versions);
    op->waits = pending + !op->unconfirmed;
    if (op->waits == 0) {
        finish(op, ERR_NONE);
        return;
    }
    if (pending) {
        controller_deferred_park(&c->deferred, op, LIST_ENTRY(last, struct version, node)->offset);
    }
    if (!op->unconfirmed) {
        c->options.raft.read(c->options.raft.arg, confirmed, op);
    }
}

void controller_submit(struct controller *c, struct controller_op *op)
{
    op->image = NULL;
    op->verdict = ERR_NONE;
    decision_init(&op->decision, op->arena);
    if (!controller_is_active(c)) {
        finish(op, ERR_NOT_CONTROLLER);
        return;
    }
    op->image = metadata_image_ref(c->latest);
    struct decide_input in = {
        .image = op->image,
        .settings = c->options.settings,
        .supported = c->options.supported,
        .arena = op->arena,
        .prng = &c->prng,
        .next_offset = c->options.raft.end_offset(c->options.raft.arg),
        .node_id = c->options.node_id,
        .api_version = op->api_version,
    };
    op->decide(op, &in, &op->decision);
    if (op->decision.count > 0 || op->decision.kraft_version > 0) {
        enum err e = write(c, op, in.next_offset);
        if (e != ERR_NONE) {
            finish(op, e);
        }
        return;
    }
    park_without_records(c, op);
}

/* ---- the log ---- */

static void fail(struct controller *c, const char *what)
{
    c->failed = true;
    log_error(c->options.log, "controller", "cannot go on", "reason=\"%s\"", what);
    if (c->options.hooks.failed != NULL) {
        c->options.hooks.failed(c->options.hooks.arg, what);
    }
}

/* Nobody serves the bootstrap snapshot, so that its records must come into the log to be known by
 * the brokers: they are what an empty log begins with. */
static void keep_for_an_empty_log(struct controller *c, const struct node_batch *batch)
{
    struct slice *all =
        ARENA_ARRAY(&c->bootstrap_arena, (size_t)(c->bootstrap_count + batch->count), struct slice);
    if (c->bootstrap_count > 0) {
        memcpy(all, c->bootstrap, (size_t)c->bootstrap_count * sizeof all[0]);
    }
    for (int i = 0; i < batch->count; i++) {
        all[c->bootstrap_count++] = arena_dup(&c->bootstrap_arena, batch->record_values[i]);
    }
    c->bootstrap = all;
}

void controller_on_snapshot_begin(struct controller *c, const struct node_snapshot_place *place)
{
    ASSERT(!controller_is_active(c));
    metadata_load_drop(c->load); /* one that was overtaken */
    c->load = NULL;
    if (place->end_offset > 0) {
        c->load = metadata_load_begin(c->options.cluster_id, place->end_offset);
    }
}

void controller_on_snapshot(struct controller *c, const struct node_batch *batch)
{
    if (c->failed) {
        return;
    }
    if (c->load == NULL) {
        keep_for_an_empty_log(c, batch);
        return;
    }
    struct buf why = {0};
    if (metadata_load_values(c->load, batch->record_values, batch->count, &why) != ERR_NONE) {
        buf_put(&why, "", 1);
        fail(c, (const char *)why.data);
    }
    buf_fini(&why);
}

void controller_on_snapshot_end(struct controller *c, const struct node_snapshot_place *place)
{
    if (c->failed || c->load == NULL) {
        return;
    }
    struct buf why = {0};
    struct metadata_image *image =
        metadata_load_end(c->load, place->epoch, place->append_timestamp_ms);
    c->load = NULL;
    if (metadata_supported_check(c->options.supported, image, &why) != ERR_NONE) {
        metadata_image_unref(image);
        buf_put(&why, "", 1);
        fail(c, (const char *)why.data);
        buf_fini(&why);
        return;
    }
    metadata_image_unref(c->committed);
    c->committed = image;
    c->log_has_records = true;
    if (c->options.hooks.committed != NULL) {
        c->options.hooks.committed(c->options.hooks.arg);
    }
}

/* A standby, or a leader that has not been told so yet: the log is the only source. */
static void replay_batch(struct controller *c, const struct node_batch *batch)
{
    struct buf why = {0};
    struct metadata_batch records = {.base_offset = batch->base_offset,
                                     .last_offset = batch->last_offset,
                                     .epoch = batch->epoch,
                                     .timestamp_ms = batch->append_timestamp_ms,
                                     .values = batch->record_values,
                                     .count = batch->count,
                                     .supported = c->options.supported};
    enum err e = metadata_replay_batch_onto(&c->committed, &records, &why);
    if (e != ERR_NONE) {
        buf_put(&why, "", 1);
        fail(c, (const char *)why.data);
    }
    buf_fini(&why);
}

/* What this controller appended itself is replayed already. */
static void commit_versions(struct controller *c, int64_t offset)
{
    while (!list_empty(&c->versions)) {
        struct version *version = LIST_ENTRY(c->versions.next, struct version, node);
        if (version->offset > offset) {
            break;
        }
        list_remove(&version->node);
        metadata_image_unref(c->committed);
        c->committed = version->image;
        mem_free(version);
    }
}

void controller_on_commit(struct controller *c, const struct node_batch *batch)
{
    if (c->failed) {
        return;
    }
    c->log_has_records = c->log_has_records || !batch->control;
    if (controller_is_active(c)) {
        commit_versions(c, batch->last_offset);
    } else {
        replay_batch(c, batch);
        if (c->failed) {
            return;
        }
    }
    if (c->options.hooks.committed != NULL) {
        c->options.hooks.committed(c->options.hooks.arg);
    }
    controller_deferred_commit(&c->deferred, batch->last_offset);
}

/* ---- taking over ---- */

struct takeover {
    struct controller_op op;
    struct controller *controller;
    struct arena arena;
};

static void decide_takeover(struct controller_op *op, const struct decide_input *in,
                            struct decision *out)
{
    struct controller *c = container_of(op, struct takeover, op)->controller;
    if (metadata_image_in_transaction(in->image)) {
        decision_add(out, METADATA_RECORD_ABORT_TRANSACTION)->abort_transaction.reason =
            slice_str("Controller failover");
    }
    if (c->log_has_records) {
        return;
    }
    bool has_level = false;
    decision_atomic_begin(out);
    for (int i = 0; i < c->bootstrap_count; i++) {
        struct metadata_record record;
        if (metadata_record_decode(c->bootstrap[i], in->arena, &record, NULL) != ERR_NONE) {
            log_warn(c->options.log, "controller", "bootstrap record skipped", "number=%d", i);
            continue;
        }
        *decision_add(out, record.type) = record;
        has_level = has_level || record.type == METADATA_RECORD_FEATURE_LEVEL;
    }
    decision_atomic_end(out);
    if (!has_level) {
        decide_bootstrap(in, out);
    }
}

static void takeover_done(struct controller_op *op, enum err e)
{
    struct takeover *takeover = container_of(op, struct takeover, op);
    struct controller *c = takeover->controller;
    int32_t epoch = c->epoch;
    arena_fini(&takeover->arena);
    mem_free(takeover);
    if (e != ERR_NONE && e != ERR_NOT_CONTROLLER) {
        log_error(c->options.log, "controller", "takeover failed", "error=%s", err_name(e));
        c->options.raft.resign(c->options.raft.arg, epoch);
    }
}

void controller_on_claim(struct controller *c, int32_t epoch, int64_t next_offset)
{
    ASSERT(!controller_is_active(c));
    if (c->failed) {
        return; /* the process is about to end */
    }
    ASSERT(metadata_image_offset(c->committed) < next_offset);
    c->epoch = epoch;
    c->latest = metadata_image_ref(c->committed);
    c->append_count = 0;
    log_info(c->options.log, "controller", "active", "epoch=%d offset=%" PRId64, epoch,
             next_offset);
    struct takeover *takeover = MEM_NEW(struct takeover);
    takeover->controller = c;
    takeover->op.arena = &takeover->arena;
    takeover->op.cause = metadata_cause_of(METADATA_EVENT_TAKEOVER, c->options.node_id);
    takeover->op.decide = decide_takeover;
    takeover->op.done = takeover_done;
    takeover->op.unconfirmed = true;
    controller_submit(c, &takeover->op);
    if (controller_is_active(c) && c->options.hooks.activated != NULL) {
        c->options.hooks.activated(c->options.hooks.arg);
    }
}

void controller_on_resign(struct controller *c, int32_t epoch)
{
    if (!controller_is_active(c) || c->epoch != epoch) {
        return;
    }
    log_info(c->options.log, "controller", "not active any more", "epoch=%d", epoch);
    deactivate(c);
}
