/* A load: topics come, grow, change a setting, and go; what was answered must be so in the end.
 *
 * One request at a time. A topic whose request ended without a clear answer is given up, as nobody
 * knows what it is, and when: a new name takes its place. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sim/cluster/load.h"

enum {
    SLOTS = 4,
    PARTITIONS_MAX = 4,
    TIMEOUT_MS = 5000,
    CREATE_VERSION = 5,
    DELETE_VERSION = 5,
    GROW_VERSION = 2,
    ALTER_VERSION = 1,
    CONFIG_TOPIC = 2,
    CONFIG_SET = 0,
    NAME_MAX_LEN = 64,
};

#define CONFIG_NAME "delete.retention.ms"

enum what { WHAT_NOTHING, WHAT_CREATE, WHAT_GROW, WHAT_ALTER, WHAT_DELETE };

struct slot {
    bool exists;
    int32_t partitions;
    int64_t config; /* −1: not set */
    int number;     /* of the name */
    /* The request under way, also of a process that is gone. */
    enum what what;
    int32_t wanted_partitions;
    int64_t wanted_config;
};

/* Outlives the process. */
struct memory {
    struct slot slots[SLOTS];
    int names;
};

struct admin {
    struct sim_worker worker;
    struct memory *memory;
    struct slot *slot; /* whose request is under way */
};

static void name_of(const struct sim_load *load, const struct slot *slot, char out[NAME_MAX_LEN])
{
    snprintf(out, NAME_MAX_LEN, "%s-%d", sim_load_str(load, "prefix", "adm"), slot->number);
}

static void give_up(struct memory *memory, struct slot *slot)
{
    *slot = (struct slot){.number = memory->names++, .config = -1};
}

/* ---- answers ---- */

static void take(struct admin *a, enum err e)
{
    struct slot *slot = a->slot;
    enum what what = slot->what;
    slot->what = WHAT_NOTHING;
    if (e != ERR_NONE) {
        give_up(a->memory, slot);
    } else if (what == WHAT_CREATE) {
        slot->exists = true;
        slot->partitions = slot->wanted_partitions;
        slot->config = -1;
    } else if (what == WHAT_GROW) {
        slot->partitions = slot->wanted_partitions;
    } else if (what == WHAT_ALTER) {
        slot->config = slot->wanted_config;
    } else {
        slot->exists = false;
    }
    net_timer_set(&a->worker.timer, sim_load_draw_ms(&a->worker, "every", "200ms..2s"));
}

static enum err error_in(enum what what, const void *response)
{
    const struct wire_create_topics_response *created = response;
    const struct wire_create_partitions_response *grown = response;
    const struct wire_incremental_alter_configs_response *altered = response;
    const struct wire_delete_topics_response *deleted = response;
    switch (what) {
    case WHAT_CREATE:
        return (enum err)created->topics[0].error_code;
    case WHAT_GROW:
        return (enum err)grown->results[0].error_code;
    case WHAT_ALTER:
        return (enum err)altered->responses[0].error_code;
    case WHAT_DELETE:
        return (enum err)deleted->responses[0].error_code;
    case WHAT_NOTHING:
        break;
    }
    return ERR_UNKNOWN_SERVER_ERROR;
}

static void on_answer(void *arg, enum err e, const void *response, struct net_response *raw)
{
    (void)raw;
    struct admin *a = arg;
    a->worker.call = NULL;
    take(a, e == ERR_NONE ? error_in(a->slot->what, response) : e);
}

static void ask(struct admin *a, int16_t api, int16_t version, const void *request)
{
    a->worker.call = sim_client_ask(sim_client_any(a->worker.client),
                                    &(struct sim_ask){api, version, request, on_answer, a});
}

/* ---- requests ---- */

static void create(struct admin *a, const char *name)
{
    struct wire_create_topics_request_topics topic;
    wire_init(&wire_msg_create_topics_request_topics, &topic);
    a->slot->wanted_partitions = (int32_t)prng_range(&a->worker.client->prng, 1, 2);
    topic.name = slice_str(name);
    topic.num_partitions = a->slot->wanted_partitions;
    topic.replication_factor = -1;
    struct wire_create_topics_request request;
    wire_init(&wire_msg_create_topics_request, &request);
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = TIMEOUT_MS;
    ask(a, WIRE_API_CREATE_TOPICS, CREATE_VERSION, &request);
}

static void grow(struct admin *a, const char *name)
{
    struct wire_create_partitions_request_topics topic;
    wire_init(&wire_msg_create_partitions_request_topics, &topic);
    a->slot->wanted_partitions = a->slot->partitions + 1;
    topic.name = slice_str(name);
    topic.count = a->slot->wanted_partitions;
    topic.assignments_count = -1;
    struct wire_create_partitions_request request;
    wire_init(&wire_msg_create_partitions_request, &request);
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = TIMEOUT_MS;
    ask(a, WIRE_API_CREATE_PARTITIONS, GROW_VERSION, &request);
}

