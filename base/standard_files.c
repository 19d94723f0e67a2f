/* Standard files that are closed are not given to others. */
#include "base/standard_files.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/assert.h"

void standard_files_keep(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0) {
            /* The lowest free number is this one. The wrong way around, for EBADF. */
            int got = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
            ASSERT(got < 0 || got == fd);
        }
    }
}
