/* Feature levels; see features.h. */
#include "controller/decide/features.h"

enum { UPGRADE = 1, SAFE_DOWNGRADE = 2, UNSAFE_DOWNGRADE = 3 };
enum { ALL_OR_NONE = 2 };

/* Far more than there are features; keeps the search for repeated ones short. */
enum { UPDATES_MAX = 100 };

static bool ranges_contain(struct metadata_feature_ranges ranges, struct slice name, int16_t level)
{
    for (size_t i = 0; i < ranges.count; i++) {
        if (slice_eq(ranges.items[i].name, name)) {
            return level == 0 ||
                   (ranges.items[i].min_version <= level && level <= ranges.items[i].max_version);
        }
    }
    return level == 0;
}

enum err decide_features_check(const struct decide_input *in, struct metadata_feature_ranges ranges,
                               struct slice *why)
{
    struct metadata_iter it = metadata_features(in->image);
    const struct metadata_feature *feature;
    while ((feature = metadata_feature_next(&it)) != NULL) {
        if (!ranges_contain(ranges, feature->name, feature->level)) {
            *why = decide_text(in->arena,
                               "the node does not support version %d of feature %.*s, which is "
                               "finalized",
                               feature->level, SLICE_ARG(feature->name));
            return ERR_UNSUPPORTED_VERSION;
        }
    }
    return ERR_NONE;
}

void decide_bootstrap(const struct decide_input *in, struct decision *out)
{
    decision_atomic_begin(out);
    for (size_t i = 0; i < in->supported->count; i++) {
        const struct metadata_supported_feature *row = &in->supported->rows[i];
        if (row->initial > 0) {
            decision_add(out, METADATA_RECORD_FEATURE_LEVEL)->feature_level =
                (struct metadata_feature_level){slice_str(row->name), row->initial};
        }
    }
    decision_atomic_end(out);
}

/* Every registered node must support the level. */
static enum err check_nodes(const struct decide_input *in, struct slice name, int16_t level,
                            struct slice *why)
{
    struct metadata_iter it = metadata_brokers(in->image);
    const struct metadata_broker *broker;
    while ((broker = metadata_broker_next(&it)) != NULL) {
        if (!ranges_contain(broker->features, name, level)) {
            *why = decide_text(in->arena, "Broker %d does not support version %d of feature %.*s.",
                               broker->id, level, SLICE_ARG(name));
            return ERR_INVALID_UPDATE_VERSION;
        }
    }
    it = metadata_controllers(in->image);
    const struct metadata_controller *controller;
    while ((controller = metadata_controller_next(&it)) != NULL) {
        if (!ranges_contain(controller->features, name, level)) {
            *why =
                decide_text(in->arena, "Controller %d does not support version %d of feature %.*s.",
                            controller->id, level, SLICE_ARG(name));
            return ERR_INVALID_UPDATE_VERSION;
        }
    }
    return ERR_NONE;
}

/* Does the metadata hold anything that nodes of the lower level would not understand? */
static enum err check_downgrade(const struct decide_input *in, int16_t level, int8_t type,
                                struct slice *why)
{
    if (type == UNSAFE_DOWNGRADE) {
        *why = slice_str("Unsafe metadata downgrade is not supported in this version.");
        return ERR_INVALID_UPDATE_VERSION;
    }
    struct metadata_snapshot *snapshot = metadata_snapshot_begin(in->image);
    struct metadata_record record;
    enum err e = ERR_NONE;
    while (e == ERR_NONE && metadata_snapshot_next(snapshot, &record)) {
        if (metadata_record_level(&record) > level) {
            *why =
                decide_text(in->arena,
                            "Refusing to perform the requested downgrade because it might "
                            "delete metadata information: a %s needs level %d.",
                            metadata_record_type_name(record.type), metadata_record_level(&record));
            e = ERR_INVALID_UPDATE_VERSION;
        }
    }
    metadata_snapshot_end(snapshot);
    return e;
}

