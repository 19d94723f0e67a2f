/* Requests: random or default structures, with values from a table over them. */
#include <arpa/inet.h>

#include "tests/e2e/versions/versions.h"
#include "tests/unit/wire/random.h"
#include "wire/batch.h"

enum { NOBODY = 77 };

enum kind {
    DEFAULT, /* left alone, also arrays */
    NOTHING, /* null, where it may be */
    NUMBER,
    TEXT,
    TOPIC,
    TOPIC_ID,
    TOPIC_UNTIL, /* empty from version `number` on: there is TopicId */
    OWN_TOPIC,   /* a name of its own for each version */
    GROUP,
    OWN_GROUP,
    BATCH,
    PRINCIPAL,
    REQUEST, /* a whole request inside the request */
    ADDRESS
};

enum { ANY = -1 };

/* The first row that fits counts. Fields that no row names keep their defaults, arrays of
 * structures get one element. */
static const struct value {
    int api;
    const char *parent; /* field of the structure around it; NULL: any */
    const char *field;
    enum kind kind;
    int64_t number;
    const char *text;
} values[] = {
    {WIRE_API_PRODUCE, NULL, "Acks", NUMBER, -1, NULL},
    {WIRE_API_PRODUCE, NULL, "TransactionalId", NOTHING, 0, NULL},
    {WIRE_API_FETCH, NULL, "PartitionMaxBytes", NUMBER, 1 << 20, NULL},
    {WIRE_API_FETCH, NULL, "MaxWaitMs", NUMBER, 10, NULL},
    {WIRE_API_FETCH, NULL, "SessionId", NUMBER, 0, NULL},
    {WIRE_API_FETCH, NULL, "SessionEpoch", NUMBER, -1, NULL},
    {WIRE_API_FETCH, NULL, "ReplicaId", NUMBER, -1, NULL},
    {WIRE_API_FETCH, NULL, "ForgottenTopicsData", DEFAULT, 0, NULL},
    {WIRE_API_LIST_OFFSETS, NULL, "ReplicaId", NUMBER, -1, NULL},
    {WIRE_API_LIST_OFFSETS, NULL, "Timestamp", NUMBER, -1, NULL},
    {WIRE_API_LIST_OFFSETS, NULL, "MaxNumOffsets", NUMBER, 1, NULL},
    {WIRE_API_METADATA, "Topics", "Name", TOPIC_UNTIL, 12, NULL},
    {WIRE_API_OFFSET_FOR_LEADER_EPOCH, NULL, "ReplicaId", NUMBER, -1, NULL},
    {WIRE_API_FIND_COORDINATOR, NULL, "Key", GROUP, 0, NULL},
    {WIRE_API_FIND_COORDINATOR, NULL, "CoordinatorKeys", GROUP, 0, NULL},
    {WIRE_API_FIND_COORDINATOR, NULL, "KeyType", NUMBER, 0, NULL},
    {WIRE_API_JOIN_GROUP, NULL, "GroupId", OWN_GROUP, 0, NULL},
    {WIRE_API_JOIN_GROUP, NULL, "SessionTimeoutMs", NUMBER, 10000, NULL},
    {WIRE_API_JOIN_GROUP, NULL, "RebalanceTimeoutMs", NUMBER, 1000, NULL},
    {WIRE_API_JOIN_GROUP, NULL, "ProtocolType", TEXT, 0, "consumer"},
    {WIRE_API_JOIN_GROUP, "Protocols", "Name", TEXT, 0, "range"},
    {WIRE_API_JOIN_GROUP, NULL, "Metadata", TEXT, 0, "metadata"},
    {WIRE_API_LEAVE_GROUP, NULL, "MemberId", TEXT, 0, "nobody"},
    {WIRE_API_HEARTBEAT, NULL, "MemberId", TEXT, 0, "nobody"},
    {WIRE_API_SYNC_GROUP, NULL, "MemberId", TEXT, 0, "nobody"},
    {WIRE_API_SYNC_GROUP, NULL, "ProtocolType", TEXT, 0, "consumer"},
    {WIRE_API_SYNC_GROUP, NULL, "ProtocolName", TEXT, 0, "range"},
    {WIRE_API_DESCRIBE_GROUPS, NULL, "Groups", GROUP, 0, NULL},
    {WIRE_API_DELETE_GROUPS, NULL, "GroupsNames", GROUP, 0, NULL},
    {WIRE_API_LIST_CONFIG_RESOURCES, NULL, "ResourceTypes", NUMBER, 2, NULL},
    {WIRE_API_OFFSET_FETCH, "Groups", "MemberId", DEFAULT, 0, NULL},
    {WIRE_API_CREATE_TOPICS, "Topics", "Name", OWN_TOPIC, 0, NULL},
    {WIRE_API_CREATE_TOPICS, NULL, "NumPartitions", NUMBER, 1, NULL},
    {WIRE_API_CREATE_TOPICS, NULL, "ReplicationFactor", NUMBER, 1, NULL},
    {WIRE_API_CREATE_TOPICS, NULL, "Assignments", DEFAULT, 0, NULL},
    {WIRE_API_DELETE_TOPICS, "Topics", "Name", OWN_TOPIC, 0, NULL},
    {WIRE_API_DELETE_TOPICS, NULL, "TopicNames", OWN_TOPIC, 0, NULL},
    {WIRE_API_DELETE_TOPICS, NULL, "TopicId", DEFAULT, 0, NULL},
    {WIRE_API_INIT_PRODUCER_ID, NULL, "TransactionalId", NOTHING, 0, NULL},
    {WIRE_API_DESCRIBE_CONFIGS, NULL, "ConfigurationKeys", NOTHING, 0, NULL},
    {WIRE_API_CREATE_PARTITIONS, NULL, "Count", NUMBER, 9, NULL},
    {WIRE_API_CREATE_PARTITIONS, NULL, "Assignments", NOTHING, 0, NULL},
    {WIRE_API_CREATE_PARTITIONS, NULL, "ValidateOnly", NUMBER, 1, NULL},
    {WIRE_API_UPDATE_FEATURES, NULL, "Feature", TEXT, 0, "metadata.version"},
    {WIRE_API_UPDATE_FEATURES, NULL, "MaxVersionLevel", NUMBER, 99, NULL},
    {WIRE_API_UNREGISTER_BROKER, NULL, "BrokerId", NUMBER, NOBODY, NULL},
    {WIRE_API_ENVELOPE, NULL, "RequestData", REQUEST, 0, NULL},
    {WIRE_API_ENVELOPE, NULL, "RequestPrincipal", PRINCIPAL, 0, NULL},
    {WIRE_API_ENVELOPE, NULL, "ClientHostAddress", ADDRESS, 0, NULL},
    {WIRE_API_BROKER_HEARTBEAT, NULL, "WantShutDown", DEFAULT, 0, NULL},
    {WIRE_API_CONTROLLER_REGISTRATION, NULL, "ControllerId", NUMBER, NOBODY, NULL},
    /* Nothing that the quorum would act on: all epochs are old. */
    {ANY, NULL, "ReplicaEpoch", NUMBER, 0, NULL},
    {ANY, NULL, "LeaderEpoch", NUMBER, 0, NULL},
    {WIRE_API_BROKER_REGISTRATION, NULL, "ClusterId", TEXT, 0, "M0NsdXN0ZXJPZk90aGVycw"},
    {ANY, NULL, "ClusterId", NOTHING, 0, NULL},
    {ANY, NULL, "BrokerId", NUMBER, NOBODY, NULL},
    {ANY, NULL, "BrokerIds", NUMBER, NOBODY, NULL},
    {ANY, NULL, "ReplicaId", NUMBER, NOBODY, NULL},
    {ANY, NULL, "LeaderId", NUMBER, NOBODY, NULL},
    {ANY, NULL, "TopicId", TOPIC_ID, 0, NULL},
    {ANY, NULL, "TopicName", TOPIC, 0, NULL},
    {ANY, NULL, "Topic", TOPIC, 0, NULL},
    {ANY, "Topics", "Name", TOPIC, 0, NULL},
    {ANY, "TopicData", "Name", TOPIC, 0, NULL},
    {ANY, "Configs", "Name", TEXT, 0, "retention.ms"},
    {ANY, "Configs", "Value", TEXT, 0, "86400000"},
    {ANY, NULL, "ConfigOperation", NUMBER, 0, NULL},
    {ANY, NULL, "ResourceName", TOPIC, 0, NULL},
    {ANY, NULL, "ResourceType", NUMBER, 2, NULL},
    {ANY, NULL, "GroupId", GROUP, 0, NULL},
    {ANY, NULL, "Records", BATCH, 0, NULL},
    {ANY, NULL, "Partitions", NUMBER, 0, NULL},
    {ANY, NULL, "PartitionIndexes", NUMBER, 0, NULL},
    {ANY, NULL, "TimeoutMs", NUMBER, 2000, NULL},
    {ANY, NULL, "timeoutMs", NUMBER, 2000, NULL},
    {ANY, NULL, "IncludeSynonyms", NUMBER, 1, NULL},
    {ANY, NULL, "IncludeDocumentation", NUMBER, 1, NULL},
    {ANY, NULL, "IncludeClusterAuthorizedOperations", NUMBER, 1, NULL},
    {ANY, NULL, "IncludeTopicAuthorizedOperations", NUMBER, 1, NULL},
    {ANY, NULL, "IncludeAuthorizedOperations", NUMBER, 1, NULL},
    {ANY, NULL, "IncludeFencedBrokers", NUMBER, 1, NULL},
};

