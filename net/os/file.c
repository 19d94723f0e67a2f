/* Files that are sent. */
#include <errno.h>
#include <unistd.h>

#include "net/os/socket.h"

ssize_t os_pread(int fd, void *to, size_t len, int64_t pos)
{
    ssize_t n;
    do {
        n = pread(fd, to, len, pos);
    } while (n < 0 && errno == EINTR);
    return n;
}

ssize_t os_pread_nowait(int fd, void *to, size_t len, int64_t pos)
{
    struct iovec iov = {to, len};
    ssize_t n;
    do {
        n = preadv2(fd, &iov, 1, pos, RWF_NOWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
        n = os_pread(fd, to, len, pos);
    }
    return n;
}

int os_file_dup(int fd)
{
    return dup(fd);
}

void os_file_close(int fd)
{
    close(fd);
}
