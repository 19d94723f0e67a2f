/* Reads partitions of one topic from their leaders, and tells the ledger what it saw.
 *
 * A part of a worker: a consumer reads everything, a member of a group what it was given. What must
 * not be ends the run: a batch with a wrong CRC, a gap between offsets, an offset that was there
 * and is out of range. Private to sim/cluster/. */
#ifndef SIM_CLUSTER_READER_H
#define SIM_CLUSTER_READER_H

#include "sim/cluster/client.h"

enum { SIM_READER_PARTITIONS = 16 };

struct sim_reader_partition {
    bool wanted;
    bool busy;              /* part of a fetch under way */
    int64_t position;       /* the next offset */
    int log;                /* in the ledger */
    int64_t high_watermark; /* as last told; −1: never */
    int64_t pause_until_ms;
};

struct sim_fetch;

struct sim_reader {
    struct sim_client *client;
    const char *topic;
    int16_t version;
    struct net_timer tick;
    struct sim_peer leaders[SIM_PEERS_MAX]; /* of its own: a poll would hold others up */
    int leader_count;
    struct sim_reader_partition partitions[SIM_READER_PARTITIONS];
    struct list fetches; /* struct sim_fetch */
};

void sim_reader_init(struct sim_reader *r, struct sim_client *client, const char *topic);
void sim_reader_fini(struct sim_reader *r);

/* Reads the partition from that offset on. */
void sim_reader_want(struct sim_reader *r, int32_t partition, int64_t from);

/* Reads nothing more; what is under way counts no more. */
void sim_reader_drop_all(struct sim_reader *r);

#endif
