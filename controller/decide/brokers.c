/* Registration of brokers and controllers; see brokers.h. */
#include "controller/decide/brokers.h"

#include "controller/decide/elect.h"
#include "controller/decide/features.h"

enum { VERSION_WITH_DIRS = 2 };

/* More than any machine has disks; bounds what the checks below cost. */
enum { DIRS_MAX = 1000 };

static bool is_reserved(struct uuid dir)
{
    return dir.hi == 0 && dir.lo < 100;
}

static bool dirs_contain(struct metadata_dirs dirs, struct uuid dir)
{
    for (size_t i = 0; i < dirs.count; i++) {
        if (uuid_eq(dirs.items[i], dir)) {
            return true;
        }
    }
    return false;
}

static enum err check_dirs(const struct decide_input *in,
                           const struct wire_broker_registration_request *request,
                           struct slice *why)
{
    struct metadata_dirs dirs = {request->log_dirs, (size_t)max_i64(request->log_dirs_count, 0)};
    if (dirs.count == 0 && in->api_version >= VERSION_WITH_DIRS) {
        *why = slice_str("no log directories in the registration");
        return ERR_INVALID_REGISTRATION;
    }
    if (dirs.count > DIRS_MAX) {
        *why = slice_str("too many log directories");
        return ERR_INVALID_REGISTRATION;
    }
    for (size_t i = 0; i < dirs.count; i++) {
        struct metadata_dirs before = {dirs.items, i};
        if (is_reserved(dirs.items[i]) || dirs_contain(before, dirs.items[i])) {
            *why =
                decide_text(in->arena, "log directory id %s is %s", uuid_text(dirs.items[i]).text,
                            is_reserved(dirs.items[i]) ? "reserved" : "given twice");
            return ERR_INVALID_REGISTRATION;
        }
    }
    struct metadata_iter it = metadata_brokers(in->image);
    const struct metadata_broker *other;
    while ((other = metadata_broker_next(&it)) != NULL) {
        for (size_t i = 0; i < dirs.count && other->id != request->broker_id; i++) {
            if (dirs_contain(other->log_dirs, dirs.items[i])) {
                *why = decide_text(in->arena, "log directory %s belongs to broker %d",
                                   uuid_text(dirs.items[i]).text, other->id);
                return ERR_INVALID_REGISTRATION;
            }
        }
    }
    return ERR_NONE;
}

static struct metadata_feature_ranges
broker_features(const struct decide_input *in,
                const struct wire_broker_registration_request *request)
{
    size_t count = (size_t)max_i64(request->features_count, 0);
    struct metadata_feature_range *items =
        ARENA_ARRAY(in->arena, count, struct metadata_feature_range);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct metadata_feature_range){
            .name = request->features[i].name,
            .min_version = request->features[i].min_supported_version,
            .max_version = request->features[i].max_supported_version,
        };
    }
    return (struct metadata_feature_ranges){items, count};
}

static struct metadata_endpoints
broker_endpoints(const struct decide_input *in,
                 const struct wire_broker_registration_request *request)
{
    size_t count = (size_t)max_i64(request->listeners_count, 0);
    struct metadata_endpoint *items = ARENA_ARRAY(in->arena, count, struct metadata_endpoint);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct metadata_endpoint){
            .name = request->listeners[i].name,
            .host = request->listeners[i].host,
            .port = request->listeners[i].port,
            .security_protocol = request->listeners[i].security_protocol,
        };
    }
    return (struct metadata_endpoints){items, count};
}

static enum err check_registration(const struct decide_input *in,
                                   const struct wire_broker_registration_request *request,
                                   const struct metadata_broker *known, bool live,
                                   struct slice *why)
{
    if (!slice_eq(request->cluster_id, metadata_image_cluster_id(in->image))) {
        *why = decide_text(in->arena, "expected cluster id %.*s, got %.*s",
                           SLICE_ARG(metadata_image_cluster_id(in->image)),
                           SLICE_ARG(request->cluster_id));
        return ERR_INCONSISTENT_CLUSTER_ID;
    }
    if (request->broker_id < 0) {
        *why = slice_str("the broker id is negative");
        return ERR_INVALID_REGISTRATION;
    }
    bool other = known != NULL && !uuid_eq(known->incarnation_id, request->incarnation_id);
    if (other && live && !known->in_controlled_shutdown) {
        *why = slice_str("another process with this broker id has a live session; if the broker "
                         "was just restarted, this goes away when that session ends");
        return ERR_DUPLICATE_BROKER_REGISTRATION;
    }
    TRY(decide_features_check(in, broker_features(in, request), why));
    return check_dirs(in, request, why);
}

