/* Cold files: bytes that a response needs and that are not in the page cache are read on a thread
 * first, so that a consumer of old data never blocks the loop's other connections. Private to
 * net/. */
#ifndef NET_WARM_H
#define NET_WARM_H

#include "net/server.h"

struct stream;

/* Has the range brought into the page cache from `sent` on; then the stream is touched.
 * `s->warming` is set meanwhile. False: it cannot be done now. */
bool warm_start(struct stream *s, const struct net_file *file, size_t sent);

/* The stream is about to go. */
void warm_forget(struct stream *s);

#endif
