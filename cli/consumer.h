/* Records go to the standard output: what `craft consume` and kafka-console-consumer share.
 *
 * With a group the partitions are those that the group gives; without one they are added by
 * consumer_add(). */
#ifndef CLI_CONSUMER_H
#define CLI_CONSUMER_H

#include "cli/member.h"
#include "cli/puller.h"

struct consumer;

struct consumer_options {
    struct client *client;
    const struct puller_options *puller; /* without callbacks */
    const struct member_options *member; /* without callbacks; NULL: no group */
    int64_t metadata_ms;                 /* without a group: how often to look for new partitions */
    int64_t records_max;                 /* it ends after so many; INT64_MAX: never */
    int64_t silence_ms;                  /* it ends when nothing came for so long; −1: never */
    bool shows_progress;
    /* Appends a record to the output. False: it cannot be printed; the complaint is. */
    bool (*print)(void *arg, const struct puller_record *record, struct buf *out);
    void *arg;
};

enum consumer_end {
    CONSUMER_DONE,   /* everything that was asked for has come */
    CONSUMER_SILENT, /* nothing came for too long */
    CONSUMER_UNREAD, /* nobody reads the output any more */
    CONSUMER_BAD,    /* a record could not be printed */
    CONSUMER_FAILED, /* the complaint is printed */
    CONSUMER_INTERRUPTED,
    CONSUMER_TERMINATED,
};

/* Takes SIGINT and SIGTERM, which end the reading in good order. */
struct consumer *consumer_new(const struct consumer_options *options);

/* NULL is allowed. */
void consumer_free(struct consumer *consumer);

/* Without a group: see puller_add(). */
void consumer_add(struct consumer *consumer, const struct puller_range *range);

/* Without a group: partitions that the topic gets are read, too, from their begin on. The name must
 * stay. */
void consumer_follow(struct consumer *consumer, struct slice topic, int32_t partition_count);

/* Printed in front of everything. */
void consumer_put(struct consumer *consumer, struct slice text);

/* Reads and prints until there is a reason to end; leaves the group. */
enum consumer_end consumer_run(struct consumer *consumer);

/* Records that were printed, or could not be. */
int64_t consumer_count(const struct consumer *consumer);

/* What a command returns after such an end. */
enum cli_exit consumer_exit(enum consumer_end end);

#endif
