// SPDX-License-Identifier: Apache-2.0
/* Addresses as operators write them: where we listen, and what we dial.
 *
 *   127.0.0.1:5001  [::1]:5001  unix:/run/ipfs.sock  localhost:5001
 *   http://127.0.0.1:5001                            the habit of HTTP users
 *   /ip4/127.0.0.1/tcp/5001  /ip6/::1/tcp/5001  /unix/run/ipfs.sock  /dns4/node/tcp/5001
 *                                                    multiaddr, the habit of IPFS users
 *
 * A name stays a name: only address_resolve looks it up, and it blocks. Values: no ownership. */
#ifndef CONF_ADDRESS_H
#define CONF_ADDRESS_H

#include "conf/error.h"
#include "conf/text.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

enum address_kind { ADDRESS_NONE = 0, ADDRESS_IP, ADDRESS_UNIX, ADDRESS_NAME };

enum { ADDRESS_TEXT_SIZE = 264 }; /* the longest name, its port, a NUL */

struct address {
    enum address_kind kind;
    socklen_t size; /* of sockaddr; 0 for a name */
    struct sockaddr_storage sockaddr;
    int family;                   /* of a name: AF_UNSPEC, AF_INET (/dns4) or AF_INET6 (/dns6) */
    uint16_t port;                /* 0 for a unix socket */
    char text[ADDRESS_TEXT_SIZE]; /* "127.0.0.1:5001", "[::1]:5001", "unix:/path", "name:5001" */
};

/* Port 0 is well formed: whether it makes sense is the caller's question. */
MUST_USE bool address_parse(struct address *address, struct slice text, struct error *err);

/* From accept(2) or getsockname(2): kind, port and text. An IPv4 address mapped into IPv6 becomes
 * IPv4. An unnamed unix peer prints as "unix:". */
void address_from_sockaddr(struct address *address, const struct sockaddr *sockaddr,
                           socklen_t size);

/* Looks a name up and fills at most max results, at least one; *count says how many. An address
 * that is no name is its own only result. BLOCKS on DNS: never call it on a loop. */
MUST_USE bool address_resolve(const struct address *address, struct address *results, size_t max,
                              size_t *count, struct error *err);

/* 127.0.0.0/8, ::1, a unix socket. A name is not, whatever it may resolve to. */
bool address_is_loopback(const struct address *address);
/* The same of a peer, without an address's text being made: for every request. */
bool sockaddr_is_loopback(const struct sockaddr *sockaddr);

/* The host of address->text: without port and brackets; empty for a unix socket. */
struct slice address_host(const struct address *address);

/* A set of IP addresses with a common beginning: "10.0.0.0/8", "fd00::/8", "192.0.2.1". */
struct network {
    int family; /* AF_INET or AF_INET6 */
    unsigned prefix_bits;
    uint8_t bytes[16];
};

/* Bits behind the prefix must be zero. */
MUST_USE bool network_parse(struct network *network, struct slice text, struct error *err);
/* An IPv4 address mapped into IPv6 is taken as IPv4. A unix socket is in no network. */
bool network_contains(const struct network *network, const struct sockaddr *sockaddr);

#endif
