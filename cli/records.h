/* Records deleted from the begin of partitions (KIP-107). */
#ifndef CLI_RECORDS_H
#define CLI_RECORDS_H

#include "cli/cluster.h"

enum { RECORDS_ALL = -1 };

struct records_deletion {
    struct slice topic;
    int32_t partition;
    int64_t before;        /* records in front of this offset; RECORDS_ALL: all there are */
    int64_t low_watermark; /* the answer: where the log begins now */
    enum err error;
};

/* Asks the leaders until they answer or the client's time is over; what is not answered has its
 * error. Errors: of client_call(). */
enum err records_delete(struct cluster *cluster, struct records_deletion *items,
                        int32_t count) MUST_USE;

#endif
