/* What a decision reads, and what it yields: records and a response, in the memory of one request.
 *
 * A decision changes nothing. The caller replays the records, appends them to the log and gives the
 * response when they are committed. */
#ifndef CONTROLLER_DECIDE_DECISION_H
#define CONTROLLER_DECIDE_DECISION_H

#include "base/arena.h"
#include "base/prng.h"
#include "metadata/metadata.h"

/* Kafka's bound for one request of a user: what it asks for must not hold up the log for everybody
 * (MAX_RECORDS_PER_USER_OP, MAX_PARTITIONS_PER_BATCH). */
enum { DECIDE_RECORDS_MAX = 10000, DECIDE_PARTITIONS_MAX = 10000 };

struct decide_input {
    const struct metadata_image *image;         /* the latest state, uncommitted changes included */
    const struct settings *settings;            /* this controller's own */
    const struct metadata_supported *supported; /* feature levels that this controller knows */
    struct arena *arena;                        /* lives as long as the request; so does `image` */
    struct prng *prng;                          /* placement and ids */
    int64_t next_offset; /* where the decision's first record will be written */
    int32_t node_id;
    int16_t api_version; /* of the request, where the answer depends on it */
};

struct decision {
    struct arena *arena;
    struct metadata_record *records; /* they borrow from the arena, the request and the image */
    bool *joined;                    /* must be in the same batch as the record before it */
    size_t count;
    size_t cap;
    bool atomic_open; /* between atomic_begin and atomic_end */
    bool joining;     /* the next record added is joined to the one before it */
    /* What was found that the request or event alone does not say ("all log directories failed"),
     * written with the records' cause; null: nothing. From the arena, or constant. */
    struct slice reason;
    int16_t kraft_version; /* of the quorum, to be raised to this after the records; 0: as it is */
    void *response;        /* struct wire_…_response * of the request's API, or NULL */
};

void decision_init(struct decision *out, struct arena *arena);

/* A zeroed record at the end; the pointer is valid until the next call. */
struct metadata_record *decision_add(struct decision *out, enum metadata_record_type type);

/* The records added from begin to end are written in one batch, all or none. */
void decision_atomic_begin(struct decision *out);
void decision_atomic_end(struct decision *out);

/* Forgets the records from `count` on, of a part of the request that was refused. */
void decision_cut(struct decision *out, size_t count);

/* The finalized level of metadata.version; the highest while there is none. */
int16_t decide_level(const struct metadata_image *image);

/* Text of an error message for a response. */
struct slice decide_text(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* unclean.leader.election.enable of that topic: its own value, else the cluster's. */
bool decide_unclean_enabled(const struct decide_input *in, struct slice topic);

/* A random id for a new topic. */
struct uuid decide_new_id(struct prng *prng);

#endif
