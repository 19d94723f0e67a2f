/* Moves of partitions; see reassignments.h. */
#include "cli/reassignments.h"

enum { LIST_VERSION = 0 };

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
