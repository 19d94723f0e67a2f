/* Sockets by system calls. Calls that a signal interrupted are made again. */
#include "net/os/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

static const struct sockaddr *sockaddr_of(const struct address *address)
{
    return (const struct sockaddr *)&address->storage;
}

/* Closes `fd`; errno stays what it was. */
static int give_up(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int new_socket(const struct address *address)
{
    return socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void set_int(int fd, int level, int name, int value)
{
    setsockopt(fd, level, name, &value, sizeof value);
}

void os_socket_set_options(int fd, struct os_buffer_sizes sizes)
{
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (sizes.send_bytes > 0) {
        set_int(fd, SOL_SOCKET, SO_SNDBUF, sizes.send_bytes);
    }
    if (sizes.receive_bytes > 0) {
        set_int(fd, SOL_SOCKET, SO_RCVBUF, sizes.receive_bytes);
    }
}

int os_dial(const struct address *to, struct os_buffer_sizes sizes)
{
    int fd = new_socket(to);
    if (fd < 0) {
        return -1;
    }
    os_socket_set_options(fd, sizes);
    if (connect(fd, sockaddr_of(to), to->len) != 0 && errno != EINPROGRESS) {
        return give_up(fd);
    }
    return fd;
}

int os_socket_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

int os_listen(const struct address *at, int backlog)
{
    int fd = new_socket(at);
    if (fd < 0) {
        return -1;
    }
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (at->storage.ss_family == AF_INET6) {
        set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    }
    if (bind(fd, sockaddr_of(at), at->len) != 0 || listen(fd, backlog) != 0) {
        return give_up(fd);
    }
    return fd;
}

int os_accept(int fd, struct address *peer)
{
    peer->len = sizeof peer->storage;
    return accept4(fd, (struct sockaddr *)&peer->storage, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

bool os_socket_local(int fd, struct address *out)
{
    out->len = sizeof out->storage;
    return getsockname(fd, (struct sockaddr *)&out->storage, &out->len) == 0;
}

bool os_socket_peer(int fd, struct address *out)
{
    out->len = sizeof out->storage;
    return getpeername(fd, (struct sockaddr *)&out->storage, &out->len) == 0;
}

void os_close(int fd)
{
    close(fd);
}

ssize_t os_recv(int fd, const struct iovec *iov, int count)
{
    ssize_t n;
    do {
        n = readv(fd, iov, count);
    } while (n < 0 && errno == EINTR);
    return n;
}

ssize_t os_send(int fd, const struct iovec *iov, int count)
{
    struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
    ssize_t n;
    do {
        n = sendmsg(fd, &msg, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n;
}
