/* Which calls fail: rules, halts, and the time that calls take. */
#include <errno.h>

#include "base/mem.h"
#include "sim/fs/disk.h"

/* Calls that change what is on the disk. */
enum {
    SIM_OPS_CHANGING = SIM_OP_WRITE | SIM_OP_SYNC | SIM_OP_TRUNCATE | SIM_OP_RENAME |
                       SIM_OP_UNLINK | SIM_OP_MKDIR | SIM_OP_SYNC_DIR,
    SIM_OPS_SLOW = SIM_OP_READ | SIM_OP_SYNC | SIM_OP_SYNC_DIR
};

enum err sim_disk_error(enum err e)
{
    switch ((int)e) {
    case ERR_NO_SPACE:
        errno = ENOSPC;
        break;
    case ERR_NOT_FOUND:
        errno = ENOENT;
        break;
    case ERR_EXISTS:
        errno = EEXIST;
        break;
    case ERR_BUSY:
        errno = EMFILE;
        break;
    case ERR_LOCKED:
        errno = EWOULDBLOCK;
        break;
    default:
        errno = EIO;
        break;
    }
    return e;
}

bool sim_fs_point_at(const struct sim_fs *fs, size_t at, struct sim_fs_point *out)
{
    static const char *const names[SIM_OP_COUNT] = {"open",     "read",    "write",  "sync",
                                                    "truncate", "rename",  "unlink", "mkdir",
                                                    "list",     "sync_dir"};
    if (at >= SIM_OP_COUNT) {
        return false;
    }
    *out = (struct sim_fs_point){names[at], fs->failed[at], fs->died[at]};
    return true;
}

bool sim_disk_fail(struct sim_disk *disk, const struct sim_rule *rule)
{
    for (int i = 0; i < SIM_RULES_MAX; i++) {
        struct sim_rule *place = &disk->rules[i];
        if (place->times == 0) {
            mem_free((char *)(uintptr_t)place->path);
            *place = *rule;
            place->path = mem_strdup(rule->path);
            return true;
        }
    }
    return false;
}

void sim_rules_clear(struct sim_disk *disk)
{
    for (int i = 0; i < SIM_RULES_MAX; i++) {
        mem_free((char *)(uintptr_t)disk->rules[i].path);
        disk->rules[i] = (struct sim_rule){0};
    }
}

uint64_t sim_disk_struck(const struct sim_disk *disk)
{
    return disk->struck;
}

static void count_strike(struct sim_disk *disk, enum sim_op op, enum err e)
{
    disk->struck++;
    disk->fs->failed[__builtin_ctz(op)]++;
    sim_fault(disk, e == ERR_NO_SPACE                        ? SIM_FAULT_NO_SPACE
                    : (op & (SIM_OP_SYNC | SIM_OP_SYNC_DIR)) ? SIM_FAULT_SYNC_ERROR
                    : (op & SIM_OPS_CHANGING)                ? SIM_FAULT_WRITE_ERROR
                                                             : SIM_FAULT_READ_ERROR);
}

/* The rules' verdict alone. */
static enum err ask_rules(struct sim_disk *disk, enum sim_op op, const char *path)
{
    for (int i = 0; i < SIM_RULES_MAX; i++) {
        struct sim_rule *rule = &disk->rules[i];
        if (rule->times == 0 || (rule->ops & op) == 0 ||
            (rule->path != NULL && strstr(path, rule->path) == NULL)) {
            continue;
        }
        if (rule->after > 0) {
            rule->after--;
            continue;
        }
        rule->times -= rule->times == SIM_FOR_EVER ? 0 : 1;
        count_strike(disk, op, rule->error);
        return sim_disk_error(rule->error);
    }
    return ERR_NONE;
}

static void spend(struct sim_disk *disk, enum sim_op op)
{
    const struct sim_fs_options *o = &disk->fs->options;
    if (disk->us_max > 0 && (op & SIM_OPS_SLOW) != 0 && o->spend != NULL) {
        o->spend(o->arg, prng_range(&disk->prng, disk->us_min, disk->us_max));
        sim_fault(disk, SIM_FAULT_SLOW);
    }
}

enum err sim_disk_pass(struct sim_disk *disk, enum sim_op op, const char *path)
{
    if (disk->observed) {
        return ERR_NONE;
    }
    spend(disk, op);
    if (disk->halts && (op & SIM_OPS_CHANGING) != 0 && --disk->halt_after == 0) {
        sim_disk_halt(disk);
        disk->fs->died[__builtin_ctz(op)]++;
        if (disk->on_halted != NULL) {
            disk->on_halted(disk->on_halted_arg);
        }
        /* A write got some way; of the others, the whole way or none. */
        if (op != SIM_OP_WRITE && prng_chance(&disk->prng, 1, 2)) {
            return ERR_NONE;
        }
        return sim_disk_error(ERR_IO);
    }
    if (disk->halted) {
        return sim_disk_error(ERR_IO);
    }
    return ask_rules(disk, op, path);
}
