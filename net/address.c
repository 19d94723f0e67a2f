/* Addresses and their text. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

struct address_text address_host(const struct address *address)
{
    struct address_text out = {"unknown"};
    if (address->storage.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;
        inet_ntop(AF_INET, &in->sin_addr, out.text, sizeof out.text);
    } else if (address->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->storage;
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
            inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], out.text, sizeof out.text);
        } else {
            inet_ntop(AF_INET6, &in6->sin6_addr, out.text, sizeof out.text);
        }
    }
    return out;
}

int address_port(const struct address *address)
{
    if (address->storage.ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    }
    return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
}

struct address_text address_text(const struct address *address)
{
    struct address_text host = address_host(address);
    bool bracket = strchr(host.text, ':') != NULL;
    struct address_text out;
    snprintf(out.text, sizeof out.text, "%s%.46s%s:%d", bracket ? "[" : "", host.text,
             bracket ? "]" : "", address_port(address));
    return out;
}