struct update {
    const struct decide_input *in;
    const struct decide_quorum *quorum;
    const struct wire_update_features_request *request;
    struct decision *out;
};

/* The level of metadata.version when the whole request is carried out. Before version 2 one update
 * may be carried out and another refused, so each must be possible alone. */
static int16_t proposed_level(const struct update *u)
{
    bool all_or_none = u->in->api_version >= ALL_OR_NONE;
    for (int32_t i = 0; all_or_none && i < u->request->feature_updates_count; i++) {
        if (slice_eq_str(u->request->feature_updates[i].feature, METADATA_VERSION_FEATURE)) {
            return u->request->feature_updates[i].max_version_level;
        }
    }
    return decide_level(u->in->image);
}

/* Releases that know no higher level than the new one do not read voters from the log. */
static enum err check_voters(const struct update *u, int16_t level, struct slice *why)
{
    if (u->quorum->kraft_version == 0 || level >= METADATA_LEVEL_3_9_IV0) {
        return ERR_NONE;
    }
    *why =
        decide_text(u->in->arena,
                    "Invalid update version %d for feature metadata.version. kraft.version %d is "
                    "finalized, which needs metadata.version %d (%s), and has no way back.",
                    level, u->quorum->kraft_version, METADATA_LEVEL_3_9_IV0,
                    metadata_level_name(METADATA_LEVEL_3_9_IV0));
    return ERR_INVALID_UPDATE_VERSION;
}

/* Voters that are records stay records. */
static enum err update_kraft_version(const struct update *u, int16_t level, struct slice *why)
{
    if (level < u->quorum->kraft_version) {
        *why = slice_str("Can't downgrade the version of this feature: voters that are records of "
                         "the log stay records.");
        return ERR_INVALID_UPDATE_VERSION;
    }
    if (level == u->quorum->kraft_version) {
        return ERR_NONE;
    }
    if (proposed_level(u) < METADATA_LEVEL_3_9_IV0) {
        *why = decide_text(u->in->arena, "kraft.version %d needs metadata.version %d (%s).", level,
                           METADATA_LEVEL_3_9_IV0, metadata_level_name(METADATA_LEVEL_3_9_IV0));
        return ERR_INVALID_UPDATE_VERSION;
    }
    if (!slice_is_null(u->quorum->refusal)) {
        *why = decide_text(u->in->arena, "Invalid upgrade of kraft.version from %d to %d: %.*s.",
                           u->quorum->kraft_version, level, SLICE_ARG(u->quorum->refusal));
        return ERR_INVALID_UPDATE_VERSION;
    }
    u->out->kraft_version = level;
    /* The records that follow are the quorum's and Kafka's; this one can say who asked for them. */
    decision_add(u->out, METADATA_RECORD_NO_OP);
    return ERR_NONE;
}

/* Does this controller know the level? What it does not know is at level 0. */
static enum err check_range(const struct decide_input *in, struct slice name, int16_t level,
                            struct slice *why)
{
    const struct metadata_supported_feature *row = metadata_supported_find(in->supported, name);
    if (row == NULL && level != 0) {
        *why = decide_text(in->arena,
                           "Invalid update version %d for feature %.*s. Controller %d does not "
                           "support this feature.",
                           level, SLICE_ARG(name), in->node_id);
        return ERR_INVALID_UPDATE_VERSION;
    }
    if (row != NULL && (level < row->min || level > row->max)) {
        *why = decide_text(in->arena,
                           "Invalid update version %d for feature %.*s. Controller %d supports "
                           "versions %d-%d.",
                           level, SLICE_ARG(name), in->node_id, row->min, row->max);
        return ERR_INVALID_UPDATE_VERSION;
    }
    return ERR_NONE;
}

