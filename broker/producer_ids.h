/* Producer ids: blocks of a thousand from the controller, handed out one by one. */
#ifndef BROKER_PRODUCER_IDS_H
#define BROKER_PRODUCER_IDS_H

#include "broker/broker.h"

struct broker_producer_ids;

struct broker_producer_ids *broker_producer_ids_new(struct broker *broker);
void broker_producer_ids_free(struct broker_producer_ids *ids);

/* Answers the InitProducerId request `req`, now or when a block has come. */
void broker_producer_ids_answer(struct broker_producer_ids *ids, struct net_request *req);

#endif
