/* A persistent B-tree.
 *
 * Invariants (pmap_verify): all leaves have level 0 and the same depth; items ascend strictly; a
 * node has 1 … PMAP_NODE_MAX items, and at least PMAP_NODE_MIN unless it is the root or on the
 * right edge of the tree. The right edge may be sparse because an append splits a full node at its
 * end instead of its middle: maps are mostly loaded in order, and stay full then. */
#include "base/pmap_node.h"

#include "base/mem.h"

/* A node that became two: `middle` goes between it and `right`. */
struct split {
    void *middle;
    struct pmap_node *right;
};

/* Small leaves are not given room for many: a cluster has many small maps. */
static uint8_t capacity_for(unsigned level, size_t count)
{
    ASSERT(count <= PMAP_NODE_MAX);
    if (level > 0 || count > 16) {
        return PMAP_NODE_MAX;
    }
    return count > 8 ? 16 : count > 4 ? 8 : 4;
}

static struct pmap_node *node_new(unsigned level, size_t count)
{
    uint8_t capacity = capacity_for(level, count);
    struct pmap_node *n = mem_alloc(pmap_node_size(level, capacity));
    ref_init(&n->refs);
    n->level = (uint8_t)level;
    n->count = 0;
    n->capacity = capacity;
    return n;
}

static void item_unref(const struct pmap_ops *ops, void *item)
{
    if (ops->unref != NULL) {
        ops->unref(item);
    }
}

static void node_unref(const struct pmap_ops *ops, struct pmap_node *n)
{
    if (!ref_put(&n->refs)) {
        return;
    }
    for (size_t i = 0; i < n->count; i++) {
        item_unref(ops, n->items[i]);
    }
    for (size_t i = 0; n->level > 0 && i <= n->count; i++) {
        node_unref(ops, pmap_children(n)[i]);
    }
    mem_free(n);
}

static struct pmap_node *node_copy(const struct pmap_ops *ops, const struct pmap_node *from,
                                   size_t room)
{
    struct pmap_node *n = node_new(from->level, room);
    n->count = from->count;
    for (size_t i = 0; i < n->count; i++) {
        n->items[i] = from->items[i];
        if (ops->ref != NULL) {
            ops->ref(n->items[i]);
        }
    }
    for (size_t i = 0; n->level > 0 && i <= n->count; i++) {
        pmap_children(n)[i] = pmap_children(from)[i];
        ref_get(&pmap_children(n)[i]->refs);
    }
    return n;
}

/* Makes the node at `slot` ours alone, with room for `room` items. The node that holds `slot` must
 * be ours already. */
static struct pmap_node *node_own(const struct pmap_ops *ops, struct pmap_node **slot, size_t room)
{
    struct pmap_node *n = *slot;
    if (room < n->count) {
        room = n->count;
    }
    if (ref_shared(&n->refs)) {
        *slot = node_copy(ops, n, room);
        node_unref(ops, n);
    } else if (n->capacity < room) {
        uint8_t capacity = capacity_for(n->level, room);
        *slot = mem_realloc(n, pmap_node_size(n->level, capacity));
        (*slot)->capacity = capacity;
    }
    return *slot;
}

void pmap_init(struct pmap *m, const struct pmap_ops *ops)
{
    *m = (struct pmap){.ops = ops};
}

void pmap_fini(struct pmap *m)
{
    if (m->root != NULL) {
        node_unref(m->ops, m->root);
    }
    m->root = NULL;
    m->count = 0;
}

struct pmap pmap_copy(const struct pmap *m)
{
    if (m->root != NULL) {
        ref_get(&m->root->refs);
    }
    return *m;
}

void *pmap_get(const struct pmap *m, const void *key)
{
    const struct pmap_node *n = m->root;
    while (n != NULL) {
        bool found;
        size_t at = pmap_lower_bound(m->ops, n, key, &found);
        if (found) {
            return n->items[at];
        }
        n = n->level > 0 ? pmap_children(n)[at] : NULL;
    }
    return NULL;
}

void **pmap_edit(struct pmap *m, const void *key)
{
    /* Nothing is copied for a key that is not there, nor where nothing is shared. */
    bool shared = false;
    struct pmap_node *n = m->root;
    while (n != NULL) {
        bool found;
        size_t at = pmap_lower_bound(m->ops, n, key, &found);
        shared = shared || ref_shared(&n->refs);
        if (found && !shared) {
            return &n->items[at];
        }
        if (found) {
            break;
        }
        n = n->level > 0 ? pmap_children(n)[at] : NULL;
    }
    if (n == NULL) {
        return NULL;
    }
    struct pmap_node **slot = &m->root;
    for (;;) {
        n = node_own(m->ops, slot, 0);
        bool found;
        size_t at = pmap_lower_bound(m->ops, n, key, &found);
        if (found) {
            return &n->items[at];
        }
        slot = &pmap_children(n)[at];
    }
}

