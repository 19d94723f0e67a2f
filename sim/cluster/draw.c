/* What a seed makes of the world; see draw.h.
 *
 * Swarm testing: a seed that has every fault all of the time would never see what a few of them do
 * in a cluster that is otherwise well. So each kind of fault is there or not, and often or seldom.
 */
#include "sim/cluster/draw.h"

#include <stdio.h>

#include "base/prng.h"

enum { WARM_UP_MS = 6000, GROUPS_MAX = 2, NAME_LEN = 40, S_MS = 1000, REPLICAS = 3 };

struct draw {
    struct sim_scenario *s;
    struct prng p;
    int64_t now_ms; /* of the fault that is being drawn */
    int64_t end_ms; /* of all faults */
    bool flushed;   /* brokers sync every append */
};

static int64_t between(struct draw *d, int64_t low, int64_t high)
{
    return prng_range(&d->p, low, high);
}

static bool chance(struct draw *d, int percent)
{
    return prng_chance(&d->p, (uint64_t)percent, 100);
}

/* Small values as likely as large ones, by order of magnitude. */
static int64_t some(struct draw *d, int64_t low, int64_t high)
{
    int64_t top = low;
    while (top < high && chance(d, 65)) {
        top *= 2;
    }
    return between(d, low, top < high ? top : high);
}

static void at(struct draw *d, int64_t after_ms, const char *text)
{
    int64_t ms = min_i64(d->now_ms + after_ms, d->end_ms);
    sim_scenario_at(d->s, ms * 1000, "%s", text);
}

#define AT(d, after_ms, ...) \
    do { \
        char text_[300]; \
        snprintf(text_, sizeof text_, __VA_ARGS__); \
        at(d, after_ms, text_); \
    } while (0)

/* ---- machines ---- */

struct name {
    char text[NAME_LEN];
};

static struct name controller(struct draw *d)
{
    struct name name;
    snprintf(name.text, sizeof name.text, "controller-%" PRId64, between(d, 1, d->s->controllers));
    return name;
}

static struct name broker(struct draw *d)
{
    struct name name;
    snprintf(name.text, sizeof name.text, "broker-%" PRId64, between(d, 1, d->s->brokers));
    return name;
}

static struct name node(struct draw *d)
{
    return chance(d, 45) ? controller(d) : broker(d);
}

/* Somebody, or whoever is important then. */
static struct name victim(struct draw *d)
{
    struct name name;
    if (chance(d, 25)) {
        return (struct name){"active"};
    }
    if (chance(d, 30)) {
        snprintf(name.text, sizeof name.text, "leader-of:a-0");
        return name;
    }
    return node(d);
}

/* About half of the nodes. */
static void some_nodes(struct draw *d, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (int i = 1; i <= d->s->controllers + d->s->brokers && len < size; i++) {
        bool is_controller = i <= d->s->controllers;
        if (chance(d, 50)) {
            len += (size_t)snprintf(out + len, size - len, "%s%s-%d", len == 0 ? "" : ",",
                                    is_controller ? "controller" : "broker",
                                    is_controller ? i : i - d->s->controllers);
        }
    }
    if (len == 0) {
        snprintf(out, size, "controller-1");
    }
}

/* ---- faults of processes ---- */

/* Brokers that do not sync rely on each other's memory, as Kafka does. They may be killed in any
 * way at any time; a power cut of one of them is survived if nothing else happens to the others,
 * which draw_calm() tries. Controllers sync before they promise. */
static const char *how_to_end(struct draw *d, const struct name *name)
{
    bool syncs = d->flushed || strcmp(name->text, "active") == 0 ||
                 strncmp(name->text, "controller", strlen("controller")) == 0;
    return syncs && chance(d, 50) ? "power" : "kill";
}

static void kill_one(struct draw *d)
{
    struct name name = victim(d);
    const char *how = how_to_end(d, &name);
    if (chance(d, 60)) {
        AT(d, 0, "crash %s %s within %" PRId64, name.text, how, some(d, 1, 60));
    } else {
        AT(d, 0, "crash %s %s", name.text, how);
    }
}

static void kill_for_long(struct draw *d)
{
    struct name name = node(d);
    AT(d, 0, "hold %s", name.text);
    AT(d, 0, "crash %s %s", name.text, how_to_end(d, &name));
    AT(d, some(d, 2000, 30000), "start %s", name.text);
}

static void stop_one(struct draw *d)
{
    struct name name = victim(d);
    AT(d, 0, "stop %s", name.text);
}

