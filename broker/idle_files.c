/* The timer that closes idle files; see idle_files.h. */
#include "broker/idle_files.h"

/* Some microseconds each on the loop, with room for other work between the rounds. */
enum { CLOSES_MAX = 64, PAUSE_MS = 10 };

static void on_timer(void *arg)
{
    struct idle_files *idle = arg;
    bool more = store_files_close_idle(idle->files, CLOSES_MAX);
    net_timer_set(&idle->timer, more ? PAUSE_MS : IDLE_FILES_MS);
}

void broker_idle_files_start(struct idle_files *idle, struct net_loop *loop,
                             struct store_files *files)
{
    idle->files = files;
    net_timer_init(&idle->timer, loop, on_timer, idle);
    net_timer_set(&idle->timer, IDLE_FILES_MS);
}

void broker_idle_files_stop(struct idle_files *idle)
{
    if (idle->files != NULL) {
        net_timer_stop(&idle->timer);
    }
}
