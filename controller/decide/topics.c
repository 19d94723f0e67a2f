/* CreateTopics and DeleteTopics; see topics.h. */
#include "controller/decide/topics.h"

#include "base/map.h"
#include "controller/decide/assignment.h"
#include "controller/decide/configs.h"
#include "controller/decide/names.h"
#include "controller/decide/placement.h"

/* From which versions on the answers changed. */
enum {
    CREATE_TELLS_CONFIGS = 5,        /* KIP-525 */
    DELETE_BY_ID = 6,                /* KIP-516 */
    DELETE_KNOWS_IT_IS_DISABLED = 3, /* TOPIC_DELETION_DISABLED; INVALID_REQUEST before */
};

/* One CreateTopics request, from its first topic to its last. */
struct creation {
    const struct decide_input *in;
    struct decision *out;
    bool validate_only;
    struct map names; /* normal names of the request's topics → their results */
    /* Effective settings of a topic without any of its own; made when first needed. */
    struct wire_create_topics_response_topics_configs *defaults;
    int32_t default_count;
};

/* ---- configurations ---- */

static enum err check_configs(const struct decide_input *in,
                              const struct wire_create_topics_request_topics *topic,
                              struct slice *why)
{
    for (int32_t i = 0; i < topic->configs_count; i++) {
        struct slice name = topic->configs[i].name;
        if (slice_is_null(topic->configs[i].value)) {
            *why = decide_text(in->arena, "Null value not supported for topic configs: %.*s",
                               SLICE_ARG(name));
            return ERR_INVALID_CONFIG;
        }
        for (int32_t k = 0; k < i; k++) {
            if (slice_eq(topic->configs[k].name, name)) {
                *why = decide_text(in->arena, "The config %.*s is given twice.", SLICE_ARG(name));
                return ERR_INVALID_REQUEST;
            }
        }
        TRY(decide_config_check(in->arena, SETTINGS_TOPIC, name, topic->configs[i].value, why));
    }
    return ERR_NONE;
}

static void add_configs(const struct wire_create_topics_request_topics *topic, struct decision *out)
{
    for (int32_t i = 0; i < topic->configs_count; i++) {
        struct metadata_record *record = decision_add(out, METADATA_RECORD_CONFIG);
        record->config = (struct metadata_config_record){
            .resource_type = METADATA_CONFIG_TOPIC,
            .resource_name = topic->name,
            .name = topic->configs[i].name,
            .value = topic->configs[i].value,
        };
    }
}

/* The value that the request gives, or the null slice. */
static struct slice given_config(const struct wire_create_topics_request_topics *topic,
                                 const char *name)
{
    for (int32_t i = 0; i < topic->configs_count; i++) {
        if (slice_eq_str(topic->configs[i].name, name)) {
            return topic->configs[i].value;
        }
    }
    return SLICE_NULL;
}

static void make_defaults(struct creation *c)
{
    const struct decide_input *in = c->in;
    size_t count = 0;
    for (size_t at = 0; settings_next(SETTINGS_TOPIC, &at) != NULL; count++) {
    }
    c->defaults = ARENA_ARRAY(in->arena, count, struct wire_create_topics_response_topics_configs);
    struct settings_view view = {in->settings, in->image, in->node_id};
    size_t at = 0;
    const struct setting *row;
    while ((row = settings_next(SETTINGS_TOPIC, &at)) != NULL) {
        struct settings_effective now =
            settings_topic_effective(&view, slice_str(""), row->name, in->arena);
        c->defaults[c->default_count++] = (struct wire_create_topics_response_topics_configs){
            .name = slice_str(row->name),
            .value = slice_str(now.value),
            .config_source = (int8_t)now.source,
        };
    }
}

static void tell_configs(struct creation *c, const struct wire_create_topics_request_topics *topic,
                         struct wire_create_topics_response_topics *result)
{
    if (c->in->api_version < CREATE_TELLS_CONFIGS) {
        return;
    }
    if (c->defaults == NULL) {
        make_defaults(c);
    }
    result->configs = c->defaults;
    result->configs_count = c->default_count;
    if (topic->configs_count <= 0) {
        return;
    }
    size_t count = (size_t)c->default_count;
    result->configs =
        ARENA_ARRAY(c->in->arena, count, struct wire_create_topics_response_topics_configs);
    memcpy(result->configs, c->defaults, count * sizeof result->configs[0]);
    for (size_t i = 0; i < count; i++) {
        struct slice given = given_config(topic, (const char *)result->configs[i].name.data);
        if (!slice_is_null(given)) {
            result->configs[i].value = given;
            result->configs[i].config_source = SETTINGS_SOURCE_TOPIC;
        }
    }
}

