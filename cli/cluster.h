/* What a cluster says about topics: who leads a partition, where logs begin and end. */
#ifndef CLI_CLUSTER_H
#define CLI_CLUSTER_H

#include "base/map.h"
#include "cli/client.h"

/* A list of brokers; count −1: the cluster does not tell. */
struct broker_ids {
    const int32_t *ids;
    int32_t count;
};

struct cluster {
    struct client *client;
    bool creates_topics; /* asking for a topic creates it, if the brokers do so */
    const struct wire_metadata_response *metadata; /* NULL: not asked yet */
    struct map topics;                             /* by name, of `metadata` */
};

/* `struct cluster cluster = {.client = client};` … cluster_fini() */
void cluster_fini(struct cluster *cluster);

/* The same with a client of its own, by client_open(). CLI_OK, or what the command returns after
 * the complaint that is printed; then there is nothing to close. */
enum cli_exit cluster_open(struct cluster *cluster, struct cli *cli) MUST_USE;

/* Closes the client, too; that may be NULL. */
void cluster_close(struct cluster *cluster);

/* The broker that leads a partition of a topic that was asked for; −1, with the reason in `*why`:
 * none that is known. */
int32_t cluster_leader(const struct cluster *cluster, struct slice name, int32_t number,
                       enum err *why);

/* Asks for topics (NULL: all of them; a name may be there twice) and makes the brokers known to the
 * client. Errors: of client_call(); those of single topics are
 * in the response. */
enum err cluster_refresh(struct cluster *cluster, const struct slice *topics,
                         int32_t count) MUST_USE;

/* NULL: refresh did not ask for it. */
const struct wire_metadata_response_topics *cluster_topic(const struct cluster *cluster,
                                                          struct slice name);

/* Asks for one topic until its partitions have leaders or the client's time is over. A topic with
 * some leaders missing is a success in the end. Errors: of client_call(), UNKNOWN_TOPIC… */
enum err cluster_find_topic(struct cluster *cluster, struct slice name,
                            const struct wire_metadata_response_topics **out) MUST_USE;

/* Complains about a topic that could not be found; returns CLI_FAILED. */
enum cli_exit cluster_fail_topic(const struct cli *cli, const struct cluster *cluster,
                                 const char *name, enum err e);

/* NULL: no such partition. */
const struct wire_metadata_response_topics_partitions *
cluster_partition(const struct wire_metadata_response_topics *topic, int32_t partition);

enum {
    CLUSTER_LATEST = -1,
    CLUSTER_EARLIEST = -2,
    CLUSTER_MAX_TIMESTAMP = -3, /* the record with the highest timestamp */
};

/* A question about one partition, and its answer. */
struct cluster_offset {
    struct slice topic;
    int32_t partition;
    int64_t timestamp; /* milliseconds since 1970, or CLUSTER_LATEST, … */
    int64_t offset;    /* −1: no record has that timestamp or a later one; or see `error` */
    enum err error;
};

/* Asks the leaders of all partitions, until they answer or the client's time is over; what is not
 * answered has its error. Leaves the metadata of these topics behind. */
enum err cluster_offsets(struct cluster *cluster, struct cluster_offset *items,
                         int32_t count) MUST_USE;

#endif
