/* Sockets: descriptors, and what a process does with them. */
#include "sim/net/socket.h"

#include <errno.h>
#include <netinet/in.h>

#include "base/mem.h"

enum {
    SLOTS_MAX = 1 << SOCKET_SLOT_BITS,
    USES_MASK = (1 << (30 - SOCKET_SLOT_BITS)) - 1,
    PORT_MAX = 65535,
    BACKLOG_MIN = 1
};

/* ---- descriptors ---- */

static int new_slot(struct sim_net *net)
{
    if (net->slot_count == net->slot_cap) {
        net->slot_cap = net->slot_cap == 0 ? 64 : net->slot_cap * 2;
        net->slots = mem_realloc(net->slots, (size_t)net->slot_cap * sizeof(struct socket_slot));
    }
    ASSERT(net->slot_count < SLOTS_MAX);
    net->slots[net->slot_count] = (struct socket_slot){.next_free = -1};
    return net->slot_count++;
}

static int take_slot(struct sim_net *net)
{
    int at = net->free_first;
    if (at < 0) {
        return new_slot(net);
    }
    net->free_first = net->slots[at].next_free;
    if (net->free_first < 0) {
        net->free_last = -1;
    }
    return at;
}

static void give_slot(struct sim_net *net, int at)
{
    struct socket_slot *slot = &net->slots[at];
    slot->socket = NULL;
    slot->uses++;
    slot->next_free = -1;
    if (net->free_last < 0) {
        net->free_first = at;
    } else {
        net->slots[net->free_last].next_free = at;
    }
    net->free_last = at;
}

struct socket *socket_find(int fd)
{
    const struct sim_host *here = sim_here();
    const struct sim_net *net = here->net;
    int at = fd & (SLOTS_MAX - 1);
    struct socket *socket = fd < 0 || at >= net->slot_count ? NULL : net->slots[at].socket;
    if (socket == NULL || socket->fd != fd || socket->host != here) {
        errno = EBADF;
        return NULL;
    }
    return socket;
}

static struct socket *new_socket(struct sim_host *host)
{
    struct sim_net *net = host->net;
    struct socket *socket = MEM_NEW(struct socket);
    int at = take_slot(net);
    socket->fd = at | (int)(net->slots[at].uses & USES_MASK) << SOCKET_SLOT_BITS;
    net->slots[at].socket = socket;
    socket->host = host;
    list_add_tail(&host->sockets, &socket->link);
    list_init(&socket->ready_link);
    list_init(&socket->arrived);
    return socket;
}

/* Without a word to the peer. */
static void free_socket(struct socket *socket)
{
    give_slot(socket->host->net, socket->fd & (SLOTS_MAX - 1));
    list_remove(&socket->link);
    list_remove(&socket->ready_link);
    mem_free(socket);
}

struct socket *socket_listener(const struct sim_host *host, int port)
{
    LIST_EACH(node, &host->sockets)
    {
        struct socket *socket = LIST_ENTRY(node, struct socket, link);
        if (socket->conn == NULL && socket->port == port) {
            return socket;
        }
    }
    return NULL;
}

/* ---- readiness ---- */

static struct conn_end *end_of(const struct socket *socket)
{
    return &socket->conn->ends[socket->side];
}

bool socket_can_read(const struct socket *socket)
{
    if (socket->conn == NULL) {
        return socket->arrived_count > 0;
    }
    const struct conn_end *end = end_of(socket);
    return end->error != 0 || end->peer_ended || byte_queue_len(&end->received) > 0;
}

bool socket_can_write(const struct socket *socket)
{
    if (socket->conn == NULL) {
        return false;
    }
    const struct conn_end *end = end_of(socket);
    return end->error != 0 || (end->open && pipe_room(end) > 0);
}

bool socket_hangs_up(const struct socket *socket)
{
    return socket->conn != NULL && (end_of(socket)->error != 0 || end_of(socket)->peer_ended);
}

/* ---- making them ---- */

static int port_of(const struct address *address)
{
    return ntohs(address->storage.ss_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)&address->storage)->sin6_port
                     : ((const struct sockaddr_in *)&address->storage)->sin_port);
}

static struct sim_host *living_here(void)
{
    struct sim_host *here = sim_here();
    if (!here->up) {
        errno = EIO;
        return NULL;
    }
    return here;
}

int sim_host_next_port(struct sim_host *host)
{
    do {
        host->next_port = host->next_port == PORT_MAX ? SIM_PORT_FIRST : host->next_port + 1;
    } while (socket_listener(host, host->next_port) != NULL);
    return host->next_port;
}

int os_dial(const struct address *to, struct os_buffer_sizes sizes)
{
    struct sim_host *here = living_here();
    if (here == NULL) {
        return -1;
    }
    struct sim_host *peer = sim_host_of(here, to);
    if (peer == NULL) {
        errno = EHOSTUNREACH;
        return -1;
    }
    struct socket *socket = new_socket(here);
    socket->sizes = sizes;
    conn_dial(socket, peer, port_of(to));
    return socket->fd;
}

int os_listen(const struct address *at, int backlog)
{
    struct sim_host *here = living_here();
    if (here == NULL) {
        return -1;
    }
    int port = port_of(at);
    if (sim_host_of(here, at) != here) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    if (port != 0 && socket_listener(here, port) != NULL) {
        errno = EADDRINUSE;
        return -1;
    }
    struct socket *socket = new_socket(here);
    socket->port = port == 0 ? sim_host_next_port(here) : port;
    socket->backlog = backlog > BACKLOG_MIN ? backlog : BACKLOG_MIN;
    sim_note(here->net, here, SIM_NOTE_LISTENS, socket->port, 0);
    return socket->fd;
}

