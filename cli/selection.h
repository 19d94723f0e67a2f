/* Partitions as people name them: "orders" for all of a topic, "orders:0,1" for some. */
#ifndef CLI_SELECTION_H
#define CLI_SELECTION_H

#include "cli/coordinator.h"
#include "cli/group.h"

/* Reads one text; partitions that are named are added to `out`, a topic without numbers to
 * `topics`. Errors: INVALID_REQUEST with a sentence in `why`. Pure. */
enum err selection_read(struct slice text, struct arena *arena, struct group_partitions *out,
                        struct group_partitions *topics, struct buf *why) MUST_USE;

/* selection_read() of each --topic, with the sentence in cli->why. */
enum err selection_of_option(struct cli *cli, struct group_partitions *out,
                             struct group_partitions *topics) MUST_USE;

/* Adds all partitions of the topics. Errors: of client_call(); UNKNOWN_TOPIC_OR_PARTITION with the
 * topic's name in `*missing`. */
enum err selection_add_topics(struct cluster *cluster, const struct group_partitions *topics,
                              struct arena *arena, struct group_partitions *out,
                              struct slice *missing) MUST_USE;

/* The same partitions, for coordinator_forget() and the like. */
struct coordinator_offset *selection_offsets(const struct group_partitions *partitions,
                                             struct arena *arena);

/* The partitions that the words of a command name. The complaint is printed when the code is not
 * CLI_OK; then nothing was changed. */
enum cli_exit selection_of_words(struct cli *cli, struct cluster *cluster,
                                 struct group_partitions *out);

#endif
