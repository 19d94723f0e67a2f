/* Orders about disks; see orders.h. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/cluster/orders.h"
#include "store/store.h"

enum { ARG_MACHINE = 1, ARG_WHAT, ARG_VALUE, ARG_ERROR, ARG_AT = ARG_ERROR, ARG_TIMES, ARG_MORE };

static uint32_t ops_of(const char *text)
{
    static const struct {
        const char *name;
        uint32_t ops;
    } names[] = {{"open", SIM_OP_OPEN},
                 {"read", SIM_OP_READ},
                 {"write", SIM_OP_WRITE},
                 {"sync", SIM_OP_SYNC},
                 {"truncate", SIM_OP_TRUNCATE},
                 {"rename", SIM_OP_RENAME},
                 {"unlink", SIM_OP_UNLINK},
                 {"mkdir", SIM_OP_MKDIR},
                 {"list", SIM_OP_LIST},
                 {"syncdir", SIM_OP_SYNC_DIR},
                 {"all", SIM_OP_ALL}};
    uint32_t ops = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, "+");
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            if (strlen(names[i].name) == len && strncmp(names[i].name, text, len) == 0) {
                ops |= names[i].ops;
            }
        }
        text += len + (text[len] == '+' ? 1 : 0);
    }
    return ops;
}

static void fail(struct sim_world *world, struct sim_machine *m, const struct sim_order *order)
{
    struct sim_rule rule = {.ops = ops_of(order->argv[ARG_VALUE]), .times = 1, .error = ERR_IO};
    if (order->argc > ARG_ERROR && strcmp(order->argv[ARG_ERROR], "full") == 0) {
        rule.error = ERR_NO_SPACE;
    }
    if (order->argc > ARG_TIMES) {
        rule.times = (uint32_t)strtoul(order->argv[ARG_TIMES], NULL, 10);
    }
    for (int i = ARG_MORE; i + 1 < order->argc; i += 2) {
        if (strcmp(order->argv[i], "after") == 0) {
            rule.after = (uint32_t)strtoul(order->argv[i + 1], NULL, 10);
        } else if (strcmp(order->argv[i], "path") == 0) {
            rule.path = order->argv[i + 1];
        }
    }
    bool loses = (rule.ops & SIM_OP_SYNC) != 0 && m->kind == SIM_BROKER;
    if (loses && !world->flushed && !sim_may_lose(m)) {
        sim_net_trace(world->net, "%s keeps its syncs: another one has lost something", m->name);
        return;
    }
    m->tainted = m->tainted || (loses && !world->flushed);
    (void)sim_disk_fail(m->disk, &rule);
}

/* ---- damage ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

static void find_note(void *arg, struct slice topic, int32_t partition, int64_t offset)
{
    (void)topic;
    (void)partition;
    *(int64_t *)arg = offset;
}

/* The end of a controller's log that it has noted as synced: what has come since looks torn when
 * it is damaged. */
static int64_t noted_end(struct sim_machine *m, const char *log)
{
    char path[512];
    struct store_error why;
    int64_t end = 0;
    snprintf(path, sizeof path, "%.*s/" STORE_RECOVERY_POINT_FILE, (int)(strrchr(log, '/') - log),
             log);
    enum err e = store_checkpoint_read(sim_disk_store(m->disk), path, find_note, &end, &why);
    return e == ERR_NONE ? end : 0;
}

/* Is the byte of the log where rot is found? Base offset and leader epoch of a batch are under no
 * checksum. */
