/* Majority arithmetic. */
#include "raft/quorum.h"

_Static_assert(RAFT_VOTERS_MAX <= 32, "a ballot keeps its votes in 32 bits");

int raft_quorum_majority(int voters)
{
    return voters / 2 + 1;
}

int64_t raft_quorum_offset(int64_t *offsets, int n)
{
    ASSERT(n > 0);
    /* Insertion sort, largest first: n is a handful. */
    for (int i = 1; i < n; i++) {
        int64_t offset = offsets[i];
        int at = i;
        for (; at > 0 && offsets[at - 1] < offset; at--) {
            offsets[at] = offsets[at - 1];
        }
        offsets[at] = offset;
    }
    /* As many as a majority have reached the one at this place, and those before it. */
    return offsets[raft_quorum_majority(n) - 1];
}

static int count_bits(uint32_t bits)
{
    int count = 0;
    for (; bits != 0; bits &= bits - 1) {
        count++;
    }
    return count;
}

enum raft_verdict raft_ballot_verdict(const struct raft_ballot *ballot)
{
    ASSERT((ballot->granted & ballot->rejected) == 0);
    int majority = raft_quorum_majority(ballot->voters.count);
    if (count_bits(ballot->granted) >= majority) {
        return RAFT_VERDICT_WON;
    }
    int reachable = ballot->voters.count - count_bits(ballot->rejected);
    return reachable < majority ? RAFT_VERDICT_LOST : RAFT_VERDICT_OPEN;
}
