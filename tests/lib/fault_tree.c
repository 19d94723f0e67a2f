/* Files and directories with a memory of what was synced: see fault_tree.h. */
#include "tests/lib/fault_tree.h"

#include "base/mem.h"

/* Disks write sectors whole. */
enum { SECTOR = 512 };

/* ---- content ---- */

static void content_write(struct fault_content *c, uint64_t offset, struct slice data)
{
    uint64_t end = offset + data.len;
    if (end > c->cap) {
        c->cap = end * 2;
        c->data = mem_realloc(c->data, c->cap);
    }
    if (offset > c->len) {
        memset(c->data + c->len, 0, offset - c->len);
    }
    if (data.len > 0) {
        memcpy(c->data + offset, data.data, data.len);
    }
    c->len = end > c->len ? end : c->len;
    c->size = end > c->size ? end : c->size;
}

static void content_truncate(struct fault_content *c, uint64_t size)
{
    c->len = c->len < size ? c->len : size;
    c->size = size;
}

static void content_copy(struct fault_content *to, const struct fault_content *from)
{
    to->len = 0;
    to->size = 0;
    content_write(to, 0, slice_of(from->data, from->len));
    to->size = from->size;
}

static void content_apply(struct fault_content *c, const struct fault_write *w)
{
    if (w->data == NULL) {
        content_truncate(c, w->offset);
    } else {
        content_write(c, w->offset, slice_of(w->data, w->len));
    }
}

/* ---- names ---- */

static void entries_put(struct fault_entries *e, const char *name, struct fault_node *node)
{
    e->at = mem_realloc(e->at, (e->count + 1) * sizeof *e->at);
    e->at[e->count++] = (struct fault_entry){mem_strdup(name), fault_node_ref(node)};
}

static void entries_remove(struct fault_entries *e, const char *name)
{
    for (uint32_t i = 0; i < e->count; i++) {
        if (strcmp(e->at[i].name, name) == 0) {
            mem_free(e->at[i].name);
            fault_node_unref(e->at[i].node);
            e->at[i] = e->at[--e->count];
            return;
        }
    }
}

static void entries_clear(struct fault_entries *e)
{
    while (e->count > 0) {
        entries_remove(e, e->at[0].name);
    }
    mem_free(e->at);
    e->at = NULL;
}

static void entries_copy(struct fault_entries *to, const struct fault_entries *from)
{
    entries_clear(to);
    for (uint32_t i = 0; i < from->count; i++) {
        entries_put(to, from->at[i].name, from->at[i].node);
    }
}

static void entries_apply(struct fault_entries *e, const struct fault_naming *n)
{
    if (n->remove != NULL) {
        entries_remove(e, n->remove);
    }
    if (n->add.name != NULL) {
        entries_remove(e, n->add.name);
        entries_put(e, n->add.name, n->add.node);
    }
}

/* ---- nodes ---- */

struct fault_node *fault_node_new(bool is_dir)
{
    struct fault_node *node = MEM_NEW(struct fault_node);
    node->refs = 1;
    node->is_dir = is_dir;
    return node;
}

struct fault_node *fault_node_ref(struct fault_node *node)
{
    node->refs++;
    return node;
}

static void forget_writes(struct fault_node *node)
{
    for (uint32_t i = 0; i < node->write_count; i++) {
        mem_free(node->writes[i].data);
    }
    mem_free(node->writes);
    node->writes = NULL;
    node->write_count = 0;
}

static void forget_namings(struct fault_node *node)
{
    for (uint32_t i = 0; i < node->naming_count; i++) {
        mem_free(node->namings[i].remove);
        mem_free(node->namings[i].add.name);
        if (node->namings[i].add.node != NULL) {
            fault_node_unref(node->namings[i].add.node);
        }
    }
    mem_free(node->namings);
    node->namings = NULL;
    node->naming_count = 0;
}

void fault_node_unref(struct fault_node *node)
{
    if (--node->refs > 0) {
        return;
    }
    forget_writes(node);
    forget_namings(node);
    entries_clear(&node->names);
    entries_clear(&node->durable_names);
    mem_free(node->live.data);
    mem_free(node->durable.data);
    mem_free(node);
}

