/* Heartbeats of brokers and fencing: the state machine of brokers.h. */
#include "controller/decide/brokers.h"
#include "controller/decide/elect.h"
#include "controller/decide/isr.h"

enum decide_broker_state decide_broker_state(const struct metadata_broker *broker)
{
    if (broker->fenced) {
        return DECIDE_BROKER_FENCED;
    }
    return broker->in_controlled_shutdown ? DECIDE_BROKER_CONTROLLED_SHUTDOWN
                                          : DECIDE_BROKER_UNFENCED;
}

static bool leads_anything(const struct decide_input *in, int32_t broker_id)
{
    struct metadata_partition_iter it =
        metadata_partition_set(in->image, METADATA_SET_BROKER(broker_id));
    const struct metadata_partition *p;
    while ((p = metadata_partition_set_next(&it)) != NULL) {
        if (p->leader == broker_id) {
            return true;
        }
    }
    return false;
}

static bool is_caught_up(const struct metadata_broker *broker,
                         const struct wire_broker_heartbeat_request *request)
{
    return request->current_metadata_offset >= broker->registration_offset;
}

static enum decide_broker_state next_state(const struct decide_input *in,
                                           const struct metadata_broker *broker,
                                           const struct wire_broker_heartbeat_request *request,
                                           const struct decide_heartbeat_soft *soft)
{
    enum decide_broker_state now = decide_broker_state(broker);
    switch (now) {
    case DECIDE_BROKER_FENCED:
        if (request->want_shut_down || broker->in_controlled_shutdown) {
            /* There is no way back from a shutdown but a new incarnation. */
            return DECIDE_BROKER_SHUTDOWN_NOW;
        }
        return !request->want_fence && is_caught_up(broker, request) ? DECIDE_BROKER_UNFENCED
                                                                     : DECIDE_BROKER_FENCED;
    case DECIDE_BROKER_UNFENCED:
        if (request->want_fence) {
            return request->want_shut_down ? DECIDE_BROKER_SHUTDOWN_NOW : DECIDE_BROKER_FENCED;
        }
        if (request->want_shut_down) {
            return leads_anything(in, broker->id) ? DECIDE_BROKER_CONTROLLED_SHUTDOWN
                                                  : DECIDE_BROKER_SHUTDOWN_NOW;
        }
        return DECIDE_BROKER_UNFENCED;
    case DECIDE_BROKER_CONTROLLED_SHUTDOWN:
        /* The others must know the new leaders before the old one goes away. */
        return !leads_anything(in, broker->id) &&
                       soft->shutdown_offset <= soft->lowest_active_offset
                   ? DECIDE_BROKER_SHUTDOWN_NOW
                   : DECIDE_BROKER_CONTROLLED_SHUTDOWN;
    case DECIDE_BROKER_SHUTDOWN_NOW:
        break;
    }
    return DECIDE_BROKER_SHUTDOWN_NOW;
}

static struct metadata_broker_registration_change *
change_registration(const struct metadata_broker *broker, struct decision *out)
{
    struct metadata_record *record = decision_add(out, METADATA_RECORD_BROKER_REGISTRATION_CHANGE);
    record->broker_registration_change.broker_id = broker->id;
    record->broker_registration_change.broker_epoch = broker->epoch;
    return &record->broker_registration_change;
}

void decide_fence(const struct decide_input *in, int32_t broker_id, struct decision *out)
{
    const struct metadata_broker *broker = metadata_broker(in->image, broker_id);
    if (broker == NULL || broker->fenced) {
        return;
    }
    decide_remove_from_isrs(in, broker_id, NULL, out);
    change_registration(broker, out)->fenced = 1;
}

/* SIZE_MAX would overflow the bound; no image has so many partitions. */
#define ALL_PARTITIONS ((size_t)INT64_MAX)

