/* Names by the system's resolver. */
#include <netdb.h>
#include <stdio.h>

#include "net/os/socket.h"

static void add_family(struct address_list *out, const struct addrinfo *info, int family)
{
    for (; info != NULL && out->count < ADDRESSES_MAX; info = info->ai_next) {
        if (info->ai_family == family && info->ai_addrlen <= sizeof(struct sockaddr_storage)) {
            struct address *item = &out->items[out->count++];
            memcpy(&item->storage, info->ai_addr, info->ai_addrlen);
            item->len = info->ai_addrlen;
        }
    }
}

const char *os_resolve(const char *host, int port, bool numeric_only, struct address_list *out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    hints.ai_flags = AI_NUMERICSERV | (numeric_only ? AI_NUMERICHOST : 0);
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo *found = NULL;
    out->count = 0;
    int rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0) {
        return gai_strerror(rc);
    }
    add_family(out, found, AF_INET);
    add_family(out, found, AF_INET6);
    freeaddrinfo(found);
    return out->count > 0 ? NULL : "no usable address";
}
