/* Where the members of the quorum are. */
#include "raft/node/private.h"

#include "base/mem.h"

static struct node_address *find(const struct node_addresses *addresses, int32_t id)
{
    for (int i = 0; i < addresses->count; i++) {
        if (addresses->items[i].id == id) {
            return &addresses->items[i];
        }
    }
    return NULL;
}

const struct node_address *node_address_find(const struct node_addresses *addresses, int32_t id)
{
    return find(addresses, id);
}

bool node_address_learn(struct node_addresses *addresses, int32_t id, struct slice host,
                        int32_t port)
{
    if (id < 0 || host.len == 0 || host.len > NODE_HOST_MAX || port < 1 || port > UINT16_MAX ||
        memchr(host.data, '\0', host.len) != NULL) {
        return false;
    }
    struct node_address *address = find(addresses, id);
    if (address != NULL && address->port == port && slice_eq_str(host, address->host)) {
        return false;
    }
    if (address == NULL) {
        if (addresses->count == addresses->cap) {
            addresses->cap = addresses->cap == 0 ? 8 : addresses->cap * 2;
            addresses->items =
                mem_realloc(addresses->items, (size_t)addresses->cap * sizeof *addresses->items);
        }
        address = &addresses->items[addresses->count++];
    }
    *address = (struct node_address){.id = id, .port = (uint16_t)port};
    memcpy(address->host, host.data, host.len);
    return true;
}

void node_addresses_fini(struct node_addresses *addresses)
{
    mem_free(addresses->items);
    *addresses = (struct node_addresses){0};
}
