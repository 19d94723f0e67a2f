/* Reads records of one topic, without a group: follows the leaders, tries again.
 *
 *     puller_add(puller, partition, from, to);
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
    int32_t partition;
    bool is_append_time; /* the timestamp is the broker's, not the producer's */
    struct wire_record record;
};

struct puller_options {
    struct cli *cli; /* for complaints */
    struct cluster *cluster;
    const struct wire_metadata_response_topics *topic; /* as found */
    int64_t timeout_ms; /* a partition that cannot be read for this long is an error */
    /* False: no more records, please. */
    bool (*each)(void *arg, const struct puller_record *record);
    void (*after)(void *arg); /* some records came, others may be waited for */
    void *arg;
};

struct puller *puller_new(const struct puller_options *options);

/* NULL is allowed. */
void puller_free(struct puller *puller);

/* Records from offset `from` on, those before `to` (INT64_MAX: on and on). */
void puller_add(struct puller *puller, int32_t partition, int64_t from, int64_t to);

/* Asks whoever is not being asked. Not to be called by a callback of the loop. Errors: whatever
 * makes it impossible to go on; the complaint is printed. */
enum err puller_step(struct puller *puller) MUST_USE;

/* Everything asked for has come, or the callback wants no more. */
bool puller_is_done(const struct puller *puller);

#endif
