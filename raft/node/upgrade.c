/* kraft.version 0 to 1 while the quorum runs (KIP-853, KAFKA-16538).
 *
 * The record of the voters needs of each what controller.quorum.voters does not say: its directory,
 * its listeners, the versions it knows. So every static voter tells each new leader of itself
 * (UpdateRaftVoter, own_entry.c), which keeps that in memory; when all have done so, the voters can
 * become records. */
#include "base/mem.h"
#include "raft/node/change.h"
#include "raft/node/private.h"

/* ---- reports ---- */

void node_reports_fini(struct node_reports *reports)
{
    for (int i = 0; i < reports->count; i++) {
        arena_fini(&reports->items[i].arena);
    }
    *reports = (struct node_reports){0};
}

const struct wire_voters_record_voters *node_report_find(const struct node_reports *reports,
                                                         struct raft_key key)
{
    for (int i = 0; i < reports->count; i++) {
        const struct wire_voters_record_voters *entry = &reports->items[i].entry;
        if (raft_key_matches(key, (struct raft_key){entry->voter_id, entry->voter_directory_id})) {
            return entry;
        }
    }
    return NULL;
}

static void copy_entry(struct node_report *report, const struct wire_voters_record_voters *entry)
{
    arena_fini(&report->arena);
    report->arena = (struct arena){0};
    report->entry = *entry;
    report->entry.endpoints = wire_new_array(&wire_msg_voters_record_voters_endpoints,
                                             &report->arena, entry->endpoints_count);
    for (int i = 0; i < entry->endpoints_count; i++) {
        report->entry.endpoints[i] = (struct wire_voters_record_voters_endpoints){
            slice_str(arena_str(&report->arena, entry->endpoints[i].name)),
            slice_str(arena_str(&report->arena, entry->endpoints[i].host)),
            entry->endpoints[i].port};
    }
}

/* In place of what the voter said before. */
static void put(struct node *node, const struct wire_voters_record_voters *entry)
{
    struct node_reports *reports = &node->reports;
    if (reports->epoch != raft_epoch(node->raft)) {
        node_reports_fini(reports);
        reports->epoch = raft_epoch(node->raft);
    }
    int at = 0;
    while (at < reports->count && reports->items[at].entry.voter_id != entry->voter_id) {
        at++;
    }
    ASSERT(at < RAFT_VOTERS_MAX); /* only voters */
    reports->count = at == reports->count ? at + 1 : reports->count;
    copy_entry(&reports->items[at], entry);
}

enum err node_report_take(struct node *node, const struct wire_voters_record_voters *entry)
{
    struct raft_key key = {entry->voter_id, entry->voter_directory_id};
    if (uuid_is_zero(key.directory_id) ||
        node_voters_listener(entry, node->options.listener_name) == NULL) {
        return ERR_INVALID_REQUEST;
    }
    if (raft_voter_set_find(raft_voters(node->raft), key) < 0) {
        return ERR_VOTER_NOT_FOUND;
    }
    put(node, entry);
    return ERR_NONE;
}

/* ---- the upgrade ---- */

/* All voters with their directories, as they have reported them to this leader. */
static enum err gather(struct node *node, struct raft_voter_set *out, struct buf *why)
{
    const struct raft_voter_set *voters = raft_voters(node->raft);
    struct arena arena = {0};
    struct wire_voters_record_voters own;
    if (node_own_entry(node, &own, &arena)) {
        put(node, &own);
    }
    arena_fini(&arena);
    *out = (struct raft_voter_set){0};
    for (int i = 0; i < voters->count; i++) {
        struct raft_key key = voters->voters[i];
        const struct wire_voters_record_voters *entry = node_report_find(&node->reports, key);
        if (entry == NULL || node->reports.epoch != raft_epoch(node->raft)) {
            buf_printf(why,
                       "voter %d has not told this leader its directory id and addresses yet: it "
                       "does not run, has just begun to follow, or is of an older release",
                       key.id);
            return ERR_INVALID_UPDATE_VERSION;
        }
        if (entry->kraft_version_feature.max_supported_version < NODE_KRAFT_VERSION_MAX) {
            buf_printf(why, "voter %d supports kraft.version %d to %d", key.id,
                       entry->kraft_version_feature.min_supported_version,
                       entry->kraft_version_feature.max_supported_version);
            return ERR_INVALID_UPDATE_VERSION;
        }
        out->voters[out->count++] = (struct raft_key){key.id, entry->voter_directory_id};
    }
    return ERR_NONE;
}

enum err node_raise_kraft_version(struct node *node, int32_t epoch, bool dry_run, int64_t *offset,
                                  struct buf *why)
{
    struct raft_voter_set voters;
    const char *reason;
    if (!node->started || node->broken || node->shutdown_done != NULL || node->claimed != epoch ||
        raft_role(node->raft) != RAFT_ROLE_LEADER || raft_epoch(node->raft) != epoch) {
        return ERR_NOT_CONTROLLER;
    }
    if (node_kraft_version(node) == NODE_KRAFT_VERSION_MAX) {
        return ERR_EXISTS;
    }
    TRY(gather(node, &voters, why));
    if (raft_check_upgrade(node->raft, &voters, net_now_ms(node->options.loop), &reason) !=
        ERR_NONE) {
        buf_put_str(why, reason);
        return ERR_INVALID_UPDATE_VERSION;
    }
    if (!dry_run) {
        struct raft_event event = {.type = RAFT_EVENT_UPGRADE, .u.upgrade = {&voters}};
        node_step(node, &event, SLICE_NULL);
        return raft_voters_offset(node->raft, offset) ? ERR_NONE : ERR_NOT_CONTROLLER;
    }
    return ERR_NONE;
}
