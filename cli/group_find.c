/* Gathers what a cluster knows of one consumer group; see group.h. */
#include <stdlib.h>

#include "cli/group.h"

enum {
    FIND_COORDINATOR_VERSION = 3,
    DESCRIBE_VERSION = 5,
    OFFSET_FETCH_VERSION = 7,
    ASSIGNMENT_VERSION_MAX = 3,
    KEY_TYPE_GROUP = 0,
};

/* ---- coordinator ---- */

static enum err find_coordinator(struct client *client, struct slice name, int32_t *out)
{
    struct wire_find_coordinator_request request;
    wire_init(&wire_msg_find_coordinator_request, &request);
    request.key = name;
    request.key_type = KEY_TYPE_GROUP;
    const struct wire_find_coordinator_response *response;
    enum err e;
    do {
        const void *answer;
        TRY(client_call(client,
                        &(struct client_call){CLIENT_ANY, WIRE_API_FIND_COORDINATOR,
                                              FIND_COORDINATOR_VERSION, &request, 0},
                        &answer));
        response = answer;
        e = (enum err)response->error_code;
    } while (client_retry(client, e));
    if (e == ERR_NONE) {
        client_set_node(client, response->node_id, response->host, response->port);
        *out = response->node_id;
    }
    return e;
}

static enum err describe(struct client *client, struct slice name, struct group *out)
{
    struct wire_describe_groups_request request;
    wire_init(&wire_msg_describe_groups_request, &request);
    request.groups = &name;
    request.groups_count = 1;
    const void *answer;
    TRY(client_call_once(client,
                         &(struct client_call){out->coordinator, WIRE_API_DESCRIBE_GROUPS,
                                               DESCRIBE_VERSION, &request, 0},
                         &answer));
    const struct wire_describe_groups_response *response = answer;
    if (response->groups_count != 1) {
        return ERR_MALFORMED;
    }
    out->wire = response->groups;
    return (enum err)response->groups->error_code;
}

static enum err fetch_offsets(struct client *client, struct slice name, int32_t coordinator,
                              const struct wire_offset_fetch_response **out)
{
    struct wire_offset_fetch_request request;
    wire_init(&wire_msg_offset_fetch_request, &request);
    request.group_id = name;
    request.topics_count = -1; /* all */
    const void *answer;
    TRY(client_call_once(client,
                         &(struct client_call){coordinator, WIRE_API_OFFSET_FETCH,
                                               OFFSET_FETCH_VERSION, &request, 0},
                         &answer));
    *out = answer;
    return (enum err)(*out)->error_code;
}

/* ---- offsets ---- */

void group_assignment(struct slice bytes, struct arena *arena,
                      struct wire_consumer_protocol_assignment *out)
{
    wire_init(&wire_msg_consumer_protocol_assignment, out);
    struct reader r = reader_of(bytes);
    int16_t version = reader_i16(&r);
    if (r.bad || version < 0) {
        return;
    }
    version = version < ASSIGNMENT_VERSION_MAX ? version : ASSIGNMENT_VERSION_MAX;
    if (wire_decode_prefix(&wire_msg_consumer_protocol_assignment, version, &r, arena, out) !=
        ERR_NONE) {
        wire_init(&wire_msg_consumer_protocol_assignment, out);
    }
}

static int compare_offsets(const void *a, const void *b)
{
    const struct group_offset *x = a;
    const struct group_offset *y = b;
    int order = slice_cmp(x->topic, y->topic);
    return order != 0 ? order : x->partition - y->partition;
}

/* Room for every committed offset and every assigned partition. */
static int32_t count_rows(const struct group *group,
                          const struct wire_offset_fetch_response *fetched,
                          const struct wire_consumer_protocol_assignment *assignments)
{
    int32_t count = 0;
    for (int32_t i = 0; i < fetched->topics_count; i++) {
        count += fetched->topics[i].partitions_count;
    }
    for (int32_t m = 0; m < group->wire->members_count; m++) {
        for (int32_t i = 0; i < assignments[m].assigned_partitions_count; i++) {
            count += assignments[m].assigned_partitions[i].partitions_count;
        }
    }
    return count;
}

