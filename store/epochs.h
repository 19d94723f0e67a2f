/* Which leader epoch begins at which offset: a short sorted list, and Kafka's file of it. */
#ifndef STORE_EPOCHS_H
#define STORE_EPOCHS_H

#include "store/fs.h"

#define EPOCHS_FILE "leader-epoch-checkpoint"

struct epoch_entry {
    int64_t start;
    int32_t epoch;
};

/* Epochs and starts both rise strictly. */
struct epochs {
    struct epoch_entry *at;
    uint32_t count;
    uint32_t cap;
    bool pending;   /* the last one has no batch yet, and need not be written for its own sake */
    bool unwritten; /* changed since it was written at all */
    bool unsynced;  /* changed since it was written durably */
};

void epochs_fini(struct epochs *x);

/* A missing or empty file has no entries. ERR_CORRUPT: rebuild it from the batches. */
enum err epochs_read(struct epochs *x, const struct store_fs *fs, const char *dir) MUST_USE;
enum err epochs_write(struct epochs *x, const struct store_fs *fs, const char *dir,
                      bool durable) MUST_USE;

/* `epoch` begins at `start` unless it is known to begin before; entries that contradict it (not
 * smaller in both) are forgotten. */
void epochs_assign(struct epochs *x, int32_t epoch, int64_t start);

/* The same for an epoch without a batch: its leader may never write one. */
void epochs_assign_pending(struct epochs *x, int32_t epoch, int64_t start);

/* Forgets epochs that begin at or behind `end`. */
void epochs_cut_end(struct epochs *x, int64_t end);

/* Forgets epochs that end at or before `start`; the one that covers it begins there. */
void epochs_cut_start(struct epochs *x, int64_t start);

#endif
