/* The loop around the core: event, step, effects, timer. */
#include <stdio.h>

#include "base/mem.h"
#include "raft/node/private.h"

/* ---- life ---- */

void node_ref(struct node *node)
{
    node->refs++;
}

void node_unref(struct node *node)
{
    ASSERT(node->refs > 0);
    if (--node->refs > 0) {
        return;
    }
    if (node->log.files != NULL) {
        store_files_free(node->log.files);
    }
    mem_free(node->failed);
    node_addresses_fini(&node->addresses);
    node_voters_fini(&node->voter_records);
    node_reports_fini(&node->reports);
    arena_fini(&node->arena);
    mem_free(node);
}

static void copy_voters(struct node *node, const struct node_options *options)
{
    struct node_voter *voters =
        ARENA_ARRAY(&node->arena, (size_t)options->voter_count, struct node_voter);
    node->bootstrap = ARENA_ARRAY(&node->arena, (size_t)options->voter_count, struct node_voter);
    for (int i = 0; i < options->voter_count; i++) {
        voters[i] = options->voters[i];
        voters[i].host = arena_str(&node->arena, slice_str(options->voters[i].host));
        if (voters[i].id < 0) {
            node->bootstrap[node->bootstrap_count++] = voters[i];
        } else {
            node_address_learn(&node->addresses, voters[i].id, slice_str(voters[i].host),
                               voters[i].port);
        }
    }
    node->options.voters = voters;
}

static void copy_options(struct node *node, const struct node_options *options)
{
    node->options = *options;
    node->options.dir = arena_str(&node->arena, slice_str(options->dir));
    node->options.cluster_id = arena_str(&node->arena, slice_str(options->cluster_id));
    const char *listener = options->listener_name == NULL ? "CONTROLLER" : options->listener_name;
    node->options.listener_name = arena_str(&node->arena, slice_str(listener));
    copy_voters(node, options);
    struct node_timers *timers = &node->options.timers;
    static const struct node_timers defaults = {1000, 2000, 2000, 20, 1000};
    if (timers->election_timeout_ms == 0) {
        timers->election_timeout_ms = defaults.election_timeout_ms;
    }
    if (timers->fetch_timeout_ms == 0) {
        timers->fetch_timeout_ms = defaults.fetch_timeout_ms;
    }
    if (timers->request_timeout_ms == 0) {
        timers->request_timeout_ms = defaults.request_timeout_ms;
    }
    if (timers->retry_backoff_ms == 0) {
        timers->retry_backoff_ms = defaults.retry_backoff_ms;
    }
    if (timers->election_backoff_max_ms == 0) {
        timers->election_backoff_max_ms = defaults.election_backoff_max_ms;
    }
    struct node_retention *retention = &node->options.retention;
    struct store_log_config log = STORE_LOG_CONFIG_DEFAULT;
    if (retention->bytes == 0) {
        retention->bytes = 100 << 20;
    }
    if (retention->ms == 0) {
        retention->ms = INT64_C(7) * 24 * 3600 * 1000;
    }
    if (retention->segment_bytes == 0) {
        retention->segment_bytes = log.segment_bytes;
    }
    if (retention->segment_ms == 0) {
        retention->segment_ms = log.segment_ms;
    }
}

static struct raft_voter_set static_voters(const struct node *node)
{
    struct raft_voter_set set = {0};
    for (int i = 0; i < node->options.voter_count; i++) {
        const struct node_voter *voter = &node->options.voters[i];
        if (voter->id >= 0) {
            set.voters[set.count++] = (struct raft_key){voter->id, voter->directory_id};
        }
    }
    return set;
}

static enum err check_options(const struct node *node, struct store_error *why)
{
    const struct node_options *options = &node->options;
    int named = options->voter_count - node->bootstrap_count;
    if (named > RAFT_VOTERS_MAX || node->bootstrap_count > RAFT_BOOTSTRAP_MAX) {
        return store_fail(why, ERR_CONFIG,
                          "at most %d voters and %d bootstrap servers are possible",
                          RAFT_VOTERS_MAX, RAFT_BOOTSTRAP_MAX);
    }
    for (int i = 0; i < options->voter_count; i++) {
        if (!options->is_controller && options->voters[i].id == options->node_id) {
            return store_fail(why, ERR_CONFIG,
                              "node.id %d of this broker is also a voter of "
                              "controller.quorum.voters; give the broker another id",
                              options->node_id);
        }
    }
    return ERR_NONE;
}

