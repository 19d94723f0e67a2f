/* What files of a log directory hold, item by item: batches, records, index entries, lines.
 *
 * An item is a kind and a flat JSON object. For people it is a line "kind  name=value …", for
 * programs the object alone, with file and kind in it (JSON lines). What is wrong with a file is an
 * item of the kind "error", and is counted. */
#ifndef CLI_DUMP_H
#define CLI_DUMP_H

#include <jansson.h>

#include "base/err.h"
#include "cli/cli.h"
#include "store/store.h"

struct dump {
    struct cli *cli;
    const struct store_fs *fs;
    const char *path; /* of the file being dumped */
    bool is_metadata; /* of __cluster_metadata */
    bool is_offsets;  /* of __consumer_offsets */
    bool is_transactions;
    bool with_records; /* not only headers of batches */
    bool with_secrets; /* values of passwords, too */
    bool is_unread;    /* nobody reads what we print: stop */
    struct buf out;
    int64_t error_count;
};

/* Takes the object over. Nested values are printed as compact JSON. */
void dump_item(struct dump *dump, const char *kind, json_t *take_json);

/* An error at a byte of the file. */
void dump_error(struct dump *dump, int64_t position, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Prints what has gathered. */
void dump_flush(struct dump *dump);

/* ---- the kinds of files; each complains through dump_error() ---- */

void dump_batches(struct dump *dump);      /* .log, .checkpoint */
void dump_offset_index(struct dump *dump); /* .index */
void dump_time_index(struct dump *dump);   /* .timeindex */
void dump_txn_index(struct dump *dump);    /* .txnindex */
void dump_producers(struct dump *dump);    /* .snapshot */
void dump_checkpoint(struct dump *dump);   /* …-checkpoint: topic, partition, offset */
void dump_epochs(struct dump *dump);       /* leader-epoch-checkpoint */
void dump_properties(struct dump *dump);   /* meta.properties, partition.metadata */
void dump_json(struct dump *dump);         /* quorum-state, .kafka_cleanshutdown */

/* The whole of a small file. False: that did not work, and is told. */
bool dump_read(struct dump *dump, struct buf *out);

/* ---- records ---- */

/* The records of a batch whose CRC is right. */
void dump_records(struct dump *dump, const struct wire_batch *batch, int64_t position);

#endif
