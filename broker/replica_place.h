/* In which log directory a replica is, and in which it should be (KIP-112, KIP-858). */
#ifndef BROKER_REPLICA_PLACE_H
#define BROKER_REPLICA_PLACE_H

#include "broker/dirs.h"
#include "broker/replica.h"

/* Where the log is, or where it is to be made: where it was found; else where the metadata want it;
 * else where an admin wanted it (replica_place_prefer()); else where the fewest logs are. A second
 * copy in another directory is set aside.
 * Errors: KAFKA_STORAGE_ERROR: it may be in a directory that has failed, and must not be begun anew
 * in another one. */
enum err replica_place(struct replica *r, struct broker_dir **out) MUST_USE;

/* "<topic>-<partition>" in that directory (mem_free()). */
char *replica_path_in(const struct replica *r, const struct broker_dir *dir);

/* The directory id that the newest image has for a broker's replica of the partition, and for this
 * broker's. */
struct uuid replica_dir_of(const struct replica *r, int32_t broker_id);
struct uuid replica_assigned_dir(const struct replica *r);

/* A partition that is not here yet goes to `dir` if it comes without an assignment. */
void replica_place_prefer(struct broker *broker, struct uuid topic_id, int32_t index,
                          struct broker_dir *dir);

#endif