static void alter(struct admin *a, const char *name)
{
    char value[32];
    a->slot->wanted_config = prng_range(&a->worker.client->prng, 1000, 100000000);
    snprintf(value, sizeof value, "%" PRId64, a->slot->wanted_config);
    struct wire_incremental_alter_configs_request_resources_configs config = {
        slice_str(CONFIG_NAME), CONFIG_SET, slice_str(value)};
    struct wire_incremental_alter_configs_request_resources resource = {
        CONFIG_TOPIC, slice_str(name), &config, 1};
    struct wire_incremental_alter_configs_request request;
    wire_init(&wire_msg_incremental_alter_configs_request, &request);
    request.resources = &resource;
    request.resources_count = 1;
    ask(a, WIRE_API_INCREMENTAL_ALTER_CONFIGS, ALTER_VERSION, &request);
}

static void delete_topic(struct admin *a, const char *name)
{
    struct slice text = slice_str(name);
    struct wire_delete_topics_request request;
    wire_init(&wire_msg_delete_topics_request, &request);
    request.topic_names = &text;
    request.topic_names_count = 1;
    request.timeout_ms = TIMEOUT_MS;
    ask(a, WIRE_API_DELETE_TOPICS, DELETE_VERSION, &request);
}

static void choose(struct admin *a)
{
    struct prng *p = &a->worker.client->prng;
    struct slot *slot = &a->memory->slots[prng_below(p, SLOTS)];
    char name[NAME_MAX_LEN];
    name_of(a->worker.load, slot, name);
    a->slot = slot;
    if (!slot->exists) {
        slot->what = WHAT_CREATE;
        create(a, name);
    } else if (slot->partitions < PARTITIONS_MAX && prng_chance(p, 1, 3)) {
        slot->what = WHAT_GROW;
        grow(a, name);
    } else if (prng_chance(p, 1, 2)) {
        slot->what = WHAT_ALTER;
        alter(a, name);
    } else {
        slot->what = WHAT_DELETE;
        delete_topic(a, name);
    }
}

static void tick(void *arg)
{
    struct admin *a = arg;
    if (!a->worker.client->world->quiet) {
        choose(a);
    }
}

/* ---- life ---- */

static struct memory *new_memory(void)
{
    struct memory *memory = MEM_NEW(struct memory);
    for (int i = 0; i < SLOTS; i++) {
        give_up(memory, &memory->slots[i]);
    }
    return memory;
}

static void start(struct sim_worker *w)
{
    struct admin *a = (struct admin *)w;
    if (w->load->memory == NULL) {
        w->load->memory = new_memory();
    }
    a->memory = w->load->memory;
    /* Whatever the process before was doing, nobody knows what came of it. */
    for (int i = 0; i < SLOTS; i++) {
        if (a->memory->slots[i].what != WHAT_NOTHING) {
            give_up(a->memory, &a->memory->slots[i]);
        }
    }
    net_timer_set(&w->timer, sim_load_draw_ms(w, "every", "200ms..2s"));
}

/* ---- what was promised ---- */

static void check_slot(const struct sim_load *load, const struct slot *slot,
                       const struct metadata_image *image)
{
    char name[NAME_MAX_LEN];
    name_of(load, slot, name);
    const struct metadata_topic *topic = metadata_topic_by_name(image, slice_str(name));
    struct sim_world *world = load->machine->world;
    if (slot->exists != (topic != NULL)) {
        sim_fail(world, "Durability: an acknowledged change of the metadata is not there",
                 "topic %s was %s", name, slot->exists ? "created" : "deleted");
    }
    if (topic == NULL) {
        return;
    }
    if (topic->partition_count != slot->partitions) {
        sim_fail(world, "Durability: an acknowledged change of the metadata is not there",
                 "topic %s was given %d partitions and has %d", name, slot->partitions,
                 topic->partition_count);
    }
    struct slice value =
        metadata_config_get(image, CONFIG_TOPIC, slice_str(name), slice_str(CONFIG_NAME));
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, slot->config);
    if (slot->config < 0 ? !slice_is_null(value) : !slice_eq_str(value, text)) {
        sim_fail(world, "Durability: an acknowledged change of the metadata is not there",
                 "topic %s: " CONFIG_NAME " was set to %s and is %.*s", name, text,
                 SLICE_ARG(value));
    }
}

static void check(const struct sim_load *load, const struct metadata_image *image)
{
    const struct memory *memory = load->memory;
    for (int i = 0; memory != NULL && i < SLOTS; i++) {
        if (memory->slots[i].what == WHAT_NOTHING) {
            check_slot(load, &memory->slots[i], image);
        }
    }
}

static const char *const options[] = {"prefix", "every", NULL};

const struct sim_load_kind sim_load_admin = {
    .name = "admin",
    .options = options,
    .size = sizeof(struct admin),
    .start = start,
    .tick = tick,
    .check = check,
};
