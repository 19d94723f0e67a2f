/* Closes the segment files of partitions that nobody writes or reads: an idle partition costs no
 * descriptor. The next who needs a file opens it again. */
#ifndef BROKER_IDLE_FILES_H
#define BROKER_IDLE_FILES_H

#include "net/net.h"
#include "store/store.h"

struct idle_files {
    struct store_files *files;
    struct net_timer timer;
};

/* From now on files that were idle for one to two times IDLE_FILES_MS are closed, a few at a time.
 */
enum { IDLE_FILES_MS = 5000 };
void broker_idle_files_start(struct idle_files *idle, struct net_loop *loop,
                             struct store_files *files);

/* Before the files are freed; nothing happens if it was not started. */
void broker_idle_files_stop(struct idle_files *idle);

#endif
