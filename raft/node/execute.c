/* The one place that obeys the order of effects (struct raft_update): what must be durable comes
 * before what can be seen. */
#include "raft/node/private.h"

#include "base/mem.h"

void node_effect_free(struct node_effect *effect)
{
    list_remove(&effect->node);
    raft_update_fini(&effect->update);
    buf_fini(&effect->bytes);
    mem_free(effect);
}

static void append(struct node *node, const struct raft_append *append, struct slice given)
{
    struct buf control = {0};
    struct slice bytes = given;
    switch (append->kind) {
    case RAFT_APPEND_NOTHING:
        return;
    case RAFT_APPEND_LEADER_CHANGE:
        node_control_leader_change(node, append, &control);
        bytes = buf_slice(&control);
        break;
    case RAFT_APPEND_VOTERS:
        node_control_voters(node, append, &control);
        bytes = buf_slice(&control);
        node_change_appended(node, append->base_offset, append->epoch);
        break;
    case RAFT_APPEND_UPGRADE:
        node_control_upgrade(node, append, &control);
        bytes = buf_slice(&control);
        break;
    case RAFT_APPEND_CLIENT:
        break;
    case RAFT_APPEND_RECEIVED:
        /* The core may have taken less than came. */
        bytes = node_whole_batches(given, append->end_offset);
        break;
    }
    node_log_append(node, bytes);
    if (append->kind != RAFT_APPEND_CLIENT) {
        node_voters_appended(node, bytes);
    }
    buf_fini(&control);
    ASSERT(node->broken || store_log_end_offset(node->log.store) == append->end_offset);
    if (node->options.is_controller) {
        node_log_sync(node);
    }
}

void node_effects_installed(struct node *node)
{
    struct node_effect *effect = LIST_ENTRY(node->effects.next, struct node_effect, node);
    ASSERT(effect->update.install);
    effect->named = true;
    node_pump(node);
}

static void obey(struct node *node, const struct node_effect *effect)
{
    const struct raft_update *update = &effect->update;
    if (update->install) {
        node_log_replace(node, update->installed.offset);
        node_snapshots_installed(node);
    }
    if (update->truncate) {
        node_log_truncate(node, update->truncate_to);
        node_voters_truncate(&node->voter_records, update->truncate_to);
    }
    append(node, &update->append, effect->given);
    node_download_obey(node, &update->download, effect->given);
    for (int i = 0; i < update->message_count && !node->broken; i++) {
        node_send(node, &update->messages[i]);
    }
    for (int i = 0; i < update->answer_count && !node->broken; i++) {
        node_answer(node, &update->answers[i]);
    }
    if (update->trim && !node->broken) {
        node_log_trim(node, update->trim_to);
        node_snapshots_forget(node, update->trim_to);
    }
    for (int i = 0; i < update->read_count && !node->broken; i++) {
        node_read_answer(node, &update->reads[i]);
    }
    node->view = effect->view;
    node->shutdown_through |= update->shutdown_done;
    if (update->high_watermark_moved || update->changed || update->shutdown_done) {
        node_notify(node);
    }
}

void node_execute(struct node *node)
{
    while (!node->broken && !list_empty(&node->effects)) {
        struct node_effect *effect = LIST_ENTRY(node->effects.next, struct node_effect, node);
        if (effect->update.save) {
            if (!node->saving) {
                node_state_save(node, &effect->update.hard_state);
            }
            return;
        }
        if (effect->update.install && !effect->named) {
            if (!node->snapshots.naming) {
                node_download_name(node);
            }
            return;
        }
        ASSERT(!node->obeying);
        node->obeying = true;
        obey(node, effect);
        node->obeying = false;
        node_effect_free(effect);
    }
}
