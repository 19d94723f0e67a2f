/* Gathers what a cluster knows of one consumer group; see group.h. */
#include <stdlib.h>

#include "cli/coordinator.h"
#include "cli/group.h"

enum {
    CONSUMER_DESCRIBE_VERSION = 1,
    DESCRIBE_VERSION = 6,
    OFFSET_FETCH_VERSION = 7,
    ASSIGNMENT_VERSION_MAX = 3,
};

/* ---- partitions ---- */

static int compare_partitions(const void *a, const void *b)
{
    const struct group_partition *x = a;
    const struct group_partition *y = b;
    int order = slice_cmp(x->topic, y->topic);
    return order != 0 ? order : x->partition < y->partition ? -1 : x->partition > y->partition;
}

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

/* Partitions of one topic more. */
static void add(struct group_partitions *to, struct slice topic, const int32_t *ids, int32_t count,
                struct arena *arena)
{
    size_t total = (size_t)to->count + (size_t)max_i64(count, 0);
    struct group_partition *all = ARENA_ARRAY(arena, total + 1, struct group_partition);
    if (to->count > 0) {
        memcpy(all, to->items, (size_t)to->count * sizeof *all);
    }
    to->items = all;
    for (int32_t i = 0; i < count; i++) {
        all[to->count++] = (struct group_partition){topic, ids[i]};
    }
    qsort(all, (size_t)to->count, sizeof *all, compare_partitions);
}

static struct group_partitions classic_partitions(struct slice bytes, struct arena *arena)
{
    struct wire_consumer_protocol_assignment given;
    struct group_partitions partitions = {0};
    group_assignment(bytes, arena, &given);
    for (int32_t i = 0; i < given.assigned_partitions_count; i++) {
        const struct wire_consumer_protocol_assignment_assigned_partitions *topic =
            &given.assigned_partitions[i];
        add(&partitions, topic->topic, topic->partitions, topic->partitions_count, arena);
    }
    return partitions;
}

/* ---- groups of the new protocol ---- */

static void take_member(const struct wire_consumer_group_describe_response_groups_members *from,
                        struct arena *arena, struct group_member *out)
{
    *out = (struct group_member){.id = from->member_id,
                                 .instance_id = from->instance_id,
                                 .client_id = from->client_id,
                                 .host = from->client_host,
                                 .epoch = from->member_epoch};
    for (int32_t i = 0; i < from->assignment.topic_partitions_count; i++) {
        add(&out->assigned, from->assignment.topic_partitions[i].topic_name,
            from->assignment.topic_partitions[i].partitions,
            from->assignment.topic_partitions[i].partitions_count, arena);
    }
    for (int32_t i = 0; i < from->target_assignment.topic_partitions_count; i++) {
        add(&out->target, from->target_assignment.topic_partitions[i].topic_name,
            from->target_assignment.topic_partitions[i].partitions,
            from->target_assignment.topic_partitions[i].partitions_count, arena);
    }
}

static void take_consumer_group(const struct wire_consumer_group_describe_response_groups *from,
                                struct arena *arena, struct group *out)
{
    out->type = "consumer";
    out->state = from->group_state;
    out->protocol_type = slice_str("consumer");
    out->assignor = from->assignor_name;
    out->epoch = from->group_epoch;
    out->assignment_epoch = from->assignment_epoch;
    out->members = ARENA_ARRAY(arena, (size_t)from->members_count + 1, struct group_member);
    out->member_count = from->members_count;
    for (int32_t i = 0; i < from->members_count; i++) {
        take_member(&from->members[i], arena, &out->members[i]);
    }
}

/* GROUP_ID_NOT_FOUND: it is not of the new protocol, or not at all. */
static enum err describe_consumer_group(struct client *client, struct slice name,
                                        struct arena *arena, struct group *out)
{
    struct wire_consumer_group_describe_request request = {.group_ids = &name,
                                                           .group_ids_count = 1};
    struct coordinator_call call = {name, WIRE_API_CONSUMER_GROUP_DESCRIBE,
                                    CONSUMER_DESCRIBE_VERSION, &request};
    const void *answer;
    TRY(coordinator_call(client, &call, &answer));
    const struct wire_consumer_group_describe_response *response = answer;
    if (response->groups_count != 1) {
        return ERR_MALFORMED;
    }
    out->message = response->groups->error_message;
    TRY((enum err)response->groups->error_code);
    take_consumer_group(response->groups, arena, out);
    return ERR_NONE;
}

/* ---- classic groups ---- */

static void take_classic_group(const struct wire_describe_groups_response_groups *from,
                               struct arena *arena, struct group *out)
{
    bool is_of_consumers = slice_eq_str(from->protocol_type, "consumer");
    out->type = "classic";
    out->state = from->group_state;
    out->protocol_type = from->protocol_type;
    out->assignor = from->protocol_data;
    out->members = ARENA_ARRAY(arena, (size_t)from->members_count + 1, struct group_member);
    out->member_count = from->members_count;
    for (int32_t i = 0; i < from->members_count; i++) {
        const struct wire_describe_groups_response_groups_members *m = &from->members[i];
        struct slice bytes = is_of_consumers ? m->member_assignment : SLICE_NULL;
        out->members[i] = (struct group_member){.id = m->member_id,
                                                .instance_id = m->group_instance_id,
                                                .client_id = m->client_id,
                                                .host = m->client_host,
                                                .assigned = classic_partitions(bytes, arena),
                                                .epoch = -1};
        out->members[i].target = out->members[i].assigned;
    }
}

