/* The broker's life as the controller sees it: register, heartbeat, be unfenced, leave in order.
 *
 *     STARTING → (registered, metadata caught up) → RECOVERY → (ready) → RUNNING
 *     RUNNING → broker_lifecycle_shutdown() → PENDING_CONTROLLED_SHUTDOWN → SHUTTING_DOWN
 *
 * (KIP-631). Heartbeats have their own connection and depend on nothing but the loop. */
#ifndef BROKER_LIFECYCLE_H
#define BROKER_LIFECYCLE_H

#include "broker/broker.h"

struct broker_lifecycle *broker_lifecycle_new(struct broker *broker);
void broker_lifecycle_free(struct broker_lifecycle *lifecycle);

/* Registers as soon as a controller is known. `caught_up` is called once when the controller says
 * that the metadata has been followed up to this registration. */
void broker_lifecycle_start(struct broker_lifecycle *lifecycle, net_fn *caught_up, void *arg);

/* All logs are open and the first image is published: ask to be unfenced. `unfenced` is called once
 * when that has happened. */
void broker_lifecycle_ready(struct broker_lifecycle *lifecycle, net_fn *unfenced, void *arg);

/* Controlled shutdown; `done` is called when the controller lets us go or
 * controlled.shutdown.enable is false or nobody answers in time. */
void broker_lifecycle_shutdown(struct broker_lifecycle *lifecycle, net_fn *done, void *arg);

/* The addresses that this broker tells have changed. */
void broker_lifecycle_register_again(struct broker_lifecycle *lifecycle);

/* Something happened that the controller should hear of at once. */
void broker_lifecycle_heartbeat_now(struct broker_lifecycle *lifecycle);

#endif