static void kill_many(struct draw *d)
{
    const char *how = d->flushed && chance(d, 50) ? "power" : "kill";
    for (int i = 1; i <= d->s->controllers; i++) {
        AT(d, between(d, 0, 50), "crash controller-%d %s", i, how);
    }
    for (int i = 1; i <= d->s->brokers && chance(d, 90); i++) {
        AT(d, between(d, 0, 50), "crash broker-%d %s", i, how);
    }
}

static void pause_one(struct draw *d)
{
    struct name name = victim(d);
    AT(d, 0, "pause %s", name.text);
    AT(d, some(d, 100, 20000), "resume all");
}

static void client_dies(struct draw *d)
{
    AT(d, 0, "crash client-%" PRId64 " kill", between(d, 1, d->s->clients));
}

/* ---- faults of the network ---- */

static void cut_pair(struct draw *d)
{
    struct name a = victim(d);
    struct name b = node(d);
    const char *arrow = chance(d, 50) ? "->" : "-";
    AT(d, 0, "cut %s %s %s", a.text, arrow, b.text);
    AT(d, some(d, 200, 20000), "mend all - all");
}

static void isolate(struct draw *d)
{
    struct name name = victim(d);
    const char *arrow = chance(d, 30) ? "->" : "-";
    AT(d, 0, "cut %s %s others", name.text, arrow);
    AT(d, some(d, 500, 30000), "mend all - all");
}

static void split(struct draw *d)
{
    char half[200];
    some_nodes(d, half, sizeof half);
    AT(d, 0, "cut %s %s others", half, chance(d, 30) ? "->" : "-");
    AT(d, some(d, 500, 20000), "mend all - all");
}

/* Each controller hears its neighbours only, so that no two see the same majority. */
static void ring(struct draw *d)
{
    int n = d->s->controllers;
    for (int i = 1; i <= n && n > 3; i++) {
        for (int k = 1; k <= n; k++) {
            int apart = (k - i + n) % n;
            if (apart > 1 && apart < n - 1) {
                AT(d, 0, "cut controller-%d -> controller-%d", i, k);
            }
        }
    }
    for (int i = 1; i <= d->s->brokers; i++) {
        AT(d, 0, "cut broker-%d - broker-%d", i, i % d->s->brokers + 1);
    }
    AT(d, some(d, 500, 20000), "mend all - all");
}

/* Two halves that only one controller connects. */
static void bridge(struct draw *d)
{
    for (int i = 2; i <= d->s->controllers; i++) {
        for (int k = i + 1; k <= d->s->controllers; k++) {
            AT(d, 0, "cut controller-%d - controller-%d", i, k);
        }
    }
    AT(d, 0, "cut broker-1 - broker-%d", d->s->brokers);
    AT(d, some(d, 500, 20000), "mend all - all");
}

/* Links clog one by one, and clear in another order (FoundationDB's swizzle-clogging). */
static void swizzle(struct draw *d)
{
    for (int64_t i = between(d, 3, 10); i > 0; i--) {
        struct name a = node(d);
        struct name b = node(d);
        int64_t begin_ms = between(d, 0, 4000);
        AT(d, begin_ms, "link %s - %s clogging %" PRId64 "ms %" PRId64 "ms", a.text, b.text,
           some(d, 20, 2000), some(d, 100, 8000));
        AT(d, begin_ms + between(d, 500, 8000), "link %s - %s clogging -%" PRId64 "ms 8s", a.text,
           b.text, some(d, 500, 8000));
    }
}

static void loss(struct draw *d)
{
    AT(d, 0, "link all - all loss %" PRId64, some(d, 1000, 300000));
    AT(d, some(d, 500, 15000), "link all - all loss 0");
}

static void delay(struct draw *d)
{
    int64_t low_ms = some(d, 1, 50);
    struct name name = victim(d);
    const char *who = chance(d, 50) ? "all" : name.text;
    AT(d, 0, "link %s - all delay %" PRId64 "ms..%" PRId64 "ms", who, low_ms,
       low_ms + some(d, 1, 200));
    AT(d, 0, "link %s - all tail %" PRId64 " %" PRId64 "ms", who, some(d, 1000, 100000),
       some(d, 20, 3000));
    AT(d, some(d, 500, 15000), "link all - all default");
}

static void end_connections(struct draw *d)
{
    struct name a = victim(d);
    struct name b = node(d);
    AT(d, 0, "%s %s - %s", chance(d, 50) ? "reset" : "stall", a.text,
       chance(d, 30) ? "all" : b.text);
}

