/* Reading a persistent map in order: iteration, difference, verification. */
#include "base/pmap_node.h"

/* ---- iterating ---- */

static void iter_push(struct pmap_iter *it, const struct pmap_node *n, size_t at)
{
    ASSERT(it->depth < PMAP_DEPTH_MAX);
    it->path[it->depth].node = n;
    it->path[it->depth].at = (uint32_t)at;
    it->depth++;
}

static void iter_descend(struct pmap_iter *it, const struct pmap_node *n)
{
    for (;;) {
        iter_push(it, n, 0);
        if (n->level == 0) {
            return;
        }
        n = pmap_children(n)[0];
    }
}

struct pmap_iter pmap_first(const struct pmap *m)
{
    struct pmap_iter it = {.depth = 0};
    if (m->root != NULL) {
        iter_descend(&it, m->root);
    }
    return it;
}

struct pmap_iter pmap_seek(const struct pmap *m, const void *key)
{
    struct pmap_iter it = {.depth = 0};
    const struct pmap_node *n = m->root;
    while (n != NULL) {
        bool found;
        size_t at = pmap_lower_bound(m->ops, n, key, &found);
        iter_push(&it, n, at);
        n = found || n->level == 0 ? NULL : pmap_children(n)[at];
    }
    return it;
}

bool pmap_next(struct pmap_iter *it, void **item)
{
    while (it->depth > 0 && it->path[it->depth - 1].at == it->path[it->depth - 1].node->count) {
        it->depth--;
    }
    if (it->depth == 0) {
        return false;
    }
    const struct pmap_node *n = it->path[it->depth - 1].node;
    size_t at = it->path[it->depth - 1].at++;
    *item = n->items[at];
    if (n->level > 0) {
        iter_descend(it, pmap_children(n)[at + 1]);
    }
    return true;
}

/* ---- difference ---- */

/* Walks a tree like an iterator, but stops before each subtree, so that it can be skipped unread:
 * what comes next is the subtree `next`, or, if that is NULL, the item at the end of the path. */
struct walk {
    struct pmap_iter it;
    const struct pmap_node *next;
};

static void walk_settle(struct walk *w)
{
    struct pmap_iter *it = &w->it;
    while (w->next == NULL && it->depth > 0 &&
           it->path[it->depth - 1].at == it->path[it->depth - 1].node->count) {
        it->depth--;
    }
}

static void walk_enter(struct walk *w)
{
    const struct pmap_node *n = w->next;
    iter_push(&w->it, n, 0);
    w->next = n->level > 0 ? pmap_children(n)[0] : NULL;
}

/* NULL: the end. */
static void *walk_item(const struct walk *w)
{
    if (w->it.depth == 0) {
        return NULL;
    }
    return w->it.path[w->it.depth - 1].node->items[w->it.path[w->it.depth - 1].at];
}

static void walk_pass_item(struct walk *w)
{
    const struct pmap_node *n = w->it.path[w->it.depth - 1].node;
    size_t at = ++w->it.path[w->it.depth - 1].at;
    w->next = n->level > 0 ? pmap_children(n)[at] : NULL;
}

/* Opens or skips what is before the two walks; false when both stand before an item or the end. */
static bool walk_subtrees(struct walk *a, struct walk *b)
{
    if (a->next != NULL && a->next == b->next) {
        a->next = NULL;
        b->next = NULL;
    } else if (a->next != NULL && (b->next == NULL || a->next->level >= b->next->level)) {
        walk_enter(a);
    } else if (b->next != NULL) {
        walk_enter(b);
    } else {
        return false;
    }
    return true;
}

void pmap_diff(const struct pmap *before, const struct pmap *after,
               void (*visit)(void *arg, void *before, void *after), void *arg)
{
    const struct pmap_ops *ops = after->ops;
    struct walk a = {.next = before->root};
    struct walk b = {.next = after->root};
    for (;;) {
        walk_settle(&a);
        walk_settle(&b);
        if (walk_subtrees(&a, &b)) {
            continue;
        }
        void *old = walk_item(&a);
        void *new = walk_item(&b);
        if (old == NULL && new == NULL) {
            return;
        }
        int order = old == NULL ? 1 : new == NULL ? -1 : ops->compare(ops->key(old), new);
        if (order <= 0) {
            walk_pass_item(&a);
        }
        if (order >= 0) {
            walk_pass_item(&b);
        }
        if (order != 0 || old != new) {
            visit(arg, order <= 0 ? old : NULL, order >= 0 ? new : NULL);
        }
    }
}

/* ---- for tests ---- */

static size_t node_memory(const struct pmap_node *n)
{
    size_t bytes = pmap_node_size(n->level, n->capacity);
    for (size_t i = 0; n->level > 0 && i <= n->count; i++) {
        bytes += node_memory(pmap_children(n)[i]);
    }
    return bytes;
}

size_t pmap_memory(const struct pmap *m)
{
    return m->root == NULL ? 0 : node_memory(m->root);
}

static void node_verify(const struct pmap_node *n, bool root, bool edge)
{
    ASSERT(n->refs.count > 0);
    ASSERT(n->count >= 1);
    ASSERT(n->count <= n->capacity);
    ASSERT(root || edge || n->count >= PMAP_NODE_MIN);
    for (size_t i = 0; n->level > 0 && i <= n->count; i++) {
        ASSERT(pmap_children(n)[i]->level + 1 == n->level);
        node_verify(pmap_children(n)[i], false, edge && i == n->count);
    }
}

void pmap_verify(const struct pmap *m)
{
    if (m->root != NULL) {
        node_verify(m->root, true, true);
    }
    struct pmap_iter it = pmap_first(m);
    size_t count = 0;
    void *last = NULL;
    for (void *item; pmap_next(&it, &item); last = item) {
        ASSERT(last == NULL || m->ops->compare(m->ops->key(last), item) < 0);
        count++;
    }
    ASSERT(count == m->count);
}