/* ---- partitions ---- */

/* How many partitions the topic asks for; what makes no sense counts as none here. */
static int64_t wanted_partitions(const struct decide_input *in,
                                 const struct wire_create_topics_request_topics *topic)
{
    if (topic->assignments_count > 0) {
        return topic->assignments_count;
    }
    int64_t count = topic->num_partitions == -1 ? settings_int(in->settings, "num.partitions")
                                                : topic->num_partitions;
    return max_i64(count, 0);
}

static enum err place_partitions(struct creation *c,
                                 const struct wire_create_topics_request_topics *topic,
                                 struct wire_create_topics_response_topics *result,
                                 struct slice *why)
{
    const struct decide_input *in = c->in;
    if (topic->num_partitions < -1 || topic->num_partitions == 0) {
        *why = decide_text(in->arena, "Number of partitions was set to an invalid non-positive "
                                      "value.");
        return ERR_INVALID_PARTITIONS;
    }
    if (topic->replication_factor < -1 || topic->replication_factor == 0) {
        *why = decide_text(in->arena, "Replication factor was set to an invalid non-positive "
                                      "value.");
        return ERR_INVALID_REPLICATION_FACTOR;
    }
    int32_t factor = topic->replication_factor == -1
                         ? settings_int(in->settings, "default.replication.factor")
                         : topic->replication_factor;
    struct decide_placer placer;
    TRY(decide_placer_init(&placer, in, factor, why));
    result->num_partitions = (int32_t)wanted_partitions(in, topic);
    result->replication_factor = (int16_t)factor;
    for (int32_t i = 0; i < result->num_partitions; i++) {
        struct metadata_ids replicas = decide_place(&placer, in->arena);
        struct decide_new_partition partition = {result->topic_id, i, replicas};
        TRY(decide_add_partition(in, &partition, c->out, why));
    }
    return ERR_NONE;
}

/* The assignment of that partition, or NULL. */
static const struct wire_create_topics_request_topics_assignments *
assignment_of(const struct wire_create_topics_request_topics *topic, int32_t index)
{
    /* Nearly always in order. */
    if (topic->assignments[index].partition_index == index) {
        return &topic->assignments[index];
    }
    for (int32_t i = 0; i < topic->assignments_count; i++) {
        if (topic->assignments[i].partition_index == index) {
            return &topic->assignments[i];
        }
    }
    return NULL;
}

static enum err assign_partitions(struct creation *c,
                                  const struct wire_create_topics_request_topics *topic,
                                  struct wire_create_topics_response_topics *result,
                                  struct slice *why)
{
    const struct decide_input *in = c->in;
    if (topic->replication_factor != -1) {
        *why =
            decide_text(in->arena, "A manual partition assignment was specified, but replication "
                                   "factor was not set to -1.");
        return ERR_INVALID_REQUEST;
    }
    if (topic->num_partitions != -1) {
        *why =
            decide_text(in->arena, "A manual partition assignment was specified, but numPartitions "
                                   "was not set to -1.");
        return ERR_INVALID_REQUEST;
    }
    int64_t factor = -1;
    for (int32_t i = 0; i < topic->assignments_count; i++) {
        const struct wire_create_topics_request_topics_assignments *a = assignment_of(topic, i);
        if (a == NULL) {
            *why = decide_text(in->arena, "partitions should be a consecutive 0-based integer "
                                          "sequence");
            return ERR_INVALID_REPLICA_ASSIGNMENT;
        }
        struct metadata_ids replicas = {a->broker_ids, (size_t)max_i64(a->broker_ids_count, 0)};
        TRY(decide_assignment_check(in, replicas, factor, why));
        factor = (int64_t)replicas.count;
        struct decide_new_partition partition = {result->topic_id, i, replicas};
        TRY(decide_add_partition(in, &partition, c->out, why));
    }
    result->num_partitions = topic->assignments_count;
    result->replication_factor = (int16_t)factor;
    return ERR_NONE;
}

