/* The partitions hosted by this broker, opened and changed as the metadata says.
 *
 * After each publication broker_replicas_apply() walks what changed for this broker, in Kafka's
 * order: deletes, then leaders, then followers (controller.md: publish order). Also owns what
 * concerns all logs of a directory: the scan at start, strays, the checkpoints of high
 * watermarks and recovery points, delayed deletion, the clean-shutdown marker. */
#ifndef BROKER_REPLICAS_H
#define BROKER_REPLICAS_H

#include "broker/replica.h"

/* Opens nothing yet. Reads the checkpoints and the clean-shutdown markers and scans the
 * directories; one that cannot be read fails. */
void broker_replicas_start(struct broker *broker);

/* Follows the difference of two published images. The first call (from the empty image) opens every
 * log of this broker, recovers what was not closed cleanly, and sets aside strays. */
void broker_replicas_apply(struct broker *broker, const struct metadata_image *before,
                           const struct metadata_image *after);

/* Directories have failed: gives up the logs in them, and moves that led there. */
void broker_replicas_dirs_failed(struct broker *broker);

/* Settings of one topic changed, or of the broker: resolves those of its replicas, or of all,
 * again.
 */
void broker_replicas_topic_changed(struct broker *broker, struct slice topic);
void broker_replicas_settings_changed(struct broker *broker);

/* This broker registered: `epoch` goes with every proposal and fetch from now on. */
void broker_replicas_set_epoch(struct broker *broker, int64_t epoch);

/* The previous incarnation's broker epoch from the clean-shutdown markers, −1: it was not clean in
 * all directories. */
int64_t broker_replicas_previous_epoch(const struct broker *broker);

/* Iteration over hosted replicas in order of creation; start with *at = 0, NULL ends. */
struct replica *broker_replicas_next(const struct broker *broker, size_t *at);

/* Flushes and closes all logs, writes checkpoints and the clean-shutdown markers. */
void broker_replicas_close(struct broker *broker);

/* Frees without closing cleanly what is still open. NULL-safe. */
void broker_replicas_free(struct broker *broker);

#endif
