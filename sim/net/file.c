/* Files that are sent: read by the hook of the world's owner. */
#include <errno.h>

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
