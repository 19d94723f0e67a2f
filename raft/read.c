/* Reads that are linearizable (Raft thesis §6.4, "read index"): the leader may answer from its
 * state only after it has made sure, since the question came, that nobody else leads.
 *
 * A fetch is no proof of that: it may have been on its way for long while its sender voted for
 * somebody else, who has committed since. What was asked after the question came, and answered in
 * this epoch, is one. So a read asks all voters by BeginQuorumEpoch, at most one request a voter at
 * a time, and is through when a majority has answered requests that were sent after it came. All
 * reads that wait share the same requests. A commit of a record that was appended after the
 * question came is a proof as well.
 *
 * The record that begins the epoch must be committed first: before that, the leader does not know
 * what its predecessors have committed. */
#include "raft/private.h"

#include "base/mem.h"

/* Reads whose numbers are at most this one are confirmed by a majority. */
static uint64_t confirmed_number(const struct raft *raft)
{
    const struct raft_voter_set *voters = raft_voters(raft);
    int64_t numbers[RAFT_VOTERS_MAX];
    for (int i = 0; i < voters->count; i++) {
        if (raft_key_matches(voters->voters[i], raft->options.self)) {
            numbers[i] = (int64_t)raft->lead.last_read;
            continue;
        }
        const struct raft_progress *replica =
            raft_progress_find(&raft->lead.replicas, voters->voters[i]);
        numbers[i] = replica == NULL ? 0 : (int64_t)replica->read_confirmed;
    }
    return (uint64_t)raft_quorum_offset(numbers, voters->count);
}

void raft_serve_reads(struct raft *raft)
{
    struct raft_lead *lead = &raft->lead;
    if (lead->read_count == 0 || raft->high_watermark <= lead->epoch_start) {
        return;
    }
    uint64_t confirmed = confirmed_number(raft);
    int served = 0;
    while (served < lead->read_count && (lead->reads[served].number <= confirmed ||
                                         lead->reads[served].log_end < raft->high_watermark)) {
        raft_answer_read(raft, lead->reads[served].token, ERR_NONE, raft->high_watermark);
        served++;
    }
    lead->read_count -= served;
    memmove(lead->reads, lead->reads + served, (size_t)lead->read_count * sizeof *lead->reads);
}

void raft_fail_reads(struct raft *raft)
{
    struct raft_lead *lead = &raft->lead;
    for (int i = 0; i < lead->read_count; i++) {
        raft_answer_read(raft, lead->reads[i].token, ERR_NOT_CONTROLLER, -1);
    }
    lead->read_count = 0;
}

void raft_on_read(struct raft *raft, uint64_t token)
{
    struct raft_lead *lead = &raft->lead;
    if (raft->role != RAFT_ROLE_LEADER) {
        raft_answer_read(raft, token, ERR_NOT_CONTROLLER, -1);
        return;
    }
    if (lead->read_count == lead->read_cap) {
        lead->read_cap = lead->read_cap == 0 ? 8 : 2 * lead->read_cap;
        lead->reads = mem_realloc(lead->reads, (size_t)lead->read_cap * sizeof *lead->reads);
    }
    lead->reads[lead->read_count++] =
        (struct raft_read){.token = token, .number = ++lead->last_read, .log_end = raft->log_end};
    for (int i = 0; i < lead->replicas.count; i++) {
        struct raft_progress *replica = &lead->replicas.items[i];
        replica->begin_due |= replica->voter && replica->key.id != raft->options.self.id;
    }
    raft_serve_reads(raft); /* the only voter needs nobody */
}

void raft_note_read_asked(struct raft *raft, struct raft_progress *replica)
{
    replica->read_asked = raft->lead.last_read;
}

void raft_note_read_confirmed(struct raft *raft, struct raft_progress *replica)
{
    replica->read_confirmed = replica->read_asked;
    raft_serve_reads(raft);
}