static void enter(const struct decide_input *in, const struct metadata_broker *broker,
                  enum decide_broker_state next, struct decision *out)
{
    switch (next) {
    case DECIDE_BROKER_FENCED:
        out->reason = slice_str("the broker asks to be fenced");
        decide_fence(in, broker->id, out);
        break;
    case DECIDE_BROKER_SHUTDOWN_NOW:
        out->reason = slice_str("the broker shuts down");
        decide_fence(in, broker->id, out);
        break;
    case DECIDE_BROKER_UNFENCED:
        out->reason = slice_str("the broker has caught up");
        change_registration(broker, out)->fenced = -1;
        decide_elect_leaderless(in, broker->id, ALL_PARTITIONS, out);
        break;
    case DECIDE_BROKER_CONTROLLED_SHUTDOWN:
        out->reason = slice_str("the broker begins to shut down");
        change_registration(broker, out)->in_controlled_shutdown = 1;
        decide_remove_from_isrs(in, broker->id, NULL, out);
        break;
    }
}

/* The registered directories that the broker says have failed, and those that have not. */
struct dirs_split {
    struct metadata_dirs offline;
    struct metadata_dirs online;
};

static struct dirs_split split_dirs(const struct decide_input *in,
                                    const struct metadata_broker *broker,
                                    const struct wire_broker_heartbeat_request *request)
{
    struct uuid *lost = ARENA_ARRAY(in->arena, broker->log_dirs.count, struct uuid);
    struct uuid *kept = ARENA_ARRAY(in->arena, broker->log_dirs.count, struct uuid);
    struct dirs_split split = {{lost, 0}, {kept, 0}};
    for (size_t i = 0; i < broker->log_dirs.count; i++) {
        struct uuid dir = broker->log_dirs.items[i];
        bool is_lost = false;
        for (int32_t k = 0; k < request->offline_log_dirs_count; k++) {
            is_lost = is_lost || uuid_eq(request->offline_log_dirs[k], dir);
        }
        if (is_lost) {
            lost[split.offline.count++] = dir;
        } else {
            kept[split.online.count++] = dir;
        }
    }
    return split;
}

/* Directories failed since the broker registered them: their replicas are as good as gone
 * (KIP-858). */
static void lose_directories(const struct decide_input *in, const struct metadata_broker *broker,
                             const struct dirs_split *dirs, struct decision *out)
{
    out->reason = slice_str("log directories of the broker failed");
    decide_remove_from_isrs(in, broker->id, &dirs->offline, out);
    struct metadata_broker_registration_change *change = change_registration(broker, out);
    change->has_log_dirs = true;
    change->log_dirs = dirs->online;
}

/* The next state of the broker, with the records that lead there. */
static enum decide_broker_state step(const struct decide_input *in,
                                     const struct metadata_broker *broker,
                                     const struct wire_broker_heartbeat_request *request,
                                     const struct decide_heartbeat_soft *soft, struct decision *out)
{
    enum decide_broker_state now = decide_broker_state(broker);
    enum decide_broker_state next = DECIDE_BROKER_FENCED;
    struct dirs_split dirs = split_dirs(in, broker, request);
    if (dirs.offline.count == 0) {
        next = next_state(in, broker, request, soft);
    } else if (dirs.online.count > 0) {
        /* One thing at a time: a change of state would decide on the same partitions from the same
         * old image. */
        lose_directories(in, broker, &dirs, out);
        return now;
    }
    /* A broker without any directory is fenced for as long as it says so. */
    if (next != now) {
        enter(in, broker, next, out);
        if (dirs.offline.count > 0) {
            out->reason = slice_str("all log directories of the broker failed");
        }
    }
    return next;
}

void decide_heartbeat(const struct decide_input *in,
                      const struct wire_broker_heartbeat_request *request,
                      const struct decide_heartbeat_soft *soft, struct decision *out,
                      enum decide_broker_state *next)
{
    struct wire_broker_heartbeat_response *response =
        ARENA_NEW(in->arena, struct wire_broker_heartbeat_response);
    out->response = response;
    response->is_fenced = true;
    *next = DECIDE_BROKER_FENCED;
    enum err e = decide_check_epoch(in, request->broker_id, request->broker_epoch);
    response->error_code = err_wire(e);
    if (e != ERR_NONE) {
        return;
    }
    const struct metadata_broker *broker = metadata_broker(in->image, request->broker_id);
    *next = step(in, broker, request, soft, out);
    response->is_caught_up = is_caught_up(broker, request);
    response->is_fenced = *next == DECIDE_BROKER_FENCED || *next == DECIDE_BROKER_SHUTDOWN_NOW;
    response->should_shut_down = *next == DECIDE_BROKER_SHUTDOWN_NOW;
}
