/* A load: reads all partitions of a topic from the beginning. */
#include "base/mem.h"
#include "sim/cluster/ledger.h"
#include "sim/cluster/load.h"
#include "sim/cluster/reader.h"

enum { LOOK_MS = 500 };

struct consumer {
    struct sim_worker worker;
    struct sim_reader reader;
    int32_t partitions;
};

/* Partitions may grow. */
static void look(void *arg)
{
    struct consumer *c = arg;
    const struct wire_metadata_response_topics *t =
        sim_client_topic(c->worker.client, c->reader.topic);
    while (t != NULL && t->error_code == 0 && c->partitions < t->partitions_count) {
        sim_reader_want(&c->reader, c->partitions++, 0);
    }
    net_timer_set(&c->worker.timer, LOOK_MS);
}

static void start(struct sim_worker *w)
{
    struct consumer *c = (struct consumer *)w;
    sim_reader_init(&c->reader, w->client, sim_load_str(w->load, "topic", "a"));
    look(c);
}

/* Everything that there is was read. */
static bool is_idle(const struct sim_worker *w)
{
    const struct consumer *c = (const struct consumer *)w;
    for (int32_t i = 0; i < c->partitions && i < SIM_READER_PARTITIONS; i++) {
        const struct sim_reader_partition *p = &c->reader.partitions[i];
        if (p->high_watermark < 0 || p->position < p->high_watermark) {
            return false;
        }
    }
    return c->partitions > 0 || !sim_ledger_has(c->worker.client->world->ledger, c->reader.topic);
}

static void fini(struct sim_worker *w)
{
    sim_reader_fini(&((struct consumer *)w)->reader);
}

static const char *const options[] = {"topic", NULL};

const struct sim_load_kind sim_load_consume = {
    .name = "consume",
    .options = options,
    .size = sizeof(struct consumer),
    .start = start,
    .tick = look,
    .is_idle = is_idle,
    .fini = fini,
};
