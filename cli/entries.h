/* The entries of the binary files beside a segment, as they stand there. Pure. */
#ifndef CLI_ENTRIES_H
#define CLI_ENTRIES_H

#include "base/buf.h"

enum {
    ENTRY_OFFSET_BYTES = 8, /* .index: offset less the base offset, position */
    ENTRY_TIME_BYTES = 12,  /* .timeindex: timestamp, offset less the base offset */
    ENTRY_TXN_BYTES = 34,   /* .txnindex */
};

/* An aborted transaction, of .txnindex. */
struct entry_txn {
    int16_t version;
    int64_t producer_id;
    int64_t first_offset;
    int64_t last_offset;
    int64_t last_stable_offset;
};

void entry_read_txn(struct reader *r, struct entry_txn *out);

/* A producer, of .snapshot. */
struct entry_producer {
    int64_t id;
    int16_t epoch;
    int32_t last_sequence;
    int64_t last_offset; /* −1: it has no batch that is remembered */
    int32_t offset_delta;
    int64_t timestamp;
    int32_t coordinator_epoch;
    int64_t current_txn_first_offset; /* −1: no transaction is open */
};

void entry_read_producer(struct reader *r, struct entry_producer *out);

/* The head of a producer snapshot; what is wrong is told by what is found. */
struct entry_producers {
    int16_t version;
    uint32_t crc;    /* as stored */
    uint32_t crc_is; /* of the bytes */
    int32_t count;   /* of producers */
    bool is_cut;     /* fewer bytes than even the head has */
    bool has_all;    /* as many bytes as that count takes */
    bool has_right_version;
};

/* `r` is left in front of the first producer. */
void entry_read_producers(struct slice bytes, struct reader *r, struct entry_producers *out);

#endif