/* ---- adding ---- */

/* Puts an item, and in an inner node the child behind it, where there is room. */
static void node_insert(struct pmap_node *n, size_t at, void *item, struct pmap_node *child)
{
    ASSERT(n->count < n->capacity);
    ASSERT(at <= n->count);
    memmove(&n->items[at + 1], &n->items[at], (n->count - at) * sizeof(void *));
    n->items[at] = item;
    if (n->level > 0) {
        struct pmap_node **c = pmap_children(n);
        memmove(&c[at + 2], &c[at + 1], (n->count - at) * sizeof(void *));
        c[at + 1] = child;
    }
    n->count++;
}

/* Moves the items behind `keep` of a full node to a new right sibling; the item at `keep` itself
 * goes up. */
static struct split node_split(struct pmap_node *n, size_t keep)
{
    ASSERT(n->count == PMAP_NODE_MAX);
    struct pmap_node *right = node_new(n->level, PMAP_NODE_MAX);
    right->count = (uint8_t)(PMAP_NODE_MAX - keep - 1);
    memcpy(right->items, &n->items[keep + 1], right->count * sizeof(void *));
    if (n->level > 0) {
        memcpy(pmap_children(right), &pmap_children(n)[keep + 1],
               (right->count + 1u) * sizeof(void *));
    }
    n->count = (uint8_t)keep;
    return (struct split){.middle = n->items[keep], .right = right};
}

/* Inserts and splits if there is no room; `right.right` is NULL if it did not have to. */
static struct split insert_or_split(struct pmap_node *n, size_t at, struct split add, bool edge)
{
    if (n->count < PMAP_NODE_MAX) {
        node_insert(n, at, add.middle, add.right);
        return (struct split){0};
    }
    size_t keep = edge && at == PMAP_NODE_MAX ? PMAP_NODE_MAX - 1 : PMAP_NODE_MAX / 2;
    struct split split = node_split(n, keep);
    if (at <= keep) {
        node_insert(n, at, add.middle, add.right);
    } else {
        node_insert(split.right, at - keep - 1, add.middle, add.right);
    }
    return split;
}

/* Where the item belongs in the node. Maps are mostly loaded in order: at the right edge one look
 * at the last item is nearly always enough. */
static size_t place_in(const struct pmap_ops *ops, const struct pmap_node *n, const void *key,
                       bool edge, bool *found)
{
    *found = false;
    if (edge && n->count > 0 && ops->compare(key, n->items[n->count - 1]) > 0) {
        return n->count;
    }
    return pmap_lower_bound(ops, n, key, found);
}

/* `edge`: the node is on the right edge of the tree. */
static struct split put(struct pmap *m, struct pmap_node **slot, void *item, bool edge)
{
    size_t room = min_size((*slot)->count + 1u, PMAP_NODE_MAX);
    struct pmap_node *n = node_own(m->ops, slot, room);
    bool found;
    size_t at = place_in(m->ops, n, m->ops->key(item), edge, &found);
    if (found) {
        item_unref(m->ops, n->items[at]);
        n->items[at] = item;
        return (struct split){0};
    }
    struct split add = {.middle = item};
    if (n->level > 0) {
        add = put(m, &pmap_children(n)[at], item, edge && at == n->count);
        if (add.right == NULL) {
            return add;
        }
    } else {
        m->count++;
    }
    return insert_or_split(n, at, add, edge);
}

void pmap_put(struct pmap *m, void *item)
{
    ASSERT(item != NULL);
    if (m->root == NULL) {
        m->root = node_new(0, 1);
    }
    struct split split = put(m, &m->root, item, true);
    if (split.right != NULL) {
        struct pmap_node *root = node_new(m->root->level + 1u, PMAP_NODE_MAX);
        pmap_children(root)[0] = m->root;
        node_insert(root, 0, split.middle, split.right);
        m->root = root;
    }
}

/* ---- removing ---- */

