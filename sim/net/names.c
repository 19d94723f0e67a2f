/* Addresses of machines, and the names that lead to them. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/mem.h"
#include "sim/net/world.h"

static const struct sockaddr_in *in4(const struct address *address)
{
    return (const struct sockaddr_in *)&address->storage;
}

static const struct sockaddr_in6 *in6(const struct address *address)
{
    return (const struct sockaddr_in6 *)&address->storage;
}

/* The IPv4 address that it stands for. */
static struct in_addr in_addr_of(const struct address *address)
{
    struct in_addr out = {.s_addr = htonl(INADDR_ANY)};
    if (address->storage.ss_family == AF_INET) {
        out = in4(address)->sin_addr;
    } else if (IN6_IS_ADDR_LOOPBACK(&in6(address)->sin6_addr)) {
        out.s_addr = htonl(INADDR_LOOPBACK);
    } else if (IN6_IS_ADDR_V4MAPPED(&in6(address)->sin6_addr)) {
        memcpy(&out.s_addr, &in6(address)->sin6_addr.s6_addr[12], sizeof out.s_addr);
    }
    return out;
}

struct sim_host *sim_host_of(const struct sim_host *asks, const struct address *address)
{
    struct sim_net *net = asks->net;
    struct in_addr at = in_addr_of(address);
    if (at.s_addr == htonl(INADDR_ANY) || at.s_addr == htonl(INADDR_LOOPBACK)) {
        return net->hosts[asks->index];
    }
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &at, text, sizeof text);
    for (int i = 0; i < net->host_count; i++) {
        if (strcmp(net->hosts[i]->address, text) == 0) {
            return net->hosts[i];
        }
    }
    return NULL;
}

static void add_address(struct address_list *out, struct in_addr at, int port)
{
    struct address *item = &out->items[out->count++];
    *item = (struct address){.len = sizeof(struct sockaddr_in)};
    struct sockaddr_in *in = (struct sockaddr_in *)&item->storage;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    in->sin_addr = at;
}

static bool resolve_number(const char *host, int port, struct address_list *out)
{
    struct in_addr at;
    struct in6_addr at6;
    if (inet_pton(AF_INET, host, &at) == 1) {
        add_address(out, at, port);
        return true;
    }
    if (inet_pton(AF_INET6, host, &at6) == 1) {
        struct address *item = &out->items[out->count++];
        *item = (struct address){.len = sizeof(struct sockaddr_in6)};
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)&item->storage;
        in->sin6_family = AF_INET6;
        in->sin6_port = htons((uint16_t)port);
        in->sin6_addr = at6;
        return true;
    }
    return false;
}

static const struct sim_host *find_name(const struct sim_net *net, const char *name)
{
    LIST_EACH(node, &net->names)
    {
        const struct sim_name *known = LIST_ENTRY(node, struct sim_name, link);
        if (strcmp(known->name, name) == 0) {
            return known->host;
        }
    }
    for (int i = 0; i < net->host_count; i++) {
        if (strcmp(net->hosts[i]->name, name) == 0) {
            return net->hosts[i];
        }
    }
    return NULL;
}

const char *os_resolve(const char *host, int port, bool numeric_only, struct address_list *out)
{
    const struct sim_host *here = sim_here();
    out->count = 0;
    if (resolve_number(host, port, out)) {
        return NULL;
    }
    if (numeric_only) {
        return "Name or service not known";
    }
    if (strcmp(host, "localhost") == 0) {
        add_address(out, (struct in_addr){.s_addr = htonl(INADDR_LOOPBACK)}, port);
        return NULL;
    }
    if (here->dns_down) {
        sim_net_fault(here->net, "name not resolved");
        return "Temporary failure in name resolution";
    }
    const struct sim_host *found = find_name(here->net, host);
    if (found == NULL) {
        return "Name or service not known";
    }
    resolve_number(found->address, port, out);
    return NULL;
}

void sim_net_set_name(struct sim_net *net, const char *name, const struct sim_host *host)
{
    LIST_EACH(node, &net->names)
    {
        struct sim_name *known = LIST_ENTRY(node, struct sim_name, link);
        if (strcmp(known->name, name) == 0) {
            known->host = host;
            return;
        }
    }
    struct sim_name *known = MEM_NEW(struct sim_name);
    known->name = mem_strdup(name);
    known->host = host;
    list_add_tail(&net->names, &known->link);
}

void sim_host_fail_accepts(struct sim_host *host, uint32_t times)
{
    host->accepts_fail = times;
}

void sim_host_set_dns_down(struct sim_host *host, bool down)
{
    host->dns_down = down;
}