static void refuse_dials(struct draw *d)
{
    struct name a = victim(d);
    struct name b = node(d);
    const char *from = chance(d, 30) ? "all" : b.text;
    AT(d, 0, "link %s -> %s refuse 1", from, a.text);
    AT(d, 0, "reset %s - %s", from, a.text);
    AT(d, some(d, 100, 5000), "link %s -> %s refuse 0", from, a.text);
}

static void no_names(struct draw *d)
{
    struct name name = victim(d);
    AT(d, 0, "dns %s down", name.text);
    AT(d, 0, "reset %s - all", name.text);
    AT(d, some(d, 200, 10000), "dns %s up", name.text);
}

static void no_descriptors(struct draw *d)
{
    struct name name = victim(d);
    AT(d, 0, "accept %s fail %" PRId64, name.text, some(d, 1, 20));
    AT(d, 0, "reset %s - all", name.text);
}

/* ---- faults of disks ---- */

/* A sync that fails costs what it should have made durable: see how_to_end(). */
static void fail_disk(struct draw *d)
{
    static const char *const ops[] = {"write",    "rename+syncdir", "open",   "read",
                                      "truncate", "mkdir",          "unlink", "sync",
                                      "sync",     "sync",           "all"};
    enum { WITHOUT_SYNC = 7 };
    static const char *const paths[] = {"",
                                        " path .log",
                                        " path __cluster",
                                        " path .index",
                                        " path quorum-state",
                                        " path checkpoint"};
    bool any = chance(d, 40);
    struct name name = any ? controller(d) : victim(d);
    bool syncs = any || d->flushed || strcmp(name.text, "active") == 0;
    int64_t op = between(d, 0, syncs ? (int64_t)ARRAY_LEN(ops) - 1 : WITHOUT_SYNC - 1);
    /* Names change seldom: whichever comes next. */
    bool seldom = strstr("rename+syncdir truncate mkdir unlink", ops[op]) != NULL;
    int64_t path = seldom ? 0 : between(d, 0, (int64_t)ARRAY_LEN(paths) - 1);
    AT(d, 0, "disk %s fail %s io %" PRId64 " after %" PRId64 "%s", name.text, ops[op],
       chance(d, 80) ? 1 : some(d, 1, 50), some(d, 1, seldom ? 4 : 60) - 1, paths[path]);
}

static void fill_disk(struct draw *d)
{
    struct name name = victim(d);
    AT(d, 0, "disk %s full %" PRId64, name.text, some(d, 4096, 1 << 20) - 4096);
    AT(d, some(d, 500, 15000), "disk %s heal", name.text);
}

static void slow_disk(struct draw *d)
{
    struct name name = victim(d);
    int64_t low_us = some(d, 100, 100000);
    AT(d, 0, "disk %s slow %" PRId64 "us..%" PRId64 "us", name.text, low_us,
       low_us + some(d, 100, 500000));
    AT(d, some(d, 500, 10000), "disk %s slow 0us..0us", name.text);
}

static void write_back(struct draw *d)
{
    struct name name = node(d);
    AT(d, 0, "disk %s writeback", name.text);
}

/* A bit rots, or a page cannot be read any more. An operator may see it, or it is found later. */
static void damage_disk(struct draw *d)
{
    static const char *const rots[] = {"a-0/", ".log",      ".index", ".timeindex", ".snapshot",
                                       "a-",   "__cluster", "__cons", "meta",       ".checkpoint"};
    static const char *const bad[] = {".log", "__cluster", "a-", "data", "index", "checkpoint"};
    struct name name = node(d);
    bool rot = chance(d, 60);
    int64_t count = some(d, 1, 8);
    for (int64_t i = 0; i < count; i++) {
        AT(d, 0, "disk %s %s %s", name.text, rot ? "rot" : "spoil",
           rot ? rots[between(d, 0, (int64_t)ARRAY_LEN(rots) - 1)]
               : bad[between(d, 0, (int64_t)ARRAY_LEN(bad) - 1)]);
    }
    if (chance(d, 30)) {
        AT(d, some(d, 100, 10000), "crash %s kill", name.text);
    }
    if (chance(d, 60)) {
        AT(d, some(d, 500, 20000), "disk %s replace", name.text);
    }
}

static void replace_disk(struct draw *d)
{
    struct name name = node(d);
    AT(d, 0, "disk %s replace", name.text);
}

/* Without waiting until nobody counts on it. */
static void swap_disk(struct draw *d)
{
    struct name name = node(d);
    AT(d, 0, "disk %s swap", name.text);
}

/* ---- faults of time ---- */

