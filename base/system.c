/* The operating system's random numbers and processes. */
#include "base/system.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

void system_random(void *out, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t got = getrandom((char *)out + done, len - done, 0);
        /* The generator was seeded long before this process began. */
        ASSERT(got > 0);
        done += (size_t)got;
    }
}

int64_t system_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int system_process_id(void)
{
    return getpid();
}