static void add_committed(struct group *group, const struct wire_offset_fetch_response *fetched)
{
    for (int32_t i = 0; i < fetched->topics_count; i++) {
        const struct wire_offset_fetch_response_topics *topic = &fetched->topics[i];
        for (int32_t k = 0; k < topic->partitions_count; k++) {
            const struct wire_offset_fetch_response_topics_partitions *p = &topic->partitions[k];
            group->offsets[group->offset_count++] =
                (struct group_offset){.topic = topic->name,
                                      .partition = p->partition_index,
                                      .committed = p->committed_offset,
                                      .metadata = p->metadata};
        }
    }
    qsort(group->offsets, (size_t)group->offset_count, sizeof *group->offsets, compare_offsets);
}

/* A partition that a member was given has its row already if an offset was committed. */
static void add_assigned(struct group *group,
                         const struct wire_consumer_protocol_assignment *assignments)
{
    int32_t committed_count = group->offset_count;
    for (int32_t m = 0; m < group->wire->members_count; m++) {
        for (int32_t i = 0; i < assignments[m].assigned_partitions_count; i++) {
            const struct wire_consumer_protocol_assignment_assigned_partitions *a =
                &assignments[m].assigned_partitions[i];
            for (int32_t k = 0; k < a->partitions_count; k++) {
                struct group_offset row = {.topic = a->topic,
                                           .partition = a->partitions[k],
                                           .committed = -1,
                                           .metadata = SLICE_NULL};
                struct group_offset *found = bsearch(&row, group->offsets, (size_t)committed_count,
                                                     sizeof row, compare_offsets);
                if (found == NULL) {
                    found = &group->offsets[group->offset_count++];
                    *found = row;
                }
                found->member = &group->wire->members[m];
            }
        }
    }
    qsort(group->offsets, (size_t)group->offset_count, sizeof *group->offsets, compare_offsets);
}

static enum err add_log_ends(struct cluster *cluster, struct group *group, struct arena *arena)
{
    struct cluster_offset *ends =
        ARENA_ARRAY(arena, (size_t)group->offset_count + 1, struct cluster_offset);
    for (int32_t i = 0; i < group->offset_count; i++) {
        ends[i] = (struct cluster_offset){.topic = group->offsets[i].topic,
                                          .partition = group->offsets[i].partition,
                                          .timestamp = CLUSTER_LATEST};
    }
    TRY(cluster_offsets(cluster, ends, group->offset_count));
    for (int32_t i = 0; i < group->offset_count; i++) {
        group->offsets[i].log_end = ends[i].error == ERR_NONE ? ends[i].offset : -1;
        group->offsets[i].error = ends[i].error;
    }
    return ERR_NONE;
}

static void merge(struct group *group, const struct wire_offset_fetch_response *fetched,
                  struct arena *arena)
{
    int32_t members = group->wire->members_count;
    struct wire_consumer_protocol_assignment *assignments =
        ARENA_ARRAY(arena, (size_t)members + 1, struct wire_consumer_protocol_assignment);
    bool is_consumers = slice_eq_str(group->wire->protocol_type, "consumer");
    for (int32_t m = 0; m < members; m++) {
        group_assignment(is_consumers ? group->wire->members[m].member_assignment : SLICE_NULL,
                         arena, &assignments[m]);
    }
    int32_t count = count_rows(group, fetched, assignments);
    group->offsets = ARENA_ARRAY(arena, (size_t)count + 1, struct group_offset);
    add_committed(group, fetched);
    add_assigned(group, assignments);
}

/* ---- all of it ---- */

enum err group_find(struct cluster *cluster, struct slice name, struct arena *arena,
                    struct group *out)
{
    struct client *client = cluster->client;
    *out = (struct group){0};
    const struct wire_offset_fetch_response *fetched = NULL;
    enum err e;
    do {
        TRY(find_coordinator(client, name, &out->coordinator));
        e = describe(client, name, out);
        if (e == ERR_NONE) {
            e = fetch_offsets(client, name, out->coordinator, &fetched);
        }
    } while (client_retry(client, e));
    TRY(e);
    merge(out, fetched, arena);
    /* What the coordinator does not know is dead; Kafka says so of any name. */
    if (slice_eq_str(out->wire->group_state, "Dead") && out->offset_count == 0) {
        return ERR_GROUP_ID_NOT_FOUND;
    }
    return add_log_ends(cluster, out, arena);
}
