/* Reads: the core says when the state may be read, the owner hears it when its state is there. */
#include "base/mem.h"
#include "raft/node/private.h"

struct node_read {
    struct list node;
    uint64_t token;
    void (*done)(void *arg, enum err e);
    void *arg;
    bool answered;
    enum err error;
    int64_t offset; /* everything before it must have been delivered */
};

void node_read(struct node *node, void (*done)(void *arg, enum err e), void *arg)
{
    struct node_read *read = MEM_NEW(struct node_read);
    read->token = ++node->last_token;
    read->done = done;
    read->arg = arg;
    list_add_tail(&node->reads, &read->node);
    if (node->broken || !node->started) {
        node_notify(node);
        return;
    }
    struct raft_event event = {.type = RAFT_EVENT_READ, .u.read = {.token = read->token}};
    node_step(node, &event, SLICE_NULL);
}

void node_read_answer(struct node *node, const struct raft_read_answer *answer)
{
    LIST_EACH(at, &node->reads)
    {
        struct node_read *read = LIST_ENTRY(at, struct node_read, node);
        if (read->token == answer->token) {
            read->answered = true;
            read->error = answer->error;
            read->offset = answer->offset;
            node_notify(node);
            return;
        }
    }
    UNREACHABLE();
}

/* The first one that is through, or that never will be. */
static struct node_read *first_through(struct node *node)
{
    bool over = node->broken || node->closed || !node->started;
    LIST_EACH(at, &node->reads)
    {
        struct node_read *read = LIST_ENTRY(at, struct node_read, node);
        bool refused = over || (read->answered && read->error != ERR_NONE);
        if (refused || (read->answered && read->offset <= node->delivered)) {
            if (refused && !read->answered) {
                read->error = ERR_NOT_CONTROLLER;
            }
            return read;
        }
    }
    return NULL;
}

void node_tell_reads(struct node *node)
{
    struct node_read *read;
    while ((read = first_through(node)) != NULL) {
        list_remove(&read->node);
        read->done(read->arg, read->error);
        mem_free(read);
    }
}
