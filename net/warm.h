/* Cold files: bytes that a response needs and that are not in the page cache are read on a thread
 * first, so that a consumer of old data never blocks the loop's other connections. Private to
 * net/. */
#ifndef NET_WARM_H
#define NET_WARM_H

#include <sys/types.h>

#include "net/server.h"

struct stream;

/* Like pread(), but fails with EAGAIN where it would wait for the disk. File systems that cannot
 * say so do wait. */
ssize_t warm_pread(int fd, void *to, size_t len, int64_t pos);

/* Has the range brought into the page cache from `sent` on; then the stream is touched.
 * `s->warming` is set meanwhile. False: it cannot be done now. */
bool warm_start(struct stream *s, const struct net_file *file, size_t sent);

/* The stream is about to go. */
void warm_forget(struct stream *s);

#endif
