/* Addresses: host names to socket addresses and those to text. Private to net/. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <sys/socket.h>

#include "net/loop.h"

enum {
    ADDRESSES_MAX = 8,    /* of one name; more are ignored */
    ADDRESS_TEXT_MAX = 56 /* "[ffff:…:ffff]:65535" and its NUL; a scope may be cut */
};

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

struct address_list {
    struct address items[ADDRESSES_MAX];
    int count;
};

struct address_text {
    char text[ADDRESS_TEXT_MAX];
};

/* "127.0.0.1:9092", "[::1]:9092"; an IPv4 address inside IPv6 is shown as IPv4. By value. */
struct address_text address_text(const struct address *address);

/* The same without port and brackets. */
struct address_text address_host(const struct address *address);

int address_port(const struct address *address);

/* IPv4 first. May block unless `numeric_only`. NULL, or why not: a text that need not be freed. */
const char *address_resolve(const char *host, int port, bool numeric_only,
                            struct address_list *out);

#endif
