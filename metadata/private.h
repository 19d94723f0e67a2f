/* What the files of metadata/ share: the image's inside and the steps of replay. */
#ifndef METADATA_PRIVATE_H
#define METADATA_PRIVATE_H

#include "metadata/delta.h"
#include "metadata/image.h"

/* Text that several images share. */
struct metadata_text {
    struct ref refs;
    size_t len;
    char bytes[];
};

/* All maps are persistent. A topic's `number` is its short name within one line of images, given in
 * order of creation; directories have numbers likewise. Numbers never leave the image. */
struct metadata_image {
    struct ref refs;
    int32_t epoch;
    int64_t offset;
    int64_t timestamp_ms;
    int64_t next_producer_id;
    size_t partition_count;
    uint64_t next_topic_number;
    struct metadata_text *cluster_id;
    struct metadata_image *before_transaction; /* NULL: no transaction is open */
    struct pmap features;                      /* by name: struct metadata_feature */
    struct pmap controllers;                   /* by id: struct metadata_controller */
    struct pmap brokers;                       /* by id: struct metadata_broker */
    struct pmap topics;                        /* by id: struct metadata_topic */
    struct pmap topics_by_name;                /* struct metadata_identity */
    struct pmap topics_by_number;              /* struct metadata_identity */
    struct pmap configs;        /* by type and name: struct metadata_config_resource */
    struct pmap sets;           /* by set id: struct metadata_set */
    struct pmap dirs_by_id;     /* struct metadata_dir */
    struct pmap dirs_by_number; /* struct metadata_dir */
};

/* Partitions come by the thousand, and name the same few things: what was looked up for the last
 * ones. All of it is in the image, and what is changed is ours alone; anything but a partition may
 * end that. Most batches have no partitions and do without. */
enum { METADATA_RECENT = 128 };

struct metadata_recent_dir {
    struct uuid id; /* zero: none */
    int32_t number;
};

struct metadata_recent {
    struct metadata_topic *topic; /* whose partition was stored last */
    struct metadata_set *sets[METADATA_RECENT];
    struct metadata_recent_dir dirs[METADATA_RECENT];
};

struct metadata_delta {
    const struct metadata_image *base; /* NULL: it is changed in place */
    struct metadata_image *image;      /* ours alone */
    int64_t offset;                    /* of the record being replayed */
    struct metadata_recent *recent;    /* NULL: empty; see metadata_recent() */
    struct metadata_since now;         /* of the batch being replayed */
    bool failed;
    char error[256];
};

/* A delta that changes `image`, of which nobody else has a reference. */
struct metadata_delta *metadata_delta_begin_in_place(struct metadata_image *image);

/* Borrowed until the next record that is no partition's. */
struct metadata_recent *metadata_recent(struct metadata_delta *delta);

/* An unshared image with the same contents. */
struct metadata_image *metadata_image_copy(const struct metadata_image *image);

/* Puts the contents of `from` into `image`, which keeps its position in the log. */
void metadata_image_restore(struct metadata_image *image, const struct metadata_image *from);

/* ---- objects in the maps; all but topics and sets never change ---- */

struct metadata_identity {
    struct ref refs;
    struct uuid id;
    uint64_t number;
    struct slice name;
    char bytes[];
};

struct metadata_dir {
    struct ref refs;
    int32_t number;
    struct uuid id;
};

struct metadata_set {
    struct ref refs;
    int64_t id;          /* METADATA_SET_… */
    struct pmap members; /* numbers: topic number << 24 | partition */
};

extern const struct pmap_ops metadata_feature_ops;
extern const struct pmap_ops metadata_controller_ops;
extern const struct pmap_ops metadata_broker_ops;
extern const struct pmap_ops metadata_topic_ops;
extern const struct pmap_ops metadata_topic_name_ops;
extern const struct pmap_ops metadata_topic_number_ops;
extern const struct pmap_ops metadata_config_ops;
extern const struct pmap_ops metadata_set_ops;
extern const struct pmap_ops metadata_dir_id_ops;
extern const struct pmap_ops metadata_dir_number_ops;
extern const struct pmap_ops metadata_chunk_ops;