size_t fault_node_read(const struct fault_node *node, uint64_t offset, uint8_t *out, size_t len)
{
    const struct fault_content *c = &node->live;
    if (offset >= c->size) {
        return 0;
    }
    len = min_size(len, c->size - offset);
    size_t there = offset < c->len ? min_size(len, c->len - offset) : 0;
    if (there > 0) {
        memcpy(out, c->data + offset, there);
    }
    memset(out + there, 0, len - there);
    return len;
}

static void remember(struct fault_node *node, struct fault_write w)
{
    node->writes = mem_realloc(node->writes, (node->write_count + 1) * sizeof *node->writes);
    node->writes[node->write_count++] = w;
}

void fault_node_write(struct fault_node *node, uint64_t offset, struct slice data)
{
    content_write(&node->live, offset, data);
    uint8_t *copy = mem_alloc(max_size(data.len, 1));
    if (data.len > 0) {
        memcpy(copy, data.data, data.len);
    }
    remember(node, (struct fault_write){copy, offset, data.len});
}

void fault_node_truncate(struct fault_node *node, uint64_t size)
{
    content_truncate(&node->live, size);
    remember(node, (struct fault_write){NULL, size, 0});
}

void fault_node_sync(struct fault_node *node)
{
    for (uint32_t i = 0; i < node->write_count; i++) {
        content_apply(&node->durable, &node->writes[i]);
    }
    forget_writes(node);
}

struct fault_node *fault_dir_find(const struct fault_node *dir, struct slice name)
{
    for (uint32_t i = 0; i < dir->names.count; i++) {
        if (slice_eq_str(name, dir->names.at[i].name)) {
            return dir->names.at[i].node;
        }
    }
    return NULL;
}

void fault_dir_change(struct fault_node *dir, struct slice remove, struct slice name,
                      struct fault_node *node)
{
    struct fault_naming n = {.remove = slice_dup_str(remove)};
    if (node != NULL) {
        n.add = (struct fault_entry){slice_dup_str(name), fault_node_ref(node)};
    }
    dir->namings = mem_realloc(dir->namings, (dir->naming_count + 1) * sizeof *dir->namings);
    dir->namings[dir->naming_count++] = n;
    entries_apply(&dir->names, &n);
}

void fault_dir_sync(struct fault_node *dir)
{
    entries_copy(&dir->durable_names, &dir->names);
    forget_namings(dir);
}

/* ---- crash ---- */

/* What a write that was under way leaves: nothing, all, or some sectors of it. */
static void crash_write(struct fault_content *c, struct fault_write *w, struct prng *p)
{
    if (prng_chance(p, 1, 3)) {
        return;
    }
    if (w->data != NULL && prng_chance(p, 1, 3)) {
        uint64_t cut = (w->offset + prng_below(p, w->len + 1)) / SECTOR * SECTOR;
        w->len = cut > w->offset ? min_size(w->len, cut - w->offset) : 0;
    }
    content_apply(c, w);
}

/* Sizes are journalled in order: with a truncation that did not get there, what was written behind
 * it did not either. */
static uint32_t pick_end(const struct fault_node *node, struct prng *p)
{
    uint32_t end = (uint32_t)prng_below(p, node->write_count + 1u);
    while (end < node->write_count && node->writes[end].data != NULL) {
        end++;
    }
    return end;
}

static void crash_file(struct fault_node *node, struct prng *p)
{
    uint32_t end = p == NULL ? 0 : pick_end(node, p);
    for (uint32_t i = 0; i < end; i++) {
        if (node->writes[i].data == NULL) {
            content_apply(&node->durable, &node->writes[i]);
        } else {
            crash_write(&node->durable, &node->writes[i], p);
        }
    }
    forget_writes(node);
    content_copy(&node->live, &node->durable);
}

static void crash_dir(struct fault_node *dir, struct prng *p)
{
    /* Names are journalled: some first of them are there. */
    uint64_t kept = p == NULL ? 0 : prng_below(p, dir->naming_count + 1u);
    for (uint64_t i = 0; i < kept; i++) {
        entries_apply(&dir->durable_names, &dir->namings[i]);
    }
    forget_namings(dir);
    entries_copy(&dir->names, &dir->durable_names);
    for (uint32_t i = 0; i < dir->names.count; i++) {
        fault_node_crash(dir->names.at[i].node, p);
    }
}

void fault_node_crash(struct fault_node *node, struct prng *p)
{
    if (node->is_dir) {
        crash_dir(node, p);
    } else {
        crash_file(node, p);
    }
}