/* What is on the disk: snapshots, then a log that goes with them. */
static enum err read_disk(struct node *node, struct node_boot *boot, struct store_error *why)
{
    TRY(node_snapshots_find(node, boot, why));
    TRY(node_synced_read(node, why));
    TRY(node_log_open(node, boot->boot.snapshot.offset, why));
    TRY(node_snapshots_fit_log(node, boot, why));
    TRY(node_synced_check(node, why));
    if (boot->boot.snapshot.offset > 0) {
        node_load_wanted(node, boot->boot.snapshot);
    }
    TRY(node_bootstrap_read(node, boot, why));
    return node_boot_scan(node, boot, why);
}

static enum err make_raft(struct node *node, struct store_error *why)
{
    struct node_boot boot = {0};
    enum err e = read_disk(node, &boot, why);
    if (e == ERR_NONE) {
        e = node_state_read(node, &boot.boot.hard_state, why);
    }
    if (e == ERR_NONE && boot.boot.hard_state.epoch > 0) {
        /* Read is not durable: the last rename may be in memory only. */
        e = node_state_write(node, &boot.boot.hard_state);
    }
    node->saved = boot.boot.hard_state;
    if (e == ERR_NONE && boot.boot.voters_count == 0 && node->options.voter_count == 0) {
        e = store_fail(why, ERR_CONFIG,
                       "no voters in the log, no bootstrap snapshot, and neither "
                       "controller.quorum.voters nor controller.quorum.bootstrap.servers is set: "
                       "set one of them, or run `craft format`");
    }
    if (e == ERR_NONE) {
        const struct node_timers *timers = &node->options.timers;
        struct raft_options options = {
            .self = {node->options.node_id, node->options.directory_id},
            .static_voters = static_voters(node),
            .bootstrap_count = node->bootstrap_count,
            .election_timeout_ms = timers->election_timeout_ms,
            .fetch_timeout_ms = timers->fetch_timeout_ms,
            .request_timeout_ms = timers->request_timeout_ms,
            .retry_backoff_ms = timers->retry_backoff_ms,
            .election_backoff_max_ms = timers->election_backoff_max_ms,
            .seed = node->options.seed,
            .log = node->options.log,
        };
        boot.boot.now_ms = net_now_ms(node->options.loop);
        e = raft_new(&options, &boot.boot, &node->raft);
    }
    mem_free(boot.epochs);
    mem_free(boot.voters);
    buf_fini(&boot.snapshot_voters_value);
    return e;
}

static void on_timer(void *arg)
{
    struct raft_event event = {.type = RAFT_EVENT_TICK};
    node_step(arg, &event, SLICE_NULL);
}

static enum err open_node(struct node *node, struct store_error *why)
{
    TRY(check_options(node, why));
    const struct store_fs *fs = node->options.fs;
    if (!node->options.dir_locked) {
        TRY(store_lock(fs, node->options.dir, &node->lock_fd, why));
    }
    snprintf(node->log_dir, sizeof node->log_dir, "%.*s/" NODE_LOG_DIR, NODE_PATH_MAX - 64,
             node->options.dir);
    return make_raft(node, why);
}

