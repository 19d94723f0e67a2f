/* kafka-consumer-groups --describe. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/kafka/consumer_groups.h"
#include "cli/kafka/java_order.h"

enum { COLUMN_MIN = 15, COORDINATOR_MIN = 25 };

/* ---- the state ---- */

/* False: there is nothing to show. What is special about the group is told. */
static bool tell_state(const struct group *group, bool has_rows)
{
    if (slice_eq_str(group->state, "Dead")) {
        groups_error("Consumer group '%.*s' does not exist.", SLICE_ARG(group->name));
        return false;
    }
    fflush(stdout);
    if (slice_eq_str(group->state, "Empty")) {
        fprintf(stderr, "\nConsumer group '%.*s' has no active members.\n", SLICE_ARG(group->name));
    } else if (!slice_eq_str(group->state, "Stable")) {
        fprintf(stderr, "\nWarning: Consumer group '%.*s' is rebalancing.\n",
                SLICE_ARG(group->name));
    }
    return has_rows;
}

/* "-" for an epoch that classic groups do not have. */
static const char *epoch_text(struct arena *arena, int32_t epoch)
{
    return epoch < 0 ? "-" : arena_printf(arena, "%" PRId32, epoch);
}

static void print_state(struct groups_tool *tool, const struct group *group)
{
    struct arena *arena = &tool->cli->arena;
    bool verbose = tool_has(tool->cli, "verbose");
    if (!tell_state(group, true)) {
        return;
    }
    const char *coordinator = arena_printf(
        arena, "%s  (%" PRId32 ")", client_node_address(tool->cluster.client, group->coordinator),
        group->coordinator);
    int name_width = (int)max_i64(COLUMN_MIN, (int64_t)group->name.len);
    int width = (int)max_i64(COORDINATOR_MIN, (int64_t)strlen(coordinator));
    printf("\n%-*s %-*s %-20s %-20s", name_width, "GROUP", width, "COORDINATOR (ID)",
           "ASSIGNMENT-STRATEGY", "STATE");
    printf("%s %s", verbose ? " GROUP-EPOCH     TARGET-ASSIGNMENT-EPOCH  " : "", "#MEMBERS");
    const char *assignor = group->assignor.len == 0 ? "-" : arena_str(arena, group->assignor);
    printf("\n%-*.*s %-*s %-20s %-20.*s", name_width, SLICE_ARG(group->name), width, coordinator,
           assignor, SLICE_ARG(group->state));
    if (verbose) {
        printf(" %-15s %-25s", epoch_text(arena, group->epoch),
               epoch_text(arena, group->assignment_epoch));
    }
    printf(" %" PRId32 "\n", group->member_count);
}

/* ---- offsets ---- */

/* A row: what a member consumes, or what nobody does. */
struct row {
    const struct group_offset *offset;
    int32_t member; /* place of the member among the rows; nobody comes last */
    size_t place;   /* within the member */
};

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;
    if (x->member != y->member) {
        return x->member < y->member ? -1 : 1;
    }
    return x->place < y->place ? -1 : x->place > y->place;
}

/* Members with many partitions come first. */
static int32_t place_of_member(const struct group *group, const struct group_member *member)
{
    if (member == NULL) {
        return INT32_MAX;
    }
    int32_t place = 0;
    for (const struct group_member *m = group->members; m < group->members + group->member_count;
         m++) {
        place += m->assigned.count > member->assigned.count ||
                 (m->assigned.count == member->assigned.count && m < member);
    }
    return place;
}

/* The rows of one member come in the order of Java's map. */
static void order_member(struct row *rows, int32_t count, struct arena *arena)
{
    uint32_t *hashes = ARENA_ARRAY(arena, (size_t)count + 1, uint32_t);
    for (int32_t i = 0; i < count; i++) {
        hashes[i] = java_hash_partition(rows[i].offset->topic, rows[i].offset->partition);
    }
    const size_t *order = java_order(hashes, (size_t)count, JAVA_CAPACITY, arena);
    for (int32_t i = 0; i < count; i++) {
        rows[order[i]].place = (size_t)i;
    }
}

static int compare_by_partition(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;
    if (x->member != y->member) {
        return x->member < y->member ? -1 : 1;
    }
    return x->offset->partition - y->offset->partition;
}

