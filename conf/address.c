// SPDX-License-Identifier: Apache-2.0
#include "conf/address.h"

#include "conf/units.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

enum { NAME_MAX_SIZE = 253 }; /* of a DNS name */

static const char hint[] =
    "write 127.0.0.1:5001, [::1]:5001, name:5001, unix:/path or a multiaddr like "
    "/ip4/127.0.0.1/tcp/5001";

static bool refuse(struct slice text, const char *why, struct error *err)
{
    return error_set(err, ERROR_SYNTAX, "'%.*s' %s; %s", SLICE_ARGS(text), why, hint);
}

static struct slice drop(struct slice s, size_t count)
{
    if (count == 0)
        return s; /* which may be NULL: nothing can be added to that, not even 0 */
    return (struct slice){s.data + count, s.size - count};
}

/* Cuts what stands before the separator off *rest, which then begins behind it. Without one it is
 * all of *rest. */
static struct slice cut(struct slice *rest, char separator)
{
    const char *at = rest->size > 0 ? memchr(rest->data, separator, rest->size) : NULL;
    struct slice head = *rest;

    if (at == NULL) {
        *rest = drop(*rest, rest->size);
        return head;
    }
    head.size = (size_t)(at - rest->data);
    *rest = drop(*rest, head.size + 1);
    return head;
}

static bool parse_port(struct slice text, uint16_t *port)
{
    uint64_t value;

    if (!units_parse_integer(text, &value, NULL) || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

/* The literal as bytes in network order, by inet_pton: no octal, no short forms, no scope. */
static bool parse_ip(int family, struct slice text, void *bytes)
{
    char copy[INET6_ADDRSTRLEN];

    if (text.size == 0 || text.size >= sizeof(copy))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return strlen(copy) == text.size && inet_pton(family, copy, bytes) == 1;
}

static void print_ip(struct address *address)
{
    char host[INET6_ADDRSTRLEN];

    if (address->sockaddr.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&address->sockaddr;

        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(address->text, sizeof(address->text), "%s:%u", host, address->port);
    } else {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->sockaddr;

        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(address->text, sizeof(address->text), "[%s]:%u", host, address->port);
    }
}

static void set_ipv4(struct address *address, struct in_addr host, uint16_t port)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&address->sockaddr;

    *address = (struct address){.kind = ADDRESS_IP, .size = sizeof(*in), .port = port};
    in->sin_family = AF_INET;
    in->sin_addr = host;
    in->sin_port = htons(port);
    print_ip(address);
}

static void set_ipv6(struct address *address, const struct in6_addr *host, uint16_t port)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->sockaddr;

    *address = (struct address){.kind = ADDRESS_IP, .size = sizeof(*in6), .port = port};
    in6->sin6_family = AF_INET6;
    in6->sin6_addr = *host;
    in6->sin6_port = htons(port);
    print_ip(address);
}

static bool set_unix(struct address *address, struct slice whole, struct slice path,
                     struct error *err)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&address->sockaddr;

    if (path.size == 0 || memchr(path.data, '\0', path.size) != NULL)
        return refuse(whole, "names no socket file", err);
    if (path.size >= sizeof(un->sun_path))
        return error_set(err, ERROR_LIMIT,
                         "'%.*s': the path of a unix socket has at most %zu bytes",
                         SLICE_ARGS(whole), sizeof(un->sun_path) - 1);
    *address = (struct address){.kind = ADDRESS_UNIX};
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.data, path.size);
    address->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.size + 1);
    snprintf(address->text, sizeof(address->text), "unix:%.*s", SLICE_ARGS(path));
    return true;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

/* Letters, digits, '-', '_' in labels. A name of digits and dots alone is an IPv4 address that was
 * mistyped: resolvers read such ones as octal, hexadecimal or short forms. */
static bool is_name(struct slice text)
{
    bool has_letter = false;

    if (text.size == 0 || text.size > NAME_MAX_SIZE || text.data[0] == '.' || text.data[0] == '-')
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (!is_name_char(c) || (c == '.' && i > 0 && text.data[i - 1] == '.'))
            return false;
        has_letter |= c != '.' && (c < '0' || c > '9');
    }
    return has_letter && !slice_starts(text, "0x");
}

static bool set_name(struct address *address, struct slice whole, struct slice name, uint16_t port,
                     int family, struct error *err)
{
    if (!is_name(name) || slice_is(name, "unix")) /* which would print as a socket's path */
        return refuse(whole, "has no host that can be one", err);
    *address = (struct address){.kind = ADDRESS_NAME, .port = port, .family = family};
    snprintf(address->text, sizeof(address->text), "%.*s:%u", SLICE_ARGS(name), port);
    return true;
}

