/* Settings that change while the broker runs (KIP-226).
 *
 * `broker->settings` is what counts at the moment: the file's settings, and over them the dynamic
 * values that the newest image has for this broker. Who reads a value each time he needs it follows
 * by himself; who keeps one is told here. */
#ifndef BROKER_DYNAMIC_H
#define BROKER_DYNAMIC_H

#include "broker/broker.h"

/* Rates of replication, from broker->settings; at start. */
void broker_dynamic_set_rates(struct broker *broker);

/* The dynamic values of this broker, or of all, may have changed. */
void broker_dynamic_apply(struct broker *broker);

#endif