void decide_register_broker(const struct decide_input *in,
                            const struct wire_broker_registration_request *request, bool live,
                            struct decision *out, struct slice *why)
{
    struct wire_broker_registration_response *response =
        ARENA_NEW(in->arena, struct wire_broker_registration_response);
    const struct metadata_broker *known = metadata_broker(in->image, request->broker_id);
    *why = SLICE_NULL;
    out->response = response;
    response->broker_epoch = -1;
    enum err e = check_registration(in, request, known, live, why);
    response->error_code = err_wire(e);
    if (e != ERR_NONE) {
        return;
    }
    bool same = known != NULL && uuid_eq(known->incarnation_id, request->incarnation_id);
    out->reason = slice_str("the broker starts");
    if (known != NULL && !same) {
        /* The process before this one is gone: nothing is led by it, no ISR counts on it. */
        decide_remove_from_isrs(in, request->broker_id, NULL, out);
    }
    response->broker_epoch = same ? known->epoch : in->next_offset + (int64_t)out->count;
    bool has_dirs = decide_level(in->image) >= METADATA_LEVEL_3_7_IV2;
    struct metadata_record *record = decision_add(out, METADATA_RECORD_REGISTER_BROKER);
    record->register_broker = (struct metadata_register_broker){
        .broker_id = request->broker_id,
        .is_migrating_zk_broker = request->is_migrating_zk_broker,
        .incarnation_id = request->incarnation_id,
        .broker_epoch = response->broker_epoch,
        .endpoints = broker_endpoints(in, request),
        .features = broker_features(in, request),
        .rack = request->rack,
        .fenced = !same || known->fenced,
        .in_controlled_shutdown = same && known->in_controlled_shutdown,
        .log_dirs = {request->log_dirs, has_dirs ? (size_t)max_i64(request->log_dirs_count, 0) : 0},
    };
}

void decide_unregister_broker(const struct decide_input *in,
                              const struct wire_unregister_broker_request *request,
                              struct decision *out)
{
    struct wire_unregister_broker_response *response =
        ARENA_NEW(in->arena, struct wire_unregister_broker_response);
    const struct metadata_broker *broker = metadata_broker(in->image, request->broker_id);
    out->response = response;
    if (broker == NULL) {
        response->error_code = err_wire(ERR_BROKER_ID_NOT_REGISTERED);
        response->error_message =
            decide_text(in->arena, "Broker ID %d is not currently registered", request->broker_id);
        return;
    }
    decide_remove_from_isrs(in, broker->id, NULL, out);
    struct metadata_record *record = decision_add(out, METADATA_RECORD_UNREGISTER_BROKER);
    record->unregister_broker = (struct metadata_unregister_broker){broker->id, broker->epoch};
}

/* ---- controllers ---- */

static struct metadata_register_controller
controller_record(const struct decide_input *in,
                  const struct wire_controller_registration_request *request)
{
    size_t endpoint_count = (size_t)max_i64(request->listeners_count, 0);
    size_t feature_count = (size_t)max_i64(request->features_count, 0);
    struct metadata_endpoint *endpoints =
        ARENA_ARRAY(in->arena, endpoint_count, struct metadata_endpoint);
    struct metadata_feature_range *features =
        ARENA_ARRAY(in->arena, feature_count, struct metadata_feature_range);
    for (size_t i = 0; i < endpoint_count; i++) {
        endpoints[i] = (struct metadata_endpoint){
            .name = request->listeners[i].name,
            .host = request->listeners[i].host,
            .port = request->listeners[i].port,
            .security_protocol = request->listeners[i].security_protocol,
        };
    }
    for (size_t i = 0; i < feature_count; i++) {
        features[i] = (struct metadata_feature_range){
            .name = request->features[i].name,
            .min_version = request->features[i].min_supported_version,
            .max_version = request->features[i].max_supported_version,
        };
    }
    return (struct metadata_register_controller){
        .controller_id = request->controller_id,
        .incarnation_id = request->incarnation_id,
        .zk_migration_ready = request->zk_migration_ready,
        .endpoints = {endpoints, endpoint_count},
        .features = {features, feature_count},
    };
}

void decide_register_controller(const struct decide_input *in,
                                const struct wire_controller_registration_request *request,
                                struct decision *out)
{
    struct wire_controller_registration_response *response =
        ARENA_NEW(in->arena, struct wire_controller_registration_response);
    struct metadata_register_controller record = controller_record(in, request);
    struct slice why = SLICE_NULL;
    out->response = response;
    enum err e = decide_features_check(in, record.features, &why);
    if (e == ERR_NONE && decide_level(in->image) < METADATA_LEVEL_3_7_IV0) {
        e = ERR_UNSUPPORTED_VERSION;
        why = slice_str("The current MetadataVersion is too old to support controller "
                        "registrations.");
    }
    response->error_code = err_wire(e);
    response->error_message = why;
    const struct metadata_controller *known =
        metadata_controller(in->image, request->controller_id);
    bool same = known != NULL && uuid_eq(known->incarnation_id, request->incarnation_id);
    if (e == ERR_NONE && !same) {
        /* An incarnation registers once; asking again after a lost answer changes nothing. */
        decision_add(out, METADATA_RECORD_REGISTER_CONTROLLER)->register_controller = record;
    }
}