/* Closes the gap of an item that was moved away, and of the child behind it. */
static void node_erase(struct pmap_node *n, size_t at)
{
    ASSERT(at < n->count);
    n->count--;
    memmove(&n->items[at], &n->items[at + 1], (n->count - at) * sizeof(void *));
    if (n->level > 0) {
        struct pmap_node **c = pmap_children(n);
        memmove(&c[at + 1], &c[at + 2], (n->count - at) * sizeof(void *));
    }
}

/* Appends the item between two nodes and everything of `right` to `left`; `right` is freed. */
static void node_merge(struct pmap_node *left, void *between, struct pmap_node *right)
{
    left->items[left->count] = between;
    memcpy(&left->items[left->count + 1], right->items, right->count * sizeof(void *));
    if (left->level > 0) {
        memcpy(&pmap_children(left)[left->count + 1], pmap_children(right),
               (right->count + 1u) * sizeof(void *));
    }
    left->count = (uint8_t)(left->count + 1 + right->count);
    ASSERT(left->count <= left->capacity);
    mem_free(right);
}

/* Spreads the items of two neighbours and the one between them evenly. */
static void node_share(struct pmap_node *left, void **between, struct pmap_node *right)
{
    void *items[2 * PMAP_NODE_MAX + 1];
    struct pmap_node *kids[2 * PMAP_NODE_MAX + 2];
    size_t total = left->count + 1u + right->count;
    memcpy(items, left->items, left->count * sizeof(void *));
    items[left->count] = *between;
    memcpy(&items[left->count + 1], right->items, right->count * sizeof(void *));
    size_t keep = total / 2;
    if (left->level > 0) {
        memcpy(kids, pmap_children(left), (left->count + 1u) * sizeof(void *));
        memcpy(&kids[left->count + 1], pmap_children(right), (right->count + 1u) * sizeof(void *));
        memcpy(pmap_children(left), kids, (keep + 1) * sizeof(void *));
        memcpy(pmap_children(right), &kids[keep + 1], (total - keep) * sizeof(void *));
    }
    left->count = (uint8_t)keep;
    right->count = (uint8_t)(total - keep - 1);
    memcpy(left->items, items, keep * sizeof(void *));
    *between = items[keep];
    memcpy(right->items, &items[keep + 1], right->count * sizeof(void *));
}

/* Mends the child at `at` of `n`, which is ours, if it has too few items. */
static void refill(const struct pmap_ops *ops, struct pmap_node *n, size_t at)
{
    struct pmap_node **c = pmap_children(n);
    if (c[at]->count >= PMAP_NODE_MIN) {
        return;
    }
    size_t left = at > 0 ? at - 1 : at;
    size_t together = c[left]->count + 1u + c[left + 1]->count;
    if (together <= PMAP_NODE_MAX) {
        node_own(ops, &c[left], together);
        node_own(ops, &c[left + 1], 0);
        node_merge(c[left], n->items[left], c[left + 1]);
        node_erase(n, left);
    } else {
        node_own(ops, &c[left], together / 2);
        node_own(ops, &c[left + 1], together / 2);
        node_share(c[left], &n->items[left], c[left + 1]);
    }
}

/* Takes the last item of a subtree out. */
static void *take_last(const struct pmap_ops *ops, struct pmap_node **slot)
{
    struct pmap_node *n = node_own(ops, slot, 0);
    if (n->level == 0) {
        return n->items[--n->count];
    }
    size_t last = n->count;
    void *item = take_last(ops, &pmap_children(n)[last]);
    refill(ops, n, last);
    return item;
}

static void remove_known(const struct pmap_ops *ops, struct pmap_node **slot, const void *key)
{
    struct pmap_node *n = node_own(ops, slot, 0);
    bool found;
    size_t at = pmap_lower_bound(ops, n, key, &found);
    if (!found) {
        remove_known(ops, &pmap_children(n)[at], key);
        refill(ops, n, at);
        return;
    }
    /* The key may live in the item, so the item goes last. */
    void *item = n->items[at];
    if (n->level == 0) {
        node_erase(n, at);
    } else {
        n->items[at] = take_last(ops, &pmap_children(n)[at]);
        refill(ops, n, at);
    }
    item_unref(ops, item);
}

bool pmap_remove(struct pmap *m, const void *key)
{
    if (pmap_get(m, key) == NULL) {
        return false;
    }
    remove_known(m->ops, &m->root, key);
    m->count--;
    if (m->root->count == 0) {
        struct pmap_node *old = m->root;
        m->root = old->level > 0 ? pmap_children(old)[0] : NULL;
        mem_free(old); /* ours, and empty */
    }
    return true;
}