static void jump_clock(struct draw *d)
{
    static const int64_t jumps_ms[] = {-60000, -3000, -100, 100, 3000, 60000, 3600000, 86400000};
    struct name name = victim(d);
    AT(d, 0, "clock %s jump %" PRId64, name.text,
       jumps_ms[between(d, 0, (int64_t)ARRAY_LEN(jumps_ms) - 1)]);
}

static void drift_clock(struct draw *d)
{
    struct name name = victim(d);
    AT(d, 0, "clock %s drift %" PRId64, name.text, between(d, -20000, 20000));
}

static void slow_node(struct draw *d)
{
    struct name name = victim(d);
    AT(d, 0, "slow %s %" PRId64 "us", name.text, some(d, 50, 20000));
    AT(d, some(d, 500, 8000), "slow %s 0us", name.text);
}

static void slow_threads(struct draw *d)
{
    struct name name = victim(d);
    int64_t low_us = some(d, 20, 50000);
    AT(d, 0, "work %s %" PRId64 "us..%" PRId64 "us", name.text, low_us,
       low_us + some(d, 20, 300000));
    AT(d, some(d, 500, 10000), "work %s 20us..200us", name.text);
}

typedef void fault_fn(struct draw *d);

static fault_fn *const faults[] = {
    kill_one,
    kill_for_long,
    stop_one,
    kill_many,
    pause_one,
    client_dies,
    cut_pair,
    isolate,
    split,
    ring,
    bridge,
    swizzle,
    loss,
    delay,
    fail_disk,
    fill_disk,
    slow_disk,
    write_back,
    end_connections,
    jump_clock,
    drift_clock,
    slow_node,
    slow_threads,
    refuse_dials,
    no_names,
    no_descriptors,
    damage_disk,
    replace_disk,
    swap_disk,
    /* and, twice as likely as others: */ fail_disk,
    kill_one,
};

static void draw_faults(struct draw *d)
{
    fault_fn *chosen[ARRAY_LEN(faults)];
    int64_t count = 0;
    int percent = (int)between(d, 10, 50);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        if (chance(d, percent)) {
            chosen[count++] = faults[i];
        }
    }
    int64_t every_ms = some(d, 300, 8000);
    d->now_ms = WARM_UP_MS;
    while (count > 0 && d->now_ms < d->end_ms) {
        chosen[between(d, 0, count - 1)](d);
        d->now_ms += between(d, every_ms / 4, every_ms * 2);
    }
}

/* One broker after the other loses its power; the others are well. */
static void draw_calm(struct draw *d)
{
    fault_fn *const others[] = {client_dies, write_back, drift_clock,
                                slow_disk,   swap_disk,  damage_disk};
    int64_t every_ms = some(d, 2000, 20000);
    for (d->now_ms = WARM_UP_MS; d->now_ms < d->end_ms; d->now_ms += between(d, 500, every_ms)) {
        struct name name = broker(d);
        if (chance(d, 50)) {
            others[between(d, 0, (int64_t)ARRAY_LEN(others) - 1)](d);
        } else if (chance(d, 50)) {
            AT(d, 0, "crash %s power within %" PRId64, name.text, some(d, 1, 60));
        } else {
            AT(d, 0, "crash %s power", name.text);
        }
    }
}

/* ---- the cluster and its load ---- */

static void draw_settings(struct draw *d)
{
    struct sim_scenario *s = d->s;
    if (d->flushed) {
        sim_scenario_set(s, "brokers", "log.flush.interval.messages=1");
    }
    if (chance(d, 60)) {
        sim_scenario_set(s, "all", "broker.session.timeout.ms=%" PRId64, between(d, 2000, 9000));
        sim_scenario_set(s, "all", "broker.heartbeat.interval.ms=%" PRId64, between(d, 300, 1000));
    }
    if (chance(d, 60)) {
        sim_scenario_set(s, "brokers", "replica.lag.time.max.ms=%" PRId64, between(d, 1500, 10000));
    }
    if (chance(d, 30)) {
        int64_t ms = between(d, 200, 2000);
        sim_scenario_set(s, "all", "controller.quorum.election.timeout.ms=%" PRId64, ms);
        sim_scenario_set(s, "all", "controller.quorum.fetch.timeout.ms=%" PRId64, ms * 2);
    }
    if (chance(d, 40)) {
        sim_scenario_set(s, "all", "metadata.log.max.record.bytes.between.snapshots=%" PRId64,
                         some(d, 500, 50000));
        sim_scenario_set(s, "all", "metadata.log.segment.min.bytes=1000");
        sim_scenario_set(s, "all", "metadata.log.segment.bytes=%" PRId64, some(d, 1000, 50000));
        sim_scenario_set(s, "all", "metadata.max.retention.bytes=%" PRId64, some(d, 1000, 100000));
    }
    if (chance(d, 30)) {
        sim_scenario_set(s, "brokers", "log.dirs=/data,/data-2%s", chance(d, 50) ? ",/data-3" : "");
    }
    if (chance(d, 30)) {
        sim_scenario_set(s, "brokers", "log.segment.bytes=%" PRId64, some(d, 16384, 1 << 20));
    }
}

