/* Records as kafka-console-consumer prints them: with the fields that its properties name, or those
 * of internal topics as JSON. Pure. */
#ifndef CLI_KAFKA_MESSAGE_FORMATTER_H
#define CLI_KAFKA_MESSAGE_FORMATTER_H

#include "cli/kafka/properties.h"
#include "cli/puller.h"

struct message_formatter;

/* `class_name` is that of a Java class; NULL: the default. NULL: it, or a class that a property
 * names, is none that we have; the sentence is in cli->why. It lives in the arena of the command.
 */
struct message_formatter *message_formatter_new(const char *class_name,
                                                const struct properties *properties);

/* Appends the record. False: it cannot be printed; the sentence is in `why`, and what was appended
 * before the culprit stays. */
bool message_formatter_print(const struct message_formatter *formatter,
                             const struct puller_record *record, struct buf *out, struct buf *why);

#endif
