/* When which check looks; see check.h. */
#include "base/mem.h"
#include "sim/cluster/check_state.h"

enum { IMAGE_EVERY_S = 5 };

struct sim_checks *sim_checks_new(struct sim_world *world)
{
    struct sim_checks *checks = MEM_NEW(struct sim_checks);
    checks->world = world;
    check_metadata_init(checks);
    return checks;
}

void sim_checks_free(struct sim_checks *checks)
{
    if (checks == NULL) {
        return;
    }
    check_partition_fini(checks);
    check_metadata_fini(checks);
    mem_free(checks->log.at);
    mem_free(checks->leaders);
    mem_free(checks);
}

const struct metadata_image *sim_checks_image(const struct sim_checks *checks)
{
    return checks->image;
}

struct node *sim_machine_quorum_node(const struct sim_machine *m)
{
    return m->controller != NULL ? controller_server_node(m->controller)
           : m->broker != NULL   ? broker_server_node(m->broker)
                                 : NULL;
}

void check_look(struct sim_machine *m)
{
    sim_disk_observe(m->disk, true);
}

void check_look_done(struct sim_machine *m)
{
    sim_disk_observe(m->disk, false);
}

/* ---- logs ---- */

enum err check_read_batch(const struct store_batch *batch, struct buf *bytes,
                          struct wire_batch *out)
{
    buf_reset(bytes);
    uint8_t *at = buf_extend(bytes, batch->size);
    TRY(store_file_pread(batch->file, store_room(at, batch->size), batch->position));
    TRY(wire_batch_parse(buf_slice(bytes), out));
    return wire_batch_check_crc(out);
}

bool check_epochs_within(const struct store_log *log, bool strict, int64_t *start)
{
    uint32_t count = store_log_epoch_count(log);
    int32_t epoch;
    if (count == 0) {
        return true;
    }
    store_log_epoch_get(log, count - 1, &epoch, start);
    /* A log that is empty since its beginning was cut off knows the epoch before. */
    bool is_empty = store_log_start_offset(log) == store_log_end_offset(log);
    return *start + (strict && !is_empty ? 1 : 0) <= store_log_end_offset(log);
}

void check_log_add(struct check_log *log, const struct check_batch *batch)
{
    if (log->count == log->cap) {
        log->cap = log->cap == 0 ? 64 : log->cap * 2;
        log->at = mem_realloc(log->at, (size_t)log->cap * sizeof *log->at);
    }
    log->at[log->count++] = *batch;
    log->end = batch->last_offset + 1;
}

const struct check_batch *check_log_find(const struct check_log *log, int64_t offset)
{
    int64_t low = 0;
    int64_t high = log->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (log->at[middle].last_offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < log->count && log->at[low].base_offset <= offset ? &log->at[low] : NULL;
}

bool check_log_has(const struct check_log *log, const struct check_batch *b)
{
    const struct check_batch *known = check_log_find(log, b->base_offset);
    return known != NULL && known->base_offset == b->base_offset &&
           known->last_offset == b->last_offset && known->epoch == b->epoch && known->crc == b->crc;
}

/* ---- when ---- */

void sim_checks_begin(struct sim_checks *checks, struct sim_machine *m)
{
    if (m->kind != SIM_CLIENT) {
        check_raft_begin(checks, m);
        check_partition_begin(checks, m);
    }
}

void sim_check_event(struct sim_checks *checks, struct sim_machine *m)
{
    if (sim_machine_quorum_node(m) == NULL) {
        return;
    }
    if (m->end != SIM_END_NOT && m->end != SIM_END_STOPPED) {
        check_raft_dying(checks, m);
    } else {
        checks->world->report->checks++;
        check_raft_event(checks, m);
    }
}

void sim_check_sweep(struct sim_checks *checks)
{
    struct sim_world *world = checks->world;
    int64_t now_us = sim_now_us(world);
    for (int i = 0; i < world->count && !world->failed; i++) {
        struct sim_machine *m = &world->machines[i];
        struct check_node *node = &checks->nodes[i];
        if (sim_machine_quorum_node(m) != NULL &&
            now_us - node->image_us >= IMAGE_EVERY_S * SIM_S) {
            node->image_us = now_us;
            check_metadata_node(checks, m);
        }
    }
    check_partition_sweep(checks);
}

void sim_check_end(struct sim_checks *checks)
{
    struct sim_world *world = checks->world;
    for (int i = 0; i < world->count; i++) {
        if (sim_machine_quorum_node(&world->machines[i]) != NULL) {
            check_metadata_node(checks, &world->machines[i]);
        }
    }
    check_raft_end(checks);
    check_partition_end(checks);
}