/* ---- one topic ---- */

static enum err check_name(struct creation *c, struct slice name, struct slice *why)
{
    const struct decide_input *in = c->in;
    TRY(decide_name_check(name, in->arena, why));
    if (slice_eq_str(name, "__cluster_metadata")) {
        *why = decide_text(in->arena, "Creation of internal topic __cluster_metadata is "
                                      "prohibited.");
        return ERR_INVALID_REQUEST;
    }
    if (metadata_topic_by_name(in->image, name) != NULL) {
        *why = decide_text(in->arena, "Topic '%.*s' already exists.", SLICE_ARG(name));
        return ERR_TOPIC_ALREADY_EXISTS;
    }
    const struct metadata_topic *other = decide_name_collision(in->image, name);
    struct slice collides = SLICE_NULL;
    if (other != NULL) {
        collides = other->name;
    } else {
        const struct wire_create_topics_response_topics *first =
            map_get(&c->names, decide_name_normal(name, in->arena));
        collides = first == NULL ? SLICE_NULL : first->name;
    }
    if (!slice_is_null(collides)) {
        *why = decide_text(in->arena, "Topic '%.*s' collides with existing topic: %.*s",
                           SLICE_ARG(name), SLICE_ARG(collides));
        return ERR_INVALID_TOPIC_EXCEPTION;
    }
    return ERR_NONE;
}

static enum err create_one(struct creation *c,
                           const struct wire_create_topics_request_topics *topic,
                           struct wire_create_topics_response_topics *result, struct slice *why)
{
    TRY(check_name(c, topic->name, why));
    TRY(check_configs(c->in, topic, why));
    result->topic_id = decide_new_id(c->in->prng);
    struct metadata_record *record = decision_add(c->out, METADATA_RECORD_TOPIC);
    record->topic = (struct metadata_topic_record){topic->name, result->topic_id};
    add_configs(topic, c->out);
    if (topic->assignments_count > 0) {
        TRY(assign_partitions(c, topic, result, why));
    } else {
        TRY(place_partitions(c, topic, result, why));
    }
    return ERR_NONE;
}

static void refuse(struct wire_create_topics_response_topics *result, enum err e, struct slice why)
{
    *result = (struct wire_create_topics_response_topics){
        .name = result->name,
        .error_code = err_wire(e),
        .error_message = why,
        .num_partitions = -1,
        .replication_factor = -1,
        .configs_count = -1,
    };
}

static void create_topic(struct creation *c, const struct wire_create_topics_request_topics *topic,
                         struct wire_create_topics_response_topics *result)
{
    size_t before = c->out->count;
    struct slice why = SLICE_NULL;
    decision_atomic_begin(c->out);
    enum err e = create_one(c, topic, result, &why);
    decision_atomic_end(c->out);
    if (e != ERR_NONE) {
        decision_cut(c->out, before);
        refuse(result, e, why);
        return;
    }
    tell_configs(c, topic, result);
    map_put(&c->names, decide_name_normal(topic->name, c->in->arena), result);
    if (c->validate_only) {
        /* Nothing is created, so there is no id to tell. */
        decision_cut(c->out, before);
        result->topic_id = UUID_ZERO;
    }
}

/* ---- the request ---- */

/* first[i] becomes the place where the i-th name is met first; twice[] is set there if it is met
 * again. */
static void find_duplicates(const struct wire_create_topics_request *request, int32_t *first,
                            bool *twice)
{
    struct map names = {0};
    for (int32_t i = 0; i < request->topics_count; i++) {
        int32_t *seen = map_get(&names, request->topics[i].name);
        first[i] = seen == NULL ? i : *seen;
        if (seen == NULL) {
            map_put(&names, request->topics[i].name, &first[i]);
        } else {
            twice[*seen] = true;
        }
    }
    map_fini(&names);
}

static bool too_many_partitions(const struct decide_input *in,
                                const struct wire_create_topics_request *request)
{
    int64_t total = 0;
    for (int32_t i = 0; i < request->topics_count; i++) {
        total += wanted_partitions(in, &request->topics[i]);
    }
    return total > DECIDE_PARTITIONS_MAX;
}

