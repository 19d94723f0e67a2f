/* Names of snapshots, and which of them a directory holds. */
#include "raft/node/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/store.h"

#define SUFFIX ".checkpoint"

enum { OFFSET_DIGITS = 20, EPOCH_DIGITS = 10 };

void node_snapshot_name(struct raft_position place, char name[NODE_SNAPSHOT_NAME_MAX])
{
    snprintf(name, NODE_SNAPSHOT_NAME_MAX, "%0*" PRId64 "-%0*" PRId32 SUFFIX, OFFSET_DIGITS,
             place.offset, EPOCH_DIGITS, place.epoch);
}

/* Exactly `count` digits; false also if the number is larger than `max`. */
static bool parse_digits(const char *text, int count, int64_t max, int64_t *out)
{
    *out = 0;
    for (int i = 0; i < count; i++) {
        int digit = text[i] - '0';
        if (digit < 0 || digit > 9 || *out > (max - digit) / 10) {
            return false;
        }
        *out = *out * 10 + digit;
    }
    return true;
}

bool node_snapshot_parse_name(const char *name, struct raft_position *place)
{
    int64_t epoch;
    if (strlen(name) != OFFSET_DIGITS + 1 + EPOCH_DIGITS + strlen(SUFFIX) ||
        !parse_digits(name, OFFSET_DIGITS, INT64_MAX, &place->offset) ||
        name[OFFSET_DIGITS] != '-' ||
        !parse_digits(name + OFFSET_DIGITS + 1, EPOCH_DIGITS, INT32_MAX, &epoch) ||
        strcmp(name + OFFSET_DIGITS + 1 + EPOCH_DIGITS, SUFFIX) != 0) {
        return false;
    }
    place->epoch = (int32_t)epoch;
    return true;
}

static void add_name(void *arg, const char *name)
{
    struct node_snapshot_list *list = arg;
    struct raft_position place;
    if (!node_snapshot_parse_name(name, &place)) {
        return;
    }
    if (list->count == list->cap) {
        list->cap = list->cap == 0 ? 8 : list->cap * 2;
        list->items = mem_realloc(list->items, (size_t)list->cap * sizeof *list->items);
    }
    list->items[list->count++] = place;
}

static int compare(const void *a, const void *b)
{
    const struct raft_position *x = a;
    const struct raft_position *y = b;
    if (x->offset != y->offset) {
        return x->offset < y->offset ? -1 : 1;
    }
    return (x->epoch > y->epoch) - (x->epoch < y->epoch);
}

enum err node_snapshot_list(const struct store_fs *fs, const char *dir,
                            struct node_snapshot_list *out)
{
    *out = (struct node_snapshot_list){0};
    enum err e = store_fs_list(fs, dir, add_name, out);
    if (e != ERR_NONE) {
        node_snapshot_list_fini(out);
    } else if (out->count > 0) {
        qsort(out->items, (size_t)out->count, sizeof *out->items, compare);
    }
    return e;
}

void node_snapshot_list_fini(struct node_snapshot_list *list)
{
    mem_free(list->items);
    *list = (struct node_snapshot_list){0};
}