static const struct value *value_of(const struct exchange *x, const struct wire_message *m,
                                    const struct wire_field *f)
{
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        const struct value *v = &values[i];
        if ((v->api == ANY || v->api == x->api->key) && strcmp(v->field, f->name) == 0 &&
            (v->parent == NULL || strcmp(v->parent, wire_name(m)) == 0)) {
            return v;
        }
    }
    return NULL;
}

static void put_batch(struct buf *out)
{
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
    struct wire_record record = {.timestamp = 1000, .key = SLICE_NULL, .value = slice_str("value")};
    struct wire_builder builder;
    wire_builder_init(&builder, &options, out);
    wire_builder_add(&builder, &record);
    wire_builder_finish(&builder);
}

static void put_principal(struct buf *out)
{
    struct wire_default_principal_data principal;
    wire_init(&wire_msg_default_principal_data, &principal);
    principal.type = slice_str("User");
    principal.name = slice_str("ANONYMOUS");
    buf_put_i16(out, 0);
    enum err e = wire_encode(&wire_msg_default_principal_data, 0, &principal, out);
    ASSERT(e == ERR_NONE);
}

/* CreateTopics without topics. */
static void put_request(struct buf *out)
{
    struct wire_create_topics_request request;
    struct wire_header header = {WIRE_API_CREATE_TOPICS, 7, 1, slice_str("inner")};
    wire_init(&wire_msg_create_topics_request, &request);
    enum err e = wire_header_encode(&header, out);
    ASSERT(e == ERR_NONE);
    e = wire_encode(&wire_msg_create_topics_request, 7, &request, out);
    ASSERT(e == ERR_NONE);
}