void decide_create_topics(const struct decide_input *in,
                          const struct wire_create_topics_request *request, struct decision *out)
{
    size_t count = (size_t)max_i64(request->topics_count, 0);
    struct wire_create_topics_response *response =
        ARENA_NEW(in->arena, struct wire_create_topics_response);
    response->topics = ARENA_ARRAY(in->arena, count, struct wire_create_topics_response_topics);
    out->response = response;
    int32_t *first = ARENA_ARRAY(in->arena, count, int32_t);
    bool *twice = ARENA_ARRAY(in->arena, count, bool);
    find_duplicates(request, first, twice);
    bool too_many = too_many_partitions(in, request);
    struct creation c = {.in = in, .out = out, .validate_only = request->validate_only};
    for (int32_t i = 0; i < request->topics_count; i++) {
        const struct wire_create_topics_request_topics *topic = &request->topics[i];
        if (first[i] != i) {
            continue;
        }
        struct wire_create_topics_response_topics *result =
            &response->topics[response->topics_count++];
        *result = (struct wire_create_topics_response_topics){.name = topic->name};
        if (twice[i]) {
            refuse(result, ERR_INVALID_REQUEST, slice_str("Duplicate topic name."));
        } else if (too_many) {
            refuse(result, ERR_POLICY_VIOLATION,
                   slice_str("Excessively large number of partitions per request."));
        } else {
            create_topic(&c, topic, result);
        }
    }
    map_fini(&c.names);
}

/* ---- DeleteTopics ---- */

static enum err delete_one(const struct decide_input *in, struct map *done,
                           struct wire_delete_topics_response_responses *result,
                           struct decision *out, struct slice *why)
{
    bool by_id = !uuid_is_zero(result->topic_id);
    if (by_id != slice_is_null(result->name)) {
        *why = decide_text(in->arena, by_id ? "You may not specify both topic name and topic id."
                                            : "Neither topic name nor id were specified.");
        return ERR_INVALID_REQUEST;
    }
    const struct metadata_topic *topic = by_id ? metadata_topic_by_id(in->image, result->topic_id)
                                               : metadata_topic_by_name(in->image, result->name);
    if (topic == NULL) {
        return by_id ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (map_get(done, MAP_KEY(topic->id)) != NULL) {
        *why = decide_text(in->arena, "The topic is in the request more than once.");
        return ERR_INVALID_REQUEST;
    }
    if (!settings_bool(in->settings, "delete.topic.enable")) {
        *why = decide_text(in->arena, "Topic deletion is disabled.");
        return in->api_version < DELETE_KNOWS_IT_IS_DISABLED ? ERR_INVALID_REQUEST
                                                             : ERR_TOPIC_DELETION_DISABLED;
    }
    map_put(done, MAP_KEY(topic->id), result);
    result->name = topic->name;
    result->topic_id = topic->id;
    decision_add(out, METADATA_RECORD_REMOVE_TOPIC)->remove_topic.topic_id = topic->id;
    return ERR_NONE;
}

void decide_delete_topics(const struct decide_input *in,
                          const struct wire_delete_topics_request *request, struct decision *out)
{
    bool by_id = in->api_version >= DELETE_BY_ID;
    int32_t count = by_id ? request->topics_count : request->topic_names_count;
    struct wire_delete_topics_response *response =
        ARENA_NEW(in->arena, struct wire_delete_topics_response);
    response->responses = ARENA_ARRAY(in->arena, (size_t)max_i64(count, 0),
                                      struct wire_delete_topics_response_responses);
    out->response = response;
    struct map done = {0};
    for (int32_t i = 0; i < count; i++) {
        struct wire_delete_topics_response_responses *result = &response->responses[i];
        result->name = by_id ? request->topics[i].name : request->topic_names[i];
        result->topic_id = by_id ? request->topics[i].topic_id : UUID_ZERO;
        struct slice why = SLICE_NULL;
        enum err e = delete_one(in, &done, result, out, &why);
        result->error_code = err_wire(e);
        result->error_message = why;
    }
    response->responses_count = (int32_t)max_i64(count, 0);
    map_fini(&done);
}
