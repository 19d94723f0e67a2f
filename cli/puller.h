/* Reads records of partitions: follows their leaders, tries again.
 *
 *     puller_add(puller, &(struct puller_range){topic, partition, from, to});
 *     TRY(puller_step(puller));                     again and again, between steps of the loop
 *     … until puller_is_done(puller)
 *
 * Records come in the callback: those of a partition in order, of several partitions as they
 * arrive. */
#ifndef CLI_PULLER_H
#define CLI_PULLER_H

#include "cli/cluster.h"
#include "wire/batch.h"

struct puller;

struct puller_record {
    struct slice topic;
    int32_t partition;
    bool is_append_time; /* the timestamp is the broker's, not the producer's */
    struct wire_record record;
};

/* Where to go on when the offset is not there (any more). */
enum puller_reset {
    PULLER_NEAREST, /* with the nearest that is there; it is told */
    PULLER_EARLIEST,
    PULLER_LATEST,
    PULLER_NONE, /* nowhere: this is an error */
};

struct puller_options {
    struct cli *cli; /* for complaints */
    struct cluster *cluster;
    int64_t timeout_ms;   /* a partition that cannot be read for this long is an error; ≥ 0 */
    bool reads_committed; /* leaves out what aborted transactions wrote (KIP-98) */
    enum puller_reset reset;
    /* False: no more records, please. */
    bool (*each)(void *arg, const struct puller_record *record);
    void (*after)(void *arg); /* some records came, others may be waited for */
    void *arg;
};

struct puller *puller_new(const struct puller_options *options);

/* NULL is allowed. */
void puller_free(struct puller *puller);

struct puller_range {
    struct slice topic; /* copied */
    int32_t partition;
    int64_t from;
    int64_t to; /* records before this offset; INT64_MAX: on and on */
};

/* A partition that is not being read yet, which the cluster's metadata must have. Not to be called
 * by a callback. */
void puller_add(struct puller *puller, const struct puller_range *range);

/* Reads nothing any more; what is under way is dropped. Not to be called by a callback. */
void puller_clear(struct puller *puller);

/* The offset behind the last record that the callback was given (or that has nothing for it); −1:
 * not a partition that is being read. */
int64_t puller_position(const struct puller *puller, struct slice topic, int32_t partition);

/* Asks whoever is not being asked. Not to be called by a callback of the loop. Errors: whatever
 * makes it impossible to go on; the complaint is printed. */
enum err puller_step(struct puller *puller) MUST_USE;

/* Everything asked for has come, or the callback wants no more. */
bool puller_is_done(const struct puller *puller);

#endif