static struct slice slice_value(const struct run *run, struct exchange *x, const struct value *v)
{
    struct buf bytes = {0};
    struct arena *arena = &x->arena;
    switch (v->kind) {
    case TEXT:
        return slice_str(v->text);
    case TOPIC:
        return slice_str(run->topic);
    case TOPIC_UNTIL:
        return slice_str(x->version < v->number ? run->topic : "");
    case OWN_TOPIC:
        return slice_str(arena_printf(arena, "%s-%d", run->topic, x->version));
    case OWN_GROUP: /* a second member would have to wait for the first */
        return slice_str(
            arena_printf(arena, "%s-%d%s", run->topic, x->version,
                         x->form == RANDOM ? arena_printf(arena, "-%d", x->number) : ""));
    case GROUP:
        return slice_str(arena_printf(arena, "%s-0", run->topic));
    case BATCH:
        put_batch(&bytes);
        break;
    case PRINCIPAL:
        put_principal(&bytes);
        break;
    case REQUEST:
        put_request(&bytes);
        break;
    case ADDRESS:
        buf_put_i32(&bytes, INADDR_LOOPBACK);
        break;
    case DEFAULT:
    case NOTHING:
    case NUMBER:
    case TOPIC_ID:
        UNREACHABLE();
    }
    struct slice kept = arena_dup(arena, buf_slice(&bytes));
    buf_fini(&bytes);
    return kept;
}

