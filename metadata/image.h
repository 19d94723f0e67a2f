/* The immutable picture of the cluster's metadata as of one offset of its log.
 *
 * An image never changes once metadata_delta_finish() gave it out. It is shared by reference:
 * metadata_image_ref/unref may be called from any thread, everything else only reads. Images that
 * follow each other share all parts that did not change, so keeping an old one is cheap, and so is
 * a new one: a change copies O(log n) small nodes.
 *
 * Everything reached from an image (topics, partitions, brokers, strings) lives as long as the
 * image is referenced. Iteration is in the documented order, on every node alike. */
#ifndef METADATA_IMAGE_H
#define METADATA_IMAGE_H

#include "base/pmap.h"
#include "base/ref.h"
#include "metadata/record.h"

struct metadata_image;

/* Kafka allows more, but not usefully: a partition's index must fit 24 bits, and the number of its
 * replicas (old and new ones together during a reassignment) is far above any sane replication
 * factor. Replay refuses more. */
#define METADATA_PARTITIONS_MAX (1 << 24)
#define METADATA_REPLICAS_MAX 32

/* ---- life ---- */

/* The empty image before offset 0: offset -1, epoch -1. One reference, the caller's. */
struct metadata_image *metadata_image_new(struct slice cluster_id);

struct metadata_image *metadata_image_ref(const struct metadata_image *image);

/* Drops one reference; NULL is allowed. */
void metadata_image_unref(const struct metadata_image *image);

/* ---- position ---- */

struct slice metadata_image_cluster_id(const struct metadata_image *image);
int64_t metadata_image_offset(const struct metadata_image *image); /* last one contained */
int32_t metadata_image_epoch(const struct metadata_image *image);  /* of that record */
int64_t metadata_image_timestamp_ms(const struct metadata_image *image);

/* The image that may be shown to others: `image` itself, or, while a metadata transaction is open
 * in it, the one before that transaction began. Borrowed from `image`. */
const struct metadata_image *metadata_image_stable(const struct metadata_image *image);
bool metadata_image_in_transaction(const struct metadata_image *image);

/* ---- brokers and controllers, by id ---- */

struct metadata_broker {
    struct ref refs;
    int32_t id;
    int64_t epoch;
    struct uuid incarnation_id;
    struct metadata_endpoints endpoints;
    struct metadata_feature_ranges features; /* supported, by name */
    struct slice rack;                       /* null: none */
    struct metadata_dirs log_dirs;           /* online ones, sorted */
    bool fenced;
    bool in_controlled_shutdown;
    bool is_migrating_zk_broker;
    int64_t registration_offset; /* of its last registration record or of the snapshot's end */
    struct metadata_since since; /* when it came into its state: fenced, shutting down, neither */
    struct arena memory;         /* private */
};

struct metadata_controller {
    struct ref refs;
    int32_t id;
    struct uuid incarnation_id;
    bool zk_migration_ready;
    struct metadata_endpoints endpoints;
    struct metadata_feature_ranges features;
    struct arena memory; /* private */
};

/* NULL: not registered. */
const struct metadata_broker *metadata_broker(const struct metadata_image *image, int32_t id);
const struct metadata_controller *metadata_controller(const struct metadata_image *image,
                                                      int32_t id);
size_t metadata_broker_count(const struct metadata_image *image);

/* Registered, unfenced and not shutting down. */
static inline bool metadata_broker_is_active(const struct metadata_broker *broker)
{
    return !broker->fenced && !broker->in_controlled_shutdown;
}

/* The endpoint of that listener name, or NULL. */
const struct metadata_endpoint *metadata_endpoint_find(struct metadata_endpoints endpoints,
                                                       struct slice listener);

/* Is the replica's directory usable on that broker: UNASSIGNED and MIGRATING count as online, LOST
 * as offline, and a broker that registered no directories has all of them online (KIP-858). */
bool metadata_broker_dir_online(const struct metadata_broker *broker, struct uuid dir);

/* ---- topics and partitions ---- */

struct metadata_topic {
    struct ref refs;
    struct uuid id;
    struct slice name;
    int32_t partition_count;
    struct pmap chunks;                 /* private: its partitions, packed */
    struct metadata_identity *identity; /* private: what never changes */
};

/* One partition, packed: the arrays follow the structure. Read them with the functions below. */
struct metadata_partition {
    int32_t leader; /* METADATA_NO_LEADER: none */
    int32_t leader_epoch;
    int32_t partition_epoch;
    uint8_t recovering; /* enum metadata_recovery: 0 or 1 */
    uint8_t replica_count;
    uint8_t isr_count;
    uint8_t removing_count;
    uint8_t adding_count;
    uint8_t elr_count;
    uint8_t last_known_elr_count;
    uint8_t flags;  /* private */
    int32_t data[]; /* private: replicas, directories, ISR, removing, adding, ELR, last known ELR */
};

