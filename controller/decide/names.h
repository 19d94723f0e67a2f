/* Which topic names are allowed, and which would get in each other's way. */
#ifndef CONTROLLER_DECIDE_NAMES_H
#define CONTROLLER_DECIDE_NAMES_H

#include "controller/decide/decision.h"

enum { DECIDE_NAME_BYTES_MAX = 249 };

/* Kafka's rule: 1 to 249 of [a-zA-Z0-9._-], not "." or "..". Errors: ERR_INVALID_TOPIC_EXCEPTION
 * with a sentence in *why. */
enum err MUST_USE decide_name_check(struct slice name, struct arena *arena, struct slice *why);

/* The name with '.' replaced by '_'. Two topics whose names differ only in these would have the
 * same metrics, so that only one of them may exist. From `arena`. */
struct slice decide_name_normal(struct slice name, struct arena *arena);

/* The topic of the image whose name differs from `name` only in '.' and '_', or NULL. `name` has
 * passed decide_name_check(). */
const struct metadata_topic *decide_name_collision(const struct metadata_image *image,
                                                   struct slice name);

#endif
