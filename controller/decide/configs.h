/* Changing dynamic configuration of topics, brokers and groups (KIP-133, KIP-226, KIP-339). */
#ifndef CONTROLLER_DECIDE_CONFIGS_H
#define CONTROLLER_DECIDE_CONFIGS_H

#include "controller/decide/decision.h"
#include "wire/messages.h"

/* Kafka's bound for one value. */
enum { DECIDE_CONFIG_BYTES_MAX = 32767 };

/* Is that value allowed? Errors: ERR_INVALID_CONFIG with a sentence in *why. */
enum err MUST_USE decide_config_check(struct arena *arena, enum settings_scope scope,
                                      struct slice name, struct slice value, struct slice *why);

/* SET, DELETE, and for lists APPEND and SUBTRACT. Answers each resource by itself; the records of
 * one are one batch. Per resource: INVALID_REQUEST (named twice, a key named twice, a setting that
 * cannot change at run time, an unknown operation), INVALID_CONFIG, UNKNOWN_TOPIC_OR_PARTITION,
 * BROKER_ID_NOT_REGISTERED. */
void decide_incremental_alter_configs(const struct decide_input *in,
                                      const struct wire_incremental_alter_configs_request *request,
                                      struct decision *out);

/* The old form: what is not named is deleted. Errors as above. */
void decide_alter_configs(const struct decide_input *in,
                          const struct wire_alter_configs_request *request, struct decision *out);

#endif
