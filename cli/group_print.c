/* A consumer group, printed; see group.h. */
#include "cli/group.h"

static const struct table_column offset_columns[] = {
    {"TOPIC", "topic", TABLE_TEXT},        {"PARTITION", "partition", TABLE_NUMBER},
    {"COMMITTED", "offset", TABLE_NUMBER}, {"LOG END", "logEndOffset", TABLE_NUMBER},
    {"LAG", "lag", TABLE_NUMBER},          {"MEMBER", "memberId", TABLE_TEXT},
    {"METADATA", "metadata", TABLE_TEXT},
};

static void put_known(struct table *t, int64_t offset)
{
    if (offset < 0) {
        table_null(t);
    } else {
        table_number(t, offset);
    }
}

static void fill_offsets(struct table *t, const struct group *group)
{
    table_init(t, offset_columns, ARRAY_LEN(offset_columns));
    for (int32_t i = 0; i < group->offset_count; i++) {
        const struct group_offset *row = &group->offsets[i];
        bool has_lag = row->committed >= 0 && row->log_end >= 0;
        table_text(t, row->topic);
        table_number(t, row->partition);
        put_known(t, row->committed);
        put_known(t, row->log_end);
        put_known(t, has_lag ? max_i64(row->log_end - row->committed, 0) : -1);
        table_text(t, row->member == NULL ? SLICE_NULL : row->member->member_id);
        table_text(t, row->metadata.len == 0 ? SLICE_NULL : row->metadata);
    }
}

static const struct table_column member_columns[] = {
    {"MEMBER", "memberId", TABLE_TEXT},         {"INSTANCE", "groupInstanceId", TABLE_TEXT},
    {"CLIENT", "clientId", TABLE_TEXT},         {"HOST", "clientHost", TABLE_TEXT},
    {"PARTITIONS", "partitions", TABLE_NUMBER},
};

static void fill_members(struct table *t, const struct group *group)
{
    table_init(t, member_columns, ARRAY_LEN(member_columns));
    for (int32_t i = 0; i < group->wire->members_count; i++) {
        const struct wire_describe_groups_response_groups_members *member =
            &group->wire->members[i];
        int32_t partitions = 0;
        for (int32_t k = 0; k < group->offset_count; k++) {
            partitions += group->offsets[k].member == member;
        }
        table_text(t, member->member_id);
        table_text(t, member->group_instance_id);
        table_text(t, member->client_id);
        table_text(t, member->client_host);
        table_number(t, partitions);
    }
    table_sort(t);
}

static void print_json(const struct group *group, const struct table *members,
                       const struct table *offsets, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "groupId", table_json_text(group->wire->group_id));
    json_object_set_new(root, "state", table_json_text(group->wire->group_state));
    json_object_set_new(root, "protocolType", table_json_text(group->wire->protocol_type));
    json_object_set_new(root, "protocol", table_json_text(group->wire->protocol_data));
    json_object_set_new(root, "coordinator", json_integer(group->coordinator));
    json_object_set_new(root, "members", table_json(members));
    json_object_set_new(root, "offsets", table_json(offsets));
    table_print_json(root, out);
}

static void print_for_people(const struct group *group, const struct table *members,
                             const struct table *offsets, struct buf *out)
{
    buf_printf(out, "group %.*s, state %.*s, coordinator %" PRId32,
               SLICE_ARG(group->wire->group_id), SLICE_ARG(group->wire->group_state),
               group->coordinator);
    if (group->wire->protocol_data.len > 0) {
        buf_printf(out, ", assigned by %.*s", SLICE_ARG(group->wire->protocol_data));
    }
    buf_put_str(out, "\n");
    if (members->count > 0) {
        buf_put_str(out, "\n");
        table_print(members, TABLE_FOR_PEOPLE, out);
    }
    if (offsets->count > 0) {
        buf_put_str(out, "\n");
        table_print(offsets, TABLE_FOR_PEOPLE, out);
    }
}

void group_print(const struct group *group, enum table_format format, struct buf *out)
{
    struct table members;
    struct table offsets;
    fill_members(&members, group);
    fill_offsets(&offsets, group);
    switch (format) {
    case TABLE_JSON:
        print_json(group, &members, &offsets, out);
        break;
    case TABLE_TSV:
        table_print(&offsets, TABLE_TSV, out);
        break;
    case TABLE_FOR_PEOPLE:
        print_for_people(group, &members, &offsets, out);
        break;
    }
    table_fini(&members);
    table_fini(&offsets);
}
