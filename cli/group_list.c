/* Lists of groups; see group.h. */
#include <stdlib.h>

#include "cli/group.h"

enum { LIST_VERSION = 5 };

static enum err ask_broker(struct client *client, int32_t broker, const struct group_list *list,
                           const struct wire_list_groups_response **out)
{
    struct wire_list_groups_request request = {.states_filter = (struct slice *)list->states,
                                               .states_filter_count = list->state_count,
                                               .types_filter = (struct slice *)list->types,
                                               .types_filter_count = list->type_count};
    enum err e;
    do {
        const void *answer;
        TRY(client_call(
            client, &(struct client_call){broker, WIRE_API_LIST_GROUPS, LIST_VERSION, &request, 0},
            &answer));
        *out = answer;
        e = (enum err)(*out)->error_code;
    } while (client_retry(client, e));
    return e;
}

static void take(struct group_list *list, const struct wire_list_groups_response *response,
                 int32_t broker, struct arena *arena)
{
    size_t total = (size_t)list->count + (size_t)max_i64(response->groups_count, 0);
    struct group_listing *all = ARENA_ARRAY(arena, total + 1, struct group_listing);
    if (list->count > 0) {
        memcpy(all, list->items, (size_t)list->count * sizeof *all);
    }
    list->items = all;
    for (int32_t i = 0; i < response->groups_count; i++) {
        const struct wire_list_groups_response_groups *group = &response->groups[i];
        all[list->count++] = (struct group_listing){.name = group->group_id,
                                                    .type = group->group_type,
                                                    .state = group->group_state,
                                                    .protocol_type = group->protocol_type,
                                                    .coordinator = broker};
    }
}

static int compare_names(const void *a, const void *b)
{
    const struct group_listing *x = a;
    const struct group_listing *y = b;
    return slice_cmp(x->name, y->name);
}

enum err group_list(struct client *client, struct arena *arena, struct group_list *list)
{
    list->items = ARENA_ARRAY(arena, 1, struct group_listing);
    list->count = 0;
    list->failed_broker = -1;
    struct cluster cluster = {.client = client};
    enum err failed = cluster_refresh(&cluster, &SLICE_NULL, 0);
    for (int32_t i = 0; failed == ERR_NONE && i < cluster.metadata->brokers_count; i++) {
        int32_t broker = cluster.metadata->brokers[i].node_id;
        const struct wire_list_groups_response *response;
        enum err e = ask_broker(client, broker, list, &response);
        if (e == ERR_NONE) {
            take(list, response, broker, arena);
        } else {
            failed = e;
            list->failed_broker = broker;
        }
    }
    cluster_fini(&cluster);
    qsort(list->items, (size_t)list->count, sizeof *list->items, compare_names);
    return failed;
}
