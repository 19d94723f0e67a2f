/* Sends proposed ISRs to the controller: AlterPartition, many partitions a request, one request in
 * flight (KIP-497). Also the timer that looks for lagging members. */
#ifndef BROKER_ISR_H
#define BROKER_ISR_H

#include "broker/replica.h"

void broker_isr_start(struct broker *broker);

/* `r` wants another ISR; it is asked for its proposal when the request is built. */
void broker_isr_queue(struct replica *r);

/* `r` goes away or does not lead any more. */
void broker_isr_forget(struct replica *r);

void broker_isr_free(struct broker *broker);

#endif
