/* Files that are sent: read by the hook of the world's owner. */
#include <errno.h>

#include "base/mem.h"
#include "sim/net/socket.h"

ssize_t os_pread(int fd, void *to, size_t len, int64_t pos)
{
    struct sim_host *here = sim_here();
    const struct sim_files *files = &here->net->options.files;
    size_t got = 0;
    struct sim_read read = {.fd = fd, .pos = pos, .to = to, .len = len};
    if (!here->up || files->read == NULL || files->read(files->arg, &read, &got) != ERR_NONE) {
        errno = EIO;
        return -1;
    }
    return (ssize_t)got;
}

ssize_t os_pread_nowait(int fd, void *to, size_t len, int64_t pos)
{
    struct sim_host *here = sim_here();
    if (here->cold_ppm > 0 && prng_chance(&here->net->prng, here->cold_ppm, 1000000)) {
        errno = EAGAIN;
        return -1;
    }
    return os_pread(fd, to, len, pos);
}

/* What is read by it is thrown away (net/warm.h), so that it does no harm when the file is closed
 * meanwhile: it need not be held. */
int os_file_dup(int fd)
{
    return fd;
}

void os_file_close(int fd)
{
    (void)fd;
}

ssize_t os_sendfile(int fd, int file_fd, int64_t pos, size_t len)
{
    struct socket *socket = socket_find(fd);
    size_t room = socket == NULL ? 0 : pipe_room(&socket->conn->ends[socket->side]);
    uint8_t *bytes = mem_alloc(SEGMENT_BYTES_MAX);
    struct iovec iov = {bytes, min_size(min_size(len, room), SEGMENT_BYTES_MAX)};
    ssize_t n = iov.iov_len == 0 ? 0 : os_pread(file_fd, bytes, iov.iov_len, pos);
    if (n > 0 || iov.iov_len == 0) {
        iov.iov_len = (size_t)n;
        n = os_send(fd, &iov, 1, false); /* says why there is no room */
    }
    mem_free(bytes);
    return n;
}