static enum err describe_classic_group(struct client *client, struct slice name,
                                       struct arena *arena, struct group *out)
{
    struct wire_describe_groups_request request;
    wire_init(&wire_msg_describe_groups_request, &request);
    request.groups = &name;
    request.groups_count = 1;
    struct coordinator_call call = {name, WIRE_API_DESCRIBE_GROUPS, DESCRIBE_VERSION, &request};
    const void *answer;
    TRY(coordinator_call(client, &call, &answer));
    const struct wire_describe_groups_response *response = answer;
    if (response->groups_count != 1) {
        return ERR_MALFORMED;
    }
    if (out->message.len == 0) {
        out->message = response->groups->error_message;
    }
    TRY((enum err)response->groups->error_code);
    take_classic_group(response->groups, arena, out);
    return ERR_NONE;
}

enum err group_describe(struct client *client, struct slice name, struct arena *arena,
                        struct group *out)
{
    enum err e;
    do {
        *out = (struct group){
            .name = name, .epoch = -1, .assignment_epoch = -1, .message = SLICE_NULL};
        TRY(coordinator_find(client, name, &out->coordinator));
        e = describe_consumer_group(client, name, arena, out);
        if (e == ERR_GROUP_ID_NOT_FOUND || e == ERR_UNSUPPORTED_VERSION) {
            e = describe_classic_group(client, name, arena, out);
        }
    } while (client_retry(client, e));
    return e;
}

/* ---- offsets ---- */

static int compare_offsets(const void *a, const void *b)
{
    const struct group_offset *x = a;
    const struct group_offset *y = b;
    int order = slice_cmp(x->topic, y->topic);
    return order != 0 ? order : x->partition < y->partition ? -1 : x->partition > y->partition;
}

/* Room for every committed offset and every assigned partition. */
static int32_t count_rows(const struct group *group,
                          const struct wire_offset_fetch_response *fetched)
{
    int32_t count = 0;
    for (int32_t i = 0; i < fetched->topics_count; i++) {
        count += fetched->topics[i].partitions_count;
    }
    for (int32_t m = 0; m < group->member_count; m++) {
        count += group->members[m].assigned.count;
    }
    return count;
}

static void add_committed(struct group *group, const struct wire_offset_fetch_response *fetched)
{
    for (int32_t i = 0; i < fetched->topics_count; i++) {
        const struct wire_offset_fetch_response_topics *topic = &fetched->topics[i];
        for (int32_t k = 0; k < topic->partitions_count; k++) {
            const struct wire_offset_fetch_response_topics_partitions *p = &topic->partitions[k];
            if (p->committed_offset < 0) {
                continue;
            }
            group->offsets[group->offset_count++] =
                (struct group_offset){.topic = topic->name,
                                      .partition = p->partition_index,
                                      .committed = p->committed_offset,
                                      .leader_epoch = p->committed_leader_epoch,
                                      .log_end = -1,
                                      .metadata = p->metadata};
        }
    }
    qsort(group->offsets, (size_t)group->offset_count, sizeof *group->offsets, compare_offsets);
}

/* A partition that a member was given has its row already if an offset was committed. */
static void add_assigned(struct group *group)
{
    int32_t committed_count = group->offset_count;
    for (int32_t m = 0; m < group->member_count; m++) {
        const struct group_partitions *assigned = &group->members[m].assigned;
        for (int32_t i = 0; i < assigned->count; i++) {
            struct group_offset row = {.topic = assigned->items[i].topic,
                                       .partition = assigned->items[i].partition,
                                       .committed = -1,
                                       .leader_epoch = -1,
                                       .log_end = -1,
                                       .metadata = SLICE_NULL};
            struct group_offset *found =
                bsearch(&row, group->offsets, (size_t)committed_count, sizeof row, compare_offsets);
            if (found == NULL) {
                found = &group->offsets[group->offset_count++];
                *found = row;
            }
            found->member = &group->members[m];
        }
    }
    qsort(group->offsets, (size_t)group->offset_count, sizeof *group->offsets, compare_offsets);
}

static enum err fetch_offsets(struct client *client, struct slice name,
                              const struct wire_offset_fetch_response **out)
{
    struct wire_offset_fetch_request request;
    wire_init(&wire_msg_offset_fetch_request, &request);
    request.group_id = name;
    request.topics_count = -1; /* all */
    struct coordinator_call call = {name, WIRE_API_OFFSET_FETCH, OFFSET_FETCH_VERSION, &request};
    enum err e;
    do {
        const void *answer;
        e = coordinator_call(client, &call, &answer);
        *out = answer;
        if (e == ERR_NONE) {
            e = (enum err)(*out)->error_code;
        }
    } while (client_retry(client, e));
    return e;
}

enum err group_add_offsets(struct client *client, struct arena *arena, struct group *group)
{
    const struct wire_offset_fetch_response *fetched;
    TRY(fetch_offsets(client, group->name, &fetched));
    group->offsets =
        ARENA_ARRAY(arena, (size_t)count_rows(group, fetched) + 1, struct group_offset);
    group->offset_count = 0;
    add_committed(group, fetched);
    add_assigned(group);
    return ERR_NONE;
}

enum err group_add_log_ends(struct cluster *cluster, struct arena *arena, struct group *group)
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

/* ---- all of it ---- */

enum err group_find(struct cluster *cluster, struct slice name, struct arena *arena,
                    struct group *out)
{
    TRY(group_describe(cluster->client, name, arena, out));
    TRY(group_add_offsets(cluster->client, arena, out));
    /* What the coordinator does not know is dead; brokers before DescribeGroups version 6 say so
     * of any name. */
    if (slice_eq_str(out->state, "Dead") && out->offset_count == 0) {
        return ERR_GROUP_ID_NOT_FOUND;
    }
    return group_add_log_ends(cluster, arena, out);
}
