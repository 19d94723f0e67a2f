/* Socket addresses as text. Private to net/. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "net/os/socket.h"

enum { ADDRESS_TEXT_MAX = 56 }; /* "[ffff:…:ffff]:65535" and its NUL; a scope may be cut */

struct address_text {
    char text[ADDRESS_TEXT_MAX];
};

/* "127.0.0.1:9092", "[::1]:9092"; an IPv4 address inside IPv6 is shown as IPv4. By value. */
struct address_text address_text(const struct address *address);

/* The same without port and brackets. */
struct address_text address_host(const struct address *address);

int address_port(const struct address *address);

#endif