static struct row *sort_rows(const struct group *group, struct arena *arena)
{
    int32_t count = group->offset_count;
    struct row *rows = ARENA_ARRAY(arena, (size_t)count + 1, struct row);
    for (int32_t i = 0; i < count; i++) {
        rows[i] =
            (struct row){&group->offsets[i], place_of_member(group, group->offsets[i].member), 0};
    }
    qsort(rows, (size_t)count, sizeof *rows, compare_by_partition);
    for (int32_t start = 0; start < count;) {
        int32_t end = start;
        while (end < count && rows[end].member == rows[start].member) {
            end++;
        }
        order_member(rows + start, end - start, arena);
        start = end;
    }
    qsort(rows, (size_t)count, sizeof *rows, compare_rows);
    return rows;
}

struct widths {
    int group;
    int topic;
    int member;
    int host;
};

static void widen(int *width, size_t len)
{
    *width = (int)max_i64(*width, (int64_t)len);
}

static void print_number(int64_t number, bool is_known)
{
    char text[24] = "-";
    if (is_known) {
        snprintf(text, sizeof text, "%" PRId64, number);
    }
    printf(" %-15s", text);
}

static void print_row(const struct group *group, const struct group_offset *row,
                      const struct widths *w, bool verbose)
{
    static const struct group_member nobody = {.id = {(const uint8_t *)"-", 1},
                                               .client_id = {(const uint8_t *)"-", 1},
                                               .host = {(const uint8_t *)"-", 1}};
    const struct group_member *member = row->member == NULL ? &nobody : row->member;
    bool has_lag = row->committed >= 0 && row->log_end >= 0;
    printf("\n%-*.*s %-*.*s %-10" PRId32, w->group, SLICE_ARG(group->name), w->topic,
           SLICE_ARG(row->topic), row->partition);
    if (verbose) {
        print_number(row->leader_epoch, row->leader_epoch >= 0);
    }
    print_number(row->committed, row->committed >= 0);
    print_number(row->log_end, row->log_end >= 0);
    print_number(row->log_end - row->committed, has_lag);
    printf(" %-*.*s %-*.*s %.*s", w->member, SLICE_ARG(member->id), w->host,
           SLICE_ARG(member->host), SLICE_ARG(member->client_id));
}

static void print_offsets(struct groups_tool *tool, const struct group *group)
{
    bool verbose = tool_has(tool->cli, "verbose");
    if (!tell_state(group, group->offset_count > 0)) {
        return;
    }
    struct row *rows = sort_rows(group, &tool->cli->arena);
    struct widths w = {COLUMN_MIN, COLUMN_MIN, COLUMN_MIN, COLUMN_MIN};
    widen(&w.group, group->name.len);
    for (int32_t i = 0; i < group->offset_count; i++) {
        const struct group_offset *row = rows[i].offset;
        widen(&w.topic, row->topic.len);
        widen(&w.member, row->member == NULL ? 1 : row->member->id.len);
        widen(&w.host, row->member == NULL ? 1 : row->member->host.len);
    }
    printf("\n%-*s %-*s %-10s", w.group, "GROUP", w.topic, "TOPIC", "PARTITION");
    printf("%s", verbose ? " LEADER-EPOCH   " : "");
    printf(" %-15s %-15s %-15s %-*s %-*s %s", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", w.member,
           "CONSUMER-ID", w.host, "HOST", "CLIENT-ID");
    for (int32_t i = 0; i < group->offset_count; i++) {
        print_row(group, rows[i].offset, &w, verbose);
    }
    puts("");
}

/* ---- members ---- */

/* "orders:0,1;clicks:2"; "-" for none. */
static const char *partitions_text(struct arena *arena, const struct group_partitions *partitions)
{
    struct buf text = {0};
    struct slice topic = SLICE_NULL;
    for (int32_t i = 0; i < partitions->count; i++) {
        const struct group_partition *p = &partitions->items[i];
        if (slice_eq(p->topic, topic)) {
            buf_printf(&text, ",%" PRId32, p->partition);
        } else {
            buf_printf(&text, "%s%.*s:%" PRId32, i == 0 ? "" : ";", SLICE_ARG(p->topic),
                       p->partition);
        }
        topic = p->topic;
    }
    const char *result = text.len == 0 ? "-" : arena_str(arena, buf_slice(&text));
    buf_fini(&text);
    return result;
}

