/* The order in which a java.util.HashMap gives its keys back. Kafka's tools print lists in it, and
 * people compare what they print. Pure. */
#ifndef CLI_KAFKA_JAVA_ORDER_H
#define CLI_KAFKA_JAVA_ORDER_H

#include "base/arena.h"

/* String.hashCode() of an ASCII text. */
uint32_t java_hash(struct slice text);

/* TopicPartition.hashCode(). */
uint32_t java_hash_partition(struct slice topic, int32_t partition);

enum { JAVA_CAPACITY = 16 }; /* of a map that was made without a number */

/* Which of the keys with these hashes come first, second and so on, when they were put in the order
 * given into a map that was made for `capacity` keys. */
size_t *java_order(const uint32_t *hashes, size_t count, size_t capacity, struct arena *arena);

#endif