/* NULL: there is none. */
const struct metadata_topic *metadata_topic_by_name(const struct metadata_image *image,
                                                    struct slice name);
const struct metadata_topic *metadata_topic_by_id(const struct metadata_image *image,
                                                  struct uuid id);
const struct metadata_partition *metadata_partition(const struct metadata_topic *topic,
                                                    int32_t index);

struct metadata_ids metadata_replicas(const struct metadata_partition *p);
struct metadata_ids metadata_isr(const struct metadata_partition *p);
struct metadata_ids metadata_removing_replicas(const struct metadata_partition *p);
struct metadata_ids metadata_adding_replicas(const struct metadata_partition *p);
struct metadata_ids metadata_elr(const struct metadata_partition *p);
struct metadata_ids metadata_last_known_elr(const struct metadata_partition *p);

/* The directory of the replica at that place of metadata_replicas(). */
struct uuid metadata_directory(const struct metadata_image *image,
                               const struct metadata_partition *p, size_t replica);

/* The directory of that broker's replica; UNASSIGNED if it has none. */
struct uuid metadata_directory_of(const struct metadata_image *image,
                                  const struct metadata_partition *p, int32_t broker_id);

bool metadata_ids_contain(struct metadata_ids ids, int32_t id);
bool metadata_ids_equal(struct metadata_ids a, struct metadata_ids b);

size_t metadata_topic_count(const struct metadata_image *image);
size_t metadata_partition_count(const struct metadata_image *image); /* of all topics */

/* ---- iteration: `struct metadata_iter it = metadata_topics(image);`
 * `while ((topic = metadata_topic_next(&it)) != NULL)`. The image must outlive the iterator. ----
 */

struct metadata_iter {
    const struct metadata_image *image;
    struct pmap_iter at;
};

struct metadata_iter metadata_topics(const struct metadata_image *image); /* by name */
struct metadata_iter metadata_topics_from(const struct metadata_image *image, struct slice name);
const struct metadata_topic *metadata_topic_next(struct metadata_iter *it);

struct metadata_iter metadata_brokers(const struct metadata_image *image); /* by id */
const struct metadata_broker *metadata_broker_next(struct metadata_iter *it);

struct metadata_iter metadata_controllers(const struct metadata_image *image); /* by id */
const struct metadata_controller *metadata_controller_next(struct metadata_iter *it);

/* The partitions of a topic are 0 … partition_count - 1. */

/* ---- partitions by what they have in common, in O(size of the answer) ----
 *
 * METADATA_SET_BROKER(id): the broker is a replica; leadership and ISR membership are read from the
 * partition. The others are kept for the controller's periodic work and are small in good times.
 * Order: by age of the topic, then by index. */

#define METADATA_SET_BROKER(id) ((int64_t)(id))
enum {
    METADATA_SET_NO_LEADER = -1,     /* leader is METADATA_NO_LEADER */
    METADATA_SET_NOT_PREFERRED = -2, /* has a leader, which is not the first replica */
    METADATA_SET_REASSIGNING = -3,   /* replicas are being added or removed */
};

struct metadata_partition_iter {
    const struct metadata_image *image;
    struct pmap_iter at;
    const struct metadata_topic *topic; /* of the partition just returned */
    int32_t index;                      /* its index */
};

struct metadata_partition_iter metadata_partition_set(const struct metadata_image *image,
                                                      int64_t set);
const struct metadata_partition *metadata_partition_set_next(struct metadata_partition_iter *it);
size_t metadata_partition_set_count(const struct metadata_image *image, int64_t set);

/* ---- dynamic configuration ---- */

struct metadata_config_entry {
    struct slice name;
    struct slice value;
};

struct metadata_config_key {
    int8_t type; /* enum metadata_config_type */
    struct slice name;
};

struct metadata_config_resource {
    struct ref refs;
    struct metadata_config_key key;
    size_t count;
    struct metadata_config_entry *entries; /* by name; never empty */
};

/* NULL: nothing is configured for it. */
const struct metadata_config_resource *metadata_config_resource(const struct metadata_image *image,
                                                                int8_t type, struct slice name);

/* The value, or the null slice. */
struct slice metadata_config_get(const struct metadata_image *image, int8_t type,
                                 struct slice resource, struct slice name);

struct metadata_iter metadata_configs(const struct metadata_image *image); /* by type, name */
const struct metadata_config_resource *metadata_config_next(struct metadata_iter *it);

/* ---- features and producer ids ---- */

struct metadata_feature {
    struct ref refs;
    struct slice name;
    int16_t level;
};

/* The finalized level; 0 when the feature is not finalized. */
int16_t metadata_feature_level(const struct metadata_image *image, struct slice name);
struct metadata_iter metadata_features(const struct metadata_image *image); /* by name */
const struct metadata_feature *metadata_feature_next(struct metadata_iter *it);

/* First producer id that was never given out. */
int64_t metadata_next_producer_id(const struct metadata_image *image);

#endif
