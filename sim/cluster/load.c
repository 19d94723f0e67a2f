/* The kinds of load, and the loads of a world; see load.h. */
#include "sim/cluster/load.h"

#include <stdlib.h>

#include "base/mem.h"

static const struct sim_load_kind *const kinds[] = {
    &sim_load_topic,  &sim_load_produce,  &sim_load_consume, &sim_load_group, &sim_load_admin,
    &sim_load_quorum, &sim_load_reassign, &sim_load_retire,  &sim_load_trim,  &sim_load_cgroup,
};

/* Words of an order `load CLIENT KIND KEY=VALUE…`. */
enum { ARG_CLIENT = 1, ARG_KIND, ARG_OPTIONS };

static const struct sim_load_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i]->name, name) == 0) {
            return kinds[i];
        }
    }
    return NULL;
}

static bool takes(const struct sim_load_kind *kind, const char *word)
{
    size_t len = strcspn(word, "=");
    for (const char *const *o = kind->options; *o != NULL; o++) {
        if (strcmp(*o, "*") == 0 || (strlen(*o) == len && strncmp(*o, word, len) == 0)) {
            return word[len] == '=';
        }
    }
    return false;
}

enum err sim_load_check(const struct sim_order *order, struct buf *why)
{
    const struct sim_load_kind *kind =
        order->argc > ARG_KIND ? find_kind(order->argv[ARG_KIND]) : NULL;
    if (kind == NULL) {
        buf_printf(why, "load CLIENT KIND KEY=VALUE…: there is no such kind of load");
        return ERR_CONFIG;
    }
    for (int i = ARG_OPTIONS; i < order->argc; i++) {
        if (!takes(kind, order->argv[i])) {
            buf_printf(why, "load %s does not take %s", kind->name, order->argv[i]);
            return ERR_CONFIG;
        }
    }
    return ERR_NONE;
}

static void add_worker(struct sim_client *client, struct sim_load *load)
{
    struct sim_worker *w = mem_zalloc(1, load->kind->size);
    w->client = client;
    w->load = load;
    net_timer_init(&w->timer, client->loop, load->kind->tick, w);
    list_add_tail(&client->workers, &w->link);
    load->kind->start(w);
}

static void begin(struct sim_world *world, struct sim_load *load)
{
    load->number = world->load_count++;
    list_add_tail(&world->loads, &load->link);
    if (load->machine->client != NULL) {
        sim_host_enter(load->machine->host);
        add_worker(load->machine->client, load);
        sim_host_leave();
    }
}

void sim_load_begin(struct sim_world *world, const struct sim_order *order)
{
    struct sim_load *load = MEM_NEW(struct sim_load);
    load->kind = find_kind(order->argv[ARG_KIND]);
    load->machine = sim_machine_find(world, order->argv[ARG_CLIENT]);
    load->argc = order->argc - ARG_OPTIONS;
    load->argv = order->argv + ARG_OPTIONS;
    begin(world, load);
}

/* Is the load the first that produces to its topic? */
static bool is_first(struct sim_world *world, const struct sim_load *load)
{
    LIST_EACH(at, &world->loads)
    {
        const struct sim_load *other = LIST_ENTRY(at, struct sim_load, link);
        if (other->kind == load->kind &&
            strcmp(sim_load_str(other, "topic", "a"), sim_load_str(load, "topic", "a")) == 0) {
            return other == load;
        }
    }
    return true;
}

void sim_loads_read_back(struct sim_world *world)
{
    int count = world->load_count;
    LIST_EACH(at, &world->loads)
    {
        const struct sim_load *load = LIST_ENTRY(at, struct sim_load, link);
        if (load->number >= count || load->kind != &sim_load_produce || !is_first(world, load)) {
            continue;
        }
        struct buf word = {0};
        struct sim_load *reader = MEM_NEW(struct sim_load);
        buf_printf(&word, "topic=%s", sim_load_str(load, "topic", "a"));
        reader->kind = &sim_load_consume;
        reader->machine = load->machine;
        reader->own[0] = slice_dup_str(buf_slice(&word));
        reader->argv = reader->own;
        reader->argc = 1;
        begin(world, reader);
        buf_fini(&word);
    }
}

void sim_loads_check(struct sim_world *world, const struct metadata_image *image)
{
    LIST_EACH(at, &world->loads)
    {
        const struct sim_load *load = LIST_ENTRY(at, struct sim_load, link);
        if (load->kind->check != NULL) {
            load->kind->check(load, image);
        }
    }
}

void sim_loads_free(struct sim_world *world)
{
    LIST_EACH(at, &world->loads)
    {
        struct sim_load *load = LIST_ENTRY(at, struct sim_load, link);
        mem_free(load->memory);
        mem_free(load->own[0]);
        mem_free(load);
    }
}

void sim_load_workers(struct sim_client *client)
{
    LIST_EACH(at, &client->world->loads)
    {
        struct sim_load *load = LIST_ENTRY(at, struct sim_load, link);
        if (load->machine == client->machine) {
            add_worker(client, load);
        }
    }
}

void sim_load_workers_free(struct sim_client *client)
{
    LIST_EACH(at, &client->workers)
    {
        struct sim_worker *w = LIST_ENTRY(at, struct sim_worker, link);
        list_remove(&w->link);
        if (w->call != NULL) {
            net_call_cancel(w->call);
        }
        net_timer_stop(&w->timer);
        if (w->load->kind->fini != NULL) {
            w->load->kind->fini(w);
        }
        mem_free(w);
    }
}

bool sim_load_is_idle(const struct sim_worker *w)
{
    return w->load->kind->is_idle != NULL ? w->load->kind->is_idle(w) : w->call == NULL;
}

const char *sim_load_str(const struct sim_load *load, const char *key, const char *otherwise)
{
    size_t len = strlen(key);
    for (int i = 0; i < load->argc; i++) {
        if (strncmp(load->argv[i], key, len) == 0 && load->argv[i][len] == '=') {
            return load->argv[i] + len + 1;
        }
    }
    return otherwise;
}

int64_t sim_load_int(const struct sim_load *load, const char *key, int64_t otherwise)
{
    const char *text = sim_load_str(load, key, NULL);
    int64_t value;
    return text != NULL && sim_parse_number(text, &value) ? value : otherwise;
}

int64_t sim_load_draw_ms(struct sim_worker *w, const char *key, const char *otherwise)
{
    int64_t low;
    int64_t high;
    if (!sim_parse_times(sim_load_str(w->load, key, otherwise), &low, &high)) {
        bool ok = sim_parse_times(otherwise, &low, &high);
        ASSERT(ok);
    }
    return max_i64(1, prng_range(&w->client->prng, low, high) / SIM_MS);
}