struct member_widths {
    int group;
    int member;
    int instance;
    int host;
    int client;
    int current;
};

static void print_member(struct groups_tool *tool, const struct group *group,
                         const struct group_member *m, const struct member_widths *w)
{
    struct arena *arena = &tool->cli->arena;
    printf("%-*.*s %-*.*s ", w->group, SLICE_ARG(group->name), w->member, SLICE_ARG(m->id));
    if (w->instance > 0) {
        struct slice instance = slice_is_null(m->instance_id) ? slice_str("") : m->instance_id;
        printf("%-*.*s ", w->instance, SLICE_ARG(instance));
    }
    printf("%-*.*s %-*.*s %-15" PRId32 " ", w->host, SLICE_ARG(m->host), w->client,
           SLICE_ARG(m->client_id), m->assigned.count);
    if (tool_has(tool->cli, "verbose")) {
        bool is_new = m->epoch >= 0; /* classic members have no targets */
        printf("%-15s %-*s %-15s %s", epoch_text(arena, m->epoch), w->current,
               partitions_text(arena, &m->assigned),
               epoch_text(arena, is_new ? group->assignment_epoch : -1),
               is_new ? partitions_text(arena, &m->target) : "-");
    }
    puts("");
}

static void print_members(struct groups_tool *tool, const struct group *group)
{
    struct member_widths w = {COLUMN_MIN, COLUMN_MIN, 0, COLUMN_MIN, COLUMN_MIN, 20};
    if (tell_state(group, group->member_count > 0)) {
        widen(&w.group, group->name.len);
        for (int32_t i = 0; i < group->member_count; i++) {
            const struct group_member *m = &group->members[i];
            widen(&w.member, m->id.len);
            widen(&w.host, m->host.len);
            widen(&w.client, m->client_id.len);
            widen(&w.current, strlen(partitions_text(&tool->cli->arena, &m->assigned)));
            if (m->instance_id.len > 0) {
                widen(&w.instance, strlen("GROUP-INSTANCE-ID"));
                widen(&w.instance, m->instance_id.len);
            }
        }
    }
    printf("\n%-*s %-*s ", w.group, "GROUP", w.member, "CONSUMER-ID");
    if (w.instance > 0) {
        printf("%-*s ", w.instance, "GROUP-INSTANCE-ID");
    }
    printf("%-*s %-*s %-15s ", w.host, "HOST", w.client, "CLIENT-ID", "#PARTITIONS");
    if (tool_has(tool->cli, "verbose")) {
        printf("%-15s %-*s %-15s %s", "CURRENT-EPOCH", w.current, "CURRENT-ASSIGNMENT",
               "TARGET-EPOCH", "TARGET-ASSIGNMENT");
    }
    puts("");
    for (int32_t i = 0; i < group->member_count; i++) {
        print_member(tool, group, &group->members[i], &w);
    }
}

/* ---- the action ---- */

static enum err find(struct groups_tool *tool, struct slice name, struct group *out)
{
    struct arena *arena = &tool->cli->arena;
    TRY(group_describe(tool->cluster.client, name, arena, out));
    if (tool_count(tool->cli, "members,state") > 0) {
        return ERR_NONE;
    }
    TRY(group_add_offsets(tool->cluster.client, arena, out));
    return group_add_log_ends(&tool->cluster, arena, out);
}

enum cli_exit groups_describe(struct groups_tool *tool)
{
    struct cli *cli = tool->cli;
    struct group *groups = ARENA_ARRAY(&cli->arena, (size_t)tool->count + 1, struct group);
    for (int32_t i = 0; i < tool->count; i++) {
        client_restart_clock(tool->cluster.client);
        enum err e = find(tool, tool->names[i], &groups[i]);
        if (e != ERR_NONE) {
            return groups_fail(tool, e, groups[i].message, true);
        }
    }
    for (int32_t i = 0; i < tool->count; i++) {
        if (tool_has(cli, "members")) {
            print_members(tool, &groups[i]);
        } else if (tool_has(cli, "state")) {
            print_state(tool, &groups[i]);
        } else {
            print_offsets(tool, &groups[i]);
        }
    }
    return CLI_OK;
}