enum err node_new(const struct node_options *options, struct node **out)
{
    *out = NULL;
    struct node *node = MEM_NEW(struct node);
    node->refs = 1;
    node->lock_fd = -1;
    node->told_leader = RAFT_NOBODY;
    node->view = (struct node_view){.leader_id = RAFT_NOBODY, .high_watermark = -1};
    list_init(&node->effects);
    list_init(&node->reads);
    raft_update_init(&node->update);
    net_timer_init(&node->timer, options->loop, on_timer, node);
    net_timer_init(&node->notify, options->loop, node_tell, node);
    copy_options(node, options);
    node_snapshots_init(node);
    struct store_error why = {{0}};
    enum err e = open_node(node, &why);
    if (e != ERR_NONE) {
        log_error(options->log, "raft", "cannot open the metadata log", "error=%s reason=\"%s\"",
                  err_name(e), why.text);
        node_free(node);
        return e;
    }
    log_info(options->log, "raft", "opened the metadata log",
             "node=%d epoch=%d start=%" PRId64 " end=%" PRId64 " snapshot=%" PRId64 " voters=%d",
             options->node_id, raft_epoch(node->raft), raft_log_start(node->raft).offset,
             raft_log_end(node->raft), raft_snapshot(node->raft).offset,
             raft_voters(node->raft)->count);
    *out = node;
    return ERR_NONE;
}

void node_start(struct node *node)
{
    ASSERT(!node->started);
    node->started = true;
    on_timer(node);
    node_snapshots_clean(node);
    node_notify(node);
}

static void refuse_parked(struct node *node)
{
    size_t at = 0;
    struct node_parked *parked;
    while ((parked = map_next(&node->parked, &at)) != NULL) {
        map_remove(&node->parked, MAP_KEY(parked->token));
        node_reply_error(parked->request, ERR_BROKER_NOT_AVAILABLE);
        mem_free(parked);
    }
    map_fini(&node->parked);
}

void node_free(struct node *node)
{
    if (node == NULL) {
        return;
    }
    ASSERT(!node->obeying);
    node->closed = true;
    net_timer_stop(&node->timer);
    net_timer_stop(&node->notify);
    refuse_parked(node);
    node_tell_reads(node);
    node_change_fini(node);
    node_own_entry_fini(node);
    node_peers_fini(node);
    node_snapshots_close(node);
    node_log_close(node);
    LIST_EACH(at, &node->effects)
    {
        node_effect_free(LIST_ENTRY(at, struct node_effect, node));
    }
    raft_free(node->raft);
    raft_update_fini(&node->update);
    if (node->lock_fd >= 0) {
        store_fs_close(node->options.fs, node->lock_fd);
    }
    mem_free(node->replicas);
    node_unref(node);
}

void node_break(struct node *node, enum err error, const char *why)
{
    if (node->broken) {
        return;
    }
    node->broken = true;
    node->broken_error = error;
    node->broken_why = why;
    log_error(node->options.log, "raft", "stops", "node=%d error=%s reason=\"%s\"",
              node->options.node_id, err_name(error), why);
    net_timer_stop(&node->timer);
    node_notify(node);
}

/* ---- steps ---- */

static struct node_view view_of(const struct raft *raft)
{
    bool leads = raft_role(raft) == RAFT_ROLE_LEADER;
    return (struct node_view){raft_role(raft), raft_leader(raft), raft_epoch(raft),
                              raft_high_watermark(raft), leads ? raft_epoch_start(raft) : -1};
}

static void step_once(struct node *node, struct raft_event *event, struct slice given)
{
    event->now_ms = net_now_ms(node->options.loop);
    enum err e = raft_step(node->raft, event, &node->update);
    if (e != ERR_NONE) {
        node_break(node, e, "an invariant of the quorum is broken");
        return;
    }
    struct node_effect *effect = MEM_NEW(struct node_effect);
    node->verdict = node->update.error;
    node->verdict_why = node->update.why;
    effect->update = node->update;
    raft_update_init(&node->update);
    effect->view = view_of(node->raft);
    bool waits = !list_empty(&node->effects) || effect->update.save || effect->update.install;
    effect->given = given;
    bool uses_bytes = effect->update.append.kind != RAFT_APPEND_NOTHING ||
                      effect->update.download.kind == RAFT_DOWNLOAD_WRITE;
    if (waits && uses_bytes) {
        buf_put_slice(&effect->bytes, given);
        effect->given = buf_slice(&effect->bytes);
    }
    list_add_tail(&node->effects, &effect->node);
    node_execute(node);
}

