/* ElectLeaders; see election.h. */
#include "cli/election.h"

enum { ELECT_VERSION = 2, TYPE_PREFERRED = 0, TYPE_UNCLEAN = 1 };

static void take(const struct wire_elect_leaders_response *response, struct arena *arena,
                 struct election *out)
{
    int32_t total = 0;
    for (int32_t i = 0; i < response->replica_election_results_count; i++) {
        total += response->replica_election_results[i].partition_result_count;
    }
    out->rows = ARENA_ARRAY(arena, (size_t)total + 1, struct election_row);
    out->count = 0;
    for (int32_t i = 0; i < response->replica_election_results_count; i++) {
        const struct wire_elect_leaders_response_replica_election_results *topic =
            &response->replica_election_results[i];
        for (int32_t k = 0; k < topic->partition_result_count; k++) {
            out->rows[out->count++] =
                (struct election_row){.topic = topic->topic,
                                      .partition = topic->partition_result[k].partition_id,
                                      .result = {(enum err)topic->partition_result[k].error_code,
                                                 topic->partition_result[k].error_message}};
        }
    }
}

enum err election_hold(struct client *client, struct arena *arena, struct election *election)
{
    struct wire_elect_leaders_request request;
    wire_init(&wire_msg_elect_leaders_request, &request);
    request.election_type = election->is_unclean ? TYPE_UNCLEAN : TYPE_PREFERRED;
    request.topic_partitions_count = -1; /* all */
    if (election->partitions != NULL) {
        int32_t count = election->partitions->count;
        request.topic_partitions =
            wire_new_array(&wire_msg_elect_leaders_request_topic_partitions, arena, count);
        request.topic_partitions_count = count;
        for (int32_t i = 0; i < count; i++) {
            request.topic_partitions[i].topic = election->partitions->items[i].topic;
            request.topic_partitions[i].partitions = &election->partitions->items[i].partition;
            request.topic_partitions[i].partitions_count = 1;
        }
    }
    enum err e;
    do {
        request.timeout_ms = (int32_t)client_left_ms(client);
        const void *answer;
        TRY(admin_call(client,
                       &(struct admin_call){WIRE_API_ELECT_LEADERS, ELECT_VERSION, &request},
                       &answer));
        const struct wire_elect_leaders_response *response = answer;
        take(response, arena, election);
        e = (enum err)response->error_code;
    } while (admin_retry(client, e));
    return e;
}
