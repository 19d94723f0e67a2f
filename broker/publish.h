/* Committed metadata becomes the image that the broker works by.
 *
 * Batches are replayed as the observer delivers them; at the end of a turn of the loop the new
 * image is published to everybody at once, in Kafka's order: replicas (deletes, leaders,
 * followers), then coordinators, then settings. Nothing is published before the controller has said
 * that this broker is caught up, so that it never acts on an old past. */
#ifndef BROKER_PUBLISH_H
#define BROKER_PUBLISH_H

#include "broker/broker.h"

struct node_batch;

struct broker_publisher *broker_publisher_new(struct broker *broker);
void broker_publisher_free(struct broker_publisher *publisher);

/* From the observer. A snapshot in the middle of life is published like everything else: as what is
 * different from the image before. */
struct node_snapshot_place;
void broker_publisher_snapshot_begin(void *publisher, const struct node_snapshot_place *place);
void broker_publisher_snapshot(void *publisher, const struct node_batch *batch);
void broker_publisher_snapshot_end(void *publisher, const struct node_snapshot_place *place);
void broker_publisher_commit(void *publisher, const struct node_batch *batch);

/* Caught up: publish from now on. `published` is called once after the first publication. */
void broker_publisher_open(struct broker_publisher *publisher, net_fn *published, void *arg);

/* The newest image, published or not; NULL after a record that could not be applied. */
const struct metadata_image *broker_publisher_image(const struct broker_publisher *publisher);

/* Offset of the last record replayed, published or not; −1: none. */
int64_t broker_publisher_offset(const struct broker_publisher *publisher);

#endif
