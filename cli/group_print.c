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
        table_text(t, row->member == NULL ? SLICE_NULL : row->member->id);
        table_text(t, row->metadata.len == 0 ? SLICE_NULL : row->metadata);
    }
}

static const struct table_column member_columns[] = {
    {"MEMBER", "memberId", TABLE_TEXT},         {"INSTANCE", "groupInstanceId", TABLE_TEXT},
    {"CLIENT", "clientId", TABLE_TEXT},         {"HOST", "clientHost", TABLE_TEXT},
    {"PARTITIONS", "partitions", TABLE_NUMBER}, {"ASSIGNMENT", "assignment", TABLE_TEXT},
};

void group_put_partitions(const struct group_partitions *partitions, struct buf *out)
{
    struct slice topic = SLICE_NULL;
    for (int32_t i = 0; i < partitions->count; i++) {
        const struct group_partition *p = &partitions->items[i];
        if (i > 0 && slice_eq(p->topic, topic)) {
            buf_printf(out, ",%" PRId32, p->partition);
        } else {
            buf_printf(out, "%s%.*s:%" PRId32, i == 0 ? "" : " ", SLICE_ARG(p->topic),
                       p->partition);
        }
        topic = p->topic;
    }
}

static void fill_members(struct table *t, const struct group *group, bool with_assignment)
{
    size_t columns = ARRAY_LEN(member_columns) - (with_assignment ? 0 : 1);
    struct buf text = {0};
    table_init(t, member_columns, columns);
    for (int32_t i = 0; i < group->member_count; i++) {
        const struct group_member *member = &group->members[i];
        table_text(t, member->id);
        table_text(t, member->instance_id);
        table_text(t, member->client_id);
        table_text(t, member->host);
        table_number(t, member->assigned.count);
        if (with_assignment) {
            buf_reset(&text);
            group_put_partitions(&member->assigned, &text);
            table_text(t, text.len == 0 ? SLICE_NULL : buf_slice(&text));
        }
    }
    table_sort(t);
    buf_fini(&text);
}

/* ---- the group ---- */

static void print_json(const struct group *group, const struct table *members,
                       const struct table *offsets, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "groupId", table_json_text(group->name));
    json_object_set_new(root, "type", json_string(group->type));
    json_object_set_new(root, "state", table_json_text(group->state));
    json_object_set_new(root, "protocolType", table_json_text(group->protocol_type));
    json_object_set_new(root, "protocol", table_json_text(group->assignor));
    json_object_set_new(root, "coordinator", json_integer(group->coordinator));
    if (members != NULL) {
        json_object_set_new(root, "members", table_json(members));
    }
    if (offsets != NULL) {
        json_object_set_new(root, "offsets", table_json(offsets));
    }
    table_print_json(root, out);
}

static void print_for_people(const struct group *group, const struct table *members,
                             const struct table *offsets, struct buf *out)
{
    buf_printf(out, "group %.*s, state %.*s, coordinator %" PRId32, SLICE_ARG(group->name),
               SLICE_ARG(group->state), group->coordinator);
    if (group->assignor.len > 0) {
        buf_printf(out, ", assigned by %.*s", SLICE_ARG(group->assignor));
    }
    buf_put_str(out, "\n");
    if (members != NULL && members->count > 0) {
        buf_put_str(out, "\n");
        table_print(members, TABLE_FOR_PEOPLE, out);
    }
    if (offsets != NULL && offsets->count > 0) {
        buf_put_str(out, "\n");
        table_print(offsets, TABLE_FOR_PEOPLE, out);
    }
}

void group_print(const struct group *group, enum group_view view, enum table_format format,
                 struct buf *out)
{
    struct table members;
    struct table offsets;
    fill_members(&members, group, view == GROUP_MEMBERS);
    fill_offsets(&offsets, group);
    const struct table *shown_members = view == GROUP_OFFSETS ? NULL : &members;
    const struct table *shown_offsets = view == GROUP_MEMBERS ? NULL : &offsets;
    switch (format) {
    case TABLE_JSON:
        print_json(group, shown_members, shown_offsets, out);
        break;
    case TABLE_TSV:
        table_print(shown_offsets == NULL ? &members : &offsets, TABLE_TSV, out);
        break;
    case TABLE_FOR_PEOPLE:
        print_for_people(group, shown_members, shown_offsets, out);
        break;
    }
    table_fini(&members);
    table_fini(&offsets);
}
