/* Moves between log directories: the copying, and the exchange at its end. */
#include "broker/replica_move.h"

#include "base/mem.h"
#include "broker/assign.h"
#include "broker/replica_log.h"
#include "broker/replica_move_private.h"
#include "broker/replica_place.h"

static void step(void *arg);

static void step_soon(struct replica_move *move)
{
    if (!net_timer_is_set(&move->timer)) {
        net_timer_set(&move->timer, 0);
    }
}

/* ---- life ---- */

static size_t count_running(const struct broker *broker)
{
    size_t count = 0;
    LIST_EACH(node, &broker->replicas->moves)
    {
        count += LIST_ENTRY(node, struct replica_move, node)->state != MOVE_WAITING;
    }
    return count;
}

static void start_waiting(struct broker *broker)
{
    size_t running = count_running(broker);
    LIST_EACH(node, &broker->replicas->moves)
    {
        struct replica_move *move = LIST_ENTRY(node, struct replica_move, node);
        if (running < REPLICA_MOVES_MAX && move->state == MOVE_WAITING && move->replica != NULL) {
            move->state = MOVE_COPYING;
            running++;
            step_soon(move);
        }
    }
}

void move_note_log(struct replica_move *move)
{
    move->view.start_offset = store_log_start_offset(move->log);
    move->view.end_offset = store_log_end_offset(move->log);
    move->view.recovery_point = store_log_recovery_point(move->log);
    move->view.size = store_log_size(move->log);
}

void move_add(struct replica *r, struct broker_dir *to, struct store_log *take_log)
{
    struct broker *broker = r->broker;
    struct replica_move *move = MEM_NEW(struct replica_move);
    move->broker = broker;
    move->replica = r;
    move->view.to = to;
    move->log = take_log;
    move->cut_to = INT64_MAX;
    net_timer_init(&move->timer, broker->loop, step, move);
    list_add_tail(&broker->replicas->moves, &move->node);
    to->logs++;
    r->move = move;
    if (broker->replicas->move_queue == NULL) {
        broker->replicas->move_queue = net_work_queue_new(broker->loop, "craft-move", 1);
    }
    move_note_log(move);
    log_info(broker->log, "move", "begun", "partition=%s-%d from=%s to=%s", r->topic, r->index,
             r->dir->path, to->path);
    start_waiting(broker);
}

static void delete_log(struct replica_move *move)
{
    struct store_dir_name name;
    store_dir_parse(strrchr(store_log_dir(move->log), '/') + 1, &name);
    struct store_dir_text plain = store_dir_format(slice_str(name.topic), name.partition);
    char *path = NULL;
    if (store_log_delete(move->log, uuid_random(), &path) == ERR_NONE) {
        replicas_remove_later(move->broker, path);
        replicas_checkpoint_gone(move->view.to, plain.text);
    }
}

/* Of a move without replica; its log is closed already or is given up here. */
static void move_free(struct replica_move *move)
{
    struct broker *broker = move->broker;
    ASSERT(!move->busy);
    if (move->log != NULL && !move->keep) {
        delete_log(move);
    } else {
        store_log_abandon(move->log);
    }
    move->view.to->logs--;
    net_timer_stop(&move->timer);
    list_remove(&move->node);
    mem_free(move);
    start_waiting(broker);
}

void replica_move_give_up(struct replica *r, bool keep)
{
    struct replica_move *move = r->move;
    if (move == NULL) {
        return;
    }
    log_info(r->broker->log, "move", "given up", "partition=%s-%d to=%s", r->topic, r->index,
             move->view.to->path);
    r->move = NULL;
    move->replica = NULL;
    move->keep = keep;
    if (!move->busy) {
        move_free(move);
    }
}

bool replica_move_view(const struct replica *r, struct replica_move_view *out)
{
    if (r->move == NULL) {
        return false;
    }
    *out = r->move->view;
    return true;
}

struct uuid replica_move_wanted_dir(const struct replica *r)
{
    bool almost = r->move != NULL && r->move->state == MOVE_TELLING;
    return (almost ? r->move->view.to : r->dir)->id;
}

/* ---- what happens to the log ---- */

void replica_move_appended(struct replica *r)
{
    if (r->move != NULL && r->move->state != MOVE_WAITING && !r->move->busy) {
        step_soon(r->move);
    }
}

void replica_move_changed(struct replica *r)
{
    replica_move_appended(r);
}

