/* Other offsets for a consumer group: which ones, before anything is changed. */
#ifndef CLI_RESET_H
#define CLI_RESET_H

#include "cli/group.h"

enum reset_kind {
    RESET_NONE,
    RESET_TO_EARLIEST,
    RESET_TO_LATEST,
    RESET_TO_CURRENT, /* what is committed; where nothing is, the end */
    RESET_TO_OFFSET,
    RESET_SHIFT_BY,
    RESET_TO_TIME, /* the first record that is not older; if there is none, the end */
    RESET_FROM_FILE,
};

struct reset {
    enum reset_kind kind;
    int64_t number; /* the offset, how far, or milliseconds since 1970 */
};

enum reset_note {
    RESET_AS_ASKED,
    RESET_CUT_TO_START, /* what was asked for is not in the log any more */
    RESET_CUT_TO_END,   /* or not yet */
    RESET_NO_SUCH_TIME,
};

struct reset_row {
    struct slice group; /* of a file with groups; else null */
    struct slice topic;
    int32_t partition;
    int64_t current; /* committed now; −1: nothing */
    int64_t target;  /* the answer; with RESET_FROM_FILE also the question */
    enum reset_note note;
};

struct reset_rows {
    struct reset_row *items;
    int32_t count;
};

/* A row for each partition. */
struct reset_rows reset_rows_of(const struct group_partitions *partitions, struct arena *arena);

/* Copies what the group has committed into the rows. */
void reset_take_committed(struct reset_rows *rows, const struct group *group);

/* Lines "topic,partition,offset" or "group,topic,partition,offset", only the latter if
 * `with_groups`. Names may stand in quotes, numbers between blanks. Errors: INVALID_REQUEST with a
 * sentence in `why`. Pure. */
enum err reset_read_csv(struct slice text, bool with_groups, struct arena *arena,
                        struct reset_rows *out, struct buf *why) MUST_USE;

/* Finds the target of every row. Errors: of client_call(); INVALID_REQUEST with a sentence in
 * `why`; what is wrong with a partition, which is named in `why`. */
enum err reset_plan(struct cluster *cluster, const struct reset *reset, struct reset_rows *rows,
                    struct buf *why) MUST_USE;

/* "topic,partition,offset" and a newline, for reset_read_csv(). */
void reset_put_csv(const struct reset_row *row, struct slice group, struct buf *out);

#endif
