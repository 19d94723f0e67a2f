/* DescribeGroups and ListGroups. */
#include "broker/group/consumer/consumer.h"

enum { DESCRIBE_V_NOT_FOUND = 6 }; /* KIP-1043 */

static void describe_member(const struct group *g, const struct group_member *m,
                            struct arena *arena,
                            struct wire_describe_groups_response_groups_members *to)
{
    to->member_id = arena_dup(arena, m->id);
    to->group_instance_id = arena_dup(arena, m->instance_id);
    to->client_id = arena_dup(arena, m->client_id);
    to->client_host = arena_dup(arena, m->client_host);
    /* Between generations the chosen protocol means nothing. */
    to->member_metadata =
        g->state == GROUP_STATE_STABLE
            ? arena_dup(arena, group_protocols_metadata(m->protocols, g->protocol_name))
            : slice_str("");
    to->member_assignment =
        slice_is_null(m->assignment) ? slice_str("") : arena_dup(arena, m->assignment);
}

static struct slice text_or_empty(struct slice s, struct arena *arena)
{
    return slice_is_null(s) ? slice_str("") : arena_dup(arena, s);
}

static void describe_nothing(struct wire_describe_groups_response_groups *out, int16_t version)
{
    out->group_state = slice_str(group_state_name(GROUP_STATE_DEAD));
    if (version >= DESCRIBE_V_NOT_FOUND) {
        out->error_code = err_wire(ERR_GROUP_ID_NOT_FOUND);
        out->error_message = slice_str("The group does not exist.");
    }
}

void group_shard_describe(const struct group_shard *shard, struct slice group_id, int16_t version,
                          struct arena *arena, struct wire_describe_groups_response_groups *out)
{
    *out = (struct wire_describe_groups_response_groups){.group_id = arena_dup(arena, group_id),
                                                         .group_state = slice_str(""),
                                                         .protocol_type = slice_str(""),
                                                         .protocol_data = slice_str(""),
                                                         .authorized_operations = INT32_MIN};
    if (shard->phase != GROUP_SHARD_ACTIVE) {
        out->error_code = err_wire(group_shard_phase_error(shard));
        return;
    }
    const struct group *g = group_find(shard, group_id);
    if (g == NULL || g->state == GROUP_STATE_DEAD || g->consumer != NULL) {
        describe_nothing(out, version);
        return;
    }
    out->group_state = slice_str(group_state_name(g->state));
    out->protocol_type = text_or_empty(g->protocol_type, arena);
    if (g->state == GROUP_STATE_STABLE) {
        out->protocol_data = text_or_empty(g->protocol_name, arena);
    }
    out->members =
        ARENA_ARRAY(arena, g->members.count, struct wire_describe_groups_response_groups_members);
    size_t at = 0;
    for (const struct group_member *m; (m = map_next(&g->members, &at)) != NULL;) {
        describe_member(g, m, arena, &out->members[out->members_count++]);
    }
}

/* ---- ListGroups ---- */

/* Case-insensitive, spaces around the filter ignored, as Kafka does. */
static bool names(struct slice filter, const char *name)
{
    while (filter.len > 0 && filter.data[0] == ' ') {
        filter = slice_of(filter.data + 1, filter.len - 1);
    }
    while (filter.len > 0 && filter.data[filter.len - 1] == ' ') {
        filter.len--;
    }
    return filter.len == strlen(name) &&
           strncasecmp((const char *)filter.data, name, filter.len) == 0;
}

/* No filter lets everything pass. */
static bool passes(const struct slice *filters, int64_t count, const char *name)
{
    for (int64_t i = 0; i < count; i++) {
        if (names(filters[i], name)) {
            return true;
        }
    }
    return count <= 0;
}

enum err group_shard_list(const struct group_shard *shard,
                          const struct wire_list_groups_request *request, struct arena *arena,
                          struct wire_list_groups_response_groups **groups, size_t *groups_count)
{
    *groups = NULL;
    *groups_count = 0;
    if (shard->phase != GROUP_SHARD_ACTIVE) {
        return group_shard_phase_error(shard);
    }
    *groups = ARENA_ARRAY(arena, shard->groups.count, struct wire_list_groups_response_groups);
    size_t at = 0;
    for (const struct group *g; (g = map_next(&shard->groups, &at)) != NULL;) {
        bool dead = g->state == GROUP_STATE_DEAD;
        const char *state = g->consumer != NULL && !dead ? consumer_group_state(g->consumer)
                                                         : group_state_name(g->state);
        const char *type = g->consumer != NULL ? "consumer" : "classic";
        if (!passes(request->types_filter, request->types_filter_count, type) ||
            !passes(request->states_filter, request->states_filter_count, state)) {
            continue;
        }
        struct wire_list_groups_response_groups *to = &(*groups)[(*groups_count)++];
        to->group_id = arena_dup(arena, g->id);
        to->protocol_type =
            g->consumer != NULL ? slice_str("consumer") : text_or_empty(g->protocol_type, arena);
        to->group_state = slice_str(state);
        to->group_type = slice_str(type);
    }
    return ERR_NONE;
}
