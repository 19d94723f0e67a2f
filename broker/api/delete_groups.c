/* DeleteGroups: a request for each shard that has some of the groups; their answers are joined. */
#include "broker/api/api.h"
#include "broker/groups_private.h"

#define RESULTS wire_delete_groups_response_results

struct group_deletion;

/* What one shard is asked; the groups of no shard of ours are one of them too. */
struct group_deletion_part {
    struct group_token token;
    struct group_deletion *deletion;
    struct group_host *host; /* NULL: none */
    struct wire_delete_groups_request request;
};

struct group_deletion {
    struct net_request *req;
    struct wire_delete_groups_response response;
    struct group_deletion_part *parts;
    int parts_count;
    int waiting;
};

static void reply(struct group_token *token, const void *body)
{
    struct group_deletion *deletion =
        container_of(token, struct group_deletion_part, token)->deletion;
    const struct wire_delete_groups_response *answer = body;
    for (int32_t i = 0; i < answer->results_count; i++) {
        struct RESULTS *out = &deletion->response.results[deletion->response.results_count++];
        *out = answer->results[i];
        out->group_id = arena_dup(&deletion->req->arena, out->group_id);
    }
    ASSERT(deletion->waiting > 0);
    if (--deletion->waiting == 0) {
        net_reply(deletion->req, &deletion->response);
    }
}

static struct group_deletion_part *part_of(struct group_deletion *deletion, struct group_host *host)
{
    for (int i = 0; i < deletion->parts_count; i++) {
        if (deletion->parts[i].host == host) {
            return &deletion->parts[i];
        }
    }
    struct group_deletion_part *part = &deletion->parts[deletion->parts_count++];
    part->token = (struct group_token){deletion->req, reply};
    part->deletion = deletion;
    part->host = host;
    return part;
}

/* Each name once; returns how many. */
static int32_t drop_repeated(struct slice *names, int32_t count)
{
    struct map seen = {0};
    int32_t kept = 0;
    for (int32_t i = 0; i < count; i++) {
        if (map_put(&seen, names[i], names) == NULL) {
            names[kept++] = names[i];
        }
    }
    map_fini(&seen);
    return kept;
}

static void split(struct broker *broker, struct group_deletion *deletion, const struct slice *names,
                  int32_t count)
{
    struct arena *arena = &deletion->req->arena;
    struct group_deletion_part **of =
        ARENA_ARRAY(arena, (size_t)count, struct group_deletion_part *);
    for (int32_t i = 0; i < count; i++) {
        of[i] = part_of(deletion, group_host_of(broker->groups, names[i]));
        of[i]->request.groups_names_count++;
    }
    for (int i = 0; i < deletion->parts_count; i++) {
        struct wire_delete_groups_request *request = &deletion->parts[i].request;
        request->groups_names =
            ARENA_ARRAY(arena, (size_t)request->groups_names_count, struct slice);
        request->groups_names_count = 0;
    }
    for (int32_t i = 0; i < count; i++) {
        struct wire_delete_groups_request *request = &of[i]->request;
        request->groups_names[request->groups_names_count++] = names[i];
    }
}

void broker_api_delete_groups(void *arg, struct net_request *req)
{
    struct broker *broker = arg;
    struct wire_delete_groups_request *request = req->body;
    struct group_deletion *deletion = ARENA_NEW(&req->arena, struct group_deletion);
    int32_t count = drop_repeated(request->groups_names, request->groups_names_count);
    deletion->req = req;
    wire_init(wire_response(WIRE_API_DELETE_GROUPS), &deletion->response);
    deletion->response.results =
        wire_new_array(&wire_msg_delete_groups_response_results, &req->arena, count);
    size_t hosts = min_size((size_t)count, broker->groups->hosts.count + 1);
    deletion->parts = ARENA_ARRAY(&req->arena, hosts, struct group_deletion_part);
    split(broker, deletion, request->groups_names, count);
    int parts = deletion->parts_count; /* `deletion` is gone after the last answer */
    deletion->waiting = parts;
    for (int i = 0; i < parts; i++) {
        struct group_deletion_part *part = &deletion->parts[i];
        broker_groups_submit(broker, &part->token, part->request.groups_names[0], &part->request);
    }
    if (parts == 0) {
        net_reply(req, &deletion->response);
    }
}
