/* kafka-dump-log: what its parts share. */
#ifndef CLI_KAFKA_DUMP_LOG_H
#define CLI_KAFKA_DUMP_LOG_H

#include "cli/kafka/tool.h"
#include "store/store.h"
#include "wire/batch.h"

/* A record for people: `key` and `payload` as far as there are any. */
struct dump_log_text {
    struct buf key;
    struct buf payload;
    bool has_key;
    bool has_payload;
};

/* False: it cannot be decoded and the dump ends; the sentence is in `payload`. */
typedef bool dump_log_decoder(const struct wire_record *record, struct dump_log_text *out);

struct dump_log {
    struct cli *cli;
    const struct store_fs *fs;
    const char *path;         /* as it was given */
    dump_log_decoder *decode; /* NULL: key and payload by the next two */
    dump_log_decoder *decode_key;
    dump_log_decoder *decode_value;
    bool prints_records; /* their contents, too */
    bool is_deep;        /* goes into batches */
    bool skips_record_metadata;
    bool verifies_only;
    bool checks_sanity_only;
    int32_t bytes_max; /* INT32_MAX: no limit */
    int32_t message_bytes_max;
    struct buf out;
    struct buf mismatches; /* told at the end, on stderr, as the next two */
    struct buf time_mismatches;
    struct buf gaps;
};

/* Each prints a file. False: it cannot go on, and has complained. */
bool dump_log_segment(struct dump_log *dump);      /* .log, .checkpoint */
bool dump_log_offset_index(struct dump_log *dump); /* .index */
bool dump_log_time_index(struct dump_log *dump);   /* .timeindex */
bool dump_log_txn_index(struct dump_log *dump);    /* .txnindex */
bool dump_log_producers(struct dump_log *dump);    /* .snapshot */

/* The offset in the file's name. False: there is none; complains. */
bool dump_log_base_offset(struct dump_log *dump, int64_t *out);

/* Complains on stderr behind what was printed; returns false. */
bool dump_log_fail(struct dump_log *dump, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The absolute path of the file. */
const char *dump_log_absolute(struct dump_log *dump);

/* The same file with another suffix. */
const char *dump_log_beside(struct dump_log *dump, const char *suffix);

/* ---- decoders ---- */

dump_log_decoder dump_log_decode_group;       /* __consumer_offsets */
dump_log_decoder dump_log_decode_transaction; /* __transaction_state */
dump_log_decoder dump_log_decode_share;       /* __share_group_state */
dump_log_decoder dump_log_decode_metadata;    /* __cluster_metadata, Kafka's and ours */

/* Of the key or of the value by a class of Kafka's, put into `payload`; NULL: not supported. */
dump_log_decoder *dump_log_class(struct slice name, bool of_key);

/* Appends a control record of type `type`, " LeaderChange: {…}". False: it cannot be read. */
bool dump_log_put_control(struct buf *out, const struct wire_record *record);

#endif