void os_socket_set_options(int fd, struct os_buffer_sizes sizes)
{
    struct socket *socket = socket_find(fd);
    if (socket != NULL) {
        conn_set_sizes(end_of(socket), sizes);
    }
}

int os_socket_error(int fd)
{
    const struct socket *socket = socket_find(fd);
    return socket == NULL ? EIO : end_of(socket)->error;
}

static void put_address(struct address *out, const struct conn *conn, int side, int port)
{
    bool inside = conn != NULL && conn->ends[0].host == conn->ends[1].host;
    struct address_list list;
    const struct sim_host *host = conn == NULL ? sim_here() : conn->ends[side].host;
    os_resolve(inside ? "127.0.0.1" : host->address, port, true, &list);
    *out = list.items[0];
}

static bool get_address(int fd, bool of_peer, struct address *out)
{
    const struct socket *socket = socket_find(fd);
    if (socket == NULL || (of_peer && socket->conn == NULL)) {
        return false;
    }
    if (socket->conn == NULL) {
        put_address(out, NULL, 0, socket->port);
        return true;
    }
    if (!end_of(socket)->open) {
        return false;
    }
    int side = of_peer ? 1 - socket->side : socket->side;
    put_address(out, socket->conn, side, socket->conn->ends[side].port);
    return true;
}

bool os_socket_local(int fd, struct address *out)
{
    return get_address(fd, false, out);
}

bool os_socket_peer(int fd, struct address *out)
{
    return get_address(fd, true, out);
}

int os_accept(int fd, struct address *peer)
{
    struct socket *listener = socket_find(fd);
    if (listener == NULL) {
        return -1;
    }
    if (listener->arrived_count == 0) {
        errno = EAGAIN;
        return -1;
    }
    if (listener->host->accepts_fail > 0) {
        listener->host->accepts_fail--;
        sim_net_fault(listener->host->net, "accept failed");
        errno = EMFILE;
        return -1;
    }
    struct conn *conn = LIST_ENTRY(listener->arrived.next, struct conn, arrived_link);
    conn_leave_queue(conn);
    struct socket *socket = new_socket(listener->host);
    socket->conn = conn;
    socket->side = 1;
    conn->ends[1].socket = socket;
    get_address(socket->fd, true, peer);
    return socket->fd;
}

/* ---- using them ---- */

ssize_t os_recv(int fd, const struct iovec *iov, int count)
{
    struct socket *socket = socket_find(fd);
    if (socket == NULL) {
        return -1;
    }
    struct conn_end *end = end_of(socket);
    size_t got = 0;
    for (int i = 0; i < count; i++) {
        size_t n = min_size(iov[i].iov_len, byte_queue_len(&end->received));
        if (n > 0) {
            memcpy(iov[i].iov_base, byte_queue_data(&end->received), n);
            byte_queue_drop(&end->received, n);
            got += n;
        }
    }
    if (got > 0) {
        pipe_unblock(socket->conn, 1 - socket->side);
        return (ssize_t)got;
    }
    if (end->error == 0 && end->peer_ended) {
        return 0;
    }
    errno = end->error == 0 ? EAGAIN : end->error;
    return -1;
}

ssize_t os_send(int fd, const struct iovec *iov, int count)
{
    struct socket *socket = socket_find(fd);
    if (socket == NULL) {
        return -1;
    }
    struct conn_end *end = end_of(socket);
    if (end->error != 0) {
        errno = end->error;
        return -1;
    }
    size_t room = end->open ? pipe_room(end) : 0;
    if (room == 0) {
        errno = EAGAIN;
        return -1;
    }
    return (ssize_t)pipe_write(socket->conn, socket->side, iov, count);
}

static void close_listener(struct socket *socket)
{
    while (!list_empty(&socket->arrived)) {
        struct conn *conn = LIST_ENTRY(socket->arrived.next, struct conn, arrived_link);
        conn_leave_queue(conn);
        pipe_reset(conn, 1);
        conn_maybe_free(conn);
    }
}

static void close_socket(struct socket *socket)
{
    struct conn *conn = socket->conn;
    int side = socket->side;
    if (conn == NULL) {
        close_listener(socket);
    }
    free_socket(socket);
    if (conn != NULL) {
        conn->ends[side].socket = NULL;
        conn_close(conn, side);
    }
}

void os_close(int fd)
{
    struct socket *socket = socket_find(fd);
    if (socket != NULL) {
        close_socket(socket);
    }
}

/* ---- the end of a process ---- */

static void cut_power(struct sim_host *host)
{
    LIST_EACH(node, &host->net->conns)
    {
        struct conn *conn = LIST_ENTRY(node, struct conn, link);
        if (conn->listener != NULL && conn->ends[1].host == host) {
            conn_leave_queue(conn);
        }
        for (int side = 0; side < 2; side++) {
            /* A dial that has not arrived yet may find the machine when it is back. */
            if (conn->ends[side].host == host && (side == 0 || conn->ends[1].open)) {
                conn->ends[side].socket = NULL;
                conn_forget(conn, side, 0);
            }
        }
        conn_maybe_free(conn);
    }
    LIST_EACH(node, &host->sockets)
    {
        free_socket(LIST_ENTRY(node, struct socket, link));
    }
}

void sim_sockets_end(struct sim_host *host, enum sim_crash how)
{
    if (how == SIM_CRASH_POWER) {
        cut_power(host);
        return;
    }
    LIST_EACH(node, &host->sockets)
    {
        close_socket(LIST_ENTRY(node, struct socket, link));
    }
}

void sim_sockets_fini(struct sim_net *net)
{
    LIST_EACH(node, &net->conns)
    {
        conn_free(LIST_ENTRY(node, struct conn, link));
    }
    for (int i = 0; i < net->slot_count; i++) {
        mem_free(net->slots[i].socket);
    }
    mem_free(net->slots);
}
