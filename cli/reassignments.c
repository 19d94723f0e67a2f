/* Moves of partitions; see reassignments.h. */
#include "cli/reassignments.h"

enum { LIST_VERSION = 0, ALTER_VERSION = 1 };

enum err reassignments_list(struct client *client,
                            const struct wire_list_partition_reassignments_response **out)
{
    struct wire_list_partition_reassignments_request request;
    wire_init(&wire_msg_list_partition_reassignments_request, &request);
    request.topics_count = -1; /* all */
    enum err e;
    do {
        request.timeout_ms = (int32_t)client_left_ms(client);
        const void *answer;
        struct admin_call call = {WIRE_API_LIST_PARTITION_REASSIGNMENTS, LIST_VERSION, &request};
        TRY(admin_call(client, &call, &answer));
        *out = answer;
        e = (enum err)(*out)->error_code;
    } while (admin_retry(client, e));
    return e;
}

bool reassignments_find(const struct wire_list_partition_reassignments_response *response,
                        struct slice topic, int32_t partition, struct reassignment_move *out)
{
    for (int32_t i = 0; response != NULL && i < response->topics_count; i++) {
        if (!slice_eq(response->topics[i].name, topic)) {
            continue;
        }
        for (int32_t k = 0; k < response->topics[i].partitions_count; k++) {
            const struct wire_list_partition_reassignments_response_topics_partitions *p =
                &response->topics[i].partitions[k];
            if (p->partition_index == partition) {
                *out = (struct reassignment_move){
                    .replicas = {p->replicas, p->replicas_count},
                    .adding = {p->adding_replicas, p->adding_replicas_count},
                    .removing = {p->removing_replicas, p->removing_replicas_count}};
                return true;
            }
        }
    }
    return false;
}

/* ---- changes ---- */

static void take(const struct wire_alter_partition_reassignments_response *response,
                 struct reassignment *rows, int32_t count)
{
    for (int32_t i = 0; i < response->responses_count; i++) {
        const struct wire_alter_partition_reassignments_response_responses *topic =
            &response->responses[i];
        for (int32_t k = 0; k < topic->partitions_count; k++) {
            for (int32_t n = 0; n < count; n++) {
                if (rows[n].partition == topic->partitions[k].partition_index &&
                    slice_eq(rows[n].topic, topic->name)) {
                    rows[n].result =
                        (struct admin_result){(enum err)topic->partitions[k].error_code,
                                              topic->partitions[k].error_message};
                }
            }
        }
    }
}

enum err reassignments_alter(struct client *client, struct reassignment *rows, int32_t count,
                             bool may_resize)
{
    struct arena arena = {0};
    struct wire_alter_partition_reassignments_request request;
    wire_init(&wire_msg_alter_partition_reassignments_request, &request);
    request.allow_replication_factor_change = may_resize;
    request.topics =
        wire_new_array(&wire_msg_alter_partition_reassignments_request_topics, &arena, count);
    request.topics_count = count;
    for (int32_t i = 0; i < count; i++) {
        struct wire_alter_partition_reassignments_request_topics_partitions *partition =
            wire_new_array(&wire_msg_alter_partition_reassignments_request_topics_partitions,
                           &arena, 1);
        bool is_cancel = rows[i].replicas == NULL;
        partition->partition_index = rows[i].partition;
        partition->replicas = (int32_t *)rows[i].replicas;
        partition->replicas_count = is_cancel ? -1 : rows[i].replica_count;
        request.topics[i].name = rows[i].topic;
        request.topics[i].partitions = partition;
        request.topics[i].partitions_count = 1;
    }
    enum err e;
    bool is_answered;
    do {
        request.timeout_ms = (int32_t)client_left_ms(client);
        const void *answer;
        struct admin_call call = {WIRE_API_ALTER_PARTITION_REASSIGNMENTS, ALTER_VERSION, &request};
        e = admin_call(client, &call, &answer);
        is_answered = e == ERR_NONE;
        if (is_answered) {
            const struct wire_alter_partition_reassignments_response *response = answer;
            take(response, rows, count);
            e = (enum err)response->error_code;
        }
    } while (is_answered && admin_retry(client, e));
    arena_fini(&arena);
    return e;
}
