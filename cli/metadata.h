/* craft metadata: what its commands share. */
#ifndef CLI_METADATA_H
#define CLI_METADATA_H

#include "cli/history.h"

/* Opens the log that the options name: a directory, or that of a running quorum, which is copied
 * first; lets it be used and closes it. Complains if that does not work. */
enum cli_exit metadata_with_log(struct cli *cli,
                                enum cli_exit (*use)(struct cli *cli, struct history *h, void *arg),
                                void *arg);

/* Prints the state at --at of that log. */
enum cli_exit metadata_print(struct cli *cli,
                             void (*put)(const struct cli *cli, const struct metadata_image *image,
                                         struct buf *out));

#define METADATA_SOURCE_OPTIONS \
    {"log-dir", "DIR", \
     "one of log.dirs of a controller or broker, or a copy of its\n" \
     "__cluster_metadata-0; its node may run or not"}, \
        {"bootstrap-controller", "HOST:PORT,…", "read the log of a running quorum instead"}, \
    { \
        "timeout", "SECONDS", "how long to try that; default: 10" \
    }

#define METADATA_SECRETS_OPTION \
    { \
        "show-sensitive", NULL, \
            "values of passwords, too, and of settings not known; else (redacted)" \
    }

/* The option --at (the end of the log if it is not given). False: told. */
bool metadata_point(struct cli *cli, struct history_point *out);

/* A point given as a word. False: told. */
bool metadata_parse_point(struct cli *cli, const char *text, struct history_point *out);

/* "offset 1234, epoch 5, 2026-…Z" */
void metadata_put_position(const struct metadata_image *image, struct buf *out);

/* ,"offset":…,"epoch":…,"timestampMs":…,"time":"…" */
void metadata_put_position_json(const struct metadata_image *image, struct buf *out);

/* "2026-…Z", or "?" for a time that is not known. */
void metadata_put_time(int64_t ms, struct buf *out);

/* [1,2,3] */
void metadata_put_ids(struct metadata_ids ids, struct buf *out);

/* fetch.c: copies snapshot and log of the quorum that --bootstrap-controller names into a new
 * directory. NULL: told. The directory is removed by history_close(). */
const char *metadata_fetch(struct cli *cli);

#endif