static enum err check_direction(const struct decide_input *in, int8_t type, int16_t from,
                                int16_t to, struct slice *why)
{
    if (type != UPGRADE && type != SAFE_DOWNGRADE && type != UNSAFE_DOWNGRADE) {
        *why = decide_text(in->arena, "The controller does not support the given upgrade type.");
        return ERR_INVALID_REQUEST;
    }
    if (to < from && type == UPGRADE) {
        *why = decide_text(in->arena, "Can't downgrade the version of this feature without setting "
                                      "the upgrade type to either safe or unsafe downgrade.");
        return ERR_INVALID_UPDATE_VERSION;
    }
    if (to > from && type != UPGRADE) {
        *why = decide_text(in->arena, "Can't downgrade to a newer version.");
        return ERR_INVALID_UPDATE_VERSION;
    }
    return ERR_NONE;
}

static enum err update_one(const struct update *u,
                           const struct wire_update_features_request_feature_updates *update,
                           struct slice *why)
{
    const struct decide_input *in = u->in;
    bool of_quorum = slice_eq_str(update->feature, METADATA_KRAFT_FEATURE);
    int16_t level = update->max_version_level;
    int8_t type = update->upgrade_type;
    if (in->api_version == 0) {
        type = update->allow_downgrade ? SAFE_DOWNGRADE : UPGRADE;
    }
    int16_t now =
        of_quorum ? u->quorum->kraft_version : metadata_feature_level(in->image, update->feature);
    TRY(check_range(in, update->feature, level, why));
    TRY(check_direction(in, type, now, level, why));
    TRY(check_nodes(in, update->feature, level, why));
    if (of_quorum) {
        return update_kraft_version(u, level, why);
    }
    if (level < now && slice_eq_str(update->feature, METADATA_VERSION_FEATURE)) {
        TRY(check_voters(u, level, why));
        TRY(check_downgrade(in, level, type, why));
    }
    if (level != now) {
        decision_add(u->out, METADATA_RECORD_FEATURE_LEVEL)->feature_level =
            (struct metadata_feature_level){update->feature, level};
    }
    return ERR_NONE;
}

static bool is_repeated(const struct wire_update_features_request *request, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (slice_eq(request->feature_updates[i].feature, request->feature_updates[at].feature)) {
            return true;
        }
    }
    return false;
}

/* The first error, and every reason: who mends one should not be told the next one only then. */
static void refuse_all(const struct decide_input *in,
                       struct wire_update_features_response *response, enum err e, struct slice why)
{
    if (response->error_code == 0) {
        response->error_code = err_wire(e);
        response->error_message = why;
        return;
    }
    response->error_message =
        decide_text(in->arena, "%.*s %.*s", SLICE_ARG(response->error_message), SLICE_ARG(why));
}

void decide_update_features(const struct decide_input *in, const struct decide_quorum *quorum,
                            const struct wire_update_features_request *request,
                            struct decision *out)
{
    size_t count = (size_t)max_i64(request->feature_updates_count, 0);
    struct wire_update_features_response *response =
        ARENA_NEW(in->arena, struct wire_update_features_response);
    response->results = ARENA_ARRAY(in->arena, count, struct wire_update_features_response_results);
    out->response = response;
    if (count > UPDATES_MAX) {
        response->error_code = err_wire(ERR_INVALID_REQUEST);
        response->error_message = slice_str("The request names too many features.");
        return;
    }
    struct update u = {in, quorum, request, out};
    decision_atomic_begin(out);
    for (size_t i = 0; i < count; i++) {
        struct wire_update_features_response_results *result = &response->results[i];
        struct slice why = SLICE_NULL;
        enum err e = ERR_INVALID_REQUEST;
        if (is_repeated(request, i)) {
            why = slice_str("The feature is in the request more than once.");
        } else {
            e = update_one(&u, &request->feature_updates[i], &why);
        }
        result->feature = request->feature_updates[i].feature;
        result->error_code = err_wire(e);
        result->error_message = why;
        if (e != ERR_NONE && in->api_version >= ALL_OR_NONE) {
            refuse_all(in, response, e, why);
        }
    }
    decision_atomic_end(out);
    response->results_count = in->api_version >= ALL_OR_NONE ? 0 : (int32_t)count;
    if (response->error_code != 0 || request->validate_only) {
        decision_cut(out, 0);
        out->kraft_version = 0;
    }
}
