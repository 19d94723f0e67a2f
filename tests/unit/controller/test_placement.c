/* Properties of replica placement, for random clusters. */
#include "tests/unit/controller/world.h"

#include "controller/decide/placement.h"

enum { BROKERS_MAX = 12, CLUSTERS = 120, PARTITIONS = 60 };

struct cluster {
    int brokers;
    int racks; /* 0: no racks */
    int unfenced;
    int rack_of[BROKERS_MAX];
    bool fenced[BROKERS_MAX];
};

static const char *const rack_names[] = {"a", "b", "c", "d"};

/* Registered brokers, most of them unfenced. */
static struct cluster random_cluster(struct world *w, uint64_t seed)
{
    struct cluster c = {0};
    world_init(w, seed);
    c.brokers = (int)prng_range(&w->prng, 1, BROKERS_MAX);
    c.racks = (int)prng_range(&w->prng, 0, 4);
    for (int id = 0; id < c.brokers; id++) {
        c.rack_of[id] = c.racks == 0 ? 0 : (int)prng_below(&w->prng, (uint64_t)c.racks);
        c.fenced[id] = prng_chance(&w->prng, 1, 4);
        const char *rack = c.racks == 0 ? NULL : rack_names[c.rack_of[id]];
        if (c.fenced[id]) {
            world_register(w, id, rack, (struct uuid){6, (uint64_t)id}, false);
        } else {
            world_broker(w, id, rack);
            c.unfenced++;
        }
    }
    return c;
}

static void check_replicas(const struct cluster *c, struct metadata_ids replicas)
{
    int per_rack[4] = {0};
    int rack_size[4] = {0};
    for (int id = 0; id < c->brokers; id++) {
        rack_size[c->rack_of[id]]++;
    }
    ck_assert_msg(!c->fenced[replicas.items[0]], "the first replica is not fenced");
    for (size_t i = 0; i < replicas.count; i++) {
        int32_t id = replicas.items[i];
        ck_assert_msg(id >= 0 && id < c->brokers, "registered");
        ck_assert_msg(!metadata_ids_contain((struct metadata_ids){replicas.items, i}, id),
                      "one replica per broker");
        per_rack[c->rack_of[id]]++;
        /* A fenced one only when its rack had no other left. */
        for (int other = 0; other < c->brokers && c->fenced[id]; other++) {
            bool unused = !metadata_ids_contain(replicas, other);
            ck_assert_msg(c->rack_of[other] != c->rack_of[id] || c->fenced[other] || !unused,
                          "unfenced brokers first");
        }
    }
    /* Racks differ by at most one unless a rack is used up. (Replica 0 may shift the order.) */
    for (int a = 0; a < 4; a++) {
        for (int b = 0; b < 4; b++) {
            ck_assert_msg(rack_size[a] == 0 || per_rack[a] == rack_size[a] ||
                              per_rack[b] <= per_rack[a] + 2,
                          "spread over racks");
        }
    }
}

START_TEST(random_clusters)
{
    for (uint64_t seed = 1; seed <= CLUSTERS; seed++) {
        struct world w;
        struct cluster c = random_cluster(&w, seed);
        int32_t factor = (int32_t)prng_range(&w.prng, 1, BROKERS_MAX);
        struct decide_placer placer;
        struct slice why;
        world_begin(&w);
        struct decide_input in = world_input(&w);
        enum err e = decide_placer_init(&placer, &in, factor, &why);
        bool possible = c.unfenced > 0 && factor <= c.brokers;
        ck_assert_msg((e == ERR_NONE) == possible, "seed %" PRIu64, seed);
        for (int i = 0; i < PARTITIONS && possible; i++) {
            struct metadata_ids replicas = decide_place(&placer, &w.arena);
            ck_assert_uint_eq(replicas.count, (size_t)factor);
            check_replicas(&c, replicas);
        }
        world_fini(&w);
    }
}
END_TEST

/* With equal racks and all brokers alive, every broker leads equally often and holds equally many.
 */
START_TEST(equal_racks_share_equally)
{
    for (int32_t racks = 1; racks <= 4; racks++) {
        struct world w;
        int leads[BROKERS_MAX] = {0};
        int holds[BROKERS_MAX] = {0};
        world_init(&w, (uint64_t)racks);
        int32_t brokers = racks * 3;
        for (int32_t id = 0; id < brokers; id++) {
            world_broker(&w, id, rack_names[id % racks]);
        }
        struct decide_placer placer;
        struct slice why;
        world_begin(&w);
        struct decide_input in = world_input(&w);
        ck_assert_int_eq(decide_placer_init(&placer, &in, racks, &why), ERR_NONE);
        for (int i = 0; i < 36; i++) {
            struct metadata_ids replicas = decide_place(&placer, &w.arena);
            bool seen[4] = {false};
            leads[replicas.items[0]]++;
            for (size_t k = 0; k < replicas.count; k++) {
                holds[replicas.items[k]]++;
                ck_assert_msg(!seen[replicas.items[k] % racks], "every rack once");
                seen[replicas.items[k] % racks] = true;
            }
        }
        for (int32_t id = 0; id < brokers; id++) {
            ck_assert_int_eq(holds[id], 36 * racks / brokers);
            ck_assert_int_eq(leads[id], 36 / brokers);
        }
        world_fini(&w);
    }
}
END_TEST

START_TEST(brokers_that_shut_down_get_nothing)
{
    struct world w;
    world_init(&w, 1);
    for (int32_t id = 0; id < 3; id++) {
        world_broker(&w, id, NULL);
    }
    world_topic(&w, "t", "0");
    world_beat(&w, 0, (struct beat){.want_shut_down = true});
    struct decide_placer placer;
    struct slice why;
    world_begin(&w);
    struct decide_input in = world_input(&w);
    ck_assert_int_eq(decide_placer_init(&placer, &in, 3, &why), ERR_INVALID_REPLICATION_FACTOR);
    ck_assert_int_eq(decide_placer_init(&placer, &in, 2, &why), ERR_NONE);
    for (int i = 0; i < 20; i++) {
        ck_assert(!metadata_ids_contain(decide_place(&placer, &w.arena), 0));
    }
    world_fini(&w);
}
END_TEST

UNIT_MAIN("placement", random_clusters, equal_racks_share_equally,
          brokers_that_shut_down_get_nothing)