void replica_move_cut(struct replica *r)
{
    if (r->move != NULL) {
        r->move->cut_to = min_i64(r->move->cut_to, r->part.log_end_offset);
        replica_move_appended(r);
    }
}

/* The future log ends where the log is about to be read: at or below its log start offset, as that
 * may lie inside of a batch. */
static enum err begin_anew(struct replica_move *move)
{
    int64_t base;
    TRY(move_first_offset(move->replica, &base));
    return store_log_truncate_fully(move->log, base);
}

static enum err follow_start(struct replica_move *move)
{
    int64_t start = move->replica->part.log_start_offset;
    if (start <= store_log_start_offset(move->log) || start > store_log_end_offset(move->log)) {
        return ERR_NONE;
    }
    enum err e = store_log_set_start(move->log, start);
    replicas_empty_later(move->broker, store_log_take_trash(move->log), 0);
    return e;
}

/* Does to the future log what was done to the log. */
static enum err follow_log(struct replica_move *move)
{
    const struct partition *part = &move->replica->part;
    int64_t cut_to = move->cut_to;
    bool lost_start = move->view.end_offset < part->log_start_offset && move->view.size > 0;
    enum err e = ERR_NONE;
    if (lost_start || cut_to < move->view.start_offset) {
        e = begin_anew(move);
    } else if (cut_to < move->view.end_offset) {
        e = store_log_truncate_to(move->log, cut_to);
    }
    move->cut_to = INT64_MAX;
    if (e == ERR_NONE) {
        e = follow_start(move);
    }
    move_note_log(move);
    return e;
}

/* ---- copying ---- */

static struct slice whole_batches(struct slice bytes)
{
    size_t end = 0;
    while (bytes.len - end >= WIRE_BATCH_HEADER) {
        struct store_batch batch;
        enum err e = store_batch_parse(slice_of(bytes.data + end, WIRE_BATCH_HEADER), &batch);
        if (e != ERR_NONE || batch.size > bytes.len - end) {
            break;
        }
        end += batch.size;
    }
    return slice_of(bytes.data, end);
}

/* On the thread of moves, or on the loop for the last piece. */
static void copy_piece(void *arg)
{
    struct replica_move *move = arg;
    uint8_t *bytes = mem_alloc(move->read.length);
    move->result = store_read_copy(&move->read, bytes);
    move->read_failed = move->result != ERR_NONE;
    store_read_done(&move->read);
    if (!move->read_failed) {
        struct slice whole = whole_batches(slice_of(bytes, move->read.length));
        move->result =
            whole.len == 0 ? ERR_CORRUPT : store_log_append(move->log, &whole, 1, move->now_ms);
    }
    mem_free(bytes);
}

/* The next piece of the log, into move->read. */
static enum err read_piece(struct replica_move *move)
{
    struct replica *r = move->replica;
    struct store_read_query query = {.offset =
                                         max_i64(move->view.end_offset, r->part.log_start_offset),
                                     .end_offset = r->part.log_end_offset,
                                     .max_bytes = MOVE_PIECE_BYTES,
                                     .min_one = true};
    move->now_ms = net_wall_ms(move->broker->loop);
    enum err e = store_log_read(r->log, &query, &move->read);
    if (e == ERR_NONE && move->read.length == 0) {
        e = ERR_CORRUPT; /* there is something between here and the log end */
    }
    move->read_failed = e != ERR_NONE;
    return e;
}

static void failed(struct replica_move *move, enum err e, bool reading)
{
    struct replica *r = move->replica;
    struct broker_dir *dir = reading ? r->dir : move->view.to;
    log_error(move->broker->log, "move", "failed", "partition=%s-%d to=%s %s=%s error=%s", r->topic,
              r->index, move->view.to->path, reading ? "reading" : "writing", dir->path,
              err_name(e));
    bool disk = e == ERR_IO || e == ERR_NOT_FOUND;
    if (!disk) {
        replica_move_give_up(r, false); /* no room, or a log that cannot be copied */
        broker_assign_check(r);
    } else {
        broker_dir_fail(dir, "a replica cannot be moved");
    }
}