static bool is_checked_in_log(struct sim_machine *m, const struct sim_spot *spot)
{
    enum { LENGTH_FROM = 8, EPOCH_FROM = 12, EPOCH_TO = 16, FILE_MAX_BYTES = 64 << 20 };
    struct buf bytes = {0};
    bool checked = false;
    enum err e = store_fs_read_file(sim_disk_store(m->disk), spot->path, FILE_MAX_BYTES, &bytes);
    for (uint64_t at = 0; e == ERR_NONE && at + EPOCH_TO < bytes.len;) {
        uint64_t size = EPOCH_FROM + load_u32(bytes.data + at + LENGTH_FROM);
        if (spot->byte < at + size) {
            uint64_t in = spot->byte - at;
            checked = (in >= EPOCH_TO || (in >= LENGTH_FROM && in < EPOCH_FROM)) &&
                      (m->kind != SIM_CONTROLLER ||
                       (int64_t)load_u64(bytes.data + at) < noted_end(m, spot->path));
            break;
        }
        at += size;
    }
    buf_fini(&bytes);
    return checked;
}

/* Checkpoints of offsets and epochs, and quorum-state, are under no checksum: when bits of those
 * rot nobody can know, here as in Kafka. */
static bool is_checked(struct sim_machine *m, const struct sim_spot *spot)
{
    bool checked = !ends_with(spot->path, "-checkpoint") && !ends_with(spot->path, "quorum-state");
    if (ends_with(spot->path, ".log")) {
        sim_disk_observe(m->disk, true);
        checked = is_checked_in_log(m, spot);
        sim_disk_observe(m->disk, false);
    }
    return checked;
}

/* `at BYTE` is taken as it is. */
static bool choose_spot(struct sim_machine *m, const struct sim_order *order, bool rot,
                        struct sim_spot *spot)
{
    enum { TRIES = 32 };
    for (int i = 0; i < TRIES; i++) {
        if (!sim_disk_choose(m->disk, order->argv[ARG_VALUE], spot)) {
            return false;
        }
        if (order->argc > ARG_TIMES && strcmp(order->argv[ARG_AT], "at") == 0) {
            spot->byte = strtoull(order->argv[ARG_TIMES], NULL, 10);
            return true;
        }
        if (!rot || is_checked(m, spot)) {
            return true;
        }
    }
    return false;
}

static void damage(struct sim_world *world, struct sim_machine *m, const struct sim_order *order)
{
    bool rot = strcmp(order->argv[ARG_WHAT], "rot") == 0;
    struct sim_spot spot;
    if (!sim_may_be_damaged(m)) {
        sim_net_trace(world->net, "%s stays whole: others may need what it has", m->name);
        return;
    }
    bool done =
        choose_spot(m, order, rot, &spot) && (rot ? sim_spot_rot(&spot) : sim_spot_spoil(&spot));
    if (done) {
        sim_net_trace(world->net, "%s: %s %s at %" PRIu64, m->name, order->argv[ARG_WHAT],
                      spot.path, spot.byte);
        m->unsound = true;
        m->tainted = m->kind == SIM_BROKER;
    }
}

void sim_order_disk(struct sim_world *world, const struct sim_order *order)
{
    struct sim_machine *m = sim_word_machine(world, order->argv[ARG_MACHINE]);
    const char *what = order->argv[ARG_WHAT];
    const char *value = order->argc > ARG_VALUE ? order->argv[ARG_VALUE] : "";
    int64_t low;
    int64_t high;
    if (m == NULL) {
        return;
    }
    if (strcmp(what, "fail") == 0) {
        fail(world, m, order);
    } else if (strcmp(what, "full") == 0) {
        sim_disk_set_free(m->disk, strtoull(value, NULL, 10));
    } else if (strcmp(what, "slow") == 0 && sim_parse_times(value, &low, &high)) {
        sim_disk_set_speed(m->disk, low, high);
    } else if (strcmp(what, "rot") == 0 || strcmp(what, "spoil") == 0) {
        damage(world, m, order);
    } else if (strcmp(what, "writeback") == 0) {
        sim_disk_write_back(m->disk);
    } else if (strcmp(what, "heal") == 0) {
        sim_disk_heal(m->disk);
    } else if (strcmp(what, "swap") == 0) {
        sim_machine_swap_disk(m);
    } else if (strcmp(what, "replace") == 0) {
        sim_machine_replace(m);
    } else {
        sim_fail(world, "Scenario: no such order to a disk", "%s", what);
    }
}
