/* A log in another directory of the same file system, and under another owner. */
#include "base/mem.h"
#include "store/log_private.h"

enum err store_log_rename(struct store_log *log, const char *dir)
{
    ASSERT(log->flushes == 0);
    if (log->offline) {
        return ERR_IO;
    }
    TRY(store_fs_rename(log->fs, log->dir, dir));
    mem_free((char *)(uintptr_t)log->dir);
    log->dir = mem_strdup(dir);
    log->parent_synced = false;
    log->dir_version++;
    return ERR_NONE;
}

void store_log_set_owner(struct store_log *log, void (*on_roll)(void *arg, int64_t base_offset),
                         void *arg)
{
    log->on_roll = on_roll;
    log->arg = arg;
}
