/* Links: what they are like when nothing is wrong. */
#include "sim/net/sim_net.h"

struct sim_link sim_link_default(void)
{
    return (struct sim_link){
        .delay = {.min_us = 50, .max_us = 300, .tail_ppm = 1000, .tail_us = 5000},
    };
}