/* Something that happened inside and that the core has to hear. */
static bool next_inner_event(struct node *node, struct raft_event *event)
{
    if (node->failed_count > 0) {
        *event = node->failed[--node->failed_count];
        return true;
    }
    /* An observer promises nothing to anybody, so it does not sync (KAFKA-17332). */
    int64_t end = store_log_end_offset(node->log.store);
    if (!node->options.is_controller && node->log.synced < end) {
        node->log.synced = end;
        *event = (struct raft_event){.type = RAFT_EVENT_FLUSHED, .u.flushed = {.offset = end}};
        return true;
    }
    return false;
}

void node_pump(struct node *node)
{
    node_execute(node);
    struct raft_event event;
    while (!node->broken && next_inner_event(node, &event)) {
        step_once(node, &event, SLICE_NULL);
    }
    if (node->broken) {
        return;
    }
    if (node->shutdown_done != NULL) {
        node_notify(node);
    }
    int64_t deadline_ms = raft_deadline(node->raft);
    if (deadline_ms == INT64_MAX) {
        net_timer_stop(&node->timer);
    } else {
        net_timer_set(&node->timer, max_i64(0, deadline_ms - net_now_ms(node->options.loop)));
    }
}

void node_step(struct node *node, struct raft_event *event, struct slice given)
{
    ASSERT(!node->obeying);
    if (node->broken || node->closed || !node->started) {
        return;
    }
    step_once(node, event, given);
    node_pump(node);
}

/* ---- what the owner asks for ---- */

void node_shutdown(struct node *node, void (*done)(void *arg), void *arg)
{
    ASSERT(node->shutdown_done == NULL);
    node->shutdown_done = done;
    node->shutdown_arg = arg;
    if (node->broken || !node->started) {
        node->shutdown_through = true;
        node_notify(node);
        return;
    }
    struct raft_event event = {.type = RAFT_EVENT_SHUTDOWN,
                               .u.shutdown = {.wait_ms_max = NODE_SHUTDOWN_MS}};
    node_step(node, &event, SLICE_NULL);
}

void node_resign(struct node *node, int32_t epoch)
{
    struct raft_event event = {.type = RAFT_EVENT_RESIGN, .u.resign = {.epoch = epoch}};
    node_step(node, &event, SLICE_NULL);
}

void node_connection_lost(struct node *node, int32_t id)
{
    struct raft_event event = {.type = RAFT_EVENT_CONNECTION_LOST, .u.lost = {.peer = id}};
    node_step(node, &event, SLICE_NULL);
}

static void build_batch(struct node *node, int32_t epoch, const struct node_records *records,
                        struct buf *out)
{
    struct wire_builder_options options = {.base_offset = raft_log_end(node->raft),
                                           WIRE_BUILDER_DEFAULTS};
    options.leader_epoch = epoch;
    struct wire_builder builder;
    wire_builder_init(&builder, &options, out);
    for (int i = 0; i < records->count; i++) {
        wire_builder_add(&builder, &(struct wire_record){.timestamp = records->timestamp_ms,
                                                         .key = SLICE_NULL,
                                                         .value = records->values[i]});
    }
    wire_builder_finish(&builder);
}

enum err node_append(struct node *node, int32_t epoch, const struct node_records *records,
                     int64_t *base_offset)
{
    ASSERT(records->count >= 1);
    if (!node->started || node->broken || node->shutdown_done != NULL || node->claimed != epoch ||
        raft_role(node->raft) != RAFT_ROLE_LEADER || raft_epoch(node->raft) != epoch) {
        return ERR_NOT_CONTROLLER;
    }
    if (node->log.unsynced_bytes > NODE_UNSYNCED_BYTES_MAX) {
        return ERR_BUSY;
    }
    struct buf batch = {0};
    build_batch(node, epoch, records, &batch);
    if (batch.len > NODE_APPEND_BYTES_MAX) {
        buf_fini(&batch);
        return ERR_MESSAGE_TOO_LARGE;
    }
    *base_offset = raft_log_end(node->raft);
    struct raft_event event = {.type = RAFT_EVENT_APPEND,
                               .u.append = {.epoch = epoch, .count = records->count}};
    node_step(node, &event, buf_slice(&batch));
    buf_fini(&batch);
    return ERR_NONE;
}