static void work_done(void *arg)
{
    struct replica_move *move = arg;
    if (move->closed) {
        return;
    }
    move->busy = false;
    if (move->replica == NULL) {
        move_free(move);
        return;
    }
    move_note_log(move);
    /* If the log was cut while it was read, what was read is nothing, and is cut in the next step.
     */
    bool of_disk = move->result == ERR_IO && !move->read_failed;
    if (move->result != ERR_NONE && (move->cut_to == INT64_MAX || of_disk)) {
        failed(move, move->result, move->read_failed);
        return;
    }
    move->fresh = true;
    step_soon(move);
}

static void work(struct replica_move *move, net_fn *run, net_fn *done)
{
    move->busy = true;
    net_work_on(move->broker->replicas->move_queue, run, done, move);
}

static void flush_piece(void *arg)
{
    store_flush_run(&((struct replica_move *)arg)->flush);
}

static void flush_done(void *arg)
{
    struct replica_move *move = arg;
    if (!move->closed) {
        move->flushing = false;
        move->read_failed = false;
        move->result = store_log_flush_done(move->log, &move->flush);
    }
    work_done(move);
}

/* ---- the exchange ---- */

/* What is durable in the old log must be durable in the new one. */
static bool is_durable(const struct replica_move *move)
{
    return move->view.recovery_point >= store_log_recovery_point(move->replica->log);
}

/* Appends that came since the last piece, on the loop: they are few, and none can come between. */
static enum err copy_rest(struct replica_move *move)
{
    for (int i = 0; i < MOVE_REST_PIECES; i++) {
        if (move->view.end_offset == move->replica->part.log_end_offset) {
            break;
        }
        TRY(read_piece(move));
        copy_piece(move);
        TRY(move->result);
        move_note_log(move);
    }
    return ERR_NONE;
}

static enum err exchange(struct replica_move *move, bool *exchanged)
{
    struct replica *r = move->replica;
    *exchanged = false;
    TRY(copy_rest(move));
    if (move->view.end_offset != r->part.log_end_offset) {
        return ERR_NONE;
    }
    if (!is_durable(move)) {
        TRY(store_log_flush(move->log));
        move_note_log(move);
    }
    struct broker_dir *from = r->dir;
    TRY(replica_log_replace(r, move->log, move->view.to));
    log_info(move->broker->log, "move", "done", "partition=%s-%d from=%s to=%s", r->topic, r->index,
             from->path, r->dir->path);
    *exchanged = true;
    return ERR_NONE;
}

static void forget(struct replica_move *move)
{
    struct replica *r = move->replica;
    r->move = NULL;
    move->replica = NULL;
    move->log = NULL;
    move_free(move);
    replicas_checkpoints_soon(r->broker);
    broker_assign_check(r);
}

/* ---- one step ---- */

static bool is_told(const struct replica_move *move)
{
    return uuid_eq(replica_assigned_dir(move->replica), move->view.to->id);
}

static void copy_on(struct replica_move *move)
{
    enum err e = read_piece(move);
    if (e == ERR_NONE) {
        work(move, copy_piece, work_done);
    } else {
        failed(move, e, true);
    }
}

static void flush_on(struct replica_move *move)
{
    enum err e = store_log_flush_begin(move->log, &move->flush);
    if (e == ERR_NONE) {
        move->flushing = true;
        work(move, flush_piece, flush_done);
    } else {
        failed(move, e, false);
    }
}

static void end_now(struct replica_move *move)
{
    bool exchanged = false;
    move->read_failed = false;
    enum err e = exchange(move, &exchanged);
    if (e != ERR_NONE) {
        failed(move, e, move->read_failed);
    } else if (exchanged) {
        forget(move);
    } else {
        step_soon(move);
    }
}

static void step(void *arg)
{
    struct replica_move *move = arg;
    struct replica *r = move->replica;
    if (r == NULL || move->busy || !replica_is_online(r) || !move->view.to->online) {
        return; /* who took it offline ends the move, too */
    }
    enum err e = follow_log(move);
    if (e != ERR_NONE) {
        failed(move, e, false);
        return;
    }
    bool all = move->view.end_offset == r->part.log_end_offset;
    bool fresh = move->fresh;
    move->fresh = false;
    if (move->state == MOVE_COPYING && all && is_durable(move)) {
        move->state = MOVE_TELLING;
        broker_assign_check(r);
    }
    if (move->state == MOVE_TELLING && is_told(move) && (all || fresh)) {
        end_now(move); /* little has come since the last piece */
    } else if (!all) {
        copy_on(move);
    } else if (!is_durable(move)) {
        flush_on(move);
    }
}
