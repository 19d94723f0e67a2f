/* A log directory fails: its replicas go offline, the controller is told in time. */
#include "broker/dirs.h"
#include "broker/lifecycle.h"
#include "broker/replicas.h"

static void end_broker(struct broker *broker, const char *what)
{
    broker->failed(broker->failed_arg, what);
}

bool broker_dirs_suffice(const struct broker *broker)
{
    bool any = false;
    for (size_t i = 0; i < broker->dirs->count; i++) {
        const struct broker_dir *dir = broker->dirs->items[i];
        any = any || dir->online;
        if (!dir->online && broker->metadata_dir_is_data &&
            strcmp(dir->path, broker->metadata_dir) == 0) {
            return false;
        }
    }
    return any;
}

static void on_not_told(void *arg)
{
    struct broker_dir *dir = arg;
    log_error(dir->broker->log, "dirs", "the controller was not told", "dir=%s", dir->path);
    end_broker(dir->broker, "the controller could not be told of a failed log directory within "
                            "log.dir.failure.timeout.ms");
}

/* Whoever found the failure may still be working on a log of the directory. */
static void take_offline(void *arg)
{
    struct broker *broker = arg;
    broker->dirs->fail_deferred = false;
    broker_replicas_dirs_failed(broker);
}

void broker_dir_fail(struct broker_dir *dir, const char *why)
{
    struct broker *broker = dir->broker;
    if (!dir->online) {
        return;
    }
    log_error(broker->log, "dirs", "log directory has failed", "dir=%s logs=%zu reason=\"%s\"",
              dir->path, dir->logs, why);
    dir->online = false;
    if (!broker_dirs_suffice(broker)) {
        end_broker(broker, "the directory of the metadata log has failed, or no other is left; "
                           "the line before says which");
        return;
    }
    if (!broker->dirs->fail_deferred) {
        broker->dirs->fail_deferred = true;
        net_defer(broker->loop, take_offline, broker);
    }
    net_timer_init(&dir->failure_timer, broker->loop, on_not_told, dir);
    net_timer_set(&dir->failure_timer,
                  settings_long(broker->settings, "log.dir.failure.timeout.ms"));
    broker_lifecycle_heartbeat_now(broker->lifecycle);
}

void broker_dirs_failures_stop(struct broker *broker)
{
    net_undefer(broker->loop, take_offline, broker);
    for (size_t i = 0; i < broker->dirs->count; i++) {
        struct broker_dir *dir = broker->dirs->items[i];
        if (dir->failure_timer.loop != NULL) {
            net_timer_stop(&dir->failure_timer);
        }
    }
}

void broker_dirs_failures_sent(struct broker *broker)
{
    for (size_t i = 0; i < broker->dirs->count; i++) {
        struct broker_dir *dir = broker->dirs->items[i];
        dir->sent = !dir->online;
    }
}

void broker_dirs_failures_told(struct broker *broker)
{
    for (size_t i = 0; i < broker->dirs->count; i++) {
        struct broker_dir *dir = broker->dirs->items[i];
        if (dir->sent && !dir->told) {
            dir->told = true;
            if (dir->failure_timer.loop != NULL) {
                net_timer_stop(&dir->failure_timer);
            }
            log_info(broker->log, "dirs", "the controller knows of the failure", "dir=%s",
                     dir->path);
        }
    }
}
