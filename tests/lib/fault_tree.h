/* Files and directories of fault_fs.h: what is there, and what would be there after a crash. */
#ifndef TESTS_LIB_FAULT_TREE_H
#define TESTS_LIB_FAULT_TREE_H

#include "base/prng.h"
#include "base/slice.h"

struct fault_node;

/* Bytes up to `len`, zeroes from there to `size`. */
struct fault_content {
    uint8_t *data;
    uint64_t len;
    uint64_t cap;
    uint64_t size;
};

/* A write that was not synced; `data` NULL: a truncation to `offset`. */
struct fault_write {
    uint8_t *data;
    uint64_t offset;
    uint64_t len;
};

struct fault_entry {
    char *name;
    struct fault_node *node;
};

struct fault_entries {
    struct fault_entry *at;
    uint32_t count;
};

/* A change of a directory that was not synced: `remove` goes, then `add` comes. */
struct fault_naming {
    char *remove;           /* NULL: nothing */
    struct fault_entry add; /* name NULL: nothing */
};

struct fault_node {
    uint32_t refs;
    bool is_dir;
    bool locked;
    int64_t modified_ms;
    struct fault_content live;
    struct fault_content durable;
    struct fault_write *writes;
    uint32_t write_count;
    struct fault_entries names;
    struct fault_entries durable_names;
    struct fault_naming *namings;
    uint32_t naming_count;
};

struct fault_node *fault_node_new(bool is_dir);
struct fault_node *fault_node_ref(struct fault_node *node);
void fault_node_unref(struct fault_node *node);

size_t fault_node_read(const struct fault_node *node, uint64_t offset, uint8_t *out, size_t len);
void fault_node_write(struct fault_node *node, uint64_t offset, struct slice data);
void fault_node_truncate(struct fault_node *node, uint64_t size);
void fault_node_sync(struct fault_node *node);

/* Borrowed, or NULL. */
struct fault_node *fault_dir_find(const struct fault_node *dir, struct slice name);

/* Takes `remove` (may be null) out and adds a reference to `node` (NULL: nothing) as `name`, in
 * one step. */
void fault_dir_change(struct fault_node *dir, struct slice remove, struct slice name,
                      struct fault_node *node);
void fault_dir_sync(struct fault_node *dir);

/* What is left of the tree; with `p` NULL only what was synced. */
void fault_node_crash(struct fault_node *node, struct prng *p);

#endif