static void draw_cluster(struct draw *d)
{
    static const int controllers[] = {3, 3, 3, 3, 3, 3, 5, 5, 1, 4};
    static const int brokers[] = {3, 3, 3, 3, 3, 3, 3, 4, 5, 2};
    d->s->controllers = controllers[between(d, 0, (int64_t)ARRAY_LEN(controllers) - 1)];
    d->s->brokers = brokers[between(d, 0, (int64_t)ARRAY_LEN(brokers) - 1)];
    d->s->clients = 2;
    if (chance(d, 50)) {
        d->s->voters = (int)between(d, (d->s->controllers + 1) / 2, d->s->controllers);
    }
}

static void draw_load(struct draw *d)
{
    int64_t partitions = some(d, 1, 6);
    AT(d, 500, "load client-1 topic topic=a partitions=%" PRId64, partitions);
    for (int i = 1; i <= 2; i++) {
        AT(d, 1000,
           "load client-%d produce topic=a every=%" PRId64 "ms..%" PRId64 "ms batch=%" PRId64
           " size=%" PRId64,
           i, some(d, 10, 100), some(d, 200, 2000), some(d, 1, 20), some(d, 12, 2000));
        if (chance(d, 80)) {
            AT(d, 1500, "load client-%d consume topic=a", i);
        }
    }
    for (int i = 0; i < GROUPS_MAX && chance(d, 50); i++) {
        AT(d, 2000, "load client-1 group topic=a group=g%d", i);
        AT(d, between(d, 2000, 20000), "load client-2 group topic=a group=g%d", i);
    }
    if (chance(d, 40)) {
        AT(d, 3000, "load client-2 reassign every=%" PRId64 "ms..%" PRId64 "ms", some(d, 50, 1000),
           some(d, 1000, 5000));
    }
    for (int i = 0; i < GROUPS_MAX && chance(d, 40); i++) {
        AT(d, 2500, "load client-2 cgroup topic=a group=c%d", i);
        AT(d, between(d, 2500, 20000), "load client-1 cgroup topic=a group=c%d", i);
        AT(d, between(d, 2500, 30000), "load client-1 cgroup topic=a group=c%d", i);
    }
    if (chance(d, 30)) {
        AT(d, 4000, "load client-1 trim topic=a every=%" PRId64 "ms..%" PRId64 "ms",
           some(d, 50, 1000), some(d, 1000, 8000));
    }
    /* Somebody must be left to take its replicas. */
    if (d->s->brokers > REPLICAS && chance(d, 70)) {
        struct name name = broker(d);
        AT(d, between(d, 3000, 15000), "load client-1 retire broker=%s away=%" PRId64 "ms",
           name.text, some(d, 100, 8000));
    }
    if (d->s->voters > 0) {
        AT(d, 2000, "load client-1 quorum every=%" PRId64 "ms..%" PRId64 "ms churn=%" PRId64,
           some(d, 100, 1000), some(d, 1000, 4000), chance(d, 50) ? between(d, 1, 30) : 0);
        if (chance(d, 20)) {
            sim_scenario_set(d->s, "controllers", "controller.quorum.auto.join.enable=true");
        }
    }
    if (chance(d, 50)) {
        AT(d, 1000, "load client-2 admin prefix=adm every=%" PRId64 "ms..%" PRId64 "ms",
           some(d, 50, 1000), some(d, 1000, 5000));
    }
}

void sim_draw(struct sim_scenario *s, uint64_t seed)
{
    struct draw d = {.s = s};
    sim_scenario_init(s, seed);
    prng_init(&d.p, seed);
    d.end_ms = WARM_UP_MS + some(&d, 5, 60) * S_MS;
    d.flushed = chance(&d, 35);
    draw_cluster(&d);
    draw_settings(&d);
    draw_load(&d);
    if (!d.flushed && chance(&d, 20)) {
        draw_calm(&d);
    } else {
        draw_faults(&d);
    }
    sim_scenario_at(s, d.end_ms * 1000, "heal");
}