/* Sets one value that is no structure. */
static void set_value(const struct run *run, struct exchange *x, const struct value *v,
                      enum wire_type type, void *out)
{
    switch (type) {
    case WIRE_BOOL:
        *(bool *)out = v->number != 0;
        return;
    case WIRE_INT8:
        *(int8_t *)out = (int8_t)v->number;
        return;
    case WIRE_INT16:
    case WIRE_UINT16:
        *(int16_t *)out = (int16_t)v->number;
        return;
    case WIRE_INT32:
        *(int32_t *)out = (int32_t)v->number;
        return;
    case WIRE_INT64:
        *(int64_t *)out = v->number;
        return;
    case WIRE_UUID:
        *(struct uuid *)out = run->topic_id;
        return;
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
        *(struct slice *)out = slice_value(run, x, v);
        return;
    case WIRE_FLOAT64:
    case WIRE_STRUCT:
        UNREACHABLE();
    }
}

static void fill(const struct run *run, struct exchange *x, const struct wire_message *m,
                 void *out);

static void fill_array(const struct run *run, struct exchange *x, const struct wire_field *f,
                       const struct value *v, void *out)
{
    struct wire_items a = wire_items_get(f, out);
    if (f->type == WIRE_STRUCT) {
        if (x->form == FILLED) {
            a = (struct wire_items){wire_new_array(f->nested, &x->arena, 1), 1};
        }
        for (int32_t i = 0; i < a.count; i++) {
            fill(run, x, f->nested, (char *)a.items + (size_t)i * f->nested->size);
        }
    } else if (v != NULL && x->form != MINIMAL) {
        size_t size = wire_element_size((enum wire_type)f->type, NULL);
        a = (struct wire_items){arena_alloc(&x->arena, size), 1};
        set_value(run, x, v, (enum wire_type)f->type, a.items);
    }
    wire_items_set(f, out, a);
}

/* The values of the table, over defaults or random ones. */
static void fill_field(const struct run *run, struct exchange *x, const struct wire_field *f,
                       const struct value *v, void *out)
{
    if ((f->flags & WIRE_ARRAY) != 0) {
        fill_array(run, x, f, v, out);
    } else if ((f->flags & WIRE_POINTER) != 0) {
        if (wire_pointer_get(f, out) != NULL) {
            fill(run, x, f->nested, wire_pointer_get(f, out));
        }
    } else if (f->type == WIRE_STRUCT) {
        fill(run, x, f->nested, (char *)out + f->offset);
    } else if (v != NULL) {
        set_value(run, x, v, (enum wire_type)f->type, (char *)out + f->offset);
    }
}

static void leave_out(const struct exchange *x, const struct wire_message *m,
                      const struct wire_field *f, const struct value *v, void *out)
{
    bool is_array = (f->flags & WIRE_ARRAY) != 0;
    size_t size = is_array ? sizeof(struct wire_items) : wire_element_size(f->type, f->nested);
    memcpy((char *)out + f->offset, (const char *)m->defaults + f->offset, size);
    if (v->kind == NOTHING && wire_in_range(f->nullable, x->version)) {
        if (is_array) {
            wire_items_set(f, out, (struct wire_items){NULL, -1});
        } else {
            *(struct slice *)(void *)((char *)out + f->offset) = SLICE_NULL;
        }
    }
}

static void fill(const struct run *run, struct exchange *x, const struct wire_message *m, void *out)
{
    for (uint16_t i = 0; i < m->field_count; i++) {
        const struct wire_field *f = &m->fields[i];
        const struct value *v = value_of(x, m, f);
        if (!wire_in_range(f->versions, x->version)) {
            continue;
        }
        if (v != NULL && (v->kind == DEFAULT || v->kind == NOTHING)) {
            leave_out(x, m, f, v, out);
        } else {
            fill_field(run, x, f, v, out);
        }
    }
}

/* Every body has its own generator, so that one of them can be had without the others. */
static void start_prng(const struct run *run, const struct exchange *x, struct prng *out)
{
    uint64_t which = (uint64_t)x->api->key << 40 | (uint64_t)x->version << 32 | (uint32_t)x->number;
    prng_init(out, run->seed ^ which * UINT64_C(0x9e3779b97f4a7c15));
}

const void *make_body(const struct run *run, struct exchange *x)
{
    const struct wire_message *m = x->api->request;
    void *body = wire_new(m, &x->arena);
    if (x->form == RANDOM) {
        struct prng prng;
        start_prng(run, x, &prng);
        wire_random(m, x->version, &prng, &x->arena, body);
    }
    if (x->form != OUTSIDE) {
        fill(run, x, m, body);
    }
    return body;
}
