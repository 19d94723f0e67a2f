/* Puts a Check program of tests/unit/net onto the simulated system: one machine, whose files are
 * the real ones. CRAFT_SEED chooses another world. */
#include <stdlib.h>
#include <unistd.h>

#include "sim/net/sim_net.h"

static struct sim_net *world;

static enum err read_real(void *arg, const struct sim_read *read, size_t *got)
{
    (void)arg;
    ssize_t n = pread(read->fd, read->to, read->len, read->pos);
    *got = n < 0 ? 0 : (size_t)n;
    return n < 0 ? ERR_IO : ERR_NONE;
}

/* Before main(): the tests' processes are copies of this one. */
__attribute__((constructor)) static void enter_the_world(void)
{
    const char *seed = getenv("CRAFT_SEED");
    world = sim_net_new(&(struct sim_net_options){
        .seed = seed == NULL ? 1 : strtoull(seed, NULL, 10),
        .files = {.read = read_real},
    });
    sim_host_enter(
        sim_host_new(world, &(struct sim_host_options){.name = "test", .cold_ppm = 50 * 1000}));
}