/* "/ip4/HOST/tcp/PORT" and its like; a final "/http" is taken, "/https" and "/p2p/..." are not. */
static bool parse_multiaddr(struct address *address, struct slice whole, struct error *err)
{
    struct slice rest = drop(whole, 1);
    struct slice protocol = cut(&rest, '/');
    struct slice host, transport, port_text;
    struct in6_addr ipv6;
    struct in_addr ipv4;
    uint16_t port;

    if (slice_is(protocol, "unix")) /* its path begins with the slash that was cut off */
        return set_unix(address, whole, drop(whole, rest.size > 0 ? 5 : whole.size), err);
    host = cut(&rest, '/');
    transport = cut(&rest, '/');
    port_text = cut(&rest, '/');
    if (!slice_is(transport, "tcp") || (rest.size > 0 && !slice_is(rest, "http")))
        return refuse(whole, "is no multiaddr of a plain TCP or unix socket", err);
    if (!parse_port(port_text, &port))
        return refuse(whole, "has no port from 0 to 65535", err);
    if (slice_is(protocol, "ip4") && parse_ip(AF_INET, host, &ipv4)) {
        set_ipv4(address, ipv4, port);
        return true;
    }
    if (slice_is(protocol, "ip6") && parse_ip(AF_INET6, host, &ipv6)) {
        set_ipv6(address, &ipv6, port);
        return true;
    }
    if (slice_is(protocol, "dns") || slice_is(protocol, "dns4") || slice_is(protocol, "dns6"))
        return set_name(address, whole, host, port,
                        slice_is(protocol, "dns4")   ? AF_INET
                        : slice_is(protocol, "dns6") ? AF_INET6
                                                     : AF_UNSPEC,
                        err);
    return refuse(whole, "is no multiaddr of a plain TCP or unix socket", err);
}

/* "[HOST]:PORT" */
static bool parse_bracketed(struct address *address, struct slice whole, struct slice text,
                            struct error *err)
{
    struct slice rest = drop(text, 1);
    struct slice host = cut(&rest, ']');
    struct in6_addr ipv6;
    uint16_t port;

    if (!parse_ip(AF_INET6, host, &ipv6))
        return refuse(whole, "has no IPv6 address between its brackets", err);
    if (rest.size == 0 || rest.data[0] != ':' || !parse_port(drop(rest, 1), &port))
        return refuse(whole, "has no port from 0 to 65535", err);
    set_ipv6(address, &ipv6, port);
    return true;
}

/* "HOST:PORT", the host an IPv4 address or a name. */
static bool parse_host_port(struct address *address, struct slice whole, struct slice text,
                            struct error *err)
{
    struct slice rest = text;
    struct slice host = cut(&rest, ':');
    struct in6_addr ipv6;
    struct in_addr ipv4;
    uint16_t port;

    if (host.size == text.size)
        return refuse(whole, "has no port", err);
    if (parse_ip(AF_INET6, text, &ipv6))
        return refuse(whole, "is an IPv6 address without a port: its brackets are missing", err);
    if (!parse_port(rest, &port))
        return refuse(whole, "has no port from 0 to 65535", err);
    if (host.size == 0 || slice_is(host, "*"))
        return refuse(whole, "has no host: 0.0.0.0 or [::] mean every address", err);
    if (parse_ip(AF_INET, host, &ipv4)) {
        set_ipv4(address, ipv4, port);
        return true;
    }
    return set_name(address, whole, host, port, AF_UNSPEC, err);
}

bool address_parse(struct address *address, struct slice text, struct error *err)
{
    struct slice rest = text;

    *address = (struct address){0};
    if (text.size == 0)
        return error_set(err, ERROR_SYNTAX, "an address is missing; %s", hint);
    if (slice_starts(text, "unix:"))
        return set_unix(address, text, drop(text, 5), err);
    if (text.data[0] == '/')
        return parse_multiaddr(address, text, err);
    if (slice_starts(text, "https://"))
        return refuse(text, "asks for TLS, which is not spoken here", err);
    if (slice_starts(text, "http://")) {
        rest = drop(text, 7);
        if (rest.size > 0 && rest.data[rest.size - 1] == '/')
            rest.size--;
        if (rest.size == 0 || memchr(rest.data, '/', rest.size) != NULL)
            return refuse(text, "has a path: only a host and a port are asked for", err);
    }
    if (rest.data[0] == '[')
        return parse_bracketed(address, text, rest, err);
    return parse_host_port(address, text, rest, err);
}

void address_from_sockaddr(struct address *address, const struct sockaddr *sockaddr, socklen_t size)
{
    *address = (struct address){0};
    if (sockaddr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sockaddr;

        set_ipv4(address, in->sin_addr, ntohs(in->sin_port));
    } else if (sockaddr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sockaddr;
        struct in_addr mapped;

        memcpy(&mapped, in6->sin6_addr.s6_addr + 12, sizeof(mapped));
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
            set_ipv4(address, mapped, ntohs(in6->sin6_port));
        } else {
            set_ipv6(address, &in6->sin6_addr, ntohs(in6->sin6_port));
            /* A link-local peer is only reached through its interface. */
            ((struct sockaddr_in6 *)&address->sockaddr)->sin6_scope_id = in6->sin6_scope_id;
        }
    } else if (sockaddr->sa_family == AF_UNIX) {
        size_t used = size < sizeof(struct sockaddr_un) ? size : sizeof(struct sockaddr_un);
        const struct sockaddr_un *un = (const struct sockaddr_un *)&address->sockaddr;
        size_t path = used - offsetof(struct sockaddr_un, sun_path);

        address->kind = ADDRESS_UNIX;
        address->size = (socklen_t)used;
        memcpy(&address->sockaddr, sockaddr, used);
        snprintf(address->text, sizeof(address->text), "unix:%.*s", (int)path, un->sun_path);
    }
}