/* ---- partitions (partition.c) ---- */

/* Sixteen partitions to an allocation: with fewer the bookkeeping would cost more than the data,
 * with more a change would copy too much. */
enum { METADATA_CHUNK_PARTITIONS = 16 };

struct metadata_chunk {
    struct ref refs;
    uint32_t number; /* of the first partition / METADATA_CHUNK_PARTITIONS */
    uint16_t count;  /* of partitions */
    uint16_t used;   /* of words */
    uint16_t start[METADATA_CHUNK_PARTITIONS];
    int32_t words[]; /* each partition is a struct metadata_partition */
};

/* A partition before it is packed. `dirs` are numbers, one per replica, or none: all unassigned. */
struct metadata_partition_state {
    int32_t leader;
    int32_t leader_epoch;
    int32_t partition_epoch;
    bool recovering;
    struct metadata_ids replicas;
    struct metadata_ids dirs;
    struct metadata_ids isr;
    struct metadata_ids removing;
    struct metadata_ids adding;
    struct metadata_ids elr;
    struct metadata_ids last_known_elr;
};

/* Words of the largest partition. */
enum {
    METADATA_PARTITION_WORDS_MAX =
        sizeof(struct metadata_partition) / sizeof(int32_t) + 7 * METADATA_REPLICAS_MAX
};

_Static_assert(METADATA_CHUNK_PARTITIONS *METADATA_PARTITION_WORDS_MAX <= UINT16_MAX,
               "a chunk's words are counted in 16 bits");

/* Packs into `words` (METADATA_PARTITION_WORDS_MAX of them); returns how many it took. */
size_t metadata_partition_pack(const struct metadata_partition_state *state, int32_t *words);

/* Borrows from `p`. */
struct metadata_partition_state metadata_partition_unpack(const struct metadata_partition *p);

/* Adds or replaces; `index` is at most the topic's partition_count. `topic` is ours alone. */
void metadata_topic_put_partition(struct metadata_topic *topic, int32_t index, const int32_t *words,
                                  size_t count);

/* Numbers of directory ids; new ones are added to the image. */
int32_t metadata_dir_number(struct metadata_delta *d, struct uuid id);

bool metadata_partition_equal(const struct metadata_image *image_a,
                              const struct metadata_partition *a,
                              const struct metadata_image *image_b,
                              const struct metadata_partition *b);

/* Keeps METADATA_SET_… true; `before` or `after` is NULL for a new or removed partition. */
void metadata_sets_update(struct metadata_delta *d, uint64_t member,
                          const struct metadata_partition *before,
                          const struct metadata_partition *after);

static inline uint64_t metadata_set_member(uint64_t topic_number, int32_t index)
{
    return topic_number << 24 | (uint32_t)index;
}

/* ---- replay: one function a record (replay_*.c) ---- */

/* Notes the sentence and returns `err`. */
enum err metadata_delta_fail(struct metadata_delta *delta, enum err err, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

enum err metadata_replay_register_broker(struct metadata_delta *d,
                                         const struct metadata_register_broker *r);
enum err metadata_replay_unregister_broker(struct metadata_delta *d,
                                           const struct metadata_unregister_broker *r);
enum err metadata_replay_registration_change(struct metadata_delta *d,
                                             const struct metadata_broker_registration_change *r);
enum err metadata_replay_register_controller(struct metadata_delta *d,
                                             const struct metadata_register_controller *r);
enum err metadata_replay_topic(struct metadata_delta *d, const struct metadata_topic_record *r);
enum err metadata_replay_remove_topic(struct metadata_delta *d,
                                      const struct metadata_remove_topic *r);
enum err metadata_replay_partition(struct metadata_delta *d,
                                   const struct metadata_partition_record *r);
enum err metadata_replay_partition_change(struct metadata_delta *d,
                                          const struct metadata_partition_change *r);
enum err metadata_replay_config(struct metadata_delta *d, const struct metadata_config_record *r);
enum err metadata_replay_feature_level(struct metadata_delta *d,
                                       const struct metadata_feature_level *r);
enum err metadata_replay_producer_ids(struct metadata_delta *d,
                                      const struct metadata_producer_ids *r);

#endif
