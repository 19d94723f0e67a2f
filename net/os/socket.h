/* Sockets of TCP, the addresses they have, and files whose bytes they send. See net/os/os.h. */
#ifndef NET_OS_SOCKET_H
#define NET_OS_SOCKET_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/base.h"

/* ---- addresses ---- */

enum { ADDRESSES_MAX = 8 }; /* of one name; more are ignored */

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

struct address_list {
    struct address items[ADDRESSES_MAX];
    int count;
};

/* IPv4 first. May block unless `numeric_only`. NULL, or why not: a text that need not be freed. */
const char *os_resolve(const char *host, int port, bool numeric_only, struct address_list *out);

/* False: it has none (any more). */
bool os_socket_local(int fd, struct address *out);
bool os_socket_peer(int fd, struct address *out);

/* ---- making sockets; they do not block and are not inherited ---- */

/* 0: the system's. */
struct os_buffer_sizes {
    int send_bytes;
    int receive_bytes;
};

/* Begins to connect. The socket becomes ready to write when that has ended, and os_socket_error()
 * says how. No delay, keep-alive. */
int os_dial(const struct address *to, struct os_buffer_sizes sizes);

/* 0, or the errno of what happened to it. */
int os_socket_error(int fd);

/* Listens; an IPv6 wildcard takes IPv4 too. */
int os_listen(const struct address *at, int backlog);

int os_accept(int fd, struct address *peer);

/* No delay, keep-alive, sizes: of a socket that was accepted. */
void os_socket_set_options(int fd, struct os_buffer_sizes sizes);

void os_close(int fd);

/* ---- bytes ---- */

ssize_t os_recv(int fd, const struct iovec *iov, int count);

/* Raises no signal. */
ssize_t os_send(int fd, const struct iovec *iov, int count);

/* ---- files ---- */

/* Of a file that is sent. EAGAIN of the one that does not wait: it would have to wait for the disk;
 * file systems that cannot say so do wait. */
ssize_t os_pread(int fd, void *to, size_t len, int64_t pos);
ssize_t os_pread_nowait(int fd, void *to, size_t len, int64_t pos);

/* Another descriptor of the file, so that the first can be closed. */
int os_file_dup(int fd);
void os_file_close(int fd);

#endif