static bool resolve_name(const struct address *address, struct address *results, size_t max,
                         size_t *count, struct error *err)
{
    struct addrinfo hints = {.ai_family = address->family, .ai_socktype = SOCK_STREAM};
    struct slice host = address_host(address);
    struct addrinfo *found = NULL;
    char name[ADDRESS_TEXT_SIZE];
    int status;

    snprintf(name, sizeof(name), "%.*s", SLICE_ARGS(host));
    status = getaddrinfo(name, NULL, &hints, &found);
    if (status != 0)
        return error_set(err, ERROR_NOT_FOUND, "%s cannot be resolved: %s", name,
                         gai_strerror(status));
    for (const struct addrinfo *info = found; info != NULL && *count < max; info = info->ai_next) {
        struct address *result = &results[*count];

        address_from_sockaddr(result, info->ai_addr, info->ai_addrlen);
        if (result->kind != ADDRESS_IP)
            continue;
        result->port = address->port;
        if (result->sockaddr.ss_family == AF_INET)
            ((struct sockaddr_in *)&result->sockaddr)->sin_port = htons(address->port);
        else
            ((struct sockaddr_in6 *)&result->sockaddr)->sin6_port = htons(address->port);
        print_ip(result);
        (*count)++;
    }
    freeaddrinfo(found);
    return *count > 0 || error_set(err, ERROR_NOT_FOUND, "%s has no IP address", name);
}

bool address_resolve(const struct address *address, struct address *results, size_t max,
                     size_t *count, struct error *err)
{
    *count = 0;
    if (address->kind == ADDRESS_NAME)
        return resolve_name(address, results, max, count, err);
    results[0] = *address;
    *count = 1;
    return true;
}

bool sockaddr_is_loopback(const struct sockaddr *sockaddr)
{
    struct network loopback = {.family = AF_INET, .prefix_bits = 8, .bytes = {127}};
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sockaddr;

    if (sockaddr->sa_family == AF_UNIX)
        return true;
    if (sockaddr->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr))
        return true;
    return network_contains(&loopback, sockaddr);
}

bool address_is_loopback(const struct address *address)
{
    if (address->kind != ADDRESS_IP)
        return address->kind == ADDRESS_UNIX;
    return sockaddr_is_loopback((const struct sockaddr *)&address->sockaddr);
}

struct slice address_host(const struct address *address)
{
    struct slice host = slice_of(address->text);
    const char *colon = strrchr(address->text, ':');

    if (address->kind != ADDRESS_IP && address->kind != ADDRESS_NAME)
        return (struct slice){0};
    host.size = (size_t)(colon - host.data);
    if (host.data[0] == '[')
        host = (struct slice){host.data + 1, host.size - 2};
    return host;
}

/* Are the first `bits` bits of a and b equal? */
static bool prefix_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned mask = 0xff00u >> (bits % 8) & 0xff;

    return memcmp(a, b, whole) == 0 && (mask == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

bool network_parse(struct network *network, struct slice text, struct error *err)
{
    struct slice rest = text;
    struct slice host = cut(&rest, '/');
    uint64_t bits, all = 32;

    *network = (struct network){.family = AF_INET};
    if (!parse_ip(AF_INET, host, network->bytes)) {
        network->family = AF_INET6;
        all = 128;
        if (!parse_ip(AF_INET6, host, network->bytes))
            return error_set(err, ERROR_SYNTAX,
                             "'%.*s' is no network; write 10.0.0.0/8, fd00::/8 or one IP address",
                             SLICE_ARGS(text));
    }
    bits = all;
    if (host.size < text.size && (!units_parse_integer(rest, &bits, NULL) || bits > all))
        return error_set(err, ERROR_SYNTAX, "'%.*s': the prefix is a number from 0 to %u",
                         SLICE_ARGS(text), (unsigned)all);
    network->prefix_bits = (unsigned)bits;
    for (unsigned i = 0; i < all; i++)
        if (i >= bits && (network->bytes[i / 8] >> (7 - i % 8) & 1) != 0)
            return error_set(err, ERROR_SYNTAX,
                             "'%.*s' has bits set behind its prefix of %u; write the network's own "
                             "address",
                             SLICE_ARGS(text), (unsigned)bits);
    return true;
}

bool network_contains(const struct network *network, const struct sockaddr *sockaddr)
{
    const uint8_t *bytes;
    int family = sockaddr->sa_family;

    if (family == AF_INET) {
        bytes = (const uint8_t *)&((const struct sockaddr_in *)(const void *)sockaddr)->sin_addr;
    } else if (family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sockaddr;

        bytes = in6->sin6_addr.s6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
            family = AF_INET;
            bytes += 12;
        }
    } else {
        return false;
    }
    return family == network->family && prefix_equal(network->bytes, bytes, network->prefix_bits);
}
