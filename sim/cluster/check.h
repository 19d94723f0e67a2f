/* What must always be so in a simulated cluster, whoever fails.
 *
 * After every event the machine it happened on is looked at; what is dear waits for the next sweep,
 * ten times a second; all logs are read whole at the end. Names are those of the published
 * specifications where there is one (KIP-595 and KIP-966 in TLA+, Kafka's Raft simulation, Jepsen).
 *
 * check_raft.c: MonotonicEpoch, NeverTwoLeadersInSameEpoch (an epoch is led by one process, once),
 * VoteOnce (by quorum-state, across restarts), ElectedByMajority, StatesMatchRoles,
 * LeaderCompleteness, LeaderHasAllAckedValues (what is committed is on the disks of a majority),
 * AckedValueNotLost (what was synced outlives a power cut), MonotonicHighWatermark,
 * HighWatermarkWithinLog, EpochsWithinLog, SnapshotAtLogStart, SnapshotIsCommitted, LogMatching
 * (what is committed is the same on all, byte for byte).
 *
 * check_metadata.c: ImageIsReplay, MonotonicPartitionEpoch, OneLeaderPerLeaderEpoch,
 * IsrWithinReplicas, LeaderInIsr, FencedNeverLeads, FencedNeverInIsr.
 *
 * check_partition.c: LogMatching below the high watermark, HighWatermarkWithinLog,
 * MonotonicHighWatermark, CommittedNotTruncated, LeadersAreElected, LeaderCompleteness,
 * LeaderCandidateCompleteness (whoever is in the ISR has what is below the high watermark, and what
 * was acknowledged), ReplicationQuorumSuperset (a leader counts on all whom the controller lets
 * lead after it), EpochsWithinLog, DirectoryIsOfItsTopic.
 *
 * ledger.c: what clients were told.
 *
 * Looking changes nothing: reads bypass the faults of disks. Private to sim/cluster/. */
#ifndef SIM_CLUSTER_CHECK_H
#define SIM_CLUSTER_CHECK_H

#include "raft/node/node.h"
#include "sim/cluster/world.h"

struct sim_checks *sim_checks_new(struct sim_world *world);
void sim_checks_free(struct sim_checks *checks);

/* A new process on the machine. */
void sim_checks_begin(struct sim_checks *checks, struct sim_machine *m);

/* After an event on the machine. */
void sim_check_event(struct sim_checks *checks, struct sim_machine *m);

void sim_check_sweep(struct sim_checks *checks);

/* When all is well: reads everything. */
void sim_check_end(struct sim_checks *checks);

/* A client was told that its record is at this offset of the partition. */
void sim_check_acked(struct sim_checks *checks, struct uuid topic_id, int32_t index,
                     int64_t offset);

/* NULL: all replicas of all topics but internal ones have the same log, all of it committed. */
const char *sim_check_logs_equal(struct sim_checks *checks);

/* The metadata as of what is known to be committed; borrowed until the next event. */
const struct metadata_image *sim_checks_image(const struct sim_checks *checks);

/* The quorum's node of a machine that is up and has one; NULL. */
struct node *sim_machine_quorum_node(const struct sim_machine *m);

#endif
