/* What several commands do with topics; see topics.h. */
#include "cli/topics.h"

#include <stdlib.h>

enum { CREATE_VERSION = 7, DELETE_VERSION = 6, GROW_VERSION = 3 };

/* ---- changes ---- */

enum err topics_create(struct client *client, struct wire_create_topics_request *request,
                       const struct wire_create_topics_response_topics **out)
{
    enum err e;
    *out = NULL;
    do {
        request->timeout_ms = (int32_t)client_left_ms(client);
        const void *answer;
        TRY(admin_call(client,
                       &(struct admin_call){WIRE_API_CREATE_TOPICS, CREATE_VERSION, request},
                       &answer));
        const struct wire_create_topics_response *response = answer;
        if (response->topics_count != 1) {
            return ERR_MALFORMED;
        }
        *out = response->topics;
        e = (enum err)response->topics->error_code;
    } while (admin_retry(client, e));
    return e;
}

static const struct wire_delete_topics_response_responses *
result_of(const struct wire_delete_topics_response *response, struct slice name)
{
    for (int32_t i = 0; i < response->responses_count; i++) {
        if (slice_eq(response->responses[i].name, name)) {
            return &response->responses[i];
        }
    }
    return NULL;
}

enum err topics_delete(struct client *client, struct slice name, struct admin_result *result)
{
    struct wire_delete_topics_request_topics topic = {.name = name};
    struct wire_delete_topics_request request;
    wire_init(&wire_msg_delete_topics_request, &request);
    request.topics = &topic;
    request.topics_count = 1;
    request.topic_names = &topic.name; /* for servers before version 6 */
    request.topic_names_count = 1;
    *result = (struct admin_result){ERR_NONE, SLICE_NULL};
    do {
        request.timeout_ms = (int32_t)client_left_ms(client);
        const void *answer;
        TRY(admin_call(client,
                       &(struct admin_call){WIRE_API_DELETE_TOPICS, DELETE_VERSION, &request},
                       &answer));
        const struct wire_delete_topics_response_responses *row = result_of(answer, name);
        if (row == NULL) {
            return ERR_MALFORMED;
        }
        *result = (struct admin_result){(enum err)row->error_code, row->error_message};
    } while (admin_retry(client, result->error));
    return result->error;
}

enum err topics_grow(struct client *client, struct wire_create_partitions_request_topics *topic,
                     struct admin_result *result)
{
    struct wire_create_partitions_request request = {.topics = topic, .topics_count = 1};
    *result = (struct admin_result){ERR_NONE, SLICE_NULL};
    do {
        request.timeout_ms = (int32_t)client_left_ms(client);
        const void *answer;
        TRY(admin_call(client,
                       &(struct admin_call){WIRE_API_CREATE_PARTITIONS, GROW_VERSION, &request},
                       &answer));
        const struct wire_create_partitions_response *response = answer;
        if (response->results_count != 1) {
            return ERR_MALFORMED;
        }
        *result = (struct admin_result){(enum err)response->results->error_code,
                                        response->results->error_message};
    } while (admin_retry(client, result->error));
    return result->error;
}

/* ---- assignments ---- */

/* "1:2:3": the brokers of one partition. */
static bool read_brokers(struct slice text, struct arena *arena,
                         struct wire_create_topics_request_topics_assignments *out)
{
    out->broker_ids = ARENA_ARRAY(arena, text.len / 2 + 1, int32_t);
    struct slice item;
    while (args_item(&text, ':', &item)) {
        int64_t id;
        if (!args_parse_number(item, &id) || id < 0 || id > INT32_MAX) {
            return false;
        }
        out->broker_ids[out->broker_ids_count++] = (int32_t)id;
    }
    return true;
}

enum err topics_read_assignment(struct slice text, struct arena *arena,
                                struct wire_create_topics_request_topics_assignments **out,
                                int32_t *count, struct buf *why)
{
    *count = 0;
    *out =
        ARENA_ARRAY(arena, text.len / 2 + 1, struct wire_create_topics_request_topics_assignments);
    struct slice item;
    while (args_item(&text, ',', &item)) {
        (*out)[*count].partition_index = *count;
        if (!read_brokers(item, arena, &(*out)[(*count)++])) {
            buf_printf(why,
                       "\"%.*s\" is no list of brokers; two partitions on three brokers are "
                       "1:2:3,2:3:1",
                       SLICE_ARG(item));
            return ERR_INVALID_REQUEST;
        }
    }
    return ERR_NONE;
}

/* ---- order ---- */

static int compare_topics(const void *a, const void *b)
{
    const struct wire_metadata_response_topics *const *x = a;
    const struct wire_metadata_response_topics *const *y = b;
    return slice_cmp((*x)->name, (*y)->name);
}

static int compare_partitions(const void *a, const void *b)
{
    const struct wire_metadata_response_topics_partitions *const *x = a;
    const struct wire_metadata_response_topics_partitions *const *y = b;
    return (*x)->partition_index - (*y)->partition_index;
}

const struct wire_metadata_response_topics **topics_sorted(const struct cluster *cluster,
                                                           struct arena *arena)
{
    size_t total = (size_t)max_i64(cluster->metadata->topics_count, 0);
    const struct wire_metadata_response_topics **topics =
        ARENA_ARRAY(arena, total + 1, const struct wire_metadata_response_topics *);
    size_t count = 0;
    for (size_t i = 0; i < total; i++) {
        if (!slice_is_null(cluster->metadata->topics[i].name)) {
            topics[count++] = &cluster->metadata->topics[i];
        }
    }
    qsort(topics, count, sizeof *topics, compare_topics);
    return topics;
}

const struct wire_metadata_response_topics_partitions **
topics_partitions(const struct wire_metadata_response_topics *topic, struct arena *arena)
{
    size_t count = (size_t)max_i64(topic->partitions_count, 0);
    const struct wire_metadata_response_topics_partitions **partitions =
        ARENA_ARRAY(arena, count + 1, const struct wire_metadata_response_topics_partitions *);
    for (size_t i = 0; i < count; i++) {
        partitions[i] = &topic->partitions[i];
    }
    qsort(partitions, count, sizeof *partitions, compare_partitions);
    return partitions;
}

bool topics_is_internal(struct slice name)
{
    static const char *const names[] = {"__consumer_offsets", "__transaction_state",
                                        "__share_group_state"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq_str(name, names[i])) {
            return true;
        }
    }
    return false;
}
